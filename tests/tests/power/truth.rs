//! What is sent to the hub: all of it follows from numbers, so that anybody can say what must come
//! of it.

use std::collections::BTreeMap;

/// One request of a system that pushes.
pub struct Push {
    /// Its `Idempotency-Key`.
    pub key: String,
    /// JSON lines.
    pub body: String,
    /// Rows of it that are bad.
    pub bad: usize,
    rows: Vec<(String, u64)>,
}

/// A file that a department lays into the folder.
pub struct Export {
    /// Its name; names rise.
    pub name: String,
    /// CSV.
    pub text: String,
    /// Rows of it that are bad.
    pub bad: usize,
    rows: Vec<(String, u64)>,
}

/// What the library holds in the end: the fee of each card number.
pub type Content = BTreeMap<String, String>;

/// Push number `number` of one system. Each system has card numbers of its own, so that the order
/// of its requests is the order of its rows.
pub fn push(system: usize, number: u64) -> Push {
    // Each third one changes rows that an earlier one brought.
    let about = if number % 3 == 2 { number / 2 } else { number };
    let count = if number.is_multiple_of(7) { 5 } else { 1 };
    let rows: Vec<_> =
        (0..count).map(|row| (format!("S{system}-{about}-{row}"), number * 10 + row)).collect();
    let line = |(no, fee): &(String, u64)| {
        format!("{{\"no\":\"{no}\",\"name\":\"肖文\",\"fee\":\"{fee}.00\"}}\n")
    };
    let mut body: String = rows.iter().map(line).collect();
    let bad = usize::from(number % 10 == 9);
    if bad > 0 {
        body += &format!("{{\"no\":\"S{system}-{number}-x\",\"name\":\"肖文\",\"sex\":\"7\"}}\n");
    }
    Push { key: format!("push-{system}-{number}"), body, bad, rows }
}

/// File number `number`.
pub fn file(number: u64) -> Export {
    let first = number / 2 * 20;
    let rows: Vec<_> =
        (first..first + 40).map(|row| (format!("F{row}"), number * 100 + row)).collect();
    let mut text = String::from("no,name,sex,fee\n");
    rows.iter().for_each(|(no, fee)| text.push_str(&format!("{no},刘洋,2,{fee}.00\n")));
    text.push_str(&format!("F-bad-{number},刘洋,7,1.00\n"));
    Export { name: format!("{number:04}.csv"), text, bad: 1, rows }
}

/// What must come of these, taken in their order.
pub fn content(pushes: &[&Push], files: &[Export]) -> Content {
    let files = files.iter().flat_map(|file| &file.rows);
    let rows = pushes.iter().flat_map(|push| &push.rows).chain(files);
    rows.map(|(no, fee)| (no.clone(), format!("{fee}.00"))).collect()
}
