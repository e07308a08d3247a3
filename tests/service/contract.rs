//! Holds every answer of every test against the OpenAPI document: an operation that fails in a way
//! that it does not declare is found here.

use std::sync::LazyLock;

use serde_json::Value;
use ureq::http::Method;

use super::caller::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../docs/openapi.json")).expect("the document is JSON")
});

/// Panics unless the operation declares this answer. A call whose path is not in the document, or
/// that has another method, has no operation.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    let id = &operation["operationId"];
    let described = &operation["responses"][answer.status.to_string()];
    assert!(described.is_object(), "{id} does not say that it answers so: {answer}");
    if answer.status >= 400 {
        let content = &resolved(described)["content"]["application/json"]["schema"]["allOf"][1];
        let codes = &content["properties"]["error"]["properties"]["code"]["enum"];
        let is_said =
            codes.as_array().is_some_and(|codes| codes.contains(&answer.json["error"]["code"]));
        assert!(is_said, "{id} does not say that it fails so: {answer}");
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/api").filter(|rest| rest.starts_with("/v1/")).unwrap_or(path);
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let is_here = |template: &str| {
        let own: Vec<&str> = template.trim_end_matches('/').split('/').collect();
        let is_same =
            |(own, part): (&&str, &&str)| own == part || own.starts_with('{') && !part.is_empty();
        own.len() == parts.len() && own.iter().zip(&parts).all(is_same)
    };
    let paths = DOCUMENT["paths"].as_object().expect("it has paths");
    let here = paths.iter().filter(|(template, _)| is_here(template));
    // A path that is written out takes precedence over one with parameters.
    let (_, item) = here.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.as_str().to_ascii_lowercase())
}

fn resolved(response: &'static Value) -> &'static Value {
    match response["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(place) => DOCUMENT.pointer(place).expect("a reference leads somewhere"),
        None => response,
    }
}
