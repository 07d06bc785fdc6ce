//! What holds between the items of a row.
//!
//! A rule looks at canonical values. One that looks at a broken item says nothing: the item's own
//! finding says enough. One that looks at NULL holds, unless it is about being there.

use super::{
    cel::CelRule,
    compile::{Column, Kind, Message},
    number,
    value::Held,
};
use crate::{
    batch::Row,
    entry::{self, EntryVersion, ItemType, OrderOperator, Prefix, Rule, RuleForm},
    identifier::citizen_id,
};

/// A rule, ready to judge rows.
#[derive(Debug)]
pub(super) struct CompiledRule {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Same(Operand, Operand),
    Order(Vec<Operand>, OrderOperator),
    Begins { item: usize, prefix: Prefix },
    RequiredWhen { item: usize, when: usize, values: Vec<Wanted> },
    OneOf(Vec<usize>),
    Cel(Box<CelRule>),
}

/// What a rule says about a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Judgement {
    Holds,
    Broken,
    /// The expression could not be worked out.
    Failed,
}

#[derive(Clone, Debug)]
struct Operand {
    item: usize,
    part: Part,
    nature: Nature,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Whole,
    BirthDate,
    Sex,
    CitizenDivision,
    CreditDivision,
    OrganisationCode,
}

/// What kind of value an operand has; only operands of one nature are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Nature {
    Text,
    Date,
    DateTime,
    /// A number with so many decimals; numbers of one rule are brought to the same.
    Number {
        scale: u32,
    },
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Text { text: &'a str, fold: bool },
    Number(i128),
}

/// A value that `required_when` asks for.
#[derive(Debug)]
enum Wanted {
    Text(String),
    Number(i64),
}

impl CompiledRule {
    /// The item that a finding of this rule names, if it is one item's fault.
    pub(super) fn blamed(&self) -> Option<usize> {
        match self.form {
            Form::Begins { item, .. } | Form::RequiredWhen { item, .. } => Some(item),
            _ => None,
        }
    }
}

/// Judges the rule on a row whose cells were walked.
pub(super) fn judge(
    rule: &CompiledRule,
    columns: &[Column],
    cells: Row<'_>,
    held: &[Held],
) -> Judgement {
    let holds = match &rule.form {
        Form::Same(left, right) => {
            match (value(left, columns, cells, held), value(right, columns, cells, held)) {
                (Some(left), Some(right)) => is_same(left, right),
                _ => true,
            }
        }
        Form::Order(operands, operator) => {
            let mut present =
                operands.iter().filter_map(|operand| match value(operand, columns, cells, held) {
                    Some(Value::Number(number)) => Some(number),
                    _ => None,
                });
            let mut before = present.next();
            present.all(|number| {
                let in_order = before.is_none_or(|before| match operator {
                    OrderOperator::NotAfter => before <= number,
                    OrderOperator::Before => before < number,
                });
                before = Some(number);
                in_order
            })
        }
        Form::Begins { item, prefix } => {
            let text = |item: usize| match held[item] {
                Held::Broken => None,
                _ => cells.get(item),
            };
            let fold = |item: usize| columns[item].kind.is_identifier();
            match (text(*item), prefix) {
                (Some(text), Prefix::Texts(texts)) => {
                    texts.iter().any(|prefix| begins(text, prefix, fold(*item)))
                }
                (Some(value), Prefix::Item(other)) => text(*other)
                    .is_none_or(|prefix| begins(value, prefix, fold(*item) || fold(*other))),
                (None, _) => true,
            }
        }
        Form::RequiredWhen { item, when, values } => {
            held[*item] != Held::Null || !is_wanted(values, cells.get(*when), held[*when])
        }
        Form::OneOf(items) => items.iter().any(|&item| held[item] != Held::Null),
        Form::Cel(rule) => return rule.judge(columns, cells, held),
    };
    if holds { Judgement::Holds } else { Judgement::Broken }
}

