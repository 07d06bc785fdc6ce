//! Generated entries and rows: right ones, and right ones with a small mistake.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::Index};
use yiku_core::{
    code_list::{CodeList, CodeLists, DIVISIONS, ListedCode},
    contract::number,
    entry::{Bounds, DataItem, EntryVersion, Examples, ItemType, Metadata, Text, Version},
    entry::{Prefix, Rule, RuleForm, Share, SharingClass},
    identifier::{citizen_id, credit_code, license_id, organisation_code},
    mask::Mask,
    violation::Severity,
};

/// One row: a cell for each item.
pub type Cells = Vec<Option<String>>;

/// The code lists of generated entries.
pub fn lists() -> CodeLists {
    let list = |name: &str, codes: &[&str], warn_unknown| CodeList {
        name: name.into(),
        warn_unknown,
        codes: codes
            .iter()
            .map(|code| ListedCode { code: (*code).into(), current: true, ..ListedCode::default() })
            .collect(),
        ..CodeList::default()
    };
    let mut lists = CodeLists::default();
    lists.insert(list("sex", &["0", "1", "2", "9"], false));
    lists.insert(list("kind", &["A", "B1", "long-code-of-many-letters", "甲"], false));
    lists.insert(list("open", &["10", "20"], true));
    lists.insert(list(DIVISIONS, &["431302", "431302001", "431302001001", "431381"], false));
    lists
}

/// An entry of up to eight items of any type and up to three `begins` rules; the first item is the
/// key.
pub fn any_entry() -> impl Strategy<Value = EntryVersion> {
    let kinds = vec((any_kind(), any::<bool>(), any_doubt()), 1..8);
    (kinds, vec(any_begins(), 0..4)).prop_map(|(kinds, rules)| {
        let items =
            kinds.into_iter().enumerate().map(|(index, (kind, required, doubt))| DataItem {
                name: format!("item_{index}"),
                zh: format!("第{index}项"),
                en: None,
                std: None,
                kind,
                required: required || index == 0,
                grade: None,
                doubt,
                mask: Mask::None,
            });
        let items: Vec<DataItem> = items.collect();
        let rules = begins_rules(rules, &items);
        entry(items, rules)
    })
}

/// A `begins` rule before it is known which items there are: places of the item and of the other
/// one, texts instead of the other one, severity.
type Begins = (Index, Result<Index, Vec<String>>, Severity);

fn any_begins() -> impl Strategy<Value = Begins> {
    let texts = vec(prop::sample::select(PREFIXES.to_vec()).prop_map(str::to_owned), 1..5);
    let prefix = prop_oneof![any::<Index>().prop_map(Ok), texts.prop_map(Err)];
    let severity = prop::sample::select(vec![Severity::Reject, Severity::Warn]);
    (any::<Index>(), prefix, severity)
}

/// The rules, as far as the entry has items that can begin with something.
fn begins_rules(rules: Vec<Begins>, items: &[DataItem]) -> Vec<Rule> {
    let texts: Vec<usize> = (0..items.len()).filter(|&item| is_text(&items[item].kind)).collect();
    if texts.is_empty() {
        return Vec::new();
    }
    let rule = |(number, (item, prefix, severity)): (usize, Begins)| Rule {
        id: format!("rule-{number}"),
        form: RuleForm::Begins {
            item: texts[item.index(texts.len())],
            prefix: match prefix {
                Ok(other) => Prefix::Item(texts[other.index(texts.len())]),
                Err(texts) => Prefix::Texts(texts),
            },
        },
        severity,
        message: Text { zh: "开头不对".into(), en: "It begins otherwise".into() },
    };
    rules.into_iter().enumerate().map(rule).collect()
}

/// Whether values are texts, codes or identifiers.
fn is_text(kind: &ItemType) -> bool {
    matches!(kind, ItemType::Text { .. } | ItemType::Code { .. }) || is_identifier(kind)
}

/// Whether letters of values may be written small.
pub fn is_identifier(kind: &ItemType) -> bool {
    matches!(
        kind,
        ItemType::CitizenId
            | ItemType::CreditCode
            | ItemType::OrganisationCode
            | ItemType::LicenseId
            | ItemType::Division
    )
}

