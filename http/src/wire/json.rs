//! Reads JSON text as a type; what is wrong is named by its path.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::depth::{MAX_DEPTH, nests_too_deep};
use crate::error::{ApiError, Detail};

/// Checks that bytes can be JSON: not empty, UTF-8, and not nested too deep.
///
/// # Errors
/// INVALID_REQUEST, saying what to do.
pub fn check_json_text(bytes: &[u8]) -> Result<&str, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::invalid_request("The body is empty: send a JSON document"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        ApiError::invalid_request(format!("The body is not UTF-8 at byte {at}: encode it as UTF-8"))
    })?;
    if nests_too_deep(bytes) {
        return Err(ApiError::invalid_request(format!(
            "The body is nested more than {MAX_DEPTH} levels deep: flatten it"
        )));
    }
    Ok(text)
}

/// Reads JSON as a `T`.
///
/// # Errors
/// INVALID_REQUEST for what is not JSON, VALIDATION_ERROR with the path for JSON of another shape.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = check_json_text(bytes)?;
    serde_json::from_str(text).map_err(|error| match error.classify() {
        // Read again, more slowly, to find the path.
        Category::Data => locate::<T>(text).unwrap_or_else(|| json_error(&error)),
        Category::Syntax | Category::Eof | Category::Io => json_error(&error),
    })
}

/// Reads a JSON object as a `T`; for a struct, serde alone would accept a list of its members too.
pub(crate) fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        // Text that is not JSON at all is reported first.
        parse_json::<serde::de::IgnoredAny>(bytes)?;
        return Err(ApiError::invalid_field("", "must be an object"));
    }
    parse_json(bytes)
}

fn locate<T: DeserializeOwned>(text: &str) -> Option<ApiError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let located = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
    let issue = issue_of(located.inner());
    let parent = match located.path().to_string().as_str() {
        "." => String::new(),
        path => path.to_owned(),
    };
    let detail = match missing_field(&issue) {
        Some(field) if parent.is_empty() => Detail::new(field, "is required"),
        Some(field) => Detail::new(format!("{parent}.{field}"), "is required"),
        None => Detail::new(parent, phrase(&issue)),
    };
    Some(ApiError::validation(vec![detail]))
}

/// The field that is missing: serde names it in its text, but leaves it out of the path.
fn missing_field(issue: &str) -> Option<&str> {
    issue.strip_prefix("missing field `")?.split('`').next()
}

/// The issue, without the name of the field with which the path ends.
fn phrase(issue: &str) -> String {
    match issue.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        Some((_, expected)) => format!("is not known here{expected}"),
        None => issue.to_owned(),
    }
}

/// The refusal for a parser's error that has no path.
pub(crate) fn json_error(error: &serde_json::Error) -> ApiError {
    if error.is_data() {
        return ApiError::invalid_field("", issue_of(error));
    }
    let what = match error.classify() {
        Category::Eof => "breaks off",
        Category::Syntax | Category::Data | Category::Io => "is not valid JSON",
    };
    let (line, column) = (error.line(), error.column());
    ApiError::invalid_request(format!("The body {what} at line {line} column {column}"))
}

/// The parser's text, without its position, which means nothing once the field is named, and
/// without the names of our types.
fn issue_of(error: &serde_json::Error) -> String {
    const MAX_CHARS: usize = 300;
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(issue, _)| issue);
    let text = match text.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected an object"),
        None => text.to_owned(),
    };
    text.chars().take(MAX_CHARS).collect()
}
