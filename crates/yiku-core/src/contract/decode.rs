//! From the Avro body back to canonical cells.

use super::{
    Contract,
    compile::{Column, Kind},
    number,
};
use crate::{batch::Cells, calendar};

/// A body that this contract did not write. Says where, never what.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The body ends within a field.
    #[error("the body ends within item `{0}`")]
    Short(String),
    /// Bytes that stand for no value of the item's type.
    #[error("the body holds no value of its type for item `{0}`")]
    Value(String),
    /// There are bytes after the last field.
    #[error("{0} bytes follow the last item")]
    Long(usize),
}

#[derive(Clone, Copy)]
pub(crate) enum Fault {
    Short,
    Value,
}

impl Contract {
    /// Appends one row of canonical cells in the order of the items. After an error the row is
    /// incomplete: drop `out`.
    pub fn decode(&self, body: &[u8], out: &mut Cells) -> Result<(), DecodeError> {
        let mut rest = body;
        for (item, column) in self.columns.iter().enumerate() {
            field(column, &mut rest, out).map_err(|fault| {
                let name = self.entry.items[item].name.clone();
                match fault {
                    Fault::Short => DecodeError::Short(name),
                    Fault::Value => DecodeError::Value(name),
                }
            })?;
        }
        if rest.is_empty() { Ok(()) } else { Err(DecodeError::Long(rest.len())) }
    }
}

fn field(column: &Column, rest: &mut &[u8], out: &mut Cells) -> Result<(), Fault> {
    if !column.required {
        match long(rest)? {
            0 => {
                out.push(None);
                return Ok(());
            }
            1 => {}
            _ => return Err(Fault::Value),
        }
    }
    match &column.kind {
        Kind::Integer { .. } => {
            let value = long(rest)?;
            out.push_with(|text| number::push_integer(value, text));
        }
        Kind::Date { .. } => {
            let days = long(rest)?;
            if !DAYS.contains(&days) {
                return Err(Fault::Value);
            }
            out.push_with(|text| calendar::push_date(days as i32, text));
        }
        Kind::DateTime => {
            let millis = long(rest)?;
            if !calendar::MOMENTS.contains(&millis) {
                return Err(Fault::Value);
            }
            out.push_with(|text| calendar::push_datetime(millis, text));
        }
        Kind::Boolean => match take(rest, 1)? {
            [0] => out.push(Some("false")),
            [1] => out.push(Some("true")),
            _ => return Err(Fault::Value),
        },
        Kind::Decimal { scale, .. } => {
            let value = decimal(rest)?;
            out.push_with(|text| number::push_decimal(value, *scale, text));
        }
        _ => out.push(Some(std::str::from_utf8(bytes(rest)?).map_err(|_| Fault::Value)?)),
    }
    Ok(())
}

pub(crate) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Fault> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Fault::Short)?;
    *rest = left;
    Ok(taken)
}

/// Reads a zigzag number of at most ten bytes.
pub(crate) fn long(rest: &mut &[u8]) -> Result<i64, Fault> {
    let mut value = 0u64;
    for index in 0..10 {
        let [byte] = take(rest, 1)? else { return Err(Fault::Short) };
        if index == 9 && *byte > 1 {
            return Err(Fault::Value);
        }
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(Fault::Value)
}

pub(crate) fn bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let length = usize::try_from(long(rest)?).map_err(|_| Fault::Value)?;
    take(rest, length)
}

pub(crate) fn decimal(rest: &mut &[u8]) -> Result<i128, Fault> {
    let bytes = bytes(rest)?;
    if bytes.is_empty() || bytes.len() > 16 {
        return Err(Fault::Value);
    }
    let mut all = if bytes[0] & 0x80 == 0 { [0; 16] } else { [0xFF; 16] };
    all[16 - bytes.len()..].copy_from_slice(bytes);
    Ok(i128::from_be_bytes(all))
}

/// 0001-01-01 to 9999-12-31.
pub(crate) const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;
