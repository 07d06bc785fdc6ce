//! Cross-item rules, and what a row feeds.

use crate::violation::Severity;

use super::Text;

/// One cross-item rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id within the entry, kebab-case.
    pub id: String,
    /// What must hold. A rule whose items are NULL holds, unless it is about being there.
    pub form: RuleForm,
    /// Whether breaking it keeps the row out.
    pub severity: Severity,
    /// What people read. Native forms bring their own; an entry may say it better.
    pub message: Text,
}

/// An item, or a part of an identifier: `citizen_id.birth_date`, `.sex`, `.division`;
/// `credit_code.organisation_code`, `.division`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operand {
    /// Index of the item.
    pub item: usize,
    /// `birth_date`, `sex` (GB/T 2261.1), `division`, `organisation_code`.
    pub part: Option<String>,
}

/// How the members of an `order` rule stand to each other.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OrderOperator {
    /// Each not after the next (the default).
    #[default]
    NotAfter,
    /// Each before the next (`strict: true`).
    Before,
}

/// What a `begins` rule asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Prefix {
    /// One of these texts.
    Texts(Vec<String>),
    /// The value of this item; the rule holds where it has none.
    Item(usize),
}

/// The forms of rules. All but `Cel` are native code.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleForm {
    /// Both operands have the same value: `same: [birth_date, citizen_id.birth_date]`.
    Same(Operand, Operand),
    /// Dates, datetimes or numbers in ascending order: `order: [birth_date, death_date]`.
    Order(Vec<Operand>, OrderOperator),
    /// A text, code or identifier begins with another: `begins: { item: division, with: ["4313"] }`,
    /// `begins: { item: address_code, with_item: division }`. Letters of identifiers are compared
    /// without regard to case.
    Begins {
        /// The item looked at.
        item: usize,
        /// What it begins with.
        prefix: Prefix,
    },
    /// `required_when: { item: legal_person_id, when: { kind: ["1", "2"] } }`; an empty list of
    /// values means: whenever it has any value.
    RequiredWhen {
        /// The item that must be there.
        item: usize,
        /// The item looked at.
        when: usize,
        /// Its values; empty: any value.
        values: Vec<String>,
    },
    /// At least one of the items is there: `one_of: [credit_code, citizen_id]`.
    OneOf(Vec<usize>),
    /// A CEL expression over the items, true when the row is right. Bounded in length and cost.
    Cel(String),
}

impl RuleForm {
    /// The items that the rule blames together; none for an expression.
    pub fn items(&self) -> Vec<usize> {
        match self {
            Self::Same(first, second) => vec![first.item, second.item],
            Self::Order(operands, _) => operands.iter().map(|operand| operand.item).collect(),
            Self::Begins { item, .. } | Self::RequiredWhen { item, .. } => vec![*item],
            Self::OneOf(items) => items.clone(),
            Self::Cel(_) => Vec::new(),
        }
    }
}

/// Where the value of an entity's item comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SetValue {
    /// An item of the row.
    Item(usize),
    /// A constant.
    Const(String),
}

/// A library entity that a row feeds. A marriage has two of these, one for each spouse.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Feed {
    /// `population.person`.
    pub entity: String,
    /// The row's items that hold the entity's key. A row whose key item is NULL feeds nothing here.
    pub key: Vec<usize>,
    /// Entity item → where its value comes from, in the order of the file.
    pub set: Vec<(String, SetValue)>,
}
