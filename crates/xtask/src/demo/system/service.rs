//! The one-stop office: service items and cases, behind HTTP.

use chrono::Days;

use super::{
    Form, ID, Row, Rows, System, column,
    value::{dashed, moment, recent, text},
};
use crate::demo::{
    city::{City, Dice, TODAY},
    fault::{Expect, cell, fault, rejected, rule_broken, rule_warned, warned},
};

const MOMENT: &str = r#"date: ["yyyy-MM-dd HH:mm:ss"]"#;

/// Offices that handle items, and items each of them handles.
const OFFICES: u64 = 40;
const ITEMS: u64 = 25;

/// 政务服务事项.
pub static ITEM: System = System {
    connector: "service-item",
    entry: "administrative-approval/service-item",
    form: Form::Http,
    more: "",
    columns: &[
        column("task_code", "task_code", "do: [trim]"),
        column("catalog_code", "catalog_code", ""),
        column("task_name", "name", "do: [trim]"),
        column("task_type", "item_type", ""),
        column("use_level", "level", ""),
        column("dept_name", "implementer", ""),
        column("dept_code", "implementer_code", ""),
        column("dept_type", "implementer_kind", ""),
        column("server_type", "service_target", ""),
        column("handle_type", "handling_form", ""),
        column("project_type", "project_type", ""),
        column("anticipate_day", "legal_days", ""),
        column("promise_day", "promised_days", ""),
        column("is_fee", "charged", r#"codes: { "1": "true", "0": "false" }"#),
        column("by_law", "by_law", ""),
        column("plan_effective_date", "effective_on", "date: [yyyyMMdd]"),
        column("cd_time", "updated_at", MOMENT),
    ],
    key: &["task_code"],
    rows: items,
    faults: &[
        fault("promise longer than law", "promise_day", cell::huge, rule_broken("promise-kept")),
        fault("number in words", "anticipate_day", cell::remark, rejected("type", "legal_days")),
        fault("unknown code", "task_type", cell::unknown_code, rejected("code-list", "item_type")),
        fault("nothing filled in", "task_name", cell::empty, rejected("required", "name")),
        fault("code of another body", "dept_code", cell::wrong_check, rule_broken("code-of-body")),
        fault(
            "impossible date",
            "plan_effective_date",
            cell::impossible_date,
            rejected("date", "effective_on"),
        ),
    ],
};

fn items(city: &City) -> Rows<'_> {
    Box::new((0..OFFICES * ITEMS).map(|number| item_row(city, number)))
}

fn item_row(city: &City, number: u64) -> Row {
    let mut dice = Dice::new(city.seed, "item", number);
    let dice = &mut dice;
    let Task { code, catalog_code, name, office, office_code } = task(city, number);
    let at_once = dice.one_in(4);
    let legal_days = 5 + dice.below(40);
    vec![
        text(code),
        text(catalog_code),
        text(name),
        text(*dice.pick_early(&["01", "20", "07", "05"])),
        text("3"),
        text(office),
        text(office_code),
        text("1"),
        text(*dice.pick(&["1", "2"])),
        text(*dice.pick(&["1", "2", "3"])),
        text(if at_once { "1" } else { "2" }),
        text(legal_days),
        text(if at_once { 0 } else { legal_days / 2 }),
        text(if dice.one_in(10) { "1" } else { "0" }),
        text("《中华人民共和国行政许可法》及有关规定"),
        text(recent(dice, 1_500).format("%Y%m%d")),
        moment(recent(dice, 200), dice),
    ]
}

struct Task {
    code: String,
    catalog_code: String,
    name: String,
    office: String,
    office_code: String,
}

fn task(city: &City, number: u64) -> Task {
    const SUBJECTS: [&str; 5] = ["经营许可", "资格认定", "补贴申领", "信息变更", "证明出具"];
    const ACTS: [&str; 5] = ["设立", "变更", "延续", "补办", "注销"];
    let (office, item) = (number / ITEMS, number % ITEMS);
    let (name, code) =
        city.organ(&format!("政务服务中心第{}窗口", office + 1), 100 + office as u32);
    let catalog_code = format!("3701{:08}", number);
    Task {
        code: format!("{code}3{catalog_code}"),
        catalog_code,
        name: format!("{}（{}）", SUBJECTS[item as usize / 5], ACTS[item as usize % 5]),
        office: name,
        office_code: code,
    }
}

