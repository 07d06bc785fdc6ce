//! One cell: checked, and written to the body at once.

use super::{
    Cause, Finding,
    compile::{Column, Kind},
    encode,
    form::UNKNOWN_CODE_LENGTH_MAX,
    number,
};
use crate::{
    calendar,
    identifier::{
        DivisionSet, Fault, citizen_id, credit_code, division, license_id, organisation_code,
    },
    violation::{Code, Severity},
};

/// What rules, key and order need to remember of a cell.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Held {
    /// There is no value.
    #[default]
    Null,
    /// There is one, but it is not to be used.
    Broken,
    /// The cell's own text.
    Text,
    /// Days of a date or of a citizen's birth, milliseconds of a moment, an integer.
    Number(i64),
}

/// Checks a value and appends it to the body. After a finding that rejects, what was appended is
/// of no use: the row's body will be dropped.
#[inline]
pub(super) fn take(
    column: &Column,
    item: usize,
    text: &str,
    divisions: &DivisionSet,
    body: &mut Vec<u8>,
    findings: &mut Vec<Finding>,
) -> Held {
    let value = text.as_bytes();
    match &column.kind {
        Kind::Text { min, max, pattern } => {
            if let Some(finding) = text_finding(text, item, *min, *max, pattern.as_ref()) {
                findings.push(finding);
                return Held::Broken;
            }
            encode::bytes(value, body);
            Held::Text
        }
        Kind::Code { codes, unknown } => {
            if !codes.contains(value) && !stranger(text, item, *unknown, findings) {
                return Held::Broken;
            }
            encode::bytes(value, body);
            Held::Text
        }
        Kind::Integer { min, max } => match number::integer(value) {
            Ok(number) if (*min..=*max).contains(&number) => {
                encode::long(number, body);
                Held::Number(number)
            }
            Ok(_) => broken(Code::Range, item, findings),
            Err(code) => broken(code, item, findings),
        },
        Kind::Decimal { precision, scale, min, max } => {
            match number::decimal(value, *precision, *scale) {
                Ok(number) if (*min..=*max).contains(&number) => {
                    encode::decimal(number, body);
                    Held::Text
                }
                Ok(_) => broken(Code::Range, item, findings),
                Err(code) => broken(code, item, findings),
            }
        }
        Kind::Boolean => match value {
            b"true" | b"false" => {
                body.push(u8::from(value == b"true"));
                Held::Text
            }
            _ => broken(Code::Type, item, findings),
        },
        Kind::Date { min, max } => match calendar::days_of_date(value) {
            Some(days) if (*min..=*max).contains(&days) => {
                encode::long(days.into(), body);
                Held::Number(days.into())
            }
            Some(_) => broken(Code::Range, item, findings),
            None => broken(Code::Date, item, findings),
        },
        Kind::DateTime => match calendar::millis_of_datetime(value) {
            Some(millis) => {
                encode::long(millis, body);
                Held::Number(millis)
            }
            None => broken(Code::Date, item, findings),
        },
        _ => identifier(column, item, value, divisions, body, findings),
    }
}

/// The identifiers: form always rejects; the check character and what the lists do not know as
/// the column says.
#[inline]
fn identifier(
    column: &Column,
    item: usize,
    value: &[u8],
    divisions: &DivisionSet,
    body: &mut Vec<u8>,
    findings: &mut Vec<Finding>,
) -> Held {
    let (checked, wrong) = match &column.kind {
        Kind::CitizenId { wrong, address } => {
            return citizen(value, item, (*wrong, *address), divisions, body, findings);
        }
        Kind::CreditCode { wrong } => (credit_code::check(value), *wrong),
        Kind::OrganisationCode { wrong } => (organisation_code::check(value), *wrong),
        Kind::LicenseId { wrong } => (license_id::check(value), *wrong),
        Kind::Division { unknown } => {
            let checked = division::check(value);
            if checked.is_ok() && !divisions.knows(value) {
                note(Code::CodeList, *unknown, item, Cause::Plain, findings);
                if *unknown == Severity::Reject {
                    return Held::Broken;
                }
            }
            (checked, Severity::Reject)
        }
        _ => unreachable!("all other kinds are taken before"),
    };
    if let Err(fault) = checked
        && faulty(fault, wrong, item, findings)
    {
        return Held::Broken;
    }
    encode::upper(value, body);
    Held::Text
}

