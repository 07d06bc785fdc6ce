//! The folder on the hub's machine, as errors name it: by path and by the hub's user.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, SecondsFormat, Utc};
use yiku_connector::ConnectorError;

/// The operating system's refusal, with path, user and what to do.
pub(crate) fn refused(path: &Path, deed: &str, error: io::Error) -> ConnectorError {
    let system = format!("folder {}", path.display());
    let user = user();
    let problem = match error.kind() {
        io::ErrorKind::NotFound => {
            format!("cannot {deed}: it does not exist; create it, or mount what it is in")
        }
        io::ErrorKind::PermissionDenied => {
            format!("cannot {deed}: user {user} may not; give that user the right to")
        }
        io::ErrorKind::NotADirectory => format!("cannot {deed}: it is not a folder"),
        io::ErrorKind::StorageFull => format!("cannot {deed}: the disk is full; make room"),
        _ => format!("user {user} cannot {deed}"),
    };
    ConnectorError::Unavailable { system, problem, cause: Some(Box::new(error)) }
}

/// The user that this process runs as, by name and number.
fn user() -> String {
    // The owner of a process' own entry is its user; this needs no foreign function.
    let Ok(metadata) = fs::metadata("/proc/self") else { return "of this process".into() };
    let id = metadata.uid().to_string();
    let names = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = names.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then_some(name)
    });
    match name {
        Some(name) => format!("`{name}` ({id})"),
        None => id,
    }
}

/// A duration as people write it: `500ms`, `2s`, `5m`, `1h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    if digits > DIGITS_MAX {
        return None;
    }
    let number: u64 = text[..digits].parse().ok()?;
    let unit_ms = match text[digits..].trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// A time as text whose order is that of time.
pub(crate) fn time_text(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// A name as people can read it: control characters are written out.
pub(crate) fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Digits of a duration's number.
const DIGITS_MAX: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(parse_duration("500 ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("5m"), Some(Duration::from_secs(300)));
        for wrong in ["", "2", "s", "-1s", "2 days", "99999999999999999999s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn refusals_name_path_user_and_remedy() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = refused(Path::new("/data/in"), "read it", denied).to_string();
        assert!(text.starts_with("folder /data/in: cannot read it: user "), "{text}");
        assert_eq!(shown("a\nb 李\u{7f}"), "a\\nb 李\\u{7f}");
    }
}