fn is_wanted(values: &[Wanted], cell: Option<&str>, held: Held) -> bool {
    let Some(cell) = cell else { return false };
    if held == Held::Broken {
        return false;
    }
    values.is_empty()
        || values.iter().any(|wanted| match wanted {
            Wanted::Text(text) => text.eq_ignore_ascii_case(cell),
            Wanted::Number(number) => held == Held::Number(*number),
        })
}

fn begins(text: &str, prefix: &str, fold: bool) -> bool {
    match text.as_bytes().get(..prefix.len()) {
        Some(start) if fold => start.eq_ignore_ascii_case(prefix.as_bytes()),
        Some(start) => start == prefix.as_bytes(),
        None => false,
    }
}

fn is_same(left: Value<'_>, right: Value<'_>) -> bool {
    match (left, right) {
        (Value::Text { text: left, fold: a }, Value::Text { text: right, fold: b }) => {
            if a || b {
                left.eq_ignore_ascii_case(right)
            } else {
                left == right
            }
        }
        (Value::Number(left), Value::Number(right)) => left == right,
        _ => false,
    }
}

/// The operand's value; `None` when it has none or is broken.
#[inline]
fn value<'a>(
    operand: &Operand,
    columns: &[Column],
    cells: Row<'a>,
    held: &[Held],
) -> Option<Value<'a>> {
    let text = cells.get(operand.item)?;
    let held = held[operand.item];
    if matches!(held, Held::Broken | Held::Null) {
        return None;
    }
    let kind = &columns[operand.item].kind;
    let number = match (held, kind, operand.part) {
        (_, Kind::Decimal { precision, scale, .. }, _) => {
            number::decimal(text.as_bytes(), *precision, *scale).ok()?
        }
        (Held::Number(number), _, Part::Whole | Part::BirthDate)
            if operand.nature != Nature::Text =>
        {
            number.into()
        }
        _ => return part(operand.part, text, kind.is_identifier()),
    };
    match (operand.nature, kind) {
        (Nature::Number { scale: to }, Kind::Decimal { scale: from, .. }) => {
            Some(Value::Number(number * 10i128.pow(to - from)))
        }
        (Nature::Number { scale }, _) => Some(Value::Number(number * 10i128.pow(scale))),
        _ => Some(Value::Number(number)),
    }
}

/// A part of a text that was found to be of right form.
fn part(part: Part, text: &str, fold: bool) -> Option<Value<'_>> {
    let text = match part {
        Part::Whole | Part::BirthDate => text,
        Part::Sex => citizen_id::sex(text.as_bytes().try_into().ok()?),
        Part::CitizenDivision => match citizen_id::holder(text.as_bytes().try_into().ok()?) {
            citizen_id::Holder::PermanentResident => return None,
            _ => text.get(..6)?,
        },
        Part::CreditDivision => text.get(2..8)?,
        Part::OrganisationCode => text.get(8..17)?,
    };
    Some(Value::Text { text, fold })
}

/// Compiles a rule of this entry.
pub(super) fn compile(rule: &Rule, entry: &EntryVersion) -> Result<CompiledRule, Message> {
    let form = match &rule.form {
        RuleForm::Same(left, right) => {
            let operands = operands(&[left.clone(), right.clone()], entry)?;
            let [left, right] = operands.try_into().expect("two went in");
            Form::Same(left, right)
        }
        RuleForm::Order(members, operator) => {
            let operands = operands(members, entry)?;
            if operands.len() < 2 || operands.iter().any(|operand| operand.nature == Nature::Text) {
                return Err((
                    "order 需要至少两个日期、日期时间或数值".into(),
                    "order needs at least two dates, datetimes or numbers".into(),
                ));
            }
            Form::Order(operands, *operator)
        }
        RuleForm::Begins { item, prefix } => Form::Begins { item: *item, prefix: prefix.clone() },
        RuleForm::RequiredWhen { item, when, values } => {
            let kind = &entry.items[*when].kind;
            let values =
                values.iter().map(|value| wanted(kind, value)).collect::<Result<_, _>>()?;
            Form::RequiredWhen { item: *item, when: *when, values }
        }
        RuleForm::OneOf(items) if items.len() < 2 => {
            return Err(("one_of 需要至少两项".into(), "one_of needs at least two items".into()));
        }
        RuleForm::OneOf(items) => Form::OneOf(items.clone()),
        RuleForm::Cel(expression) => Form::Cel(Box::new(CelRule::compile(expression, entry)?)),
    };
    Ok(CompiledRule { form })
}

