//! What a driver's error means, and who must act.
//!
//! A driver's text may hold values of rows, so it is never shown; it is kept as the cause only
//! where it cannot hold any.

use std::fmt;

use sqlx::{Error, error::DatabaseError, mysql::MySqlDatabaseError, postgres::PgDatabaseError};
use yiku_connector::ConnectorError;

use crate::dialect::Dialect;

/// The far system as errors name it: `host:port/database` or a file, never a login.
#[derive(Clone, Debug)]
pub struct System {
    /// Which database it is.
    pub dialect: Dialect,
    /// Its name.
    pub name: String,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Who must act on a database's error.
enum Blame {
    /// The connector's file is wrong.
    Config(&'static str),
    /// It may work later.
    Later(&'static str),
    /// The far system's owner must mend it.
    Owner(&'static str),
    /// The stored position no longer fits the column.
    Position,
}

/// The error for something that failed at `system` while `doing`.
pub fn failed(system: &System, doing: &str, error: Error) -> ConnectorError {
    let name = &system.name;
    let unavailable = |problem: &str, error: Error| ConnectorError::Unavailable {
        system: name.clone(),
        problem: format!("{doing}: {problem}"),
        cause: Some(Box::new(error)),
    };
    let blame = match &error {
        Error::Database(database) => blame(system.dialect, database.as_ref()),
        Error::Configuration(_) | Error::InvalidArgument(_) => {
            return ConnectorError::Config(format!("{name}: the url is not one of a database"));
        }
        Error::Io(_) => return unavailable("it cannot be reached, or it broke off", error),
        Error::Tls(_) => return unavailable("no secure connection could be made", error),
        _ => return unavailable("the connection failed", error),
    };
    match blame {
        Blame::Config(problem) => ConnectorError::Config(format!("{name}: {doing}: {problem}")),
        Blame::Later(problem) => unavailable(problem, error),
        Blame::Owner(problem) => ConnectorError::Unreadable {
            system: name.clone(),
            problem: format!("{doing}: {problem}{}", code(&error)),
            cause: may_be_shown(system.dialect, &error).then(|| Box::new(error) as _),
        },
        Blame::Position => ConnectorError::Position(format!(
            "{name}: {doing}: a mark is no value of its column; the column's type may have changed"
        )),
    }
}

/// Why the database refuses a row, when the row is to blame: without values.
pub fn refusal(dialect: Dialect, error: &Error) -> Option<String> {
    let error = error.as_database_error()?;
    let code = error.code().unwrap_or_default();
    let (reason, place) = match dialect {
        Dialect::Postgres => {
            let details = error.try_downcast_ref::<PgDatabaseError>();
            let place = details.and_then(|d| d.constraint().or(d.column())).map(str::to_owned);
            (postgres_refusal(&code)?, place)
        }
        Dialect::MySql => {
            let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
            (mysql_refusal(error.number())?, quoted_column(error.message()))
        }
        Dialect::Sqlite => (sqlite_refusal(&code)?, sqlite_place(error.message())),
    };
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    Some(format!("{reason}{place}, code {code}"))
}

fn postgres_refusal(state: &str) -> Option<&'static str> {
    Some(match state {
        "23502" => NO_VALUE,
        "23503" => NO_PARTNER,
        "21000" | "23505" | "23P01" => NOT_UNIQUE,
        "23514" => CHECKED,
        "22001" => TOO_LONG,
        "22003" => OUT_OF_RANGE,
        "22007" | "22008" | "22P02" => NOT_OF_TYPE,
        "P0001" => TRIGGER,
        _ if state.starts_with("22") || state.starts_with("23") => NOT_OF_TYPE,
        _ => return None,
    })
}

fn mysql_refusal(number: u16) -> Option<&'static str> {
    Some(match number {
        1048 | 1364 => NO_VALUE,
        1216 | 1217 | 1451 | 1452 => NO_PARTNER,
        1062 | 1586 => NOT_UNIQUE,
        3819 | 4025 => CHECKED,
        1406 => TOO_LONG,
        1264 | 1690 => OUT_OF_RANGE,
        1265 | 1292 | 1366 | 1411 => NOT_OF_TYPE,
        1644 => TRIGGER,
        _ => return None,
    })
}

fn sqlite_refusal(code: &str) -> Option<&'static str> {
    Some(match code.parse::<u32>().unwrap_or(0) {
        1299 => NO_VALUE,
        787 => NO_PARTNER,
        1555 | 2067 | 2579 => NOT_UNIQUE,
        275 => CHECKED,
        1811 => TRIGGER,
        3091 | 20 => NOT_OF_TYPE,
        18 => TOO_LONG,
        code if code & 0xff == 19 => CHECKED,
        _ => return None,
    })
}

const NO_VALUE: &str = "a column that must have a value has none";
const NO_PARTNER: &str = "a foreign key has no row to point to, or a row still points here";
const NOT_UNIQUE: &str = "another row has the same value where it must be unique";
const CHECKED: &str = "a check constraint forbids it";
const TOO_LONG: &str = "a value is too long";
const OUT_OF_RANGE: &str = "a number is out of the column's range";
const NOT_OF_TYPE: &str = "a value is not of the column's type";
const TRIGGER: &str = "a trigger refused it";

/// The column that a message of MySQL names: `… for column 'name' at row 1`.
fn quoted_column(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("olumn '")?;
    Some(rest.split_once('\'')?.0.to_owned())
}

/// The columns that a message of SQLite names: `UNIQUE constraint failed: t.name`.
fn sqlite_place(message: &str) -> Option<String> {
    message.split_once("constraint failed: ").map(|(_, place)| place.to_owned())
}

/// The error when `system` did not answer in time.
pub fn too_slow(system: &System, doing: &str, seconds: u64) -> ConnectorError {
    ConnectorError::Unavailable {
        system: system.name.clone(),
        problem: format!("{doing}: no answer within {seconds} s"),
        cause: None,
    }
}

/// The error when the table is not as the configuration says.
pub fn unfit(system: &System, problem: impl Into<String>) -> ConnectorError {
    ConnectorError::Unreadable { system: system.name.clone(), problem: problem.into(), cause: None }
}

fn code(error: &Error) -> String {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}

fn blame(dialect: Dialect, error: &dyn DatabaseError) -> Blame {
    match dialect {
        Dialect::Postgres => postgres(&error.code().unwrap_or_default()),
        Dialect::MySql => {
            let error = error.try_downcast_ref::<MySqlDatabaseError>();
            mysql(error.map_or(0, MySqlDatabaseError::number))
        }
        Dialect::Sqlite => sqlite(&error.code().unwrap_or_default(), error.message()),
    }
}

const LOGIN: &str = "the login was refused: check user and password of the url";
const NO_DATABASE: &str = "there is no such database: check the url";
const NO_TABLE: &str = "there is no such table or view (names are case-sensitive): \
                        check `table:` or ask its owner";
const NO_COLUMN: &str = "a column is missing: it was renamed or dropped there, or the connector's \
                         file misspells it";
const NO_RIGHT: &str = "the login lacks a right: its owner must grant it on this table";
const BUSY: &str = "it is busy, starting or stopping";
const OTHER: &str = "it refused the statement";

fn postgres(state: &str) -> Blame {
    match state {
        "3D000" => Blame::Config(NO_DATABASE),
        "42P01" | "3F000" => Blame::Owner(NO_TABLE),
        "42703" => Blame::Owner(NO_COLUMN),
        "42501" => Blame::Owner(NO_RIGHT),
        "42883" | "42804" => {
            Blame::Owner("the type of a column does not allow this: it may have changed there")
        }
        _ => match state.get(..2) {
            Some("28") => Blame::Config(LOGIN),
            Some("08" | "40" | "53" | "55" | "57") => Blame::Later(BUSY),
            Some("22") => Blame::Position,
            _ => Blame::Owner(OTHER),
        },
    }
}

fn mysql(number: u16) -> Blame {
    match number {
        1044 | 1045 | 1130 | 1698 => Blame::Config(LOGIN),
        1049 => Blame::Config(NO_DATABASE),
        1146 => Blame::Owner(NO_TABLE),
        1054 => Blame::Owner(NO_COLUMN),
        1142 | 1143 | 1227 => Blame::Owner(NO_RIGHT),
        1040 | 1053 | 1158..=1161 | 1203 | 1205 | 1213 | 1317 | 1927 | 2006 | 2013 => {
            Blame::Later(BUSY)
        }
        _ => Blame::Owner(OTHER),
    }
}

fn sqlite(code: &str, message: &str) -> Blame {
    // The low byte of an extended code is the primary one.
    match code.parse::<u32>().unwrap_or(0) & 0xff {
        1 if message.starts_with("no such table") => Blame::Owner(NO_TABLE),
        1 if message.starts_with("no such column") => Blame::Owner(NO_COLUMN),
        3 | 8 => Blame::Owner("the file may not be written: its owner must allow it"),
        5 | 6 => Blame::Later("it is locked by another program"),
        10 => Blame::Later("the disk under it fails"),
        13 => Blame::Later("the disk under it is full"),
        11 => Blame::Owner("the file is damaged"),
        14 => Blame::Owner("the file cannot be opened: look whether it is there and readable"),
        26 => Blame::Owner("the file is no SQLite database, or it is encrypted"),
        _ => Blame::Owner(OTHER),
    }
}

/// Errors about values quote them; those stay out of logs.
fn may_be_shown(dialect: Dialect, error: &Error) -> bool {
    let Some(error) = error.as_database_error() else { return true };
    match dialect {
        Dialect::Postgres => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| !["22", "23", "P0"].contains(&&error.code()[..2])),
        Dialect::MySql => error
            .try_downcast_ref::<MySqlDatabaseError>()
            .is_some_and(|error| matches!(error.number(), 1040..=1061 | 1142..=1146)),
        Dialect::Sqlite => true,
    }
}
