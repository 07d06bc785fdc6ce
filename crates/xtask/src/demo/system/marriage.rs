//! Civil affairs: marriages and divorces.

use chrono::{Days, Months, NaiveDate};

use super::{
    Form, ID, Row, Rows, System, column,
    value::{dashed, later, moment, text},
};
use crate::demo::{
    city::{City, Couple, Dice, TODAY},
    fault::{Expect, as_number, cell, doubled, fault, rejected, repeated, rule_broken, swapped},
};

/// 结婚登记: a table whose rows are changed in place.
pub static MARRIAGE: System = System {
    connector: "marriage",
    entry: "civil-affairs/marriage",
    form: Form::Sqlite { table: "hydj_jh", watermark: "GXSJ" },
    more: "",
    columns: &[
        column("JHZZH", "certificate_no", "do: [trim]"),
        column("NFZJHM", "husband_id", ID),
        column("NFXM", "husband_name", "do: [trim]"),
        column("NFQTZJLX", "husband_document_type", ""),
        column("NFQTZJHM", "husband_document_no", ""),
        column("NVFZJHM", "wife_id", ID),
        column("NVFXM", "wife_name", "do: [trim]"),
        column("NVFQTZJLX", "wife_document_type", ""),
        column("NVFQTZJHM", "wife_document_no", ""),
        column("DJRQ", "registered_on", "date: [yyyy-MM-dd]"),
        column("DJJG", "authority", ""),
        column("DJJGXZQH", "authority_division", ""),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["JHZZH"],
    rows: marriage,
    faults: &[
        fault("full-width digits", "NFZJHM", cell::full_width, Expect::Accepted),
        fault("id of 15 digits", "NVFZJHM", cell::old_id, Expect::Accepted),
        fault("mistyped id", "NFZJHM", cell::mistyped_id, rejected("check-digit", "husband_id")),
        swapped("NVFZJHM", "NVFXM", rejected("length", "wife_id")),
        fault("no document", "NVFZJHM", cell::empty, rule_broken("wife-named")),
        fault("married before birth", "DJRQ", cell::in_1950, rule_broken("husband-born")),
        fault("impossible date", "DJRQ", cell::impossible_date, rejected("date", "registered_on")),
        fault(
            "number in another form",
            "JHZZH",
            cell::remark,
            rejected("pattern", "certificate_no"),
        ),
        fault("nothing filled in", "NFXM", cell::empty, rejected("required", "husband_name")),
    ],
};

fn marriage(city: &City) -> Rows<'_> {
    Box::new(city.couples().enumerate().map(|(index, couple)| {
        let mut dice = Dice::new(city.seed, "marriage", couple.number);
        marriage_row(city, &couple, changed_at(city, index as u64), &mut dice)
    }))
}

fn marriage_row(city: &City, couple: &Couple, changed_at: String, dice: &mut Dice) -> Row {
    let registered_on = married_on(city, couple);
    let county = &city.places.counties[couple.husband.county];
    let foreign = dice.one_in(80);
    let wife_name = if foreign { "NGUYEN THI LAN".to_owned() } else { couple.wife.name.clone() };
    vec![
        text(certificate(city, couple, "J", registered_on)),
        text(&couple.husband.citizen_id),
        text(&couple.husband.name),
        None,
        None,
        text(&couple.wife.citizen_id).filter(|_| !foreign),
        text(wife_name),
        text("414").filter(|_| foreign),
        text(format!("C{:07}", couple.number)).filter(|_| foreign),
        dashed(registered_on),
        text(format!("{}民政局婚姻登记处", county.name)),
        text(&county.code),
        Some(changed_at),
    ]
}

