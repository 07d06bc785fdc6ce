//! Signed bodies.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `Yiku-Signature` for a body sent at `seconds` since 1970.
pub fn signature(secret: &str, seconds: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec`.
    #[test]
    fn a_signature() {
        let expected =
            "t=1700000000,v1=7d44587dddbaf4c7f70fef20f48cd594834ffea1641e3ac227b84408298738af";
        assert_eq!(signature("whsec", 1_700_000_000, b"{}"), expected);
    }
}
