//! Chance that repeats: the same seed, topic and number always give the same throws.

/// A small generator (SplitMix64). One is made for each thing that is described, so that a thing
/// depends on its own number only and can be described again at any time, alone.
pub struct Dice(u64);

impl Dice {
    /// The dice of thing `number` within a topic.
    pub fn new(seed: u64, topic: &str, number: u64) -> Self {
        let topic = topic.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut dice = Self(seed ^ topic);
        dice.0 = dice.next() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `count` less one.
    pub fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }

    /// True once in `count` throws.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// One of the list.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// One of the list, the first ones more often than the last.
    pub fn pick_early<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = self.below(list.len() as u64).min(self.below(list.len() as u64));
        &list[at as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_repeat_and_differ_by_topic_and_number() {
        let throws = |topic, number| {
            let mut dice = Dice::new(1, topic, number);
            [dice.below(1000), dice.below(1000), dice.below(1000)]
        };
        assert_eq!(throws("a", 1), throws("a", 1));
        assert_ne!(throws("a", 1), throws("a", 2));
        assert_ne!(throws("a", 1), throws("b", 1));
    }
}
