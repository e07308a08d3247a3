//! A record, in memory and in bytes.
//!
//! ```text
//!  0  length u32    of the whole record, from here to its end
//!  4  crc32c u32    of all other bytes of the record
//!  8  personal u32  length of the personal part as stored
//! 12  state u8      0 no personal part, 1 there, 2 erased: its hash instead
//! 13  zero [3]
//! 16  position u64  from here to the end of the core, the bytes are chained as they are
//! 24  version u64
//! 32  previous u64
//! 40  at i64
//! 48  format u16
//! 50  environment u8
//! 51  kind u8
//! 52  key u16       length of the key
//! 54  personal u8   1 if it was written with a personal part
//! 55  zero
//! 56  core u32      length of the core part
//! 60  key, core part, personal part
//! ```
//! All numbers little-endian, here and in all of the journal.

use std::sync::Arc;

use priv_domain::{EntityId, Environment, Kind, Position, Timestamp, Version};

use crate::format::bytes::{u16_at, u32_at, u64_at};
use crate::format::draft::Draft;

pub(crate) const HEAD_BYTES: usize = 60;
/// Offset of the first byte that the chain covers.
const CHAINED: usize = 16;
/// The largest possible length of a record, so that no length can be taken for the magic of a
/// marker or a group, whose high bits are set.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 30;

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;
const ERASED: u8 = 2;

/// A record that was read from the journal and owns its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the journal.
    pub position: Position,
    /// The entity whose stream it belongs to.
    pub entity: EntityId,
    /// Its place in that stream.
    pub version: Version,
    /// The position of the same entity's previous record; zero if this is its first.
    pub previous: Position,
    /// The time at which its actor decided.
    pub at: Timestamp,
    /// The format of the parts, for the codec.
    pub format: u16,
    /// The part that replay needs; it is never taken out.
    pub core: Vec<u8>,
    /// The part that is about a person; it can be erased.
    pub personal: Personal,
}

/// The part of a record that is about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Personal {
    /// The record was written without one.
    Absent,
    /// The part's bytes.
    Present(Vec<u8>),
    /// The part was taken out; its BLAKE3 hash is left.
    Erased([u8; 32]),
}

/// A record that borrows its parts from the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// Its place in the journal.
    pub position: Position,
    /// The environment of its entity.
    pub environment: Environment,
    /// The kind of its entity.
    pub kind: Kind,
    /// The key of its entity.
    pub key: &'a str,
    /// Its place in its entity's stream.
    pub version: Version,
    /// The position of the same entity's previous record; zero if this is its first.
    pub previous: Position,
    /// The time at which its actor decided.
    pub at: Timestamp,
    /// The format of the parts, for the codec.
    pub format: u16,
    /// The part that replay needs.
    pub core: &'a [u8],
    /// The part that is about a person.
    pub personal: PersonalView<'a>,
}

/// The part of a record that is about a person, borrowed from the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalView<'a> {
    /// The record was written without one.
    Absent,
    /// The part's bytes.
    Present(&'a [u8]),
    /// The part was taken out; its BLAKE3 hash is left.
    Erased(&'a [u8; 32]),
}

impl RecordView<'_> {
    /// The id of its entity. Allocates the key.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        EntityId { environment: self.environment, kind: self.kind, key: Arc::from(self.key) }
    }

    /// A copy that owns its parts.
    #[must_use]
    pub fn to_record(&self) -> Record {
        Record {
            position: self.position,
            entity: self.entity(),
            version: self.version,
            previous: self.previous,
            at: self.at,
            format: self.format,
            core: self.core.to_vec(),
            personal: match self.personal {
                PersonalView::Absent => Personal::Absent,
                PersonalView::Present(bytes) => Personal::Present(bytes.to_vec()),
                PersonalView::Erased(hash) => Personal::Erased(*hash),
            },
        }
    }
}

/// The bytes that a draft takes as a record.
pub(crate) fn encoded_len(draft: &Draft<'_>) -> usize {
    HEAD_BYTES + draft.entity.key.len() + draft.core.len() + draft.personal.map_or(0, <[u8]>::len)
}

/// Appends a draft to `into`, without its checksum: the sequencer computes it, so that the queue's
/// lock is held only for the copy.
pub(crate) fn encode(into: &mut Vec<u8>, draft: &Draft<'_>, position: u64) {
    let personal = draft.personal.unwrap_or_default();
    let mut head = [0; HEAD_BYTES];
    put(&mut head, 0, &length(encoded_len(draft)));
    put(&mut head, 8, &length(personal.len()));
    head[12] = if draft.personal.is_some() { PRESENT } else { ABSENT };
    put(&mut head, 16, &position.to_le_bytes());
    put(&mut head, 24, &draft.version.get().to_le_bytes());
    put(&mut head, 32, &draft.previous.get().to_le_bytes());
    put(&mut head, 40, &draft.at.as_millis().to_le_bytes());
    put(&mut head, 48, &draft.format.to_le_bytes());
    head[50] = environment_code(draft.entity.environment);
    head[51] = kind_code(draft.entity.kind);
    let key = draft.entity.key.as_bytes();
    let key_length = u16::try_from(key.len()).expect("the length was checked when it was appended");
    put(&mut head, 52, &key_length.to_le_bytes());
    head[54] = u8::from(draft.personal.is_some());
    put(&mut head, 56, &length(draft.core.len()));
    into.extend_from_slice(&head);
    into.extend_from_slice(key);
    into.extend_from_slice(draft.core);
    into.extend_from_slice(personal);
}

