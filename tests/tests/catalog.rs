//! The catalog's commands, as an administrator uses them.

use std::fs;

use yiku_tests::{Hub, root};

const ENTRY: &str = "public-security/household";

/// Replaces a part of the entry's file.
#[track_caller]
fn change(hub: &Hub, old: &str, new: &str) {
    let path = format!("catalog/entries/{ENTRY}.yaml");
    let text = fs::read_to_string(hub.folder().join(&path)).expect("the entry's file");
    assert!(text.contains(old), "no {old:?}");
    hub.write(path, text.replacen(old, new, 1));
}

/// 条例 art. 13 to 15, and the core metadata of the guide of 2017.
#[test]
fn show_prints_every_element_that_the_rules_ask_for() {
    let hub = Hub::unpublished(&root().join("catalog"), "");
    let draft = hub.yiku(&["catalog", "show", ENTRY]);
    assert!(draft.stdout.contains("not published; `yiku catalog publish` does it"), "{draft:?}");
    assert!(hub.yiku(&["catalog", "publish", ENTRY]).success);
    let shown = hub.yiku(&["catalog", "show", ENTRY]).stdout;
    let elements = [
        "户籍人口信息 / Household registration",
        "本市户籍人口的身份",
        "307021000/000001",
        "base/population",
        "娄底市公安局",
        "11431300MB00010462",
        "database/mysql",
        "人口管理信息系统",
        "daily 每日",
        "关联资源代码",
        "《中华人民共和国户口登记条例》",
        "涉密属性",
        "个人信息/身份",
        "general-3 一般数据3级",
        "PIA-2026-001",
        "2026-06-18",
        "conditional 有条件共享",
        "市县两级政务服务部门",
        "办理政务服务事项时核验身份",
        "仅限本部门使用，不得转供第三方",
        "service, batch, file",
        "开放属性",
        "发布日期",
        "GMSFHM",
        "decimal(4,1) 20..260",
        "keep-6-4",
        "rule death-after (reject)",
        "feeds population.person by citizen_id: name, sex",
    ];
    for element in elements {
        assert!(shown.contains(element), "no {element:?} in\n{shown}");
    }
    assert!(!shown.contains("not published"), "{shown}");
}

#[test]
fn diff_says_what_publishing_does_and_whom_it_touches() {
    let hub = Hub::new(&root().join("catalog"));
    let diff = || hub.yiku(&["catalog", "diff", ENTRY]).stdout;
    hub.connector("police", &format!("entry: {ENTRY}@1\nsource: {{ kind: files, folder: in }}\n"));
    hub.connector("fund-out", "grant: housing-fund-population\nsink: { kind: files, folder: o }\n");
    assert!(diff().contains("nothing differs"), "{}", diff());

    change(&hub, "version: \"1.0.0\"", "version: \"1.1.0\"");
    change(
        &hub,
        "items:\n",
        "items:\n  nickname: { zh: 曾用名, type: text, length: 50, optional: true }\n",
    );
    let compatible = diff();
    let lines = [
        "1.0.0 → 1.1.0",
        "compatible: takes over at the next batch once published",
        "touches connector police (public-security/household@1)",
        "touches grant housing-fund-population (to housing-fund-centre)",
        "touches subscription fund-out (grant housing-fund-population)",
    ];
    lines.iter().for_each(|line| assert!(compatible.contains(line), "{line}: {compatible}"));

    change(&hub, "type: text, length: 50, std: XM", "type: text, length: 9, std: XM");
    assert!(diff().contains("cannot be published as it is"), "{}", diff());
    let refused = hub.yiku(&["catalog", "publish", ENTRY]);
    assert!(refused.stderr.contains("must be at least 2.0.0"), "{refused:?}");

    change(&hub, "version: \"1.1.0\"", "version: \"2.0.0\"");
    let incompatible = diff();
    let lines = [
        "a new major version: connectors stay on theirs until their file says \
         `entry: public-security/household@2`",
        "touches connector police (public-security/household@1, which it stays on)",
    ];
    lines.iter().for_each(|line| assert!(incompatible.contains(line), "{line}: {incompatible}"));
}

#[test]
fn check_names_every_mistake_once_in_both_languages() {
    let hub = Hub::new(&root().join("catalog"));
    let check = || hub.yiku(&["catalog", "check"]);
    assert!(check().success);
    let (native, broken) =
        ("begins: { item: division, with: [\"4313\"] }", "cel: 'division.startsWith(4313'");
    change(&hub, native, broken);
    let ended = check();
    let line = "entries/public-security/household.yaml:49:3: ";
    assert_eq!(ended.stdout.matches(line).count(), 1, "{ended:?}");
    assert!(!ended.success && ended.stdout.contains(" / rule `in-loudi`"), "{ended:?}");
    change(&hub, broken, native);

    let (gbk, ..) = encoding_rs::GBK.encode("grant: one\nbasis: 规定\n");
    hub.write("catalog/grants/one.yaml", gbk);
    let ended = check();
    assert!(ended.stdout.contains("grants/one.yaml:2: "), "{ended:?}");
    assert!(ended.stdout.contains("save it as UTF-8"), "{ended:?}");
}

/// A person's row for each number.
fn person(number: usize) -> &'static str {
    [
        "431302197407073941,李娜,2,01,1974-07-07",
        "43138119910506004X,刘洋,2,01,1991-05-06",
        "432501197906151233,刘建国,1,15,1979-06-15",
    ][number]
}

fn put(hub: &Hub, number: usize) {
    let header = "citizen_id,name,sex,ethnic_group,birth_date,household_no,household_relation,\
                  division,address,updated_at";
    let rest = "431302001004217,12,431302,娄星区乐坪街道,2026-11-02T08:00:00+08:00";
    hub.write(format!("in/{number}.csv"), format!("{header}\n{},{rest}\n", person(number)));
}

fn persons(hub: &Hub, count: u64) {
    hub.until(&format!("{count} persons"), || {
        (hub.library_rows("population.person") == count).then_some(())
    });
}

/// A library must not go for a slip in a file that it names: rows merged meanwhile would never
/// reach it.
#[test]
fn a_slip_in_a_file_of_the_catalog_loses_no_row() {
    let mut hub = Hub::new(&root().join("catalog"));
    let source = "source: { kind: files, folder: ../../in, settle: 0s }\nevery: 1s\n";
    put(&hub, 0);
    hub.connector("police", &format!("entry: {ENTRY}@1\n{source}"));
    hub.start();
    persons(&hub, 1);

    // Beside a running hub everything goes on by what was right last.
    change(&hub, "level: department", "levle: department");
    let list = hub.folder().join("catalog/codelists/marital.yaml");
    let text = fs::read_to_string(&list).expect("a list");
    hub.write(&list, text.replacen("codes:", "codse:", 1));
    let ended = hub.yiku(&["catalog", "check"]);
    assert!(ended.stdout.contains("`codse` is not known here"), "{ended:?}");
    put(&hub, 1);
    persons(&hub, 2);
    assert!(hub.stop(), "{}", hub.log());

    // A hub that starts so takes rows and holds them until the file is mended.
    hub.write(&list, text);
    hub.start();
    put(&hub, 2);
    hub.connector_until("police", |status| status["accepted"] == 3);
    assert_eq!(hub.library_rows("population.person"), 2);
    change(&hub, "levle: department", "level: department");
    persons(&hub, 3);
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
}
