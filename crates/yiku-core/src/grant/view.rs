//! What a grantee sees of a row, and of a change of a row.

use crate::{
    batch::{Cells, Row},
    derive::TableColumn,
    entry::ItemType,
    mask::Mask,
};

use super::{Grant, Shown, Test};

/// A column of the subject: an item of the entity or of the entry.
#[derive(Clone, Debug)]
pub struct ViewColumn {
    /// The column as a table has it.
    pub column: TableColumn,
    /// What its values are.
    pub kind: ItemType,
    /// Whether a value of it can end the entity.
    pub ends: bool,
}

/// A grant bound to the columns of its subject.
#[derive(Clone, Debug)]
pub struct GrantView {
    /// The columns handed out, in the order of the grant.
    pub columns: Vec<TableColumn>,
    /// Which of them are the key.
    pub key: Vec<usize>,
    /// Whether ended entities are seen at all: only by a grant whose filter asks for an item that
    /// ends them. To all others an end is a withdrawal.
    pub sees_ended: bool,
    /// Where each column handed out stands in the subject's rows, and its mask.
    cells: Vec<(usize, Mask)>,
    tests: Vec<(usize, ItemType, Test)>,
    mask_key: Vec<u8>,
}

/// What a change of a row is to the grantee.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum View {
    /// The row is new to it or has new cells.
    Upsert,
    /// The row is no longer its to hold.
    Withdraw,
    /// The row is its, but what changed is not.
    Hidden,
    /// The row is and was none of its own.
    Outside,
}

/// The grant does not fit its subject.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ViewError {
    /// An item of the grant is none of the subject's.
    #[error("`{of}` has no item `{item}`")]
    NoItem {
        /// The subject.
        of: String,
        /// The item.
        item: String,
    },
    /// Without its key a row could not be withdrawn.
    #[error("key item `{item}` of `{of}` must be among the grant's items")]
    KeyLeftOut {
        /// The subject.
        of: String,
        /// The item.
        item: String,
    },
    /// With this mask two rows would look like one.
    #[error("key item `{item}` can have the mask `pseudonym` or none: others make keys alike")]
    KeyMasked {
        /// The item.
        item: String,
    },
}

impl ViewError {
    /// The key of the grant's file that says it.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::NoItem { .. } | Self::KeyLeftOut { .. } => "items",
            Self::KeyMasked { .. } => "masks",
        }
    }

    /// What is wrong, in Chinese.
    pub fn to_zh(&self) -> String {
        match self {
            Self::NoItem { of, item } => format!("`{of}` 没有数据项 `{item}`"),
            Self::KeyLeftOut { of, item } => {
                format!("`{of}` 的主键项 `{item}` 必须列在 items 中，否则无法撤回")
            }
            Self::KeyMasked { item } => {
                format!("主键项 `{item}` 只能不脱敏或用 pseudonym，否则不同的人会变成同一个")
            }
        }
    }
}

impl GrantView {
    /// Binds the grant to its subject: its columns and which of them are the key. `mask_key` is
    /// the grantee's own, for pseudonyms.
    pub fn new(
        grant: &Grant,
        columns: &[ViewColumn],
        key: &[usize],
        mask_key: &[u8],
    ) -> Result<Self, ViewError> {
        Self::of_shown(&grant.shown(), columns, key, mask_key)
    }

    /// Binds what a grant showed once.
    pub fn of_shown(
        shown: &Shown,
        columns: &[ViewColumn],
        key: &[usize],
        mask_key: &[u8],
    ) -> Result<Self, ViewError> {
        let of = || shown.of.clone();
        let find = |item: &String| {
            columns
                .iter()
                .position(|column| column.column.name == *item)
                .ok_or_else(|| ViewError::NoItem { of: of(), item: item.clone() })
        };
        let mask = |item: &String| {
            let text = shown.masks.get(item);
            text.and_then(|text| text.parse().ok()).unwrap_or(Mask::None)
        };
        let mut cells = Vec::new();
        for item in &shown.items {
            cells.push((find(item)?, mask(item)));
        }
        let mut key_columns = Vec::new();
        for &item in key {
            let name = &columns[item].column.name;
            let place = cells.iter().position(|(cell, _)| *cell == item);
            let place =
                place.ok_or_else(|| ViewError::KeyLeftOut { of: of(), item: name.clone() })?;
            if !matches!(cells[place].1, Mask::None | Mask::Pseudonym) {
                return Err(ViewError::KeyMasked { item: name.clone() });
            }
            key_columns.push(place);
        }
        let mut tests = Vec::new();
        let mut sees_ended = false;
        for (item, test) in &shown.rows.tests {
            let at = find(item)?;
            sees_ended |= columns[at].ends;
            tests.push((at, columns[at].kind.clone(), test.clone()));
        }
        let handed_out = |&(cell, mask): &(usize, Mask)| masked_column(&columns[cell].column, mask);
        let columns = cells.iter().map(handed_out).collect();
        Ok(Self {
            columns,
            key: key_columns,
            sees_ended,
            cells,
            tests,
            mask_key: mask_key.to_vec(),
        })
    }

