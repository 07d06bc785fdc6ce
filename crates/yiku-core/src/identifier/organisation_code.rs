//! 组织机构代码 (GB 11714-1997): eight characters and a check character, without hyphen.
//!
//! It is also what stands in characters 9 to 17 of a unified social credit code.

use std::fmt;

use super::{Fault, VALUE_36, ascii, length_fault, upper};

/// An organisation code whose check character is right.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OrganisationCode([u8; 9]);

/// The form.
pub const PATTERN: &str = "^[0-9A-Za-z]{8}[0-9Xx]$";

impl OrganisationCode {
    /// Reads nine characters.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check(text.as_bytes()).map(|()| Self(upper(text.as_bytes())))
    }

    /// The code, upper case, without hyphen.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

impl fmt::Display for OrganisationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Checks form and check character.
pub fn check(text: &[u8]) -> Result<(), Fault> {
    let code: &[u8; 9] = text.try_into().map_err(|_| length_fault(text, 9))?;
    let mut sum = 0u32;
    for (index, (byte, weight)) in code[..8].iter().zip(WEIGHTS).enumerate() {
        let value = VALUE_36[usize::from(*byte)];
        if value == 255 {
            return Err(Fault::Character { position: 1 + index as u32 });
        }
        sum += u32::from(value) * weight;
    }
    match code[8].to_ascii_uppercase() {
        last if last == check_of(sum) => Ok(()),
        b'0'..=b'9' | b'X' => Err(Fault::CheckDigit),
        _ => Err(Fault::Character { position: 9 }),
    }
}

/// The check character of eight digits or letters; `None` if one is neither.
pub fn check_character(code: &[u8; 8]) -> Option<u8> {
    let mut sum = 0;
    for (byte, weight) in code.iter().zip(WEIGHTS) {
        match VALUE_36[usize::from(*byte)] {
            255 => return None,
            value => sum += u32::from(value) * weight,
        }
    }
    Some(check_of(sum))
}

fn check_of(sum: u32) -> u8 {
    match 11 - sum % 11 {
        11 => b'0',
        10 => b'X',
        value => b'0' + value as u8,
    }
}

const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match OrganisationCode::parse(text) {
            Ok(code) => code.to_string(),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn organisation_codes() {
        for code in ["MB0000019", "000000019", "MJ0000034", "MA0000023", "MA000004X", "MA4TE2TC5"] {
            check(code, code);
            let body = code.as_bytes()[..8].try_into().unwrap();
            assert_eq!(check_character(&body), Some(code.as_bytes()[8]));
        }
        check("ma000004x", "MA000004X");
        check("MB0000018", "its check character is wrong");
        check("MB0000-19", "character 7 cannot stand there");
        check("MB000001Z", "character 9 cannot stand there");
        check("MB000001-9", "10 characters, not 9");
    }
}
