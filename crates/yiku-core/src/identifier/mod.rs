//! Identifiers of persons, organisations, licenses and places.
//!
//! Each module has a type with one constructor (`parse`), its form as a regular expression
//! (`PATTERN`, for schemas), and a `check` over bytes that allocates nothing: the contract calls
//! it once per cell. Letters may come in lower case; the canonical form is upper case.

pub mod citizen_id;
pub mod credit_code;
pub mod division;
pub mod license_id;
pub mod organisation_code;

pub use citizen_id::CitizenId;
pub use credit_code::CreditCode;
pub use division::{Division, DivisionSet};
pub use license_id::LicenseId;
pub use organisation_code::OrganisationCode;

/// What is wrong with a text that should be an identifier. Never holds the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Too short or too long.
    #[error("{actual} characters, not {expected}")]
    Length {
        /// Characters that it has.
        actual: u32,
        /// Characters that it must have; of several lengths the nearest one below.
        expected: u32,
    },
    /// A character that cannot stand there.
    #[error("character {position} cannot stand there")]
    Character {
        /// Counted from 1.
        position: u32,
    },
    /// The birth date in it is not in the calendar.
    #[error("its birth date is not in the calendar")]
    BirthDate,
    /// The check character is not that of the others.
    #[error("its check character is wrong")]
    CheckDigit,
}

/// Number of characters, for messages.
pub(crate) fn characters(text: &[u8]) -> u32 {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as u32
}

/// The length fault of a text, counted in characters as people do.
pub(crate) fn length_fault(text: &[u8], expected: u32) -> Fault {
    match characters(text) {
        // Wide characters can make up the bytes of a right length, and hide in the count.
        actual if actual == expected => Fault::Character {
            position: 1 + text.iter().position(|byte| !byte.is_ascii()).unwrap_or(0) as u32,
        },
        actual => Fault::Length { actual, expected },
    }
}

/// Value of a digit or letter: 0 to 9, then A = 10 to Z = 35, letters in either case; 255 for
/// anything else.
pub(crate) const VALUE_36: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 36 {
        let upper = if value < 10 { b'0' + value } else { b'A' + value - 10 };
        table[upper as usize] = value;
        table[upper.to_ascii_lowercase() as usize] = value;
        value += 1;
    }
    table
};

/// Upper-case copy in a fixed array. The caller has checked the length.
pub(crate) fn upper<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut bytes: [u8; N] = text.try_into().expect("the length was checked");
    bytes.make_ascii_uppercase();
    bytes
}

/// The text of bytes that were checked to be ASCII.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("checked to be ASCII")
}
