//! A mapping bound to a header, applied row by row.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::{
    Mapping,
    compile::{ItemPlan, Source},
    date_format::Moment,
    step,
};
use crate::{
    batch::{Batch, Defect, Header, Row},
    calendar,
    contract::{Cause, Finding, MappedRow, Said},
    operation::Operation,
    violation::{Code, Severity},
};

/// A mapping that knows where the columns stand.
#[derive(Clone, Debug)]
pub struct Bound<'m> {
    mapping: &'m Mapping,
    /// For each item where its column stands.
    columns: Vec<Option<usize>>,
    operation: Option<usize>,
    /// Columns that are no item's, and second ones of a name, with the name and whether it is one
    /// of the latter.
    strange: Vec<(usize, String, bool)>,
    missing: Vec<Missing>,
}

/// A column that the mapping asks for and the header does not have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missing {
    /// The column.
    pub column: String,
    /// The item that it is for; `None` for the operation.
    pub item: Option<String>,
    /// Whether no row can be taken without it.
    pub required: bool,
}

impl Mapping {
    /// Finds the columns in a header.
    pub fn bind(&self, header: &Header) -> Bound<'_> {
        let mut missing = Vec::new();
        let columns = self.items.iter().map(|plan| {
            let Source::Column(column) = &plan.source else { return None };
            let found = header.position(column);
            if found.is_none() {
                let (column, item) = (column.clone(), Some(plan.name.clone()));
                missing.push(Missing { column, item, required: plan.required });
            }
            found
        });
        let columns: Vec<Option<usize>> = columns.collect();
        let operation = self.operation.as_ref().and_then(|(column, _)| {
            let found = header.position(column);
            if found.is_none() {
                missing.push(Missing { column: column.clone(), item: None, required: true });
            }
            found
        });
        let is_used = |column: usize| columns.contains(&Some(column)) || operation == Some(column);
        let strange = header.columns().iter().enumerate().filter_map(|(column, name)| {
            let first = header.position(name).unwrap_or(column);
            let doubled = first != column && is_used(first);
            let unknown = self.by_name && !is_used(column);
            (doubled || unknown).then(|| (column, name.clone(), doubled))
        });
        let strange = strange.collect();
        Bound { mapping: self, columns, operation, strange, missing }
    }
}

impl Bound<'_> {
    /// The columns that are not there. Rows without a required one are found wrong.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Columns that no row may have a value in: no item's, or the second ones of a name.
    pub fn strange(&self) -> impl Iterator<Item = &str> {
        self.strange.iter().map(|(_, name, _)| name.as_str())
    }

    /// Writes a row of the batch to `out` in the order of the entry's items.
    pub fn apply(&self, batch: &Batch, row: usize, out: &mut MappedRow) {
        out.clear(self.columns.len());
        let cells = batch.cells.row(row);
        let from = batch.defects.partition_point(|defect| defect.row < row);
        let count = batch.defects[from..].iter().take_while(|defect| defect.row == row).count();
        let defects = &batch.defects[from..from + count];
        if let Some(torn) = defects.iter().find(|defect| defect.column.is_none()) {
            out.findings.push(of_defect(torn, None, None));
            self.columns.iter().for_each(|_| out.cells.push(None));
            return;
        }
        self.apply_operation(cells, out);
        let text = out.cells.copy_text(cells);
        for (item, plan) in self.mapping.items.iter().enumerate() {
            match self.columns[item] {
                Some(column) if plan.plain && defects.is_empty() => {
                    out.cells.push_copied(cells, column, text);
                }
                Some(column) => self.apply_item(item, plan, (cells, column), defects, out),
                None => push_columnless(item, plan, out),
            }
        }
        for (column, name, doubled) in &self.strange {
            if let Some(value) = cells.get(*column) {
                out.findings.push(strange(name, *doubled, value));
            }
        }
    }

    fn apply_operation(&self, cells: Row<'_>, out: &mut MappedRow) {
        let Some((column, codes)) = &self.mapping.operation else { return };
        let value = self.operation.and_then(|at| cells.get(at));
        match value.and_then(|value| codes.get(value.trim())) {
            Some(operation) => out.operation = *operation,
            None => {
                out.operation = Operation::Upsert;
                out.findings.push(said(
                    if self.operation.is_none() { Code::MissingColumn } else { Code::CodeList },
                    None,
                    Said {
                        column: Some(column.clone()),
                        value: value.map(Into::into),
                        zh: format!("操作标识列 {column} 缺少或其值未在 operation.codes 中声明"),
                        en: format!(
                            "the operation column `{column}` is missing or has a value that \
                             operation.codes does not name"
                        ),
                    },
                ));
            }
        }
    }

    fn apply_item(
        &self,
        item: usize,
        plan: &ItemPlan,
        (cells, column): (Row<'_>, usize),
        defects: &[Defect],
        out: &mut MappedRow,
    ) {
        let cell = cells.get(column);
        if let Some(defect) = defects.iter().find(|defect| defect.column == Some(column)) {
            out.cells.push(None);
            out.findings.push(of_defect(defect, Some(item), cell));
            return;
        }
        match cell {
            Some(value) if !plan.plain => self.work_on(item, plan, value, out),
            plain => out.cells.push(plain.filter(|value| !value.is_empty())),
        }
    }

    fn work_on(&self, item: usize, plan: &ItemPlan, value: &str, out: &mut MappedRow) {
        let mut finding = None;
        out.cells.push_if(|arena, start| {
            arena.push_str(value);
            if !plan.steps.iter().all(|&step| step::apply(step, arena, start)) {
                return false;
            }
            match translate(plan, self.mapping.zone, arena, start) {
                Ok(kept) => kept,
                Err(code) => {
                    finding = Some(code);
                    false
                }
            }
        });
        if let Some(code) = finding {
            out.findings.push(unmapped(item, plan, code, value));
        }
    }
}

