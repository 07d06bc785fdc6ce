//! One cell of a sheet as text.

use std::fmt::Write as _;

use calamine::{DataRef, ExcelDateTime};
use chrono::{NaiveDate, TimeDelta};
use yiku_core::violation::Code;

use super::fault::kept;

/// A cell and what is wrong with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Cell {
    text: String,
    pub(crate) defect: Option<CellDefect>,
}

/// What is wrong with a cell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CellDefect {
    pub(crate) code: Code,
    pub(crate) zh: String,
    pub(crate) en: String,
}

impl Cell {
    /// A cell that shares the value of another.
    pub(crate) fn merged() -> Self {
        Self::broken(
            String::new(),
            Code::Unreadable,
            "单元格属于合并区域，值只在区域的第一格：请取消合并并逐行填写".into(),
            "the cell is part of a merged area whose value stands in its first cell: unmerge it \
             and fill every row"
                .into(),
        )
    }

    /// The text; `None` when there is none.
    pub(crate) fn text(&self) -> Option<&str> {
        (!self.text.is_empty()).then_some(self.text.as_str())
    }

    /// Whether it holds nothing and nothing is wrong with it.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.defect.is_none()
    }

    /// Bytes of text.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), defect: None }
    }

    fn broken(text: String, code: Code, zh: String, en: String) -> Self {
        Self { text, defect: Some(CellDefect { code, zh, en }) }
    }
}

impl From<&DataRef<'_>> for Cell {
    fn from(value: &DataRef<'_>) -> Self {
        match value {
            DataRef::Empty => Self::default(),
            DataRef::String(text) => Self::plain(text.as_str()),
            DataRef::SharedString(text) => Self::plain(*text),
            DataRef::Bool(value) => Self::plain(value.to_string()),
            DataRef::Int(value) => number(*value as f64),
            DataRef::Float(value) => number(*value),
            DataRef::DateTime(value) => date_time(value),
            DataRef::DateTimeIso(text) => Self::plain(text.replacen('T', " ", 1)),
            DataRef::DurationIso(text) => Self::plain(text.as_str()),
            DataRef::Error(error) => Self::broken(
                String::new(),
                Code::Unreadable,
                format!("公式的结果是错误 {error}：请改正公式或改填数值"),
                format!("the formula's result is {error}: mend the formula or write the value"),
            ),
        }
    }
}

/// The cells of a row in one text, for the quarantine.
pub(crate) fn joined(cells: &[(usize, Cell)]) -> String {
    let mut joined = String::new();
    for (at, (_, cell)) in cells.iter().enumerate() {
        if at > 0 {
            joined.push('\t');
        }
        joined.push_str(kept(&cell.text));
    }
    joined
}

/// A number as Excel shows it: fifteen digits count, the rest is what binary left over.
fn number(value: f64) -> Cell {
    if !value.is_finite() {
        return Cell::broken(
            String::new(),
            Code::Unreadable,
            "单元格不是数值：请重新填写".into(),
            "the cell is no number: write it again".into(),
        );
    }
    if value.abs() >= 1e15 {
        return Cell::broken(
            format!("{value:.0}"),
            Code::PrecisionLost,
            "以数值保存的长编号，15 位之后的数字已经丢失：请把该列设为文本格式，重新填写后再导出"
                .into(),
            "a long number kept as a number: its digits after the 15th are lost already. Format \
             the column as text, fill it in again and export it"
                .into(),
        );
    }
    let rounded: f64 = format!("{value:.14e}").parse().expect("a float's own text");
    // Negative zero is no number that people write.
    Cell::plain(format!("{}", rounded + 0.0))
}

/// A date, a time or both; a time that was measured may exceed a day.
fn date_time(value: &ExcelDateTime) -> Cell {
    let serial = value.as_f64();
    if !(0.0..SERIAL_END).contains(&serial) {
        return Cell::broken(
            format!("{serial}"),
            Code::Unreadable,
            "日期格式的单元格里不是有效的日期数值：请重新填写".into(),
            "a cell formatted as a date holds no date: write it again".into(),
        );
    }
    let seconds = (serial * 86_400.0).round() as u64;
    let mut text = String::with_capacity(19);
    let (hours, rest) = (seconds / 3_600, seconds % 3_600);
    let clock = (rest / 60, rest % 60);
    if value.is_duration() || seconds < 86_400 {
        let _ = write!(text, "{hours:02}:{:02}:{:02}", clock.0, clock.1);
        return Cell::plain(text);
    }
    let (year, month, day, hour, minute, second, milli) = value.to_ymd_hms_milli();
    let moment = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()).and_then(|day| {
        day.and_hms_milli_opt(hour.into(), minute.into(), second.into(), milli.into())
    });
    let Some(moment) = moment else {
        // Excel's own 29 February 1900: no day of the calendar, which the contract will say.
        return Cell::plain(format!("{year:04}-{month:02}-{day:02}"));
    };
    let moment = moment + TimeDelta::milliseconds(500);
    let form = if seconds.is_multiple_of(86_400) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    Cell::plain(moment.format(form).to_string())
}

/// The first serial number after 9999-12-31.
const SERIAL_END: f64 = 2_958_466.0;

#[cfg(test)]
mod tests {
    use calamine::{CellErrorType, ExcelDateTimeType};

    use super::*;

    #[track_caller]
    fn check(value: DataRef<'_>, expected: &str) {
        let cell = Cell::from(&value);
        let mut told = cell.text().unwrap_or("NULL").to_owned();
        if let Some(defect) = &cell.defect {
            told.push_str(&format!(" !{}", defect.code));
        }
        assert_eq!(told, expected);
    }

    #[test]
    fn numbers_are_written_out() {
        check(DataRef::Float(1.0), "1");
        check(DataRef::Float(-0.0), "0");
        check(DataRef::Float(0.1 + 0.2), "0.3");
        check(DataRef::Float(431302.5), "431302.5");
        check(DataRef::Float(999_999_999_999_999.0), "999999999999999");
        check(DataRef::Float(431302197407073941.0), "431302197407073920 !precision-lost");
        check(DataRef::Float(1e-7), "0.0000001");
        check(DataRef::Float(f64::NAN), "NULL !unreadable");
        check(DataRef::Bool(true), "true");
        check(DataRef::Empty, "NULL");
        check(DataRef::String(String::new()), "NULL");
        check(DataRef::Error(CellErrorType::NA), "NULL !unreadable");
    }

    #[test]
    fn dates_are_dates() {
        let check = |serial: f64, kind: ExcelDateTimeType, expected: &str| {
            check(DataRef::DateTime(ExcelDateTime::new(serial, kind, false)), expected);
        };
        use ExcelDateTimeType::{DateTime, TimeDelta};
        check(45943.0, DateTime, "2025-10-13");
        check(45943.5, DateTime, "2025-10-13 12:00:00");
        check(45943.0 + 1.0 / 3.0, DateTime, "2025-10-13 08:00:00");
        check(45_942.999_999_999, DateTime, "2025-10-13");
        check(0.25, DateTime, "06:00:00");
        check(1.5, TimeDelta, "36:00:00");
        check(60.0, DateTime, "1900-02-29");
        check(-1.0, DateTime, "-1 !unreadable");
        check(3e6, DateTime, "3000000 !unreadable");
    }
}
