//! Market regulation, the organisation office and civil affairs: legal persons.

use chrono::{Days, Months};

use super::{
    Encoding, Form, ID, Row, Rows, System, column,
    value::{compact, dashed, later, moment, often, recent, slashed, text},
};
use crate::demo::{
    city::{City, Dice, LegalPerson, Sort, TODAY},
    fault::{
        Expect, Fault, cell, cut_off, doubled, fault, garbage, ragged, rejected, repeated,
        rule_broken, swapped, warned,
    },
};

const CODE: &str = "do: [trim, half-width]";
const STATE: &str = r#"codes: { 存续: "1", 停业: "2", 吊销: "3", 注销: "4" }"#;

/// 企业登记: daily files in GBK, the last of which broke off in transfer.
pub static ENTERPRISE: System = System {
    connector: "enterprise",
    entry: "market-regulation/enterprise",
    form: Form::Delimited { extension: "csv", encoding: Encoding::Gbk, rows_per_file: 6_000 },
    more: "",
    columns: &[
        column("UNISCID", "credit_code", CODE),
        column("REGNO", "registration_no", ""),
        column("ENTNAME", "name", "do: [trim]"),
        column("JGLB", "kind", ""),
        column("ENTTYPE", "legal_form", r#"codes: { 有限公司: "1", 合作社: "9" }"#),
        column("LEREP", "legal_representative", "do: [trim]"),
        column("CERTYPE", "", ""),
        column("CERNO", "representative_id", ID),
        column("REGCAP", "capital_10k", "do: [trim, half-width]"),
        column("REGCAPCUR", "currency", r#"codes: { 人民币: CNY }"#),
        column("ESTDATE", "established_on", "date: [yyyy/MM/dd]"),
        column("APPRDATE", "approved_on", "date: [yyyy/MM/dd]"),
        column("OPFROM", "term_from", "date: [yyyy/MM/dd]"),
        column("OPTO", "term_until", "date: [yyyy/MM/dd]"),
        column("OPSCOPE", "scope", ""),
        column("INDUSTRYPHY", "industry", ""),
        column("DOMDISTRICT", "division", ""),
        column("DOM", "address", "do: [trim]"),
        column("REGORG", "authority", ""),
        column("REGSTATE", "state", STATE),
        column("CANDATE", "cancelled_on", "date: [yyyy/MM/dd]"),
        column("REVDATE", "revoked_on", "date: [yyyy/MM/dd]"),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["UNISCID"],
    rows: enterprise,
    faults: ENTERPRISE_FAULTS,
};

const ENTERPRISE_FAULTS: &[Fault] = &[
    fault("full-width digits", "UNISCID", cell::full_width, Expect::Accepted),
    fault("padded with blanks", "ENTNAME", cell::padded, Expect::Accepted),
    fault(
        "code of the pilot years",
        "UNISCID",
        cell::wrong_check,
        warned("check-digit", "credit_code"),
    ),
    fault("code too short", "UNISCID", cell::too_short, rejected("length", "credit_code")),
    fault("no code", "UNISCID", cell::empty, rejected("key-missing", "credit_code")),
    swapped("UNISCID", "ENTNAME", rejected("length", "credit_code")),
    fault("number in words", "REGCAP", cell::in_words, rejected("type", "capital_10k")),
    fault("number below zero", "REGCAP", cell::negative, rejected("range", "capital_10k")),
    fault(
        "too many decimals",
        "REGCAP",
        cell::far_too_precise,
        rejected("precision", "capital_10k"),
    ),
    fault("impossible date", "ESTDATE", cell::impossible_date, rejected("date", "established_on")),
    fault("ended before it began", "OPTO", cell::century_earlier, rule_broken("term-in-order")),
    fault("capital without currency", "REGCAPCUR", cell::empty, rule_broken("capital-currency")),
    fault("word for a code", "REGSTATE", cell::word_for_code, rejected("code-list", "state")),
    fault("unknown code", "INDUSTRYPHY", cell::unknown_code, rejected("code-list", "industry")),
    fault("remark in the field", "DOM", cell::too_long, rejected("length", "address")),
    fault("nothing filled in", "OPSCOPE", cell::empty, rejected("required", "scope")),
    fault("mistyped id", "CERNO", cell::mistyped_id, rejected("check-digit", "representative_id")),
    doubled("DOM"),
    repeated("UNISCID"),
    garbage("GXSJ"),
    ragged("GXSJ"),
    cut_off("UNISCID"),
];

fn enterprise(city: &City) -> Rows<'_> {
    let firms = city.legal_people().filter(|it| matches!(it.sort, Sort::Firm | Sort::Cooperative));
    Box::new(firms.map(|firm| enterprise_row(city, &firm)))
}

fn enterprise_row(city: &City, firm: &LegalPerson) -> Row {
    let mut dice = Dice::new(city.seed, "enterprise", firm.number);
    let dice = &mut dice;
    let end = End::of(firm, dice);
    let county = &city.places.counties[firm.county];
    let approved_on = later(firm.founded_on, dice.below(900));
    let capital = if firm.sort == Sort::Cooperative { None } else { text(&firm.capital) };
    let form = if firm.sort == Sort::Cooperative { "合作社" } else { "有限公司" };
    vec![
        text(&firm.credit_code),
        text(format!("{}{:09}", county.code, firm.number)),
        text(&firm.name),
        text(&firm.credit_code[..2]),
        text(form),
        text(&firm.head.name),
        text("111"),
        text(&firm.head.citizen_id),
        capital.clone(),
        capital.map(|_| "人民币".to_owned()),
        slashed(firm.founded_on),
        slashed(approved_on),
        slashed(firm.founded_on),
        slashed(firm.founded_on + Months::new(12 * 30)).filter(|_| dice.below(3) > 0),
        text(scope(firm)),
        text(firm.industry),
        text(&county.code),
        text(&firm.address),
        text(format!("{}市场监督管理局", county.name)),
        text(end.state),
        end.cancelled_on.and_then(slashed),
        end.revoked_on.and_then(slashed),
        moment(end.cancelled_on.or(end.revoked_on).unwrap_or(approved_on), dice),
    ]
}

fn scope(firm: &LegalPerson) -> String {
    format!("许可项目：{}；一般项目：商务代理服务，信息咨询服务", firm.trade)
}

/// Whether and how a legal person came to its end.
struct End {
    state: &'static str,
    cancelled_on: Option<chrono::NaiveDate>,
    revoked_on: Option<chrono::NaiveDate>,
}

impl End {
    fn of(it: &LegalPerson, dice: &mut Dice) -> Self {
        let day = later(it.founded_on, 100 + dice.below(3_000));
        match dice.below(40) {
            0 | 1 => Self { state: "注销", cancelled_on: Some(day), revoked_on: None },
            2 => Self { state: "吊销", cancelled_on: None, revoked_on: Some(day) },
            3 => Self { state: "停业", cancelled_on: None, revoked_on: None },
            _ => Self { state: "存续", cancelled_on: None, revoked_on: None },
        }
    }
}

/// 个体工商户: a database of the licensing windows.
pub static INDIVIDUAL: System = System {
    connector: "individual-business",
    entry: "market-regulation/individual-business",
    form: Form::Sqlite { table: "gtgsh", watermark: "GXSJ" },
    more: "",
    columns: &[
        column("TYSHXYDM", "credit_code", CODE),
        column("ZHMC", "name", "do: [trim]"),
        column("ZCXS", "form", r#"codes: { 个人经营: "1", 家庭经营: "2" }"#),
        column("JYZXM", "operator", "do: [trim]"),
        column("JYZZJHM", "operator_id", ID),
        column("ZJSE", "capital_10k", ""),
        column("ZCRQ", "established_on", "date: [yyyyMMdd]"),
        column("JYFW", "scope", ""),
        column("HYML", "industry", ""),
        column("JYCSXZQH", "division", ""),
        column("JYCS", "address", "do: [trim]"),
        column("DJJG", "authority", ""),
        column("DJZT", "state", STATE),
        column("ZXRQ", "cancelled_on", "date: [yyyyMMdd]"),
        column("DXRQ", "revoked_on", "date: [yyyyMMdd]"),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
        column("JGLB", "kind", ""),
    ],
    key: &["TYSHXYDM"],
    rows: individual,
    faults: &[
        fault("id of 15 digits", "JYZZJHM", cell::old_id, Expect::Accepted),
        fault("mistyped id", "JYZZJHM", cell::mistyped_id, rejected("check-digit", "operator_id")),
        fault("pilot code", "TYSHXYDM", cell::wrong_check, warned("check-digit", "credit_code")),
        fault("word for a code", "ZCXS", cell::word_for_code, rejected("code-list", "form")),
        fault("cancelled without day", "DJZT", cell::cancelled, rule_broken("cancelled-day")),
        fault("impossible date", "ZCRQ", cell::impossible_date, rejected("date", "established_on")),
        fault("child as operator", "ZCRQ", cell::century_earlier, rule_broken("operator-adult")),
        fault("nothing filled in", "JYCS", cell::empty, rejected("required", "address")),
    ],
};

fn individual(city: &City) -> Rows<'_> {
    let shops = city.legal_people().filter(|it| it.sort == Sort::Individual);
    Box::new(shops.map(|shop| individual_row(city, &shop)))
}

fn individual_row(city: &City, shop: &LegalPerson) -> Row {
    let mut dice = Dice::new(city.seed, "individual", shop.number);
    let dice = &mut dice;
    let end = End::of(shop, dice);
    let county = &city.places.counties[shop.county];
    let from = chrono::NaiveDate::from_ymd_opt(2026, 1, 10).expect("a date");
    let days = shop.number * 300 / city.legal_persons;
    vec![
        text(&shop.credit_code),
        text(&shop.name),
        text(if dice.one_in(4) { "家庭经营" } else { "个人经营" }),
        text(&shop.head.name),
        text(&shop.head.citizen_id),
        often(dice, 80, format!("{}.00", 1 + shop.number % 50)),
        compact(shop.founded_on),
        text(scope(shop)),
        text(shop.industry),
        text(&county.code),
        text(&shop.address),
        text(format!("{}市场监督管理局", county.name)),
        text(end.state),
        end.cancelled_on.and_then(compact),
        end.revoked_on.and_then(compact),
        text(format!("{} 18:00:00", (from + Days::new(days)).format("%Y-%m-%d"))),
        text("92"),
    ]
}

/// 事业单位: a workbook.
pub static INSTITUTION: System = System {
    connector: "public-institution",
    entry: "organisation-office/public-institution",
    form: Form::Xlsx,
    more: "",
    columns: &[
        column("统一社会信用代码", "credit_code", CODE),
        column("单位名称", "name", "do: [trim]"),
        column("机构类别", "kind", ""),
        column("举办单位", "organiser", ""),
        column("法定代表人", "legal_representative", "do: [trim]"),
        column(
            "经费来源",
            "funding",
            r#"codes: { 财政全额拨款: "1", 财政差额补助: "2", 经费自理: "3" }"#,
        ),
        column("开办资金", "capital_10k", ""),
        column("宗旨和业务范围", "scope", ""),
        column("区划", "division", ""),
        column("住所", "address", "do: [trim]"),
        column("设立日期", "established_on", "date: [yyyy-MM-dd]"),
        column("证书有效期自", "certificate_from", "date: [yyyy-MM-dd]"),
        column("证书有效期至", "certificate_until", "date: [yyyy-MM-dd]"),
        column("登记管理机关", "authority", ""),
        column("状态", "state", STATE),
        column("更新时间", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["统一社会信用代码"],
    rows: institution,
    faults: REGISTER_FAULTS,
};

/// 社会组织: a workbook of the same office culture.
pub static SOCIAL: System = System {
    connector: "social-organisation",
    entry: "civil-affairs/social-organisation",
    form: Form::Xlsx,
    more: "",
    columns: &[
        column("统一社会信用代码", "credit_code", CODE),
        column("单位名称", "name", "do: [trim]"),
        column("机构类别", "kind", ""),
        column("业务主管单位", "supervisor", ""),
        column("法定代表人", "legal_representative", "do: [trim]"),
        column("会员数", "members", ""),
        column("开办资金", "capital_10k", ""),
        column("宗旨和业务范围", "scope", ""),
        column("区划", "division", ""),
        column("住所", "address", "do: [trim]"),
        column("设立日期", "established_on", "date: [yyyy-MM-dd]"),
        column("证书有效期自", "certificate_from", "date: [yyyy-MM-dd]"),
        column("证书有效期至", "certificate_until", "date: [yyyy-MM-dd]"),
        column("登记管理机关", "authority", ""),
        column("状态", "state", STATE),
        column("更新时间", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["统一社会信用代码"],
    rows: social,
    faults: REGISTER_FAULTS,
};

const REGISTER_FAULTS: &[Fault] = &[
    fault(
        "certificate ended early",
        "证书有效期至",
        cell::ten_years_earlier,
        rule_broken("certificate-dates"),
    ),
    fault(
        "pilot code",
        "统一社会信用代码",
        cell::wrong_check,
        warned("check-digit", "credit_code"),
    ),
    fault("number in words", "开办资金", cell::in_words, rejected("type", "capital_10k")),
    fault("impossible date", "设立日期", cell::impossible_date, rejected("date", "established_on")),
    doubled("住所"),
    fault(
        "nothing filled in",
        "法定代表人",
        cell::empty,
        rejected("required", "legal_representative"),
    ),
    fault("kind not of the code", "机构类别", cell::kind_of_organ, rule_broken("kind-in-code")),
    fault("full-width digits", "统一社会信用代码", cell::full_width, Expect::Accepted),
    fault("unknown code", "状态", cell::unknown_code, rejected("code-list", "state")),
];

fn institution(city: &City) -> Rows<'_> {
    let found = city.legal_people().filter(|it| it.sort == Sort::Institution);
    Box::new(found.map(|it| register_row(city, &it, "县人民政府", "财政全额拨款")))
}

fn social(city: &City) -> Rows<'_> {
    let found =
        city.legal_people().filter(|it| matches!(it.sort, Sort::Association | Sort::PrivateUnit));
    Box::new(found.map(|it| {
        let members = 30 + it.number % 400;
        register_row(city, &it, "行业主管局", &members.to_string())
    }))
}

/// Both registers have the same columns but for the sixth: funding there, members here.
fn register_row(city: &City, it: &LegalPerson, above: &str, sixth: &str) -> Row {
    let mut dice = Dice::new(city.seed, "register", it.number);
    let dice = &mut dice;
    let county = &city.places.counties[it.county];
    let from = recent(dice, 1_000).max(it.founded_on);
    vec![
        text(&it.credit_code),
        text(&it.name),
        text(&it.credit_code[..2]),
        text(format!("{}{above}", county.name)),
        text(&it.head.name),
        text(sixth),
        text(&it.capital),
        text(scope(it)),
        text(&county.code),
        text(&it.address),
        dashed(it.founded_on),
        dashed(from),
        dashed(from + Months::new(60)),
        text(format!("{}登记管理局", county.name)),
        text("存续"),
        moment(from.min(TODAY - Days::new(1)), dice),
    ]
}
