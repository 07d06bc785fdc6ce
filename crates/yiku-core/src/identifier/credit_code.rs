//! 统一社会信用代码 (GB 32100-2015).
//!
//! Eighteen characters of an alphabet without I, O, S, V and Z: registering organ, kind of body,
//! six digits of division, nine characters of organisation code, one check character (MOD 31-3).

use std::fmt;

use super::{Fault, ascii, length_fault, upper};

/// A unified social credit code, such as `91431300MA00000235`.
///
/// The check character is *not* part of the invariant: codes of the pilot years are real and
/// fail it, so [`CreditCode::is_checked`] feeds a warning, never a rejection by itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CreditCode([u8; 18]);

/// The form.
pub const PATTERN: &str =
    "^[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{10}$";

impl CreditCode {
    /// Reads eighteen characters; the check character is not looked at.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        match check(text.as_bytes()) {
            Ok(()) | Err(Fault::CheckDigit) => Ok(Self(upper(text.as_bytes()))),
            Err(fault) => Err(fault),
        }
    }

    /// The code, upper case.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Whether the last character is the check character of the others.
    pub fn is_checked(&self) -> bool {
        check(&self.0).is_ok()
    }

    /// Registering organ and kind of body: `91` an enterprise, `11` an organ of state.
    pub fn category(&self) -> &str {
        ascii(&self.0[..2])
    }

    /// The division of the organ that registered the body.
    pub fn division(&self) -> &str {
        ascii(&self.0[2..8])
    }

    /// The organisation code inside, without hyphen.
    pub fn organisation_code(&self) -> &str {
        ascii(&self.0[8..17])
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Checks form and check character.
pub fn check(text: &[u8]) -> Result<(), Fault> {
    let code: &[u8; 18] = text.try_into().map_err(|_| length_fault(text, 18))?;
    let mut sum = 0u32;
    let mut known = true;
    for (byte, weight) in code[..17].iter().zip(WEIGHTS) {
        let value = VALUES[usize::from(*byte)];
        known &= value < 31;
        sum += u32::from(value) * weight;
    }
    let digits = code[2..8].iter().all(u8::is_ascii_digit);
    let last = VALUES[usize::from(code[17])];
    if !known || !digits || last >= 31 {
        return Err(misplaced(code));
    }
    if u32::from(last) != (31 - sum % 31) % 31 {
        return Err(Fault::CheckDigit);
    }
    Ok(())
}

/// The check character of seventeen characters of the alphabet; `None` if one is not of it.
pub fn check_character(code: &[u8; 17]) -> Option<u8> {
    let mut sum = 0;
    for (byte, weight) in code.iter().zip(WEIGHTS) {
        let value = VALUES[usize::from(*byte)];
        if value >= 31 {
            return None;
        }
        sum += u32::from(value) * weight;
    }
    Some(ALPHABET[((31 - sum % 31) % 31) as usize])
}

#[cold]
fn misplaced(code: &[u8; 18]) -> Fault {
    let wrong = |(index, &byte): (usize, &u8)| match index {
        2..=7 => !byte.is_ascii_digit(),
        _ => VALUES[usize::from(byte)] >= 31,
    };
    let index = code.iter().enumerate().position(wrong).unwrap_or(0);
    Fault::Character { position: 1 + index as u32 }
}

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const VALUES: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 31 {
        table[ALPHABET[value] as usize] = value as u8;
        table[ALPHABET[value].to_ascii_lowercase() as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match CreditCode::parse(text) {
            Ok(code) if code.is_checked() => format!("{code} checked"),
            Ok(code) => format!("{code} unchecked"),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn credit_codes() {
        for code in [
            "11431300MB00000191",
            "12431300000000019Q",
            "52431300MJ0000034T",
            "91431300MA00000235",
            "92431302MA4TE2TC5R",
            "93431382MA000004XA",
        ] {
            check(code, &format!("{code} checked"));
            check(&code.to_lowercase(), &format!("{code} checked"));
            let digits = code.as_bytes()[..17].try_into().unwrap();
            assert_eq!(check_character(&digits), Some(code.as_bytes()[17]));
        }
        check("91350203M0001QAY9B", "91350203M0001QAY9B unchecked"); // real, of the pilot years
    }

    #[test]
    fn faults() {
        check("9143130OMA00000235", "character 8 cannot stand there");
        check("91431300MA0000023I", "character 18 cannot stand there");
        check("91431300MA0000023", "17 characters, not 18");
        check("９1431300MA00000235", "character 1 cannot stand there");
    }

    #[test]
    fn parts() {
        let code = CreditCode::parse("93431382MA000004XA").unwrap();
        assert_eq!(
            (code.category(), code.division(), code.organisation_code()),
            ("93", "431382", "MA000004X")
        );
    }
}
