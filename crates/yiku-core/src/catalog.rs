//! The catalog folder (目录): code lists, departments, entries, libraries and grants, read as one.
//!
//! Every problem of every file is noted at once. What holds between files is checked here: a
//! file's path says its name, an entry's department exists, and an entry's own examples do what
//! they say under its own contract.

mod examples;
mod feeds;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    code_list::{self, CodeLists},
    contract::{CompileError, Contract, Place},
    department::{self, Department},
    entry::{self, EntryName, EntryVersion},
    grant::{self, Grant},
    library::{self, Library},
    yaml,
};

pub use crate::problem::{Problem, SourceFile};

/// What the catalog folder says.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// `departments.yaml`.
    pub departments: BTreeMap<String, Department>,
    /// `codelists/`.
    pub lists: CodeLists,
    /// `entries/<department>/<resource>.yaml`: drafts or published versions, as the files stand.
    pub entries: BTreeMap<EntryName, EntryVersion>,
    /// `libraries/<library>.yaml`.
    pub libraries: BTreeMap<String, Library>,
    /// `grants/<grant>.yaml`.
    pub grants: BTreeMap<String, Grant>,
}

impl Catalog {
    /// Reads all files of the folder. What is right is in the catalog even when other files are
    /// wrong; a hub works by what [`Catalog::in_use`] leaves of it.
    pub fn read(files: &[SourceFile]) -> (Catalog, Vec<Problem>) {
        let mut catalog = Catalog::default();
        let mut problems = Vec::new();
        for file in files {
            problems.extend(misplaced(&file.path));
        }
        catalog.read_lists(files, &mut problems);
        catalog.read_departments(files, &mut problems);
        catalog.read_entries(files, &mut problems);
        catalog.read_libraries(files, &mut problems);
        catalog.check_all_feeds(files, &mut problems);
        catalog.read_grants(files, &mut problems);
        problems.sort();
        (catalog, problems)
    }

    /// What a hub works by when the folder reads like this: its libraries, entries and lists only
    /// if nothing is wrong with them, else those of `before`. A library left out for a slip in a
    /// file that it names would lose every row merged meanwhile. Grants are always those of the
    /// folder, without the ones that do not fit: one taken away holds no longer, whatever else is
    /// wrong. `None` when there is nothing right to work by.
    pub fn in_use(&self, problems: &[Problem], before: Option<&Catalog>) -> Option<Catalog> {
        let whole = problems.iter().all(|problem| problem.path.starts_with("grants/"));
        let mut used = if whole { self.clone() } else { before?.clone() };
        let departments = used.departments.keys().map(String::as_str).collect();
        let fits = |grant: &Grant| {
            grant::check(grant, &departments, &used.entries, &used.libraries).is_empty()
        };
        let grants = self.grants.values().filter(|grant| fits(grant));
        used.grants = grants.map(|grant| (grant.name.clone(), grant.clone())).collect();
        Some(used)
    }

    fn read_lists(&mut self, files: &[SourceFile], problems: &mut Vec<Problem>) {
        for (file, name) in in_folder(files, "codelists/") {
            let beside = |name: &str| {
                let path = format!("codelists/{name}");
                files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
            };
            match code_list::parse(&file.path, &file.text, beside) {
                Err(found) => problems.extend(found),
                Ok(list) if list.name != name => {
                    problems.push(misnamed(file, &["list"], &list.name, name));
                }
                Ok(list) => drop(self.lists.insert(list)),
            }
        }
    }

    fn read_departments(&mut self, files: &[SourceFile], problems: &mut Vec<Problem>) {
        let path = "departments.yaml";
        let Some(file) = files.iter().find(|file| file.path == path) else {
            problems.push(Problem::of_file(
                path,
                "没有此文件；请列出各部门",
                "there is no such file; list the departments in it",
            ));
            return;
        };
        match department::parse(path, &file.text, &self.lists) {
            Ok(departments) => self.departments = departments,
            Err(found) => problems.extend(found),
        }
    }

