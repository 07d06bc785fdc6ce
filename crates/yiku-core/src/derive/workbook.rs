//! An Excel file that a department can fill in: a sheet for the rows, a sheet that explains the
//! items, a sheet with the codes.

use rust_xlsxwriter::{
    DataValidation, DocProperties, ExcelDateTime, Format, Note, Workbook, Worksheet, XlsxError,
};

use crate::{
    code_list::{CodeList, CodeLists},
    entry::{EntryVersion, ItemType},
};

/// The workbook could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the Excel template could not be made")]
pub struct WorkbookError(#[from] XlsxError);

/// The template. Its first sheet holds the heading row of item names and one example; all its
/// cells are text, since a spreadsheet that takes an 18-digit id for a number loses its end.
/// Sheets two and three are for reading: a files connector reads the first.
pub fn excel_template(entry: &EntryVersion, lists: &CodeLists) -> Result<Vec<u8>, WorkbookError> {
    let mut workbook = Workbook::new();
    // A time of making would give other bytes each time, and the core knows no clock.
    let made_on = ExcelDateTime::from_ymd(2026, 1, 1)?;
    workbook.set_properties(
        &DocProperties::new().set_title(&entry.metadata.name.zh).set_creation_datetime(&made_on),
    );
    rows_sheet(workbook.add_worksheet(), entry, lists)?;
    items_sheet(workbook.add_worksheet(), entry)?;
    codes_sheet(workbook.add_worksheet(), entry, lists)?;
    Ok(workbook.save_to_buffer()?)
}

fn rows_sheet(
    sheet: &mut Worksheet,
    entry: &EntryVersion,
    lists: &CodeLists,
) -> Result<(), XlsxError> {
    let (heading, text) = (heading(), Format::new().set_num_format("@"));
    sheet.set_name("数据")?;
    sheet.set_freeze_panes(1, 0)?;
    let example = entry.examples.valid.first();
    for (item, column) in entry.items.iter().zip(0u16..) {
        sheet.set_column_format(column, &text)?;
        sheet.set_column_width(column, 18)?;
        sheet.write_string_with_format(0, column, &item.name, &heading)?;
        sheet.insert_note(0, column, &Note::new(&item.zh).add_author_prefix(false))?;
        if let Some(value) = example.and_then(|example| example.get(&item.name)) {
            sheet.write_string_with_format(1, column, value, &text)?;
        }
        if let Some(choices) = choices(&item.kind, lists) {
            let validation = DataValidation::new().allow_list_strings(&choices)?;
            sheet.add_data_validation(1, column, LAST_ROW, column, &validation)?;
        }
    }
    Ok(())
}

/// The values of a short list, as Excel takes them: at most 255 characters in all.
fn choices<'l>(kind: &ItemType, lists: &'l CodeLists) -> Option<Vec<&'l str>> {
    let codes: Vec<&str> = match kind {
        ItemType::Boolean => vec!["true", "false"],
        ItemType::Code { list } => {
            let list = lists.get(list)?;
            list.codes.iter().map(|listed| listed.code.as_str()).collect()
        }
        _ => return None,
    };
    let length: usize = codes.iter().map(|code| code.chars().count() + 1).sum();
    (length <= CHOICES_LENGTH_MAX).then_some(codes)
}

fn items_sheet(sheet: &mut Worksheet, entry: &EntryVersion) -> Result<(), XlsxError> {
    sheet.set_name("数据项说明")?;
    let headings = ["列名", "名称", "Name", "类型", "必填", "说明", "标准标识"];
    write_headings(sheet, &headings)?;
    for (index, width) in [20, 20, 24, 18, 8, 40, 16].into_iter().enumerate() {
        sheet.set_column_width(index as u16, width)?;
    }
    for ((index, item), row) in entry.items.iter().enumerate().zip(1u32..) {
        let required = match (entry.key.contains(&index), item.required) {
            (true, _) => "主键",
            (false, true) => "是",
            (false, false) => "否",
        };
        let cells = [
            item.name.as_str(),
            &item.zh,
            item.en.as_deref().unwrap_or_default(),
            item.kind.as_str(),
            required,
            &explained(&item.kind),
            item.std.as_deref().unwrap_or_default(),
        ];
        for (cell, column) in cells.iter().zip(0u16..) {
            sheet.write_string(row, column, *cell)?;
        }
    }
    Ok(())
}

