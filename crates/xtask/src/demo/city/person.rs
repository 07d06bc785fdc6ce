//! Natural persons.

use chrono::{Days, NaiveDate};

use super::{City, Dice, TODAY, codes, names};

/// One person. Everything follows from the person's number.
#[derive(Clone, Debug)]
pub struct Person {
    /// 0 to the city's number of persons less one.
    pub number: u64,
    /// 公民身份号码.
    pub citizen_id: String,
    /// 姓名.
    pub name: String,
    /// Whether a man.
    pub male: bool,
    /// 出生日期.
    pub born_on: NaiveDate,
    /// Index of the county of residence.
    pub county: usize,
    /// Index of the town in the county.
    pub town: usize,
    /// Index of the village in the town.
    pub village: usize,
}

impl Person {
    /// Whole years on the day on which the city is described.
    pub fn age(&self) -> u32 {
        TODAY.years_since(self.born_on).unwrap_or(0)
    }
}

/// Ages from oldest to youngest: years, and how many persons live per day of birth, in
/// proportion.
const BANDS: &[(u64, u64)] = &[(15, 1), (20, 3), (40, 5), (20, 4)];

const DAYS_PER_YEAR: u64 = 365;
const COUNTIES: u64 = 5;
/// Serial numbers per sex and weight of the day: 5 weights of 100 make the 500 there are.
const SERIALS: u64 = 100;

/// All places that a citizen id can take.
const fn places() -> u64 {
    let mut days = 0;
    let mut band = 0;
    while band < BANDS.len() {
        days += BANDS[band].0 * BANDS[band].1 * DAYS_PER_YEAR;
        band += 1;
    }
    days * COUNTIES * SERIALS * 2
}

/// Greatest number of persons that a city can have.
pub const PERSONS_MAX: u64 = 10_000_000;

/// Describes a person. Ids are never equal: each number has a place of its own.
pub fn person(city: &City, number: u64) -> Person {
    let mut rest = shuffled(number);
    let mut digit = |count| {
        let digit = rest % count;
        rest /= count;
        digit
    };
    let male = digit(2) == 1;
    let county = digit(COUNTIES);
    let serial = digit(SERIALS);
    let (day, weight) = birth_day(rest);

    let first = TODAY - Days::new(BANDS.iter().map(|band| band.0 * DAYS_PER_YEAR).sum());
    let born_on = first + Days::new(day);
    let serial = 2 * (weight * SERIALS + serial) + u64::from(male);
    let mut dice = Dice::new(city.seed, "person", number);
    let division = first_division(county as usize, born_on, &mut dice);
    let citizen_id =
        codes::citizen_id(&format!("{division}{}{serial:03}", born_on.format("%Y%m%d")));

    let name = name(male, &mut dice);
    let towns = &city.places.counties[county as usize].towns;
    let town = dice.below(towns.len() as u64) as usize;
    let village = dice.below(towns[town].villages.len() as u64) as usize;
    Person { number, citizen_id, name, male, born_on, county: county as usize, town, village }
}

/// Where a number stands after the places were shuffled. Each step of the shuffle can be undone,
/// so no two numbers share a place; what falls outside is shuffled again.
fn shuffled(number: u64) -> u64 {
    const BITS: u32 = 27;
    const MASK: u64 = (1 << BITS) - 1;
    const { assert!(places() <= MASK && PERSONS_MAX < places()) };
    let mut place = number;
    loop {
        for factor in [0x2545_f491, 0x9e37_79b1, 0x85eb_ca6b] {
            place = (place.wrapping_mul(factor) + 0x0135_7911) & MASK;
            place ^= place >> 13;
        }
        if place < places() {
            return place;
        }
    }
}

/// The day of birth counted from the oldest, and which of the day's weights it is.
fn birth_day(mut place: u64) -> (u64, u64) {
    let mut first = 0;
    for (years, weight) in BANDS {
        let days = years * DAYS_PER_YEAR;
        if place < days * weight {
            return (first + place / weight, place % weight);
        }
        place -= days * weight;
        first += days;
    }
    unreachable!("a place lies in one of the bands")
}

/// The code at first registration. Counties had other codes before 1999, and one in ten came
/// from elsewhere.
fn first_division(county: usize, born_on: NaiveDate, dice: &mut Dice) -> &'static str {
    const ELSEWHERE: &[&str] = &["430103", "430302", "430522", "430922", "431224", "440306"];
    const NOW: [&str; 5] = ["431302", "431321", "431322", "431381", "431382"];
    const UNTIL_1998: [&str; 5] = ["432501", "432522", "432524", "432502", "432503"];
    // Serial numbers are unique within one code only, so each county has its own way out.
    if dice.one_in(10) {
        return ELSEWHERE[county];
    }
    let before = born_on < NaiveDate::from_ymd_opt(1999, 1, 1).expect("a date");
    if before { UNTIL_1998[county] } else { NOW[county] }
}

/// A name of two to four characters.
pub fn name(male: bool, dice: &mut Dice) -> String {
    let surname = *dice.pick_early(names::SURNAMES);
    let given = if male { names::MALE } else { names::FEMALE };
    let first = *dice.pick(given);
    let second = *dice.pick(given);
    let single = first.chars().count() > 1 || dice.one_in(3);
    if single { format!("{surname}{first}") } else { format!("{surname}{first}{second}") }
}
