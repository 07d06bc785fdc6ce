//! What an entry says about itself: the elements of 政务数据共享条例 art. 13 to 15 and of the
//! 政务信息资源目录编制指南（试行） of 2017.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::violation::Code;

/// A text in both languages.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Sharing class (共享属性, 条例 art. 14).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharingClass {
    /// 无条件共享.
    Unconditional,
    /// 有条件共享: states scope and purpose.
    Conditional,
    /// 不予共享: states reason and legal basis.
    Withheld,
}

/// How an entry is shared (条例 art. 14, 15, 22).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The class.
    pub class: SharingClass,
    /// 共享范围, with `conditional`.
    pub scope: Option<String>,
    /// 使用用途, with `conditional`.
    pub purpose: Option<String>,
    /// 使用条件.
    pub conditions: Option<String>,
    /// Why it is withheld.
    pub reason: Option<String>,
    /// The law, 行政法规 or 国务院决定 on which withholding rests.
    pub legal_basis: Option<String>,
    /// 共享方式: `service`, `batch`, `file`.
    #[serde(default)]
    pub modes: Vec<String>,
}

/// Everything an entry says about itself that rows do not depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// 信息资源代码: 分类码/顺序码.
    pub code: String,
    /// 信息资源名称.
    pub name: Text,
    /// 信息资源摘要.
    pub summary: Text,
    /// 资源属性: `base/…`, `theme/…` or `department`.
    pub attribute: String,
    /// 层级属性: `department` or `national`.
    pub level: String,
    /// 信息资源格式: class and kind.
    pub format: (String, String),
    /// The system that holds the data.
    pub source_system: String,
    /// 更新周期, a code of the list `update-cycle`.
    pub update: String,
    /// 关联资源代码.
    pub related: Vec<String>,
    /// Ground on which the department collects the data.
    pub basis: String,
    /// 涉密属性: only `none` can be published (条例 art. 3).
    pub secrecy: String,
    /// 数据分类.
    pub category: String,
    /// 数据分级, a code of the list `grade`.
    pub grade: String,
    /// The review before publication (条例 art. 13), as written.
    pub review: BTreeMap<String, String>,
    /// How it is shared.
    pub share: Share,
    /// 开放属性: `public`, `on-request` or `closed`.
    pub open: String,
    /// 开放条件.
    pub open_conditions: Option<String>,
}

/// Example rows: item name → text, absent items are NULL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    /// Rows that must pass.
    pub valid: Vec<BTreeMap<String, String>>,
    /// Rows that must not, with what is expected of them.
    pub invalid: Vec<InvalidExample>,
}

/// A row that must be found wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct InvalidExample {
    /// The row.
    pub row: BTreeMap<String, String>,
    /// The violations that must be reported (others may be, too): code, item, rule.
    pub expect: Vec<(Code, Option<String>, Option<String>)>,
}
