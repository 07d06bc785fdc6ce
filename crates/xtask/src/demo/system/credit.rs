//! 双公示 and the lists of the dishonest.

use chrono::{Days, Months};

use super::{
    Encoding, Form, ID, Row, Rows, System, column,
    value::{dashed, moment, often, recent, slashed, text},
};
use crate::demo::{
    city::{City, Dice, LegalPerson, TODAY},
    fault::{
        Expect, cell, doubled, fault, garbage, ragged, rejected, repeated, rule_broken,
        rule_warned, warned,
    },
};

const CODE: &str = "do: [trim, half-width]";
const MOMENT: &str = r#"date: ["yyyy-MM-dd HH:mm:ss"]"#;

/// 行政许可: JSON Lines of the one-stop office.
pub static LICENCE: System = System {
    connector: "administrative-licence",
    entry: "administrative-approval/administrative-licence",
    form: Form::JsonLines,
    more: "",
    columns: &[
        column("XK_XDR_MC", "counterpart", "do: [trim]"),
        column("XK_XDR_LB", "counterpart_kind", ""),
        column("XK_XDR_SHXYM", "credit_code", CODE),
        column("XK_FRDB", "legal_representative", "do: [trim]"),
        column("XK_FR_ZJLX", "representative_type", r#"codes: { 身份证: "111" }"#),
        column("XK_FR_ZJHM", "representative_no", ID),
        column("XK_XKWS", "document_name", ""),
        column("XK_WSH", "document_no", "do: [trim]"),
        column("XK_XKLB", "licence_kind", ""),
        column("XK_XKZS", "certificate_name", ""),
        column("XK_XKBH", "certificate_no", ""),
        column("XK_NR", "content", ""),
        column("XK_JDRQ", "decided_on", "date: [yyyy/MM/dd]"),
        column("XK_YXQZ", "valid_from", "date: [yyyy/MM/dd]"),
        column("XK_YXQZI", "valid_until", "date: [yyyy/MM/dd]"),
        column("XK_XKJG", "authority", ""),
        column("XK_XKJGDM", "authority_code", CODE),
        column("XK_ZT", "state", r#"codes: { 有效: "1", 撤销: "2" }"#),
        column("XK_LYDW", "source", ""),
        column("XK_LYDWDM", "source_code", CODE),
        column("BZ", "remark", ""),
        column("GXSJ", "updated_at", MOMENT),
    ],
    key: &["XK_XKJGDM", "XK_WSH"],
    rows: licence,
    faults: &[
        ragged("BZ"),
        fault("full-width digits", "XK_XDR_SHXYM", cell::full_width, Expect::Accepted),
        fault(
            "pilot code",
            "XK_XDR_SHXYM",
            cell::wrong_check,
            warned("check-digit", "credit_code"),
        ),
        fault(
            "organ's code",
            "XK_XKJGDM",
            cell::wrong_check,
            rejected("check-digit", "authority_code"),
        ),
        fault("no number", "XK_WSH", cell::empty, rejected("key-missing", "document_no")),
        fault("unknown code", "XK_XKLB", cell::unknown_code, rejected("code-list", "licence_kind")),
        fault("spoken date", "XK_JDRQ", cell::spoken_date, rejected("date", "decided_on")),
        fault("impossible date", "XK_YXQZ", cell::impossible_date, rejected("date", "valid_from")),
        fault("date of no end", "XK_YXQZI", cell::year_9999, rejected("range", "valid_until")),
        fault(
            "ended before it began",
            "XK_YXQZI",
            cell::century_earlier,
            rule_broken("valid-in-order"),
        ),
        fault("nothing filled in", "XK_NR", cell::empty, rejected("required", "content")),
        fault("remark in the field", "BZ", cell::too_long, rejected("length", "remark")),
        fault("firm without code", "XK_XDR_SHXYM", cell::empty, rule_broken("organisation-code")),
        doubled("XK_NR"),
        garbage("BZ"),
    ],
};

fn licence(city: &City) -> Rows<'_> {
    let licensed = city.legal_people().filter(|it| it.number % 3 == 0);
    Box::new(licensed.map(|it| licence_row(city, &it)))
}

fn licence_row(city: &City, it: &LegalPerson) -> Row {
    let mut dice = Dice::new(city.seed, "licence", it.number);
    let dice = &mut dice;
    let decided_on = recent(dice, 700);
    let (organ, code) = city.organ("行政审批服务局", 77);
    let (paper, content) = *dice.pick(&[
        ("食品经营许可证", "准予从事食品经营"),
        ("特种行业许可证", "准予从事旅馆业"),
        ("道路运输经营许可证", "准予从事道路普通货物运输"),
        ("卫生许可证", "准予从事公共场所经营"),
        ("危险化学品经营许可证", "准予从事危险化学品经营"),
    ]);
    let until = if dice.one_in(5) { "2099/12/31".to_owned() } else { String::new() };
    let until = if until.is_empty() { slashed(decided_on + Months::new(60)) } else { Some(until) };
    vec![
        text(&it.name),
        text(kind_of(it)),
        text(&it.credit_code),
        text(&it.head.name),
        text("身份证"),
        text(&it.head.citizen_id),
        text(format!("准予行政许可决定书（{paper}）")),
        text(format!("娄行审许〔{}〕{}号", decided_on.format("%Y"), it.number)),
        text(*dice.pick_early(&["普通", "核准", "认可", "登记"])),
        text(paper),
        text(format!("XK4313{:010}", it.number)),
        text(content),
        slashed(decided_on),
        slashed(decided_on),
        until,
        text(&organ),
        text(&code),
        text(if dice.one_in(50) { "撤销" } else { "有效" }),
        text(&organ),
        text(&code),
        often(dice, 10, "告知承诺制"),
        moment(decided_on, dice),
    ]
}

/// 行政相对人类别 of a legal person.
fn kind_of(it: &LegalPerson) -> &'static str {
    if it.credit_code.starts_with("92") { "个体工商户" } else { "法人及非法人组织" }
}

