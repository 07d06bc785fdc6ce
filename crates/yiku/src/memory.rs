//! How the process keeps its memory.

/// Batches of rows are made on one thread and freed on another. Left alone, glibc keeps for each
/// thread what was freed there and gives little of it back: a load of a million rows held 450 MB
/// where it needs 240. Other C libraries do well enough as they are.
pub fn settle_allocator() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: sets two numbers of the allocator, before there is a second thread.
        #[allow(unsafe_code, reason = "the allocator has no other way to be told")]
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, ARENAS);
            libc::mallopt(libc::M_MMAP_THRESHOLD, RETURNED_BYTES_MIN);
        }
    }
}

/// Heaps that threads share.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;
/// Blocks from this size on go back to the system when they are freed.
#[cfg(target_env = "gnu")]
const RETURNED_BYTES_MIN: i32 = 8 << 20;
