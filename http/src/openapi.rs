//! The API's description: OpenAPI 3.1, made from the table of routes.
//!
//! Each handler states in `#[utoipa::path]` what is its own: path, successful answers, and refusals
//! that no other has. The types of its arguments (`describe`) state who may call it, what it reads
//! and how else it can fail. What many routes have in common is added here, once: headers, the
//! envelope, the middleware's refusals. `docs/openapi.md` explains how to describe a new route.
//!
//! *Invariant*: a route is described exactly if it is served (`tests.rs` compares the document with
//! the router).

mod components;
pub(crate) mod events;
mod failures;
mod finish;
mod json;
mod links;
mod operation;
mod stream;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use utoipa::OpenApi;

use failures::Failures;

use crate::ingest::Ingested;
use crate::route::Route;

/// The parts of the document that no route states.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "PRIV Protocol",
        description = include_str!("openapi/introduction.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Events", description = "Events in: stored once, if consent allows it, and paid."),
        (name = "Analytics", description = "What a project's events add up to."),
        (name = "User", description = "A person's consent, earnings and balance: for the person, \
            or for a project's server with a secret key that names a user."),
        (name = "Contributions", description = "What people upload: reviewed, it earns."),
        (name = "Marketplace", description = "Selling and buying contributions."),
        (name = "Service", description = "For whoever runs it."),
        (name = "Compatibility", description = "Unmodified clients of Segment and PostHog."),
        (name = "Operators", description = "Projects, keys, money and the live state."),
    ),
    components(schemas(Ingested)),
)]
struct Described;

/// Makes the document that describes these routes.
pub(crate) fn document<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Value {
    let routes: Vec<&Route> = routes.into_iter().collect();
    let described = Described::openapi();
    let mut document = serde_json::to_value(described).expect("a description is JSON");
    let schemas = &mut document["components"]["schemas"];
    for (name, schema) in routes.iter().flat_map(|route| route.description.schemas.iter()) {
        let known = schemas.get(name);
        debug_assert!(known.is_none_or(|known| known == schema), "two schemas are called {name}");
        schemas[name] = schema.clone();
    }
    let mut failures = Failures::all();
    for route in routes {
        let operation = operation::complete(route, &mut failures);
        add(&mut document["paths"], route, operation);
    }
    events::add_schemas(&mut document);
    stream::add_content(&mut document);
    links::add(&mut document);
    finish::finish(&mut document, failures);
    document
}

/// Adds a route's operation under each of its paths.
fn add(paths: &mut Value, route: &Route, operation: Value) {
    let method = route.method.as_str().to_ascii_lowercase();
    let own = &route.paths[0].path;
    for served in &route.paths {
        let mut operation = operation.clone();
        if let Some(operation_id) = served.operation_id {
            operation["operationId"] = json!(operation_id);
            operation["description"] = json!(format!("As `{own}`."));
        }
        paths[&served.path][&method] = operation;
    }
}