#[inline]
fn citizen(
    value: &[u8],
    item: usize,
    (wrong, address): (Severity, Severity),
    divisions: &DivisionSet,
    body: &mut Vec<u8>,
    findings: &mut Vec<Finding>,
) -> Held {
    let days = match citizen_id::check(value) {
        Ok(days) => days,
        Err(fault) if faulty(fault, wrong, item, findings) => return Held::Broken,
        // Only a wrong check character can be let through: the form is right.
        Err(_) => value.try_into().ok().and_then(citizen_id::birth_days).unwrap_or_default(),
    };
    let holder = citizen_id::holder(value.try_into().expect("eighteen bytes were checked"));
    if holder == citizen_id::Holder::Citizen && !divisions.knows(&value[..6]) {
        note(Code::CodeList, address, item, Cause::Address, findings);
        if address == Severity::Reject {
            return Held::Broken;
        }
    }
    encode::upper(value, body);
    Held::Number(days.into())
}

/// Notes a code that the list does not hold; true when it is let through. Even then it must be a
/// text that could be a code.
#[cold]
fn stranger(text: &str, item: usize, unknown: Severity, findings: &mut Vec<Finding>) -> bool {
    let impossible = text_finding(text, item, 1, UNKNOWN_CODE_LENGTH_MAX, None);
    let severity = if impossible.is_some() { Severity::Reject } else { unknown };
    note(Code::CodeList, severity, item, Cause::Plain, findings);
    severity == Severity::Warn
}

/// Notes a fault; true when it rejects the row.
#[cold]
fn faulty(fault: Fault, wrong: Severity, item: usize, findings: &mut Vec<Finding>) -> bool {
    let (code, severity) = match fault {
        Fault::Length { .. } => (Code::Length, Severity::Reject),
        Fault::Character { .. } => (Code::Pattern, Severity::Reject),
        Fault::BirthDate => (Code::Date, Severity::Reject),
        Fault::CheckDigit => (Code::CheckDigit, wrong),
    };
    note(code, severity, item, Cause::Identifier(fault), findings);
    severity == Severity::Reject
}

#[cold]
fn broken(code: Code, item: usize, findings: &mut Vec<Finding>) -> Held {
    findings.push(Finding::plain(code, item));
    Held::Broken
}

#[cold]
fn note(code: Code, severity: Severity, item: usize, cause: Cause, findings: &mut Vec<Finding>) {
    findings.push(Finding { code, severity, item: Some(item), cause });
}

/// What is wrong with a text: its length, a control character, its pattern.
#[inline]
fn text_finding(
    text: &str,
    item: usize,
    min: usize,
    max: usize,
    pattern: Option<&regex::Regex>,
) -> Option<Finding> {
    let bytes = text.len();
    // A character has one to four bytes: most texts need not be counted.
    if bytes > max || bytes < min * 4 && bytes.div_ceil(4) < min {
        let count = text.chars().count();
        if count > max || count < min {
            return Some(Finding::plain(Code::Length, item));
        }
    }
    if has_control(text.as_bytes())
        && let Some(position) = text.chars().position(is_control)
    {
        let cause = Cause::Control(position as u32 + 1);
        return Some(Finding { cause, ..Finding::plain(Code::Pattern, item) });
    }
    match pattern {
        Some(pattern) if !pattern.is_match(text) => Some(Finding::plain(Code::Pattern, item)),
        _ => None,
    }
}

/// Whether a character may not stand in a text: no database, sheet or document holds all of them,
/// and U+001F separates the parts of a key. Tab and line ends may.
fn is_control(character: char) -> bool {
    character < ' ' && !matches!(character, '\t' | '\n' | '\r')
}

/// Whether there may be a byte below 0x20, eight at a time.
#[inline]
fn has_control(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        found |= word.wrapping_sub(ONES * 0x20) & !word;
    }
    found & (ONES * 0x80) != 0 || rest.iter().any(|&byte| byte < 0x20)
}

const ONES: u64 = 0x0101_0101_0101_0101;