fn entry(items: Vec<DataItem>, rules: Vec<Rule>) -> EntryVersion {
    EntryVersion {
        name: "test/generated".parse().expect("a name"),
        version: Version { major: 1, minor: 0, patch: 0 },
        published_on: None,
        metadata: metadata(),
        items,
        key: vec![0],
        order_by: None,
        rules,
        feeds: Vec::new(),
        examples: Examples::default(),
    }
}

fn metadata() -> Metadata {
    Metadata {
        code: "307021/1".into(),
        name: Text { zh: "生成".into(), en: "Generated".into() },
        summary: Text::default(),
        attribute: "department".into(),
        level: "department".into(),
        format: ("database".into(), "mysql".into()),
        source_system: String::new(),
        update: "daily".into(),
        related: Vec::new(),
        basis: String::new(),
        secrecy: "none".into(),
        category: String::new(),
        grade: String::new(),
        review: BTreeMap::new(),
        share: Share {
            class: SharingClass::Unconditional,
            scope: None,
            purpose: None,
            conditions: None,
            reason: None,
            legal_basis: None,
            modes: Vec::new(),
        },
        open: "closed".into(),
        open_conditions: None,
    }
}

fn any_doubt() -> impl Strategy<Value = Option<Severity>> {
    prop::sample::select(vec![None, None, Some(Severity::Reject), Some(Severity::Warn)])
}

fn any_kind() -> impl Strategy<Value = ItemType> {
    let more = prop_oneof![5 => 0u32..6, 1 => Just(60)];
    let text = (0u32..4, more, prop::option::of(prop::sample::select(PATTERNS.to_vec())));
    let text = text.prop_map(|(min_length, more, pattern)| ItemType::Text {
        min_length,
        max_length: min_length + more,
        pattern: pattern.map(str::to_owned),
    });
    let code = prop::sample::select(vec!["sex", "kind", "open"])
        .prop_map(|list| ItemType::Code { list: list.into() });
    let integer = prop::option::of((-50i64..50, 0i64..100)).prop_map(|range| {
        let bound = |value: i64| Some(value.to_string());
        let (min, max) = range.map_or((None, None), |(min, more)| (bound(min), bound(min + more)));
        ItemType::Integer(Bounds { min, max })
    });
    let decimal = (1u32..=28, 0u32..=28, any::<bool>()).prop_map(|(precision, scale, bounded)| {
        let bound = |text: &str| bounded.then(|| text.to_owned());
        let bounds =
            Bounds { min: bound("0"), max: bound(if scale < precision { "5" } else { "0.5" }) };
        ItemType::Decimal { precision, scale: scale.min(precision), bounds }
    });
    let date = prop::bool::ANY.prop_map(|bounded| {
        let min = bounded.then(|| "1900-01-01".to_owned());
        let max = bounded.then(|| "2030-12-31".to_owned());
        ItemType::Date(Bounds { min, max })
    });
    prop_oneof![
        3 => text,
        2 => code,
        2 => integer,
        2 => decimal,
        2 => date,
        1 => Just(ItemType::Boolean),
        2 => Just(ItemType::DateTime),
        2 => Just(ItemType::CitizenId),
        2 => Just(ItemType::CreditCode),
        1 => Just(ItemType::OrganisationCode),
        1 => Just(ItemType::LicenseId),
        2 => Just(ItemType::Division),
    ]
}

/// A row of the entry: mostly right values, some with a mistake, some missing.
pub fn any_row(entry: &EntryVersion, lists: &CodeLists) -> BoxedStrategy<Cells> {
    let cells: Vec<BoxedStrategy<Option<String>>> = entry
        .items
        .iter()
        .map(|item| {
            let right = right_value(&item.kind, lists);
            let wrong = (right.clone(), any::<Mistake>())
                .prop_map(|(value, mistake)| Some(mistake.make(&value)));
            prop_oneof![16 => right.prop_map(Some), 3 => wrong, 1 => Just(None)].boxed()
        })
        .collect();
    cells.boxed()
}

