//! Avro's binary form, written field by field.

/// Index of the value's branch in `["null", type]`.
pub(crate) const PRESENT: u8 = 2;
/// Index of the null branch.
pub(crate) const ABSENT: u8 = 0;

/// Appends an `int` or a `long`: zigzag, seven bits a byte, low ones first.
#[inline]
pub(crate) fn long(value: i64, body: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        body.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    body.push(rest as u8);
}

/// Appends a `string` or `bytes`.
#[inline]
pub(crate) fn bytes(value: &[u8], body: &mut Vec<u8>) {
    if value.len() < 64 {
        body.push((value.len() as u8) << 1);
    } else {
        long(value.len() as i64, body);
    }
    body.extend_from_slice(value);
}

/// Appends ASCII text in upper case as a `string`.
#[inline]
pub(crate) fn upper(value: &[u8], body: &mut Vec<u8>) {
    bytes(value, body);
    let start = body.len() - value.len();
    body[start..].make_ascii_uppercase();
}

/// Appends a `decimal` over `bytes`: big-endian two's complement in as few bytes as hold it.
pub(crate) fn decimal(value: i128, body: &mut Vec<u8>) {
    let all = value.to_be_bytes();
    let sign = if value < 0 { 0xFF } else { 0 };
    let mut start = 0;
    while start < 15 && all[start] == sign && (all[start + 1] ^ sign) < 0x80 {
        start += 1;
    }
    bytes(&all[start..], body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Vec<u8>), expected: &[u8]) {
        let mut body = Vec::new();
        write(&mut body);
        assert_eq!(body, expected);
    }

    #[test]
    fn numbers() {
        check(|body| long(0, body), &[0]);
        check(|body| long(-1, body), &[1]);
        check(|body| long(63, body), &[126]);
        check(|body| long(64, body), &[128, 1]);
        check(|body| long(i64::MIN, body), &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        check(|body| decimal(0, body), &[2, 0]);
        check(|body| decimal(127, body), &[2, 127]);
        check(|body| decimal(128, body), &[4, 0, 128]);
        check(|body| decimal(-128, body), &[2, 128]);
        check(|body| decimal(-129, body), &[4, 255, 127]);
        check(|body| decimal(-1, body), &[2, 255]);
    }

    #[test]
    fn texts() {
        check(|body| bytes("李".as_bytes(), body), &[6, 230, 157, 142]);
        check(|body| upper(b"a1x", body), b"\x06A1X");
        let mut body = Vec::new();
        bytes(&[7; 64], &mut body);
        assert_eq!((&body[..3], body.len()), (&[128, 1, 7][..], 66));
    }
}
