//! What a disk could hold.

use std::collections::BTreeMap;

use super::{Deed, Record};

/// Names and contents, as a machine finds them after a cut.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What becomes of that which was not synced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// It is all gone.
    All,
    /// Any part of it is there: names one by one, content by sectors.
    Torn,
    /// Nothing is lost.
    Nothing,
}

/// A small generator, so that a failing cut can be had again by its seed.
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub u64);

impl Seed {
    /// The next number below `below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// The disk under one folder.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    contents: Vec<Content>,
    /// Which content each name has, as the last sync of the folder has left it.
    durable: BTreeMap<String, usize>,
    /// The same as the running machine sees it.
    seen: BTreeMap<String, usize>,
    /// What was done to names since the folder was synced.
    unsynced: Vec<Naming>,
    is_lying: bool,
}

/// A file, whatever its name is.
#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    unsynced: Vec<Deed>,
}

#[derive(Clone, Debug)]
enum Naming {
    Create(String, usize),
    Unlink(String),
    Rename(String, String),
}

impl Disk {
    /// From now on a sync is answered and not done.
    pub fn lies(&mut self) {
        self.is_lying = true;
    }

    /// Takes the next record.
    pub fn take(&mut self, record: &Record) {
        let file = &record.file;
        match &record.deed {
            Deed::Sync if self.is_lying => {}
            Deed::Sync if file.is_empty() => {
                self.durable = self.seen.clone();
                self.unsynced.clear();
            }
            Deed::Sync => {
                let content = self.content(file);
                let unsynced = std::mem::take(&mut content.unsynced);
                unsynced.iter().for_each(|deed| apply(&mut content.durable, deed));
            }
            Deed::Create => {
                self.contents.push(Content::default());
                self.name(Naming::Create(file.clone(), self.contents.len() - 1));
            }
            Deed::Unlink => self.name(Naming::Unlink(file.clone())),
            Deed::Rename(to) => self.name(Naming::Rename(file.clone(), to.clone())),
            deed @ (Deed::Write(..) | Deed::Truncate(_)) => {
                self.content(file).unsynced.push(deed.clone());
            }
        }
    }

    /// The files after a cut at this moment.
    pub fn cut(&self, loss: Loss, seed: &mut Seed) -> Files {
        let mut names = self.durable.clone();
        for naming in &self.unsynced {
            if is_kept(loss, seed) {
                rename(&mut names, naming);
            }
        }
        let content = |(name, index)| {
            let content: &Content = &self.contents[index];
            let mut bytes = content.durable.clone();
            for deed in &content.unsynced {
                match (loss, deed) {
                    (Loss::Torn, Deed::Write(place, written)) => {
                        tear(&mut bytes, *place, written, seed);
                    }
                    _ if is_kept(loss, seed) => apply(&mut bytes, deed),
                    _ => {}
                }
            }
            (name, bytes)
        };
        names.into_iter().map(content).collect()
    }

    fn content(&mut self, file: &str) -> &mut Content {
        let index = self.seen.get(file).unwrap_or_else(|| panic!("`{file}` was never made"));
        &mut self.contents[*index]
    }

    fn name(&mut self, naming: Naming) {
        rename(&mut self.seen, &naming);
        self.unsynced.push(naming);
    }
}

fn is_kept(loss: Loss, seed: &mut Seed) -> bool {
    match loss {
        Loss::All => false,
        Loss::Torn => seed.coin(),
        Loss::Nothing => true,
    }
}

/// A renamed file whose name was lost is lost: there is nothing to find it by.
fn rename(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Create(name, index) => drop(names.insert(name.clone(), *index)),
        Naming::Unlink(name) => drop(names.remove(name)),
        Naming::Rename(from, to) => {
            if let Some(index) = names.remove(from) {
                names.insert(to.clone(), index);
            }
        }
    }
}

fn apply(bytes: &mut Vec<u8>, deed: &Deed) {
    match deed {
        Deed::Write(place, written) => put(bytes, *place as usize, written),
        Deed::Truncate(length) => bytes.resize(*length as usize, 0),
        other => panic!("{other:?} does nothing to a file's content"),
    }
}