/// 办件.
pub static CASE: System = System {
    connector: "case",
    entry: "administrative-approval/case",
    form: Form::Http,
    more: "",
    columns: &[
        column("project_no", "case_no", "do: [trim]"),
        column("task_code", "task_code", ""),
        column("task_name", "task_name", ""),
        column("project_type", "project_type", ""),
        column("applyer_name", "applicant", "do: [trim]"),
        column("applyer_type", "applicant_type", ""),
        column("applyer_page_type", "document_type", ""),
        column("applyer_page_code", "document_no", ID),
        column("contact_mobile", "phone", "do: [trim, half-width]"),
        column("apply_date", "applied_at", MOMENT),
        column("accept_date", "accepted_at", MOMENT),
        column("promise_date", "promised_on", "date: [yyyy-MM-dd]"),
        column("project_state", "state", ""),
        column("result_date", "completed_at", MOMENT),
        column("result_type", "result", ""),
        column("result_cetr_no", "certificate_no", ""),
        column("satisfaction", "satisfaction", ""),
        column("area_code", "division", ""),
        column("cd_time", "updated_at", MOMENT),
    ],
    key: &["project_no"],
    rows: cases,
    faults: &[
        fault("id of 15 digits", "applyer_page_code", cell::old_id, Expect::Accepted),
        fault("id too short", "applyer_page_code", cell::too_short, rule_broken("id-has-18")),
        fault("full-width digits", "contact_mobile", cell::full_width, Expect::Accepted),
        fault("remark for a number", "contact_mobile", cell::remark, rejected("pattern", "phone")),
        fault(
            "impossible date",
            "apply_date",
            cell::impossible_date,
            rejected("date", "applied_at"),
        ),
        fault("done before begun", "result_date", cell::ten_years_earlier, rule_broken("in-order")),
        fault("done, but no result", "result_type", cell::empty, rule_broken("completed-how")),
        fault(
            "granted without number",
            "result_cetr_no",
            cell::empty,
            rule_warned("granted-number"),
        ),
        fault(
            "unknown division",
            "area_code",
            cell::unknown_division,
            warned("code-list", "division"),
        ),
        fault(
            "unknown code",
            "satisfaction",
            cell::unknown_code,
            rejected("code-list", "satisfaction"),
        ),
        fault("nothing filled in", "applyer_name", cell::empty, rejected("required", "applicant")),
    ],
};

fn cases(city: &City) -> Rows<'_> {
    Box::new((0..city.persons / 8).map(|number| case_row(city, number)))
}

fn case_row(city: &City, number: u64) -> Row {
    let mut dice = Dice::new(city.seed, "case", number);
    let dice = &mut dice;
    let applicant = city.person(dice.below(city.persons));
    let task = task(city, dice.below(OFFICES * ITEMS));
    let applied_on = recent(dice, 500);
    let accepted_on = (applied_on + Days::new(dice.below(3))).min(TODAY);
    let done_on = accepted_on + Days::new(1 + dice.below(20));
    let done = done_on < TODAY;
    let granted = dice.below(10) > 0;
    let at = |day: chrono::NaiveDate, hour: u64, dice: &mut Dice| {
        text(format!(
            "{} {hour:02}:{:02}:{:02}",
            day.format("%Y-%m-%d"),
            dice.below(60),
            dice.below(60)
        ))
    };
    vec![
        text(format!("4313{}{number:010}", applied_on.format("%Y%m%d"))),
        text(task.code),
        text(task.name),
        text(if dice.one_in(3) { "1" } else { "2" }),
        text(&applicant.name),
        text("1"),
        text("111"),
        text(&applicant.citizen_id),
        text(city.phone(&applicant)),
        at(applied_on, 9, dice),
        at(accepted_on, 10, dice),
        dashed(accepted_on + Days::new(25)),
        text(if done { "3" } else { "2" }),
        at(done_on, 16, dice).filter(|_| done),
        text(if granted { "1" } else { "2" }).filter(|_| done),
        text(format!("ZZ4313{number:010}")).filter(|_| done && granted),
        text(*dice.pick_early(&["1", "2", "3", "4"])).filter(|_| done && dice.below(3) > 0),
        text(&city.places.counties[applicant.county].code),
        at(if done { done_on } else { accepted_on }, 17, dice),
    ]
}
