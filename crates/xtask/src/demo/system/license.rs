//! E-licenses: real estate certificates, construction permits.

use chrono::{Days, Months};

use super::{
    Form, ID, Row, Rows, System, column,
    value::{dashed, moment, often, recent, text},
};
use crate::demo::{
    city::{City, Dice, LegalPerson, Person, Sort, license_id},
    fault::{
        Expect, cell, doubled, fault, ragged, rejected, repeated, rule_broken, rule_warned, warned,
    },
};

const CODE: &str = "do: [trim, half-width]";
const MOMENT: &str = r#"date: ["yyyy-MM-dd HH:mm:ss"]"#;
const STATE: &str = r#"codes: { 现势: "01", 注销: "04" }"#;

/// 不动产权证书: a table of the registration centre.
pub static REAL_ESTATE: System = System {
    connector: "real-estate-certificate",
    entry: "natural-resources/real-estate-certificate",
    form: Form::Sqlite { table: "bdc_dzzz_zzxx", watermark: "ZZBGSJ" },
    more: "",
    columns: &[
        column("ZZBS", "license_id", "do: [trim]"),
        column("ZZLXDM", "type_code", ""),
        column("ZZMC", "name", ""),
        column("ZZBH", "number", "do: [trim]"),
        column("ZZBFJG", "issuer", ""),
        column("ZZBFJGDM", "issuer_code", CODE),
        column("ZZBFRQ", "issued_on", "date: [yyyy-MM-dd]"),
        column("CZZT", "holder", "do: [trim]"),
        column("CZZTDM", "holder_code", ID),
        column("CZZTDMLX", "holder_code_type", ""),
        column("XZQHDM", "division", ""),
        column("BDCDYH", "unit_no", "do: [trim]"),
        column("ZL", "location", "do: [trim]"),
        column("YT", "use", ""),
        column("JZMJ", "area_m2", ""),
        column("TDSYJSRQ", "land_until", "date: [yyyy-MM-dd]"),
        column("SFGY", "shared", r#"codes: { 是: "true", 否: "false" }"#),
        column("ZZZT", "state", STATE),
        column("ZXRQ", "cancelled_on", "date: [yyyy-MM-dd]"),
        column("ZZBGSJ", "updated_at", MOMENT),
    ],
    key: &["ZZBS"],
    rows: real_estate,
    faults: &[
        fault(
            "mistyped identifier",
            "ZZBS",
            cell::wrong_check,
            rejected("check-digit", "license_id"),
        ),
        fault("identifier of another type", "ZZLXDM", cell::other_type, rule_broken("id-of-type")),
        fault(
            "unknown code",
            "CZZTDMLX",
            cell::unknown_code,
            rejected("code-list", "holder_code_type"),
        ),
        fault("id of 15 digits", "CZZTDM", cell::old_id, Expect::Accepted),
        fault("id too short", "CZZTDM", cell::too_short, rule_broken("holder-form")),
        fault("unit in another form", "BDCDYH", cell::too_short, rejected("pattern", "unit_no")),
        fault("number below zero", "JZMJ", cell::negative, rejected("range", "area_m2")),
        fault("too many decimals", "JZMJ", cell::too_precise, rejected("precision", "area_m2")),
        fault("word for a code", "SFGY", cell::word_for_code, rejected("code-list", "shared")),
        fault("cancelled without day", "ZZZT", cell::struck_off, rule_broken("cancelled-day")),
        fault("nothing filled in", "ZL", cell::empty, rejected("required", "location")),
        fault("outside the city", "XZQHDM", cell::in_changsha, rule_warned("in-loudi")),
    ],
};

fn real_estate(city: &City) -> Rows<'_> {
    let owners = city.people().filter(|person| person.number % 9 == 2 && person.age() >= 20);
    Box::new(owners.map(|owner| real_estate_row(city, &owner)))
}

fn real_estate_row(city: &City, owner: &Person) -> Row {
    const TYPE: &str = "11100000MB03271699001";
    let mut dice = Dice::new(city.seed, "real-estate", owner.number);
    let dice = &mut dice;
    let county = &city.places.counties[owner.county];
    let (office, code) = city.office(owner.county, "自然资源局", 5);
    let issued_on = recent(dice, 2_500);
    let ended = dice.one_in(25);
    let from = chrono::NaiveDate::from_ymd_opt(2026, 1, 3).expect("a date");
    let changed = from + Days::new(owner.number * 300 / city.persons);
    vec![
        text(license_id(TYPE, &code, &format!("4313{:09}", owner.number), "001")),
        text(TYPE),
        text("不动产权证书"),
        text(format!(
            "湘（{}）{}不动产权第{:07}号",
            issued_on.format("%Y"),
            county.name,
            owner.number
        )),
        text(office),
        text(code),
        dashed(issued_on),
        text(&owner.name),
        text(&owner.citizen_id),
        text("111"),
        text(&county.code),
        text(format!("{}001001GB{:05}F{:08}", county.code, owner.number % 99_999, owner.number)),
        text(city.address(owner, dice)),
        text(*dice.pick_early(&["住宅", "住宅", "商业服务", "办公", "工业"])),
        often(dice, 95, format!("{}.{:02}", 45 + owner.number % 140, owner.number % 100)),
        dashed(issued_on + Months::new(840)).filter(|_| dice.below(2) > 0),
        text(if dice.one_in(3) { "是" } else { "否" }),
        text(if ended { "注销" } else { "现势" }),
        dashed(issued_on + Days::new(10)).filter(|_| ended),
        text(format!("{} 17:30:00", changed.format("%Y-%m-%d"))),
    ]
}

