//! The health commission and the crematorium: births and deaths.

use chrono::{Days, NaiveDate};

use super::{
    Encoding, Form, ID, Row, Rows, SEX, System, column,
    value::{compact, dashed, later, male_female, moment, often, text},
};
use crate::demo::{
    city::{City, Couple, Dice, Person, TODAY},
    fault::{
        Expect, cell, cut_off, doubled, fault, garbage, ragged, rejected, repeated, rule_broken,
        warned,
    },
};

/// 出生医学证明: a spreadsheet program's export, UTF-8 after a byte order mark.
pub static BIRTH: System = System {
    connector: "birth",
    entry: "health/birth",
    form: Form::Delimited { extension: "csv", encoding: Encoding::Utf8Bom, rows_per_file: 5_000 },
    more: "",
    columns: &[
        column("CSZMBH", "certificate_no", "do: [trim, half-width]"),
        column("XSEZJHM", "child_id", ID),
        column("XSEXM", "name", "do: [trim]"),
        column("XSEXB", "sex", SEX),
        column("CSRQ", "birth_date", "date: [yyyy-MM-dd, yyyyMMdd]"),
        column("CSYZ", "gestation_weeks", "do: [trim, half-width]"),
        column("CSTZ", "weight_g", "do: [trim, half-width]"),
        column("CSSC", "length_cm", ""),
        column("MQZJHM", "mother_id", ID),
        column("MQXM", "mother_name", "do: [trim]"),
        column("FQZJHM", "father_id", ID),
        column("FQXM", "father_name", "do: [trim]"),
        column("CSDXZQHDM", "division", ""),
        column("JSJGMC", "institution", ""),
        column("JSJGDM", "institution_code", ""),
        column("QFRQ", "issued_on", "date: [yyyy-MM-dd]"),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
        column("BZ", "", ""),
    ],
    key: &["CSZMBH"],
    rows: birth,
    faults: &[
        ragged("BZ"),
        garbage("BZ"),
        doubled("MQXM"),
        fault("full-width digits", "CSTZ", cell::full_width, Expect::Accepted),
        fault("id of 15 digits", "MQZJHM", cell::old_id, Expect::Accepted),
        fault("number below zero", "CSTZ", cell::negative, rejected("range", "weight_g")),
        fault("too many decimals", "CSSC", cell::too_precise, rejected("precision", "length_cm")),
        fault("number in words", "CSYZ", cell::in_words, rejected("type", "gestation_weeks")),
        fault("number too short", "CSZMBH", cell::too_short, rejected("pattern", "certificate_no")),
        fault("mother not named", "MQXM", cell::empty, rejected("required", "mother_name")),
        fault("father without name", "FQXM", cell::empty, rule_broken("father-named")),
        fault("issued too early", "QFRQ", cell::ten_years_earlier, rule_broken("issued-after")),
        fault(
            "mistyped code",
            "JSJGDM",
            cell::wrong_check,
            warned("check-digit", "institution_code"),
        ),
        fault("mistyped id", "XSEZJHM", cell::mistyped_id, rejected("check-digit", "child_id")),
    ],
};

fn birth(city: &City) -> Rows<'_> {
    let children = city.people().filter(|person| person.age() < 6);
    Box::new(children.map(|child| birth_row(city, &child)))
}

fn birth_row(city: &City, child: &Person) -> Row {
    let mut dice = Dice::new(city.seed, "birth", child.number);
    let dice = &mut dice;
    let parents = parents(city, child, dice);
    let mother = match &parents {
        Some(parents) => parents.wife.name.clone(),
        None => city.stranger(false, dice),
    };
    let father = parents.as_ref().filter(|_| dice.below(20) > 0).map(|parents| &parents.husband);
    let (hospital, code) = city.office(child.county, "人民医院", 1);
    let issued_on = later(child.born_on, 3 + dice.below(20));
    // One in two hundred was registered under another name later: the sources disagree.
    let name = if dice.one_in(200) { city.stranger(child.male, dice) } else { child.name.clone() };
    vec![
        text(format!("R{:09}", child.number)),
        often(dice, 95, &child.citizen_id),
        text(name),
        text(male_female(child.male)),
        dashed(child.born_on),
        text(35 + dice.below(7)),
        text(2_300 + dice.below(1_900)),
        text(format!("{}.{}", 46 + dice.below(7), dice.below(10))),
        parents.as_ref().map(|parents| parents.wife.citizen_id.clone()),
        text(mother),
        father.map(|father| father.citizen_id.clone()),
        father.map(|father| father.name.clone()),
        text(&city.places.counties[child.county].code),
        text(hospital),
        text(code),
        dashed(issued_on),
        moment(issued_on, dice),
        often(dice, 10, "补发"),
    ]
}

/// A couple old enough, if a few looks find one.
fn parents(city: &City, child: &Person, dice: &mut Dice) -> Option<Couple> {
    let old_enough = |person: &Person| (20..45).contains(&person.age().saturating_sub(child.age()));
    (0..12)
        .filter_map(|_| city.couple(dice.below(city.persons / 8)))
        .find(|couple| old_enough(&couple.husband) && old_enough(&couple.wife))
}

