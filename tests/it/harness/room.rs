//! A small disk of its own for a database, which can be filled and emptied.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system in memory; it goes with this value.
pub struct Room {
    folder: TempDir,
}

impl Room {
    /// One of so many megabytes; where this machine gives none, says so.
    pub fn of(megabytes: usize) -> Option<Room> {
        let folder = tempfile::Builder::new().prefix("roundtable-test-room-").tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Room { folder });
        }
        let _ = writeln!(std::io::stderr(), "\n*** NOT RUN: a small disk cannot be mounted; run the tests as root.");
        None
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it to the user that this process runs as.
    pub fn give_to(&self, process: u32) {
        use std::os::unix::fs::MetadataExt;
        let owner = fs::metadata(format!("/proc/{process}")).unwrap();
        chown(self.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes what is left but for so many bytes.
    pub fn fill(&self, but: u64) {
        let mut file = File::create(self.filler()).unwrap();
        for size in [1 << 20, 4096, 1] {
            let piece = vec![b'x'; size];
            while file.write_all(&piece).is_ok() {}
        }
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(but)).unwrap();
    }

    /// Gives it back.
    pub fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Lazily: whoever still holds a file of it ends with the test.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
