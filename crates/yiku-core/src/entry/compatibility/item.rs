//! Differences between items.

use rust_decimal::Decimal;

use super::Differences;
use crate::{
    calendar,
    entry::{Bounds, DataItem, EntryVersion, ItemType},
    violation::Severity,
};

pub(super) fn compare(old: &EntryVersion, new: &EntryVersion, found: &mut Differences) {
    for item in &old.items {
        match new.item(&item.name) {
            None => found.major(
                format!("数据项 `{}` 被删去", item.name),
                format!("item `{}` is gone", item.name),
            ),
            Some(index) => one(item, &new.items[index], found),
        }
    }
    for item in new.items.iter().filter(|item| old.item(&item.name).is_none()) {
        let (zh, en) =
            (format!("新增数据项 `{}`", item.name), format!("item `{}` is new", item.name));
        if item.required {
            found.major(format!("{zh}，且必填"), format!("{en} and required"));
        } else {
            found.minor(zh, en);
        }
    }
    let kept = |entry: &EntryVersion, other: &EntryVersion| -> Vec<String> {
        let names = entry.items.iter().map(|item| item.name.clone());
        names.filter(|name| other.item(name).is_some()).collect()
    };
    if kept(old, new) != kept(new, old) {
        found.minor("数据项的顺序有变化", "the order of the items differs");
    }
}

fn one(old: &DataItem, new: &DataItem, found: &mut Differences) {
    let name = &old.name;
    let mut say = |harder: bool, zh: &str, en: &str| {
        let (zh, en) = (format!("`{name}` {zh}"), format!("`{name}` {en}"));
        if harder { found.major(zh, en) } else { found.minor(zh, en) }
    };
    if old.required != new.required {
        match new.required {
            true => say(true, "改为必填", "becomes required"),
            false => say(false, "改为可空", "becomes optional"),
        }
    }
    if old.kind.as_str() != new.kind.as_str() {
        let (before, after) = (old.kind.as_str(), new.kind.as_str());
        say(
            true,
            &format!("类型由 {before} 改为 {after}"),
            &format!("was {before} and is {after}"),
        );
    } else {
        kind(&old.kind, &new.kind, &mut say);
    }
    if old.kind.as_str() == new.kind.as_str() && doubt(old) != doubt(new) {
        say(doubt(new) > doubt(old), "对存疑值的处理有变化", "treats doubtful values otherwise");
    }
    if old.mask != new.mask {
        let (before, after) = (old.mask.to_text(), new.mask.to_text());
        say(
            false,
            &format!("掩码由 {before} 改为 {after}"),
            &format!("was masked {before} and is masked {after}"),
        );
    }
    if old.grade != new.grade {
        say(false, "分级有变化", "has another grade");
    }
    if (&old.zh, &old.en, &old.std) != (&new.zh, &new.en, &new.std) {
        found.patch(
            format!("`{name}` 的名称或标准标识有变化"),
            format!("`{name}` is called otherwise"),
        );
    }
}

/// How strict the item is with doubtful values: 0 lets them pass, 2 rejects them. Unsaid lies
/// between for ids, whose check character rejects and whose address warns, and for codes, whose
/// list decides.
fn doubt(item: &DataItem) -> u8 {
    match (item.doubt, &item.kind) {
        (Some(Severity::Warn), _) | (None, ItemType::CreditCode | ItemType::Division) => 0,
        (None, ItemType::CitizenId | ItemType::Code { .. }) => 1,
        _ => 2,
    }
}

/// Differences between two types of one word. `say` takes whether fewer values pass.
fn kind(old: &ItemType, new: &ItemType, say: &mut impl FnMut(bool, &str, &str)) {
    match (old, new) {
        (
            ItemType::Text { min_length: old_min, max_length: old_max, pattern: old_pattern },
            ItemType::Text { min_length: new_min, max_length: new_max, pattern: new_pattern },
        ) => {
            if (old_min, old_max) != (new_min, new_max) {
                say(
                    new_min > old_min || new_max < old_max,
                    &format!("长度由 {old_min}–{old_max} 改为 {new_min}–{new_max}"),
                    &format!("had {old_min} to {old_max} characters, has {new_min} to {new_max}"),
                );
            }
            if old_pattern != new_pattern {
                say(new_pattern.is_some(), "格式（pattern）有变化", "has another pattern");
            }
        }
        (ItemType::Code { list: before }, ItemType::Code { list: after }) if before != after => {
            say(
                true,
                &format!("代码表由 {before} 改为 {after}"),
                &format!("had the code list {before} and has {after}"),
            )
        }
        (ItemType::Integer(before), ItemType::Integer(after)) => {
            bounds(before, after, |text| text.parse().ok(), say);
        }
        (ItemType::Date(before), ItemType::Date(after)) => {
            bounds(
                before,
                after,
                |text| calendar::days_of_date(text.as_bytes()).map(Decimal::from),
                say,
            );
        }
        (
            ItemType::Decimal { precision: old_precision, scale: old_scale, bounds: before },
            ItemType::Decimal { precision: new_precision, scale: new_scale, bounds: after },
        ) => {
            if (old_precision, old_scale) != (new_precision, new_scale) {
                say(
                    new_scale < old_scale || new_precision - new_scale < old_precision - old_scale,
                    &format!(
                        "精度由 ({old_precision}, {old_scale}) 改为 ({new_precision}, {new_scale})"
                    ),
                    &format!(
                        "had precision and scale ({old_precision}, {old_scale}), has \
                         ({new_precision}, {new_scale})"
                    ),
                );
            }
            bounds(before, after, |text| text.parse().ok(), say);
        }
        _ => {}
    }
}

fn bounds(
    old: &Bounds,
    new: &Bounds,
    number: impl Fn(&str) -> Option<Decimal>,
    say: &mut impl FnMut(bool, &str, &str),
) {
    if old == new {
        return;
    }
    let value = |bound: &Option<String>, otherwise: Decimal| {
        bound.as_deref().and_then(&number).unwrap_or(otherwise)
    };
    let narrower = value(&new.min, Decimal::MIN) > value(&old.min, Decimal::MIN)
        || value(&new.max, Decimal::MAX) < value(&old.max, Decimal::MAX);
    let text = |bounds: &Bounds| {
        let bound = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("[{}, {}]", bound(&bounds.min), bound(&bounds.max))
    };
    let (before, after) = (text(old), text(new));
    say(
        narrower,
        &format!("界限由 {before} 改为 {after}"),
        &format!("had the bounds {before} and has {after}"),
    );
}
