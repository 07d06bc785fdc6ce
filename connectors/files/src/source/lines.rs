//! Lines of a file as bytes, in a window that grows no further than the longest record allowed.
//!
//! A line ends with LF, CR LF or CR. None of these bytes can be part of a character in UTF-8 or
//! GB18030, so lines are found before anything is decoded, and every record begins and ends at
//! the border of a line: that is what makes a byte offset a place to go on from.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Why bytes could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The file ended before the size it had when it was taken.
    Shrunk,
    /// The operating system's answer.
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where a line stands, counted from the first byte not yet taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    /// First byte.
    pub(crate) from: usize,
    /// Byte after the text.
    pub(crate) to: usize,
    /// Byte after the line end: where the next line begins.
    pub(crate) next: usize,
}

/// What stands at a place of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// A line.
    Line(Line),
    /// A line that goes on past the longest record.
    TooLong,
    /// The end of the file.
    End,
}

/// What is left of a line that was too long.
#[derive(Debug)]
pub(crate) struct Skipped {
    /// Its first bytes.
    pub(crate) head: Vec<u8>,
    /// Bytes in all, without the line end.
    pub(crate) bytes: u64,
    /// SHA-256 of all of them, so that the line can be found again.
    pub(crate) digest: String,
}

/// Reads lines one after another.
pub(crate) struct Lines<R> {
    input: R,
    window: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the file that are not in the window yet.
    left: u64,
    /// Place of `window[start]` in the file.
    offset: u64,
    /// Number of the line that begins there, from 1.
    line: u64,
    record_bytes_max: usize,
}

impl<R: Read> Lines<R> {
    /// Reads on from `offset`, where line `line` begins, to the `size` the file has.
    pub(crate) fn new(
        input: R,
        offset: u64,
        line: u64,
        size: u64,
        record_bytes_max: usize,
    ) -> Self {
        let window = Vec::new();
        let left = size.saturating_sub(offset);
        Self { input, window, start: 0, end: 0, left, offset, line, record_bytes_max }
    }

    /// Place of the first byte not yet taken.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the longest record.
    pub(crate) fn record_bytes_max(&self) -> usize {
        self.record_bytes_max
    }

    /// Number of the line that stands there.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Bytes in the window, counted from the first not yet taken.
    pub(crate) fn bytes(&self, from: usize, to: usize) -> &[u8] {
        &self.window[self.start + from..self.start + to]
    }

    /// Finds the line that begins `from` bytes on.
    pub(crate) fn find(&mut self, from: usize) -> Result<Found, ReadError> {
        let mut searched = from;
        loop {
            let unread = &self.window[self.start..self.end];
            if let Some(at) = memchr::memchr2(b'\n', b'\r', &unread[searched.min(unread.len())..]) {
                let to = searched + at;
                if to > self.record_bytes_max {
                    return Ok(Found::TooLong);
                }
                let next = match (unread[to], unread.get(to + 1)) {
                    (b'\r', Some(b'\n')) => to + 2,
                    (b'\r', None) if self.left > 0 => {
                        searched = to;
                        self.fill()?;
                        continue;
                    }
                    _ => to + 1,
                };
                return Ok(Found::Line(Line { from, to, next }));
            }
            searched = unread.len();
            if searched > self.record_bytes_max {
                return Ok(Found::TooLong);
            }
            if self.left == 0 {
                let rest = Line { from, to: searched, next: searched };
                return Ok(if searched > from { Found::Line(rest) } else { Found::End });
            }
            self.fill()?;
        }
    }

    /// Goes on behind `bytes` bytes that hold `lines` line ends.
    pub(crate) fn take(&mut self, bytes: usize, lines: u64) {
        self.start += bytes;
        self.offset += bytes as u64;
        self.line += lines;
    }

    /// Goes on behind the lines that hold nothing at all.
    pub(crate) fn take_empty_lines(&mut self) -> Result<(), ReadError> {
        while let Found::Line(line) = self.find(0)?
            && line.to == 0
        {
            self.take(line.next, 1);
        }
        Ok(())
    }

    /// Goes on behind a line that is too long, keeping its first `keep` bytes.
    pub(crate) fn skip_line(&mut self, keep: usize) -> Result<Skipped, ReadError> {
        let mut head = Vec::new();
        let mut bytes = 0;
        let mut digest = Sha256::new();
        loop {
            if self.start == self.end {
                if self.left == 0 {
                    break;
                }
                self.fill()?;
            }
            let unread = &self.window[self.start..self.end];
            let at = memchr::memchr2(b'\n', b'\r', unread);
            let part = &unread[..at.unwrap_or(unread.len())];
            head.extend_from_slice(&part[..part.len().min(keep - head.len())]);
            digest.update(part);
            bytes += part.len() as u64;
            let taken = part.len();
            self.take(taken, 0);
            if at.is_some() {
                // The line end itself, which may be two bytes.
                if let Found::Line(line) = self.find(0)? {
                    self.take(line.next, 1);
                }
                break;
            }
        }
        let digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Skipped { head, bytes, digest })
    }

    /// Reads more of the file into the window.
    fn fill(&mut self) -> Result<(), ReadError> {
        if self.start > 0 && self.end == self.window.len() {
            self.window.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.window.len() {
            let larger = (self.window.len() * 2).max(WINDOW_BYTES);
            self.window.resize(larger, 0);
        }
        let room = self.window.len() - self.end;
        let wanted = usize::try_from(self.left).map_or(room, |left| left.min(room));
        let got = loop {
            match self.input.read(&mut self.window[self.end..self.end + wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => break answer?,
            }
        };
        if got == 0 {
            return Err(ReadError::Shrunk);
        }
        self.end += got;
        self.left -= got as u64;
        Ok(())
    }
}

const WINDOW_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every border is met.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (Some((first, rest)), false) = (self.0.split_first(), buffer.is_empty()) else {
                return Ok(0);
            };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut lines = Lines::new(Drip(text.as_bytes()), 0, 1, text.len() as u64, 8);
        let mut seen = Vec::new();
        loop {
            let (number, offset) = (lines.line(), lines.offset());
            match lines.find(0).unwrap() {
                Found::End => break,
                Found::TooLong => {
                    let skipped = lines.skip_line(3).unwrap();
                    let head = String::from_utf8(skipped.head).unwrap();
                    seen.push(format!("{number}@{offset} {head}…{}", skipped.bytes));
                }
                Found::Line(line) => {
                    let text = String::from_utf8(lines.bytes(line.from, line.to).to_vec()).unwrap();
                    seen.push(format!("{number}@{offset} {text}"));
                    lines.take(line.next, 1);
                }
            }
        }
        assert_eq!(seen, expected);
    }

    #[test]
    fn every_line_end_is_one() {
        check("", &[]);
        check("a", &["1@0 a"]);
        check("a\nb\r\nc\rd", &["1@0 a", "2@2 b", "3@5 c", "4@7 d"]);
        check("a\n\n\r\n\r", &["1@0 a", "2@2 ", "3@3 ", "4@5 "]);
        check("a\r\r\nb", &["1@0 a", "2@2 ", "3@4 b"]);
    }

    #[test]
    fn a_line_too_long_is_passed_over() {
        check("12345678\nb", &["1@0 12345678", "2@9 b"]);
        check("123456789\r\nb", &["1@0 123…9", "2@11 b"]);
        check("1234567890123", &["1@0 123…13"]);
    }

    #[test]
    fn a_file_that_lost_its_end_is_noticed() {
        let mut lines = Lines::new(&b"ab"[..], 0, 1, 5, 100);
        assert!(matches!(lines.find(0), Err(ReadError::Shrunk)));
    }
}
