//! The format of a compressed segment: independent zstd frames, each with whole groups, and an
//! index, so that reading one record decompresses one frame.
//!
//! ```text
//! frames      the segment as it was written, up to the end of its last group, in pieces of
//!             about 256 KiB; the first begins with the segment's header
//! skippable    0  magic u32       0x184D2A5E, which zstd passes over: `zstd -d` gives the segment
//!              4  length u32      of what follows
//! index       32 bytes a frame:
//!              0  first u64       position of the first record
//!              8  raw u64         offset in the segment
//!             16  offset u64      offset in this file
//!             24  length u32      in this file
//!             28  crc32c u32      of those bytes
//! tail         0  first u64       position of the segment's first record
//!              8  last u64        position of its last record
//!             16  end u64         offset in the segment at which its last group ends
//!             24  start [32]      the chain at its start
//!             56  hash [32]       the chain at its end
//!             88  frames u32
//!             92  version u32     1
//!             96  crc32c u32      of the index and the 96 bytes before this
//!            100  magic u32       "PJx\xF3"
//! ```
//! Every byte of the file is under some check: the frames by their checksums in the index, the
//! skippable frame's head by its value, the rest by the tail's.

pub(crate) mod image;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use priv_domain::Position;

use crate::damage::{Corruption, Damage, Fault};
use crate::disk::DiskFile;
use crate::error::ReadError;
use crate::format::bytes::{as_index, u32_at, u64_at};
use crate::format::chain::ChainHash;

/// Bytes that a frame holds before compression: at least this many, except for the last.
pub(crate) const FRAME_BYTES: usize = 256 << 10;
const SKIPPABLE: u32 = 0x184D_2A5E;
const MAGIC: u32 = u32::from_le_bytes(*b"PJx\xF3");
const VERSION: u32 = 1;
const ENTRY_BYTES: usize = 32;
const TAIL_BYTES: usize = 104;
/// zstd's level: a third of the processor time of the usual level 3, for archives a few percent
/// larger.
const LEVEL: i32 = 1;

/// One frame of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) first: u64,
    pub(crate) raw: u64,
    offset: u64,
    length: u32,
    crc: u32,
}

/// The fields of the tail, about the whole segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) end: u64,
    pub(crate) start: ChainHash,
    pub(crate) hash: ChainHash,
}

/// An archived segment whose index is in memory.
pub(crate) struct Archive {
    file: Arc<dyn DiskFile>,
    frames: Vec<Frame>,
    summary: Summary,
}

impl Archive {
    /// Reads and checks the index.
    pub(crate) fn open(
        file: Arc<dyn DiskFile>,
        path: &Path,
        first: u64,
    ) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { file: path.into(), source };
        let size = file.size().map_err(io)?;
        let damaged = |offset| {
            let fault = Fault { offset, position: first, damage: Damage::ArchiveIndex };
            ReadError::Corrupt(fault.in_file(path.into()))
        };
        let tail_start = size.checked_sub(TAIL_BYTES as u64).ok_or_else(|| damaged(0))?;
        let mut tail = [0; TAIL_BYTES];
        file.read_exact_at(&mut tail, tail_start).map_err(io)?;
        let count = u32_at(&tail, 88).unwrap_or_default() as usize;
        let whole = u32_at(&tail, 100) == Some(MAGIC) && u32_at(&tail, 92) == Some(VERSION);
        let length = 8 + count * ENTRY_BYTES + TAIL_BYTES;
        let start = size.checked_sub(length as u64).filter(|_| whole && count > 0);
        let start = start.ok_or_else(|| damaged(tail_start))?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, start).map_err(io)?;
        let (frames, summary) = decode_index(&bytes, count, start).ok_or_else(|| damaged(start))?;
        if summary.first != first {
            return Err(damaged(tail_start));
        }
        Ok(Self { file, frames, summary })
    }

    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The frame that holds an offset of the segment; `None` past the end.
    pub(crate) fn frame_at(&self, raw: u64) -> Option<usize> {
        if raw >= self.summary.end {
            return None;
        }
        self.frames.partition_point(|frame| frame.raw <= raw).checked_sub(1)
    }

    /// The frame that holds a position; `None` outside of the segment.
    pub(crate) fn frame_of(&self, position: u64) -> Option<usize> {
        if position > self.summary.last {
            return None;
        }
        self.frames.partition_point(|frame| frame.first <= position).checked_sub(1)
    }

    /// Decompresses a frame into `bytes`.
    pub(crate) fn load(
        &self,
        frame: usize,
        path: &Path,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let end = self.frames.get(frame + 1).map_or(self.summary.end, |next| next.raw);
        let frame = self.frames[frame];
        let mut packed = vec![0; frame.length as usize];
        self.file
            .read_exact_at(&mut packed, frame.offset)
            .map_err(|source| ReadError::Io { file: path.into(), source })?;
        let expected = as_index(end - frame.raw);
        bytes.clear();
        bytes.reserve(expected);
        let good = crc32c::crc32c(&packed) == frame.crc
            && zstd::bulk::Decompressor::new()
                .and_then(|mut zstd| zstd.decompress_to_buffer(&packed, bytes))
                .is_ok_and(|length| length == expected);
        if good {
            return Ok(());
        }
        Err(ReadError::Corrupt(Corruption {
            file: PathBuf::from(path),
            offset: frame.offset,
            position: Position::new(frame.first),
            damage: Damage::ArchiveFrame,
        }))
    }
}

