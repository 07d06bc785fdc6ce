//! One strict reader for the YAML files of the catalog and of connectors.
//!
//! YAML 1.2, one document a file. Double keys, anchors, aliases, merge keys and tags are refused:
//! a file says a thing once, and what it says stands where it is read. Unknown keys are refused
//! too. There are two doors:
//!
//! - [`parse`] gives a tree of [`Node`]s that know their line and column. A [`Reader`] walks it and
//!   notes *every* problem of the file. Entries, libraries and grants are read so.
//! - [`read`] fills a serde struct (with `deny_unknown_fields`) and stops at the first problem of
//!   its form. Connector files and small files are read so.

mod fields;
mod message;
mod node;

use serde::de::DeserializeOwned;
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, Options};

use crate::problem::Problem;

pub use fields::{Fields, Reader};
pub use node::{Content, Key, Node, Place, parse};

/// Reads a whole file into a serde struct.
pub fn read<T: DeserializeOwned>(path: &str, text: &str) -> Result<T, Vec<Problem>> {
    parse(path, text)?;
    serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| vec![message::problem(path, &error)])
}

fn options() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        no_schema: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Sample {
        name: String,
        count: Option<u32>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        OneKind,
    }

    #[track_caller]
    fn check(text: &str, zh: &str, en: &str) {
        let problems = read::<Sample>("f.yaml", text).expect_err("must be refused");
        let lines = |write: fn(&Problem) -> String| {
            problems.iter().map(write).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(lines(|problem| problem.to_zh()), zh);
        assert_eq!(lines(|problem| problem.to_string()), en);
    }

    #[test]
    fn a_right_file_is_read() {
        let sample: Sample = read("f.yaml", "name: 娄底\ncount: 3\nkind: one-kind\n").unwrap();
        assert_eq!((sample.name.as_str(), sample.count), ("娄底", Some(3)));
        assert!(sample.kind.is_some());
    }

    #[test]
    fn keys_are_text_as_values_are() {
        type Codes = std::collections::BTreeMap<String, serde_json::Value>;
        let codes: Codes = read("f.yaml", "\"02\": x\nbest: [1, true, null]\n").unwrap();
        assert_eq!(codes["02"], "x");
        assert_eq!(codes["best"], serde_json::json!([1, true, null]));
        let problems = read::<Codes>("f.yaml", "1: \"10\"\n").unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "f.yaml:1:1: this must be text; put it in quotes: \"1\"",
        );
    }

    #[test]
    fn problems_say_where_and_what_to_do() {
        check(
            "name: a\nnmae: b\n",
            "f.yaml:2:1: 不认识 `nmae`；可写：name、count、kind",
            "f.yaml:2:1: `nmae` is not known here; known are: name, count, kind",
        );
        check("count: 3\n", "f.yaml:1:1: 缺少 `name`", "f.yaml:1:1: `name` is missing");
        check(
            "name: 10\n",
            "f.yaml:1:7: 此处应为文本；请加引号：\"10\"",
            "f.yaml:1:7: this must be text; put it in quotes: \"10\"",
        );
        check(
            "name: a\ncount: many\n",
            "f.yaml:2:8: 此值不合要求：invalid u32",
            "f.yaml:2:8: this value does not fit: invalid u32",
        );
        check(
            "name: a\nkind: other\n",
            "f.yaml:2:7: 不认识 `other`；可写：one-kind",
            "f.yaml:2:7: `other` is not known here; known are: one-kind",
        );
    }

    #[test]
    fn what_yaml_has_and_we_refuse() {
        check(
            "name: a\nname: b\n",
            "f.yaml:2:1: `name` 重复，第 1 行已写过；请删去一处",
            "f.yaml:2:1: `name` stands here twice, first on line 1; remove one",
        );
        check(
            "name: &x a\nkind: *x\n",
            "f.yaml:1:7: 不支持锚点（&）；请写出内容\nf.yaml:2:7: 不支持别名（*）；请写出内容",
            "f.yaml:1:7: anchors (&) are refused; write the thing out\n\
             f.yaml:2:7: aliases (*) are refused; write the thing out",
        );
        check(
            "name: !!str 10\n",
            "f.yaml:1:7: 不支持标签（!）；请用引号表示文本",
            "f.yaml:1:7: tags (!) are refused; write text in quotes",
        );
        check(
            "name: a\n---\nname: b\n",
            "f.yaml:2:1: 一个文件只能有一个 YAML 文档；请拆成两个文件",
            "f.yaml:2:1: a file holds one YAML document; make two files of it",
        );
        check("? [a]\n: b\n", "f.yaml:1:3: 键必须是文本", "f.yaml:1:3: a key must be text");
        check("", "f.yaml: 文件是空的", "f.yaml: the file is empty");
    }

    #[test]
    fn broken_syntax_and_bottomless_nesting_are_refused() {
        let problems = parse("f.yaml", "a: [1\nb: 2\n").unwrap_err();
        assert!(problems[0].en.starts_with("not valid YAML: "), "{}", problems[0]);
        let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
        let problems = parse("f.yaml", &deep).unwrap_err();
        assert!(problems[0].en.contains("nested more than 32 deep"), "{}", problems[0]);
    }
}