/// Pushes the value of an item for which there is no column.
fn push_columnless(item: usize, plan: &ItemPlan, out: &mut MappedRow) {
    match &plan.source {
        Source::Constant(value) => out.cells.push(Some(value)),
        Source::Column(column) if plan.required => {
            out.cells.push(None);
            out.findings.push(missing_column(item, plan, column));
        }
        _ => out.cells.push(None),
    }
}

/// Applies codes, then date forms, to what stands in `arena` from `start` on; false means NULL.
fn translate(plan: &ItemPlan, zone: Tz, arena: &mut String, start: usize) -> Result<bool, Code> {
    if !plan.codes.is_empty() {
        match plan.codes.get(&arena[start..]) {
            Some(None) => return Ok(false),
            Some(Some(code)) => {
                arena.truncate(start);
                arena.push_str(code);
                return Ok(true);
            }
            None if arena.len() == start => return Ok(false),
            None if plan.dates.is_empty() => return Err(Code::CodeList),
            None => {}
        }
    }
    if plan.dates.is_empty() || arena.len() == start {
        return Ok(arena.len() > start);
    }
    let read = plan.dates.iter().find_map(|format| format.read(&arena[start..]));
    let moment = read.ok_or(Code::Date)?;
    arena.truncate(start);
    match (moment, plan.day) {
        (Moment::Local { days, .. }, true) => calendar::push_date(days, arena),
        (Moment::Utc(millis), true) => {
            let moment = DateTime::from_timestamp_millis(millis).ok_or(Code::Date)?;
            let local = moment.timestamp() + offset_at(zone, moment.naive_utc());
            calendar::push_date(local.div_euclid(86_400) as i32, arena);
        }
        (Moment::Utc(millis), false) => calendar::push_datetime(millis, arena),
        (Moment::Local { days, millis }, false) => {
            let millis = to_utc(zone, days, millis).ok_or(Code::Date)?;
            calendar::push_datetime(millis, arena);
        }
    }
    Ok(true)
}

/// Seconds by which the zone's clocks are ahead of UTC.
fn offset_at(zone: Tz, utc: chrono::NaiveDateTime) -> i64 {
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into()
}

/// The moment at which the zone's clocks show this. `None` when they never did, or did twice:
/// when summer time began or ended.
fn to_utc(zone: Tz, days: i32, millis: i64) -> Option<i64> {
    let local = i64::from(days) * 86_400_000 + millis;
    let utc = if zone == chrono_tz::Asia::Shanghai && local >= NO_SUMMER_TIME_SINCE {
        local - 8 * 3_600_000
    } else {
        let naive = DateTime::from_timestamp_millis(local)?.naive_utc();
        zone.from_local_datetime(&naive).single()?.timestamp_millis()
    };
    calendar::MOMENTS.contains(&utc).then_some(utc)
}

/// 1992-01-01: China's last summer time ended in September 1991.
const NO_SUMMER_TIME_SINCE: i64 = 694_224_000_000;

#[cold]
fn unmapped(item: usize, plan: &ItemPlan, code: Code, value: &str) -> Finding {
    let (zh, en) = match code {
        Code::CodeList => (
            format!("{}的值没有在映射 codes 中声明；请补充对应关系或更正", plan.zh),
            format!("the mapping's codes do not name this value of {}; add or correct", plan.name),
        ),
        _ => (
            format!("{}不符合映射声明的任何日期格式，或日历中没有该日", plan.zh),
            format!("{} fits none of the mapping's date forms, or is no such day", plan.name),
        ),
    };
    said(code, Some(item), Said { column: None, value: Some(value.to_owned()), zh, en })
}

#[cold]
fn missing_column(item: usize, plan: &ItemPlan, column: &str) -> Finding {
    let zh = format!("来源没有列 {column}，{}必填；请补上该列或改正映射", plan.zh);
    let en = format!(
        "the source has no column `{column}`, and {} must have a value; add the column or mend \
         the mapping",
        plan.name
    );
    said(Code::MissingColumn, Some(item), Said { column: None, value: None, zh, en })
}

#[cold]
fn strange(name: &str, doubled: bool, value: &str) -> Finding {
    let (zh, en) = if doubled {
        (
            format!("列 {name} 出现不止一次，无法断定取哪一列；请只保留一列"),
            format!("column `{name}` stands more than once; keep one of them"),
        )
    } else {
        (
            format!("列 {name} 不是该目录的数据项；请删除该列，或在映射中声明所需的列"),
            format!("column `{name}` is no item of the entry; remove it, or declare a mapping"),
        )
    };
    let (column, value) = (Some(name.to_owned()), Some(value.to_owned()));
    said(Code::UnknownItem, None, Said { column, value, zh, en })
}

#[cold]
fn of_defect(defect: &Defect, item: Option<usize>, value: Option<&str>) -> Finding {
    let value = value.map(Into::into);
    let (zh, en) = (defect.zh.clone(), defect.en.clone());
    said(defect.code, item, Said { column: None, value, zh, en })
}

fn said(code: Code, item: Option<usize>, said: Said) -> Finding {
    Finding { code, severity: Severity::Reject, item, cause: Cause::Said(Box::new(said)) }
}
