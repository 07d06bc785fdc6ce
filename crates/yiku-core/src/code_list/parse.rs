//! Reading a code list: a YAML file, and for long lists a CSV file that it names.

use std::collections::HashSet;

use crate::{
    contract::form::UNKNOWN_CODE_LENGTH_MAX,
    entry::is_name,
    problem::Problem,
    violation::Severity,
    yaml::{self, Fields, Node, Reader},
};

use super::{CodeList, ListedCode};

/// Reads a list. `data` gives the text of a file beside it, if there is one.
pub fn parse<'t>(
    path: &str,
    text: &str,
    data: impl Fn(&str) -> Option<&'t str>,
) -> Result<CodeList, Vec<Problem>> {
    let root = yaml::parse(path, text)?;
    let mut reader = Reader::new(path);
    let mut problems = Vec::new();
    let list = list(&mut reader, &root, data, &mut problems);
    problems.extend(reader.into_problems());
    match list {
        Some(list) if problems.is_empty() => Ok(list),
        _ => Err(problems),
    }
}

fn list<'t>(
    reader: &mut Reader<'_>,
    root: &Node,
    data: impl Fn(&str) -> Option<&'t str>,
    problems: &mut Vec<Problem>,
) -> Option<CodeList> {
    let mut fields = reader.map(root)?;
    let name = fields.need(reader, "list").and_then(|node| {
        let name = reader.text(node)?;
        if !is_name(name) {
            reader.note(
                node.place,
                format!("`{name}` 不是代码表名：只用 a-z、0-9 和 -"),
                format!("`{name}` is no name of a list: use a-z, 0-9 and -"),
            );
        }
        Some(name)
    });
    let title = fields.need(reader, "title").and_then(|node| reader.both(node));
    let standard = fields.optional_text(reader, "standard");
    let source = fields.text(reader, "source");
    // Said for people, and for the page that shows the list's file.
    let _licence = fields.optional_text(reader, "licence");
    let _edition = fields.optional_text(reader, "edition");
    let verified = fields.need(reader, "verified").and_then(|node| reader.boolean(node));
    let severities = [("reject", Severity::Reject), ("warn", Severity::Warn)];
    let unknown = fields.need(reader, "unknown").and_then(|node| reader.word(node, &severities));
    let codes = codes(reader, &mut fields, data, problems);
    fields.end(reader);
    let codes = codes?;
    if codes.is_empty() && problems.is_empty() && reader.is_clean() {
        reader.note(root.place, "代码表是空的", "the list has no codes");
    }
    Some(CodeList {
        name: name?.to_owned(),
        title: title?,
        standard,
        source: source?.to_owned(),
        verified: verified?,
        warn_unknown: unknown? == Severity::Warn,
        codes,
    })
}

/// `codes:` here, or `file:` beside.
fn codes<'t>(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    data: impl Fn(&str) -> Option<&'t str>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<ListedCode>> {
    match (fields.find("codes"), fields.find("file")) {
        (Some(node), None) => {
            let mut pairs = reader.map(node)?;
            let codes = pairs.all().iter().filter_map(|(key, node)| {
                let name = reader.chinese(node)?;
                Some(ListedCode {
                    code: key.text.clone(),
                    name,
                    current: true,
                    ..ListedCode::default()
                })
            });
            let codes: Vec<ListedCode> = codes.collect();
            check_codes(reader.path(), &codes, problems);
            Some(codes)
        }
        (None, Some(node)) => {
            let file = reader.text(node)?;
            let Some(text) = data(file) else {
                reader.note(
                    node.place,
                    format!("没有文件 `{file}`；它应在同一文件夹中"),
                    format!("there is no file `{file}` beside this one"),
                );
                return None;
            };
            Some(csv_codes(&beside(reader.path(), file), text, problems))
        }
        _ => {
            reader.note(
                fields.place(),
                "请写 codes（代码）或 file（CSV 文件）之一",
                "write either `codes` or `file` (a CSV file)",
            );
            None
        }
    }
}

fn beside(path: &str, file: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{file}"),
        None => file.to_owned(),
    }
}

/// Reads `code,name,level,parent,from_year,to_year,successor,…`; the columns from `level` on may
/// be missing, others are ignored.
fn csv_codes(path: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<ListedCode> {
    let mut lines = text.lines().zip(1..);
    let header: Vec<String> = lines.next().map(|(line, _)| cells(line)).unwrap_or_default();
    let column = |name: &str| header.iter().position(|column| column == name);
    let mut note = |line: u64, zh: String, en: String| {
        let line = Some(line);
        problems.push(Problem { path: path.to_owned(), line, column: None, zh, en });
    };
    let (Some(code), Some(name)) = (column("code"), column("name")) else {
        note(1, "首行应有列 code 和 name".into(), "the first line must name code and name".into());
        return Vec::new();
    };
    let [level, parent, from, to, successor] =
        ["level", "parent", "from_year", "to_year", "successor"].map(column);
    let mut codes = Vec::new();
    for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
        let cells = cells(line);
        if cells.len() != header.len() {
            let (found, wanted) = (cells.len(), header.len());
            note(
                number,
                format!("本行有 {found} 列，应为 {wanted} 列"),
                format!("this line has {found} cells instead of {wanted}"),
            );
            continue;
        }
        let cell = |column: Option<usize>| {
            column.map(|column| cells[column].clone()).filter(|cell| !cell.is_empty())
        };
        let mut year = |column: Option<usize>| {
            let text = cell(column)?;
            let year = text.parse().ok().filter(|year| (1900..=2200).contains(year));
            if year.is_none() {
                note(number, format!("`{text}` 不是年份"), format!("`{text}` is not a year"));
            }
            year
        };
        let years = (year(from), year(to));
        let name = cells[name].clone();
        codes.push(ListedCode {
            code: cells[code].clone(),
            name: crate::entry::Text { zh: name.clone(), en: name },
            current: years.1.is_none(),
            years,
            parent: cell(parent),
            level: cell(level),
            successor: cell(successor),
        });
    }
    check_codes(path, &codes, problems);
    codes
}

