//! Whether rows that a full pull did not bring may be deleted.

/// What is known when a full pull has ended and is merged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SweepNumbers {
    /// Records of the line that are there.
    pub live: u64,
    /// Those among them that the run did not bring, rejected rows counted as brought.
    pub vanished: u64,
    /// Rejected rows of the run without a readable key.
    pub keyless: u64,
}

/// Why a sweep waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SweepHold {
    /// A rejected row could be any record: it cannot be counted as seen.
    #[error("{0} rejected rows had no readable key: they may be records that seem to be gone")]
    Keyless(u64),
    /// More is gone than the connector allows.
    #[error("{vanished} of {live} records would be deleted, more than {percent} %")]
    Vanished {
        /// Records that would be deleted.
        vanished: u64,
        /// Records that are there.
        live: u64,
        /// The connector's `stop_over.vanished`.
        percent: f64,
    },
}

/// Whether the records that a whole full run did not bring may be deleted without asking a person.
/// `percent` is the connector's `stop_over.vanished`: the sweep waits when more than that is gone.
pub fn may_sweep(numbers: &SweepNumbers, percent: f64) -> Result<(), SweepHold> {
    let SweepNumbers { live, vanished, keyless } = *numbers;
    if vanished == 0 {
        return Ok(());
    }
    if keyless > 0 {
        return Err(SweepHold::Keyless(keyless));
    }
    if vanished as f64 * 100.0 > live as f64 * percent {
        return Err(SweepHold::Vanished { vanished, live, percent });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(live: u64, vanished: u64, keyless: u64, expected: &str) {
        let result = may_sweep(&SweepNumbers { live, vanished, keyless }, 5.0);
        assert_eq!(result.map_or_else(|hold| hold.to_string(), |()| "sweep".into()), expected);
    }

    #[test]
    fn a_truncated_file_does_not_empty_a_library() {
        check(100, 0, 3, "sweep");
        check(100, 5, 0, "sweep");
        check(100, 6, 0, "6 of 100 records would be deleted, more than 5 %");
        check(
            100,
            1,
            3,
            "3 rejected rows had no readable key: they may be records that seem to be gone",
        );
        check(0, 0, 0, "sweep");
    }
}
