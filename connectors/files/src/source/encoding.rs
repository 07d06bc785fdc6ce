//! Which encoding a file is in, and text from its bytes.

use std::{fs::File, io, os::unix::fs::FileExt};

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// What the connector's file says.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    /// Byte order mark, then UTF-8, then GB18030.
    #[default]
    Auto,
    /// UTF-8, with or without byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030.
    Gb18030,
    /// GBK, of which GB18030 is the superset: read as GB18030.
    Gbk,
}

/// The encoding that a file was found to be in; kept in the position, so that a file that is read
/// in many parts is never judged anew.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Charset {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030.
    #[serde(rename = "gb18030")]
    Gb18030,
}

impl Charset {
    /// The name people know it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030",
        }
    }

    /// Decodes into `scratch` where that is needed; `None` when a byte does not fit.
    #[inline]
    pub(crate) fn decode<'a>(self, bytes: &'a [u8], scratch: &'a mut String) -> Option<&'a str> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok(),
            Self::Gb18030 if bytes.is_ascii() => std::str::from_utf8(bytes).ok(),
            Self::Gb18030 if is_utf8(bytes) => None,
            Self::Gb18030 => {
                scratch.clear();
                let mut decoder = encoding_rs::GB18030.new_decoder_without_bom_handling();
                scratch.reserve(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?);
                let (result, _) =
                    decoder.decode_to_string_without_replacement(bytes, scratch, true);
                (result == encoding_rs::DecoderResult::InputEmpty).then_some(scratch.as_str())
            }
        }
    }

    /// Decodes what can be decoded; U+FFFD stands for the rest.
    pub(crate) fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Gb18030 => encoding_rs::GB18030.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }
}

/// The encoding of a file and the length of its byte order mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Detected {
    pub(crate) charset: Charset,
    pub(crate) mark: usize,
}

/// Looks at the beginning of a file, or reads on until there is something to judge by.
pub(crate) fn detect(file: &File, declared: Encoding) -> io::Result<Result<Detected, Fault>> {
    detect_in(|buffer, at| file.read_at(buffer, at), declared)
}

/// The same through whatever reads at a place.
pub(crate) fn detect_in(
    mut read_at: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    declared: Encoding,
) -> io::Result<Result<Detected, Fault>> {
    let mut buffer = vec![0; PIECE_BYTES];
    let got = read_full(&mut read_at, &mut buffer, 0)?;
    let head = &buffer[..got];
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Ok(Err(Fault::unreadable(
            1,
            "文件是 UTF-16 编码：请另存为 UTF-8 或 GB18030 后重新放入",
            "the file is UTF-16: save it as UTF-8 or GB18030 and put it in the folder again",
        )));
    }
    let found = |charset, mark| Ok(Ok(Detected { charset, mark }));
    if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return found(Charset::Utf8, 3);
    }
    if head.starts_with(&[0x84, 0x31, 0x95, 0x33]) {
        return found(Charset::Gb18030, 4);
    }
    match declared {
        Encoding::Utf8 => return found(Charset::Utf8, 0),
        Encoding::Gb18030 | Encoding::Gbk => return found(Charset::Gb18030, 0),
        Encoding::Auto => {}
    }
    let mut at = 0;
    let mut filled = got;
    // ASCII says nothing: the piece to judge by begins at the first other byte.
    while buffer[..filled].is_ascii() {
        at += filled as u64;
        if filled < PIECE_BYTES || at >= ASCII_BYTES_MAX {
            return found(Charset::Utf8, 0);
        }
        filled = read_full(&mut read_at, &mut buffer, at)?;
    }
    let first = buffer[..filled].iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    let filled = read_full(&mut read_at, &mut buffer, at + first as u64)?;
    found(judge(&buffer[..filled]), 0)
}

/// UTF-8 when all of it is, or nearly all: a UTF-8 file with a few broken characters must not turn
/// into another language. Chinese text in GB18030 is almost never UTF-8 by chance.
fn judge(bytes: &[u8]) -> Charset {
    let (mut good, mut broken) = (0_usize, 0_usize);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        good += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        // A character that the end of the piece cuts off is not broken.
        let cut =
            chunks.peek().is_none() && chunk.invalid().len() < 4 && bytes.len() == PIECE_BYTES;
        if !chunk.invalid().is_empty() && !cut {
            broken += 1;
        }
    }
    if broken * 20 <= good || most_lines_are_utf8(bytes) { Charset::Utf8 } else { Charset::Gb18030 }
}

/// Whether lines of other encodings are few: they were put into a UTF-8 file, whose other lines
/// must not be rejected for them.
fn most_lines_are_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut broken) = (0_usize, 0_usize);
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => good += 1,
            Err(_) => broken += 1,
        }
    }
    broken * 3 <= good
}

