//! The settings of a journal in files, and the functions that it calls.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{FatalError, OpenError};
use crate::format::group::{Group, HEADER_BYTES, MARKER_BYTES, PAGE_BYTES, padded};
use crate::format::record::MAX_RECORD_BYTES;
use crate::witness::Witness;

/// A function that the sequencer's thread calls with each durable group, in order, after it has
/// woken those who waited for the group. While it runs no group is written; if it panics the
/// journal stops.
pub type Tap = Box<dyn FnMut(Arc<Group>) + Send>;

/// A function that is called, once, when the journal had to stop. It must make the process stop.
pub type OnFatal = Box<dyn Fn(&FatalError) + Send + Sync>;

/// The settings of a journal in files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of a segment in bytes; a multiple of 4096, at most 1 GiB. Default: 64 MiB.
    pub segment_bytes: u64,
    /// Bytes that may wait for the disk before `append` answers
    /// [`Full`](crate::AppendError::Full). Default: 64 MiB.
    pub max_queued_bytes: usize,
    /// Largest record in bytes, with its head of 60 bytes and its entity's key; at most 1 GiB.
    /// Default: 16 MiB.
    pub max_record_bytes: usize,
    /// Bytes that a group grows to before the next is begun; a larger record makes a larger group.
    /// Default: 1 MiB.
    pub group_bytes: usize,
    /// Whether closed segments are compressed. Default: yes.
    pub archive: bool,
    /// How much of the closed segments is checked at a start. Default: all of it.
    pub verify_on_open: VerifyOnOpen,
    /// The pause before the next segment is prepared again after a failure. Default: 500 ms.
    pub retry: Duration,
    /// Positions that were durable once: a journal without them is not opened. Default: none.
    pub witnesses: Vec<Witness>,
}

/// How much of the closed segments is checked at a start. The last segment is always checked in
/// full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyOnOpen {
    /// Every byte, so that a flipped one is found.
    #[default]
    Full,
    /// Headers and footers only: that no segment is missing.
    Ends,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_queued_bytes: 64 << 20,
            max_record_bytes: 16 << 20,
            group_bytes: 1 << 20,
            archive: true,
            verify_on_open: VerifyOnOpen::Full,
            retry: Duration::from_millis(500),
            witnesses: Vec::new(),
        }
    }
}

impl Options {
    /// Bytes that a segment has for groups.
    pub(crate) const fn room_of_segment(&self) -> u64 {
        self.segment_bytes - PAGE_BYTES as u64
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let page = PAGE_BYTES as u64;
        let wrong = if !self.segment_bytes.is_multiple_of(page) || self.segment_bytes > 1 << 30 {
            "segment_bytes must be a multiple of 4096, and at most 1 GiB"
        } else if self.max_record_bytes > MAX_RECORD_BYTES {
            "max_record_bytes must be at most 1 GiB"
        } else if self.segment_bytes
            < page + padded(HEADER_BYTES + self.max_record_bytes + MARKER_BYTES) as u64
        {
            "a record of max_record_bytes must fit into a segment"
        } else if self.max_record_bytes > self.max_queued_bytes {
            "a record of max_record_bytes must fit into max_queued_bytes"
        } else {
            return Ok(());
        };
        Err(OpenError::Options(wrong))
    }
}
