//! Reads what a client says about consent in an event's context.
//!
//! It understands three forms: `"consent": true`, `"consent": {"analytics": true}`, and Segment's
//! `"consent": {"categoryPreferences": {"Analytics": true}}`. Anything else counts as silence.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::fields::{ContextFields, ContextKey, Fields};
use super::text;

/// Whether a context says that the user agreed to analytics; `None` if it does not say.
pub(super) fn in_context(context: &RawValue) -> Option<bool> {
    // Most contexts don't mention consent, and searching for a word is far cheaper than reading
    // JSON.
    if !context.get().contains("\"consent\"") {
        return None;
    }
    let fields: ContextFields<'_> = Fields::within(Some(context));
    let consent = fields.get(ContextKey::Consent)?;
    text::boolean(consent).or_else(|| {
        let members = members(consent)?;
        let categories = members.get("categoryPreferences").copied().and_then(self::members);
        analytics(&members).or_else(|| analytics(&categories?))
    })
}

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

fn members(object: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(object.get()).ok()
}

/// True only if no spelling of the category says otherwise.
fn analytics(members: &Members<'_>) -> Option<bool> {
    members
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("analytics"))
        .filter_map(|(_, value)| text::boolean(value))
        .reduce(|one, other| one && other)
}
