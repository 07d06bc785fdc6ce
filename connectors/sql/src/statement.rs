//! The text of the SELECT that reads the next page.

use crate::{
    dialect::{Column, Dialect, Kind},
    mark::Mark,
};

/// A statement with what is bound to its placeholders, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// The values of its placeholders.
    pub binds: Vec<Bind>,
}

/// A value bound to a placeholder.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// A whole number.
    Integer(i64),
    /// A whole number beyond 63 bits.
    Unsigned(u64),
    /// A text.
    Text(String),
}

/// What pages are read from.
#[derive(Clone, Debug)]
pub struct Table {
    /// The database's kind.
    pub dialect: Dialect,
    /// What stands after FROM.
    pub from: String,
    /// The columns handed over.
    pub columns: Vec<Column>,
    /// The watermark, if there is one.
    pub watermark: Option<Column>,
    /// The columns that tell rows (of one watermark) apart.
    pub tie: Vec<Column>,
    /// Whether the database itself does not keep NULL out of them.
    pub tie_may_be_null: bool,
}

/// Which rows a page is of.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Rows after these marks: watermark first, then ties; fewer or none at a run's begin.
    After(&'a [Mark]),
    /// Rows without a watermark, after these ties.
    Unmarked(&'a [Mark]),
}

impl Table {
    /// The columns a page is put in order by: what a row's marks are the values of.
    pub fn order(&self, part: Part<'_>) -> Vec<&Column> {
        let watermark = match part {
            Part::After(_) => self.watermark.as_ref(),
            Part::Unmarked(_) => None,
        };
        watermark.into_iter().chain(&self.tie).collect()
    }

    /// Reads at most `rows` rows: the cells, then the marks.
    pub fn page(&self, part: Part<'_>, rows: usize) -> Statement {
        let order = self.order(part);
        let mut binds = Vec::new();
        let mut conditions = Vec::new();
        let marks = match part {
            Part::After(marks) => marks,
            Part::Unmarked(marks) => {
                conditions.extend(self.watermark.as_ref().map(|column| self.is_null(column)));
                marks
            }
        };
        if !marks.is_empty() {
            conditions.push(self.after(&order, marks, &mut binds));
        } else if let (Part::After(_), Some(watermark)) = (part, &self.watermark) {
            conditions.push(format!("{} IS NOT NULL", self.dialect.of_row(watermark)));
        }
        let cells = self.columns.iter().map(|column| self.dialect.cell(column));
        let marks = order.iter().map(|column| self.dialect.mark(column));
        let list = cells.chain(marks).collect::<Vec<_>>().join(", ");
        let mut sql = format!("SELECT {list}\nFROM {} AS r", self.from);
        if !conditions.is_empty() {
            sql.push_str(&format!("\nWHERE {}", conditions.join(" AND ")));
        }
        let names: Vec<_> = order.iter().map(|column| self.dialect.of_row(column)).collect();
        sql.push_str(&format!("\nORDER BY {}\nLIMIT {rows}", names.join(", ")));
        Statement { sql, binds }
    }

    /// Counts rows whose watermark or tie is NULL.
    pub fn count_null(&self, column: &Column) -> Statement {
        let sql = format!("SELECT COUNT(*) FROM {} AS r WHERE {}", self.from, self.is_null(column));
        Statement { sql, binds: Vec::new() }
    }

    fn is_null(&self, column: &Column) -> String {
        format!("{} IS NULL", self.dialect.of_row(column))
    }

    /// Rows behind `marks` in the order of `columns`. Fewer marks than columns: only the leading
    /// columns are compared, so that all rows of a greater watermark are behind it.
    fn after(&self, columns: &[&Column], marks: &[Mark], binds: &mut Vec<Bind>) -> String {
        let columns = &columns[..marks.len()];
        if self.dialect == Dialect::MySql || columns.len() == 1 {
            return self.after_step(columns, marks, binds);
        }
        let names: Vec<_> = columns.iter().map(|column| self.dialect.of_row(column)).collect();
        let bound: Vec<_> = columns
            .iter()
            .zip(marks)
            .map(|(column, mark)| self.bind(column, mark, binds))
            .collect();
        format!("({}) > ({})", names.join(", "), bound.join(", "))
    }

    /// The same in single comparisons: MySQL uses no index for a comparison of rows.
    fn after_step(&self, columns: &[&Column], marks: &[Mark], binds: &mut Vec<Bind>) -> String {
        let name = self.dialect.of_row(columns[0]);
        let mut bound = || self.bind(columns[0], &marks[0], binds);
        if columns.len() == 1 {
            return format!("{name} > {}", bound());
        }
        let (from, above, equal) = (bound(), bound(), bound());
        let rest = self.after_step(&columns[1..], &marks[1..], binds);
        format!("{name} >= {from} AND ({name} > {above} OR ({name} = {equal} AND {rest}))")
    }

    fn bind(&self, column: &Column, mark: &Mark, binds: &mut Vec<Bind>) -> String {
        binds.push(match (self.dialect, mark) {
            (Dialect::Postgres, mark) => Bind::Text(mark.to_text()),
            (_, Mark::Integer(number)) => Bind::Integer(*number),
            (Dialect::MySql, Mark::Text(text)) if column.kind == Kind::Integer => {
                text.parse().map_or_else(|_| Bind::Text(text.clone()), Bind::Unsigned)
            }
            (_, Mark::Text(text)) => Bind::Text(text.clone()),
        });
        self.dialect.bound(column, binds.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind, sql_type: &str) -> Column {
        Column { name: name.into(), kind, sql_type: sql_type.into() }
    }

    #[track_caller]
    fn check(dialect: Dialect, part: Part<'_>, expected: &str, binds: usize) {
        let changed = column("gxsj", Kind::DateTime, "timestamp without time zone");
        let id = column("xh", Kind::Integer, "bigint");
        let table = Table {
            dialect,
            from: dialect.quote_table("t_czrk"),
            columns: vec![id.clone(), changed.clone()],
            watermark: Some(changed),
            tie: vec![id],
            tie_may_be_null: false,
        };
        let statement = table.page(part, 3);
        assert_eq!(statement.sql.replace('\n', " "), expected);
        assert_eq!(statement.binds.len(), binds);
    }

    #[test]
    fn pages() {
        let marks = [Mark::Text("2026-11-02 08:00:00".into()), Mark::Integer(7)];
        check(
            Dialect::Sqlite,
            Part::After(&marks),
            r#"SELECT r."xh", r."gxsj", r."gxsj", r."xh" FROM "t_czrk" AS r WHERE (r."gxsj", r."xh") > (?1, ?2) ORDER BY r."gxsj", r."xh" LIMIT 3"#,
            2,
        );
        check(
            Dialect::Postgres,
            Part::After(&marks[..1]),
            r#"SELECT r."xh"::text, r."gxsj"::text, r."gxsj"::text, r."xh"::text FROM "t_czrk" AS r WHERE r."gxsj" > $1::text::timestamp without time zone ORDER BY r."gxsj", r."xh" LIMIT 3"#,
            1,
        );
        check(
            Dialect::MySql,
            Part::After(&marks),
            "SELECT CAST(r.`xh` AS CHAR), CAST(r.`gxsj` AS CHAR), CAST(r.`gxsj` AS CHAR), \
             CAST(r.`xh` AS CHAR) FROM `t_czrk` AS r WHERE r.`gxsj` >= ? AND (r.`gxsj` > ? OR \
             (r.`gxsj` = ? AND r.`xh` > ?)) ORDER BY r.`gxsj`, r.`xh` LIMIT 3",
            4,
        );
        check(
            Dialect::Sqlite,
            Part::Unmarked(&[]),
            r#"SELECT r."xh", r."gxsj", r."xh" FROM "t_czrk" AS r WHERE r."gxsj" IS NULL ORDER BY r."xh" LIMIT 3"#,
            0,
        );
        check(
            Dialect::Sqlite,
            Part::After(&[]),
            r#"SELECT r."xh", r."gxsj", r."gxsj", r."xh" FROM "t_czrk" AS r WHERE r."gxsj" IS NOT NULL ORDER BY r."gxsj", r."xh" LIMIT 3"#,
            0,
        );
    }
}
