//! The place in the journal's chain that was on disk at the last checkpoint, in a file of its own.
//!
//! It tells at a start whether the journal has lost its end, or is another one. It lies beside
//! sled's folder, because that is removed when the machine went down while it was open: just then
//! the disk may have lost records.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use priv_domain::Position;
use priv_journal::{ChainHash, ChainPoint};

use crate::error::StoreError;

/// The file's name in the data directory.
pub const CHECKPOINT: &str = "state.checkpoint";

/// Reads the file of a data directory; `None` if there is none.
///
/// # Errors
/// It can't be read, or its content is not what was written there: it is never torn.
pub(crate) fn read(data_dir: &Path) -> Result<Option<ChainPoint>, StoreError> {
    let path = data_dir.join(CHECKPOINT);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map(Some).ok_or(StoreError::DamagedCheckpoint { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(StoreError::DamagedCheckpoint { path })
        }
        Err(source) => Err(StoreError::Io { path, source }),
    }
}

/// Writes the file, durably, as a whole or not at all.
pub(crate) fn write(data_dir: &Path, point: &ChainPoint) -> Result<(), StoreError> {
    let path = data_dir.join(CHECKPOINT);
    let unfinished: PathBuf = data_dir.join("state.checkpoint.unfinished");
    let write = || {
        fs::write(&unfinished, format!("{} {}\n", point.position.get(), point.hash))?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(data_dir)?.sync_all()
    };
    write().map_err(|source| StoreError::Io { path: path.clone(), source })
}

fn parse(text: &str) -> Option<ChainPoint> {
    let (position, hash) = text.strip_suffix('\n')?.split_once(' ')?;
    if hash.len() != 64 || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&hash[at..at + 2], 16).ok()?;
    }
    Some(ChainPoint {
        position: Position::new(position.parse().ok()?),
        hash: ChainHash::new(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_written_or_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert_eq!(read(dir.path()).expect("there is none"), None);
        let point = ChainPoint { position: Position::new(7), hash: ChainHash::new([0xA5; 32]) };
        write(dir.path(), &point).expect("it can be written");
        assert_eq!(read(dir.path()).expect("it can be read"), Some(point));
        let path = dir.path().join(CHECKPOINT);
        let text = fs::read_to_string(&path).expect("it is there");
        assert_eq!(text, format!("7 {}\n", "a5".repeat(32)));
        for bad in ["", "7\n", &text[..text.len() - 1], "x a5\n", &text.replace("a5a5", "a5+5")] {
            fs::write(&path, bad).expect("it can be written");
            let refused = read(dir.path()).expect_err("it is damaged");
            assert!(matches!(refused, StoreError::DamagedCheckpoint { .. }), "{bad:?}: {refused}");
        }
    }
}
