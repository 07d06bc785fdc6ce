//! The SQL table that an entry or a grant describes.

use serde::{Deserialize, Serialize};

use crate::{
    contract::form::UNKNOWN_CODE_LENGTH_MAX,
    entry::{EntryVersion, ItemType},
    identifier::license_id,
};

/// The type of a column, apart from any database.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum ColumnType {
    /// Text of at most so many characters.
    Text {
        /// Characters at most.
        max_length: u32,
    },
    /// 64 bits, signed.
    Integer,
    /// Exact decimal.
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A moment, to the millisecond, in UTC.
    DateTime,
}

/// One column of a table that an entry, an entity or a grant describes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TableColumn {
    /// The item's name.
    pub name: String,
    /// Its Chinese name, for headings and comments.
    pub zh: String,
    /// Its type.
    #[serde(flatten)]
    pub column_type: ColumnType,
    /// Whether it always has a value.
    pub required: bool,
}

/// A database whose SQL is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL and what speaks its language.
    Postgresql,
    /// MySQL and MariaDB.
    Mysql,
}

impl ColumnType {
    /// The type of the column that holds values of an item.
    pub fn of(kind: &ItemType) -> Self {
        let text = |max_length| Self::Text { max_length };
        match kind {
            ItemType::Text { max_length, .. } => text(*max_length),
            ItemType::Code { .. } => text(UNKNOWN_CODE_LENGTH_MAX as u32),
            ItemType::Integer(_) => Self::Integer,
            ItemType::Decimal { precision, scale, .. } => {
                Self::Decimal { precision: *precision, scale: *scale }
            }
            ItemType::Boolean => Self::Boolean,
            ItemType::Date(_) => Self::Date,
            ItemType::DateTime => Self::DateTime,
            ItemType::CitizenId | ItemType::CreditCode => text(18),
            ItemType::OrganisationCode => text(9),
            ItemType::LicenseId => text(license_id::MAX_LENGTH),
            ItemType::Division => text(12),
        }
    }
}

/// The columns of an entry's table, one for each item, in order.
pub fn table(entry: &EntryVersion) -> Vec<TableColumn> {
    let columns = entry.items.iter().map(|item| TableColumn {
        name: item.name.clone(),
        zh: item.zh.clone(),
        column_type: ColumnType::of(&item.kind),
        required: item.required,
    });
    columns.collect()
}

