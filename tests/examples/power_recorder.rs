//! Loaded into a program before all other libraries (`LD_PRELOAD`), records what the program does
//! to the files of one folder: `yiku_tests::power` says in what form and what for.
//!
//! It stands in for the C library's file calls and makes each system call itself. A call on a file
//! of the folder is made and recorded under one lock, so that the records are in the order of the
//! calls. A file that is not in the folder itself, a shared-memory file of SQLite (`-shm`, which no
//! restart reads) and a socket are left alone. Files opened more than once are told apart by name;
//! copies of a file's number (`dup`) are not followed. That nothing was missed is seen by the
//! power test: the whole recording must give the folder's very bytes.
//!
//! A kill from outside could fall between a call and its record. While there is a file of the
//! recording's name with `.kill` behind it, the program therefore kills itself after a record.

#![expect(unsafe_code, reason = "it takes the place of C functions")]

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString, OsStr, c_char, c_int, c_uint, c_void},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use libc::{iovec, mode_t, off_t, size_t, ssize_t};
use yiku_tests::{
    power::{Deed, FOLDER, RECORDING, Record},
    preload::without_links,
};

/// What is recorded, and where.
struct Recorder {
    folder: PathBuf,
    recording: c_int,
    kill: CString,
    /// Names of open files by their numbers; the folder's own is empty.
    open: BTreeMap<c_int, String>,
}

/// `None` until the first call, and for ever in a program whose environment names no recording.
static RECORDER: Mutex<Option<Recorder>> = Mutex::new(None);

fn recorder() -> MutexGuard<'static, Option<Recorder>> {
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if recorder.is_none() {
        *recorder = Recorder::new();
    }
    recorder
}

impl Recorder {
    /// Makes no call of those below: each would wait for the lock.
    fn new() -> Option<Self> {
        let folder = std::env::var_os(FOLDER)?;
        let path = std::env::var_os(RECORDING)?;
        let kill = CString::new([path.as_bytes(), b".kill"].concat()).ok()?;
        let path = CString::new(path.as_bytes()).ok()?;
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
        // SAFETY: the path ends in a zero byte and outlives the call.
        let recording =
            unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600) };
        let recording = c_int::try_from(recording).ok().filter(|number| *number >= 0)?;
        // SAFETY: the function lives as long as the program.
        unsafe { libc::atexit(let_no_call_begin) };
        Some(Self { folder: folder.into(), recording, kill, open: BTreeMap::new() })
    }

    /// The file's name in the folder: empty for the folder itself, `None` when it is not recorded.
    fn name(&self, path: &Path) -> Option<String> {
        if path == self.folder {
            return Some(String::new());
        }
        let name = path.file_name()?.to_str()?;
        let recorded = !name.ends_with("-shm") && !name.ends_with(".sock");
        (path.parent() == Some(&self.folder) && recorded).then(|| name.to_owned())
    }

    fn note(&self, file: &str, deed: Deed) {
        let bytes = Record { file: file.to_owned(), deed }.to_bytes();
        // SAFETY: the bytes outlive the call.
        let written =
            unsafe { libc::syscall(libc::SYS_write, self.recording, bytes.as_ptr(), bytes.len()) };
        if usize::try_from(written) != Ok(bytes.len()) {
            std::process::abort(); // half a recording would prove nothing
        }
        // SAFETY: the path ends in a zero byte and outlives the call.
        if unsafe { libc::access(self.kill.as_ptr(), libc::F_OK) } == 0 {
            // SAFETY: the call touches no memory.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
    }
}

/// The end of a program ends its threads wherever they are: from here on none is within a call.
extern "C" fn let_no_call_begin() {
    std::mem::forget(recorder());
}

/// The path without a link in its folder.
///
/// # Safety
/// `path` is a C string.
unsafe fn full(path: *const c_char) -> Option<PathBuf> {
    // SAFETY: as promised by the caller.
    without_links(Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes())))
}

/// # Safety
/// `path` is a C string.
unsafe fn open_and_note(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let make = || {
        // SAFETY: the arguments are the program's own.
        unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) as c_int }
    };
    let mut recorder = recorder();
    // SAFETY: as promised by the caller.
    let name = recorder.as_ref().and_then(|one| one.name(&unsafe { full(path) }?));
    let (Some(one), Some(name)) = (recorder.as_mut(), name) else {
        drop(recorder);
        return make();
    };
    // SAFETY: as promised by the caller.
    let was_there = unsafe { libc::access(path, libc::F_OK) } == 0;
    let number = make();
    if number >= 0 {
        match (was_there, flags & libc::O_TRUNC != 0) {
            (false, _) => one.note(&name, Deed::Create),
            (true, true) => one.note(&name, Deed::Truncate(0)),
            (true, false) => {}
        }
        one.open.insert(number, name);
    }
    number
}

