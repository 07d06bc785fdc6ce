//! What real departments do to rows, and what the hub must make of it.

use serde::Serialize;

/// One way in which rows of a system are broken.
pub struct Fault {
    /// What people call it.
    pub name: &'static str,
    /// The column that is touched first.
    pub column: &'static str,
    /// What is done.
    pub how: How,
    /// What must come of it.
    pub expect: Expect,
}

/// A fault of one cell.
pub const fn fault(
    name: &'static str,
    column: &'static str,
    change: fn(&str) -> Option<String>,
    expect: Expect,
) -> Fault {
    Fault { name, column, how: How::Cell(change), expect }
}

/// Two columns were swapped.
pub const fn swapped(column: &'static str, other: &'static str, expect: Expect) -> Fault {
    Fault { name: "swapped columns", column, how: How::Swap(other), expect }
}

/// A key stands twice in a file, with something else changed.
pub const fn doubled(column: &'static str) -> Fault {
    let (how, expect) = (How::Again(cell::changed), row_rejected("duplicate-key"));
    Fault { name: "duplicate key", column, how, expect }
}

/// A row stands twice in a file, word for word.
pub const fn repeated(column: &'static str) -> Fault {
    let expect = Expect::Warned(Finding { code: "duplicate-key", item: None, rule: None });
    Fault { name: "repeated row", column, how: How::Again(cell::same), expect }
}

/// Bytes of no encoding in the line.
pub const fn garbage(column: &'static str) -> Fault {
    let expect = row_rejected("encoding");
    Fault { name: "bytes of another encoding", column, how: How::Garbage, expect }
}

/// A line with a cell too many.
pub const fn ragged(column: &'static str) -> Fault {
    let expect = row_rejected("unreadable");
    Fault { name: "ragged row", column, how: How::Ragged, expect }
}

/// The last line of the last file ends in the middle.
pub const fn cut_off(column: &'static str) -> Fault {
    Fault { name: "truncated file", column, how: How::CutOff, expect: row_rejected("unreadable") }
}

/// A spreadsheet keeps the id as a number.
pub const fn as_number(column: &'static str, item: &'static str) -> Fault {
    let expect = rejected("precision-lost", item);
    Fault { name: "id kept as a number", column, how: How::AsNumber, expect }
}

/// What is done to a row.
pub enum How {
    /// The cell becomes another; `None` when this cell does not lend itself to it. An empty text
    /// is written as an empty cell.
    Cell(fn(&str) -> Option<String>),
    /// The cell changes places with that of another column.
    Swap(&'static str),
    /// The row comes a second time, with the cell changed.
    Again(fn(&str) -> Option<String>),
    /// Bytes that are not of the file's encoding get into the line.
    Garbage,
    /// The line has a cell more than the header.
    Ragged,
    /// The line ends in the middle: a broken transfer. Only for the last line of the last file.
    CutOff,
    /// The spreadsheet holds the cell as a floating number.
    AsNumber,
}

/// What the hub must make of a broken row.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Expect {
    /// Its connector mends it: taken without a word.
    Accepted,
    /// Taken, and the department is told.
    Warned(Finding),
    /// Kept out, with this among its reasons.
    Rejected(Finding),
}

/// A violation that must be reported.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Its code.
    pub code: &'static str,
    /// The item to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<&'static str>,
    /// The rule that is broken, with the code `rule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
}

/// Kept out because of one item.
pub const fn rejected(code: &'static str, item: &'static str) -> Expect {
    Expect::Rejected(Finding { code, item: Some(item), rule: None })
}

/// Kept out as a whole.
pub const fn row_rejected(code: &'static str) -> Expect {
    Expect::Rejected(Finding { code, item: None, rule: None })
}

/// Kept out because of a cross-item rule.
pub const fn rule_broken(rule: &'static str) -> Expect {
    Expect::Rejected(Finding { code: "rule", item: None, rule: Some(rule) })
}

/// Taken with a word about one item.
pub const fn warned(code: &'static str, item: &'static str) -> Expect {
    Expect::Warned(Finding { code, item: Some(item), rule: None })
}