/// 死亡医学证明: files in GBK, the last of which broke off in transfer.
pub static DEATH: System = System {
    connector: "death",
    entry: "health/death",
    form: Form::Delimited { extension: "csv", encoding: Encoding::Gbk, rows_per_file: 2_000 },
    more: "",
    columns: &[
        column("SWZMBH", "certificate_no", "do: [trim]"),
        column("GMSFHM", "citizen_id", ID),
        column("XM", "name", "do: [trim]"),
        column("XB", "sex", SEX),
        column("CSRQ", "birth_date", "date: [yyyyMMdd]"),
        column("SWRQ", "death_date", "date: [yyyyMMdd]"),
        column("SWDD", "death_place", r#"codes: { 医院: "1", 家中: "3", 养老院: "4", 其他: "9" }"#),
        column("GBSYICD", "cause_icd10", ""),
        column("QFJG", "institution", ""),
        column("QFJGDM", "institution_code", ""),
        column("QFRQ", "issued_on", "date: [yyyyMMdd]"),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["SWZMBH"],
    rows: death,
    faults: &[
        fault("mistyped id", "GMSFHM", cell::mistyped_id, rejected("check-digit", "citizen_id")),
        fault("id of 15 digits", "GMSFHM", cell::old_id, Expect::Accepted),
        fault("dead before birth", "SWRQ", cell::century_earlier, rule_broken("born-first")),
        fault("impossible date", "SWRQ", cell::impossible_date, rejected("date", "death_date")),
        fault(
            "birth date not of the id",
            "CSRQ",
            cell::ten_years_earlier,
            rule_broken("birth-in-id"),
        ),
        fault("word for a code", "SWDD", cell::word_for_code, rejected("code-list", "death_place")),
        fault("cause in words", "GBSYICD", cell::remark, rejected("pattern", "cause_icd10")),
        fault("nothing filled in", "SWRQ", cell::empty, rejected("required", "death_date")),
        doubled("QFJG"),
        cut_off("SWZMBH"),
    ],
};

fn death(city: &City) -> Rows<'_> {
    Box::new(dead(city).map(|(person, died_on)| death_row(city, &person, died_on)))
}

/// Who died in the last years, and when.
fn dead(city: &City) -> impl Iterator<Item = (Person, NaiveDate)> {
    let old = city.people().filter(|person| person.age() >= 55);
    old.filter_map(|person| {
        let mut dice = Dice::new(city.seed, "dead", person.number);
        dice.one_in(9).then(|| (person, TODAY - Days::new(20 + dice.below(600))))
    })
}

fn death_row(city: &City, person: &Person, died_on: NaiveDate) -> Row {
    let mut dice = Dice::new(city.seed, "death", person.number);
    let dice = &mut dice;
    let (hospital, code) = city.office(person.county, "中心医院", 2);
    let issued_on = died_on + Days::new(1 + dice.below(5));
    let cause = *dice.pick(&["I21.9", "I64", "C34.9", "J44.9", "E14.9", "N18.9", "C16.9", "I50.0"]);
    vec![
        text(format!("SW{}{:010}", city.places.counties[person.county].code, person.number)),
        text(&person.citizen_id),
        text(&person.name),
        text(male_female(person.male)),
        compact(person.born_on),
        compact(died_on),
        text(*dice.pick_early(&["家中", "医院", "养老院", "其他"])),
        often(dice, 90, cause),
        text(hospital),
        text(code),
        compact(issued_on),
        moment(issued_on, dice),
    ]
}

/// 火化: tab-separated files of the funeral homes.
pub static CREMATION: System = System {
    connector: "cremation",
    entry: "civil-affairs/cremation",
    form: Form::Delimited { extension: "tsv", encoding: Encoding::Utf8, rows_per_file: 2_000 },
    more: "",
    columns: &[
        column("HHBH", "cremation_no", "do: [trim]"),
        column("SZZJHM", "citizen_id", ID),
        column("SZXM", "name", "do: [trim]"),
        column("SZXB", "sex", SEX),
        column("SWRQ", "death_date", "date: [yyyy-MM-dd]"),
        column("HHRQ", "cremated_on", "date: [yyyy-MM-dd]"),
        column("BYG", "funeral_home", ""),
        column("BYGDM", "funeral_home_code", ""),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["HHBH"],
    rows: cremation,
    faults: &[
        repeated("HHBH"),
        fault("cremated before death", "HHRQ", cell::ten_years_earlier, rule_broken("born-first")),
        fault("mistyped id", "SZZJHM", cell::mistyped_id, rejected("check-digit", "citizen_id")),
        fault("unknown code", "SZXB", cell::unknown_code, rejected("code-list", "sex")),
        fault("number in another form", "HHBH", cell::remark, rejected("pattern", "cremation_no")),
        ragged("BYG"),
    ],
};

fn cremation(city: &City) -> Rows<'_> {
    let cremated = dead(city).filter(|(person, _)| person.number % 3 > 0);
    Box::new(cremated.map(|(person, died_on)| cremation_row(city, &person, died_on)))
}

fn cremation_row(city: &City, person: &Person, died_on: NaiveDate) -> Row {
    let mut dice = Dice::new(city.seed, "cremation", person.number);
    let dice = &mut dice;
    let (home, code) = city.office(person.county, "殡仪馆", 3);
    let cremated_on = died_on + Days::new(2 + dice.below(5));
    // One in fifty: the funeral home noted another day than the hospital.
    let died_on = if dice.one_in(50) { died_on + Days::new(1) } else { died_on };
    vec![
        text(format!("HH{}{:08}", city.places.counties[person.county].code, person.number)),
        text(&person.citizen_id),
        text(&person.name),
        text(male_female(person.male)),
        dashed(died_on),
        dashed(cremated_on),
        text(home),
        text(code),
        moment(cremated_on, dice),
    ]
}
