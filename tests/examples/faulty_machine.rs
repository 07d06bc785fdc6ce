//! Loaded into a program before all other libraries (`LD_PRELOAD`), lets its machine misbehave:
//! `yiku_tests::faults` says how and by which files it is told.
//!
//! A file that takes no more takes what there is room for, as a disk does, and answers `ENOSPC` to
//! the next write, to growing by `ftruncate` and to being made. What is written through mapped
//! memory is not seen.

#![expect(unsafe_code, reason = "it takes the place of C functions")]

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString, OsStr, c_char, c_int, c_void},
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use libc::{clockid_t, iovec, mode_t, off_t, size_t, ssize_t, timespec};
use yiku_tests::{
    faults::{CLOCK, DISKS, FAULTS, REFUSED},
    preload::without_links,
};

/// What was written under the rules that hold now, by rule.
static WRITTEN: Mutex<(String, BTreeMap<usize, u64>)> =
    Mutex::new((String::new(), BTreeMap::new()));

fn faults() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os(FAULTS).map(PathBuf::from)).as_ref()
}

/// How many of these bytes the file takes. Reading the rules opens a file, but makes none and
/// writes nothing: it comes back here never.
fn room(call: &str, file: &Path, bytes: u64) -> u64 {
    let Some(folder) = faults() else { return bytes };
    let Ok(rules) = fs::read_to_string(folder.join(DISKS)) else { return bytes };
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    if written.0 != rules {
        *written = (rules.clone(), BTreeMap::new());
    }
    let mut taken = bytes;
    for (number, line) in rules.lines().enumerate() {
        let Some((room, path)) = line.split_once(' ') else { continue };
        let fits = match path.strip_suffix('*') {
            Some(beginning) => file.as_os_str().as_bytes().starts_with(beginning.as_bytes()),
            None => file == Path::new(path),
        };
        if fits {
            let used = written.1.entry(number).or_default();
            let left = room.parse::<u64>().unwrap_or(0).saturating_sub(*used);
            // What makes a file needs room, though it has no bytes of its own.
            taken = if left == 0 { 0 } else { taken.min(left) };
            *used += taken;
        }
    }
    if taken == 0 {
        note(&folder.join(REFUSED), &format!("{call} {}\n", file.display()));
    }
    taken
}

fn note(path: &Path, line: &str) {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return };
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: path and line outlive the calls.
    unsafe {
        let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600);
        libc::syscall(libc::SYS_write, file, line.as_ptr(), line.len());
        libc::syscall(libc::SYS_close, file);
    }
}

/// What is said where there is no room.
fn refused() -> c_int {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() = libc::ENOSPC };
    -1
}

fn path_of(number: c_int) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{number}")).ok()
}

/// How many bytes the open file takes.
fn room_in(call: &str, number: c_int, bytes: usize) -> usize {
    match path_of(number) {
        Some(path) if bytes > 0 => room(call, &path, bytes as u64) as usize,
        _ => bytes,
    }
}

/// # Safety
/// `path` is a C string.
unsafe fn open_or_refuse(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as promised by the caller.
    if flags & libc::O_CREAT != 0 && unsafe { libc::access(path, libc::F_OK) } != 0 {
        // SAFETY: as promised by the caller.
        let name = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
        if without_links(name).is_some_and(|path| room("create", &path, 1) == 0) {
            return refused();
        }
    }
    // SAFETY: the arguments are the program's own.
    unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) as c_int }
}

/// # Safety
/// As of `open(2)`, whose third argument arrives like that of a function of three.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { open_or_refuse(path, flags, mode) }
}

/// # Safety
/// As of `open(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { open_or_refuse(path, flags, mode) }
}

/// # Safety
/// As of `pwrite(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    number: c_int,
    from: *const c_void,
    count: size_t,
    at: off_t,
) -> ssize_t {
    match room_in("pwrite", number, count) {
        0 if count > 0 => refused() as ssize_t,
        // SAFETY: the arguments are the program's own, the count is no larger.
        count => unsafe { libc::syscall(libc::SYS_pwrite64, number, from, count, at) as ssize_t },
    }
}

/// # Safety
/// As of `pwrite(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(
    number: c_int,
    from: *const c_void,
    count: size_t,
    at: off_t,
) -> ssize_t {
    // SAFETY: as promised by the caller.
    unsafe { pwrite64(number, from, count, at) }
}

/// # Safety
/// As of `write(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(number: c_int, from: *const c_void, count: size_t) -> ssize_t {
    match room_in("write", number, count) {
        0 if count > 0 => refused() as ssize_t,
        // SAFETY: the arguments are the program's own, the count is no larger.
        count => unsafe { libc::syscall(libc::SYS_write, number, from, count) as ssize_t },
    }
}

/// # Safety
/// As of `writev(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(number: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if room_in("writev", number, 1) == 0 {
        return refused() as ssize_t;
    }
    // SAFETY: the arguments are the program's own.
    unsafe { libc::syscall(libc::SYS_writev, number, parts, count) as ssize_t }
}

/// # Safety
/// As of `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(number: c_int, length: off_t) -> c_int {
    let path = path_of(number);
    let is = path.as_ref().and_then(|path| fs::metadata(path).ok()).map_or(0, |file| file.len());
    let more = (length as u64).saturating_sub(is) as usize;
    if more > 0 && room_in("ftruncate", number, more) < more {
        return refused();
    }
    // SAFETY: the call touches no memory.
    unsafe { libc::syscall(libc::SYS_ftruncate, number, length) as c_int }
}

/// # Safety
/// As of `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(number: c_int, length: off_t) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { ftruncate64(number, length) }
}

/// # Safety
/// As of `clock_gettime(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the arguments are the program's own.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int };
    if result == 0
        && clock == libc::CLOCK_REALTIME
        && let Some(folder) = faults()
        && let Ok(text) = fs::read_to_string(folder.join(CLOCK))
    {
        // SAFETY: the call above has just written there.
        unsafe { (*time).tv_sec += text.trim().parse::<i64>().unwrap_or(0) };
    }
    result
}
