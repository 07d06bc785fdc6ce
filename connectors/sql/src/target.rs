//! The table that a sink writes to: as it is, as it must be, and how it is made.

use sqlx::Error;
use yiku_connector::ConnectorError;
use yiku_core::derive::{self, ColumnType, TableColumn};

use crate::{
    database::{Database, Place},
    describe::{self, Extent},
    dialect::{Column, Dialect, Kind},
    failure::{System, unfit},
};

/// A table that fits the rows.
#[derive(Clone, Debug)]
pub struct Target {
    /// The database's kind.
    pub dialect: Dialect,
    /// The table's name in quotes.
    pub name: String,
    /// The table's columns, in the order of the rows' cells.
    pub columns: Vec<Column>,
    /// What the rows' cells are.
    pub types: Vec<ColumnType>,
    /// Which of them are the key.
    pub key: Vec<usize>,
}

/// The rows' columns and key, as the hub says them.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// The columns.
    pub columns: &'a [TableColumn],
    /// Which of them are the key.
    pub key: &'a [usize],
}

/// Looks whether `table` fits. With `create`, a table that is not there fits (`None`), and so does
/// one that lacks columns: [`make`] makes both.
pub async fn find(
    place: &Place,
    database: &mut Database,
    table: &str,
    shape: Shape<'_>,
    create: bool,
) -> Result<Option<Target>, ConnectorError> {
    let system = &place.system;
    let doing = format!("looking at {table}");
    let Some(extent) = place.within(&doing, describe::extent(database, table)).await? else {
        return match create {
            true => Ok(None),
            false => Err(unfit(
                system,
                format!(
                    "there is no table {table}: have it made, or say `create: true` and the hub \
                     makes it"
                ),
            )),
        };
    };
    let missing: Vec<_> = absent(&extent, shape).map(|column| column.name.as_str()).collect();
    if !missing.is_empty() {
        return match create {
            true => Ok(None),
            false => Err(unfit(
                system,
                format!(
                    "{table} lacks {}: have the columns added, or say `create: true` and the hub \
                     adds them",
                    missing.join(", ")
                ),
            )),
        };
    }
    fit(system, table, &extent, shape).map(Some)
}

/// Makes the table, or adds the columns that it lacks.
pub async fn make(
    place: &Place,
    database: &mut Database,
    table: &str,
    shape: Shape<'_>,
) -> Result<(), ConnectorError> {
    let dialect = place.system.dialect.derived();
    let doing = format!("making {table}");
    // Only the key must have values: a mask may blank the rest.
    let may_be_null = |column: &TableColumn| TableColumn { required: false, ..column.clone() };
    let made = async {
        match describe::extent(database, table).await? {
            None => {
                let columns: Vec<_> = shape.columns.iter().map(may_be_null).collect();
                let sql = derive::create_table_sql(dialect, table, &columns, shape.key);
                database.execute_text(&sql).await?;
            }
            Some(extent) => {
                for column in absent(&extent, shape) {
                    let sql = derive::add_column_sql(dialect, table, &may_be_null(column));
                    database.execute_text(&sql).await?;
                }
            }
        }
        Ok::<_, Error>(())
    };
    place.within(&doing, made).await
}

fn absent<'a>(extent: &'a Extent, shape: Shape<'a>) -> impl Iterator<Item = &'a TableColumn> {
    let there = |wanted: &TableColumn| extent.columns.iter().any(|found| found.name == wanted.name);
    shape.columns.iter().filter(move |wanted| !there(wanted))
}

fn fit(
    system: &System,
    table: &str,
    extent: &Extent,
    shape: Shape<'_>,
) -> Result<Target, ConnectorError> {
    let mut columns = Vec::new();
    for wanted in shape.columns {
        let found = extent.columns.iter().find(|found| found.name == wanted.name);
        let found = found.expect("absent columns were looked for before");
        if !can_hold(found.kind, wanted.column_type) {
            return Err(unfit(
                system,
                format!(
                    "{table}: column {} is {}, which cannot hold {}: have its type changed",
                    found.name,
                    found.sql_type,
                    words(wanted.column_type)
                ),
            ));
        }
        columns.push(found.clone());
    }
    let given = |name: &String| shape.columns.iter().any(|column| &column.name == name);
    if let Some(name) = extent.required.iter().find(|name| !given(name)) {
        return Err(unfit(
            system,
            format!(
                "{table}: column {name} must have a value, but none is delivered for it: have it \
                 given a default or allow NULL"
            ),
        ));
    }
    let key: Vec<_> = shape.key.iter().map(|&index| shape.columns[index].name.as_str()).collect();
    check_unique(system, table, extent, &key)?;
    Ok(Target {
        dialect: system.dialect,
        name: system.dialect.quote_table(table),
        columns,
        types: shape.columns.iter().map(|column| column.column_type).collect(),
        key: shape.key.to_vec(),
    })
}

fn check_unique(
    system: &System,
    table: &str,
    extent: &Extent,
    key: &[&str],
) -> Result<(), ConnectorError> {
    let holds_key = |index: &&Vec<String>| key.iter().all(|name| index.iter().any(|n| n == name));
    if !extent.unique.iter().any(|index| index.len() == key.len() && holds_key(&index)) {
        let problem = format!(
            "{table} has no primary key or unique index over {}, by which rows are found again: \
             have one made",
            key.join(", ")
        );
        return Err(unfit(system, problem));
    }
    // MySQL's upsert replaces whichever row stands in the way, by any of the table's unique
    // indexes.
    let other = extent.unique.iter().find(|index| !holds_key(index));
    match other {
        Some(index) if system.dialect == Dialect::MySql => {
            let problem = format!(
                "{table} has a unique index over {}: MySQL would overwrite another row by it; have \
                 it dropped, or deliver into a table of its own",
                index.join(", ")
            );
            Err(unfit(system, problem))
        }
        _ => Ok(()),
    }
}

fn can_hold(kind: Kind, column_type: ColumnType) -> bool {
    use ColumnType as C;
    match kind {
        Kind::Bytes => false,
        Kind::Any | Kind::Text | Kind::Other => true,
        Kind::Integer | Kind::Bits => {
            matches!(column_type, C::Integer | C::Boolean | C::Text { .. })
        }
        Kind::Decimal => !matches!(column_type, C::Date | C::DateTime),
        Kind::Float => matches!(column_type, C::Integer | C::Decimal { .. }),
        Kind::Boolean => matches!(column_type, C::Boolean),
        Kind::Date => matches!(column_type, C::Date),
        Kind::DateTime | Kind::Moment => matches!(column_type, C::Date | C::DateTime),
    }
}

fn words(column_type: ColumnType) -> String {
    match column_type {
        ColumnType::Text { max_length } => format!("text of up to {max_length} characters"),
        ColumnType::Integer => "whole numbers".into(),
        ColumnType::Decimal { precision, scale } => format!("decimals ({precision}, {scale})"),
        ColumnType::Boolean => "true and false".into(),
        ColumnType::Date => "dates".into(),
        ColumnType::DateTime => "times".into(),
    }
}
