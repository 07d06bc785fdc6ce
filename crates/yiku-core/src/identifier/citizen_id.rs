//! 公民身份号码 (GB 11643-1999), and what shares its form.
//!
//! Eighteen characters: six of the address at first registration, eight of the birth date, three
//! of a sequence (odd = male), one check character (ISO 7064 MOD 11-2). Residence permits of Hong
//! Kong, Macao and Taiwan residents (81, 82, 83) and the permanent residence cards of 2023 (9…)
//! keep the same form and the same check. Cards and files from before 1999 hold fifteen digits;
//! [`from_legacy`] turns them into eighteen.

use std::fmt;

use chrono::NaiveDate;

use super::{Fault, ascii, length_fault, upper};
use crate::calendar;

/// A citizen id whose birth date exists and whose check character is right.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CitizenId([u8; 18]);

/// The form, as far as a regular expression can say it.
pub const PATTERN: &str = "^[1-9][0-9]{16}[0-9Xx]$";

/// Who holds the id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holder {
    /// A citizen: the first six digits are a division.
    Citizen,
    /// A resident of Hong Kong (810000), Macao (820000) or Taiwan (830000) with a permit.
    Resident,
    /// A foreigner with permanent residence, card of 2023: the first six digits are no division.
    PermanentResident,
}

impl CitizenId {
    /// Reads eighteen characters.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check(text.as_bytes()).map(|_| Self(upper(text.as_bytes())))
    }

    /// The id, upper case.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Who holds it.
    pub fn holder(&self) -> Holder {
        holder(&self.0)
    }

    /// The address at first registration; `None` for permanent residents.
    pub fn division(&self) -> Option<&str> {
        (self.holder() != Holder::PermanentResident).then(|| ascii(&self.0[..6]))
    }

    /// The birth date.
    pub fn birth_date(&self) -> NaiveDate {
        calendar::date(birth_days(&self.0).expect("checked to exist"))
    }

    /// The sex as GB/T 2261.1 writes it: `1` male, `2` female.
    pub fn sex(&self) -> &'static str {
        sex(&self.0)
    }
}

impl fmt::Display for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Shows no more than the address: ids never stand in logs.
impl fmt::Debug for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CitizenId({}************)", ascii(&self.0[..6]))
    }
}

/// Checks form, birth date and check character, and gives the birth date in days since 1970.
pub fn check(text: &[u8]) -> Result<i32, Fault> {
    let id: &[u8; 18] = text.try_into().map_err(|_| length_fault(text, 18))?;
    let mut sum = 0u32;
    let mut digits = true;
    for (byte, weight) in id[..17].iter().zip(WEIGHTS) {
        let value = byte.wrapping_sub(b'0');
        digits &= value < 10;
        sum += u32::from(value) * weight;
    }
    let last = id[17].to_ascii_uppercase();
    if !digits || id[0] == b'0' || !(last.is_ascii_digit() || last == b'X') {
        return Err(misplaced(id));
    }
    let days = birth_days(id).ok_or(Fault::BirthDate)?;
    if last != CHECK[(sum % 11) as usize] {
        return Err(Fault::CheckDigit);
    }
    Ok(days)
}

/// Who holds an id of right form.
pub fn holder(id: &[u8; 18]) -> Holder {
    match id {
        [b'9', ..] => Holder::PermanentResident,
        [b'8', b'1'..=b'3', b'0', b'0', b'0', b'0', ..] => Holder::Resident,
        _ => Holder::Citizen,
    }
}

/// The sex in an id of right form, as GB/T 2261.1 writes it.
pub fn sex(id: &[u8; 18]) -> &'static str {
    if id[16] & 1 == 1 { "1" } else { "2" }
}

/// The birth date in an id of right form, in days since 1970; `None` if there is no such day.
pub fn birth_days(id: &[u8; 18]) -> Option<i32> {
    calendar::days_of_digits(&id[6..14])
}

/// Turns fifteen digits (GB 11643-1989) into eighteen characters: the century 19 put in, the check
/// character put on. `None` when the text is not fifteen digits, or ends in 996 to 999: these were
/// given to people born before 1900, and whether they were is not for a program to guess.
pub fn from_legacy(text: &str) -> Option<[u8; 18]> {
    let old: &[u8; 15] = text.as_bytes().try_into().ok()?;
    if !old.iter().all(u8::is_ascii_digit) || &old[12..] >= b"996".as_slice() {
        return None;
    }
    let mut id = [0; 18];
    id[..6].copy_from_slice(&old[..6]);
    id[6..8].copy_from_slice(b"19");
    id[8..17].copy_from_slice(&old[6..]);
    id[17] = check_character(id[..17].try_into().expect("seventeen"));
    Some(id)
}

