//! Inputs made of inputs.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// The mutation of this number: the same one every time, whichever others are made.
pub(crate) fn mutate(seeds: &[Vec<u8>], words: &[&str], number: u64) -> Vec<u8> {
    let mut dice = StdRng::seed_from_u64(SEED + number);
    let mut input = seeds.choose(&mut dice).expect("a corpus").clone();
    for _ in 0..dice.random_range(1..=4) {
        change(&mut input, seeds, words, &mut dice);
    }
    input.truncate(BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str], dice: &mut StdRng) {
    let at = dice.random_range(0..=input.len());
    let end = dice.random_range(at..=input.len().min(at + 64));
    match dice.random_range(0..9) {
        0 if at < input.len() => input[at] ^= 1 << dice.random_range(0..8),
        1 => input.insert(at, dice.random()),
        2 => drop(input.drain(at..end)),
        3 => {
            let chunk = input[at..end].to_vec();
            let to = dice.random_range(0..=input.len());
            drop(input.splice(to..to, chunk));
        }
        4 => {
            let other = dice.random_range(0..=input.len().saturating_sub(end - at));
            (0..end - at).for_each(|step| input.swap(at + step, other + step));
        }
        5 => {
            let other = seeds.choose(dice).expect("a corpus");
            let from = dice.random_range(0..=other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        6 => {
            let word = words.choose(dice).expect("words").bytes();
            drop(input.splice(at..end, word));
        }
        _ => {
            let word = words.choose(dice).expect("words").bytes();
            drop(input.splice(at..at, word));
        }
    }
}

const SEED: u64 = 20_261_201;
/// Splices of splices must not grow without bound.
const BYTES_MAX: usize = 16 << 10;