/// Rises with the rows; twenty of them share a moment.
fn changed_at(city: &City, index: u64) -> String {
    let from = NaiveDate::from_ymd_opt(2026, 2, 2).and_then(|day| day.and_hms_opt(9, 0, 0));
    let minutes = index / 20 * 300_000 / (city.persons / 8 / 20 + 1);
    let at = from.expect("a moment") + chrono::TimeDelta::minutes(minutes as i64);
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The day on which a couple married: both were of age.
fn married_on(city: &City, couple: &Couple) -> NaiveDate {
    let mut dice = Dice::new(city.seed, "married-on", couple.number);
    let younger = couple.husband.born_on.max(couple.wife.born_on);
    let of_age = younger + Months::new(22 * 12);
    later(of_age, dice.below(4_000)).min(TODAY - Days::new(2))
}

fn certificate(city: &City, couple: &Couple, letter: &str, day: NaiveDate) -> String {
    let county = &city.places.counties[couple.husband.county].code;
    // Seven digits of the couple's number do not fit into six: the rest goes into the office.
    let office: u64 = county.parse::<u64>().unwrap_or_default() + couple.number / 1_000_000;
    format!("{letter}{office:06}-{}-{:06}", day.format("%Y"), couple.number % 1_000_000)
}

/// 离婚登记: a workbook that an office keeps by hand.
pub static DIVORCE: System = System {
    connector: "divorce",
    entry: "civil-affairs/divorce",
    form: Form::Xlsx,
    more: "",
    columns: &[
        column("离婚证字号", "certificate_no", "do: [trim]"),
        column("离婚方式", "kind", r#"codes: { 协议: "1", 诉讼: "2" }"#),
        column("原结婚证字号", "marriage_no", "do: [trim]"),
        column("男方身份证号", "husband_id", ID),
        column("男方姓名", "husband_name", "do: [trim]"),
        column("女方身份证号", "wife_id", ID),
        column("女方姓名", "wife_name", "do: [trim]"),
        column("离婚日期", "divorced_on", r#"date: [yyyy年M月d日, yyyy-MM-dd]"#),
        column("登记机关", "authority", ""),
        column("更新时间", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["离婚证字号"],
    rows: divorce,
    faults: &[
        as_number("男方身份证号", "husband_id"),
        fault("full-width digits", "女方身份证号", cell::full_width, Expect::Accepted),
        doubled("登记机关"),
        repeated("离婚证字号"),
        fault("spoken date", "离婚日期", cell::spoken_date, rejected("date", "divorced_on")),
        fault("word for a code", "离婚方式", cell::word_for_code, rejected("code-list", "kind")),
        fault("mistyped id", "女方身份证号", cell::mistyped_id, rejected("check-digit", "wife_id")),
        fault("no document", "男方身份证号", cell::empty, rule_broken("husband-named")),
        fault("remark in the field", "登记机关", cell::too_long, rejected("length", "authority")),
    ],
};

fn divorce(city: &City) -> Rows<'_> {
    let divorced = city.couples().filter(|couple| couple.number % 9 == 4);
    Box::new(divorced.map(|couple| divorce_row(city, &couple)))
}

fn divorce_row(city: &City, couple: &Couple) -> Row {
    let mut dice = Dice::new(city.seed, "divorce", couple.number);
    let married_on = married_on(city, couple);
    let divorced_on = later(married_on, 200 + dice.below(5_000)).max(married_on + Days::new(1));
    let county = &city.places.counties[couple.husband.county];
    let by_court = dice.one_in(5);
    let number = certificate(city, couple, "L", divorced_on);
    let court = format!("（{}）湘13民初{}号", divorced_on.format("%Y"), couple.number);
    let office = if by_court { "人民法院" } else { "民政局婚姻登记处" };
    vec![
        text(if by_court { court } else { number }),
        text(if by_court { "诉讼" } else { "协议" }),
        text(certificate(city, couple, "J", married_on)),
        text(&couple.husband.citizen_id),
        text(&couple.husband.name),
        text(&couple.wife.citizen_id),
        text(&couple.wife.name),
        text(divorced_on.format("%Y年%-m月%-d日")),
        text(format!("{}{office}", county.name)),
        moment(divorced_on, &mut dice),
    ]
}
