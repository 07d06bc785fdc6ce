//! The city's counties, towns and villages, from the catalog's own list of divisions.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// A town with its villages.
pub struct Town {
    /// 9 digits.
    pub code: String,
    /// Such as 乐坪街道.
    pub name: String,
    /// 12 digits and name of each.
    pub villages: Vec<(String, String)>,
}

/// A county of the city.
pub struct County {
    /// 6 digits.
    pub code: String,
    /// Such as 娄星区.
    pub name: String,
    /// Its towns.
    pub towns: Vec<Town>,
}

/// One line of the list of divisions.
pub struct Division {
    /// 6, 9 or 12 digits.
    pub code: String,
    /// Its name.
    pub name: String,
    /// `city`, `county`, `town` or `village`.
    pub level: String,
    /// The code above.
    pub parent: String,
}

/// Every division of the city, itself included.
pub struct Places {
    /// In the order of the list: city, counties, towns, villages.
    pub divisions: Vec<Division>,
    /// The same as a tree.
    pub counties: Vec<County>,
}

impl Places {
    /// Reads the list of the catalog.
    pub fn read(list: &Path) -> Result<Self> {
        let place = || format!("cannot read {}", list.display());
        let mut reader = csv::Reader::from_path(list).with_context(place)?;
        let mut divisions = Vec::new();
        for line in reader.records() {
            let line = line.with_context(place)?;
            let (code, to_year) = (&line[0], &line[5]);
            if code.starts_with(CITY) && code != UNREAL && to_year.is_empty() {
                divisions.push(Division {
                    code: code.to_owned(),
                    name: line[1].to_owned(),
                    level: line[2].to_owned(),
                    parent: line[3].to_owned(),
                });
            }
        }
        divisions.sort_by(|a, b| (a.code.len(), &a.code).cmp(&(b.code.len(), &b.code)));
        let counties = tree(&divisions);
        let whole = counties.iter().all(|county| {
            !county.towns.is_empty() && county.towns.iter().all(|town| !town.villages.is_empty())
        });
        if counties.is_empty() || !whole {
            bail!("{} lacks counties, towns or villages of {CITY}", list.display());
        }
        Ok(Self { divisions, counties })
    }
}

fn tree(divisions: &[Division]) -> Vec<County> {
    let children = |parent: &str, digits: usize| -> Vec<(String, String)> {
        let below = |d: &&Division| d.code.len() == digits && d.code.starts_with(parent);
        divisions.iter().filter(below).map(|d| (d.code.clone(), d.name.clone())).collect()
    };
    let counties = divisions.iter().filter(|d| d.code.len() == 6 && !d.code.ends_with("00"));
    let town = |(code, name): (String, String)| {
        let villages = children(&code, 12);
        Town { code, name, villages }
    };
    counties
        .map(|county| County {
            code: county.code.clone(),
            name: county.name.clone(),
            towns: children(&county.code, 9).into_iter().map(town).collect(),
        })
        .collect()
}

/// 娄底市.
const CITY: &str = "4313";
/// 市辖区: a placeholder of the statistics, no place.
const UNREAL: &str = "431301";
