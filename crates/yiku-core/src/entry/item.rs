//! A data item (数据项): one field of an entry.

use crate::{mask::Mask, violation::Severity};

/// One field of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct DataItem {
    /// Its name in files, columns and schemas, snake_case.
    pub name: String,
    /// Its Chinese name.
    pub zh: String,
    /// Its English name, if given.
    pub en: Option<String>,
    /// The standard's element id, such as `GMSFHM`.
    pub std: Option<String>,
    /// What its values are.
    pub kind: ItemType,
    /// Whether each row must hold a value.
    pub required: bool,
    /// Sensitivity grade, where it is higher than the entry's (a code of the list `grade`).
    pub grade: Option<String>,
    /// What a value of right form does whose check character is wrong or that its list does not
    /// hold (`doubt: reject` or `warn`). Unless said, it rejects the row; but a wrong check
    /// character of a credit code and an unknown division or address warn.
    pub doubt: Option<Severity>,
    /// How previews, violations and grants hide the value. Identifiers of persons and graded
    /// items have one by default.
    pub mask: Mask,
}

/// Least and greatest value, both allowed, as canonical text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bounds {
    /// Least value.
    pub min: Option<String>,
    /// Greatest value.
    pub max: Option<String>,
}

/// What the values of an item are. Values are held as canonical text:
///
/// | type | canonical text | Avro |
/// |---|---|---|
/// | text, code, identifiers, division | itself, identifiers in upper case | string |
/// | integer | `-?[0-9]+`, no leading zeros, 64 bits | long |
/// | decimal | `-?(0\|[1-9][0-9]*)(\.[0-9]+)?` with at most `scale` decimals; stored with `scale` | bytes, logical decimal |
/// | boolean | `true`, `false` | boolean |
/// | date | `yyyy-MM-dd`, years 0001 to 9999 | int, logical date |
/// | datetime | RFC 3339 with offset, to the millisecond; compared and stored as `…Z` | long, logical timestamp-millis |
#[derive(Clone, Debug, PartialEq)]
pub enum ItemType {
    /// Free text of `min_length` (1 unless said) to `max_length` characters.
    Text {
        /// Fewest characters.
        min_length: u32,
        /// Most characters.
        max_length: u32,
        /// A regular expression that the whole value must match (linear time, no look-around).
        pattern: Option<String>,
    },
    /// One of a code list.
    Code {
        /// The list's name in `catalog/codelists/`.
        list: String,
    },
    /// A whole number of 64 bits.
    Integer(Bounds),
    /// A decimal number.
    Decimal {
        /// Digits in all, at most 28.
        precision: u32,
        /// Digits after the point.
        scale: u32,
        /// Least and greatest value.
        bounds: Bounds,
    },
    /// True or false.
    Boolean,
    /// A day of the calendar.
    Date(Bounds),
    /// A moment.
    DateTime,
    /// 公民身份号码, 18 characters (GB 11643), residence permits 81/82/83 and permanent
    /// residence 9… included.
    CitizenId,
    /// 统一社会信用代码 (GB 32100).
    CreditCode,
    /// 组织机构代码 (GB 11714), 9 characters without hyphen.
    OrganisationCode,
    /// 电子证照标识 (GB/T 36904).
    LicenseId,
    /// 行政区划代码, 6, 9 or 12 digits (GB/T 2260 and statistical codes).
    Division,
}

impl ItemType {
    /// The word after `type:`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Code { .. } => "code",
            Self::Integer(_) => "integer",
            Self::Decimal { .. } => "decimal",
            Self::Boolean => "boolean",
            Self::Date(_) => "date",
            Self::DateTime => "datetime",
            Self::CitizenId => "citizen-id",
            Self::CreditCode => "credit-code",
            Self::OrganisationCode => "organisation-code",
            Self::LicenseId => "license-id",
            Self::Division => "division",
        }
    }

    /// Whether a value of right form can still be doubtful: it has a check character, or a list
    /// to stand in.
    pub fn can_be_doubtful(&self) -> bool {
        matches!(
            self,
            Self::Code { .. }
                | Self::CitizenId
                | Self::CreditCode
                | Self::OrganisationCode
                | Self::LicenseId
                | Self::Division
        )
    }

    /// The parts that rules may name: `citizen_id.birth_date`.
    pub fn parts(&self) -> &'static [&'static str] {
        match self {
            Self::CitizenId => &["birth_date", "sex", "division"],
            Self::CreditCode => &["organisation_code", "division"],
            _ => &[],
        }
    }

    /// Whether what the mask leaves is still of this type, so that it can be delivered.
    pub fn takes_mask(&self, mask: Mask) -> bool {
        match mask {
            Mask::None | Mask::Blank => true,
            Mask::YearOnly => matches!(self, Self::Date(_)),
            Mask::County => matches!(self, Self::Text { .. } | Self::Division),
            Mask::FirstOnly | Mask::Keep { .. } | Mask::Pseudonym => !matches!(
                self,
                Self::Integer(_)
                    | Self::Decimal { .. }
                    | Self::Boolean
                    | Self::Date(_)
                    | Self::DateTime
            ),
        }
    }

    /// The mask of an item that names none. `graded`: the item has a grade of its own.
    pub fn default_mask(&self, graded: bool) -> Mask {
        match self {
            Self::CitizenId => Mask::Keep { first: 6, last: 4 },
            _ if !graded => Mask::None,
            Self::Text { .. } => Mask::FirstOnly,
            Self::Date(_) => Mask::YearOnly,
            Self::Division => Mask::County,
            Self::CreditCode | Self::OrganisationCode | Self::LicenseId => {
                Mask::Keep { first: 2, last: 4 }
            }
            Self::Code { .. }
            | Self::Integer(_)
            | Self::Decimal { .. }
            | Self::Boolean
            | Self::DateTime => Mask::Blank,
        }
    }
}