/// The row, in which texts begin with the item that a rule wants them to begin with.
pub fn aimed(entry: &EntryVersion, mut row: Cells, small: bool) -> Cells {
    for rule in &entry.rules {
        if let RuleForm::Begins { item, prefix: Prefix::Item(other) } = &rule.form
            && let ItemType::Text { .. } = entry.items[*item].kind
            && let Some(prefix) = &row[*other]
        {
            let prefix = if small { prefix.to_lowercase() } else { prefix.clone() };
            row[*item] = Some(format!("{prefix}0"));
        }
    }
    row
}

/// A row of the entry in which nothing is wrong with any one value.
pub fn right_row(entry: &EntryVersion, lists: &CodeLists) -> BoxedStrategy<Cells> {
    let cells: Vec<BoxedStrategy<Option<String>>> = entry
        .items
        .iter()
        .map(|item| {
            let right = right_value(&item.kind, lists).prop_map(Some);
            if item.required {
                right.boxed()
            } else {
                prop_oneof![4 => right, 1 => Just(None)].boxed()
            }
        })
        .collect();
    cells.boxed()
}

/// A value that is right, or nearly always: bounds and patterns are aimed at, not guaranteed.
fn right_value(kind: &ItemType, lists: &CodeLists) -> BoxedStrategy<String> {
    match kind {
        ItemType::Text { pattern: Some(pattern), .. } => {
            prop::string::string_regex(pattern).expect("a pattern").boxed()
        }
        ItemType::Text { min_length, max_length, .. } => {
            let (min, max) = (*min_length as usize, (*max_length as usize).min(60));
            let character = prop_oneof![
                3 => prop::char::range('a', 'z'),
                2 => prop::char::range('一', '龥'),
                1 => prop::sample::select(vec![' ', '\t', '\n', '𠮷', '·', '"', '\\']),
            ];
            vec(character, min..=max).prop_map(|text| text.into_iter().collect()).boxed()
        }
        ItemType::Code { list } => {
            let list = lists.get(list).expect("a list");
            let codes: Vec<String> = list.codes.iter().map(|listed| listed.code.clone()).collect();
            prop::sample::select(codes).boxed()
        }
        ItemType::Integer(bounds) => {
            let bound = |text: &Option<String>, otherwise: i64| {
                text.as_ref().map_or(otherwise, |text| text.parse().expect("an integer"))
            };
            let (min, max) = (bound(&bounds.min, i64::MIN), bound(&bounds.max, i64::MAX));
            prop_oneof![min..=max, Just(min), Just(max)].prop_map(|value| value.to_string()).boxed()
        }
        ItemType::Decimal { precision, scale, bounds } => decimal(*precision, *scale, bounds),
        ItemType::Boolean => prop::sample::select(vec!["true".to_owned(), "false".into()]).boxed(),
        ItemType::Date(_) => {
            any_date().prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")).boxed()
        }
        ItemType::DateTime => any_datetime(),
        ItemType::CitizenId => any_citizen_id(),
        ItemType::CreditCode => any_credit_code(),
        ItemType::OrganisationCode => "[0-9A-Z]{8}"
            .prop_map(|body| {
                let digits = body.as_bytes().try_into().expect("eight");
                let check = organisation_code::check_character(digits).expect("of the alphabet");
                format!("{body}{}", char::from(check))
            })
            .boxed(),
        ItemType::LicenseId => {
            "[0-9A-Z]{18}[0-9]{3}\\.([0-9A-Z]{18}|[0-9]{6})\\.[0-9A-Z]{1,20}\\.[0-9]{3}"
                .prop_map(|body| {
                    let check = license_id::check_character(&body).expect("of the alphabet");
                    format!("{}{body}.{}", license_id::ROOT, char::from(check))
                })
                .boxed()
        }
        ItemType::Division => prop_oneof![
            "4313[0-9]{2}",
            "431302(001)?",
            "431302001001",
            "[1-9][0-9]{5}([0-9]{3}([0-9]{3})?)?",
        ]
        .boxed(),
    }
}