/// Looks the operands up and brings them to one nature.
fn operands(members: &[entry::Operand], entry: &EntryVersion) -> Result<Vec<Operand>, Message> {
    let mut operands =
        members.iter().map(|member| operand(member, entry)).collect::<Result<Vec<_>, _>>()?;
    let scale = operands
        .iter()
        .filter_map(|operand| match operand.nature {
            Nature::Number { scale } => Some(scale),
            _ => None,
        })
        .max();
    if let Some(scale) = scale {
        for operand in &mut operands {
            if let Nature::Number { scale: own } = &mut operand.nature {
                let digits = match entry.items[operand.item].kind {
                    ItemType::Decimal { precision, .. } => precision - *own,
                    _ => 19,
                };
                // Beyond this, bringing a number to the common scale could overflow.
                if digits + scale > 38 {
                    return Err((
                        "这些数的位数相差太大，不能比较".into(),
                        "these numbers differ too much in their digits to be compared".into(),
                    ));
                }
                *own = scale;
            }
        }
    }
    if operands.windows(2).any(|pair| pair[0].nature != pair[1].nature) {
        return Err((
            "只能比较同类的值（日期与日期、数值与数值、文字与文字）".into(),
            "only values of one kind compare: dates, datetimes, numbers or texts".into(),
        ));
    }
    Ok(operands)
}

fn operand(member: &entry::Operand, entry: &EntryVersion) -> Result<Operand, Message> {
    let item = &entry.items[member.item];
    let (part, nature) = match (&item.kind, member.part.as_deref()) {
        (ItemType::Date(_), None) => (Part::Whole, Nature::Date),
        (ItemType::DateTime, None) => (Part::Whole, Nature::DateTime),
        (ItemType::Integer(_), None) => (Part::Whole, Nature::Number { scale: 0 }),
        (ItemType::Decimal { scale, .. }, None) => (Part::Whole, Nature::Number { scale: *scale }),
        (_, None) => (Part::Whole, Nature::Text),
        (ItemType::CitizenId, Some("birth_date")) => (Part::BirthDate, Nature::Date),
        (ItemType::CitizenId, Some("sex")) => (Part::Sex, Nature::Text),
        (ItemType::CitizenId, Some("division")) => (Part::CitizenDivision, Nature::Text),
        (ItemType::CreditCode, Some("division")) => (Part::CreditDivision, Nature::Text),
        (ItemType::CreditCode, Some("organisation_code")) => (Part::OrganisationCode, Nature::Text),
        (kind, Some(part)) => {
            let (name, kind) = (&item.name, kind.as_str());
            return Err((
                format!("{name}（{kind}）没有 {part} 这一部分"),
                format!("`{name}` ({kind}) has no part `{part}`"),
            ));
        }
    };
    Ok(Operand { item: member.item, part, nature })
}

fn wanted(kind: &ItemType, value: &str) -> Result<Wanted, Message> {
    let number = |number: Option<i64>| {
        number.map(Wanted::Number).ok_or_else(|| {
            let kind = kind.as_str();
            (format!("{value} 不是 {kind} 的值"), format!("`{value}` is no value of type {kind}"))
        })
    };
    match kind {
        ItemType::Integer(_) => number(number::integer(value.as_bytes()).ok()),
        ItemType::Date(_) => number(crate::calendar::days_of_date(value.as_bytes()).map(i64::from)),
        ItemType::DateTime | ItemType::Decimal { .. } => Err((
            "required_when 的 when 不能列举日期时间或小数".into(),
            "required_when cannot list datetimes or decimals".into(),
        )),
        _ => Ok(Wanted::Text(value.to_owned())),
    }
}
