//! How many rows each subject has.

use sqlx::AssertSqlSafe;

use crate::{
    Connection, StoreError, sql,
    subject::{self, SubjectKind},
};

/// The rows of one entity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EntityCensus {
    /// `population.person`.
    pub entity: String,
    /// Current rows, ended ones too; deleted ones not.
    pub rows: u64,
    /// Replaced rows.
    pub history_rows: u64,
    /// Items about which records disagree.
    pub conflicts: u64,
}

/// Counts the rows of every entity.
pub async fn entities(db: &mut Connection) -> Result<Vec<EntityCensus>, StoreError> {
    let mut all = Vec::new();
    for subject in subject::list(db).await? {
        if subject.kind != SubjectKind::Entity {
            continue;
        }
        let table = &subject.table;
        let sql = format!(
            "SELECT (SELECT count(*) FROM entity_{table}
                     WHERE _ended IS NULL OR _ended <> 'deleted'),
                    (SELECT count(*) FROM history_{table}),
                    (SELECT count(*) FROM conflict_{table})"
        );
        let (rows, history, conflicts): (i64, i64, i64) =
            sql::query_as(AssertSqlSafe(sql)).fetch_one(&mut *db).await?;
        all.push(EntityCensus {
            entity: subject.name,
            rows: rows.cast_unsigned(),
            history_rows: history.cast_unsigned(),
            conflicts: conflicts.cast_unsigned(),
        });
    }
    Ok(all)
}
