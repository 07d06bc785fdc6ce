//! The police: registered residents, and residents from elsewhere.

use chrono::{NaiveDate, TimeDelta};

use super::{
    Column, Encoding, Form, ID, Row, Rows, SEX, System, column,
    value::{compact, dashed, later, male_female, moment, often, recent, text},
};
use crate::demo::{
    city::{City, Dice, Person, TODAY},
    fault::{
        Expect, Fault, cell, cut_off, doubled, fault, garbage, ragged, rejected, repeated,
        rule_broken, rule_warned, swapped, warned,
    },
};

/// 户籍: an exchange table in which each change is a row of its own.
pub static HOUSEHOLD: System = System {
    connector: "household",
    entry: "public-security/household",
    form: Form::Sqlite { table: "t_czrk", watermark: "gxsj" },
    more: "operation: { from: czbz, codes: { I: upsert, U: upsert, D: delete } }\n",
    columns: HOUSEHOLD_COLUMNS,
    key: &["GMSFHM"],
    rows: household,
    faults: HOUSEHOLD_FAULTS,
};

const HOUSEHOLD_COLUMNS: &[Column] = &[
    column("GMSFHM", "citizen_id", ID),
    column("XM", "name", "do: [trim]"),
    column("XB", "sex", SEX),
    column("MZ", "ethnic_group", ""),
    column("CSRQ", "birth_date", "date: [yyyyMMdd, yyyy-MM-dd]"),
    column("HH", "household_no", ""),
    column("YHZGX", "household_relation", ""),
    column("HJDXZQHDM", "division", "do: [trim]"),
    column("HJDZ", "address", "do: [trim]"),
    column("XZQH", "residence_division", ""),
    column("XZXZ", "residence_address", ""),
    column("WHCDDM", "education", ""),
    column("HYZKDM", "marital", ""),
    column("FWCS", "workplace", ""),
    column("SG", "height_cm", ""),
    column("LXDH", "phone", "do: [trim, half-width]"),
    column("SWRQ", "death_date", "date: [yyyyMMdd]"),
    column("czbz", "", ""),
    column("gxsj", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
];

const HOUSEHOLD_FAULTS: &[Fault] = &[
    fault("full-width digits", "GMSFHM", cell::full_width, Expect::Accepted),
    fault("id of 15 digits", "GMSFHM", cell::old_id, Expect::Accepted),
    fault("padded with blanks", "GMSFHM", cell::padded, Expect::Accepted),
    fault("mistyped id", "GMSFHM", cell::mistyped_id, rejected("check-digit", "citizen_id")),
    fault("id too short", "GMSFHM", cell::too_short, rejected("length", "citizen_id")),
    swapped("GMSFHM", "XM", rejected("length", "citizen_id")),
    fault("no id", "GMSFHM", cell::empty, rejected("key-missing", "citizen_id")),
    fault("impossible date", "CSRQ", cell::impossible_date, rejected("date", "birth_date")),
    fault("spoken date", "CSRQ", cell::spoken_date, rejected("date", "birth_date")),
    fault("birth date not of the id", "CSRQ", cell::ten_years_earlier, rule_broken("birth-in-id")),
    fault("word for a code", "XB", cell::word_for_code, rejected("code-list", "sex")),
    fault("unknown code", "MZ", cell::unknown_code, rejected("code-list", "ethnic_group")),
    fault("nothing filled in", "XM", cell::empty, rejected("required", "name")),
    fault("remark in the field", "HJDZ", cell::too_long, rejected("length", "address")),
    fault("impossible height", "SG", cell::huge, rejected("range", "height_cm")),
    fault("too many decimals", "SG", cell::too_precise, rejected("precision", "height_cm")),
    fault("number in words", "SG", cell::in_words, rejected("type", "height_cm")),
    fault("remark for a number", "LXDH", cell::remark, rejected("pattern", "phone")),
    fault(
        "unknown division",
        "XZQH",
        cell::unknown_division,
        warned("code-list", "residence_division"),
    ),
    fault("place without its code", "XZQH", cell::empty, rule_warned("residence-full")),
];

/// Everybody, then those who moved house, then those who moved away: in the order of change.
fn household(city: &City) -> Rows<'_> {
    let all = city.people().map(|person| household_row(city, &person, Change::New));
    let moved = city.people().filter(|person| person.number % 97 == 7);
    let moved = moved.map(|person| household_row(city, &person, Change::Moved));
    let gone = city.people().filter(|person| person.number % 997 == 3);
    let gone = gone.map(|person| household_row(city, &person, Change::Gone));
    Box::new(all.chain(moved).chain(gone))
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Change {
    New,
    Moved,
    Gone,
}

fn household_row(city: &City, person: &Person, change: Change) -> Row {
    let mut dice = Dice::new(city.seed, "household", person.number);
    let dice = &mut dice;
    let town = &city.places.counties[person.county].towns[person.town];
    let grown = person.age() >= 18;
    let address = city.address(person, dice);
    let home = match change {
        Change::Moved => city.address(person, &mut Dice::new(city.seed, "moved", person.number)),
        _ => address.clone(),
    };
    let at_home = dice.below(6) > 0;
    let relation = match (person.age() >= 22, person.male) {
        (true, true) => "02",
        (true, false) => "12",
        (false, true) => "20",
        (false, false) => "30",
    };
    vec![
        text(&person.citizen_id),
        text(&person.name),
        text(male_female(person.male)),
        text(*dice.pick_early(&["01", "01", "01", "01", "15", "06", "12", "11", "03"])),
        compact(person.born_on),
        text(format!("{}{:06}", town.code, dice.below(1_000_000))),
        text(relation),
        text(&city.places.counties[person.county].code),
        text(address),
        at_home.then(|| town.villages[person.village].0.clone()),
        at_home.then_some(home),
        text(*dice.pick(&["21", "31", "61", "71", "81"])).filter(|_| grown),
        // Adults tell civil affairs, not the police, when they marry.
        text("10").filter(|_| person.age() < 20),
        city.employer(person).map(|employer| employer.name),
        often(dice, 70, format!("1{}.{}", 50 + person.number % 35, person.number % 10))
            .filter(|_| grown),
        text(city.phone(person)).filter(|_| grown),
        None,
        text(["I", "U", "D"][change as usize]),
        text(changed_at(city, person.number, change)),
    ]
}

/// Rises with the rows. Many rows share a moment, as bulk updates do.
fn changed_at(city: &City, number: u64, change: Change) -> String {
    let (from, days) = match change {
        Change::New => (NaiveDate::from_ymd_opt(2026, 1, 5), 200),
        Change::Moved => (NaiveDate::from_ymd_opt(2026, 9, 1), 60),
        Change::Gone => (NaiveDate::from_ymd_opt(2026, 11, 2), 10),
    };
    let from = from.expect("a date").and_hms_opt(8, 0, 0).expect("a time");
    let seconds = u128::from(number) * (days * 86_400) / u128::from(city.persons);
    let coarse = seconds as i64 / 300 * 300;
    (from + TimeDelta::seconds(coarse)).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// 居住登记: files in GBK, as an old client exports them.
pub static RESIDENCE: System = System {
    connector: "residence",
    entry: "public-security/residence",
    form: Form::Delimited { extension: "csv", encoding: Encoding::Gbk, rows_per_file: 10_000 },
    more: "",
    columns: &[
        column("DJBH", "registration_no", ""),
        column("GMSFHM", "citizen_id", ID),
        column("XM", "name", "do: [trim]"),
        column("XB", "sex", SEX),
        column("CSRQ", "birth_date", "date: [yyyy-MM-dd]"),
        column("HJDXZQHDM", "division", ""),
        column("JZDJWHDM", "residence_division", ""),
        column("JZDZ", "residence_address", "do: [trim]"),
        column(
            "JZSY",
            "reason",
            r#"codes: { 务工: "01", 经商: "02", 就学: "03", 投靠亲属: "04" }"#,
        ),
        column("LXDH", "phone", "do: [trim, half-width]"),
        column("DJRQ", "registered_on", "date: [yyyy-MM-dd]"),
        column("JZZBH", "permit_no", ""),
        column("JZZYXQZ", "permit_valid_until", "date: [yyyy-MM-dd]"),
        column("DJZT", "state", ""),
        column("ZXRQ", "cancelled_on", "date: [yyyy-MM-dd]"),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
        column("BZ", "", ""),
    ],
    key: &["DJBH"],
    rows: residence,
    faults: RESIDENCE_FAULTS,
};

const RESIDENCE_FAULTS: &[Fault] = &[
    doubled("JZDZ"),
    fault("full-width digits", "LXDH", cell::full_width, Expect::Accepted),
    garbage("BZ"),
    ragged("BZ"),
    repeated("DJBH"),
    fault("mistyped id", "GMSFHM", cell::mistyped_id, rejected("check-digit", "citizen_id")),
    fault("id of 15 digits", "GMSFHM", cell::old_id, Expect::Accepted),
    fault("no number", "DJBH", cell::empty, rejected("key-missing", "registration_no")),
    fault("number in another form", "DJBH", cell::remark, rejected("pattern", "registration_no")),
    fault("word for a code", "JZSY", cell::word_for_code, rejected("code-list", "reason")),
    fault("impossible date", "DJRQ", cell::impossible_date, rejected("date", "registered_on")),
    fault("town for a village", "JZDJWHDM", cell::town_only, rule_broken("lives-in-loudi")),
    fault("permit without its end", "JZZYXQZ", cell::empty, rule_broken("permit-with-date")),
    fault("ended before it began", "JZZYXQZ", cell::ten_years_earlier, rule_broken("permit-after")),
    cut_off("DJBH"),
];

fn residence(city: &City) -> Rows<'_> {
    let people = city.people().filter(|person| person.number % 11 == 5 && person.age() >= 16);
    Box::new(people.map(|person| residence_row(city, &person)))
}

fn residence_row(city: &City, person: &Person) -> Row {
    let mut dice = Dice::new(city.seed, "residence", person.number);
    let dice = &mut dice;
    // They live in a town that is not their own.
    let county = &city.places.counties[(person.county + 1) % city.places.counties.len()];
    let town = dice.pick(&county.towns);
    let (village, _) = dice.pick(&town.villages);
    let registered_on = later(person.born_on.max(TODAY - chrono::Days::new(1200)), dice.below(900));
    let permit = dice.below(3) > 0;
    let cancelled = dice.one_in(12);
    let cancelled_on = later(registered_on, 30 + dice.below(300));
    let changed_on = if cancelled { cancelled_on } else { recent(dice, 90).max(registered_on) };
    let address = format!("湖南省娄底市{}{}{}号", county.name, town.name, 1 + dice.below(400));
    vec![
        text(format!("JZ{}{:08}", county.code, person.number)),
        text(&person.citizen_id),
        text(&person.name),
        text(male_female(person.male)),
        dashed(person.born_on),
        text(&city.places.counties[person.county].code),
        text(village),
        text(address),
        text(*dice.pick(&["务工", "经商", "就学", "投靠亲属"])),
        text(city.phone(person)),
        dashed(registered_on),
        permit.then(|| format!("{}{:010}", county.code, person.number)),
        dashed(registered_on + chrono::Days::new(365)).filter(|_| permit),
        text(if cancelled { "2" } else { "1" }),
        dashed(cancelled_on).filter(|_| cancelled),
        moment(changed_on, dice),
        often(dice, 30, "流动人口平台导入"),
    ]
}
