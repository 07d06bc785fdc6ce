//! `yiku init`: a folder that a newcomer can start from. It needs no hub, so it runs without one.

use std::{fs, io, path::Path};

use anyhow::{Context, bail};

/// Writes the folder, which must be empty or not there yet.
pub fn run(folder: &Path) -> anyhow::Result<()> {
    check_empty(folder)?;
    let shown = folder.display();
    for (name, text) in FILES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    println!(
        "`{shown}` is ready: its README.md leads through it in five steps\n\
         `{shown}` 已就绪：请按其中的 README.zh-CN.md 分五步进行"
    );
    Ok(())
}

/// An error unless the folder is empty or not there yet.
pub fn check_empty(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => {
            bail!("`{shown}` is not empty and was left as it is: name a folder that is not there")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            bail!("`{shown}` is no folder and was left as it is: name one that is not there")
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{shown}`")),
    }
}

macro_rules! of_the_repository {
    ($($from:literal => [$($name:literal),* $(,)?]),* $(,)?) => {
        &[$($(($name, include_str!(concat!("../../../../", $from, $name)))),*),*]
    };
}

/// Each file's path in the new folder, and its text. The start's own files lie in `deploy/start`;
/// code lists and schemas are those of the repository.
const FILES: &[(&str, &str)] = of_the_repository![
    "deploy/start/" => [
        "README.md",
        "README.zh-CN.md",
        "yiku.toml",
        "catalog/departments.yaml",
        "catalog/entries/public-security/resident.yaml",
        "catalog/grants/housing-fund-residents.yaml",
        "catalog/libraries/population.yaml",
        "sample/fix.txt",
        "sample/key.txt",
        "sample/residents.csv",
        "sample/residents.yaml",
    ],
    "" => [
        ".vscode/settings.json",
        "catalog/codelists/department-kind.yaml",
        "catalog/codelists/department-level.yaml",
        "catalog/codelists/division-level.yaml",
        "catalog/codelists/division.csv",
        "catalog/codelists/division.yaml",
        "catalog/codelists/grade.yaml",
        "catalog/codelists/sex.yaml",
        "catalog/codelists/update-cycle.yaml",
        "schemas/codelist.schema.json",
        "schemas/connector.schema.json",
        "schemas/departments.schema.json",
        "schemas/entry.schema.json",
        "schemas/grant.schema.json",
        "schemas/library.schema.json",
    ],
];
