//! Walking a tree: each key is asked for once, what was never asked for is unknown, and every
//! problem is noted where it stands.

use crate::{code_list::CodeLists, entry::Text, problem::Problem};

use super::{Content, Key, Node, Place};

/// Collects the problems of one file.
#[derive(Debug)]
pub struct Reader<'a> {
    path: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader for the file at `path`.
    pub fn new(path: &'a str) -> Self {
        Self { path, problems: Vec::new() }
    }

    /// The file's path.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Notes a problem.
    pub fn note(&mut self, at: Place, zh: impl Into<String>, en: impl Into<String>) {
        let (line, column) = (Some(at.line), Some(at.column));
        let path = self.path.to_owned();
        self.problems.push(Problem { path, line, column, zh: zh.into(), en: en.into() });
    }

    /// Whether nothing was noted.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems noted, in the order of the file.
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems
    }

    /// The mapping that `node` must be.
    pub fn map<'n>(&mut self, node: &'n Node) -> Option<Fields<'n>> {
        match &node.content {
            Content::Map(pairs) => Some(Fields {
                place: node.place,
                pairs,
                taken: vec![false; pairs.len()],
                known: Vec::new(),
            }),
            _ => self.wrong(node, "键值对（key: value）", "a mapping (key: value)"),
        }
    }

    /// The list that `node` must be.
    pub fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.content {
            Content::List(list) => Some(list),
            _ => self.wrong(node, "列表（[a, b]）", "a list ([a, b])"),
        }
    }

    /// The text that `node` must be. Numbers and booleans must be in quotes to be text.
    pub fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match &node.content {
            Content::Text(text) if text.trim().is_empty() => {
                self.note(node.place, "此处应有文本，却是空的", "this must be text, but is empty");
                None
            }
            Content::Text(text) => Some(text),
            Content::Integer(number) => self.unquoted(node, &number.to_string()),
            Content::Number(number) => self.unquoted(node, number),
            Content::Boolean(boolean) => self.unquoted(node, &boolean.to_string()),
            _ => self.wrong(node, "文本", "text"),
        }
    }

    /// The whole number, not below 0, that `node` must be.
    pub fn count(&mut self, node: &Node) -> Option<u32> {
        match &node.content {
            Content::Integer(number) if u32::try_from(*number).is_ok() => Some(*number as u32),
            _ => self.wrong(node, "不小于 0 的整数", "a whole number, 0 or more"),
        }
    }

    /// The truth value that `node` must be.
    pub fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.content {
            Content::Boolean(boolean) => Some(*boolean),
            _ => self.wrong(node, "true 或 false", "true or false"),
        }
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.unknown(node.place, text, &known);
        }
        found
    }

    /// A list of texts.
    pub fn texts(&mut self, node: &Node) -> Option<Vec<String>> {
        let list = self.list(node)?;
        let texts: Vec<String> =
            list.iter().filter_map(|node| self.text(node)).map(str::to_owned).collect();
        (texts.len() == list.len()).then_some(texts)
    }

    /// `{ zh: …, en: … }`, where the English may be left out: the Chinese then stands for it.
    pub fn chinese(&mut self, node: &Node) -> Option<Text> {
        let mut fields = self.map(node)?;
        let zh = fields.text(self, "zh");
        let en = fields.optional_text(self, "en");
        fields.end(self);
        Some(Text {
            zh: zh?.to_owned(),
            en: en.unwrap_or_else(|| zh.unwrap_or_default().to_owned()),
        })
    }

    /// `{ zh: …, en: … }`.
    pub fn both(&mut self, node: &Node) -> Option<Text> {
        let mut fields = self.map(node)?;
        let zh = fields.text(self, "zh");
        let en = fields.text(self, "en");
        fields.end(self);
        Some(Text { zh: zh?.to_owned(), en: en?.to_owned() })
    }

    /// A text that `parse` understands. The error's words are English; `zh` stands for them.
    pub fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        node: &Node,
        zh: &str,
    ) -> Option<T> {
        let text = self.text(node)?;
        text.parse()
            .map_err(|error| self.note(node.place, format!("`{text}` {zh}"), format!("{error}")))
            .ok()
    }

    /// A code of a list that the catalog itself needs, such as `grade`.
    pub fn listed(&mut self, node: &Node, lists: &CodeLists, list: &str) -> Option<String> {
        let code = self.text(node)?;
        match lists.get(list) {
            None => self.note(
                node.place,
                format!("缺少代码表 `{list}`；请加文件 codelists/{list}.yaml"),
                format!("there is no code list `{list}`; add codelists/{list}.yaml"),
            ),
            Some(found) if found.find(code).is_none() => self.note(
                node.place,
                format!("代码表 `{list}` 中没有 `{code}`；请见 codelists/{list}.yaml"),
                format!("code list `{list}` has no `{code}`; see codelists/{list}.yaml"),
            ),
            Some(_) => return Some(code.to_owned()),
        }
        None
    }

    /// Notes a word that is not one of those known here.
    pub fn unknown(&mut self, at: Place, word: &str, known: &[&str]) {
        self.note(
            at,
            format!("不认识 `{word}`；可写：{}", known.join("、")),
            format!("`{word}` is not known here; known are: {}", known.join(", ")),
        );
    }

    fn wrong<T>(&mut self, node: &Node, zh: &str, en: &str) -> Option<T> {
        self.note(node.place, format!("此处应为{zh}"), format!("this must be {en}"));
        None
    }

    fn unquoted<T>(&mut self, node: &Node, written: &str) -> Option<T> {
        self.note(
            node.place,
            format!("此处应为文本；请加引号：\"{written}\""),
            format!("this must be text; put it in quotes: \"{written}\""),
        );
        None
    }
}

/// A mapping being read.
#[derive(Debug)]
pub struct Fields<'n> {
    place: Place,
    pairs: &'n [(Key, Node)],
    taken: Vec<bool>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Where the mapping begins.
    pub fn place(&self) -> Place {
        self.place
    }

    /// All keys with their values, for mappings whose keys are names. Marks them as taken.
    pub fn all(&mut self) -> &'n [(Key, Node)] {
        self.taken.fill(true);
        self.pairs
    }

    /// The value of a key that may be absent. `key: null` is like no key.
    pub fn find(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let index = self.pairs.iter().position(|(name, _)| name.text == key)?;
        self.taken[index] = true;
        Some(&self.pairs[index].1).filter(|node| node.content != Content::Null)
    }

    /// The value of a key that must be there.
    pub fn need(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n Node> {
        let found = self.find(key);
        if found.is_none() {
            reader.note(self.place, format!("缺少 `{key}`"), format!("`{key}` is missing"));
        }
        found
    }

    /// A text that must be there.
    pub fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n str> {
        self.need(reader, key).and_then(|node| reader.text(node))
    }

    /// A text that may be absent.
    pub fn optional_text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
        self.find(key).and_then(|node| reader.text(node)).map(str::to_owned)
    }

    /// Ends the reading: every key nobody asked for is unknown.
    pub fn end(self, reader: &mut Reader<'_>) {
        for ((key, _), taken) in self.pairs.iter().zip(&self.taken) {
            if !taken {
                reader.unknown(key.place, &key.text, &self.known);
            }
        }
    }
}
