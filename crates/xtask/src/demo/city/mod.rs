//! A city that repeats: persons, couples, legal persons, addresses, all made up.
//!
//! Nothing is kept in memory. A person is described from the person's number whenever somebody
//! asks, so a department's system can name the same person as another's without a list, and a
//! city of any size takes the same memory. Ids have the right form and may by chance exist.

mod codes;
mod legal_person;
mod names;
mod person;
mod places;

use std::path::Path;

use anyhow::{Result, bail};
use chrono::NaiveDate;

pub use codes::license_id;
pub use legal_person::{LegalPerson, Sort};
pub use person::Person;
pub use places::Places;

pub use crate::dice::Dice;

/// The day on which the city is described. Fixed, so that a rerun makes the same files.
pub const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 20).expect("a date");

/// A made-up city.
pub struct City {
    /// What all chance hangs on.
    pub seed: u64,
    /// How many natural persons.
    pub persons: u64,
    /// How many legal persons.
    pub legal_persons: u64,
    /// Counties, towns, villages.
    pub places: Places,
}

impl City {
    /// A city of so many persons, its divisions read from the catalog.
    pub fn new(persons: u64, divisions: &Path) -> Result<Self> {
        if !(1_000..=person::PERSONS_MAX).contains(&persons) {
            bail!("--rows must be 1000 to {}, not {persons}", person::PERSONS_MAX);
        }
        let places = Places::read(divisions)?;
        if places.counties.len() != 5 {
            bail!("{}: five counties expected", divisions.display());
        }
        Ok(Self { seed: SEED, persons, legal_persons: persons * 3 / 20, places })
    }

    /// The person of a number.
    pub fn person(&self, number: u64) -> Person {
        person::person(self, number)
    }

    /// Everybody.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        (0..self.persons).map(|number| self.person(number))
    }

    /// Every legal person.
    pub fn legal_people(&self) -> impl Iterator<Item = LegalPerson> {
        (0..self.legal_persons).map(|number| self.legal_person(number))
    }

    /// The legal person of a number.
    pub fn legal_person(&self, number: u64) -> LegalPerson {
        legal_person::legal_person(self, number)
    }

    /// Couples, each from its own block of neighbours: nobody is in two.
    pub fn couples(&self) -> impl Iterator<Item = Couple> {
        (0..self.persons / BLOCK).filter_map(|block| self.couple(block))
    }

    /// The couple of a block, if a man and a woman of age live there.
    pub fn couple(&self, block: u64) -> Option<Couple> {
        let first = block * BLOCK;
        let neighbours = (first..first + BLOCK).filter(|number| *number < self.persons);
        let mut of_age = neighbours
            .map(|number| self.person(number))
            .filter(|person| (24..70).contains(&person.age()));
        let one = of_age.next()?;
        let other = of_age.find(|person| person.male != one.male)?;
        let (husband, wife) = if one.male { (one, other) } else { (other, one) };
        Some(Couple { number: block, husband, wife })
    }

    /// Where a person works, if the person does.
    pub fn employer(&self, person: &Person) -> Option<LegalPerson> {
        let mut dice = Dice::new(self.seed, "employer", person.number);
        let works = person.age() >= 18 && dice.below(5) < 2;
        works.then(|| self.legal_person(dice.below(self.legal_persons)))
    }

    /// A person's mobile number; no network has given it out.
    pub fn phone(&self, person: &Person) -> String {
        let mut dice = Dice::new(self.seed, "phone", person.number);
        format!("1{}{:09}", 3 + dice.below(7), dice.below(1_000_000_000))
    }

    /// A street address in the village of a person.
    pub fn address(&self, person: &Person, dice: &mut Dice) -> String {
        let county = &self.places.counties[person.county];
        let town = &county.towns[person.town];
        let street = dice.pick(names::STREETS);
        let (house, room) = (1 + dice.below(300), 101 + 100 * dice.below(8) + dice.below(4));
        format!("湖南省娄底市{}{}{street}{house}号{room}室", county.name, town.name)
    }

    /// The name of a street.
    pub fn street(&self, dice: &mut Dice) -> &'static str {
        dice.pick::<&str>(names::STREETS)
    }

    /// A public office of a county, such as 人民医院, and its credit code. `serial` tells the kinds
    /// of offices apart.
    pub fn office(&self, county: usize, title: &str, serial: u32) -> (String, String) {
        let county = &self.places.counties[county];
        let body = format!("MB1{:02}{serial:03}", &county.code[4..]);
        let organisation = codes::organisation_code(&body);
        let code = codes::credit_code(&format!("12{}{organisation}", county.code));
        (format!("{}{title}", county.name), code)
    }

    /// An organ of the city and its credit code.
    pub fn organ(&self, title: &str, serial: u32) -> (String, String) {
        let organisation = codes::organisation_code(&format!("MB{:06}", 100_000 + serial));
        (format!("娄底市{title}"), codes::credit_code(&format!("11431300{organisation}")))
    }

    /// A made-up name, for people who are not of the city.
    pub fn stranger(&self, male: bool, dice: &mut Dice) -> String {
        person::name(male, dice)
    }
}

/// A man and a woman who are or were married.
pub struct Couple {
    /// Unique.
    pub number: u64,
    /// 男方.
    pub husband: Person,
    /// 女方.
    pub wife: Person,
}

const SEED: u64 = 4313;
/// Persons among whom one couple is looked for.
const BLOCK: u64 = 8;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::workspace;

    fn city(persons: u64) -> City {
        let list = workspace::root().join("catalog/codelists/division.csv");
        City::new(persons, &list).unwrap()
    }

    #[test]
    fn no_two_persons_have_one_id() {
        let city = city(30_000);
        let ids: HashSet<String> = city.people().map(|person| person.citizen_id).collect();
        assert_eq!(ids.len(), 30_000);
    }

    #[test]
    fn no_two_legal_persons_have_one_code_or_name() {
        let city = city(20_000);
        let codes: HashSet<String> = city.legal_people().map(|it| it.credit_code).collect();
        let names: HashSet<String> = city.legal_people().map(|it| it.name).collect();
        assert_eq!((codes.len(), names.len()), (3_000, 3_000));
    }

    #[test]
    fn a_person_is_the_same_whenever_asked() {
        let city = city(1_000);
        let person = city.person(77);
        assert_eq!(person.citizen_id, city.person(77).citizen_id);
        assert!(person.citizen_id.contains(&person.born_on.format("%Y%m%d").to_string()));
        assert!(city.couples().count() > 80);
    }
}
