//! Completes an operation: adds to what its handler and its types state what all have in common,
//! which is headers, the envelope, and the middleware's refusals.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::components::HEADERS_OF_ALL;
use super::failures::Failures;
use super::json::{add_headers, members};
use crate::error::ErrorCode;
use crate::middleware::Group;
use crate::route::Route;

/// The beginning of the name of `Success<T>`'s derived schema, before the name of `T`.
pub(super) const SUCCESS: &str = "Success_";

const SCHEMAS: &str = "#/components/schemas/";

/// The complete operation of a route. The failures to which it refers are added to `failures`.
pub(super) fn complete(route: &Route, failures: &mut Failures) -> Value {
    let mut operation = route.description.operation.clone();
    let codes = codes_by_status(route);
    let responses = &mut operation["responses"];
    for (status, response) in members(Some(responses)) {
        match status.parse::<u16>() {
            Ok(status) if status >= 400 => {
                failures.complete(status, codes.get(&status), response);
            }
            Ok(status) => complete_success(status, response, &route.description.headers),
            Err(_) => {}
        }
    }
    for (status, codes) in codes {
        if responses.get(status.to_string()).is_none() {
            responses[status.to_string()] = failures.reference(status, &codes);
        }
    }
    operation
}

/// The codes with which a route can fail, by status. A rate-limited route can also be RATE_LIMITED.
fn codes_by_status(route: &Route) -> BTreeMap<u16, BTreeSet<ErrorCode>> {
    let is_counted = route.group != Group::Probe;
    let counted = is_counted.then_some(&ErrorCode::RateLimited);
    let mut codes: BTreeMap<u16, BTreeSet<ErrorCode>> = BTreeMap::new();
    for code in route.description.failures.iter().chain(counted) {
        codes.entry(code.status().as_u16()).or_default().insert(*code);
    }
    codes
}

fn complete_success(status: u16, response: &mut Value, own_headers: &[&str]) {
    if response["description"].as_str().is_none_or(str::is_empty) {
        response["description"] = json!(match status {
            201 => "Created.",
            _ => "As asked.",
        });
    }
    let schema = response.pointer_mut("/content/application~1json/schema");
    if let Some(schema) = schema
        && let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS))
        && let Some(data) = name.strip_prefix(SUCCESS)
    {
        *schema = success(data);
    }
    add_headers(response, &HEADERS_OF_ALL);
    if status == 201 {
        add_headers(response, &["Location"]);
    }
    add_headers(response, own_headers);
}

/// The envelope of successful answers, around the schema with this name.
pub(super) fn success(data: &str) -> Value {
    json!({
        "type": "object",
        "required": ["success", "data"],
        "properties": {
            "success": { "type": "boolean", "enum": [true] },
            "data": { "$ref": format!("{SCHEMAS}{data}") },
        },
    })
}
