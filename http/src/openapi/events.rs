//! Describes the routes that take events. One handler serves all of them, and bodies are read
//! leniently, so their descriptions are written by hand.

use serde_json::{Value, json};

use super::operation::success;
use crate::ingest::{Dialect, PostHogRoute};

/// Adds the schemas to which the operations refer.
pub(super) fn add_schemas(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    schemas["Event"] = event(Spelling::Snake);
    schemas["SegmentEvent"] = event(Spelling::Camel);
    schemas["EventBody"] = event_body();
    schemas["CapturedBody"] = captured_body();
    schemas["CaptureVerdicts"] = capture_verdicts();
}

/// The operation of a route that takes events in this dialect.
pub(crate) fn operation(dialect: Dialect, operation_id: &str, summary: &str) -> Value {
    let tag = match dialect {
        Dialect::Priv(_) => "Events",
        Dialect::Segment(_) | Dialect::PostHog(_) => "Compatibility",
    };
    let (content, description) = match dialect {
        Dialect::Priv(_) | Dialect::Segment(_) => (
            json!({
                "application/json": { "schema": { "$ref": "#/components/schemas/EventBody" } },
                "text/plain": { "schema": { "type": "string" } },
            }),
            "JSON, whatever the content type says: `text/plain` causes no preflight.",
        ),
        Dialect::PostHog(_) => (
            json!({
                "application/json": { "schema": { "$ref": "#/components/schemas/CapturedBody" } },
                "text/plain": { "schema": { "type": "string" } },
                "application/x-www-form-urlencoded": { "schema": {
                    "type": "object",
                    "required": ["data"],
                    "properties": { "data": {
                        "type": "string",
                        "description": "The JSON, as it is or in Base64.",
                    } },
                } },
            }),
            "JSON, whatever the content type says, or a form with the JSON in it.",
        ),
    };
    let answer = match dialect {
        Dialect::Priv(_) | Dialect::Segment(_) => success("Ingested"),
        Dialect::PostHog(PostHogRoute::Capture | PostHogRoute::Batch) => json!({
            "type": "object",
            "required": ["status"],
            "properties": { "status": { "type": "integer", "enum": [1] } },
        }),
        Dialect::PostHog(PostHogRoute::V1) => {
            json!({ "$ref": "#/components/schemas/CaptureVerdicts" })
        }
    };
    json!({
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "description": "200 for any body that could be read: what is wrong with one event is told of that \
            one, and does not touch its neighbours. 200 means on disk, and paid once. At most 2,500 \
            events and 4 MiB, also compressed (gzip, br, zstd). The key can also be in the body, as \
            `writeKey` or `api_key`.",
        "requestBody": { "required": true, "description": description, "content": content },
        "responses": { "200": { "content": { "application/json": { "schema": answer } } } },
    })
}

#[derive(Clone, Copy)]
enum Spelling {
    Snake,
    Camel,
}

