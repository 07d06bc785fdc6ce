//! An entry with an item of each type, for the tests of this folder.

use crate::{
    code_list::{CodeList, CodeLists, ListedCode},
    entry::{self, EntryVersion, Text},
};

pub(crate) fn lists() -> CodeLists {
    let list = |name: &str, codes: &[(&str, &str)]| CodeList {
        name: name.into(),
        title: Text { zh: format!("{name}表"), en: name.into() },
        codes: codes
            .iter()
            .map(|(code, zh)| ListedCode {
                code: (*code).into(),
                name: Text { zh: (*zh).into(), en: (*zh).into() },
                current: true,
                ..ListedCode::default()
            })
            .collect(),
        ..CodeList::default()
    };
    let mut lists = CodeLists::default();
    lists.insert(list("grade", &[("general-3", "一般3级"), ("general-4", "一般4级")]));
    lists.insert(list("update-cycle", &[("daily", "每日")]));
    lists.insert(list("sex", &[("1", "男"), ("2", "女")]));
    let divisions = [("431300", "娄底市"), ("431302", "娄星区")];
    lists.insert(CodeList { warn_unknown: true, ..list("division", &divisions) });
    lists
}

pub(crate) fn entry() -> EntryVersion {
    entry::parse("f.yaml", TEXT, &lists()).expect("the sample is right")
}

/// The sample with a part of it replaced.
pub(crate) fn changed(changes: &[(&str, &str)]) -> EntryVersion {
    let mut text = TEXT.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "the sample has no {old:?}");
        text = text.replacen(old, new, 1);
    }
    match entry::parse("f.yaml", &text, &lists()) {
        Ok(entry) => entry,
        Err(problems) => panic!("{}", problems[0]),
    }
}

const TEXT: &str = r#"entry: public-security/a-person
version: "1.0.0"
code: "307021000/000042"
name: { zh: 人口, en: Persons }
summary: { zh: 人口, en: Persons }
attribute: base/population
level: department
format: { class: database, kind: mysql }
source_system: 系统
update: daily
basis: 规定
secrecy: none
grading: { category: 个人信息, grade: general-3 }
review: { secrecy: passed, personal_impact: PIA-1, approved_by: 负责人, approved_on: "2026-11-20" }
share: { class: conditional, scope: 市县两级, purpose: 核验身份, modes: [service, batch] }
open: { class: closed }
key: [citizen_id]
order_by: updated_at
items:
  citizen_id: { zh: 公民身份号码, type: citizen-id, std: GMSFHM }
  name:       { zh: 姓名, type: text, length: 50, pattern: "[^0-9]+.?" }
  sex:        { zh: 性别, en: Sex, type: code, list: sex }
  birth_date: { zh: 出生日期, type: date, min: "1900-01-01" }
  height:     { zh: 身高, type: decimal, precision: 4, scale: 1, max: "260", optional: true }
  children:   { zh: 子女数, type: integer, min: 0, max: 20, optional: true }
  married:    { zh: 已婚, type: boolean, optional: true }
  work:       { zh: 单位代码, type: credit-code, optional: true }
  license:    { zh: 证照标识, type: license-id, optional: true }
  division:   { zh: 户籍地, type: division, optional: true }
  remark:     { zh: "备注'\\", type: text, length: 2000, optional: true }
  updated_at: { zh: 更新时间, type: datetime }
rules:
  birth-in-id: { same: [birth_date, citizen_id.birth_date] }
examples:
  valid:
    - { citizen_id: "431302197407073941", name: 李娜, sex: "2", birth_date: "1974-07-07", married: true, updated_at: "2026-11-02T08:00:00+08:00" }
  invalid:
    - row: { citizen_id: "431302197407073940" }
      expect: [{ code: check-digit, item: citizen_id }]
"#;
