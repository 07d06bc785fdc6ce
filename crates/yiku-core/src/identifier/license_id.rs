//! 电子证照标识 (GB/T 36904-2018).
//!
//! `1.2.156.3005.2.<type code>.<issuer>.<serial>.<version>.<check>`: the type code is the credit
//! code of who defined the type and three digits; the issuer a credit code, in real ids also a
//! division; the check character ISO 7064 MOD 37,36 over these four without dots.

use std::fmt;

use super::{Fault, VALUE_36, characters};

/// An e-license identifier whose check character is right.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LicenseId(String);

/// The root OID with its last dot.
pub const ROOT: &str = "1.2.156.3005.2.";

/// The form.
pub const PATTERN: &str = concat!(
    r"^1\.2\.156\.3005\.2\.[0-9A-Za-z]{18}[0-9]{3}",
    r"\.[0-9A-Za-z]{6,18}\.[0-9A-Za-z]{1,64}\.[0-9]{3}\.[0-9A-Za-z]$"
);

/// Most characters of an identifier.
pub const MAX_LENGTH: u32 = 128;

impl LicenseId {
    /// Reads a whole identifier.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check(text.as_bytes()).map(|()| Self(text.to_ascii_uppercase()))
    }

    /// The identifier, upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type of license.
    pub fn type_code(&self) -> &str {
        self.part(0)
    }

    /// Who issued it.
    pub fn issuer(&self) -> &str {
        self.part(1)
    }

    /// The issuer's number.
    pub fn serial(&self) -> &str {
        self.part(2)
    }

    /// Three digits, `001` first.
    pub fn version(&self) -> &str {
        self.part(3)
    }

    fn part(&self, index: usize) -> &str {
        self.0[ROOT.len()..].split('.').nth(index).expect("five parts were checked")
    }
}

impl fmt::Display for LicenseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Checks form and check character.
pub fn check(text: &[u8]) -> Result<(), Fault> {
    let body = text.strip_prefix(ROOT.as_bytes()).ok_or_else(|| misplaced_root(text))?;
    let mut lengths = [0usize; 5];
    let mut part = 0;
    let mut product = 36u32;
    for (index, &byte) in body.iter().enumerate() {
        let fault = Fault::Character { position: (ROOT.len() + index + 1) as u32 };
        if byte == b'.' {
            part += 1;
            if part == 5 {
                return Err(fault);
            }
            continue;
        }
        let value = VALUE_36[usize::from(byte)];
        let digit = part == 3 || (part == 0 && lengths[0] >= 18);
        if value == 255 || (digit && value > 9) {
            return Err(fault);
        }
        lengths[part] += 1;
        if part < 4 {
            product = next(product, value);
        }
    }
    if !is_complete(lengths) {
        return Err(Fault::Length { actual: characters(text), expected: nearest(lengths) });
    }
    let last = VALUE_36[usize::from(body[body.len() - 1])];
    if u32::from(last) != (37 - product) % 36 {
        return Err(Fault::CheckDigit);
    }
    Ok(())
}

/// The check character of type code, issuer, serial and version, dots left out; `None` if one of
/// the characters is neither digit nor letter.
pub fn check_character(parts: &str) -> Option<u8> {
    let mut product = 36;
    for byte in parts.bytes().filter(|&byte| byte != b'.') {
        match VALUE_36[usize::from(byte)] {
            255 => return None,
            value => product = next(product, value),
        }
    }
    let value = ((37 - product) % 36) as u8;
    Some(if value < 10 { b'0' + value } else { b'A' + value - 10 })
}

fn next(product: u32, value: u8) -> u32 {
    let sum = (product + u32::from(value)) % 36;
    (if sum == 0 { 36 } else { sum }) * 2 % 37
}

fn is_complete([kind, issuer, serial, version, check]: [usize; 5]) -> bool {
    kind == 21
        && (6..=18).contains(&issuer)
        && (1..=64).contains(&serial)
        && version == 3
        && check == 1
}

/// Length of an id with this serial, all other parts as they should be.
fn nearest([_, issuer, serial, _, _]: [usize; 5]) -> u32 {
    let issuer = if issuer == 6 { 6 } else { 18 };
    (ROOT.len() + 21 + issuer + serial.clamp(1, 64) + 3 + 1 + 4) as u32
}

#[cold]
fn misplaced_root(text: &[u8]) -> Fault {
    let same = text.iter().zip(ROOT.as_bytes()).take_while(|(a, b)| a == b).count();
    Fault::Character { position: 1 + same as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match LicenseId::parse(text) {
            Ok(id) => {
                format!("{} {} {} {}", id.type_code(), id.issuer(), id.serial(), id.version())
            }
            Err(fault) => fault.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn license_ids() {
        let kind = "11100000000013338W001";
        let issuer = "11431300MB00000191";
        let id = |rest: &str| format!("{ROOT}{kind}.{issuer}.{rest}");
        check(&id("202500000001.001.F"), &format!("{kind} {issuer} 202500000001 001"));
        check(&id("202500000001.002.D"), &format!("{kind} {issuer} 202500000001 002"));
        check(&id("A1B2C3.001.9"), &format!("{kind} {issuer} A1B2C3 001"));
        check(&id("a1b2c3.001.9"), &format!("{kind} {issuer} A1B2C3 001"));
        assert_eq!(check_character(&format!("{kind}.{issuer}.A1B2C3.001")), Some(b'9'));
    }

    #[test]
    fn real_ids() {
        for rest in [
            "11100000000013338W032.11220000013544541J.2430599.001.F",
            "11100000000013338W011.11430000006122244L.20230000403.001.U",
            "11100000MB03271699022.340100.000000016.001.9",
            "11100000000013338W009.11330105002500287C.2025052201.002.0",
        ] {
            assert!(LicenseId::parse(&format!("{ROOT}{rest}")).is_ok(), "{rest}");
        }
    }

    #[test]
    fn faults() {
        let id = |rest: &str| format!("{ROOT}11100000000013338W001.11431300MB00000191.{rest}");
        check(&id("202500000001.001.G"), "its check character is wrong");
        check(&id("2025_0000001.001.F"), "character 61 cannot stand there");
        check(&id("202500000001.00A.F"), "character 72 cannot stand there");
        check(&id("202500000001.001.F.1"), "character 75 cannot stand there");
        check(&id("202500000001.001"), "72 characters, not 74");
        check("1.2.157.3005.2.1", "character 7 cannot stand there");
        check("", "character 1 cannot stand there");
    }
}
