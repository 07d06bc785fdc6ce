//! Excel workbooks, good and bad.

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use yiku_connector::{Position, PullLimit};

use crate::support::{Folder, lines, pull, pull_rows};

fn workbook(fill: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(&mut workbook);
    workbook.save_to_buffer().unwrap()
}

fn sheet(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    workbook(|workbook| fill(workbook.add_worksheet()))
}

fn texts(sheet: &mut Worksheet, row: u32, cells: &[&str]) {
    for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        sheet.write_string(row, column as u16, *cell).unwrap();
    }
}

#[track_caller]
fn check(content: Vec<u8>, expected: &[&str]) {
    let told = Folder::new().file("a.xlsx", content).told();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        let told = told.strip_prefix("a.xlsx:").unwrap();
        assert!(told.starts_with(expected), "{told:?} is not {expected:?}");
    }
}

#[test]
fn a_sheet_of_everything() {
    let day = Format::new().set_num_format("yyyy-mm-dd");
    let moment = Format::new().set_num_format("yyyy/m/d h:mm");
    let content = sheet(|sheet| {
        texts(sheet, 0, &["id", "姓名", "born", "seen", "height", "ok"]);
        texts(sheet, 1, &["431302197407073941", "李娜"]);
        let date = ExcelDateTime::from_ymd(1974, 7, 7).unwrap();
        sheet.write_datetime_with_format(1, 2, &date, &day).unwrap();
        let date = ExcelDateTime::from_ymd(2026, 11, 2).unwrap().and_hms(8, 30, 0).unwrap();
        sheet.write_datetime_with_format(1, 3, &date, &moment).unwrap();
        sheet.write_number(1, 4, 165.5).unwrap();
        sheet.write_boolean(1, 5, true).unwrap();
        // An empty row between, then one that ends early.
        texts(sheet, 3, &["2", "刘洋"]);
    });
    Folder::new().file("a.xlsx", content).conforms(&[
        "431302197407073941|李娜|1974-07-07|2026-11-02 08:30:00|165.5|true",
        "2|刘洋|∅|∅|∅|∅",
    ]);
}

#[test]
fn long_ids_kept_as_numbers_are_lost() {
    let content = sheet(|sheet| {
        texts(sheet, 0, &["id", "n"]);
        sheet.write_number(1, 0, 431302197407073941.0).unwrap();
        sheet.write_number(1, 1, 123456789012345.0).unwrap();
    });
    check(content, &["2 431302197407073920|123456789012345 !precision-lost@id (a long number"]);
}