/// How a value is written, in Chinese.
fn explained(kind: &ItemType) -> String {
    match kind {
        ItemType::Text { min_length, max_length, pattern } => {
            let pattern = pattern.as_ref().map(|pattern| format!("，格式 {pattern}"));
            format!("{min_length} 至 {max_length} 个字符{}", pattern.unwrap_or_default())
        }
        ItemType::Code { list } => format!("代码表 {list}，见“代码”页"),
        ItemType::Integer(bounds) => {
            let bound = |text: &Option<String>| text.clone().unwrap_or_else(|| "不限".into());
            format!("整数，{} 至 {}", bound(&bounds.min), bound(&bounds.max))
        }
        ItemType::Decimal { precision, scale, .. } => {
            format!("数，最多 {} 位整数、{scale} 位小数", precision - scale)
        }
        ItemType::Boolean => "true 或 false".into(),
        ItemType::Date(_) => "日期，如 2026-12-01".into(),
        ItemType::DateTime => "时间，如 2026-12-01T08:00:00+08:00".into(),
        ItemType::CitizenId => "18 位公民身份号码、居住证号或永久居留身份证号".into(),
        ItemType::CreditCode => "18 位统一社会信用代码".into(),
        ItemType::OrganisationCode => "9 位组织机构代码，不带连字符".into(),
        ItemType::LicenseId => "电子证照标识，1.2.156.3005.2. 开头".into(),
        ItemType::Division => "6、9 或 12 位行政区划代码".into(),
    }
}

/// The codes of every list that the items name, but for those too long to read.
fn codes_sheet(
    sheet: &mut Worksheet,
    entry: &EntryVersion,
    lists: &CodeLists,
) -> Result<(), XlsxError> {
    sheet.set_name("代码")?;
    write_headings(sheet, &["代码表", "名称", "标准", "代码", "含义", "Meaning"])?;
    let mut used: Vec<&CodeList> = Vec::new();
    for item in &entry.items {
        if let ItemType::Code { list } = &item.kind
            && let Some(list) = lists.get(list)
            && list.codes.len() <= LISTED_MAX
            && !used.iter().any(|known| known.name == list.name)
        {
            used.push(list);
        }
    }
    let codes = used.iter().flat_map(|list| list.codes.iter().map(move |code| (list, code)));
    for ((list, code), row) in codes.zip(1u32..) {
        let cells = [
            list.name.as_str(),
            &list.title.zh,
            list.standard.as_deref().unwrap_or_default(),
            &code.code,
            &code.name.zh,
            &code.name.en,
        ];
        for (cell, column) in cells.iter().zip(0u16..) {
            sheet.write_string(row, column, *cell)?;
        }
    }
    Ok(())
}

fn write_headings(sheet: &mut Worksheet, headings: &[&str]) -> Result<(), XlsxError> {
    let format = heading();
    sheet.set_freeze_panes(1, 0)?;
    for (text, column) in headings.iter().zip(0u16..) {
        sheet.write_string_with_format(0, column, *text, &format)?;
    }
    Ok(())
}

fn heading() -> Format {
    Format::new().set_bold().set_num_format("@")
}

const LAST_ROW: u32 = 1_048_575;
const CHOICES_LENGTH_MAX: usize = 255;
const LISTED_MAX: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::test_entry;

    #[test]
    fn a_workbook_whose_bytes_are_the_same_each_time() {
        let (entry, lists) = (test_entry::entry(), test_entry::lists());
        let first = excel_template(&entry, &lists).unwrap();
        assert!(first.starts_with(b"PK"));
        assert_eq!(first, excel_template(&entry, &lists).unwrap());
    }

    #[test]
    fn only_short_lists_drop_down() {
        let mut lists = test_entry::lists();
        let kind = ItemType::Code { list: "sex".into() };
        assert_eq!(choices(&kind, &lists), Some(vec!["1", "2"]));
        let mut long = lists.get("sex").unwrap().clone();
        for number in 10..100 {
            let code =
                crate::code_list::ListedCode { code: number.to_string(), ..Default::default() };
            long.codes.push(code);
        }
        lists.insert(long);
        assert_eq!(choices(&kind, &lists), None);
        assert_eq!(choices(&ItemType::Division, &lists), None);
    }
}