/// Whether bytes that are not ASCII are Chinese text in UTF-8, which would pass as GB18030 of
/// another meaning. Two characters are enough when a byte below 0xA1 is among them, for common
/// characters have none in GB18030; else it takes four.
fn is_utf8(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut chinese = 0;
    for character in text.chars().filter(|character| !character.is_ascii()) {
        if !('\u{3000}'..='\u{ffef}').contains(&character) {
            return false;
        }
        chinese += 1;
    }
    chinese >= 4 || chinese >= 2 && bytes.iter().any(|byte| (0x80..0xA1).contains(byte))
}

fn read_full(
    read_at: &mut impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    buffer: &mut [u8],
    at: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How much is looked at, from the first byte that is not ASCII.
const PIECE_BYTES: usize = 256 << 10;
/// How much pure ASCII is passed over; a file of nothing else up to here is read as UTF-8.
const ASCII_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], declared: Encoding, expected: &str) {
        let read_at = |buffer: &mut [u8], at: u64| {
            let rest = &bytes[bytes.len().min(at as usize)..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        };
        let told = match detect_in(read_at, declared).unwrap() {
            Ok(found) => format!("{} {}", found.charset.name(), found.mark),
            Err(fault) => fault.en.to_string(),
        };
        assert!(told.starts_with(expected), "{told}");
    }

    fn gb(text: &str) -> Vec<u8> {
        encoding_rs::GB18030.encode(text).0.into_owned()
    }

    #[test]
    fn encodings_are_told_apart() {
        use Encoding::*;
        check(b"", Auto, "UTF-8 0");
        check(b"a,b\n1,2\n", Auto, "UTF-8 0");
        check("姓名\n李娜\n".as_bytes(), Auto, "UTF-8 0");
        check("\u{FEFF}姓名\n".as_bytes(), Auto, "UTF-8 3");
        check("\u{FEFF}姓名\n".as_bytes(), Gb18030, "UTF-8 3");
        check(&gb("姓名\n李娜\n"), Auto, "GB18030 0");
        check(&gb("姓名\n李娜\n"), Utf8, "UTF-8 0");
        check(&gb("\u{FEFF}姓名\n"), Auto, "GB18030 4");
        check(&[0xFF, 0xFE, b'a', 0], Auto, "the file is UTF-16");
    }

    #[test]
    fn a_late_first_character_decides() {
        let mut bytes = vec![b'a'; PIECE_BYTES * 2 + 7];
        bytes.extend(gb("李娜刘洋"));
        check(&bytes, Encoding::Auto, "GB18030 0");
        let mut bytes = vec![b'a'; PIECE_BYTES - 1];
        bytes.extend("李娜刘洋".as_bytes());
        check(&bytes, Encoding::Auto, "UTF-8 0");
    }

    #[test]
    fn one_broken_character_does_not_turn_a_file_into_another_language() {
        let mut bytes = "李娜刘洋王芳".repeat(20).into_bytes();
        bytes.extend(gb("张"));
        check(&bytes, Encoding::Auto, "UTF-8 0");
        let mut bytes = gb(&"李娜刘洋王芳".repeat(20));
        bytes.extend("张".as_bytes());
        check(&bytes, Encoding::Auto, "GB18030 0");
    }

    #[test]
    fn a_utf8_line_does_not_pass_as_gb18030() {
        let mut scratch = String::new();
        let mut decode = |bytes: &[u8]| Charset::Gb18030.decode(bytes, &mut scratch).is_some();
        assert!(!decode("1,肖文,1".as_bytes()));
        assert!(!decode("湖南省娄底市".as_bytes()));
        assert!(decode(&gb("1,肖文,1")));
        // The bytes of these are UTF-8 of other letters too.
        assert!(decode(&gb("一")) && decode(&gb("联通")) && decode(&gb("岳耐辈")));
    }

    #[test]
    fn lines_of_another_encoding_do_not_decide_for_all() {
        let mut bytes = "1,李娜\n".repeat(4).into_bytes();
        bytes.extend(gb("2,张三丰\n"));
        check(&bytes, Encoding::Auto, "UTF-8 0");
    }

    #[test]
    fn four_byte_characters_decode() {
        let mut scratch = String::new();
        let bytes = gb("𠮷㐀李€");
        assert_eq!(Charset::Gb18030.decode(&bytes, &mut scratch), Some("𠮷㐀李€"));
        assert_eq!(Charset::Gb18030.decode(&bytes[..3], &mut scratch), None);
        assert_eq!(Charset::Utf8.decode(&bytes, &mut scratch), None);
    }
}
