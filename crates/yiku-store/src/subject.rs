//! What has records, rows and a log of changes: resources and entities, and their tables.
//!
//! Tables are made at run time from the items of an entry or entity. Names of items are checked by
//! the catalog (`[a-z][a-z0-9_]*`) and once more here; the hub's own columns begin with `_`.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use yiku_core::{
    derive::{ColumnType, TableColumn},
    digest,
    entry::EntryName,
    library::Entity,
};

use crate::{Connection, StoreError, Tx, migration::ddl, sql};

/// A resource or an entity, as the store knows it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its number.
    pub id: i64,
    /// Whether it has records or rows.
    pub kind: SubjectKind,
    /// `public-security/household` or `population.person`.
    pub name: String,
    /// What stands after `record_` or `entity_` in the names of its tables.
    pub table: String,
    /// The items that its tables have. A resource's records are bodies: none.
    pub columns: Vec<TableColumn>,
    /// By what its rows were folded; differs from [`form`] when they must be folded again.
    pub form: String,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A resource: one record per key.
    Resource,
    /// An entity of a library.
    Entity,
}

/// The subject of this name, if it ever had a row or could have.
pub async fn get(db: &mut Connection, name: &str) -> Result<Option<Subject>, StoreError> {
    let sql = "SELECT id, kind, name, table_name, columns, form FROM subject WHERE name = $1";
    let row = sql::query(sql).bind(name).fetch_optional(db).await?;
    row.map(|row| from_row(&row)).transpose()
}

/// All subjects, resources first, by name.
pub async fn list(db: &mut Connection) -> Result<Vec<Subject>, StoreError> {
    let sql = "SELECT id, kind, name, table_name, columns, form FROM subject
               ORDER BY kind DESC, name";
    sql::query(sql).fetch_all(db).await?.iter().map(from_row).collect()
}

/// What tells one way of folding an entity from another.
pub fn form(entity: &Entity) -> String {
    let items: Vec<_> =
        entity.items.iter().map(|item| (&item.name, item.kind.as_str(), &item.ranks)).collect();
    let text = format!("{:?} {:?} {:?} {:?}", entity.key, items, entity.sources, entity.ends);
    yiku_core::text_bytes::to_hex(&digest::sha256(text.as_bytes())[..16])
}

/// The resource's subject and tables, made when they are not there.
pub(crate) async fn ensure_resource(
    tx: &mut Tx,
    resource: &EntryName,
) -> Result<Subject, StoreError> {
    if let Some(subject) = get(tx, resource.as_str()).await? {
        return Ok(subject);
    }
    let id = next_id(tx).await?;
    let subject = Subject {
        id,
        kind: SubjectKind::Resource,
        name: resource.to_string(),
        table: format!("r{id}"),
        columns: Vec::new(),
        form: String::new(),
    };
    insert(tx, &subject).await?;
    let table = &subject.table;
    for sql in [
        format!(
            "CREATE TABLE record_{table} (
                 _id      INTEGER PRIMARY KEY,
                 key      TEXT   NOT NULL UNIQUE,
                 version  BYTEA  NOT NULL,
                 seen     BYTEA,
                 entry    TEXT   NOT NULL,
                 body     BYTEA,
                 part     BIGINT NOT NULL,
                 place    BIGINT NOT NULL,
                 change   BIGINT NOT NULL,
                 at       BIGINT NOT NULL,
                 doubled  BIGINT NOT NULL
             )"
        ),
        format!(
            "CREATE TABLE past_{table} (
                 key      TEXT   NOT NULL,
                 _from    BIGINT NOT NULL,
                 _to      BIGINT NOT NULL,
                 _from_at BIGINT NOT NULL,
                 _to_at   BIGINT NOT NULL,
                 entry    TEXT   NOT NULL,
                 body     BYTEA,
                 part     BIGINT NOT NULL,
                 place    BIGINT NOT NULL,
                 PRIMARY KEY (key, _from)
             )"
        ),
        format!(
            "CREATE TABLE late_{table} (
                 key      TEXT   NOT NULL,
                 version  BYTEA  NOT NULL,
                 entry    TEXT   NOT NULL,
                 body     BYTEA,
                 part     BIGINT NOT NULL,
                 place    BIGINT NOT NULL,
                 at       BIGINT NOT NULL,
                 PRIMARY KEY (part, place)
             )"
        ),
        format!("CREATE INDEX late_{table}_by_key ON late_{table} (key)"),
    ] {
        execute(tx, sql).await?;
    }
    Ok(subject)
}

/// The entity's subject and tables, made or widened to its items.
pub(crate) async fn ensure_entity(tx: &mut Tx, entity: &Entity) -> Result<Subject, StoreError> {
    let columns = entity.columns();
    for column in &columns {
        check_name(&column.name)?;
    }
    match get(tx, &entity.full_name()).await? {
        Some(subject) => widen(tx, subject, columns).await,
        None => make_entity(tx, entity, columns).await,
    }
}

/// Notes that every row was folded by this form.
pub(crate) async fn set_form(tx: &mut Tx, id: i64, form: &str) -> Result<(), StoreError> {
    let sql = "UPDATE subject SET form = $2 WHERE id = $1";
    sql::query(sql).bind(id).bind(form).execute(tx).await?;
    Ok(())
}

