//! Adds what is the same for the whole document.
//!
//! It changes JSON instead of using utoipa's `Modify`, whose types have no room for a required
//! header, nor for the schemas of events, which are read more leniently than any type says.

use serde_json::{Value, json};

use super::components::{headers, request_id, security_schemes};
use super::failures::{Failures, envelope};
use super::json::members;
use super::operation::SUCCESS;

/// Adds servers, security schemes, headers, failures and common parameters to the document.
pub(super) fn finish(document: &mut Value, failures: Failures) {
    document["servers"] = json!([
        { "url": "/", "description": "As in the paths below." },
        { "url": "/api", "description": "The same routes under /api/v1." },
    ]);
    let components = &mut document["components"];
    components["securitySchemes"] = security_schemes();
    components["headers"] = headers();
    components["parameters"] = json!({ "RequestId": request_id() });
    components["schemas"]["Failure"] = envelope();
    components["responses"] = failures.into_components();
    if let Some(schemas) = components["schemas"].as_object_mut() {
        schemas.retain(|name, _| !name.starts_with(SUCCESS));
    }
    for (path, item) in members(document.get_mut("paths")) {
        if !path.starts_with("/v1/") {
            item["servers"] = json!([{ "url": "/" }]);
        }
        item["parameters"] = json!([{ "$ref": "#/components/parameters/RequestId" }]);
    }
    with_maxima(document);
}

/// Gives each unsigned number the maximum of its format, so that readers of the document need not
/// know the format, whose name utoipa spells in its own way.
fn with_maxima(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let unsigned = match members.get("format").and_then(Value::as_str) {
                Some("u-int8") => Some(("uint8", u64::from(u8::MAX))),
                Some("u-int16") => Some(("uint16", u64::from(u16::MAX))),
                Some("u-int32") => Some(("uint32", u64::from(u32::MAX))),
                Some("u-int64") => Some(("uint64", u64::MAX)),
                Some(_) | None => None,
            };
            if let Some((format, maximum)) = unsigned {
                members.insert("format".to_owned(), json!(format));
                members.entry("maximum").or_insert(json!(maximum));
            }
            members.values_mut().for_each(with_maxima);
        }
        Value::Array(items) => items.iter_mut().for_each(with_maxima),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
