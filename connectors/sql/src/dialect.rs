//! How the three databases differ in the text of their statements.
//!
//! Values are always bound. Names of tables and columns cannot be, so they are quoted.

use yiku_core::derive;

/// One of the three databases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// SQLite, a file.
    Sqlite,
    /// PostgreSQL and what speaks its protocol.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

/// What a column holds, as far as reading and comparing differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Characters.
    Text,
    /// Whole numbers.
    Integer,
    /// Exact decimals.
    Decimal,
    /// Floating numbers, never a watermark: equal ones may differ in their text.
    Float,
    /// True or false, where the database has a type for it.
    Boolean,
    /// Days.
    Date,
    /// Date and time without a zone.
    DateTime,
    /// A moment: date and time with a zone. Read in UTC.
    Moment,
    /// MySQL's bit fields, read as numbers.
    Bits,
    /// Bytes, which no cell can hold.
    Bytes,
    /// Whatever each value is: SQLite.
    Any,
    /// Everything else, read as the database writes it.
    Other,
}

/// A column as the database describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Its type in the database's own words, fit for a cast.
    pub sql_type: String,
}

impl Dialect {
    /// The same where tables are derived.
    pub fn derived(self) -> derive::Dialect {
        match self {
            Self::Sqlite => derive::Dialect::Sqlite,
            Self::Postgres => derive::Dialect::Postgresql,
            Self::MySql => derive::Dialect::Mysql,
        }
    }

    /// A name in this database's quotes.
    pub fn quote(self, name: &str) -> String {
        self.derived().quote(name)
    }

    /// A table's name, with the schema before a point if there is one.
    pub fn quote_table(self, table: &str) -> String {
        self.derived().quote_table(table)
    }

    /// A column of the rows being read, which statements call `r`. Without that, ORDER BY would
    /// take the text of a cell for the column of the same name.
    pub fn of_row(self, column: &Column) -> String {
        format!("r.{}", self.quote(&column.name))
    }

    /// The expression that reads a column as the text of a cell.
    pub fn cell(self, column: &Column) -> String {
        let name = self.of_row(column);
        match (self, column.kind) {
            (Self::Sqlite, _) | (_, Kind::Text) => name,
            (Self::Postgres, _) if column.sql_type == "money" => format!("{name}::numeric::text"),
            (Self::Postgres, _) => format!("{name}::text"),
            (Self::MySql, Kind::Bits) => format!("CAST({name} + 0 AS CHAR)"),
            (Self::MySql, _) => format!("CAST({name} AS CHAR)"),
        }
    }

    /// The expression that reads a column as a mark, from which [`Self::bound`] makes it again.
    pub fn mark(self, column: &Column) -> String {
        let name = self.of_row(column);
        match self {
            Self::Sqlite => name,
            Self::Postgres => format!("{name}::text"),
            Self::MySql if column.kind == Kind::Text => name,
            Self::MySql => format!("CAST({name} AS CHAR)"),
        }
    }

    /// The placeholder with number `number` for a mark that is compared with `column`.
    pub fn bound(self, column: &Column, number: usize) -> String {
        match (self, column.kind) {
            (Self::Sqlite, _) => format!("?{number}"),
            (Self::Postgres, _) => format!("${number}::text::{}", column.sql_type),
            (Self::MySql, Kind::Decimal) => "CAST(? AS DECIMAL(65, 30))".into(),
            (Self::MySql, _) => "?".into(),
        }
    }

    /// Whether rows can be put in order by a column and found again by its text.
    pub fn can_order_by(self, column: &Column) -> bool {
        match column.kind {
            Kind::Float | Kind::Bytes | Kind::Bits => false,
            Kind::Boolean | Kind::Other => self == Self::Postgres,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(Dialect::Postgres.quote_table("ga.t\"x"), "\"ga\".\"t\"\"x\"");
        assert_eq!(Dialect::MySql.quote("a`; DROP"), "`a``; DROP`");
    }
}
