//! The text of the statements that write rows, and the values bound to them.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use yiku_core::{batch::Row, derive::ColumnType};

use crate::{
    dialect::{Column, Dialect, Kind},
    target::Target,
};

/// A cell as it is bound.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text, which the database converts to the column's type.
    Text(Cow<'a, str>),
}

/// What is done with rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// Insert them, or set the other columns of the rows that have their keys.
    Upsert,
    /// Delete the rows that have their keys.
    Delete,
}

impl Target {
    /// The cells that a deed needs, as indexes of columns.
    pub fn needed(&self, deed: Deed) -> Vec<usize> {
        match deed {
            Deed::Upsert => (0..self.columns.len()).collect(),
            Deed::Delete => self.key.clone(),
        }
    }

    /// The statement for `rows` rows at once. PostgreSQL takes one array per column and any
    /// number of rows; the others take each value by itself.
    pub fn statement(&self, deed: Deed, rows: usize) -> String {
        match (deed, self.dialect) {
            (Deed::Upsert, Dialect::Postgres) => {
                let names = self.names(&self.needed(deed));
                format!(
                    "INSERT INTO {} ({names})\n{}\n{}",
                    self.name,
                    self.unnested(deed),
                    self.on_conflict()
                )
            }
            (Deed::Delete, Dialect::Postgres) => {
                let same = self.key.iter().map(|&index| {
                    let name = self.dialect.quote(&self.columns[index].name);
                    format!("target.{name} = gone.{name}")
                });
                format!(
                    "DELETE FROM {} AS target\nUSING ({}) AS gone\nWHERE {}",
                    self.name,
                    self.unnested(deed),
                    same.collect::<Vec<_>>().join(" AND ")
                )
            }
            (Deed::Upsert, _) => {
                let names = self.names(&self.needed(deed));
                format!(
                    "INSERT INTO {} ({names})\nVALUES {}\n{}",
                    self.name,
                    values(self.columns.len(), rows),
                    self.on_conflict()
                )
            }
            (Deed::Delete, dialect) => {
                let values = values(self.key.len(), rows);
                let list =
                    if dialect == Dialect::Sqlite { format!("VALUES {values}") } else { values };
                format!("DELETE FROM {} WHERE ({}) IN ({list})", self.name, self.names(&self.key))
            }
        }
    }

    /// `SELECT u.c1::integer AS "sex", … FROM unnest($1::text[], …) AS u (c1, …)`.
    fn unnested(&self, deed: Deed) -> String {
        let needed = self.needed(deed);
        let select = needed.iter().enumerate().map(|(place, &index)| {
            let column = &self.columns[index];
            let name = self.dialect.quote(&column.name);
            format!("u.c{place}::{} AS {name}", column.sql_type)
        });
        let arrays = (1..=needed.len()).map(|number| format!("${number}::text[]"));
        let names = (0..needed.len()).map(|place| format!("c{place}"));
        format!(
            "SELECT {} FROM unnest({}) AS u ({})",
            select.collect::<Vec<_>>().join(", "),
            arrays.collect::<Vec<_>>().join(", "),
            names.collect::<Vec<_>>().join(", ")
        )
    }

    fn on_conflict(&self) -> String {
        let rest: Vec<_> =
            (0..self.columns.len()).filter(|index| !self.key.contains(index)).collect();
        let name = |&index: &usize| self.dialect.quote(&self.columns[index].name);
        if self.dialect == Dialect::MySql {
            // Without other columns there is nothing to set: the key is set to itself.
            let set = if rest.is_empty() { &self.key } else { &rest };
            let set = set.iter().map(|index| format!("{0} = VALUES({0})", name(index)));
            return format!("ON DUPLICATE KEY UPDATE {}", set.collect::<Vec<_>>().join(", "));
        }
        let key = self.names(&self.key);
        if rest.is_empty() {
            return format!("ON CONFLICT ({key}) DO NOTHING");
        }
        let set = rest.iter().map(|index| format!("{0} = excluded.{0}", name(index)));
        format!("ON CONFLICT ({key}) DO UPDATE SET {}", set.collect::<Vec<_>>().join(", "))
    }

