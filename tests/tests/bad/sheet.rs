//! Workbooks that are broken, or that hold something other than they show.

use rust_xlsxwriter::{Chart, ChartType, Format, Formula, Workbook, Worksheet};
use yiku_tests::workbook_with_password;

use crate::file_cases::{Case, check};

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

fn formulas() -> Vec<u8> {
    sheet(|sheet| {
        texts(sheet, 0, &["no", "name", "fee"]);
        texts(sheet, 1, &["P1", "肖文"]);
        sheet.write_formula(1, 2, Formula::new("=1+1").set_result("2")).unwrap();
        texts(sheet, 2, &["P2", "曾凡"]);
        sheet.write_formula(2, 2, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    })
}

fn merged() -> Vec<u8> {
    sheet(|sheet| {
        texts(sheet, 0, &["no", "name"]);
        texts(sheet, 1, &["P1"]);
        texts(sheet, 2, &["P2"]);
        sheet.merge_range(1, 1, 2, 1, "肖文", &Format::new()).unwrap();
    })
}

fn numbers() -> Vec<u8> {
    sheet(|sheet| {
        texts(sheet, 0, &["no", "name", "citizen_id", "seen_on"]);
        texts(sheet, 1, &["P1", "肖文"]);
        sheet.write_number(1, 2, 431302198506190013.0).unwrap();
    })
}

fn date_numbers(formatted: bool) -> Vec<u8> {
    sheet(|sheet| {
        texts(sheet, 0, &["no", "name", "seen_on"]);
        texts(sheet, 1, &["P1", "肖文"]);
        let day = Format::new().set_num_format("yyyy-mm-dd");
        match formatted {
            true => sheet.write_number_with_format(1, 2, 46_162.0, &day).unwrap(),
            false => sheet.write_number(1, 2, 46_162.0).unwrap(),
        };
    })
}

fn hidden_first() -> Vec<u8> {
    workbook(|workbook| {
        let first = workbook.add_worksheet();
        texts(first, 0, &["no", "name"]);
        texts(first, 1, &["P9", "隐藏"]);
        texts(first, 2, &["P8", "隐藏"]);
        first.set_hidden(true);
        let second = workbook.add_worksheet();
        texts(second, 0, &["no", "name"]);
        texts(second, 1, &["P1", "肖文"]);
        second.set_active(true);
    })
}

/// Only a chart can be seen. (Excel hides no last sheet of all.)
fn hidden_all() -> Vec<u8> {
    workbook(|workbook| {
        for (name, no) in [("五月", "P1"), ("六月", "P2")] {
            let sheet = workbook.add_worksheet();
            sheet.set_name(name).unwrap().set_hidden(true);
            texts(sheet, 0, &["no", "name"]);
            texts(sheet, 1, &[no, "肖文"]);
        }
        let mut chart = Chart::new(ChartType::Column);
        chart.add_series().set_values(("五月", 1, 0, 1, 0));
        let seen = workbook.add_chartsheet();
        seen.insert_chart(0, 0, &chart).unwrap();
        seen.set_active(true);
    })
}

fn rows(count: u32) -> Vec<u8> {
    sheet(|sheet| {
        texts(sheet, 0, &["no", "name"]);
        (1..=count).for_each(|row| texts(sheet, row, &[&format!("P{row}"), "肖文"]));
    })
}

/// A workbook whose table of contents says that one part unpacks to 3 GiB.
fn bomb() -> Vec<u8> {
    let mut file = rows(3);
    let central: Vec<usize> =
        (0..file.len() - 4).filter(|at| &file[*at..at + 4] == b"PK\x01\x02").collect();
    for at in central {
        if file[at + 46..].starts_with(b"xl/worksheets/sheet1.xml") {
            file[at + 24..at + 28].copy_from_slice(&(3_u32 << 30).to_le_bytes());
        }
    }
    file
}

#[test]
fn broken_workbooks_are_told_with_place_and_remedy() {
    let whole = rows(3);
    let cut = whole[..whole.len() / 2].to_vec();
    let many = sheet(|sheet| {
        texts(sheet, 0, &["no", "name"]);
        let text = "x".repeat(30_000);
        (1..=20).for_each(|row| texts(sheet, row, &[&format!("P{row}"), &format!("{row}{text}")]));
    });
    let long = sheet(|sheet| {
        texts(sheet, 0, &["no", "name"]);
        texts(sheet, 1, &["P1", &"文".repeat(30_000)]);
    });
    check(
        "sheet",
        "[limits]\nworkbook_bytes_max = 262144\nrecord_bytes_max = 65536\n",
        vec![
            Case::new("a formula whose result is an error", "a.xlsx", formulas(), 1, 1),
            Case::new("merged cells", "a.xlsx", merged(), 1, 1),
            Case::new("an 18-digit id kept as a number", "a.xlsx", numbers(), 0, 1),
            Case::new("a date as a formatted number", "a.xlsx", date_numbers(true), 1, 0),
            Case::new("a date as a bare number", "a.xlsx", date_numbers(false), 0, 1),
            Case::new("a hidden sheet before a visible one", "a.xlsx", hidden_first(), 1, 0),
            Case::new("all sheets with cells are hidden", "a.xlsx", hidden_all(), 0, 1),
            Case::new(
                "all sheets with cells are hidden, one is named",
                "a.xlsx",
                hidden_all(),
                1,
                0,
            )
            .source("sheet: 六月"),
            Case::new("a sheet that is not there", "a.xlsx", rows(3), 0, 1).source("sheet: 六月"),
            Case::new("a password", "a.xlsx", workbook_with_password(), 0, 1),
            Case::new("a CSV file named .xlsx", "a.xlsx", "no,name\nP1,肖文\n", 0, 1),
            Case::new("half a workbook", "a.xlsx", cut, 0, 1),
            Case::new("a zip bomb", "a.xlsx", bomb(), 0, 1),
            Case::new("texts that unpack to more than allowed", "a.xlsx", many, 0, 1),
            Case::new("a cell longer than allowed", "a.xlsx", long, 0, 1),
        ],
    );
}
