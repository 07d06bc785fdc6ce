//! Bytes inside JSON: short ones as hexadecimal, long ones as base64 (RFC 4648 §4).

use base64::{Engine, engine::general_purpose::STANDARD};

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble)] as char;
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads lower-case hexadecimal; `None` for anything else.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |character: u8| match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let bytes = pairs.map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect();
    if whole { bytes } else { None }
}

/// Padded base64.
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads padded base64 in its one form; `None` for anything else.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], hex: &str, base64: &str) {
        assert_eq!(to_hex(bytes), hex);
        assert_eq!(from_hex(hex).as_deref(), Some(bytes));
        assert_eq!(to_base64(bytes), base64);
        assert_eq!(from_base64(base64).as_deref(), Some(bytes));
    }

    #[test]
    fn rfc_4648_vectors() {
        check(b"", "", "");
        check(b"f", "66", "Zg==");
        check(b"fo", "666f", "Zm8=");
        check(b"foo", "666f6f", "Zm9v");
        check(b"foob", "666f6f62", "Zm9vYg==");
        check(&[0xff, 0xef, 0x00], "ffef00", "/+8A");
    }

    #[test]
    fn every_length_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let text = to_base64(&bytes[..length]);
            assert_eq!(from_base64(&text).as_deref(), Some(&bytes[..length]));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\n", "Zm 9", "Zm9v="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
        for text in ["6", "6G", "6F", "zz"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }
}
