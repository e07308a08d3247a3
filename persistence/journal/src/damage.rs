//! Damage: what is wrong with some bytes of a journal, and where.

use std::path::PathBuf;

use priv_domain::Position;

/// Bytes that were durable once are not those that were written. Nothing is repaired by guessing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file}, byte {offset}, at position {position}: {damage}. The journal is the truth, so it is \
     not started from a damaged one: restore the folder from a backup (`privd restore`), or see \
     with `privd verify` what is whole",
    file = file.display()
)]
pub struct Corruption {
    /// The file of the damaged segment.
    pub file: PathBuf,
    /// The offset in the file. In an archived segment, the offset in its decompressed content, if
    /// the damaged part could be decompressed.
    pub offset: u64,
    /// The position that was expected there.
    pub position: Position,
    /// The kind of damage.
    pub damage: Damage,
}

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The first page is not the header of a segment, or not of this one.
    #[error("the segment's header is damaged")]
    SegmentHeader,
    /// The segment was written by a later release.
    #[error("the segment has format version {0}, which this release does not know")]
    Version(u16),
    /// A segment that must be there is missing.
    #[error("the segment that holds this position is missing")]
    Missing,
    /// The segment starts from another hash than the one before it ends with.
    #[error("the segment does not follow from the one before it")]
    Unchained,
    /// No group begins where one must, though good groups follow.
    #[error("the header of a group is damaged")]
    GroupHeader,
    /// A record's checksum is wrong.
    #[error("a record is damaged")]
    Record,
    /// The end of a group is damaged.
    #[error("the marker that ends a group is damaged")]
    Marker,
    /// A record is whole, but not where it belongs.
    #[error("a record has another position than the one that must come next")]
    Order,
    /// All checksums are right but the hash is not: the group was changed on purpose.
    #[error("the group's hash is not that of its records")]
    Chain,
    /// Bytes that must be zero are not.
    #[error("bytes between or after groups are not zero")]
    NotZero,
    /// The index of an archived segment is damaged.
    #[error("the archive's index is damaged")]
    ArchiveIndex,
    /// A frame of an archived segment is damaged.
    #[error("a frame of the archive is damaged")]
    ArchiveFrame,
}

/// Damage at an offset of a segment; the caller knows the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) position: u64,
    pub(crate) damage: Damage,
}

impl Fault {
    pub(crate) fn in_file(self, file: PathBuf) -> Corruption {
        Corruption {
            file,
            offset: self.offset,
            position: Position::new(self.position),
            damage: self.damage,
        }
    }
}
