//! Codes with their check characters, computed here on their own: the hub's code judges them.

/// A citizen id of its first 17 digits (GB 11643).
pub fn citizen_id(body: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    debug_assert_eq!(body.len(), 17);
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
}

/// An organisation code of its first 8 characters (GB 11714), without hyphen.
pub fn organisation_code(body: &str) -> String {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    debug_assert_eq!(body.len(), 8);
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, w)| value36(b) * w).sum();
    let check = match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from(b'0' + digit as u8),
    };
    format!("{body}{check}")
}

/// A unified social credit code of its first 17 characters (GB 32100).
pub fn credit_code(body: &str) -> String {
    const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    debug_assert_eq!(body.len(), 17);
    let value = |byte| ALPHABET_31.iter().position(|known| *known == byte).unwrap_or(0) as u32;
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, w)| value(b) * w).sum();
    format!("{body}{}", char::from(ALPHABET_31[((31 - sum % 31) % 31) as usize]))
}

/// An e-license identifier (GB/T 36904) of its parts.
pub fn license_id(kind: &str, issuer: &str, serial: &str, version: &str) -> String {
    let mut p = 36;
    for byte in [kind, issuer, serial, version].iter().flat_map(|part| part.bytes()) {
        p = (p + value36(byte)) % 36;
        if p == 0 {
            p = 36;
        }
        p = p * 2 % 37;
    }
    let check = char::from(ALPHABET_36[((37 - p) % 36) as usize]);
    format!("1.2.156.3005.2.{kind}.{issuer}.{serial}.{version}.{check}")
}

/// `number` in base 31, in the characters of credit codes, `width` of them.
pub fn base31(mut number: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET_31[(number % 31) as usize];
        number /= 31;
    }
    digits.into_iter().map(char::from).collect()
}

fn value36(byte: u8) -> u32 {
    ALPHABET_36.iter().position(|known| *known == byte).unwrap_or(0) as u32
}

const ALPHABET_31: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const ALPHABET_36: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes() {
        assert_eq!(citizen_id("44030819990110151"), "440308199901101512");
        assert_eq!(citizen_id("43138119910506004"), "43138119910506004X");
        assert_eq!(organisation_code("MB000001"), "MB0000019");
        assert_eq!(credit_code("91431300MA0000023"), "91431300MA00000235");
        assert_eq!(credit_code("93431382MA000004X"), "93431382MA000004XA");
        assert_eq!(
            license_id("11100000000013338W001", "11431300MB00000191", "A1B2C3", "001"),
            "1.2.156.3005.2.11100000000013338W001.11431300MB00000191.A1B2C3.001.9"
        );
    }
}