/// The check character of seventeen digits.
pub fn check_character(digits: &[u8; 17]) -> u8 {
    let terms = digits.iter().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte - b'0') * weight);
    CHECK[(terms.sum::<u32>() % 11) as usize]
}

/// Whether the text is a permanent residence card of 2017: three letters and twelve digits. These
/// stay valid until they expire, and have no check character; an entry that expects them holds
/// them as text.
pub fn is_residence_card_2017(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 15
        && bytes[..3].iter().all(u8::is_ascii_alphabetic)
        && bytes[3..].iter().all(u8::is_ascii_digit)
}

#[cold]
fn misplaced(id: &[u8; 18]) -> Fault {
    let wrong = |(index, byte): (usize, &u8)| match index {
        0 => !matches!(byte, b'1'..=b'9'),
        17 => !matches!(byte, b'0'..=b'9' | b'X' | b'x'),
        _ => !byte.is_ascii_digit(),
    };
    let index = id.iter().enumerate().position(|(index, byte)| wrong((index, byte))).unwrap_or(0);
    Fault::Character { position: 1 + index as u32 }
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match CitizenId::parse(text) {
            Ok(id) => format!(
                "{id} {} {} {:?} {}",
                id.birth_date(),
                id.sex(),
                id.holder(),
                id.division().unwrap_or("-")
            ),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn citizen_ids() {
        check("431302199003070014", "431302199003070014 1990-03-07 1 Citizen 431302");
        check("431302200002290029", "431302200002290029 2000-02-29 2 Citizen 431302");
        check("431322198512311112", "431322198512311112 1985-12-31 1 Citizen 431322");
        check("432501197906151233", "432501197906151233 1979-06-15 1 Citizen 432501");
        check("43138119910506004x", "43138119910506004X 1991-05-06 2 Citizen 431381");
        check("440308199901101512", "440308199901101512 1999-01-10 1 Citizen 440308");
    }

    #[test]
    fn permits_and_cards() {
        check("810000199001010019", "810000199001010019 1990-01-01 1 Resident 810000");
        check("820000199001010029", "820000199001010029 1990-01-01 2 Resident 820000");
        check("830000199001010039", "830000199001010039 1990-01-01 1 Resident 830000");
        check("810000199408230021", "810000199408230021 1994-08-23 2 Resident 810000");
        check("830000199201300022", "830000199201300022 1992-01-30 2 Resident 830000");
        let mut card = *b"91143119850615002?";
        card[17] = check_character(card[..17].try_into().unwrap());
        let card = ascii(&card);
        check(card, &format!("{card} 1985-06-15 2 PermanentResident -"));
        assert!(is_residence_card_2017("USA110098010123"));
        assert!(!is_residence_card_2017("432503850101123"));
    }

    #[test]
    fn faults() {
        check("431302199003070015", "its check character is wrong");
        check("431302199002300014", "its birth date is not in the calendar");
        check("431302199013070014", "its birth date is not in the calendar");
        check("431302000000000014", "its birth date is not in the calendar");
        check("43130219900307001", "17 characters, not 18");
        check("", "0 characters, not 18");
        check("4313021990030700１４", "character 17 cannot stand there");
    }

    #[test]
    fn misplaced_characters() {
        check("031302199003070014", "character 1 cannot stand there");
        check("43130219900307X014", "character 15 cannot stand there");
        check("43130219900307001Y", "character 18 cannot stand there");
        check("431302199003 70014", "character 13 cannot stand there");
    }

    #[test]
    fn legacy_ids() {
        let upgrade = |text| from_legacy(text).map(|id| ascii(&id).to_owned());
        assert_eq!(upgrade("432503850101123").as_deref(), Some("43250319850101123X"));
        assert_eq!(upgrade("610104620927690").as_deref(), Some("610104196209276908"));
        assert_eq!(upgrade("432503850101997"), None); // born before 1900, perhaps
        assert_eq!(upgrade("43250385010112X"), None);
        assert_eq!(upgrade("43250385010112"), None);
    }

    #[test]
    fn debug_hides_the_person() {
        let id = CitizenId::parse("431302199003070014").unwrap();
        assert_eq!(format!("{id:?}"), "CitizenId(431302************)");
    }
}