fn decimal(precision: u32, scale: u32, bounds: &Bounds) -> BoxedStrategy<String> {
    let limit = 10i128.pow(precision) - 1;
    let bound = |text: &Option<String>, otherwise: i128| {
        text.as_ref().map_or(otherwise, |text| {
            number::decimal(text.as_bytes(), precision, scale).expect("a decimal")
        })
    };
    let (min, max) = (bound(&bounds.min, -limit), bound(&bounds.max, limit));
    (prop_oneof![min..=max, Just(min), Just(max)], any::<bool>())
        .prop_map(move |(value, short)| {
            let mut text = String::new();
            number::push_decimal(value, scale, &mut text);
            match text.contains('.') && short {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        })
        .boxed()
}

fn any_date() -> impl Strategy<Value = (u32, u32, u32)> {
    prop_oneof![8 => 1900u32..2030, 1 => 1u32..=9999].prop_flat_map(|year| {
        (1u32..=12).prop_flat_map(move |month| {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = [31, 28 + u32::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            (Just(year), Just(month), 1..=last[month as usize - 1])
        })
    })
}

fn any_datetime() -> BoxedStrategy<String> {
    let offset = prop_oneof![Just("Z".to_owned()), "[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]"];
    let time = "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?";
    (any_date(), time, offset)
        .prop_map(|((y, m, d), time, offset)| format!("{y:04}-{m:02}-{d:02}{time}{offset}"))
        .boxed()
}

fn any_citizen_id() -> BoxedStrategy<String> {
    let address = prop_oneof![
        4 => Just("431302".to_owned()),
        2 => "[1-9][0-9]{5}",
        1 => prop::sample::select(vec!["810000".to_owned(), "830000".into()]),
    ];
    (address, any_date(), 0u32..1000)
        .prop_map(|(address, (y, m, d), sequence)| {
            let body = format!("{address}{y:04}{m:02}{d:02}{sequence:03}");
            let digits = body.as_bytes().try_into().expect("seventeen");
            format!("{body}{}", char::from(citizen_id::check_character(digits)))
        })
        .boxed()
}

fn any_credit_code() -> BoxedStrategy<String> {
    ("[1-9AY][1239][0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}", prop_oneof![9 => Just(true), 1 => Just(false)])
        .prop_map(|(body, right)| {
            let characters = body.as_bytes().try_into().expect("seventeen");
            let check = credit_code::check_character(characters).expect("of the alphabet");
            format!("{body}{}", if right { char::from(check) } else { '0' })
        })
        .boxed()
}

/// A small mistake, as hands and machines make them.
#[derive(Clone, Debug)]
pub struct Mistake {
    what: u8,
    place: Index,
    character: char,
}

impl Arbitrary for Mistake {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let character = prop_oneof![
            4 => prop::char::range('0', '9'),
            2 => prop::char::range('A', 'Z'),
            1 => prop::char::range('a', 'z'),
            3 => prop::sample::select(STRANGE.to_vec()),
        ];
        (0u8..9, any::<Index>(), character)
            .prop_map(|(what, place, character)| Self { what, place, character })
            .boxed()
    }
}

impl Mistake {
    fn make(&self, value: &str) -> String {
        let mut characters: Vec<char> = value.chars().collect();
        let place = self.place.index(characters.len() + 1);
        let at = place.min(characters.len().saturating_sub(1));
        match self.what {
            0 => characters.insert(place, self.character),
            1 if !characters.is_empty() => characters[at] = self.character,
            2 if !characters.is_empty() => drop(characters.remove(at)),
            3 if characters.len() > 1 => characters.swap(at.max(1) - 1, at.max(1)),
            4 => characters.extend(value.chars()),
            5 => characters.clear(),
            6 => return value.to_lowercase(),
            7 => characters.truncate(place),
            _ => return format!("{value}{}", self.character),
        }
        characters.into_iter().collect()
    }
}

const STRANGE: [char; 16] = [
    ' ', '-', '+', '.', ',', '/', ':', 'Z', 'T', '１', 'Ｘ', '\u{3000}', '\n', '\0', '\u{1f}', '李',
];

/// How values of several types may begin, and some that none does.
const PREFIXES: [&str; 19] = [
    "1",
    "2",
    "4",
    "43",
    "4313",
    "431302001001",
    "9",
    "5",
    "A",
    "a",
    "B",
    "c",
    "x",
    "AB",
    "甲",
    "李",
    "ab",
    "zzz",
    "1.2.156.3005.2",
];

const PATTERNS: [&str; 4] = ["[A-Z]{2}[0-9]{1,3}", "a*b+", "[一-龥]{1,3}", "x|yy|zzz"];