fn decode_index(bytes: &[u8], count: usize, start: u64) -> Option<(Vec<Frame>, Summary)> {
    let (head, checked) = bytes.split_at(8);
    if u32_at(head, 0)? != SKIPPABLE || u32_at(head, 4)? as usize != checked.len() {
        return None;
    }
    let crc_at = checked.len() - 8;
    if u32_at(checked, crc_at)? != crc32c::crc32c(&checked[..crc_at]) {
        return None;
    }
    let (entries, tail) = checked.split_at(count * ENTRY_BYTES);
    let summary = Summary {
        first: u64_at(tail, 0)?,
        last: u64_at(tail, 8)?,
        end: u64_at(tail, 16)?,
        start: ChainHash::new(tail[24..56].try_into().ok()?),
        hash: ChainHash::new(tail[56..88].try_into().ok()?),
    };
    let mut frames = Vec::with_capacity(count);
    let (mut offset, mut raw) = (0, 0);
    for entry in entries.chunks_exact(ENTRY_BYTES) {
        let frame = Frame {
            first: u64_at(entry, 0)?,
            raw: u64_at(entry, 8)?,
            offset: u64_at(entry, 16)?,
            length: u32_at(entry, 24)?,
            crc: u32_at(entry, 28)?,
        };
        // Frames follow each other without a gap in which unchecked bytes could lie.
        let in_order = frames.is_empty() == (frame.raw == 0) && frame.raw >= raw;
        if frame.offset != offset || !in_order {
            return None;
        }
        (offset, raw) = (offset + u64::from(frame.length), frame.raw);
        frames.push(frame);
    }
    (offset == start && summary.end > raw).then_some((frames, summary))
}

/// Writes an archive from front to back.
pub(crate) struct ArchiveWriter<'f> {
    file: &'f dyn DiskFile,
    zstd: zstd::bulk::Compressor<'static>,
    frames: Vec<Frame>,
    offset: u64,
    raw: u64,
}

impl<'f> ArchiveWriter<'f> {
    pub(crate) fn new(file: &'f dyn DiskFile) -> io::Result<Self> {
        let zstd = zstd::bulk::Compressor::new(LEVEL)?;
        Ok(Self { file, zstd, frames: Vec::new(), offset: 0, raw: 0 })
    }

    /// Adds a piece of the segment that ends with a whole group; `first` is the piece's first
    /// position.
    pub(crate) fn frame(&mut self, first: u64, piece: &[u8]) -> io::Result<()> {
        let packed = self.zstd.compress(piece)?;
        self.file.write_all_at(&packed, self.offset)?;
        let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
        let crc = crc32c::crc32c(&packed);
        self.frames.push(Frame { first, raw: self.raw, offset: self.offset, length, crc });
        self.offset += packed.len() as u64;
        self.raw += piece.len() as u64;
        Ok(())
    }

    /// Adds the index and returns the size of the file in bytes.
    pub(crate) fn finish(self, summary: &Summary) -> io::Result<u64> {
        let mut bytes = Vec::with_capacity(self.frames.len() * ENTRY_BYTES + TAIL_BYTES);
        for frame in &self.frames {
            bytes.extend_from_slice(&frame.first.to_le_bytes());
            bytes.extend_from_slice(&frame.raw.to_le_bytes());
            bytes.extend_from_slice(&frame.offset.to_le_bytes());
            bytes.extend_from_slice(&frame.length.to_le_bytes());
            bytes.extend_from_slice(&frame.crc.to_le_bytes());
        }
        bytes.extend_from_slice(&summary.first.to_le_bytes());
        bytes.extend_from_slice(&summary.last.to_le_bytes());
        bytes.extend_from_slice(&summary.end.to_le_bytes());
        bytes.extend_from_slice(summary.start.as_bytes());
        bytes.extend_from_slice(summary.hash.as_bytes());
        let count = u32::try_from(self.frames.len()).map_err(io::Error::other)?;
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        let mut head = SKIPPABLE.to_le_bytes().to_vec();
        head.extend_from_slice(
            &u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes(),
        );
        self.file.write_all_at(&head, self.offset)?;
        self.file.write_all_at(&bytes, self.offset + head.len() as u64)?;
        Ok(self.offset + (head.len() + bytes.len()) as u64)
    }
}