/// The statements that make a table, each ended by `;`: the table with its primary key, and the
/// Chinese names as comments where the database keeps some. `name` may begin with a schema and a
/// point; `key` holds indexes of columns.
pub fn create_table_sql(
    dialect: Dialect,
    name: &str,
    columns: &[TableColumn],
    key: &[usize],
) -> String {
    let mut lines: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| column_line(dialect, column, key.contains(&index)))
        .collect();
    if !key.is_empty() {
        let names = key.iter().map(|&index| dialect.quote(&columns[index].name));
        lines.push(format!("PRIMARY KEY ({})", names.collect::<Vec<_>>().join(", ")));
    }
    let table = dialect.quote_table(name);
    let mut sql = format!("CREATE TABLE {table} (\n    {}\n)", lines.join(",\n    "));
    if dialect == Dialect::Mysql {
        // Keys that differ only in case are two keys.
        sql.push_str(" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    }
    sql.push_str(";\n");
    sql.extend(columns.iter().map(|column| comment(dialect, &table, column)));
    sql
}

/// The statements that add a column to a table, each ended by `;`.
pub fn add_column_sql(dialect: Dialect, name: &str, column: &TableColumn) -> String {
    let table = dialect.quote_table(name);
    let line = column_line(dialect, column, false);
    format!("ALTER TABLE {table} ADD COLUMN {line};\n{}", comment(dialect, &table, column))
}

/// The column's Chinese name, where that is a statement of its own.
fn comment(dialect: Dialect, table: &str, column: &TableColumn) -> String {
    if dialect != Dialect::Postgresql {
        return String::new();
    }
    let (name, comment) = (dialect.quote(&column.name), quote_text(dialect, &column.zh));
    format!("COMMENT ON COLUMN {table}.{name} IS {comment};\n")
}

fn column_line(dialect: Dialect, column: &TableColumn, in_key: bool) -> String {
    let mut line = format!(
        "{} {}",
        dialect.quote(&column.name),
        sql_type(dialect, column.column_type, in_key)
    );
    if column.required || in_key {
        line.push_str(" NOT NULL");
    }
    if dialect == Dialect::Mysql {
        line.push_str(&format!(" COMMENT {}", quote_text(dialect, &column.zh)));
    }
    line
}

fn sql_type(dialect: Dialect, column_type: ColumnType, in_key: bool) -> String {
    use ColumnType as C;
    match (dialect, column_type) {
        // SQLite would make floating numbers of decimals: they stay text.
        (Dialect::Sqlite, C::Integer) => "INTEGER".into(),
        (Dialect::Sqlite, C::Boolean) => "BOOLEAN".into(),
        (Dialect::Sqlite, _) => "TEXT".into(),
        // A row of MySQL holds 65,535 bytes outside of its long texts.
        (Dialect::Mysql, C::Text { max_length }) if max_length > 500 && !in_key => {
            "LONGTEXT".into()
        }
        (_, C::Text { max_length }) => format!("VARCHAR({max_length})"),
        (_, C::Integer) => "BIGINT".into(),
        (_, C::Decimal { precision, scale }) => format!("DECIMAL({precision}, {scale})"),
        (_, C::Boolean) => "BOOLEAN".into(),
        (_, C::Date) => "DATE".into(),
        (Dialect::Postgresql, C::DateTime) => "TIMESTAMPTZ(3)".into(),
        (Dialect::Mysql, C::DateTime) => "DATETIME(3)".into(),
    }
}

impl Dialect {
    /// A name in this database's quotes, quotes inside doubled.
    pub fn quote(self, name: &str) -> String {
        match self {
            Self::Mysql => format!("`{}`", name.replace('`', "``")),
            Self::Sqlite | Self::Postgresql => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A table's name, with the schema before a point if there is one.
    pub fn quote_table(self, table: &str) -> String {
        match table.split_once('.') {
            Some((schema, name)) => format!("{}.{}", self.quote(schema), self.quote(name)),
            None => self.quote(table),
        }
    }
}

fn quote_text(dialect: Dialect, text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match dialect {
        Dialect::Mysql => format!("'{}'", doubled.replace('\\', "\\\\")),
        Dialect::Sqlite | Dialect::Postgresql => format!("'{doubled}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::test_entry;

    #[track_caller]
    fn check(dialect: Dialect, expected: &[&str]) {
        let entry = test_entry::entry();
        let sql = create_table_sql(dialect, "a`b\"c", &table(&entry), &entry.key);
        for line in expected {
            assert!(sql.contains(line), "no {line:?} in:\n{sql}");
        }
    }

    #[test]
    fn a_column_is_added_in_its_schema() {
        let entry = test_entry::entry();
        let column = table(&entry).swap_remove(0);
        let sql = add_column_sql(Dialect::Postgresql, "out.person", &column);
        assert!(
            sql.starts_with("ALTER TABLE \"out\".\"person\" ADD COLUMN \"citizen_id\""),
            "{sql}"
        );
        assert!(sql.contains(";\nCOMMENT ON COLUMN \"out\".\"person\".\"citizen_id\" IS"), "{sql}");
    }

    #[test]
    fn tables() {
        check(
            Dialect::Sqlite,
            &[
                "CREATE TABLE \"a`b\"\"c\" (\n    \"citizen_id\" TEXT NOT NULL,\n",
                "\"height\" TEXT,\n",
                "\"married\" BOOLEAN,\n",
                "\"children\" INTEGER,\n",
                "PRIMARY KEY (\"citizen_id\")\n);\n",
            ],
        );
        check(
            Dialect::Postgresql,
            &[
                "\"name\" VARCHAR(50) NOT NULL,\n",
                "\"height\" DECIMAL(4, 1),\n",
                "\"updated_at\" TIMESTAMPTZ(3) NOT NULL,\n",
                "COMMENT ON COLUMN \"a`b\"\"c\".\"remark\" IS '备注''\\';\n",
            ],
        );
        check(
            Dialect::Mysql,
            &[
                "CREATE TABLE `a``b\"c` (\n",
                "`updated_at` DATETIME(3) NOT NULL COMMENT '更新时间',\n",
                "`remark` LONGTEXT COMMENT '备注''\\\\',\n",
                ") CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n",
            ],
        );
    }
}
