//! Reads what a body says once for all its events.

use serde_json::value::RawValue;

use super::consent;
use super::envelope::Envelope;
use super::fields::EventKey;
use super::limits::{MAX_PROPERTIES_BYTES, MAX_SHARED_CONTEXT_BYTES};
use super::time::{self, Arrival};

/// What the events of one body have in common.
pub(super) struct Shared<'a> {
    pub(super) arrival: Arrival,
    pub(super) context: Option<&'a RawValue>,
    pub(super) consent: Option<bool>,
}

impl<'a> Shared<'a> {
    pub(super) fn of(envelope: &Envelope<'a>, mut arrival: Arrival) -> Self {
        if let Some(sent) = envelope.fields.get(EventKey::SentAt).and_then(time::read) {
            arrival.sent = Some(sent);
        }
        let context =
            envelope.shared_context().filter(|raw| raw.get().len() <= MAX_PROPERTIES_BYTES);
        Self {
            arrival,
            context: context.filter(|raw| raw.get().len() <= MAX_SHARED_CONTEXT_BYTES),
            consent: context.and_then(consent::in_context),
        }
    }
}