    fn names(&self, indexes: &[usize]) -> String {
        let names = indexes.iter().map(|&index| self.dialect.quote(&self.columns[index].name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// A cell as it is bound for its column.
    pub fn value<'a>(&self, row: Row<'a>, index: usize) -> Value<'a> {
        match row.get(index) {
            None => Value::Null,
            Some(text) => value(self.dialect, &self.columns[index], self.types[index], text),
        }
    }
}

fn value<'a>(
    dialect: Dialect,
    column: &Column,
    column_type: ColumnType,
    text: &'a str,
) -> Value<'a> {
    let number = |text: &str| text.parse().map(Value::Integer).ok();
    match (column_type, column.kind) {
        (ColumnType::Boolean, Kind::Boolean | Kind::Text | Kind::Other) => Value::Text(text.into()),
        (ColumnType::Boolean, _) => match dialect {
            // Arrays of text hold numbers too.
            Dialect::Postgres => Value::Text(if text == "true" { "1" } else { "0" }.into()),
            _ => Value::Integer((text == "true").into()),
        },
        (ColumnType::DateTime, Kind::DateTime | Kind::Moment) => in_utc(text),
        (ColumnType::Integer, Kind::Any) => number(text).unwrap_or(Value::Text(text.into())),
        (_, Kind::Integer) if dialect == Dialect::MySql => {
            number(text).unwrap_or(Value::Text(text.into()))
        }
        _ => Value::Text(text.into()),
    }
}

/// The moment in UTC as columns with and without a zone take it; sessions are in UTC.
fn in_utc(text: &str) -> Value<'_> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => {
            let text = time.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
            Value::Text(text.replace('T', " ").replace('Z', "").into())
        }
        Err(_) => Value::Text(text.into()),
    }
}

fn values(width: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(", "));
    vec![row.as_str(); rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, deed: Deed, expected: &str) {
        let column = |name: &str, sql_type: &str| Column {
            name: name.into(),
            kind: Kind::Text,
            sql_type: sql_type.into(),
        };
        let target = Target {
            dialect,
            name: dialect.quote_table("out"),
            columns: vec![column("id", "text"), column("sex", "integer")],
            types: vec![ColumnType::Text { max_length: 18 }, ColumnType::Integer],
            key: vec![0],
        };
        assert_eq!(target.statement(deed, 2).replace('\n', " "), expected);
    }

    #[test]
    fn statements() {
        check(
            Dialect::Sqlite,
            Deed::Upsert,
            r#"INSERT INTO "out" ("id", "sex") VALUES (?, ?), (?, ?) ON CONFLICT ("id") DO UPDATE SET "sex" = excluded."sex""#,
        );
        check(
            Dialect::MySql,
            Deed::Upsert,
            "INSERT INTO `out` (`id`, `sex`) VALUES (?, ?), (?, ?) \
             ON DUPLICATE KEY UPDATE `sex` = VALUES(`sex`)",
        );
        check(
            Dialect::Postgres,
            Deed::Upsert,
            r#"INSERT INTO "out" ("id", "sex") SELECT u.c0::text AS "id", u.c1::integer AS "sex" FROM unnest($1::text[], $2::text[]) AS u (c0, c1) ON CONFLICT ("id") DO UPDATE SET "sex" = excluded."sex""#,
        );
        check(
            Dialect::Postgres,
            Deed::Delete,
            r#"DELETE FROM "out" AS target USING (SELECT u.c0::text AS "id" FROM unnest($1::text[]) AS u (c0)) AS gone WHERE target."id" = gone."id""#,
        );
        check(
            Dialect::Sqlite,
            Deed::Delete,
            r#"DELETE FROM "out" WHERE ("id") IN (VALUES (?), (?))"#,
        );
        check(Dialect::MySql, Deed::Delete, "DELETE FROM `out` WHERE (`id`) IN ((?), (?))");
    }

    #[test]
    fn moments_are_bound_in_utc() {
        let expected = Value::Text("2026-11-02 00:00:00.120".into());
        assert_eq!(in_utc("2026-11-02T08:00:00.12+08:00"), expected);
    }
}
