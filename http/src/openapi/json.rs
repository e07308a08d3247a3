//! Small steps over a document as JSON.

use serde_json::{Value, json};

/// Refers to these headers in a response.
pub(super) fn add_headers(response: &mut Value, names: &[&str]) {
    for name in names {
        response["headers"][*name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

/// The members of an object, where there is one. It is looked for with `get_mut`: an index that is
/// assigned to would put `null` where nothing was.
pub(super) fn members(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flat_map(|members| members.iter_mut())
}
