use super::*;

const LIST: &str = "title: { zh: 一, en: one }\nsource: x\nverified: true\nunknown: reject\n";

fn file(path: &str, text: impl Into<String>) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn list(name: &str, codes: &[&str]) -> SourceFile {
    let codes: String =
        codes.iter().map(|code| format!("  \"{code}\": {{ zh: {code} }}\n")).collect();
    file(&format!("codelists/{name}.yaml"), format!("list: {name}\n{LIST}codes:\n{codes}"))
}

fn entry(name: &str) -> SourceFile {
    let text = format!(
        r#"entry: {name}
version: "1.0.0"
code: "1/1"
name: {{ zh: 一, en: one }}
summary: {{ zh: 一, en: one }}
attribute: department
level: department
format: {{ class: database, kind: mysql }}
source_system: 系统
update: daily
basis: 规定
secrecy: none
grading: {{ category: 一, grade: general-1 }}
review: {{ secrecy: passed, personal_impact: none, approved_by: 一, approved_on: "2026-01-01" }}
share: {{ class: unconditional, modes: [file] }}
open: {{ class: closed }}
key: id
items:
  id: {{ zh: 编号, type: text, length: 4 }}
  count: {{ zh: 数, type: integer, optional: true }}
rules:
  some: {{ cel: 'count > 0', zh: 应大于零, en: must be above zero }}
examples:
  valid: [{{ id: a, count: 1 }}]
  invalid: [{{ row: {{ id: a, count: 0 }}, expect: [{{ code: rule, rule: some }}] }}]
"#
    );
    file(&format!("entries/{name}.yaml"), text)
}

fn sample() -> Vec<SourceFile> {
    vec![
        list("grade", &["general-1"]),
        list("update-cycle", &["daily"]),
        list("department-kind", &["government"]),
        list("department-level", &["city"]),
        file(
            "departments.yaml",
            "departments: { tax: { name: { zh: 税务局, en: Tax }, credit_code: \
             11431300MB00000191, kind: government, level: city } }",
        ),
        entry("tax/payer"),
    ]
}

#[track_caller]
fn check(files: &[SourceFile], expected: &[&str]) -> Catalog {
    let (catalog, problems) = Catalog::read(files);
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected);
    catalog
}

#[test]
fn a_whole_catalog() {
    let catalog = check(&sample(), &[]);
    assert_eq!(catalog.entries.len(), 1);
    assert_eq!(catalog.departments["tax"].title.zh, "税务局");
    assert!(catalog.lists.get("grade").is_some());
}

#[test]
fn what_holds_between_files() {
    let with = |more: SourceFile| {
        let mut files = sample();
        files.push(more);
        files
    };
    check(
        &with(entry("water/user")),
        &["entries/water/user.yaml:1:1: there is no department `water`; add it to \
           departments.yaml"],
    );
    check(
        &with(file("entries/tax/other.yaml", entry("tax/payer").text)),
        &["entries/tax/other.yaml:1:1: the name `tax/payer` is not that of the path; write \
           `tax/other`"],
    );
    check(
        &with(file("codelists/sex.yaml", list("gender", &["a"]).text)),
        &["codelists/sex.yaml:1:1: the name `gender` is not that of the path; write `sex`"],
    );
    check(
        &with(file("entries/payer.yml", "")),
        &["entries/payer.yml: no file is read here: put it in entries/<department>/, \
           codelists/, libraries/ or grants/, and let it end in .yaml"],
    );
    check(&with(file("README.md", "")), &[]);
    let no_departments: Vec<SourceFile> =
        sample().into_iter().filter(|file| file.path.starts_with("codelists")).collect();
    check(
        &no_departments,
        &["departments.yaml: there is no such file; list the departments in it"],
    );
}

#[test]
fn examples_do_what_they_say() {
    let mend = |old: &str, new: &str| {
        let mut files = sample();
        let text = &mut files.last_mut().expect("the entry is last").text;
        assert!(text.contains(old));
        *text = text.replace(old, new);
        files
    };
    check(
        &mend("valid: [{ id: a, count: 1 }]", "valid: [{ id: abcde, count: 1 }]"),
        &["entries/tax/payer.yaml:24:11: a valid example has a problem, length id: id has 5 \
           characters and may have 1 to 4"],
    );
    check(
        &mend("row: { id: a, count: 0 }", "row: { id: a, count: 2 }"),
        &["entries/tax/payer.yaml:25:13: the problem rule was expected and not found; found: -"],
    );
    let problems = Catalog::read(&mend("count > 0", "count >")).1;
    assert!(problems[0].to_string().starts_with("entries/tax/payer.yaml:22:3: rule `some`: "));
}

