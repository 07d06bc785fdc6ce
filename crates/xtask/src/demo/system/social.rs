//! Human resources: who is insured, and where they work.

use chrono::Months;

use super::{
    Encoding, Form, ID, Row, Rows, System, column,
    value::{dashed, moment, recent, text},
};
use crate::demo::{
    city::{City, Dice, Person, TODAY},
    fault::{Expect, cell, doubled, fault, ragged, rejected, rule_broken, swapped, warned},
};

/// 社会保险参保: files of the insurance centre.
pub static INSURANCE: System = System {
    connector: "social-insurance",
    entry: "human-resources/social-insurance",
    form: Form::Delimited { extension: "csv", encoding: Encoding::Utf8Bom, rows_per_file: 15_000 },
    more: "",
    columns: &[
        column("AAC002", "citizen_id", ID),
        column("AAE140", "insurance", r#"codes: { 职工养老: "110", 居民养老: "170" }"#),
        column("AAC003", "name", "do: [trim]"),
        column("AAB004", "employer", "do: [trim]"),
        column("AAB998", "employer_code", "do: [trim, half-width]"),
        column("AAC008", "state", ""),
        column("AAC040", "base_yuan", "do: [trim, half-width]"),
        column("LJYS", "months", ""),
        column("AAC030", "started_on", "date: [yyyy-MM-dd, yyyyMMdd]"),
        column("AAE031", "ended_on", "date: [yyyy-MM-dd]"),
        column("AAB301", "division", ""),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["AAC002", "AAE140"],
    rows: insurance,
    faults: &[
        fault("id of 15 digits", "AAC002", cell::old_id, Expect::Accepted),
        fault("full-width digits", "AAC040", cell::full_width, Expect::Accepted),
        swapped("AAC002", "AAC003", rejected("length", "citizen_id")),
        fault("mistyped id", "AAC002", cell::mistyped_id, rejected("check-digit", "citizen_id")),
        fault("number below zero", "AAC040", cell::negative, rejected("range", "base_yuan")),
        fault("too many decimals", "AAC040", cell::too_precise, rejected("precision", "base_yuan")),
        fault("number in words", "LJYS", cell::remark, rejected("type", "months")),
        fault("employer without name", "AAB004", cell::empty, rule_broken("employer-name")),
        fault("pilot code", "AAB998", cell::wrong_check, warned("check-digit", "employer_code")),
        fault(
            "insured before birth",
            "AAC030",
            cell::century_earlier,
            rule_broken("started-first"),
        ),
        fault("ended without day", "AAC008", cell::ended, rule_broken("ended-when")),
        doubled("AAC003"),
        ragged("GXSJ"),
    ],
};

fn insurance(city: &City) -> Rows<'_> {
    let insured = city.people().filter(|person| person.number % 7 == 3 && person.age() >= 18);
    Box::new(insured.map(|person| insurance_row(city, &person)))
}

fn insurance_row(city: &City, person: &Person) -> Row {
    let mut dice = Dice::new(city.seed, "insurance", person.number);
    let dice = &mut dice;
    let employer = city.employer(person);
    let months = 1 + dice.below(u64::from(person.age().min(80) - 17) * 12);
    vec![
        text(&person.citizen_id),
        text(if employer.is_some() { "职工养老" } else { "居民养老" }),
        text(&person.name),
        employer.as_ref().map(|employer| employer.name.clone()),
        employer.as_ref().map(|employer| employer.credit_code.clone()),
        text(if dice.one_in(15) { "2" } else { "1" }),
        text(format!("{}.00", 3_600 + 10 * dice.below(1_500))),
        text(months),
        dashed(TODAY - Months::new(months as u32)),
        None,
        text(&city.places.counties[person.county].code),
        moment(recent(dice, 120), dice),
    ]
}
