//! The rows that benches and the soak work on: right ones of the household register, 18 items in
//! about 400 bytes.

use std::{collections::BTreeMap, fs, fs::File, path::Path};

use anyhow::{Context, Result, ensure};
use chrono::{Days, NaiveDate};
use serde_json::Value;
use yiku_core::{
    catalog::Catalog,
    entry::{DataItem, EntryVersion},
    identifier::citizen_id,
    problem::SourceFile,
};

use crate::workspace;

/// The entry's name.
pub const ENTRY: &str = "public-security/household";

/// The repository's catalog.
pub fn catalog() -> Result<Catalog> {
    let root = workspace::root().join("catalog");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
            files.push(SourceFile { path: name, text: fs::read_to_string(&path)? });
        }
    }
    let (catalog, problems) = Catalog::read(&files);
    ensure!(problems.is_empty(), "the catalog has a problem: {}", problems[0]);
    Ok(catalog)
}

/// The household register's entry.
pub fn entry(catalog: &Catalog) -> Result<&EntryVersion> {
    catalog.entries.get(&ENTRY.parse()?).context("the household register is in the catalog")
}

/// The person of this number; each has another id, up to twenty millions of them.
pub fn row(entry: &EntryVersion, number: u64) -> Vec<String> {
    let address = "湖南省娄底市娄星区乐坪街道街心社区乐坪东街128号金海花园小区3栋2单元";
    let born = NaiveDate::from_ymd_opt(1950, 1, 1).expect("a day") + Days::new(number / 1000);
    let body = format!("431302{}{:03}", born.format("%Y%m%d"), number % 1000);
    let digits = body.as_bytes().try_into().expect("seventeen digits");
    let id = format!("{body}{}", char::from(citizen_id::check_character(digits)));
    let sex = citizen_id::sex(id.as_bytes().try_into().expect("eighteen characters"));
    let room = number % 30 + 101;
    let known = BTreeMap::from([
        ("citizen_id", id),
        ("name", ["李娜", "欧阳建国", "刘洋", "王芳"][(number % 4) as usize].to_owned()),
        ("sex", sex.to_owned()),
        ("ethnic_group", "01".to_owned()),
        ("birth_date", born.to_string()),
        ("household_no", format!("431302001{number:09}")),
        ("household_relation", "12".to_owned()),
        ("division", "431302".to_owned()),
        ("address", format!("{address}{room}室")),
        ("residence_division", "431302001001".to_owned()),
        ("residence_address", format!("{address}{room}室")),
        ("education", "20".to_owned()),
        ("marital", "20".to_owned()),
        ("workplace", "娄底市娄星区人民政府乐坪街道办事处便民服务中心".to_owned()),
        ("height_cm", format!("{}.5", 150 + number % 40)),
        ("phone", format!("138{:08}", number % 100_000_000)),
        ("death_date", String::new()),
        ("updated_at", format!("2026-11-02T08:{:02}:00+08:00", number % 60)),
    ]);
    let cell = |item: &DataItem| known.get(item.name.as_str()).cloned().unwrap_or_default();
    entry.items.iter().map(cell).collect()
}

/// A row as the object that is pushed; what is absent is left out.
pub fn json(entry: &EntryVersion, row: Vec<String>) -> Value {
    let cells = entry.items.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
    Value::Object(cells.map(|(item, cell)| (item.name.clone(), cell.into())).collect())
}

/// Writes a CSV file of so many persons; those of whom `is_changed` works elsewhere.
pub fn write_csv(
    path: &Path,
    entry: &EntryVersion,
    persons: u64,
    is_changed: impl Fn(u64) -> bool,
) -> Result<()> {
    let place = |name| entry.item(name).with_context(|| format!("the register has `{name}`"));
    let (workplace, updated_at) = (place("workplace")?, place("updated_at")?);
    write_csv_of(path, entry, persons, |number, row| {
        if is_changed(number) {
            row[workplace] = "娄底市第一中学".into();
            row[updated_at] = "2026-11-03T08:00:00+08:00".into();
        }
    })
}

/// Writes a CSV file of so many persons, each row as `touch` leaves it.
pub fn write_csv_of(
    path: &Path,
    entry: &EntryVersion,
    persons: u64,
    touch: impl Fn(u64, &mut [String]),
) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(file);
    writer.write_record(entry.items.iter().map(|item| &item.name))?;
    for number in 0..persons {
        let mut row = row(entry, number);
        touch(number, &mut row);
        writer.write_record(&row)?;
    }
    let file = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(file.sync_all()?)
}
