//! A statement that is put together at run time.

use sqlx::AssertSqlSafe;

use super::{Query, Row, Value, query, query_as, query_scalar};

/// A statement that grows, with its values beside it.
pub struct QueryBuilder<'q> {
    sql: String,
    values: Vec<Value<'q>>,
}

impl<'q> QueryBuilder<'q> {
    /// Begins with this text.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    /// Appends text.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a place for a value.
    pub fn push_bind(&mut self, value: impl Into<Value<'q>>) -> &mut Self {
        self.values.push(value.into());
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        self
    }

    /// Appends places for values, with commas between them.
    pub fn push_list(&mut self, values: impl IntoIterator<Item: Into<Value<'q>>>) -> &mut Self {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.push_bind(value);
        }
        self
    }

    /// A query for rows.
    pub fn build(self) -> Query<'q, Row> {
        query(AssertSqlSafe(self.sql)).with(self.values)
    }

    /// A query for rows as `O`.
    pub fn build_query_as<O: super::Record>(self) -> Query<'q, O> {
        query_as(AssertSqlSafe(self.sql)).with(self.values)
    }

    /// A query for the first column.
    pub fn build_query_scalar<O: for<'r> super::Column<'r>>(self) -> Query<'q, O> {
        query_scalar(AssertSqlSafe(self.sql)).with(self.values)
    }
}
