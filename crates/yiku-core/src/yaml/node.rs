//! A YAML file as a tree that knows where everything stands.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span};

use crate::problem::Problem;

/// Where something stands in its file; both count from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column in characters.
    pub column: u64,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// The key.
    pub text: String,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Something else without quotes that YAML takes for a number, as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The value at a path of keys; an index of a list is written as a number. As far as the path
    /// leads, so that a problem is shown as near as can be.
    pub fn nearest(&self, path: &[&str]) -> Place {
        let Some((first, rest)) = path.split_first() else { return self.place };
        match &self.content {
            Content::Map(pairs) => match pairs.iter().find(|(key, _)| key.text == *first) {
                Some((key, _)) if rest.is_empty() => key.place,
                Some((_, node)) => node.nearest(rest),
                None => self.place,
            },
            Content::List(list) => first
                .parse::<usize>()
                .ok()
                .and_then(|index| list.get(index))
                .map_or(self.place, |node| node.nearest(rest)),
            _ => self.place,
        }
    }
}

/// Reads one file. Notes every double key, anchor, alias and tag; broken syntax ends it.
pub fn parse(path: &str, text: &str) -> Result<Node, Vec<Problem>> {
    let mut builder = Builder { path, problems: Vec::new(), open: Vec::new(), root: None };
    let mut options = Options::default();
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((Event::DocumentStart(..), span)) => {
                documents += 1;
                if documents > 1 {
                    builder.note(
                        place(&span),
                        "一个文件只能有一个 YAML 文档；请拆成两个文件",
                        "a file holds one YAML document; make two files of it",
                    );
                    break;
                }
                Ok(())
            }
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => {
                let marker = error.marker();
                let at = Place { line: marker.line() as u64, column: marker.col() as u64 + 1 };
                let what = error.info();
                builder.note(
                    at,
                    format!("YAML 语法错误：{what}"),
                    format!("not valid YAML: {what}"),
                );
                Err(Stop)
            }
        };
        if step.is_err() {
            break;
        }
    }
    match builder.root {
        _ if !builder.problems.is_empty() => Err(builder.problems),
        Some(root) if root.content != Content::Null => Ok(root),
        _ => Err(vec![Problem::of_file(path, "文件是空的", "the file is empty")]),
    }
}

struct Builder<'p> {
    path: &'p str,
    problems: Vec<Problem>,
    open: Vec<Open>,
    root: Option<Node>,
}

/// A list or mapping whose end was not yet seen.
enum Open {
    List(Place, Vec<Node>),
    Map { place: Place, pairs: Vec<(Key, Node)>, seen: HashMap<String, u64>, key: Option<Key> },
}

