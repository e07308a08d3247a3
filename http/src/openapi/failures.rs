//! Describes how operations fail: a response for each status, with its possible codes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::components::HEADERS_OF_ALL;
use super::json::{add_headers, members};
use crate::error::ErrorCode;

/// The descriptions of failures to which operations refer, by name.
pub(super) struct Failures(BTreeMap<String, Value>);

impl Failures {
    /// Describes a failure for each status, with all codes that have it.
    pub(super) fn all() -> Self {
        let statuses: BTreeSet<u16> =
            ErrorCode::ALL.iter().map(|code| code.status().as_u16()).collect();
        let named = statuses.into_iter().map(|status| {
            let codes = all_of(status);
            (name(status, &codes), response(status, &codes))
        });
        Self(named.collect())
    }

    /// A reference to the description of a status with these codes, which is made if need be.
    pub(super) fn reference(&mut self, status: u16, codes: &BTreeSet<ErrorCode>) -> Value {
        let name = name(status, codes);
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        self.0.entry(name).or_insert_with(|| response(status, codes));
        reference
    }

    /// Completes a failure that an operation names itself. If it has no description of its own, it
    /// becomes a reference. If `codes` is `None`, it has all codes of its status.
    pub(super) fn complete(
        &mut self,
        status: u16,
        codes: Option<&BTreeSet<ErrorCode>>,
        named: &mut Value,
    ) {
        let codes = codes.cloned().unwrap_or_else(|| all_of(status));
        let own = named["description"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        *named = match own {
            None => self.reference(status, &codes),
            Some(description) => {
                let mut complete = response(status, &codes);
                complete["description"] = json!(description);
                for (name, header) in members(named.get_mut("headers")) {
                    complete["headers"][name] = header.take();
                }
                complete
            }
        };
    }

    /// The descriptions, as components of the document.
    pub(super) fn into_components(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

fn all_of(status: u16) -> BTreeSet<ErrorCode> {
    ErrorCode::ALL.iter().copied().filter(|code| code.status().as_u16() == status).collect()
}

/// `Failure400`, or `Failure400ValidationError` if not all codes of the status are possible.
fn name(status: u16, codes: &BTreeSet<ErrorCode>) -> String {
    match *codes == all_of(status) {
        true => format!("Failure{status}"),
        false => {
            let names: Vec<String> = codes.iter().map(|code| format!("{code:?}")).collect();
            format!("Failure{status}{}", names.concat())
        }
    }
}

fn response(status: u16, codes: &BTreeSet<ErrorCode>) -> Value {
    let messages: Vec<String> =
        codes.iter().map(|code| format!("{}: {}.", code.as_str(), code.message())).collect();
    let mut names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    if names.is_empty() {
        // A status that no code has, such as 416: the middleware answers it as INVALID_REQUEST.
        names.push(ErrorCode::InvalidRequest.as_str());
    }
    let mut response = json!({
        "description": messages.join(" "),
        "content": { "application/json": { "schema": {
            "allOf": [
                { "$ref": "#/components/schemas/Failure" },
                { "properties": { "error": { "properties": { "code": { "enum": names } } } } },
            ],
        } } },
    });
    add_headers(&mut response, &HEADERS_OF_ALL);
    match status {
        401 => add_headers(&mut response, &["WWW-Authenticate"]),
        429 | 503 => add_headers(&mut response, &["Retry-After"]),
        _ => {}
    }
    response
}

/// The envelope of failures.
pub(super) fn envelope() -> Value {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let amount = json!({ "$ref": "#/components/schemas/Amount" });
    json!({
        "type": "object",
        "description": "What failed, and what to do about it.",
        "required": ["success", "error"],
        "properties": {
            "success": { "type": "boolean", "enum": [false] },
            "error": {
                "type": "object",
                "required": ["code", "message", "request_id", "doc_url"],
                "properties": {
                    "code": { "type": "string", "enum": codes },
                    "message": { "type": "string", "description": "For people." },
                    "reason": {
                        "type": "string",
                        "description": "For programs, where the code alone does not say enough.",
                    },
                    "request_id": { "type": "string" },
                    "doc_url": { "type": "string", "format": "uri-reference" },
                    "details": {
                        "type": "array",
                        "description": "With VALIDATION_ERROR: each field that is wrong.",
                        "items": {
                            "type": "object",
                            "required": ["path", "issue"],
                            "properties": {
                                "path": { "type": "string", "examples": ["events[3].timestamp"] },
                                "issue": { "type": "string" },
                            },
                        },
                    },
                    "required_priv": amount,
                    "available_priv": amount,
                    "limit_bytes": { "type": "integer", "minimum": 0 },
                },
            },
        },
    })
}
