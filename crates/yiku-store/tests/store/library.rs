//! A small city: one library, four resources, and rows for them.

use std::{collections::BTreeMap, sync::Arc};

use yiku_core::{
    code_list::{self, CodeLists},
    contract::{Checked, Contract, MappedRow, Verdict},
    entry::{self, EntryName, EntryVersion, Version},
    library::{self, Merging},
    operation::Operation,
    row_version::{RowVersion, VersionParts},
};
use yiku_store::{
    Store, StoreError, cursor,
    merge::{self, Brought, Decoded, MergeOutcome, MergeRow, MergeTask, Merger, Plan},
    sql::{self, Value},
};

/// A city with its catalog, its store, and a bus that the test itself is.
pub(crate) struct City {
    pub(crate) store: Store,
    pub(crate) merger: Merger,
    pub(crate) contracts: Vec<Arc<Contract>>,
    pub(crate) at_ms: i64,
    _folder: tempfile::TempDir,
}

/// A row as a test writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) entry: &'static str,
    /// `None`: a delete; then only the key counts.
    pub(crate) cells: Option<Vec<Option<String>>>,
    pub(crate) key: String,
    pub(crate) version: VersionParts,
}

/// A row as it stands on the bus.
#[derive(Clone, Debug)]
pub(crate) struct OnBus {
    pub(crate) version_of_entry: Version,
    pub(crate) key: String,
    pub(crate) version: RowVersion,
    pub(crate) operation: Operation,
    pub(crate) body: Vec<u8>,
}

fn entry_text(name: &str, version: &str, key: &str, items: &str, feeds: &str) -> String {
    format!(
        r#"
entry: {name}
version: "{version}"
code: "307021000/000006"
name: {{ zh: 例, en: Sample }}
summary: {{ zh: 例, en: Sample }}
attribute: base/population
level: department
format: {{ class: database, kind: mysql }}
source_system: 例
update: daily
related: []
basis: 例
secrecy: none
grading: {{ category: 例, grade: general-3 }}
review: {{ secrecy: passed, personal_impact: P, approved_by: 例, approved_on: "2026-06-18" }}
share: {{ class: unconditional, modes: [batch] }}
open: {{ class: closed }}
key: [{key}]
order_by: at
items:
  at: {{ zh: 时间, type: integer }}
{items}
feeds:
{feeds}
examples:
  valid: []
  invalid: []
"#
    )
}

fn lists() -> CodeLists {
    let mut lists = CodeLists::default();
    for text in [
        include_str!("../../../../catalog/codelists/update-cycle.yaml"),
        include_str!("../../../../catalog/codelists/grade.yaml"),
    ] {
        lists.insert(code_list::parse("list.yaml", text, |_| None).expect("a list"));
    }
    lists
}

const PERSON: &str = "  - { entity: population.person, key";

fn entries(lists: &CodeLists) -> Vec<EntryVersion> {
    let text =
        |name: &str| format!("  {name}: {{ zh: 例, type: text, length: 40, optional: true }}\n");
    let key = |name: &str| format!("  {name}: {{ zh: 例, type: text, length: 40 }}\n");
    let texts = [
        entry_text(
            "ps/household",
            "1.0.0",
            "id",
            &(key("id")
                + &text("name")
                + &text("division")
                + "  height: { zh: 高, type: integer, optional: true }\n"),
            &format!("{PERSON}: id, set: [name, division, height] }}"),
        ),
        entry_text(
            "ca/marriage",
            "1.0.0",
            "certificate",
            &(key("certificate") + &text("husband") + &text("wife") + &text("name")),
            &format!(
                "{PERSON}: husband, set: {{ marital: {{ const: \"20\" }}, name: name }} }}\n\
                 {PERSON}: wife, set: {{ marital: {{ const: \"20\" }} }} }}"
            ),
        ),
        entry_text(
            "ca/divorce",
            "1.0.0",
            "certificate",
            &(key("certificate") + &text("husband") + &text("wife")),
            &format!(
                "{PERSON}: husband, set: {{ marital: {{ const: \"40\" }} }} }}\n\
                 {PERSON}: wife, set: {{ marital: {{ const: \"40\" }} }} }}"
            ),
        ),
        entry_text(
            "he/death",
            "1.0.0",
            "id",
            &(key("id") + &text("died")),
            &format!("{PERSON}: id, set: {{ death: died }} }}"),
        ),
    ];
    let parse = |text: &String| {
        entry::parse("e.yaml", text, lists).unwrap_or_else(|problems| panic!("{problems:?}"))
    };
    texts.iter().map(parse).collect()
}

