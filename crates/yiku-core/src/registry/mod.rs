//! Schemas by number, as clients of the bus know them: each published entry version has an Avro
//! schema, that of its bodies on the bus, and a JSON Schema twin for who sends JSON. A schema's
//! number and text never change.
//!
//! | subject | its versions |
//! |---|---|
//! | `entry.<department>.<resource>-value` | the Avro schemas, in the order of publication |
//! | `entry.<department>.<resource>.json-value` | their JSON Schema twins |
//! | `library.<library>.<entity>-value` | the Avro schemas of an entity's rows, as they changed |
//! | `library.<library>.<entity>.json-value` | their JSON Schema twins |

mod compatibility;
mod form;
mod json_compatibility;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    code_list::CodeLists,
    derive,
    entry::{EntryName, EntryVersion, Version},
    library::{self, Entity},
};

pub use form::{Candidate, InvalidSchema};

/// How a schema is written.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// Avro, as the bus carries it.
    Avro,
    /// JSON Schema.
    Json,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Avro, Self::Json];

    /// `AVRO` or `JSON`, as clients call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
        }
    }

    /// The format of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// What a schema is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SchemaOf {
    /// The rows of a published entry version.
    Entry(EntryName, Version),
    /// The rows of an entity, `population.person`.
    Entity(String),
}

/// A schema as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptSchema {
    /// Its number, unique for ever.
    pub id: u32,
    /// What it is of.
    pub of: SchemaOf,
    /// How it is written.
    pub format: Format,
    /// The schema.
    pub text: String,
}

/// A schema under its subject.
#[derive(Debug)]
pub struct RegisteredSchema {
    /// The schema.
    pub kept: KeptSchema,
    /// The subject it stands under.
    pub subject: String,
    /// Its number there, from 1.
    pub number: u32,
    /// What it is compared by.
    own: Option<Candidate>,
}

/// All of them. They only ever grow in number.
#[derive(Debug, Default)]
pub struct Registry {
    schemas: BTreeMap<u32, Arc<RegisteredSchema>>,
    subjects: BTreeMap<String, Vec<Arc<RegisteredSchema>>>,
    by_form: HashMap<String, Vec<Arc<RegisteredSchema>>>,
}

impl Registry {
    /// The registry of these schemas.
    pub fn new(kept: impl IntoIterator<Item = KeptSchema>) -> Self {
        let mut kept: Vec<_> = kept.into_iter().collect();
        kept.sort_by_key(|one| one.id);
        let mut registry = Self::default();
        for kept in kept {
            registry.insert(kept);
        }
        registry
    }

    fn insert(&mut self, kept: KeptSchema) {
        let subject = subject(&kept.of.topic(), kept.format);
        let versions = self.subjects.entry(subject.clone()).or_default();
        let number = versions.len() as u32 + 1;
        let own = Candidate::read(kept.format, &kept.text, &[]).ok();
        let schema = Arc::new(RegisteredSchema { kept, subject, number, own });
        versions.push(schema.clone());
        if let Some(own) = &schema.own {
            self.by_form.entry(own.form().to_owned()).or_default().push(schema.clone());
        }
        self.schemas.insert(schema.kept.id, schema);
    }

    /// The schema of this number.
    pub fn schema(&self, id: u32) -> Option<&Arc<RegisteredSchema>> {
        self.schemas.get(&id)
    }

    /// The number of an entry version's schema.
    pub fn number_of(&self, entry: &EntryName, version: Version, format: Format) -> Option<u32> {
        let versions = self.versions(&subject(&entry.topic(), format))?;
        let of_version = |one: &&Arc<RegisteredSchema>| match &one.kept.of {
            SchemaOf::Entry(_, own) => *own == version,
            SchemaOf::Entity(_) => false,
        };
        versions.iter().find(of_version).map(|one| one.kept.id)
    }

    /// The newest schema of an entity's rows.
    pub fn newest_of(&self, entity: &str, format: Format) -> Option<&Arc<RegisteredSchema>> {
        self.versions(&subject(&library::topic_of(entity), format))?.last()
    }

    /// All schemas by number.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<RegisteredSchema>> {
        self.schemas.values()
    }

    /// The names of the subjects.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.subjects.keys().map(String::as_str)
    }

    /// The versions of a subject, oldest first; the last one is its latest.
    pub fn versions(&self, subject: &str) -> Option<&[Arc<RegisteredSchema>]> {
        self.subjects.get(subject).map(Vec::as_slice)
    }

    /// The published schema that is equal to this one, of a subject or else of all. Of several, the
    /// one that is equal to the last word, or else the first that was published.
    pub fn equal(
        &self,
        candidate: &Candidate,
        subject: Option<&str>,
    ) -> Option<&Arc<RegisteredSchema>> {
        let alike = self.by_form.get(candidate.form())?;
        let alike = alike.iter().filter(|one| subject.is_none_or(|own| one.subject == own));
        let wordy = |one: &&Arc<RegisteredSchema>| {
            one.own.as_ref().is_some_and(|own| own.words() == candidate.words())
        };
        alike.clone().find(wordy).or_else(|| alike.min_by_key(|one| one.kept.id))
    }
}

impl RegisteredSchema {
    /// What keeps a reader with the candidate's schema from reading what was written by this one;
    /// empty when nothing does.
    pub fn obstacles(&self, candidate: &Candidate) -> Vec<String> {
        match &self.own {
            Some(own) => compatibility::obstacles(own, candidate),
            None => vec!["the published schema cannot be compared".to_owned()],
        }
    }
}

impl SchemaOf {
    /// The topic of the rows.
    fn topic(&self) -> String {
        match self {
            Self::Entry(entry, _) => entry.topic(),
            Self::Entity(entity) => library::topic_of(entity),
        }
    }

    /// The entry, if it is of one.
    pub fn entry(&self) -> Option<&EntryName> {
        match self {
            Self::Entry(entry, _) => Some(entry),
            Self::Entity(_) => None,
        }
    }
}

/// The subject of a topic's schemas of a format.
fn subject(topic: &str, format: Format) -> String {
    match format {
        Format::Avro => format!("{topic}-value"),
        Format::Json => format!("{topic}.json-value"),
    }
}

/// The text under which a version is registered, derived when it is published.
pub fn text(entry: &EntryVersion, lists: &CodeLists, format: Format) -> String {
    match format {
        Format::Avro => derive::avro_schema(entry).to_string(),
        Format::Json => {
            let mut schema = derive::json_schema(entry, lists);
            // Lists grow without a new version of the entry: a text for ever only names them.
            let properties = schema["properties"].as_object_mut().into_iter().flatten();
            for keywords in properties.filter_map(|(_, property)| property.as_object_mut()) {
                if keywords.contains_key(LIST) {
                    keywords.shift_remove("enum");
                }
            }
            schema.to_string()
        }
    }
}

/// The text under which the schema of an entity's rows is registered.
pub fn entity_text(entity: &Entity, format: Format) -> String {
    match format {
        Format::Avro => derive::entity_avro_schema(entity).to_string(),
        Format::Json => derive::entity_json_schema(entity).to_string(),
    }
}

/// The keyword that names the code list of a property's values.
const LIST: &str = "x-yiku-code-list";

#[cfg(test)]
mod tests;
