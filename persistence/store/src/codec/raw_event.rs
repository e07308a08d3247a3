//! The stored form of raw events, which are the personal part of a record.

use priv_domain::{EventType, RawEvent, Timestamp};

use super::{DecodeError, Input, Stored, decode_by, stored_struct};

stored_struct!(RawEvent {
    id,
    event_type,
    timestamp,
    name,
    user_id,
    anonymous_id,
    session_id,
    page_url,
    page_title,
    referrer,
    properties,
    context,
});

/// The fields of an event that analytics counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountedEvent {
    pub(crate) event_type: EventType,
    pub(crate) timestamp: Timestamp,
    pub(crate) user_id: Option<String>,
    pub(crate) anonymous_id: Option<String>,
    pub(crate) page_url: Option<String>,
}

/// Reads a list of [`RawEvent`], skipping the fields that are not counted, which are most of it.
///
/// # Errors
/// As [`super::decode`].
pub(crate) fn counted_events(format: u16, bytes: &[u8]) -> Result<Vec<CountedEvent>, DecodeError> {
    decode_by(format, bytes, |input| {
        let count = input.count()?;
        (0..count).map(|_| CountedEvent::of_raw(input)).collect()
    })
}

impl CountedEvent {
    /// Reads the fields in the order of [`RawEvent`]'s stored form.
    fn of_raw(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.skip_text()?;
        let event_type = Stored::get(input)?;
        let timestamp = Stored::get(input)?;
        input.skip_optional_text()?;
        let user_id = Stored::get(input)?;
        let anonymous_id = Stored::get(input)?;
        input.skip_optional_text()?;
        let page_url = Stored::get(input)?;
        for _page_title_referrer_properties_context in 0..4 {
            input.skip_optional_text()?;
        }
        Ok(Self { event_type, timestamp, user_id, anonymous_id, page_url })
    }
}
