//! An entity's past: its records, and its state at an earlier moment.
//!
//! Each record names the place of the one before it in the same stream, so a stream is walked back
//! from its end without an index.

use priv_domain::entity::EntityId;
use priv_domain::journal_point::PointInTime;
use priv_domain::{AnyEntity, Position};
use priv_journal::{Journal, ReadError, Record};

use crate::any_entity::{self, ApplyError};

/// Records of one stream that are held in memory at most.
const MAX_RECORDS: usize = 200_000;

/// Why a stream can't be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record is damaged.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A record is not where the next one says.
    #[error("there is no record of this {} at position {position}", entity.kind.as_str())]
    Broken {
        /// Whose.
        entity: EntityId,
        /// Where.
        position: Position,
    },
    /// Too long to replay on request.
    #[error("the stream has more than {MAX_RECORDS} records")]
    TooLong,
}

/// Walks a stream back from a record.
pub struct Backwards<'a> {
    journal: &'a dyn Journal,
    entity: &'a EntityId,
    next: Position,
}

/// The records of `entity` from the one at `head` back to the first. `head` must be durable.
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

/// The state of `entity` at a moment, and where the last record in it stands.
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
        // Times may step back with the clock; what a later record is built on is included too.
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