/// Makes a call on an open file; notes what it did when it went well.
fn call(number: c_int, make: impl FnOnce() -> i64, did: impl FnOnce(i64) -> Deed) -> i64 {
    let recorder = recorder();
    let known = recorder.as_ref().and_then(|one| Some((one, one.open.get(&number)?)));
    let Some((one, name)) = known else {
        drop(recorder);
        return make();
    };
    let result = make();
    if result >= 0 {
        one.note(name, did(result));
    }
    result
}

/// The bytes at `from`.
///
/// # Safety
/// So many bytes can be read there.
unsafe fn bytes(from: *const c_void, count: i64) -> Vec<u8> {
    // SAFETY: as promised by the caller.
    unsafe { std::slice::from_raw_parts(from.cast::<u8>(), count as usize) }.to_vec()
}

/// Where the last `written` bytes of an open file went.
fn place(number: c_int, written: i64) -> u64 {
    // SAFETY: the call touches no memory.
    (unsafe { libc::lseek(number, 0, libc::SEEK_CUR) } - written) as u64
}

/// # Safety
/// As of `open(2)`, whose third argument arrives like that of a function of three.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { open_and_note(path, flags, mode) }
}

/// # Safety
/// As of `open(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { open_and_note(path, flags, mode) }
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
    // SAFETY: the arguments are the program's own.
    let make = || unsafe { libc::syscall(libc::SYS_pwrite64, number, from, count, at) };
    // SAFETY: so many bytes were just read there.
    call(number, make, |written| Deed::Write(at as u64, unsafe { bytes(from, written) })) as ssize_t
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
    // SAFETY: the arguments are the program's own.
    let make = || unsafe { libc::syscall(libc::SYS_write, number, from, count) };
    let did = |written| {
        // SAFETY: so many bytes were just read there.
        Deed::Write(place(number, written), unsafe { bytes(from, written) })
    };
    call(number, make, did) as ssize_t
}

/// # Safety
/// As of `writev(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(number: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the arguments are the program's own.
    let make = || unsafe { libc::syscall(libc::SYS_writev, number, parts, count) };
    let did = |written| {
        // SAFETY: the parts were just read.
        let parts = unsafe { std::slice::from_raw_parts(parts, count as usize) };
        // SAFETY: so was what they point to.
        let part = |part: &iovec| unsafe { bytes(part.iov_base, part.iov_len as i64) };
        let mut all: Vec<u8> = parts.iter().flat_map(part).collect();
        all.truncate(written as usize);
        Deed::Write(place(number, written), all)
    };
    call(number, make, did) as ssize_t
}

/// # Safety
/// As of `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(number: c_int, length: off_t) -> c_int {
    // SAFETY: the call touches no memory.
    let make = || unsafe { libc::syscall(libc::SYS_ftruncate, number, length) };
    call(number, make, |_| Deed::Truncate(length as u64)) as c_int
}

/// # Safety
/// As of `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(number: c_int, length: off_t) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { ftruncate64(number, length) }
}

/// # Safety
/// As of `fsync(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(number: c_int) -> c_int {
    // SAFETY: the call touches no memory.
    call(number, || unsafe { libc::syscall(libc::SYS_fsync, number) }, |_| Deed::Sync) as c_int
}

/// # Safety
/// As of `fdatasync(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(number: c_int) -> c_int {
    // SAFETY: the call touches no memory.
    call(number, || unsafe { libc::syscall(libc::SYS_fdatasync, number) }, |_| Deed::Sync) as c_int
}

/// # Safety
/// As of `close(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(number: c_int) -> c_int {
    // Forgotten before it is closed: the next file may have the same number.
    if let Some(one) = recorder().as_mut() {
        one.open.remove(&number);
    }
    // SAFETY: the call touches no memory.
    unsafe { libc::syscall(libc::SYS_close, number) as c_int }
}

/// # Safety
/// As of `unlink(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the arguments are the program's own.
    let make =
        || unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0 as c_uint) as c_int };
    let mut recorder = recorder();
    // SAFETY: as promised by the caller.
    let name = recorder.as_ref().and_then(|one| one.name(&unsafe { full(path) }?));
    let result = make();
    if let (Some(one), Some(name), 0) = (recorder.as_mut(), name, result) {
        one.open.retain(|_, open| *open != name);
        one.note(&name, Deed::Unlink);
    }
    result
}

/// # Safety
/// As of `rename(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let here = libc::AT_FDCWD;
    // SAFETY: the arguments are the program's own.
    let make = || unsafe {
        libc::syscall(libc::SYS_renameat2, here, from, here, to, 0 as c_uint) as c_int
    };
    let mut recorder = recorder();
    // SAFETY: as promised by the caller.
    let paths = unsafe { full(from).zip(full(to)) };
    let names = recorder.as_ref().zip(paths);
    let names = names.and_then(|(one, (from, to))| one.name(&from).zip(one.name(&to)));
    let result = make();
    if let (Some(one), Some((from, to)), 0) = (recorder.as_mut(), names, result) {
        one.open.retain(|_, open| *open != to);
        one.open.values_mut().filter(|open| **open == from).for_each(|open| open.clone_from(&to));
        one.note(&from, Deed::Rename(to));
    }
    result
}
