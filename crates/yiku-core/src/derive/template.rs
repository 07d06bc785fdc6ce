//! A CSV file that a department can fill in.

use crate::entry::EntryVersion;

/// A header line of the items' names and the entry's first valid example, in UTF-8 with a byte
/// order mark, so that spreadsheet programs read the Chinese, and CRLF line ends.
pub fn csv_template(entry: &EntryVersion) -> String {
    let names = entry.items.iter().map(|item| item.name.as_str());
    let mut text = format!("\u{feff}{}\r\n", line(names));
    if let Some(example) = entry.examples.valid.first() {
        let cells =
            entry.items.iter().map(|item| example.get(&item.name).map_or("", String::as_str));
        text.push_str(&line(cells));
        text.push_str("\r\n");
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    cells.map(quoted).collect::<Vec<_>>().join(",")
}

/// In quotes where needed.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::test_entry;

    #[test]
    fn header_and_example() {
        let entry = test_entry::changed(&[("name: 李娜,", "name: '李,\"娜\"',")]);
        assert_eq!(
            csv_template(&entry),
            "\u{feff}citizen_id,name,sex,birth_date,height,children,married,work,license,division,\
             remark,updated_at\r\n431302197407073941,\"李,\"\"娜\"\"\",2,1974-07-07,,,true,,,,,\
             2026-11-02T08:00:00+08:00\r\n"
        );
    }
}
