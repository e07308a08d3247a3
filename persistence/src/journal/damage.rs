//! What can be wrong with the bytes, and where.

use std::path::PathBuf;

use priv_domain::Position;

/// Bytes that were durable once are not what was written. Nothing is repaired by guessing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file}, byte {offset}, at position {position}: {damage}. The journal is the truth, so it is \
     not started from a damaged one: restore the folder from a backup (`privd restore`), or see \
     with `privd verify` what is whole",
    file = file.display()
)]
pub struct Corruption {
    /// The segment.
    pub file: PathBuf,
    /// Where in the file. In an archived segment: where in its decompressed content, if what is
    /// damaged could be decompressed.
    pub offset: u64,
    /// The position that was expected there.
    pub position: Position,
    /// What is wrong.
    pub damage: Damage,
}

/// What is wrong with some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not the header of a segment, or not of this one.
    #[error("the segment's header is damaged")]
    SegmentHeader,
    /// Written by a later release.
    #[error("the segment has format version {0}, which this release does not know")]
    Version(u16),
    /// A segment that must be there is not.
    #[error("the segment that holds this position is missing")]
    Missing,
    /// The segment starts from another hash than the one before it ends with.
    #[error("the segment does not follow from the one before it")]
    Unchained,
    /// Good groups follow, but where one must begin none does.
    #[error("the header of a group is damaged")]
    GroupHeader,
    /// A record's checksum is wrong.
    #[error("a record is damaged")]
    Record,
    /// The end of a group is damaged.
    #[error("the marker that ends a group is damaged")]
    Marker,
    /// Whole, but not where it belongs.
    #[error("a record has another position than the one that must come next")]
    Order,
    /// All checksums are right, the hash is not: someone changed it on purpose.
    #[error("the group's hash is not that of its records")]
    Chain,
    /// Bytes that must be zero are not.
    #[error("bytes between or after groups are not zero")]
    NotZero,
    /// The index of an archived segment.
    #[error("the archive's index is damaged")]
    ArchiveIndex,
    /// A frame of an archived segment.
    #[error("a frame of the archive is damaged")]
    ArchiveFrame,
}

/// Damage at a place of a segment; the caller knows which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: u64,
    pub(super) position: u64,
    pub(super) damage: Damage,
}

impl Fault {
    pub(super) fn in_file(self, file: PathBuf) -> Corruption {
        Corruption {
            file,
            offset: self.offset,
            position: Position::new(self.position),
            damage: self.damage,
        }
    }
}