/// Nothing sensible can be read after this.
struct Stop;

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        let at = place(span);
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(span, tag.is_some());
                let content = scalar(&text, style);
                self.add(Node { place: at, content }, Some(&text))
            }
            Event::SequenceStart(_, _, tag) => {
                self.refuse_tag(span, tag.is_some());
                self.enter(Open::List(at, Vec::new()), at)
            }
            Event::MappingStart(_, _, tag) => {
                self.refuse_tag(span, tag.is_some());
                let (pairs, seen) = (Vec::new(), HashMap::new());
                self.enter(Open::Map { place: at, pairs, seen, key: None }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop().expect("the parser closes what it opened") {
                    Open::List(place, list) => Node { place, content: Content::List(list) },
                    Open::Map { place, pairs, .. } => Node { place, content: Content::Map(pairs) },
                };
                self.add(node, None)
            }
            Event::Anchor(..) => {
                self.note(
                    at,
                    "不支持锚点（&）；请写出内容",
                    "anchors (&) are refused; write the thing out",
                );
                Ok(())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.note(
                    at,
                    "不支持别名（*）；请写出内容",
                    "aliases (*) are refused; write the thing out",
                );
                self.add(Node { place: at, content: Content::Null }, Some("*"))
            }
            _ => Ok(()),
        }
    }

    fn refuse_tag(&mut self, span: &Span, tagged: bool) {
        if tagged {
            self.note(
                span.tag_start().map_or_else(|| place(span), |marker| place_of(&marker)),
                "不支持标签（!）；请用引号表示文本",
                "tags (!) are refused; write text in quotes",
            );
        }
    }

    fn enter(&mut self, open: Open, at: Place) -> Result<(), Stop> {
        if self.open.len() == DEPTH_MAX {
            self.note(
                at,
                format!("嵌套超过 {DEPTH_MAX} 层"),
                format!("nested more than {DEPTH_MAX} deep"),
            );
            return Err(Stop);
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            self.note(at, "键必须是文本", "a key must be text");
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a node into the collection that is open. `text` is its text if it may be a key.
    fn add(&mut self, node: Node, text: Option<&str>) -> Result<(), Stop> {
        let double = match self.open.last_mut() {
            None => {
                self.root = Some(node);
                None
            }
            Some(Open::List(_, list)) => {
                list.push(node);
                None
            }
            Some(Open::Map { pairs, key, .. }) if key.is_some() => {
                pairs.extend(key.take().map(|key| (key, node)));
                None
            }
            Some(Open::Map { seen, key, .. }) => {
                let text = text.expect("a collection as a key was refused when it began");
                *key = Some(Key { place: node.place, text: text.to_owned() });
                let first = seen.insert(text.to_owned(), node.place.line);
                first.map(|line| (node.place, text.to_owned(), line))
            }
        };
        if let Some((at, key, line)) = double {
            self.note(
                at,
                format!("`{key}` 重复，第 {line} 行已写过；请删去一处"),
                format!("`{key}` stands here twice, first on line {line}; remove one"),
            );
        }
        Ok(())
    }

    fn note(&mut self, at: Place, zh: impl Into<String>, en: impl Into<String>) {
        let (line, column) = (Some(at.line), Some(at.column));
        let path = self.path.to_owned();
        self.problems.push(Problem { path, line, column, zh: zh.into(), en: en.into() });
    }
}

/// What YAML 1.2's core schema makes of a scalar.
fn scalar(text: &str, style: ScalarStyle) -> Content {
    if style != ScalarStyle::Plain {
        return Content::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" => return Content::Boolean(true),
        "false" | "False" | "FALSE" => return Content::Boolean(false),
        ".nan" | ".NaN" | ".NAN" => return Content::Number(text.to_owned()),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && (unsigned.parse::<f64>().is_ok()
            || matches!(unsigned, ".inf" | ".Inf" | ".INF")
            || is_radix(unsigned, "0x", 16)
            || is_radix(unsigned, "0o", 8));
    if !is_number {
        return Content::Text(text.to_owned());
    }
    let plain = unsigned == "0" || !unsigned.starts_with('0');
    match text.parse::<i64>() {
        Ok(number) if plain && !text.starts_with('+') => Content::Integer(number),
        _ => Content::Number(text.to_owned()),
    }
}

fn is_radix(text: &str, prefix: &str, radix: u32) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
    })
}

fn place(span: &Span) -> Place {
    place_of(&span.start)
}

fn place_of(marker: &Marker) -> Place {
    Place { line: marker.line() as u64, column: marker.col() as u64 + 1 }
}

const DEPTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Content) {
        let Content::Map(pairs) = parse("f.yaml", &format!("a: {text}")).unwrap().content else {
            panic!("not a mapping")
        };
        assert_eq!(pairs[0].1.content, expected);
    }

    #[test]
    fn scalars() {
        let text = |text: &str| Content::Text(text.into());
        let number = |text: &str| Content::Number(text.into());
        check("10", Content::Integer(10));
        check("-10", Content::Integer(-10));
        check("\"10\"", text("10"));
        check("'10'", text("10"));
        check("007", number("007"));
        check("1.20", number("1.20"));
        check("1e3", number("1e3"));
        check("0x1F", number("0x1F"));
        check("99999999999999999999", number("99999999999999999999"));
        check("-.inf", number("-.inf"));
        check("1.2.0", text("1.2.0"));
        check("2026-12-01", text("2026-12-01"));
        check("infinity", text("infinity"));
        check("yes", text("yes"));
        check("true", Content::Boolean(true));
        check("~", Content::Null);
        check("", Content::Null);
        check("|\n  two\n  lines\n", text("two\nlines\n"));
    }

    #[test]
    fn places_count_characters_from_one() {
        let node = parse("f.yaml", "名: 一\n表: { 甲: 1, 乙: [2, x] }\n").unwrap();
        let Content::Map(pairs) = &node.content else { panic!("not a mapping") };
        assert_eq!(pairs[1].0.place, Place { line: 2, column: 1 });
        let Content::Map(inner) = &pairs[1].1.content else { panic!("not a mapping") };
        assert_eq!(inner[1].0.place, Place { line: 2, column: 12 });
        let Content::List(list) = &inner[1].1.content else { panic!("not a list") };
        assert_eq!(list[1].place, Place { line: 2, column: 19 });
    }
}
