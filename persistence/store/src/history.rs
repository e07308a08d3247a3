//! An entity's past: its records, and its state at an earlier moment.
//!
//! Each record names the position of the one before it in the same stream, so a stream is walked
//! back from its end without an index.

use priv_domain::entity::EntityId;
use priv_domain::journal_point::PointInTime;
use priv_domain::{AnyEntity, Position};
use priv_journal::{Journal, ReadError, Record};

use crate::any_entity::{self, ApplyError};

/// The most records of one stream that are held in memory.
const MAX_RECORDS: usize = 200_000;

/// The reason why a stream can't be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record of the stream can't be folded into the state.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A record is not at the position that the next one names.
    #[error("there is no record of this {} at position {position}", entity.kind.as_str())]
    Broken {
        /// The entity whose stream it is.
        entity: EntityId,
        /// The position that holds no record of it.
        position: Position,
    },
    /// The stream is too long to be replayed on request.
    #[error("the stream has more than {MAX_RECORDS} records")]
    TooLong,
}

/// An iterator over a stream, from a record back to the first.
pub struct Backwards<'a> {
    journal: &'a dyn Journal,
    entity: &'a EntityId,
    next: Position,
}

/// Iterates over the records of `entity`, from the one at `head` back to the first. `head` must be
/// durable.
#[must_use]
pub fn backwards<'a>(
    journal: &'a dyn Journal,
    entity: &'a EntityId,
    head: Position,
) -> Backwards<'a> {
    Backwards { journal, entity, next: head }
}

impl Iterator for Backwards<'_> {
    type Item = Result<Record, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == Position::ZERO {
            return None;
        }
        let position = std::mem::take(&mut self.next);
        match self.journal.read(position) {
            Ok(Some(record)) if record.entity == *self.entity => {
                self.next = record.previous;
                Some(Ok(record))
            }
            Ok(_) => Some(Err(HistoryError::Broken { entity: self.entity.clone(), position })),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// The state of `entity` at a moment, and the position of the last record in it. `head` is the
/// position of the entity's last record; a moment before the first gives the state before it.
///
/// # Errors
/// See [`HistoryError`].
pub fn state_at(
    journal: &dyn Journal,
    entity: &EntityId,
    head: Position,
    moment: PointInTime,
) -> Result<(AnyEntity, Position), HistoryError> {
    let mut records = Vec::new();
    for record in backwards(journal, entity, head) {
        let record = record?;
        let included = match moment {
            PointInTime::Position(position) => record.position <= position,
            PointInTime::Time(at) => record.at <= at,
        };
        // Times may go back with the clock; a record that a later one is built on is included too.
        if included || !records.is_empty() {
            records.push(record);
        }
        if records.len() > MAX_RECORDS {
            return Err(HistoryError::TooLong);
        }
    }
    let mut state = AnyEntity::new(entity.kind);
    for record in records.iter().rev() {
        any_entity::apply(&mut state, record)?;
    }
    let position = records.first().map_or(Position::ZERO, |record| record.position);
    Ok((state, position))
}
