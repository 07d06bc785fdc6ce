//! How large a workbook becomes when it is unpacked, before anything is.
//!
//! A workbook is a zip file. Its sheets are read as a stream, but its shared texts are held in
//! memory, and a few kilobytes can say that they unpack to many gigabytes. The sizes stand in the
//! table at the file's end, and the library stops at them. Short texts take more room than they
//! have letters, so where there are many, they are counted.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
};

use flate2::read::DeflateDecoder;

use yiku_connector::Limits;

use super::fault::{Fault, size_text};

/// Refuses a workbook that unpacks to more than can be held or was ever meant.
pub(crate) fn judge(file: &File, size: u64, limits: &Limits) -> Result<(), Fault> {
    // No zip file, or a broken one: the library will say so.
    let Ok(entries) = entries(file, size) else { return Ok(()) };
    judge_entries(&entries, limits.workbook_bytes_max)?;
    judge_texts(file, &entries, limits.workbook_bytes_max)?;
    judge_cells(file, &entries, limits.record_bytes_max)
}

fn judge_texts(file: &File, entries: &[Entry], held_bytes_max: u64) -> Result<(), Fault> {
    let held = held_bytes(entries);
    // So few bytes hold no text that could be too much.
    if held <= held_bytes_max / TEXT_ROOM_RATIO {
        return Ok(());
    }
    let texts = entries.iter().filter(|entry| entry.texts).map(|entry| count_texts(file, entry));
    let texts: u64 = texts.filter_map(Result::ok).sum();
    judge_held(held + texts * TEXT_ROOM, held_bytes_max)
}

fn judge_cells(file: &File, entries: &[Entry], cell_bytes_max: usize) -> Result<(), Fault> {
    let roomy =
        |entry: &&Entry| (entry.sheet || entry.texts) && entry.unpacked > cell_bytes_max as u64;
    let too_long = |entry: &Entry| has_longer_text(file, entry, cell_bytes_max);
    if !entries.iter().filter(roomy).any(|entry| too_long(entry).unwrap_or(false)) {
        return Ok(());
    }
    let most = size_text(cell_bytes_max as u64);
    Err(Fault::unreadable(
        1,
        format!(
            "工作簿中有单元格超过 {most} 上限（Excel 本身最多 32,767 个字符），未读取：请改正该单元格"
        ),
        format!(
            "a cell of the workbook has more than {most} (Excel itself takes 32,767 characters), \
             so it is not read: mend the cell"
        ),
    ))
}

/// One file in the workbook.
struct Entry {
    sheet: bool,
    /// Whether it holds the texts of all sheets.
    texts: bool,
    deflated: bool,
    /// Where it begins in the file.
    at: u64,
    packed: u64,
    unpacked: u64,
}

fn judge_entries(entries: &[Entry], held_bytes_max: u64) -> Result<(), Fault> {
    judge_held(held_bytes(entries), held_bytes_max)?;
    let bomb = entries.iter().any(|entry| {
        entry.unpacked > PLAIN_BYTES_MAX && entry.unpacked / entry.packed.max(1) > RATIO_MAX
    });
    if bomb {
        return Err(Fault::unreadable(
            1,
            "工作簿解压后异常大（疑似压缩炸弹），未读取：请另存为 CSV",
            "the workbook unpacks to far more than its size tells, so it is not read: save it as \
             CSV",
        ));
    }
    Ok(())
}

fn judge_held(held: u64, held_bytes_max: u64) -> Result<(), Fault> {
    if held <= held_bytes_max {
        return Ok(());
    }
    let (has, most) = (size_text(held), size_text(held_bytes_max));
    Err(Fault::unreadable(
        1,
        format!("工作簿的文本解压后有 {has}，超过 {most} 上限：请另存为 CSV"),
        format!("the workbook's texts unpack to {has}, more than {most}: save it as CSV"),
    ))
}

/// What all but the sheets unpack to.
fn held_bytes(entries: &[Entry]) -> u64 {
    entries.iter().filter(|entry| !entry.sheet).map(|entry| entry.unpacked).sum()
}

/// How many texts an entry holds: each ends with `</si>`, nearly each begins with `<si>`.
fn count_texts(file: &File, entry: &Entry) -> io::Result<u64> {
    let mut plain = unpack(file, entry)?;
    let mut buffer = vec![0; PIECE_BYTES];
    let (mut marks, mut kept) = (0, 0);
    loop {
        let got = plain.read(&mut buffer[kept..])?;
        if got == 0 {
            return Ok(marks / 2);
        }
        let filled = kept + got;
        marks += memchr::memmem::find_iter(&buffer[..filled], TEXT_MARK).count() as u64;
        // A mark may be cut in two.
        kept = filled.min(TEXT_MARK.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// Whether an entry has a text, or anything else between two tags, of more than so many bytes.
fn has_longer_text(file: &File, entry: &Entry, bytes_max: usize) -> io::Result<bool> {
    let mut plain = unpack(file, entry)?;
    let mut buffer = vec![0; PIECE_BYTES];
    let mut length = 0;
    loop {
        let got = plain.read(&mut buffer)?;
        if got == 0 {
            return Ok(false);
        }
        let piece = &buffer[..got];
        // Pieces are much shorter than a text may be: only the first tag of each ends a long one.
        let first = memchr::memchr(b'<', piece).unwrap_or(got);
        if length + first > bytes_max {
            return Ok(true);
        }
        length = match memchr::memrchr(b'<', piece) {
            Some(last) => got - last,
            None => length + got,
        };
    }
}

fn unpack<'f>(file: &'f File, entry: &Entry) -> io::Result<Box<dyn Read + 'f>> {
    let mut head = [0; 30];
    file.read_exact_at(&mut head, entry.at)?;
    let from = entry.at + 30 + u64::from(short(&head, 26)) + u64::from(short(&head, 28));
    let packed = Piece { file, at: from, end: from + entry.packed };
    Ok(match entry.deflated {
        true => Box::new(DeflateDecoder::new(packed).take(entry.unpacked)),
        false => Box::new(packed),
    })
}

/// A part of a file.
struct Piece<'f> {
    file: &'f File,
    at: u64,
    end: u64,
}

