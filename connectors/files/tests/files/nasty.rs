//! CSV made to be nasty, with the csv crate as judge.

use proptest::prelude::*;

use crate::support::{Folder, gb};

/// Cells of everything that a writer must quote, and of what it need not.
fn cell() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "李", "𠮷", ",", "\"", "\"\"", "\n", "\r\n", "\r", " ", "\t", "'", "\\", "=1", "|",
        "é",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (2_usize..5)
        .prop_flat_map(|width| prop::collection::vec(prop::collection::vec(cell(), width), 0..12))
}

fn write(table: &[Vec<String>], end: csv::Terminator, style: csv::QuoteStyle) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().terminator(end).quote_style(style).from_writer(vec![]);
    let width = table.first().map_or(2, Vec::len);
    writer.write_record((0..width).map(|column| format!("c{column}"))).unwrap();
    table.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

/// The rows as the csv crate reads them.
fn judged(content: &[u8]) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(content);
    let record = |record: csv::StringRecord| {
        let cells = record.iter().map(|cell| if cell.is_empty() { "∅" } else { cell });
        cells.collect::<Vec<_>>().join("|")
    };
    reader.records().map(|read| record(read.unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn rows_are_those_of_the_csv_crate(
        table in table(),
        ends in prop::sample::select(vec![
            csv::Terminator::Any(b'\n'), csv::Terminator::CRLF, csv::Terminator::Any(b'\r'),
        ]),
        style in prop::sample::select(vec![
            csv::QuoteStyle::Necessary, csv::QuoteStyle::Always, csv::QuoteStyle::NonNumeric,
        ]),
        chinese in any::<bool>(),
    ) {
        let content = write(&table, ends, style);
        let expected = judged(&content);
        let text = String::from_utf8(content.clone()).unwrap();
        let folder = Folder::new().file("a.csv", if chinese { gb(&text) } else { content });
        let folder = folder.with("encoding", if chinese { "gb18030" } else { "utf-8" });
        folder.conforms(&expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