/// Taken with a word about a cross-item rule.
pub const fn rule_warned(rule: &'static str) -> Expect {
    Expect::Warned(Finding { code: "rule", item: None, rule: Some(rule) })
}

/// What is done to single cells. Each returns `None` when the cell does not lend itself to it.
pub mod cell {
    /// Nobody filled it in.
    pub fn empty(value: &str) -> Option<String> {
        (!value.is_empty()).then(String::new)
    }

    /// Typed with a Chinese keyboard: １２３.
    pub fn full_width(value: &str) -> Option<String> {
        let wide = |c: char| match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).expect("the wide forms exist"),
            other => other,
        };
        value.chars().any(|c| c.is_ascii_digit()).then(|| value.chars().map(wide).collect())
    }

    /// Padded with blanks, as fixed-width exports are.
    pub fn padded(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| format!(" {value}  "))
    }

    /// An id as it was written before 1999, of somebody born before 2000.
    pub fn old_id(value: &str) -> Option<String> {
        (value.len() == 18 && &value[6..8] == "19")
            .then(|| format!("{}{}", &value[..6], &value[8..17]))
    }

    /// Two digits of the serial number have changed places: the check digit no longer fits.
    pub fn mistyped_id(value: &str) -> Option<String> {
        let bytes = value.as_bytes();
        let fits = bytes.len() == 18 && bytes[14] != bytes[15];
        fits.then(|| {
            format!("{}{}{}{}", &value[..14], &value[15..16], &value[14..15], &value[16..])
        })
    }

    /// The last character is another: the check character no longer fits.
    pub fn wrong_check(value: &str) -> Option<String> {
        let (body, last) = value.split_at_checked(value.len().checked_sub(1)?)?;
        let other = if last == "7" { "8" } else { "7" };
        Some(format!("{body}{other}"))
    }

    /// A character is missing.
    pub fn too_short(value: &str) -> Option<String> {
        let (at, _) = value.char_indices().next_back()?;
        (at > 0).then(|| value[..at].to_owned())
    }

    /// A day that no calendar has, in the form of the column.
    pub fn impossible_date(value: &str) -> Option<String> {
        let digits = value.bytes().take_while(u8::is_ascii_digit).count();
        match (digits, value.len()) {
            (4, 10..) if value.is_ascii() => {
                let mark = &value[4..5];
                Some(format!("{}{mark}02{mark}30{}", &value[..4], &value[10..]))
            }
            (8.., _) => Some(format!("{}0230{}", &value[..4], &value[8..])),
            _ => None,
        }
    }

    /// A date written as people speak.
    pub fn spoken_date(value: &str) -> Option<String> {
        let year = value.get(..4).filter(|year| year.bytes().all(|b| b.is_ascii_digit()))?;
        Some(format!("{year}年春"))
    }

    /// The date ten years earlier, in the form of the column.
    pub fn ten_years_earlier(value: &str) -> Option<String> {
        let year: u32 = value.get(..4)?.parse().ok()?;
        Some(format!("{}{}", year.checked_sub(10)?, &value[4..]))
    }

    /// The date a century earlier, in the form of the column.
    pub fn century_earlier(value: &str) -> Option<String> {
        let year: u32 = value.get(..4)?.parse().ok()?;
        Some(format!("{}{}", year.checked_sub(100)?, &value[4..]))
    }

    /// The date in 1950, in the form of the column.
    pub fn in_1950(value: &str) -> Option<String> {
        let month: u32 = value.get(5..7)?.parse().ok()?;
        (month > 5).then(|| format!("1950{}", &value[4..]))
    }

    /// A code that the list does not have.
    pub fn unknown_code(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| "Z9".to_owned())
    }

    /// A word where a code belongs.
    pub fn word_for_code(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| "不详".to_owned())
    }

    /// A remark typed into the field, far too long for it.
    pub fn too_long(value: &str) -> Option<String> {
        let remark = "（此处为经办人补录的说明，请以纸质档案为准）";
        (!value.is_empty()).then(|| format!("{value}{}", remark.repeat(50)))
    }

    /// A number below zero.
    pub fn negative(value: &str) -> Option<String> {
        let number = value.bytes().next().is_some_and(|b| b.is_ascii_digit());
        number.then(|| format!("-{}", if value.starts_with("0.00") { "5.00" } else { value }))
    }

    /// A number far above what there can be.
    pub fn huge(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| "999".to_owned())
    }

    /// More decimals than the item holds.
    pub fn too_precise(value: &str) -> Option<String> {
        let number = value.contains('.') && value.bytes().all(|b| b == b'.' || b.is_ascii_digit());
        number.then(|| format!("{value}0001"))
    }

    /// More decimals than any item holds.
    pub fn far_too_precise(value: &str) -> Option<String> {
        too_precise(value).map(|value| format!("{value}0001"))
    }

    /// A number in words.
    pub fn in_words(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| "约五万元".to_owned())
    }

    /// A remark instead of a value.
    pub fn remark(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| "见备注".to_owned())
    }

    /// A division that there never was.
    pub fn unknown_division(value: &str) -> Option<String> {
        (value.len() >= 6).then(|| format!("4399{}", &value[4..]))
    }

    /// The code of the town instead of the village's.
    pub fn town_only(value: &str) -> Option<String> {
        (value.len() == 12).then(|| value[..9].to_owned())
    }

    /// Cancelled, though nobody noted the day.
    pub fn cancelled(value: &str) -> Option<String> {
        (value == "存续").then(|| "注销".to_owned())
    }

    /// Ended, though nobody noted the day.
    pub fn ended(value: &str) -> Option<String> {
        (value == "1").then(|| "4".to_owned())
    }

    /// The kind of a government organ.
    pub fn kind_of_organ(value: &str) -> Option<String> {
        (value != "11").then(|| "11".to_owned())
    }

    /// No longer valid, though nobody noted the day.
    pub fn no(value: &str) -> Option<String> {
        (value == "是").then(|| "否".to_owned())
    }

    /// A longitude of another province.
    pub fn elsewhere(value: &str) -> Option<String> {
        value.strip_prefix("111.").map(|rest| format!("116.{rest}"))
    }

    /// A code that begins with another village's.
    pub fn next_place(value: &str) -> Option<String> {
        value.strip_prefix("4313").map(|rest| format!("4312{rest}"))
    }

    /// An address that begins with the county.
    pub fn without_city(value: &str) -> Option<String> {
        value.strip_prefix("湖南省娄底市").map(str::to_owned)
    }

    /// A licence type of another bureau.
    pub fn other_type(value: &str) -> Option<String> {
        value.starts_with("11100000MB").then(|| "11100000000013338W032".to_owned())
    }

    /// Struck off, though nobody noted the day.
    pub fn struck_off(value: &str) -> Option<String> {
        (value == "现势").then(|| "注销".to_owned())
    }

    /// A division of another city.
    pub fn in_changsha(value: &str) -> Option<String> {
        (value.len() == 6).then(|| "430103".to_owned())
    }

    /// The date that some programs write for no end.
    pub fn year_9999(value: &str) -> Option<String> {
        value.get(4..).map(|rest| format!("9999{rest}"))
    }

    /// Another text, such as a later spelling.
    pub fn changed(value: &str) -> Option<String> {
        (!value.is_empty()).then(|| format!("{value}（补录）"))
    }

    /// The same again.
    pub fn same(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[track_caller]
        fn check(fault: fn(&str) -> Option<String>, value: &str, expected: Option<&str>) {
            assert_eq!(fault(value).as_deref(), expected);
        }

        #[test]
        fn faults() {
            check(full_width, "43A", Some("４３Ａ"));
            check(old_id, "43250319850101123X", Some("432503850101123"));
            check(old_id, "431302200002290029", None);
            check(mistyped_id, "431302199003070104", Some("431302199003071004"));
            check(impossible_date, "19900307", Some("19900230"));
            check(impossible_date, "1990-03-07", Some("1990-02-30"));
            check(impossible_date, "2026/11/02 08:00:00", Some("2026/02/30 08:00:00"));
            check(wrong_check, "91431300MA00000235", Some("91431300MA00000237"));
            check(ten_years_earlier, "2026-11-02", Some("2016-11-02"));
            check(empty, "", None);
        }
    }
}