#[test]
fn entries_and_libraries_fit() {
    let feeds = |set: &str| {
        let feed = format!("feeds: [{{ entity: base.thing, key: id, set: {set} }}]\nexamples:");
        let mut files = sample();
        files.push(list("other", &["a"]));
        let entry = files.iter_mut().find(|file| file.path.starts_with("entries/")).unwrap();
        entry.text = entry.text.replace("examples:", &feed).replace(
            "rules:",
            "  kind: { zh: 类, type: code, list: grade, optional: true }\nrules:",
        );
        files
    };
    check(
        &feeds("[count]"),
        &["entries/tax/payer.yaml:24:11: there is no entity `base.thing`; see libraries/base.yaml"],
    );
    let library = |list: &str| {
        let text = format!(
            "library: base\nname: {{ zh: 库, en: Base }}\nentities:\n  thing:\n    name: {{ zh: 物, \
             en: Thing }}\n    key: id\n    items:\n      id: {{ zh: 编号, en: Id, type: text, \
             length: 4 }}\n      kind: {{ zh: 类, en: Kind, type: code, list: {list}, from: [tax/payer] }}\n"
        );
        file("libraries/base.yaml", text)
    };
    let with = |set: &str, list: &str| {
        let mut files = feeds(set);
        files.push(library(list));
        files
    };
    check(&with("[kind]", "grade"), &[]);
    check(&with("{ kind: { const: general-1 } }", "grade"), &[]);
    check(
        &with("{ kind: { const: general-2 } }", "grade"),
        &["entries/tax/payer.yaml:24:47: code list `grade` has no `general-2`"],
    );
    check(
        &with("[kind]", "other"),
        &[
            "entries/tax/payer.yaml:24:45: `kind` of base.thing has the code list `other`, here it is \
           `grade`",
        ],
    );
    let mut files = feeds("[kind]");
    files.push(file("libraries/base.yaml", "library: [\n"));
    let problems = Catalog::read(&files).1;
    assert!(problems.iter().all(|problem| problem.path == "libraries/base.yaml"), "{problems:?}");
}

const GRANT: &str = r#"grant: pay
to: tax
of: tax/payer
basis: 规定
scenario: 场景
scope: 范围
modes: [batch]
period: { from: "2026-01-01", until: "2027-12-31" }
items: [id]
approved: [{ department: tax, ref: "1", approved_on: "2026-01-01" }]
at_end: destroy
"#;

/// What a hub that worked by the sample with a grant works by after a change of its files.
#[track_caller]
fn used_after(change: impl Fn(&mut Vec<SourceFile>)) -> Catalog {
    let mut files = sample();
    files.push(file("grants/pay.yaml", GRANT));
    let (before, problems) = Catalog::read(&files);
    assert_eq!(problems, []);
    change(&mut files);
    let (after, problems) = Catalog::read(&files);
    assert!(!problems.is_empty());
    after.in_use(&problems, Some(&before)).unwrap()
}

#[test]
fn a_slip_in_an_entry_leaves_the_hub_what_it_had() {
    let used = used_after(|files| files[5].text = files[5].text.replace("level:", "levle:"));
    assert!(used.entries.contains_key(&"tax/payer".parse().unwrap()));
    assert!(used.grants.contains_key("pay"));
}

#[test]
fn a_grant_taken_away_holds_no_longer_whatever_else_is_wrong() {
    let used = used_after(|files| {
        files[5].text = files[5].text.replace("level:", "levle:");
        files.pop();
    });
    assert!(used.grants.is_empty());
}

#[test]
fn a_grant_that_one_side_did_not_approve_is_not_used() {
    let used =
        used_after(|files| files[6].text = GRANT.replace("{ department: tax,", "{ department: x,"));
    assert!(used.grants.is_empty());
    assert!(!used.entries.is_empty());
}

#[test]
fn a_first_reading_with_problems_gives_nothing_to_work_by() {
    let files = &sample()[..5];
    let (catalog, problems) = Catalog::read(files);
    assert_eq!(problems, []);
    assert!(catalog.in_use(&problems, None).is_some());
    let (catalog, problems) = Catalog::read(&files[..4]);
    assert!(catalog.in_use(&problems, None).is_none());
}
