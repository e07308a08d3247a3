//! Reads single values leniently: ids, names, objects that are kept as text.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::event::Problem;
use super::limits::{
    MAX_DEPTH, MAX_ID_BYTES, MAX_NAME_CHARS, MAX_PAGE_FIELD_BYTES, MAX_PROPERTIES_BYTES,
};
use super::unreadable::Unreadable;

/// The body as text.
pub(super) fn utf8(body: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(body).map_err(|error| Unreadable::NotUtf8 { at: error.valid_up_to() })
}

/// A JSON string's content; `None` if it is something else.
///
/// Half a surrogate pair (`\ud83d`, the remains of an emoji that was cut in two) is read as U+FFFD.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(&whole_pairs(raw.get())).ok().map(Cow::Owned)
}

/// A JSON boolean; `None` if it is something else.
pub(super) fn boolean(raw: &RawValue) -> Option<bool> {
    match raw.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A string, or a number as text.
fn string_or_number(raw: &RawValue) -> Option<Cow<'_, str>> {
    let is_number = raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { Some(Cow::Borrowed(raw.get())) } else { string(raw) }
}

/// An id; an empty one counts as absent.
pub(super) fn id(raw: Option<&RawValue>, field: &str) -> Result<Option<String>, Problem> {
    let Some(raw) = raw else { return Ok(None) };
    let Some(id) = string_or_number(raw) else {
        let message = format!("{field} must be a string or a number");
        return Err(Problem::rejected("invalid_id", message));
    };
    if id.len() > MAX_ID_BYTES {
        let message =
            format!("{field} is {} bytes long; at most {MAX_ID_BYTES} are allowed", id.len());
        return Err(Problem::rejected("id_too_long", message));
    }
    if id.chars().any(char::is_control) {
        let message = format!("{field} must not contain control characters");
        return Err(Problem::rejected("invalid_id", message));
    }
    Ok(if id.is_empty() { None } else { Some(id.into_owned()) })
}

/// An id; `None` if it can't be used.
pub(super) fn lenient_id(raw: Option<&RawValue>) -> Option<String> {
    id(raw, "").ok().flatten()
}

/// An event's name, of at most [`MAX_NAME_CHARS`] characters; `None` if it is absent or empty.
pub(super) fn name(raw: Option<&RawValue>) -> Result<Option<String>, Problem> {
    let Some(raw) = raw else { return Ok(None) };
    let Some(name) = string_or_number(raw) else {
        return Err(Problem::rejected("invalid_name", "the event's name must be a string"));
    };
    let chars = if name.len() > MAX_NAME_CHARS { name.chars().count() } else { 0 };
    if chars > MAX_NAME_CHARS {
        let message = format!(
            "the event's name has {chars} characters; at most {MAX_NAME_CHARS} are allowed"
        );
        return Err(Problem::rejected("name_too_long", message));
    }
    Ok(if name.is_empty() { None } else { Some(name.into_owned()) })
}

/// Checks that a field, if it is there, is a string.
pub(super) fn string_or_absent(raw: Option<&RawValue>, field: &str) -> Result<(), Problem> {
    match raw {
        Some(raw) if string(raw).is_none() => {
            let code = "invalid_page_url";
            Err(Problem::rejected(code, format!("{field} must be a string")))
        }
        Some(_) | None => Ok(()),
    }
}

/// A page's address, title or referrer. It is cut if it is too long and ignored if it is not a
/// string: an event must not be lost because of its description.
pub(super) fn page_field(raw: Option<&RawValue>) -> Option<String> {
    let text = string(raw?)?;
    let end = text.floor_char_boundary(MAX_PAGE_FIELD_BYTES);
    if text.is_empty() { None } else { Some(text[..end].to_owned()) }
}

/// An object, kept as it was sent except for halves of surrogate pairs, over which most readers of
/// JSON would stumble later: they become U+FFFD.
pub(super) fn object(
    raw: Option<&RawValue>,
    field: &str,
) -> Result<Option<Box<RawValue>>, Problem> {
    let Some(raw) = raw else { return Ok(None) };
    let text = raw.get();
    if !text.starts_with('{') {
        let message = format!("{field} must be a JSON object");
        return Err(Problem::rejected("invalid_properties", message));
    }
    if text.len() > MAX_PROPERTIES_BYTES {
        let message = format!(
            "{field} is {} bytes of JSON; at most {MAX_PROPERTIES_BYTES} are allowed",
            text.len()
        );
        return Err(Problem::rejected("properties_too_large", message));
    }
    if depth(text) > MAX_DEPTH {
        let message = format!("{field} is nested more than {MAX_DEPTH} levels deep");
        return Err(Problem::rejected("properties_too_deep", message));
    }
    Ok(Some(match whole_pairs(text) {
        Cow::Borrowed(_) => raw.to_owned(),
        Cow::Owned(text) => {
            RawValue::from_string(text).expect("one escape in place of another is still JSON")
        }
    }))
}

/// How deep valid JSON is nested; exact only if it has more than [`MAX_DEPTH`] opening brackets in
/// all.
fn depth(json: &str) -> usize {
    let opened = json.bytes().filter(|b| matches!(b, b'{' | b'[')).count();
    if opened <= MAX_DEPTH {
        return opened;
    }
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    deepest
}

/// The same JSON with U+FFFD for each escape that is half a surrogate pair.
fn whole_pairs(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    let mut changed = false;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let len = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(_), _) => {
                changed = true;
                mended.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            (None, _) => 2,
        };
        mended.push_str(&escape[..len]);
        rest = &escape[len..];
    }
    if !changed {
        return Cow::Borrowed(json);
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

#[derive(Clone, Copy)]
enum Half {
    High,
    Low,
}

fn surrogate(escape: &str) -> Option<Half> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}
