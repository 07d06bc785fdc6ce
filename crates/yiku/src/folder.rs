//! The data folder and its lock: one hub, or one command, at a time.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};

/// The lock on a data folder, held as long as this value lives. The kernel frees it with the
/// process, however that ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock, making the folder when there is none; `None` when another process has it.
    pub fn take(folder: &Path) -> anyhow::Result<Option<Self>> {
        make_private(folder)?;
        let path = folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                bail!("cannot lock `{}`: {error}", path.display())
            }
        }
    }
}

/// Notes in an embedded hub's data folder that it was exported: two that go on from one state would
/// each tell another story.
pub fn mark_as_moved(data: &Path) -> anyhow::Result<()> {
    let path = data.join(MOVED);
    let written = fs::write(&path, b"").and_then(|()| File::open(&path)?.sync_all());
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// An error when the data folder was exported.
pub fn check_not_moved(data: &Path) -> anyhow::Result<()> {
    let path = data.join(MOVED);
    ensure!(
        !path.exists(),
        "this data folder was exported, and its hub goes on where it was imported; only if it was \
         never started there, remove `{0}` to go on here\n\
         此数据目录已导出，请在导入处继续运行；仅当导入处从未启动过时，方可删除 `{0}` 在此继续",
        path.display()
    );
    Ok(())
}

/// Copies the files of one folder into another, which only the hub's own user may look into.
/// Files that are there already must be the same.
pub fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    make_private(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot read `{}`", from.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            copy_file(&path, to)?;
        }
    }
    Ok(())
}

/// Copies one file into a folder. If it is there already it must be the same.
pub fn copy_file(path: &Path, to: &Path) -> anyhow::Result<()> {
    let name = path.file_name().context("a file has a name")?;
    let target = to.join(name);
    let shown = target.display();
    let content = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if let Ok(there) = fs::read(&target) {
        ensure!(
            there == content,
            "`{shown}` is there and is another one; name a data folder without it\n\
             `{shown}` 已存在且内容不同，请另指定数据目录"
        );
        return Ok(());
    }
    // Cut off half way it must not look like another file the next time.
    let mut unfinished = name.to_owned();
    unfinished.push(".new");
    let unfinished = to.join(unfinished);
    let copied = fs::copy(path, &unfinished)
        .and_then(|_| File::open(&unfinished)?.sync_all())
        .and_then(|()| fs::rename(&unfinished, &target))
        .and_then(|()| File::open(to)?.sync_all());
    copied.with_context(|| format!("cannot write `{shown}`"))
}

const MOVED: &str = "moved";

/// Lets nobody but the hub's own user look into a folder that is there.
pub fn close_to_others(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot set the permissions of `{}`", folder.display()))
}

/// Makes a folder that only the hub's own user may look into, unless it is there already.
pub fn make_private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))
}

/// Where a running hub listens for commands of its own machine.
///
/// A Unix socket's path may be 107 bytes long at most, so a deep folder's socket stands in the
/// system's temporary folder under a digest of the folder's path.
pub fn socket_path(folder: &Path) -> PathBuf {
    use sha2::{Digest, Sha256};
    let path = folder.join("hub.sock");
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        return path;
    }
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    std::env::temp_dir().join(format!("yiku-{name}.sock"))
}

const SOCKET_PATH_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap().expect("free");
        assert!(FolderLock::take(folder.path()).unwrap().is_none());
        drop(first);
        assert!(FolderLock::take(folder.path()).unwrap().is_some());
    }

    #[test]
    fn nobody_else_looks_into_a_new_folder() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let _lock = FolderLock::take(&folder).unwrap();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_deep_folder_has_a_short_socket() {
        let deep = PathBuf::from("/").join("x".repeat(200));
        assert!(socket_path(&deep).as_os_str().len() < SOCKET_PATH_MAX);
        assert_eq!(socket_path(Path::new("/d")), Path::new("/d/hub.sock"));
    }
}