/// 行政处罚: files of market regulation, tab-separated.
pub static PENALTY: System = System {
    connector: "administrative-penalty",
    entry: "market-regulation/administrative-penalty",
    form: Form::Delimited { extension: "tsv", encoding: Encoding::Gbk, rows_per_file: 2_000 },
    more: "",
    columns: &[
        column("CF_XDR_MC", "counterpart", "do: [trim]"),
        column("CF_XDR_LB", "counterpart_kind", ""),
        column("CF_XDR_SHXYM", "credit_code", CODE),
        column("CF_FRDB", "legal_representative", "do: [trim]"),
        column("CF_XDR_ZJLX", "person_type", r#"codes: { 身份证: "111" }"#),
        column("CF_XDR_ZJHM", "person_no", ID),
        column("CF_WSH", "document_no", "do: [trim]"),
        column("CF_WFXW", "offence", ""),
        column("CF_SY", "facts", ""),
        column("CF_YJ", "basis", ""),
        column("CF_CFLB", "penalty_kind", ""),
        column("CF_NR", "content", ""),
        column("CF_NR_FK", "fine_10k", "do: [trim, half-width]"),
        column("CF_JDRQ", "decided_on", "date: [yyyy/MM/dd]"),
        column("CF_YXQ", "valid_until", "date: [yyyy/MM/dd]"),
        column("CF_GSJZQ", "published_until", "date: [yyyy/MM/dd]"),
        column("CF_CFJG", "authority", ""),
        column("CF_CFJGDM", "authority_code", CODE),
        column("CF_ZT", "state", r#"codes: { 正常: "1", 撤销: "2" }"#),
        column("CF_SJLY", "source", ""),
        column("CF_SJLYDM", "source_code", CODE),
        column("GXSJ", "updated_at", MOMENT),
    ],
    key: &["CF_CFJGDM", "CF_WSH"],
    rows: penalty,
    faults: &[
        fault("full-width digits", "CF_NR_FK", cell::full_width, Expect::Accepted),
        fault("number below zero", "CF_NR_FK", cell::negative, rejected("range", "fine_10k")),
        fault("number in words", "CF_NR_FK", cell::in_words, rejected("type", "fine_10k")),
        fault(
            "too many decimals",
            "CF_NR_FK",
            cell::far_too_precise,
            rejected("precision", "fine_10k"),
        ),
        fault("fine without amount", "CF_NR_FK", cell::empty, rule_broken("fine-named")),
        fault("unknown code", "CF_CFLB", cell::unknown_code, rejected("code-list", "penalty_kind")),
        fault(
            "published too short",
            "CF_GSJZQ",
            cell::ten_years_earlier,
            rule_broken("published-after"),
        ),
        fault("number without sign", "CF_WSH", cell::too_short, rule_warned("decision-number")),
        fault("nothing filled in", "CF_SY", cell::empty, rejected("required", "facts")),
        garbage("GXSJ"),
        ragged("GXSJ"),
        repeated("CF_WSH"),
    ],
};

fn penalty(city: &City) -> Rows<'_> {
    let punished = city.legal_people().filter(|it| it.number % 10 == 1);
    Box::new(punished.map(|it| penalty_row(city, &it)))
}

fn penalty_row(city: &City, it: &LegalPerson) -> Row {
    let mut dice = Dice::new(city.seed, "penalty", it.number);
    let dice = &mut dice;
    let decided_on = recent(dice, 900);
    let (organ, code) = city.organ("市场监督管理局", 67);
    let person = dice.one_in(8);
    let fined = dice.below(4) > 0;
    let fine = format!("{}.{:04}", dice.below(20), 100 * (1 + dice.below(99)));
    let (offence, facts) = *dice.pick(&[
        ("未明码标价", "经营场所内商品未明码标价"),
        ("无证经营", "未取得许可从事经营活动"),
        ("虚假宣传", "在店内宣传栏发布虚假的商业宣传"),
        ("销售过期食品", "货架上摆放并销售超过保质期的食品"),
    ]);
    let content = if fined { format!("罚款{fine}万元") } else { "予以警告".to_owned() };
    let name = if person { &it.head.name } else { &it.name };
    vec![
        text(name),
        text(if person { "自然人" } else { kind_of(it) }),
        text(&it.credit_code).filter(|_| !person),
        text(&it.head.name).filter(|_| !person),
        text("身份证").filter(|_| person),
        text(&it.head.citizen_id).filter(|_| person),
        text(format!("娄市监处罚〔{}〕{}号", decided_on.format("%Y"), it.number)),
        text(offence),
        text(facts),
        text("《中华人民共和国行政处罚法》及相关规定"),
        text(if fined { "罚款" } else { "警告" }),
        text(content),
        text(fine).filter(|_| fined),
        slashed(decided_on),
        slashed(decided_on + Months::new(36)),
        slashed(decided_on + Months::new(12)),
        text(&organ),
        text(&code),
        text(if dice.one_in(40) { "撤销" } else { "正常" }),
        text(&organ),
        text(&code),
        moment(decided_on, dice),
    ]
}

/// 严重失信主体名单: an HTTP service of the credit centre.
pub static DISHONESTY: System = System {
    connector: "dishonesty",
    entry: "development-reform/dishonesty",
    form: Form::Http,
    more: "",
    columns: &[
        column("JLBH", "record_no", "do: [trim]"),
        column("F_MDLB", "list_kind", r#"codes: { 失信黑名单: "8", 重点关注: "4" }"#),
        column("F_MDMC", "list_name", ""),
        column("F_ZTLX", "subject_kind", ""),
        column("F_QYMC", "name", "do: [trim]"),
        column("F_SHXYDM", "credit_code", CODE),
        column("F_ZJHM", "citizen_id", ID),
        column("F_LRYY", "reason", ""),
        column("F_PJZCJG", "decided_by", ""),
        column("F_AH", "court_case_no", ""),
        column("F_SJJE", "amount_10k", ""),
        column("F_FBSJ", "listed_on", "date: [yyyy-MM-dd]"),
        column("F_YCSJ", "removed_on", "date: [yyyy-MM-dd]"),
        column("F_YCYY", "remove_reason", ""),
        column("F_ZXGXRQ", "updated_at", MOMENT),
    ],
    key: &["JLBH"],
    rows: dishonesty,
    faults: &[
        fault("mistyped id", "F_ZJHM", cell::mistyped_id, rejected("check-digit", "citizen_id")),
        fault("id of 15 digits", "F_ZJHM", cell::old_id, Expect::Accepted),
        fault("word for a code", "F_MDLB", cell::word_for_code, rejected("code-list", "list_kind")),
        fault("number in words", "F_SJJE", cell::in_words, rejected("type", "amount_10k")),
        fault(
            "removed before listed",
            "F_YCSJ",
            cell::ten_years_earlier,
            rule_broken("removed-after"),
        ),
        fault("nothing filled in", "F_LRYY", cell::empty, rejected("required", "reason")),
        fault("impossible date", "F_FBSJ", cell::impossible_date, rejected("date", "listed_on")),
        fault("number in another form", "JLBH", cell::remark, rejected("pattern", "record_no")),
        fault("code too short", "F_SHXYDM", cell::too_short, rejected("length", "credit_code")),
    ],
};

fn dishonesty(city: &City) -> Rows<'_> {
    let listed = city.legal_people().filter(|it| it.number % 20 == 2);
    Box::new(listed.map(|it| dishonesty_row(city, &it)))
}

fn dishonesty_row(city: &City, it: &LegalPerson) -> Row {
    let mut dice = Dice::new(city.seed, "dishonesty", it.number);
    let dice = &mut dice;
    let person = dice.below(5) < 3;
    let listed_on = recent(dice, 1_000);
    let removed = dice.one_in(5) && listed_on + Days::new(120) < TODAY;
    let removed_on = listed_on + Days::new(100);
    let worst = dice.below(4) > 0;
    vec![
        text(format!("SX{}{:08}", listed_on.format("%Y"), it.number)),
        text(if worst { "失信黑名单" } else { "重点关注" }),
        text("失信被执行人名单"),
        text(if person { "自然人" } else { kind_of(it) }),
        text(if person { &it.head.name } else { &it.name }),
        text(&it.credit_code).filter(|_| !person),
        text(&it.head.citizen_id).filter(|_| person),
        text("有履行能力而拒不履行生效法律文书确定义务"),
        text(format!("{}人民法院", city.places.counties[it.county].name)),
        text(format!("（{}）湘13执{}号", listed_on.format("%Y"), it.number)),
        often(dice, 90, format!("{}.{:02}", 1 + it.number % 500, it.number % 100)),
        dashed(listed_on),
        dashed(removed_on).filter(|_| removed),
        text("已履行完毕").filter(|_| removed),
        moment(if removed { removed_on } else { listed_on }, dice),
    ]
}