/// Codes are there once, can stand in a cell, and point to codes of the list.
fn check_codes(path: &str, codes: &[ListedCode], problems: &mut Vec<Problem>) {
    let mut note = |zh: String, en: String| problems.push(Problem::of_file(path, zh, en));
    let mut known = HashSet::new();
    for listed in codes {
        let code = &listed.code;
        let trimmed = code.trim();
        if trimmed.is_empty() || trimmed != code || code.chars().count() > CODE_LENGTH_MAX {
            note(
                format!("代码 `{code}` 为空、前后有空白，或超过 {CODE_LENGTH_MAX} 个字符"),
                format!("code `{code}` is empty, padded, or over {CODE_LENGTH_MAX} characters"),
            );
        }
        if !known.insert(code.as_str()) {
            note(format!("代码 `{code}` 重复"), format!("code `{code}` stands here twice"));
        }
    }
    for listed in codes {
        for other in [&listed.parent, &listed.successor].into_iter().flatten() {
            if !known.contains(other.as_str()) {
                let code = &listed.code;
                note(
                    format!("`{code}` 所指的代码 `{other}` 不在表中"),
                    format!("`{code}` points to `{other}`, which is not in the list"),
                );
            }
        }
    }
}

/// The cells of a CSV line; a cell in quotes may hold commas and doubled quotes, no line ends.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(character) = characters.next() {
        let cell = cells.last_mut().expect("there is always a cell");
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cell.push(character),
        }
    }
    cells
}

/// As many as columns for codes hold.
const CODE_LENGTH_MAX: usize = UNKNOWN_CODE_LENGTH_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "list: sex\ntitle: { zh: 性别, en: Sex }\nstandard: GB/T 2261.1\n\
                        source: text\nverified: true\nunknown: reject\n";

    #[track_caller]
    fn check(text: &str, csv: &str, expected: &[&str]) {
        let data = |file: &str| (file == "sex.csv").then_some(csv);
        let problems = parse("codelists/sex.yaml", text, data).err().unwrap_or_default();
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_list_in_yaml() {
        let text =
            format!("{HEAD}codes:\n  \"1\": {{ zh: 男, en: Male }}\n  \"2\": {{ zh: 女 }}\n");
        let list = parse("sex.yaml", &text, |_| None).unwrap();
        assert_eq!(list.find("1").unwrap().name.en, "Male");
        assert_eq!(list.find("2").unwrap().name.en, "女");
        assert!(list.find("3").is_none() && !list.warn_unknown && list.verified);
    }

    #[test]
    fn a_list_in_csv_with_history() {
        let text = format!("{HEAD}file: d.csv\n").replace("unknown: reject", "unknown: warn");
        let csv = "code,name,level,parent,from_year,to_year,successor,source\n\
                   430000,湖南省,province,,,,,x\n431300,娄底市,city,430000,1999,,,\"a, \"\"b\"\"\"\n\
                   432500,娄底地区,city,430000,,1998,431300,x\n";
        let list = parse("d.yaml", &text, |file| (file == "d.csv").then_some(csv)).unwrap();
        let old = list.find("432500").unwrap();
        assert_eq!(
            (old.current, old.years, old.successor.as_deref()),
            (false, (None, Some(1998)), Some("431300"))
        );
        assert!(list.warn_unknown && list.find("431300").unwrap().current);
    }

    #[test]
    fn problems() {
        let codes = "codes: { \"1\": { zh: 男 } }\n";
        check(&format!("{HEAD}{codes}"), "", &[]);
        check(
            &format!("{HEAD}codes: {{}}\n"),
            "",
            &["codelists/sex.yaml:1:1: the list has no codes"],
        );
        check(HEAD, "", &["codelists/sex.yaml:1:1: write either `codes` or `file` (a CSV file)"]);
        check(
            &format!("{HEAD}{codes}").replace("list: sex", "list: Sex"),
            "",
            &["codelists/sex.yaml:1:7: `Sex` is no name of a list: use a-z, 0-9 and -"],
        );
        check(
            &format!("{HEAD}file: other.csv\n"),
            "",
            &["codelists/sex.yaml:7:7: there is no file `other.csv` beside this one"],
        );
        check(
            &format!("{HEAD}codes: {{ \" 1\": {{ zh: 男 }} }}\n"),
            "",
            &["codelists/sex.yaml: code ` 1` is empty, padded, or over 64 characters"],
        );
        let file = format!("{HEAD}file: sex.csv\n");
        check(&file, "a,b\n", &["codelists/sex.csv:1: the first line must name code and name"]);
        check(
            &file,
            "code,name,from_year,successor\n1,男,19,\n2,女\n1,x,,5\n",
            &[
                "codelists/sex.csv:2: `19` is not a year",
                "codelists/sex.csv:3: this line has 2 cells instead of 4",
                "codelists/sex.csv: code `1` stands here twice",
                "codelists/sex.csv: `1` points to `5`, which is not in the list",
            ],
        );
    }
}
