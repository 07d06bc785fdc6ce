//! The departments (部门) that provide or receive data: `catalog/departments.yaml`.

use std::collections::BTreeMap;

use crate::{
    code_list::CodeLists,
    entry::{Text, is_name},
    identifier::credit_code,
    problem::Problem,
    yaml::{self, Node, Reader},
};

/// An organisation that provides or receives data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Department {
    /// The word in paths and grants; never changes, whatever the department is called later.
    pub name: String,
    /// What it is called.
    pub title: Text,
    /// Its unified social credit code.
    pub credit_code: String,
    /// A code of the list `department-kind`.
    pub kind: String,
    /// A code of the list `department-level`.
    pub level: String,
}

/// Reads the file: `departments: { tax: { name, credit_code, kind, level } }`.
pub fn parse(
    path: &str,
    text: &str,
    lists: &CodeLists,
) -> Result<BTreeMap<String, Department>, Vec<Problem>> {
    let root = yaml::parse(path, text)?;
    let mut reader = Reader::new(path);
    let departments = departments(&mut reader, &root, lists);
    match departments {
        Some(departments) if reader.is_clean() => Ok(departments),
        _ => Err(reader.into_problems()),
    }
}

fn departments(
    reader: &mut Reader<'_>,
    root: &Node,
    lists: &CodeLists,
) -> Option<BTreeMap<String, Department>> {
    let mut fields = reader.map(root)?;
    let node = fields.need(reader, "departments");
    fields.end(reader);
    let mut departments = BTreeMap::new();
    let mut codes: BTreeMap<String, String> = BTreeMap::new();
    for (key, node) in reader.map(node?)?.all() {
        if !is_name(&key.text) {
            reader.note(
                key.place,
                format!("`{}` 不是部门名：只用 a-z、0-9 和 -", key.text),
                format!("`{}` is no name of a department: use a-z, 0-9 and -", key.text),
            );
        }
        let Some(department) = department(reader, &key.text, node, lists) else { continue };
        let code = department.credit_code.clone();
        if let Some(other) = codes.insert(code, key.text.clone()) {
            reader.note(
                key.place,
                format!("与 `{other}` 的统一社会信用代码相同"),
                format!("has the same credit code as `{other}`"),
            );
        }
        departments.insert(key.text.clone(), department);
    }
    Some(departments)
}

fn department(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    lists: &CodeLists,
) -> Option<Department> {
    let mut fields = reader.map(node)?;
    let title = fields.need(reader, "name").and_then(|node| reader.both(node));
    let code = fields.need(reader, "credit_code").and_then(|node| {
        let code = reader.text(node)?;
        if credit_code::check(code.as_bytes()).is_err() {
            reader.note(
                node.place,
                format!("`{code}` 不是统一社会信用代码：请核对各位和末位校验码"),
                format!("`{code}` is no credit code: compare it, the last is a check character"),
            );
        }
        Some(code.to_owned())
    });
    let kind =
        fields.need(reader, "kind").and_then(|node| reader.listed(node, lists, "department-kind"));
    let level = fields
        .need(reader, "level")
        .and_then(|node| reader.listed(node, lists, "department-level"));
    fields.end(reader);
    Some(Department {
        name: name.to_owned(),
        title: title?,
        credit_code: code?,
        kind: kind?,
        level: level?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_list::{CodeList, ListedCode};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut lists = CodeLists::default();
        for (name, code) in [("department-kind", "government"), ("department-level", "city")] {
            let code = ListedCode { code: code.into(), ..ListedCode::default() };
            lists.insert(CodeList { name: name.into(), codes: vec![code], ..CodeList::default() });
        }
        let problems = parse("departments.yaml", text, &lists).err().unwrap_or_default();
        let lines: Vec<&str> = problems.iter().map(|problem| problem.en.as_str()).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn departments() {
        let one = "{ name: { zh: 甲, en: A }, credit_code: 11431300MB00000191, kind: government, level: city }";
        check(&format!("departments:\n  tax: {one}\n"), &[]);
        check(
            &format!("departments:\n  tax: {one}\n  Water: {one}\n"),
            &[
                "`Water` is no name of a department: use a-z, 0-9 and -",
                "has the same credit code as `tax`",
            ],
        );
        check(
            &format!(
                "departments:\n  tax: {}\n",
                one.replace("91,", "92,").replace("city", "town")
            ),
            &[
                "`11431300MB00000192` is no credit code: compare it, the last is a check character",
                "code list `department-level` has no `town`; see codelists/department-level.yaml",
            ],
        );
    }
}
