//! Content that nobody refers to: it is noted when it is first seen, and erased a week later.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use futures_util::stream::TryStreamExt;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::store::BlobStore;
use crate::tasks::blocking;

/// The file of the notes, in the folder in which uploads are staged.
const NOTES: &str = "orphans";
/// Seconds for which an orphan stays: time to notice that the wrong journal was asked.
const STAYS_SECS: u64 = 7 * 24 * 60 * 60;
/// More orphans than this are erased only if they are at most half of all content. Crashes leave a
/// few.
const FEW: usize = 100;

/// The result of looking for orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    /// Some contents were erased, and some have to wait until their week is over.
    Collected {
        /// The number of contents that were erased.
        erased: usize,
        /// The number of orphans that stay for now.
        waiting: usize,
    },
    /// So many contents seem to be orphans that the journal must be the wrong one: nothing was
    /// touched.
    TooMany {
        /// The number of contents that nobody refers to.
        orphans: usize,
        /// The number of all contents.
        contents: usize,
    },
}

impl BlobStore {
    /// Looks for content that nobody refers to, and erases what it has seen so for a week. To be
    /// called at a start, for a store that was ours before ([`Claim::Ours`](crate::Claim::Ours)),
    /// once it is known what the journal's entries refer to; if in doubt, `is_referenced` must
    /// answer yes. `now_secs` is the time since 1970, in seconds.
    ///
    /// # Errors
    /// The disk or the object store failed. Everything erased until then was an orphan.
    pub async fn collect_orphans<F: Future<Output = bool>>(
        &self,
        now_secs: u64,
        is_referenced: impl Fn(ContentHash) -> F,
    ) -> Result<Orphans, BlobError> {
        let (mut contents, mut orphans) = (0, Vec::new());
        let mut stored = self.list();
        while let Some(hash) = stored.try_next().await? {
            contents += 1;
            let _lock = self.lock(hash).await;
            if !is_referenced(hash).await {
                orphans.push(hash);
            }
        }
        if orphans.len() > FEW && orphans.len() > contents / 2 {
            return Ok(Orphans::TooMany { orphans: orphans.len(), contents });
        }
        let folder = self.folder.clone();
        let noted = blocking(move || read(&folder)).await?;
        let (mut erased, mut waiting) = (0, Vec::new());
        for hash in orphans {
            // A note from the future was made by a clock that was wrong.
            let since = noted.get(&hash).map_or(now_secs, |since| now_secs.min(*since));
            if now_secs - since < STAYS_SECS {
                waiting.push((hash, since));
                continue;
            }
            let lock = self.lock(hash).await;
            if !is_referenced(hash).await {
                self.erase(&lock).await?;
                erased += 1;
            }
        }
        let (folder, count) = (self.folder.clone(), waiting.len());
        if count > 0 || !noted.is_empty() {
            blocking(move || write(&folder, &waiting)).await?;
        }
        Ok(Orphans::Collected { erased, waiting: count })
    }
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join(NOTES)
}

/// Reads since when each orphan is known. What can't be read is left out: its week begins again.
fn read(folder: &Path) -> io::Result<HashMap<ContentHash, u64>> {
    let text = match fs::read(path_in(folder)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let note = |line: &str| {
        let (cid, since) = line.split_once(' ')?;
        Some((ContentHash::from_cid(cid)?, since.parse().ok()?))
    };
    Ok(text.lines().filter_map(note).collect())
}

/// Writes the notes, as a whole or not at all.
fn write(folder: &Path, orphans: &[(ContentHash, u64)]) -> io::Result<()> {
    let mut text = String::new();
    for (hash, since) in orphans {
        writeln!(text, "{} {since}", hash.cid()).map_err(io::Error::other)?;
    }
    let unfinished = folder.join("orphans.unfinished");
    fs::write(&unfinished, text)?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, path_in(folder))?;
    File::open(folder)?.sync_all()
}