/// 施工许可: JSON Lines of the housing bureau.
pub static PERMIT: System = System {
    connector: "construction-permit",
    entry: "housing-urban-rural/construction-permit",
    form: Form::JsonLines,
    more: "",
    columns: &[
        column("zzbs", "license_id", "do: [trim]"),
        column("zzlxdm", "type_code", ""),
        column("zzmc", "name", ""),
        column("zzbh", "number", ""),
        column("fzjg", "issuer", ""),
        column("fzjgdm", "issuer_code", CODE),
        column("fzrq", "issued_on", "date: [yyyy-MM-dd]"),
        column("yxqq", "valid_from", "date: [yyyy-MM-dd]"),
        column("yxqz", "valid_until", "date: [yyyy-MM-dd]"),
        column("jsdw", "holder", "do: [trim]"),
        column("jsdwdm", "holder_code", CODE),
        column("jsdwdmlx", "holder_code_type", ""),
        column("xzqh", "division", ""),
        column("gcmc", "project", ""),
        column("xmdm", "project_code", ""),
        column("sgdw", "builder", "do: [trim]"),
        column("sgdwdm", "builder_code", CODE),
        column("jsgm", "scale_m2", ""),
        column("htjg", "price_10k", ""),
        column("certState", "state", ""),
        column("gxsj", "updated_at", MOMENT),
    ],
    key: &["zzbs"],
    rows: permit,
    faults: &[
        fault(
            "mistyped identifier",
            "zzbs",
            cell::wrong_check,
            rejected("check-digit", "license_id"),
        ),
        fault("number in words", "htjg", cell::in_words, rejected("type", "price_10k")),
        fault(
            "project in another form",
            "xmdm",
            cell::too_short,
            rejected("pattern", "project_code"),
        ),
        fault("pilot code", "sgdwdm", cell::wrong_check, warned("check-digit", "builder_code")),
        fault("unknown code", "certState", cell::unknown_code, rejected("code-list", "state")),
        fault(
            "ended before it began",
            "yxqz",
            cell::century_earlier,
            rule_broken("valid-in-order"),
        ),
        fault("nothing filled in", "sgdw", cell::empty, rejected("required", "builder")),
        repeated("zzbs"),
        ragged("gxsj"),
        doubled("gcmc"),
    ],
};

fn permit(city: &City) -> Rows<'_> {
    let owners = city.legal_people().filter(|it| it.sort == Sort::Firm && it.number % 12 == 0);
    Box::new(owners.map(|owner| permit_row(city, &owner)))
}

fn permit_row(city: &City, owner: &LegalPerson) -> Row {
    const TYPE: &str = "11100000000013338W032";
    let mut dice = Dice::new(city.seed, "permit", owner.number);
    let dice = &mut dice;
    let county = &city.places.counties[owner.county];
    let (office, code) = city.office(owner.county, "住房和城乡建设局", 6);
    let issued_on = recent(dice, 900);
    let builder = city.legal_person(dice.below(city.legal_persons));
    let day = issued_on.format("%Y%m%d");
    vec![
        text(license_id(TYPE, &code, &format!("{day}{:06}", owner.number), "001")),
        text(TYPE),
        text("建筑工程施工许可证"),
        text(format!("{}{day}{:04}", county.code, owner.number % 10_000)),
        text(office),
        text(code),
        dashed(issued_on),
        dashed(issued_on),
        dashed(issued_on + Months::new(30)),
        text(&owner.name),
        text(&owner.credit_code),
        text("001"),
        text(&county.code),
        text(format!("{}{}期厂房建设项目", owner.name, 1 + dice.below(3))),
        text(format!("{}-{}-47-03-{:06}", issued_on.format("%Y"), county.code, owner.number)),
        text(&builder.name),
        text(&builder.credit_code),
        often(dice, 80, format!("{}.50", 800 + owner.number % 40_000)),
        text(format!("{}.00", 100 + dice.below(20_000))),
        text(*dice.pick_early(&["01", "01", "05"])),
        moment(issued_on, dice),
    ]
}