#[test]
fn formulas_give_the_value_kept_beside_them() {
    let content = sheet(|sheet| {
        texts(sheet, 0, &["a", "b", "c"]);
        sheet.write_formula(1, 0, Formula::new("=1+1").set_result("2")).unwrap();
        sheet.write_formula(1, 1, Formula::new("=\"x\"").set_result("x")).unwrap();
        sheet.write_formula(1, 2, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    });
    check(content, &["2 2|x|∅ !unreadable@c (the formula's result is #DIV/0!"]);
}

#[test]
fn merged_cells_are_told() {
    let content = sheet(|sheet| {
        texts(sheet, 0, &["town", "name"]);
        sheet.merge_range(1, 0, 2, 0, "涟源", &Format::new()).unwrap();
        sheet.write_string(1, 1, "a").unwrap();
        sheet.write_string(2, 1, "b").unwrap();
        texts(sheet, 3, &["新化", "c"]);
    });
    check(
        content,
        &["2 涟源|a", "3 ∅|b !unreadable@town (the cell is part of a merged area", "4 新化|c"],
    );
}

#[test]
fn hidden_sheets_are_read_only_when_named() {
    let content = workbook(|workbook| {
        let hidden = workbook.add_worksheet();
        texts(hidden, 0, &["a"]);
        texts(hidden, 1, &["secret"]);
        hidden.set_name("字典").unwrap().set_hidden(true);
        let seen = workbook.add_worksheet();
        texts(seen, 0, &["a"]);
        texts(seen, 1, &["seen"]);
        seen.set_active(true);
    });
    check(content.clone(), &["2 seen"]);
    let told = Folder::new().file("a.xlsx", &content).with("sheet", "字典").told();
    assert_eq!(told, ["a.xlsx:2 secret"]);
    let told = Folder::new().file("a.xlsx", &content).with("sheet", "没有").told();
    assert!(told[0].contains("the workbook has no sheet `没有`"), "{told:?}");
}

#[test]
fn titles_above_and_columns_beside_the_table() {
    let content = sheet(|sheet| {
        sheet.write_string(0, 0, "户籍信息表").unwrap();
        sheet.write_string(2, 1, "id").unwrap();
        sheet.write_string(2, 2, "name").unwrap();
        sheet.write_string(3, 1, "1").unwrap();
        sheet.write_string(3, 2, "李娜").unwrap();
        sheet.write_string(4, 1, "2").unwrap();
        sheet.write_string(4, 5, "remark").unwrap();
    });
    let told = Folder::new().file("a.xlsx", content).with("skip", 1).told();
    assert_eq!(told[0], "a.xlsx:4 1|李娜");
    assert!(
        told[1].starts_with("a.xlsx:5 2\tremark|∅ !unreadable (column 6 has a value"),
        "{told:?}"
    );
}

#[test]
fn headers_must_name_every_column_once() {
    let content = sheet(|sheet| texts(sheet, 0, &["a", "b", "a"]));
    check(content, &["1 a,b,a !unreadable (two columns of the header are named `a`"]);
    let content = sheet(|sheet| texts(sheet, 0, &["a", "", "b"]));
    check(content, &["1 a,,b !unreadable (column 2 of the header has no name"]);
}

#[test]
fn empty_sheets_have_no_rows() {
    Folder::new().file("a.xlsx", sheet(|_| {})).conforms(&[]);
    Folder::new().file("a.xlsx", sheet(|sheet| texts(sheet, 0, &["a", "b"]))).conforms(&[]);
}

#[test]
fn what_is_no_workbook_is_told() {
    check(b"id,name\n1,x\n".to_vec(), &["1  !unreadable (the workbook is damaged"]);
    let whole = sheet(|sheet| texts(sheet, 0, &["a"]));
    check(whole[..whole.len() / 2].to_vec(), &["1  !unreadable (the workbook is damaged"]);
    let mut old = vec![0; 4_096];
    old[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    check(old, &["1  !unreadable (not a workbook of Excel 2007 or later"]);
    check(
        yiku_tests::workbook_with_password(),
        &["1  !unreadable (the workbook is protected by a password"],
    );
}

#[test]
fn a_sheet_of_many_rows_is_gone_on_with() {
    let content = sheet(|sheet| {
        texts(sheet, 0, &["n"]);
        (1..=3_000).for_each(|row| texts(sheet, row, &[&row.to_string()]));
    });
    let folder = Folder::new().file("a.xlsx", content);
    let mut source = folder.open(&Position::default()).unwrap();
    let first = pull_rows(&mut *source, 1_700).unwrap();
    assert!(first.run.begins && !first.run.ends);
    let mut anew = folder.open(&first.position).unwrap();
    for source in [&mut source, &mut anew] {
        let rest = pull(&mut **source, PullLimit::default()).unwrap().unwrap();
        assert!(!rest.run.begins && rest.run.ends);
        let rest = lines(&rest);
        assert_eq!((rest.len(), rest[0].as_str()), (1_300, "a.xlsx:1702 1701"));
    }
}

#[test]
fn a_workbook_saved_again_while_it_is_read_is_told() {
    let content = |rows: u32| {
        sheet(|sheet| {
            texts(sheet, 0, &["n"]);
            (1..=rows).for_each(|row| texts(sheet, row, &[&row.to_string()]));
        })
    };
    let folder = Folder::new().file("a.xlsx", content(100));
    let mut source = folder.open(&Position::default()).unwrap();
    pull_rows(&mut *source, 10).unwrap();
    folder.put("a.xlsx", content(2_000));
    let error = pull(&mut *source, PullLimit::default()).unwrap_err().to_string();
    assert!(error.contains("its content was replaced after 10 of its rows"), "{error}");
}
