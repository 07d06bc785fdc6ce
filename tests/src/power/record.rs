//! One call and how it is written down.

/// What a call did to one file of the folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The file's name in the folder; empty for the folder itself.
    pub file: String,
    /// What was done to it.
    pub deed: Deed,
}

/// The deeds that a disk must keep, or may lose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Deed {
    /// The file was made, empty.
    Create,
    /// These bytes were written at this place.
    Write(u64, Vec<u8>),
    /// The file has this length now.
    Truncate(u64),
    /// What was done before is durable: of a file its content, of the folder its names.
    Sync,
    /// The name is gone.
    Unlink,
    /// The file has this name now.
    Rename(String),
}

impl Record {
    /// The record's bytes: kind, length of the name, name, number, length of the content, content.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, number, content): (u8, u64, &[u8]) = match &self.deed {
            Deed::Create => (b'c', 0, &[]),
            Deed::Write(place, bytes) => (b'w', *place, bytes),
            Deed::Truncate(length) => (b't', *length, &[]),
            Deed::Sync => (b's', 0, &[]),
            Deed::Unlink => (b'u', 0, &[]),
            Deed::Rename(to) => (b'r', 0, to.as_bytes()),
        };
        let mut all = Vec::with_capacity(HEAD_BYTES + self.file.len() + content.len());
        all.push(kind);
        all.extend((self.file.len() as u32).to_le_bytes());
        all.extend(number.to_le_bytes());
        all.extend((content.len() as u32).to_le_bytes());
        all.extend(self.file.as_bytes());
        all.extend(content);
        all
    }
}

/// Reads a recording: each record with the place in it where the record ends.
pub fn read(mut bytes: &[u8]) -> Vec<(u64, Record)> {
    let whole = bytes.len();
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at(HEAD_BYTES);
        let length = |at: usize| {
            u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes")) as usize
        };
        let number = u64::from_le_bytes(head[5..13].try_into().expect("eight bytes"));
        let (file, rest) = rest.split_at(length(1));
        let (content, rest) = rest.split_at(length(13));
        let deed = match head[0] {
            b'c' => Deed::Create,
            b'w' => Deed::Write(number, content.to_vec()),
            b't' => Deed::Truncate(number),
            b's' => Deed::Sync,
            b'u' => Deed::Unlink,
            b'r' => Deed::Rename(text(content)),
            other => panic!("no record begins with {other}"),
        };
        bytes = rest;
        records.push(((whole - bytes.len()) as u64, Record { file: text(file), deed }));
    }
    records
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("names of our own files are UTF-8")
}

const HEAD_BYTES: usize = 1 + 4 + 8 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let deeds = [
            Deed::Create,
            Deed::Write(1 << 40, vec![7; 300]),
            Deed::Truncate(12),
            Deed::Sync,
            Deed::Unlink,
            Deed::Rename("b".into()),
        ];
        let records = deeds.map(|deed| Record { file: "a.db".into(), deed });
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        let found = read(&bytes);
        assert_eq!(found.last().map(|last| last.0), Some(bytes.len() as u64));
        assert_eq!(found.into_iter().map(|one| one.1).collect::<Vec<_>>(), records);
    }
}