    fn read_entries(&mut self, files: &[SourceFile], problems: &mut Vec<Problem>) {
        for (file, name) in in_folder(files, "entries/") {
            let entry = match entry::parse(&file.path, &file.text, &self.lists) {
                Ok(entry) => entry,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            if entry.name.as_str() != name {
                problems.push(misnamed(file, &["entry"], entry.name.as_str(), name));
                continue;
            }
            let department = entry.name.department();
            if !self.departments.contains_key(department) {
                problems.push(problem_at(
                    file,
                    &["entry"],
                    format!("没有部门 `{department}`；请加入 departments.yaml"),
                    format!("there is no department `{department}`; add it to departments.yaml"),
                ));
            }
            match Contract::compile(Arc::new(entry.clone()), &self.lists) {
                Ok(contract) => problems.extend(examples::problems(file, &contract)),
                Err(error) => problems.extend(faults(file, &entry, error)),
            }
            self.entries.insert(entry.name.clone(), entry);
        }
    }

    fn read_libraries(&mut self, files: &[SourceFile], problems: &mut Vec<Problem>) {
        for (file, name) in in_folder(files, "libraries/") {
            match library::parse(&file.path, &file.text, &self.entries, &self.lists) {
                Err(found) => problems.extend(found),
                Ok(library) if library.name != name => {
                    problems.push(misnamed(file, &["library"], &library.name, name));
                }
                Ok(library) => drop(self.libraries.insert(library.name.clone(), library)),
            }
        }
    }

    fn check_all_feeds(&self, files: &[SourceFile], problems: &mut Vec<Problem>) {
        let unread: Vec<&str> = in_folder(files, "libraries/")
            .map(|(_, name)| name)
            .filter(|name| !self.libraries.contains_key(*name))
            .collect();
        for (file, name) in in_folder(files, "entries/") {
            let entry = name.parse().ok().and_then(|name: EntryName| self.entries.get(&name));
            problems
                .extend(entry.into_iter().flat_map(|entry| self.check_feeds(file, entry, &unread)));
        }
    }

    fn read_grants(&mut self, files: &[SourceFile], problems: &mut Vec<Problem>) {
        for (file, name) in in_folder(files, "grants/") {
            match grant::parse(&file.path, &file.text) {
                Err(found) => problems.extend(found),
                Ok(grant) if grant.name != name => {
                    problems.push(misnamed(file, &["grant"], &grant.name, name));
                }
                Ok(grant) => {
                    problems.extend(self.check_grant(file, &grant));
                    self.grants.insert(grant.name.clone(), grant);
                }
            }
        }
    }

    /// Problems of a grant that other files make, each where it stands.
    fn check_grant(&self, file: &SourceFile, grant: &Grant) -> Vec<Problem> {
        let departments = self.departments.keys().map(String::as_str).collect();
        grant::check(grant, &departments, &self.entries, &self.libraries)
            .into_iter()
            .map(|fault| problem_at(file, &[fault.key], fault.zh, fault.en))
            .collect()
    }
}

/// YAML files of a folder, with the name that their path gives them.
fn in_folder<'f>(
    files: &'f [SourceFile],
    folder: &'static str,
) -> impl Iterator<Item = (&'f SourceFile, &'f str)> {
    files.iter().filter_map(move |file| {
        let name = file.path.strip_prefix(folder)?.strip_suffix(".yaml")?;
        Some((file, name))
    })
}

/// A file that looks like one of ours where it will never be read.
fn misplaced(path: &str) -> Option<Problem> {
    let parts: Vec<&str> = path.split('/').collect();
    let right = match parts.as_slice() {
        [.., name] if !name.ends_with(".yaml") && !name.ends_with(".yml") => true,
        [.., name] if name.ends_with(".yml") => false,
        ["departments.yaml"] => true,
        ["codelists" | "libraries" | "grants", _] => true,
        ["entries", _, _] => true,
        _ => false,
    };
    (!right).then(|| {
        Problem::of_file(
            path,
            "此处的文件不会被读取：请放在 entries/<部门>/、codelists/、libraries/ 或 grants/ 中，扩展名为 .yaml",
            "no file is read here: put it in entries/<department>/, codelists/, libraries/ or \
             grants/, and let it end in .yaml",
        )
    })
}

fn misnamed(file: &SourceFile, key: &[&str], says: &str, name: &str) -> Problem {
    problem_at(
        file,
        key,
        format!("名称 `{says}` 与路径不符；应为 `{name}`"),
        format!("the name `{says}` is not that of the path; write `{name}`"),
    )
}

fn faults(file: &SourceFile, entry: &EntryVersion, error: CompileError) -> Vec<Problem> {
    let problem = |fault: crate::contract::CompileFault| {
        let path: [&str; 2] = match fault.place {
            Place::Item(index) => ["items", &entry.items[index].name],
            Place::Rule(index) => ["rules", &entry.rules[index].id],
        };
        problem_at(file, &path, fault.zh, fault.en)
    };
    error.faults.into_iter().map(problem).collect()
}

/// A problem of what stands at a path of keys in the file.
fn problem_at(file: &SourceFile, path: &[&str], zh: String, en: String) -> Problem {
    let place = yaml::parse(&file.path, &file.text).ok().map(|root| root.nearest(path));
    Problem {
        path: file.path.clone(),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        zh,
        en,
    }
}

#[cfg(test)]
mod tests;
