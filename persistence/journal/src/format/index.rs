//! The index of a segment: the offsets of some of its records, few enough to stay small and close
//! enough that little is read to find a record between them.

use crate::damage::{Damage, Fault};
use crate::error::ReadError;
use crate::format::bytes::{as_index, u32_at};
use crate::format::chain::ChainHash;
use crate::format::group::{GROUP_MAGIC, HEADER_BYTES, Head, MARKER_BYTES, MARKER_MAGIC, padded};
use crate::format::image::Image;
use crate::format::record::{Raw, RecordView};

/// The least distance of two entries, in bytes: a segment of 64 MiB has at most 2,048 entries,
/// which take 32 KiB.
const SPACING_BYTES: u64 = 32 << 10;

/// The offsets of some records of a segment, in order.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<(u64, u64)>,
    end: u64,
}

impl Index {
    /// Adds a record if the last entry is far enough behind it.
    pub(crate) fn note(&mut self, position: u64, offset: u64) {
        if self.entries.last().is_none_or(|(_, last)| offset >= last + SPACING_BYTES) {
            self.entries.push((position, offset));
        }
    }

    /// Sets the offset at which the last group ends.
    pub(crate) fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    /// The start and end of the piece that holds a position: from a record at or before it to a
    /// record after it, or to the end; at least `want` bytes if there are so many.
    pub(crate) fn piece(&self, position: u64, want: u64) -> Option<(u64, u64)> {
        let after = self.entries.partition_point(|(first, _)| *first <= position);
        let (_, start) = *self.entries.get(after.checked_sub(1)?)?;
        let far = self.entries[after..].iter().find(|(_, offset)| *offset >= start + want);
        Some((start, far.map_or(self.end, |(_, offset)| *offset)))
    }

    /// Builds the index again from the headers of groups and records, without checking their
    /// content: a record is checked when it is read.
    pub(crate) fn build(image: &mut dyn Image, start: &ChainHash) -> Result<Self, ReadError> {
        let mut index = Self::default();
        let mut offset = segment_start();
        while let Some(head) = Head::authentic(image.get(offset, HEADER_BYTES)?, start) {
            let bytes = image.get(offset, head.padded())?;
            let mut at = HEADER_BYTES;
            for position in head.first..head.first + u64::from(head.count) {
                let Some(raw) = bytes.get(at..).and_then(Raw::at_start) else { break };
                index.note(position, offset + at as u64);
                at += raw.len();
            }
            offset += head.padded() as u64;
        }
        index.set_end(offset);
        Ok(index)
    }
}

/// Offset of the first group of a segment.
pub(crate) const fn segment_start() -> u64 {
    crate::format::group::PAGE_BYTES as u64
}

/// Walks from record to record over a piece of a segment, across the bounds of groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// The offset, in the segment, of the first byte of the piece.
    base: u64,
    at: usize,
}

impl Cursor {
    /// At the start of a piece that begins with a record, a group, or the segment itself.
    pub(crate) const fn new(base: u64) -> Self {
        Self { base, at: if base == 0 { crate::format::group::PAGE_BYTES } else { 0 } }
    }

    /// Moves past the ends and starts of groups; false at the end of the piece.
    pub(crate) fn goes_on(&mut self, piece: &[u8]) -> bool {
        loop {
            match u32_at(piece, self.at) {
                None | Some(0) => return false,
                Some(MARKER_MAGIC) => {
                    let end = self.offset() + MARKER_BYTES as u64;
                    self.at = padded(as_index(end)) - as_index(self.base);
                }
                Some(GROUP_MAGIC) => self.at += HEADER_BYTES,
                Some(_) => return true,
            }
        }
    }

    /// The next record, unchecked but for its bounds; `None` at the end of the piece.
    fn next<'a>(&mut self, piece: &'a [u8]) -> Result<Option<Raw<'a>>, u64> {
        if !self.goes_on(piece) {
            return Ok(None);
        }
        let raw = Raw::at_start(&piece[self.at..]).ok_or_else(|| self.offset())?;
        self.at += raw.len();
        Ok(Some(raw))
    }

    /// The cursor's offset in the segment.
    const fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Finds the record at `wanted`, passing over those before it, and checks it in full. `None` at
    /// the end of the piece.
    pub(crate) fn find<'a>(
        &mut self,
        piece: &'a [u8],
        wanted: u64,
    ) -> Result<Option<RecordView<'a>>, Fault> {
        let fault = |offset, damage| Fault { offset, position: wanted, damage };
        loop {
            let raw = match self.next(piece) {
                Ok(Some(raw)) => raw,
                Ok(None) => return Ok(None),
                Err(offset) => return Err(fault(offset, Damage::Record)),
            };
            if raw.position() < wanted {
                continue;
            }
            let offset = self.offset() - raw.len() as u64;
            let view = raw.view().filter(|_| raw.has_good_checksum());
            return match view {
                None => Err(fault(offset, Damage::Record)),
                Some(_) if raw.position() > wanted => Err(fault(offset, Damage::Order)),
                Some(view) => Ok(Some(view)),
            };
        }
    }
}
