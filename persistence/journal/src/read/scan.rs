//! Reading records in order, with one piece of a segment in memory at a time.

use std::sync::Arc;

use crate::damage::{Damage, Fault};
use crate::error::ReadError;
use crate::format::index::Cursor;
use crate::format::record::{Record, RecordView};
use crate::read::catalog::{Catalog, Opened};

/// Bytes to read at once.
const PIECE_BYTES: u64 = 256 << 10;

/// Reads from one position up to another.
pub(crate) struct Scan<'j> {
    catalog: &'j Catalog,
    next: u64,
    last: u64,
    piece: Vec<u8>,
    place: Option<(Arc<Opened>, Cursor)>,
}

impl<'j> Scan<'j> {
    pub(crate) fn new(catalog: &'j Catalog, from: u64, last: u64) -> Self {
        Self { catalog, next: from.max(1), last, piece: Vec::new(), place: None }
    }

    /// Hands the next record to `with`; `None` after the last.
    pub(crate) fn next_with<T>(
        &mut self,
        with: impl FnOnce(&RecordView<'_>) -> T,
    ) -> Option<Result<T, ReadError>> {
        if self.next > self.last {
            return None;
        }
        let position = self.next;
        let found = self.find(position).map(|view| with(&view));
        self.next = if found.is_ok() { position + 1 } else { u64::MAX };
        Some(found)
    }

    fn find(&mut self, position: u64) -> Result<RecordView<'_>, ReadError> {
        if !self.piece_goes_on() {
            let segment = self.catalog.segment_of(position)?;
            let cursor = segment.piece(position, PIECE_BYTES, &mut self.piece)?;
            self.place = Some((segment, cursor));
        }
        let (segment, cursor) = self.place.as_mut().expect("there is a piece");
        match cursor.find(&self.piece, position) {
            Ok(Some(view)) => Ok(view),
            Ok(None) => {
                Err(segment.corrupt(Fault { offset: 0, position, damage: Damage::Missing }))
            }
            Err(fault) => Err(segment.corrupt(fault)),
        }
    }

    /// Whether the piece in memory has another record.
    fn piece_goes_on(&mut self) -> bool {
        self.place.as_mut().is_some_and(|(_, cursor)| cursor.goes_on(&self.piece))
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with(|view| view.to_record())
    }
}