async fn make_entity(
    tx: &mut Tx,
    entity: &Entity,
    columns: Vec<TableColumn>,
) -> Result<Subject, StoreError> {
    let subject = Subject {
        id: next_id(tx).await?,
        kind: SubjectKind::Entity,
        name: entity.full_name(),
        table: entity.table_name(),
        columns,
        form: form(entity),
    };
    check_name(&subject.table)?;
    insert(tx, &subject).await?;
    let table = &subject.table;
    let items: String =
        subject.columns.iter().map(|column| ",\n".to_owned() + &line(column)).collect();
    for sql in [
        format!(
            "CREATE TABLE entity_{table} (
                 _id     INTEGER PRIMARY KEY,
                 _key    TEXT   NOT NULL UNIQUE,
                 _ended  TEXT,
                 _change BIGINT NOT NULL,
                 _at     BIGINT NOT NULL{items}
             )"
        ),
        format!(
            "CREATE TABLE history_{table} (
                 _key     TEXT   NOT NULL,
                 _ended   TEXT,
                 _from    BIGINT NOT NULL,
                 _to      BIGINT NOT NULL,
                 _from_at BIGINT NOT NULL,
                 _to_at   BIGINT NOT NULL{items},
                 PRIMARY KEY (_key, _from)
             )"
        ),
        format!(
            "CREATE TABLE link_{table} (
                 entity_key TEXT   NOT NULL,
                 source     BIGINT NOT NULL,
                 record_key TEXT   NOT NULL,
                 PRIMARY KEY (entity_key, source, record_key)
             )"
        ),
        format!(
            "CREATE TABLE conflict_{table} (
                 _key         TEXT NOT NULL,
                 item         TEXT NOT NULL,
                 taken_from   TEXT NOT NULL,
                 taken_value  TEXT NOT NULL,
                 other_source TEXT NOT NULL,
                 other_value  TEXT NOT NULL,
                 PRIMARY KEY (_key, item, other_source)
             )"
        ),
    ] {
        execute(tx, sql).await?;
    }
    Ok(subject)
}

/// Adds columns for new items. Items that are no more keep theirs.
async fn widen(
    tx: &mut Tx,
    mut subject: Subject,
    columns: Vec<TableColumn>,
) -> Result<Subject, StoreError> {
    let mut all = subject.columns.clone();
    for column in &columns {
        match subject.columns.iter().find(|known| known.name == column.name) {
            Some(known) if holds_number(known) != holds_number(column) => {
                let (name, item) = (&subject.name, &column.name);
                return Err(StoreError::Refused {
                    zh: format!("{name} 的 `{item}` 换了类型；请用新的名称"),
                    en: format!("`{item}` of {name} has another type now; give it a new name"),
                });
            }
            Some(_) => {}
            None => {
                for table in ["entity", "history"] {
                    let name = &subject.table;
                    let sql = format!("ALTER TABLE {table}_{name} ADD COLUMN {}", line(column));
                    execute(tx, sql).await?;
                }
                all.push(column.clone());
            }
        }
    }
    if all.len() != subject.columns.len() {
        let sql = "UPDATE subject SET columns = $2 WHERE id = $1";
        sql::query(sql).bind(subject.id).bind(to_json(&all)).execute(tx).await?;
    }
    subject.columns = columns;
    Ok(subject)
}

fn line(column: &TableColumn) -> String {
    let kind = if holds_number(column) { "BIGINT" } else { "TEXT" };
    format!("                 \"{}\" {kind}", column.name)
}

/// Whether SQLite holds the item as a number. Decimals, days and moments stay canonical text, whose
/// order is theirs or whose digits must not be lost.
pub(crate) fn holds_number(column: &TableColumn) -> bool {
    matches!(column.column_type, ColumnType::Integer | ColumnType::Boolean)
}

async fn insert(tx: &mut Tx, subject: &Subject) -> Result<(), StoreError> {
    let kind = match subject.kind {
        SubjectKind::Resource => "resource",
        SubjectKind::Entity => "entity",
    };
    sql::query(
        "INSERT INTO subject (id, kind, name, table_name, columns, form)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(subject.id)
    .bind(kind)
    .bind(&subject.name)
    .bind(&subject.table)
    .bind(to_json(&subject.columns))
    .bind(&subject.form)
    .execute(tx)
    .await?;
    sql::query("INSERT INTO shard (subject_id, shard, last, last_at) VALUES ($1, 0, 0, 0)")
        .bind(subject.id)
        .execute(tx)
        .await?;
    Ok(())
}

async fn next_id(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(id), 0) + 1 FROM subject";
    Ok(sql::query_scalar(sql).fetch_one(tx).await?)
}

async fn execute(tx: &mut Tx, sql: String) -> Result<(), StoreError> {
    let sql = ddl(tx.kind(), &sql).into_owned();
    sql::query(AssertSqlSafe(sql)).execute(tx).await?;
    Ok(())
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(StoreError::Refused {
        zh: format!("`{name}` 不能作列名；请用小写字母、数字和下划线"),
        en: format!("`{name}` cannot name a column: write a-z, 0-9 and _"),
    })
}

fn to_json(columns: &[TableColumn]) -> String {
    serde_json::to_string(columns).expect("columns always serialise")
}

fn from_row(row: &sql::Row) -> Result<Subject, StoreError> {
    let kind = match row.try_get::<&str, _>(1)? {
        "resource" => SubjectKind::Resource,
        "entity" => SubjectKind::Entity,
        _ => return Err(StoreError::unreadable("subject.kind", "an unknown word")),
    };
    let columns = serde_json::from_str(row.try_get(4)?)
        .map_err(|error| StoreError::unreadable("subject.columns", error))?;
    Ok(Subject {
        id: row.try_get(0)?,
        kind,
        name: row.try_get(2)?,
        table: row.try_get(3)?,
        columns,
        form: row.try_get(5)?,
    })
}
