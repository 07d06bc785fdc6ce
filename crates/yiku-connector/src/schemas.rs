//! The published schemas, for kinds whose rows name theirs by number.

use std::{fmt, sync::Arc};

use yiku_core::registry::{RegisteredSchema, Registry};

/// The published schemas as they stand whenever they are asked for. Cheap to clone.
#[derive(Clone)]
pub struct Schemas(Arc<dyn Fn() -> Arc<Registry> + Send + Sync>);

impl Schemas {
    /// Schemas that are looked up anew each time.
    pub fn new(now: impl Fn() -> Arc<Registry> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The schema of this number, if one is published under it.
    pub fn find(&self, id: u32) -> Option<Arc<RegisteredSchema>> {
        (self.0)().schema(id).cloned()
    }
}

impl Default for Schemas {
    /// None at all.
    fn default() -> Self {
        Self::new(Arc::default)
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schemas")
    }
}
