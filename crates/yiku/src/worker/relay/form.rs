//! Changes of an entity as records of its topic.

use std::collections::HashMap;

use yiku_bus::{Operation, Records};
use yiku_core::{
    batch::Row,
    library::{Entity, Unencodable},
    row_version::{RowVersion, VersionParts},
};
use yiku_store::{
    Connection, StoreError,
    change::{self, Change},
    image::Reader,
    subject::{self, Subject},
};

/// The entity's subject with the items that the catalog gives it; `None` while its tables are not
/// there, or not yet as the catalog has them.
pub(super) async fn subject_of(
    db: &mut Connection,
    entity: &Entity,
) -> Result<Option<Subject>, StoreError> {
    let Some(subject) = subject::get(db, &entity.full_name()).await? else { return Ok(None) };
    let columns = entity.columns();
    let is_there = |name: &str| subject.columns.iter().any(|column| column.name == name);
    let all_there = columns.iter().all(|column| is_there(&column.name));
    Ok(all_there.then_some(Subject { columns, ..subject }))
}

/// The newest state of each key of the next changes after `from`, and the last of these changes;
/// `None` when there is no more.
pub(super) async fn next(
    db: &mut Connection,
    entity: &Entity,
    subject: &Subject,
    from: u64,
) -> anyhow::Result<Option<(Records, u64)>> {
    let mut most = CHANGES_MAX;
    loop {
        let changes = change::read(db, subject.id, from, most).await?;
        let Some(to) = changes.last().map(|last| last.number) else { return Ok(None) };
        let changes = folded(changes);
        let images = Reader::entity(subject).left_by(db, &changes).await?;
        let mut rows = Rows::default();
        for (index, change) in changes.iter().enumerate() {
            let left = images.after(index).filter(|left| left.ended.is_none());
            rows.push(entity, &change.key, change.number, left.map(|left| left.row))?;
        }
        if rows.records.as_bytes().len() <= BYTES_MAX || most == 1 {
            return Ok(Some((rows.records, to)));
        }
        most = most.div_ceil(2);
    }
}

/// The last change of each key, in their order.
fn folded(mut changes: Vec<Change>) -> Vec<Change> {
    let newest: HashMap<String, u64> =
        changes.iter().map(|change| (change.key.clone(), change.number)).collect();
    changes.retain(|change| newest[&change.key] == change.number);
    changes
}

/// Records that are being made.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) records: Records,
    body: Vec<u8>,
}

impl Rows {
    /// Appends the row that a change left; without one, that the key has none any more.
    pub(super) fn push(
        &mut self,
        entity: &Entity,
        key: &str,
        change: u64,
        row: Option<Row<'_>>,
    ) -> Result<(), Unencodable> {
        let version = RowVersion::new(VersionParts { order: change, ..VersionParts::default() });
        self.body.clear();
        let operation = match row {
            None => Operation::Delete,
            Some(row) => {
                entity.encode(&row, &mut self.body)?;
                Operation::Upsert
            }
        };
        self.records.push(key, &version, operation, &self.body);
        Ok(())
    }
}

/// Of one append.
const CHANGES_MAX: usize = 5_000;
const BYTES_MAX: usize = 4 << 20;