impl Read for Piece<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min((self.end - self.at) as usize);
        let got = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

/// The entries of the table at the file's end.
fn entries(file: &File, size: u64) -> io::Result<Vec<Entry>> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let tail_bytes = size.min(END_BYTES_MAX);
    let mut tail = vec![0; tail_bytes as usize];
    file.read_exact_at(&mut tail, size - tail_bytes)?;
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(broken)?;
    let end = tail.get(end..end + 22).ok_or_else(broken)?;
    let (table_bytes, table_at) = (long(end, 12), long(end, 16));
    let mut table = vec![0; table_bytes.min(size).min(TABLE_BYTES_MAX) as usize];
    file.read_exact_at(&mut table, table_at)?;
    let mut entries = Vec::new();
    let mut rest = &table[..];
    while rest.len() >= 46 && rest.starts_with(b"PK\x01\x02") {
        let lengths = [28, 30, 32].map(|at| usize::from(short(rest, at)));
        let next = 46 + lengths.iter().sum::<usize>();
        let name = rest.get(46..46 + lengths[0]).ok_or_else(broken)?;
        entries.push(Entry {
            sheet: name.starts_with(b"xl/worksheets/"),
            texts: name.eq_ignore_ascii_case(b"xl/sharedStrings.xml"),
            deflated: short(rest, 10) == 8,
            at: long(rest, 42),
            packed: long(rest, 20),
            // A size that stands elsewhere because it exceeds 32 bits counts as 4 GiB.
            unpacked: long(rest, 24),
        });
        rest = rest.get(next..).unwrap_or_default();
    }
    Ok(entries)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(short(bytes, at)) | u64::from(short(bytes, at + 2)) << 16
}

/// Up to here nobody asks how well something is packed.
const PLAIN_BYTES_MAX: u64 = 64 << 20;
/// Even sheets of one repeated row are not packed better than this.
const RATIO_MAX: u64 = 300;
/// What a text takes beyond its bytes, with what stands around it.
const TEXT_ROOM: u64 = 40;
/// No text of so many bytes takes more than as many times their room.
const TEXT_ROOM_RATIO: u64 = 4;
/// What ends, and nearly always begins, a text.
const TEXT_MARK: &[u8] = b"si>";
/// Bytes that are looked through at a time.
const PIECE_BYTES: usize = 64 << 10;
/// The end record and the longest comment behind it.
const END_BYTES_MAX: u64 = 22 + 65_535;
/// Of a table of files.
const TABLE_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_seen_and_workbooks_are_not() {
        let entry = |sheet, packed, unpacked| Entry {
            sheet,
            texts: !sheet,
            deflated: true,
            at: 0,
            packed,
            unpacked,
        };
        let judge =
            |entry| judge_entries(&[entry], 256 << 20).map_err(|fault| fault.en.to_string());
        assert_eq!(judge(entry(true, 40 << 20, 800 << 20)), Ok(()));
        assert_eq!(judge(entry(false, 1 << 10, 1 << 20)), Ok(()));
        assert!(judge(entry(true, 1 << 20, 1 << 30)).unwrap_err().contains("far more"));
        assert!(judge(entry(false, 90 << 20, 300 << 20)).unwrap_err().contains("300 MiB"));
    }

    #[test]
    fn many_short_texts_are_counted() {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let sheet = workbook.add_worksheet();
        for row in 0..20_000 {
            sheet.write_string(row, 0, row.to_string()).unwrap();
        }
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &workbook.save_to_buffer().unwrap()).unwrap();
        let size = file.metadata().unwrap().len();
        let entries = entries(&file, size).unwrap();
        let texts = entries.iter().find(|entry| entry.texts).unwrap();
        assert_eq!(count_texts(&file, texts).unwrap(), 20_000);
        let held = held_bytes(&entries);
        let judge = |max| {
            let limits = Limits { workbook_bytes_max: max, ..Limits::default() };
            judge(&file, size, &limits).map_err(|fault| fault.en.to_string())
        };
        assert_eq!(judge(held + 20_000 * TEXT_ROOM), Ok(()));
        assert!(judge(held + 20_000 * TEXT_ROOM - 1).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_cell_that_is_too_long_is_found() {
        let mut file = tempfile::tempfile().unwrap();
        let text = "x".repeat(200_000);
        io::Write::write_all(&mut file, format!("{:30}<a>{text}<b/></a>", "").as_bytes()).unwrap();
        let size = file.metadata().unwrap().len();
        let entry = Entry {
            sheet: true,
            texts: false,
            deflated: false,
            at: 0,
            packed: size - 30,
            unpacked: size - 30,
        };
        // Nothing stands between the head and the entry's bytes.
        file.write_all_at(&[0; 30], 0).unwrap();
        let longer = |max| has_longer_text(&file, &entry, max).unwrap();
        assert!(longer(100_000) && longer(200_002));
        assert!(!longer(200_003) && !longer(1 << 20));
    }

    #[test]
    fn the_table_of_a_workbook_is_read() {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        workbook.add_worksheet().write_string(0, 0, "x").unwrap();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &workbook.save_to_buffer().unwrap()).unwrap();
        let size = file.metadata().unwrap().len();
        let entries = entries(&file, size).unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.sheet && entry.unpacked > 100).count(), 1);
        assert!(entries.len() > 5);
    }
}