const LIBRARY: &str = "
library: population
name: { zh: 人口库, en: Population }
entities:
  person:
    name: { zh: 自然人, en: Person }
    key: id
    items:
      id:       { zh: 号码, type: text, length: 40 }
      name:     [ps/household, ca/marriage]
      division: [ps/household]
      height:   [ps/household]
      marital:  { zh: 婚姻状况, type: text, length: 2, from: [[ca/marriage, ca/divorce]] }
      death:    [he/death]
    ends: { dead: death }
";

impl City {
    pub(crate) async fn new() -> Self {
        Self::with_library(LIBRARY).await
    }

    pub(crate) async fn with_library(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::new_store(folder.path(), 1).await.expect("a store");
        let lists = lists();
        let entries = entries(&lists);
        let contracts: Vec<_> = entries
            .iter()
            .map(|entry| Contract::compile(Arc::new(entry.clone()), &lists).expect("it compiles"))
            .map(Arc::new)
            .collect();
        let by_name: BTreeMap<_, _> =
            entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        let library = library::parse("l.yaml", text, &by_name, &lists)
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        let merging = Merging::new([&library], contracts.iter().cloned());
        let mut tx = store.begin().await.expect("the writer");
        let merger = Merger::prepare(&mut tx, Arc::new(merging)).await.expect("tables");
        tx.commit().await.expect("durable");
        Self { store, merger, contracts, at_ms: 1000, _folder: folder }
    }

    /// A row as the bus would hold it.
    pub(crate) fn encode(&self, said: &Said) -> OnBus {
        let contract = self
            .contracts
            .iter()
            .find(|contract| contract.entry().name.as_str() == said.entry)
            .expect("a known entry");
        let entry = contract.entry();
        let mut work = Checked::default();
        if let Some(cells) = &said.cells {
            let mut row = MappedRow::new(entry.items.len());
            let order_by = said.version.order_by.to_string();
            row.cells.push(Some(&order_by));
            cells.iter().for_each(|cell| row.cells.push(cell.as_deref()));
            let verdict = contract.check(&row, &mut work);
            assert_eq!(verdict, Verdict::Accepted, "{said:?} {:?}", work.findings);
            assert_eq!(work.key, said.key);
            assert_eq!(work.order_by, said.version.order_by);
        }
        OnBus {
            version_of_entry: entry.version,
            key: said.key.clone(),
            version: RowVersion::new(said.version),
            operation: if said.cells.is_some() { Operation::Upsert } else { Operation::Delete },
            body: work.body,
        }
    }

    /// Merges rows of one resource that follow each other on its topic.
    pub(crate) async fn merge(
        &mut self,
        entry: &str,
        from: u64,
        rows: &[OnBus],
    ) -> Result<MergeOutcome, StoreError> {
        let batch = Batch::new(entry, from, rows);
        let plan = self.plan(&batch, None).await?.expect("nothing is being written");
        self.write(&batch, &plan).await?;
        Ok(plan.outcome())
    }

    /// Merges two batches that follow each other, the second planned before the first is written;
    /// says whether that could be.
    pub(crate) async fn merge_both(
        &mut self,
        entry: &str,
        from: u64,
        first: &[OnBus],
        second: &[OnBus],
    ) -> Result<bool, StoreError> {
        let second = Batch::new(entry, from + first.len() as u64, second);
        let first = Batch::new(entry, from, first);
        let now = self.plan(&first, None).await?.expect("nothing is being written");
        let ahead = self.plan(&second, Some(&now)).await?;
        self.write(&first, &now).await?;
        let could_be = ahead.is_some();
        let next = match ahead {
            Some(next) => next,
            None => self.plan(&second, None).await?.expect("nothing is being written"),
        };
        self.write(&second, &next).await?;
        Ok(could_be)
    }