fn put(bytes: &mut Vec<u8>, place: usize, written: &[u8]) {
    let end = place + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[place..end].copy_from_slice(written);
}

/// Each sector of a write arrives or does not.
fn tear(bytes: &mut Vec<u8>, place: u64, mut written: &[u8], seed: &mut Seed) {
    let mut place = place as usize;
    while !written.is_empty() {
        let (sector, rest) =
            written.split_at((SECTOR_BYTES - place % SECTOR_BYTES).min(written.len()));
        if seed.coin() {
            put(bytes, place, sector);
        }
        place += sector.len();
        written = rest;
    }
}

const SECTOR_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(deeds: &[(&str, Deed)]) -> Disk {
        let mut disk = Disk::default();
        for (file, deed) in deeds {
            disk.take(&Record { file: (*file).to_owned(), deed: deed.clone() });
        }
        disk
    }

    fn write(place: u64, byte: u8, count: usize) -> Deed {
        Deed::Write(place, vec![byte; count])
    }

    fn made() -> Vec<(&'static str, Deed)> {
        vec![("a", Deed::Create), ("a", write(0, 1, 1024)), ("a", Deed::Sync), ("", Deed::Sync)]
    }

    #[test]
    fn what_was_synced_is_there_however_much_is_lost() {
        for loss in [Loss::All, Loss::Torn, Loss::Nothing] {
            let files = disk(&made()).cut(loss, &mut Seed(1));
            assert_eq!(files, Files::from([("a".to_owned(), vec![1; 1024])]), "{loss:?}");
        }
    }

    #[test]
    fn what_was_not_synced_is_lost_or_kept() {
        let mut deeds = made();
        deeds.extend([("a", write(512, 2, 1024)), ("a", Deed::Truncate(1200))]);
        let disk = disk(&deeds);
        assert_eq!(disk.cut(Loss::All, &mut Seed(1))["a"], vec![1; 1024]);
        let kept = [vec![1; 512], vec![2; 688]].concat();
        assert_eq!(disk.cut(Loss::Nothing, &mut Seed(1))["a"], kept);
    }

    #[test]
    fn a_torn_write_is_torn_between_sectors() {
        let mut deeds = made();
        deeds.push(("a", write(100, 2, 800)));
        let disk = disk(&deeds);
        let mut seed = Seed(3);
        let mut seen: Vec<Vec<u8>> =
            (0..64).map(|_| disk.cut(Loss::Torn, &mut seed)["a"].clone()).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4, "two sectors, each old or new");
        for bytes in seen {
            assert!(bytes[100..512].iter().all(|byte| *byte == bytes[100]));
            assert!(bytes[512..900].iter().all(|byte| *byte == bytes[512]));
            assert!(bytes[..100].iter().chain(&bytes[900..]).all(|byte| *byte == 1));
        }
    }

    #[test]
    fn names_last_once_their_folder_is_synced() {
        let mut deeds = made();
        deeds.extend([("b", Deed::Create), ("b", write(0, 3, 4)), ("b", Deed::Sync)]);
        deeds.extend([("b", Deed::Rename("c".into())), ("a", Deed::Unlink)]);
        let names = |disk: &Disk, loss| -> Vec<String> {
            disk.cut(loss, &mut Seed(1)).into_keys().collect()
        };
        assert_eq!(names(&disk(&deeds), Loss::All), ["a"]);
        assert_eq!(names(&disk(&deeds), Loss::Nothing), ["c"]);
        deeds.push(("", Deed::Sync));
        assert_eq!(names(&disk(&deeds), Loss::All), ["c"]);
        assert_eq!(disk(&deeds).cut(Loss::All, &mut Seed(1))["c"], vec![3; 4]);
    }

    #[test]
    fn a_lie_loses_what_was_synced_after_it() {
        let mut disk = disk(&made());
        disk.lies();
        disk.take(&Record { file: "a".into(), deed: write(0, 9, 1024) });
        disk.take(&Record { file: "a".into(), deed: Deed::Sync });
        assert_eq!(disk.cut(Loss::All, &mut Seed(1))["a"], vec![1; 1024]);
        assert_eq!(disk.cut(Loss::Nothing, &mut Seed(1))["a"], vec![9; 1024]);
    }
}
