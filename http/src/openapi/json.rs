//! Small helpers for a document as JSON.

use serde_json::{Value, json};

/// Refers to these headers in a response.
pub(super) fn add_headers(response: &mut Value, names: &[&str]) {
    for name in names {
        response["headers"][*name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

/// The members of an object; none if `value` is not one. Callers find `value` with `get_mut`, since
/// assigning to an index that does not exist would insert `null`.
pub(super) fn members(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flat_map(|members| members.iter_mut())
}
