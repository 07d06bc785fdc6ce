//! Packed bytes that no packer makes: ten gigabytes of one piece in ten megabytes.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// A deflate stream: `head`, then `piece` so often, then `tail`. Packed once and repeated.
pub fn deflated(head: &[u8], piece: &[u8], times: u64, tail: &[u8]) -> Vec<u8> {
    let part = packed(piece);
    let mut out = packed(head);
    (0..times).for_each(|_| out.extend_from_slice(&part));
    out.extend(packed(tail));
    out.extend([3, 0]); // an empty last block
    out
}

/// The check sum of the same.
pub fn check_sum(head: &[u8], piece: &[u8], times: u64, tail: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(head);
    (0..times).for_each(|_| crc.update(piece));
    crc.update(tail);
    crc.sum()
}

/// Blocks that end at a byte and look back at nothing.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 1024);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(bytes, &mut out, FlushCompress::Full).expect("there is room");
    out
}

/// A gzip file of so many spaces. Its check sum is wrong, which shows only at its end.
pub fn gzip(bytes: u64) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    file.extend(deflated(b"", &[b' '; PIECE], bytes / PIECE as u64, b""));
    file.extend([0; 8]);
    file
}

/// A zip file that is put together by hand.
#[derive(Default)]
pub struct Zip {
    file: Vec<u8>,
    table: Vec<u8>,
    entries: u16,
}

impl Zip {
    /// Adds a file as it is.
    pub fn plain(&mut self, name: &str, text: &str) {
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        self.add(name, (0, crc.sum()), text.as_bytes(), text.len() as u64);
    }

    /// Adds a deflate stream with its check sum, said to unpack to so many bytes.
    pub fn packed(&mut self, name: &str, stream: &[u8], sum: u32, unpacked: u64) {
        self.add(name, (8, sum), stream, unpacked);
    }

    fn add(&mut self, name: &str, (method, sum): (u16, u32), bytes: &[u8], unpacked: u64) {
        let at = self.file.len() as u32;
        // What exceeds 32 bits stands in a field behind the name.
        let (short, long) = match u32::try_from(unpacked) {
            Ok(size) => (size, Vec::new()),
            Err(_) => (u32::MAX, [&[1, 0, 8, 0][..], &unpacked.to_le_bytes()].concat()),
        };
        let mut common = vec![45, 0, 0, 0];
        common.extend(method.to_le_bytes());
        common.extend([0; 4]);
        for number in [sum, bytes.len() as u32, short] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend((long.len() as u16).to_le_bytes());
        for (to, mark, between) in [
            (&mut self.file, b"PK\x03\x04", Vec::new()),
            (&mut self.table, b"PK\x01\x02", [&[0; 10][..], &at.to_le_bytes()].concat()),
        ] {
            to.extend(mark);
            if mark[2] == 1 {
                to.extend([45, 0]);
            }
            to.extend(&common);
            to.extend(between);
            to.extend(name.as_bytes());
            to.extend(&long);
        }
        self.file.extend(bytes);
        self.entries += 1;
    }

    /// The whole file.
    pub fn finish(mut self) -> Vec<u8> {
        let at = self.file.len() as u32;
        self.file.append(&mut self.table.clone());
        self.file.extend(b"PK\x05\x06\0\0\0\0");
        self.file.extend(self.entries.to_le_bytes());
        self.file.extend(self.entries.to_le_bytes());
        self.file.extend((self.table.len() as u32).to_le_bytes());
        self.file.extend(at.to_le_bytes());
        self.file.extend([0; 2]);
        self.file
    }
}

/// Bytes that are packed at a time.
pub const PIECE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_repeated_unpacks_to_as_much() {
        let mut text = String::new();
        let stream = deflated(b"<", &[b'x'; 5_000], 3, b">");
        flate2::read::DeflateDecoder::new(&*stream).read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("<{}>", "x".repeat(15_000)));
        let packed = gzip(5 << 20);
        assert!(packed.len() < 20_000);
        let (mut count, mut buffer) = (0, vec![0; 1 << 16]);
        let mut unpacked = flate2::read::GzDecoder::new(&*packed);
        while let Ok(got @ 1..) = unpacked.read(&mut buffer) {
            assert!(buffer[..got].iter().all(|&byte| byte == b' '));
            count += got;
        }
        assert_eq!(count, 5 << 20);
    }
}
