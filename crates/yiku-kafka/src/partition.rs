//! Which partition a key stands on: as Kafka's own clients place it.
//!
//! Kafka's Java client and everything built on it hash a key by murmur2. Whoever looks for a key by
//! such a client finds it where the hub has put it.

/// The partition of a key among `partitions`; 0 where there is one, or none.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    match partitions {
        0 | 1 => 0,
        _ => (murmur2(key) & 0x7fff_ffff) % partitions,
    }
}

fn murmur2(key: &[u8]) -> u32 {
    let mut hash = SEED ^ (key.len() as u32);
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mixed = u32::from_le_bytes(*word).wrapping_mul(FACTOR);
        let mixed = (mixed ^ (mixed >> SHIFT)).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ mixed;
    }
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(FACTOR);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

const SEED: u32 = 0x9747_b28c;
const FACTOR: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native;

    #[track_caller]
    fn hashes_to(key: &str, hash: i32) {
        assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
    }

    #[test]
    fn hashes_are_those_of_kafkas_own_tests() {
        hashes_to("21", -973_932_308);
        hashes_to("foobar", -790_332_482);
        hashes_to("a-little-bit-long-string", -985_981_536);
        hashes_to("a-little-bit-longer-string", -1_486_304_829);
        hashes_to("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971);
        hashes_to("abc", 479_470_107);
    }

    #[test]
    fn keys_stand_where_librdkafka_puts_them() {
        for length in 0..64usize {
            let key: String = (0..length).map(|at| ['甲', 'x', '7', '\u{1f}'][at % 4]).collect();
            for partitions in [1, 2, 3, 4, 7, 64, 1_000] {
                let own = partition_of(key.as_bytes(), partitions);
                assert_eq!(own, native::partition_of(key.as_bytes(), partitions), "{key:?}");
                assert!(own < partitions);
            }
        }
    }

    #[test]
    fn a_topic_of_one_partition_has_all_keys_there() {
        assert_eq!((partition_of(b"a", 0), partition_of(b"a", 1)), (0, 0));
    }
}