fn event(spelling: Spelling) -> Value {
    let id = |description: &str| {
        json!({
            "type": ["string", "number", "null"],
            "maxLength": 255,
            "description": description,
        })
    };
    let object =
        |description: &str| json!({ "type": ["object", "null"], "description": description });
    let time = json!({
        "type": ["string", "number", "null"],
        "description": "RFC 3339, or seconds or milliseconds since 1970; moved by what the client's \
            clock is wrong by, where `sentAt` tells.",
    });
    let whom = "Whom it is about: a UUID names a person, anything else a user of the project.";
    let text = json!({ "type": ["string", "null"] });
    let has = |name: &str| {
        json!({
            "required": [name],
            "properties": { name: { "type": ["string", "number"], "minLength": 1 } },
        })
    };
    match spelling {
        Spelling::Snake => json!({
            "type": "object",
            "description": "An event.",
            "properties": {
                "event_type": { "type": "string", "enum": ["track", "page_view", "identify"] },
                "event_name": { "type": ["string", "null"], "maxLength": 200 },
                "event_id": id("Its identity: sent again it is a duplicate. Made where there is none."),
                "user_id": id(whom),
                "anonymous_id": id("A visitor, where nobody is signed in."),
                "session_id": id("The visit."),
                "properties": object("At most 32 KiB; `traits` of an identify."),
                "page_url": text,
                "page_title": text,
                "referrer": text,
                "timestamp": time,
                "consent_given": {
                    "type": ["boolean", "null"],
                    "description": "What the client says; the user's own record goes before it.",
                },
            },
            "anyOf": [has("user_id"), has("anonymous_id")],
        }),
        Spelling::Camel => json!({
            "type": "object",
            "description": "An event as Segment's clients spell it.",
            "properties": {
                "type": {
                    "type": "string",
                    "enum": ["track", "page", "identify", "screen", "group", "alias"],
                },
                "event": { "type": ["string", "null"], "maxLength": 200 },
                "name": { "type": ["string", "null"], "maxLength": 200 },
                "messageId": id("Its identity: sent again it is a duplicate."),
                "userId": id(whom),
                "anonymousId": id("A visitor, where nobody is signed in."),
                "properties": object("At most 32 KiB."),
                "traits": object("Of an identify."),
                "context": object("`consent` in it says what the client knows of consent."),
                "timestamp": time,
                "sentAt": time,
            },
            "anyOf": [has("userId"), has("anonymousId")],
        }),
    }
}

/// The object around a list of events, which is called `list` in it.
fn batch(list: &str, item: &str) -> Value {
    json!({
        "type": "object",
        "required": [list],
        "properties": {
            list: {
                "type": "array",
                "maxItems": 2500,
                "items": { "$ref": format!("#/components/schemas/{item}") },
            },
            "sentAt": { "type": ["string", "number", "null"] },
            "writeKey": {
                "type": ["string", "null"],
                "description": "The key, where no header has it.",
            },
        },
    })
}

fn event_body() -> Value {
    json!({
        "description": "A batch in either spelling, a list of events, or one.",
        "anyOf": [
            batch("events", "Event"),
            batch("batch", "SegmentEvent"),
            {
                "type": "array",
                "maxItems": 2500,
                "items": { "anyOf": [
                    { "$ref": "#/components/schemas/Event" },
                    { "$ref": "#/components/schemas/SegmentEvent" },
                ] },
            },
            { "$ref": "#/components/schemas/Event" },
            { "$ref": "#/components/schemas/SegmentEvent" },
        ],
    })
}

fn captured_body() -> Value {
    let event = json!({
        "type": "object",
        "required": ["event"],
        "properties": {
            "event": { "type": "string", "maxLength": 200 },
            "uuid": { "type": ["string", "null"], "maxLength": 255 },
            "distinct_id": { "type": ["string", "number", "null"], "maxLength": 255 },
            "properties": { "type": ["object", "null"] },
            "timestamp": { "type": ["string", "number", "null"] },
            "api_key": { "type": ["string", "null"] },
        },
    });
    json!({
        "description": "A batch, a list of events, or one, as PostHog's clients send them.",
        "anyOf": [
            {
                "type": "object",
                "required": ["batch"],
                "properties": {
                    "batch": { "type": "array", "maxItems": 2500, "items": event },
                    "api_key": {
                        "type": ["string", "null"],
                        "description": "The key, where no header has it.",
                    },
                    "sent_at": { "type": ["string", "number", "null"] },
                },
            },
            { "type": "array", "maxItems": 2500, "items": event },
            event,
        ],
    })
}

fn capture_verdicts() -> Value {
    json!({
        "type": "object",
        "required": ["results"],
        "properties": { "results": {
            "type": "object",
            "description": "By the event's uuid.",
            "additionalProperties": {
                "type": "object",
                "required": ["result"],
                "properties": {
                    "result": { "type": "string", "enum": ["ok", "retry", "drop"] },
                    "details": { "type": "string" },
                },
            },
        } },
    })
}