    /// Whether the grantee may see the row.
    pub fn sees(&self, row: &Row<'_>) -> bool {
        self.tests.iter().all(|(cell, kind, test)| test.passes(kind, row.get(*cell)))
    }

    /// What the change of a row is to the grantee. `None`: the row is not there or is
    /// deleted, or has ended and [`GrantView::sees_ended`] does not hold.
    pub fn of(&self, before: Option<&Row<'_>>, after: Option<&Row<'_>>) -> View {
        let before = before.filter(|row| self.sees(row));
        let after = after.filter(|row| self.sees(row));
        match (before, after) {
            (None, None) => View::Outside,
            (Some(_), None) => View::Withdraw,
            (None, Some(_)) => View::Upsert,
            (Some(before), Some(after)) if self.alike(before, after) => View::Hidden,
            (Some(_), Some(_)) => View::Upsert,
        }
    }

    /// Appends the row as the grantee sees it.
    pub fn push_row(&self, row: &Row<'_>, out: &mut Cells) {
        for &(cell, mask) in &self.cells {
            self.push_cell(row.get(cell), mask, out);
        }
    }

    /// Appends the row of a withdrawal: its key, all else NULL. `key` gives the value of each of
    /// the subject's key items, in their order.
    pub fn push_withdrawal<'a>(&self, key: impl Iterator<Item = &'a str>, out: &mut Cells) {
        let parts: Vec<&str> = key.collect();
        for (column, &(_, mask)) in self.cells.iter().enumerate() {
            let part = self.key.iter().position(|&key_column| key_column == column);
            self.push_cell(part.and_then(|part| parts.get(part).copied()), mask, out);
        }
    }

    fn push_cell(&self, value: Option<&str>, mask: Mask, out: &mut Cells) {
        match (value, mask) {
            (None, _) | (_, Mask::Blank) => out.push(None),
            (Some(value), Mask::None) => out.push(Some(value)),
            (Some(value), mask) => out.push_with(|text| {
                mask.apply(value, &self.mask_key, text);
            }),
        }
    }

    fn alike(&self, before: &Row<'_>, after: &Row<'_>) -> bool {
        self.cells.iter().all(|&(cell, mask)| {
            let (before, after) = (before.get(cell), after.get(cell));
            before == after
                || match (before, after) {
                    _ if mask == Mask::Blank => true,
                    (Some(before), Some(after)) => {
                        let (mut one, mut other) = (String::new(), String::new());
                        mask.apply(before, &self.mask_key, &mut one);
                        mask.apply(after, &self.mask_key, &mut other);
                        one == other
                    }
                    _ => false,
                }
        })
    }
}

/// A column as it is handed out: a mask can make a value longer or take it away.
fn masked_column(column: &TableColumn, mask: Mask) -> TableColumn {
    use crate::derive::ColumnType;
    let mut column = column.clone();
    match mask {
        Mask::None => {}
        Mask::YearOnly => column.column_type = ColumnType::Date,
        Mask::Pseudonym => column.column_type = ColumnType::Text { max_length: 32 },
        Mask::Blank => column.required = false,
        Mask::Keep { .. } | Mask::FirstOnly | Mask::County => {
            if !matches!(column.column_type, ColumnType::Text { .. }) {
                column.column_type = ColumnType::Text { max_length: 64 };
            }
        }
    }
    column
}
