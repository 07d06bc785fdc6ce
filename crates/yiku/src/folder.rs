//! The data folder and its lock: one hub, or one command, at a time.

use std::{
    fs::{DirBuilder, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

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