fn put(head: &mut [u8; HEAD_BYTES], at: usize, bytes: &[u8]) {
    head[at..at + bytes.len()].copy_from_slice(bytes);
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("the length was checked when it was appended").to_le_bytes()
}

/// A record's bytes, whose lengths are known to fit. Nothing else is checked yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    bytes: &'a [u8],
    core_start: usize,
    core_end: usize,
}

impl<'a> Raw<'a> {
    /// The record at the start of `bytes`, if the lengths in its head are possible.
    pub(crate) fn at_start(bytes: &'a [u8]) -> Option<Self> {
        let length = u32_at(bytes, 0)? as usize;
        if !(HEAD_BYTES..=MAX_RECORD_BYTES).contains(&length) {
            return None;
        }
        let bytes = bytes.get(..length)?;
        let core_start = HEAD_BYTES + usize::from(u16_at(bytes, 52)?);
        let core_end = core_start.checked_add(u32_at(bytes, 56)? as usize)?;
        let end = core_end.checked_add(u32_at(bytes, 8)? as usize)?;
        (end == length).then_some(Self { bytes, core_start, core_end })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn position(&self) -> u64 {
        u64_at(self.bytes, 16).expect("a record has a head")
    }

    pub(crate) fn checksum(&self) -> u32 {
        checksum(self.bytes)
    }

    pub(crate) fn has_good_checksum(&self) -> bool {
        u32_at(self.bytes, 4) == Some(self.checksum())
    }

    /// The bytes that the chain covers: from the position to the end of the core.
    pub(crate) fn chained(&self) -> &'a [u8] {
        &self.bytes[CHAINED..self.core_end]
    }

    /// The hash of the personal part: computed, or the one that was left in its place.
    pub(crate) fn personal_hash(&self) -> Option<[u8; 32]> {
        let personal = &self.bytes[self.core_end..];
        match self.bytes[12] {
            PRESENT => Some(*blake3::hash(personal).as_bytes()),
            ERASED => personal.try_into().ok(),
            _ => None,
        }
    }

    pub(crate) fn is_erased(&self) -> bool {
        self.bytes[12] == ERASED
    }

    /// The record; `None` if a field has a value that was never written.
    pub(crate) fn view(&self) -> Option<RecordView<'a>> {
        let bytes = self.bytes;
        let personal = &bytes[self.core_end..];
        let personal = match (bytes[12], bytes[54]) {
            (ABSENT, 0) if personal.is_empty() => PersonalView::Absent,
            (PRESENT, 1) => PersonalView::Present(personal),
            (ERASED, 1) => PersonalView::Erased(personal.try_into().ok()?),
            _ => return None,
        };
        Some(RecordView {
            position: Position::new(self.position()),
            environment: environment_of(bytes[50])?,
            kind: kind_of(bytes[51])?,
            key: std::str::from_utf8(&bytes[HEAD_BYTES..self.core_start]).ok()?,
            version: Version::new(u64_at(bytes, 24)?),
            previous: Position::new(u64_at(bytes, 32)?),
            at: Timestamp::from_millis(u64_at(bytes, 40)?.cast_signed()),
            format: u16_at(bytes, 48)?,
            core: &bytes[self.core_start..self.core_end],
            personal,
        })
    }

    /// Appends this record to `into`, with the hash of its personal part instead of the part, if it
    /// has one.
    pub(crate) fn encode_erased(&self, into: &mut Vec<u8>) {
        let start = into.len();
        match self.personal_hash() {
            Some(hash) if self.bytes[12] == PRESENT => {
                into.extend_from_slice(&self.bytes[..self.core_end]);
                into.extend_from_slice(&hash);
                let record = &mut into[start..];
                let whole = length(record.len());
                record[0..4].copy_from_slice(&whole);
                record[8..12].copy_from_slice(&length(hash.len()));
                record[12] = ERASED;
            }
            Some(_) | None => into.extend_from_slice(self.bytes),
        }
    }
}

/// The checksum of a whole record, leaving out the four bytes that hold it.
fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

/// Puts the checksum into a whole record.
pub(crate) fn stamp(record: &mut [u8]) {
    let checksum = checksum(record);
    record[4..8].copy_from_slice(&checksum.to_le_bytes());
}

const fn environment_code(environment: Environment) -> u8 {
    match environment {
        Environment::Live => 1,
        Environment::Test => 2,
    }
}

fn environment_of(code: u8) -> Option<Environment> {
    Environment::ALL.into_iter().find(|environment| environment_code(*environment) == code)
}

/// The stored number of a kind. A new kind gets a new number, and no number is ever used again.
const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::User => 1,
        Kind::Project => 2,
        Kind::System => 3,
        Kind::Listing => 4,
    }
}

fn kind_of(code: u8) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind_code(*kind) == code)
}
