//! Codes in a form that a contract looks up once per cell.

use std::collections::HashSet;

/// A set of codes. Codes of up to seven bytes, nearly all, are one number in an open table.
#[derive(Clone, Debug)]
pub struct CodeSet {
    table: Vec<u64>,
    shift: u32,
    long: HashSet<Box<[u8]>, ahash::RandomState>,
}

impl CodeSet {
    /// Makes the set. The empty text is never in it.
    pub fn new<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let (short, long): (Vec<&str>, Vec<&str>) =
            codes.into_iter().filter(|code| !code.is_empty()).partition(|code| code.len() <= SHORT);
        let size = (short.len() * 4).max(8).next_power_of_two();
        let mut set = Self {
            table: vec![EMPTY; size],
            shift: 64 - size.trailing_zeros(),
            long: long.into_iter().map(|code| code.as_bytes().into()).collect(),
        };
        for code in short {
            let packed = pack(code.as_bytes());
            let slot = set.slot(packed);
            set.table[slot] = packed;
        }
        set
    }

    /// Whether the code is in the set.
    pub fn contains(&self, code: &[u8]) -> bool {
        if code.len() > SHORT {
            return self.long.contains(code);
        }
        let packed = pack(code);
        packed != EMPTY && self.table[self.slot(packed)] == packed
    }

    /// Where the number stands, or where it would: a quarter of the table at most is taken.
    fn slot(&self, packed: u64) -> usize {
        let mut slot = (packed.wrapping_mul(SPREAD) >> self.shift) as usize;
        while self.table[slot] != packed && self.table[slot] != EMPTY {
            slot = (slot + 1) % self.table.len();
        }
        slot
    }
}

/// The bytes of a short code, its length above them.
fn pack(code: &[u8]) -> u64 {
    let bytes = code.iter().fold(0, |packed, &byte| packed << 8 | u64::from(byte));
    bytes | (code.len() as u64) << 56
}

const SHORT: usize = 7;

const EMPTY: u64 = 0;
/// 2⁶⁴ divided by the golden ratio: spreads near numbers over the table.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_no_other() {
        let codes: Vec<String> = (0..1000)
            .map(|number| format!("{number:02}"))
            .chain((0..50).map(|number| format!("a-code-of-length-{number}")))
            .chain(["公", "公安", "公安局"].map(String::from))
            .collect();
        let set = CodeSet::new(codes.iter().map(String::as_str));
        for code in &codes {
            assert!(set.contains(code.as_bytes()), "{code}");
        }
        for other in ["", "0", "1000", "001", " 01", "a-code-of-length-50", "公安厅", "\0", "\x001"]
        {
            assert!(!set.contains(other.as_bytes()), "{other:?}");
        }
        assert!(!CodeSet::new(["", "1"]).contains(b""));
        assert!(!CodeSet::new(["1"]).contains(b"\x001"));
    }
}
