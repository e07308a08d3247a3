//! A group: the records that one sync makes durable, all of them or none.
//!
//! ```text
//! header      0  magic u32      "PJg\xF1"
//!             4  length u32     from the magic to the end of the marker
//!             8  first u64      position of the first record
//!            16  seal u64       authentic only with the hash that the segment starts from
//!            24  count u32      records
//!            28  crc32c u32     of the 28 bytes before it
//! records    32  …
//! marker      0  magic u32      "PJm\xF2"
//!             4  count u32
//!             8  last u64       position of the last record
//!            16  hash [32]      the chain up to here
//!            48  crc32c u32     of the 48 bytes before it
//! zeros up to the next page
//! ```
//! A group begins on a page of its own, so a page that holds acknowledged records is never written
//! again (except once, with the same bytes, at a start).

use priv_domain::Position;

use crate::format::bytes::{u32_at, u64_at};
use crate::format::chain::{ChainHash, Chainer, seal_of};
use crate::format::record::{Raw, RecordView, stamp};

pub(crate) const PAGE_BYTES: usize = 4096;
pub(crate) const HEADER_BYTES: usize = 32;
pub(crate) const MARKER_BYTES: usize = 52;
pub(crate) const GROUP_MAGIC: u32 = u32::from_le_bytes(*b"PJg\xF1");
pub(crate) const MARKER_MAGIC: u32 = u32::from_le_bytes(*b"PJm\xF2");

/// The number of bytes, rounded up to whole pages.
pub(crate) const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE_BYTES)
}

/// The fields of a group's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) first: u64,
    pub(crate) count: u32,
}

impl Head {
    /// Reads a header; `None` if the bytes are not one, or not one of the segment that starts from
    /// `start`.
    pub(crate) fn authentic(bytes: &[u8], start: &ChainHash) -> Option<Self> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        if u32_at(bytes, 0)? != GROUP_MAGIC || u32_at(bytes, 28)? != crc32c::crc32c(&bytes[..28]) {
            return None;
        }
        let head = Self {
            length: u32_at(bytes, 4)? as usize,
            first: u64_at(bytes, 8)?,
            count: u32_at(bytes, 24)?,
        };
        let possible = head.length >= HEADER_BYTES + MARKER_BYTES && head.count > 0;
        (possible && u64_at(bytes, 16)? == seal_of(start, head.first)).then_some(head)
    }

    pub(crate) fn padded(&self) -> usize {
        padded(self.length)
    }

    fn encode(&self, start: &ChainHash) -> [u8; HEADER_BYTES] {
        let length = u32::try_from(self.length).expect("a group fits into a segment");
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&GROUP_MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        bytes[16..24].copy_from_slice(&seal_of(start, self.first).to_le_bytes());
        bytes[24..28].copy_from_slice(&self.count.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// The fields of a group's marker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    pub(crate) count: u32,
    pub(crate) last: u64,
    pub(crate) hash: ChainHash,
}

impl Marker {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..MARKER_BYTES)?;
        if u32_at(bytes, 0)? != MARKER_MAGIC || u32_at(bytes, 48)? != crc32c::crc32c(&bytes[..48]) {
            return None;
        }
        Some(Self {
            count: u32_at(bytes, 4)?,
            last: u64_at(bytes, 8)?,
            hash: ChainHash::new(bytes[16..48].try_into().ok()?),
        })
    }

    fn encode(&self) -> [u8; MARKER_BYTES] {
        let mut bytes = [0; MARKER_BYTES];
        bytes[0..4].copy_from_slice(&MARKER_MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.last.to_le_bytes());
        bytes[16..48].copy_from_slice(self.hash.as_bytes());
        let crc = crc32c::crc32c(&bytes[..48]);
        bytes[48..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// A durable group, as the tap gets it.
#[derive(Debug)]
pub struct Group {
    pub(crate) bytes: Vec<u8>,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) hash: ChainHash,
}

impl Group {
    /// The position of its first record.
    #[must_use]
    pub const fn first(&self) -> Position {
        Position::new(self.first)
    }

    /// The position of its last record.
    #[must_use]
    pub const fn last(&self) -> Position {
        Position::new(self.first + self.count as u64 - 1)
    }

    /// The number of its records; at least one.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The chain's hash at its end.
    #[must_use]
    pub const fn hash(&self) -> ChainHash {
        self.hash
    }

    /// Its records, in order, borrowed from its bytes.
    pub fn records(&self) -> impl Iterator<Item = RecordView<'_>> {
        let mut rest = &self.bytes[HEADER_BYTES..];
        (0..self.count).map(move |_| {
            let raw = Raw::at_start(rest).expect("this process wrote the record");
            rest = &rest[raw.len()..];
            raw.view().expect("this process wrote the record")
        })
    }
}

/// Completes a group whose records lie in `bytes`, after the room for its header: adds checksums,
/// chain, marker, header, and zeros up to the page. Calls `each` with the position and the offset
/// of each record, and returns the chain's hash.
pub(crate) fn seal(
    bytes: &mut Vec<u8>,
    (first, count): (u64, u32),
    (start, previous): (&ChainHash, &ChainHash),
    chainer: &mut Chainer,
    mut each: impl FnMut(u64, usize),
) -> ChainHash {
    chainer.begin(previous);
    let mut at = HEADER_BYTES;
    for position in first..first + u64::from(count) {
        each(position, at);
        let length = u32_at(bytes, at).expect("the record was encoded here") as usize;
        stamp(&mut bytes[at..at + length]);
        let raw = Raw::at_start(&bytes[at..]).expect("the record was encoded here");
        chainer.record(raw.chained(), raw.personal_hash().as_ref());
        at += length;
    }
    let last = first + u64::from(count) - 1;
    let hash = chainer.end(count, last);
    bytes.extend_from_slice(&Marker { count, last, hash }.encode());
    let head = Head { length: bytes.len(), first, count };
    bytes[..HEADER_BYTES].copy_from_slice(&head.encode(start));
    bytes.resize(head.padded(), 0);
    hash
}