    async fn plan<'b>(
        &mut self,
        batch: &'b Batch<'_>,
        behind: Option<&Plan<'_>>,
    ) -> Result<Option<Plan<'b>>, StoreError> {
        self.at_ms += 10;
        let rows = batch.rows();
        // Every other batch is decoded ahead: it makes no difference.
        let merging = self.merger.merging();
        let ahead = self.at_ms % 20 == 0;
        let decoded = ahead.then(|| Decoded::of(merging, &batch.resource, &rows)).flatten();
        let brought = Brought { rows: &rows, decoded: decoded.as_ref(), at_ms: self.at_ms };
        let mut db = self.store.reader().await?;
        merge::plan(&mut db, &self.merger, &batch.task(), brought, behind).await
    }

    async fn write(&self, batch: &Batch<'_>, plan: &Plan<'_>) -> Result<(), StoreError> {
        let (from, to) = (batch.from, batch.from + batch.rows.len() as u64);
        let (unit, topic, topic_id) = (batch.unit.as_str(), batch.topic.as_str(), "t");
        let read = cursor::Read { unit, topic, topic_id, partition: 0, from, to };
        let mut tx = self.store.begin().await?;
        merge::write(&mut tx, &self.merger, &batch.task(), read, plan).await?;
        tx.commit().await
    }

    /// Encodes and merges rows of one resource, all in one batch.
    pub(crate) async fn say(
        &mut self,
        entry: &'static str,
        from: u64,
        rows: &[Said],
    ) -> MergeOutcome {
        let rows: Vec<_> = rows.iter().map(|row| self.encode(row)).collect();
        self.merge(entry, from, &rows).await.expect("merged")
    }

    /// All rows of a query as text, NULL as `-`.
    pub(crate) async fn table(&self, sql: &str) -> Vec<String> {
        let mut db = self.store.reader().await.expect("a reader");
        let rows = sql::query(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut db)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let cell = |value: Value<'_>| match value {
            Value::Int(Some(number)) => number.to_string(),
            Value::Text(Some(text)) => text.into_owned(),
            Value::Blob(Some(bytes)) => yiku_core::text_bytes::to_hex(&bytes),
            Value::Int(None) | Value::Text(None) | Value::Blob(None) => "-".to_owned(),
        };
        let line = |row: &sql::Row| {
            let values = row.values().unwrap_or_else(|error| panic!("{sql}: {error}"));
            values.into_iter().map(cell).collect::<Vec<_>>().join(" ")
        };
        rows.iter().map(line).collect()
    }
}

/// Rows of one resource that follow each other on its topic.
struct Batch<'r> {
    resource: EntryName,
    topic: String,
    unit: String,
    from: u64,
    rows: &'r [OnBus],
}

impl<'r> Batch<'r> {
    fn new(entry: &str, from: u64, rows: &'r [OnBus]) -> Self {
        let topic = format!("entry.{}", entry.replace('/', "."));
        let (resource, unit) = (entry.parse().expect("a name"), format!("merge/{entry}"));
        Self { resource, topic, unit, from, rows }
    }

    fn task(&self) -> MergeTask<'_> {
        MergeTask { bus: "b", topic: &self.topic, partition: 0, resource: &self.resource }
    }

    fn rows(&self) -> Vec<MergeRow<'r>> {
        let row = |(row, offset): (&'r OnBus, u64)| MergeRow {
            offset,
            entry: row.version_of_entry,
            key: &row.key,
            version: row.version,
            operation: row.operation,
            body: &row.body,
        };
        self.rows.iter().zip(self.from..).map(row).collect()
    }
}

/// An upsert with a version of `order_by` and `row`.
pub(crate) fn row(entry: &'static str, at: (i64, u32), cells: &[&str]) -> Said {
    let cell = |text: &&str| (!text.is_empty()).then(|| (*text).to_owned());
    Said {
        entry,
        cells: Some(cells.iter().map(cell).collect()),
        key: cells[0].to_owned(),
        version: VersionParts { order_by: at.0, line: 1, order: 1, row: at.1, attempt: 0 },
    }
}

/// A delete.
pub(crate) fn gone(entry: &'static str, at: (i64, u32), key: &str) -> Said {
    Said { cells: None, ..row(entry, at, &[key]) }
}
