//! Components that operations share: security schemes, headers, and a parameter.

use serde_json::{Value, json};

/// The headers of every answer.
pub(super) const HEADERS_OF_ALL: [&str; 6] = [
    "X-Request-Id",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Policy",
    "RateLimit",
];

/// The descriptions of the headers of answers, by name.
pub(super) fn headers() -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    let text = || json!({ "type": "string" });
    let table = [
        ("X-Request-Id", true, text(), "The request's id, as sent or as made."),
        ("X-RateLimit-Limit", true, count(), "Requests of the window that is nearer to its end."),
        ("X-RateLimit-Remaining", true, count(), "What is left of them."),
        ("X-RateLimit-Reset", true, count(), "When that window ends, in Unix seconds."),
        ("RateLimit-Policy", false, text(), "Both windows, as the IETF draft writes them."),
        ("RateLimit", false, text(), "What is left, as the IETF draft writes it."),
        ("Retry-After", true, count(), "Seconds after which to try again."),
        ("Location", true, json!({ "type": "string", "format": "uri-reference" }), "Where it is."),
        ("WWW-Authenticate", true, text(), "How to say who calls."),
        (
            "Idempotent-Replayed",
            false,
            json!({ "type": "string", "enum": ["true"] }),
            "On an answer that was given before, to the first request with this key.",
        ),
    ];
    let described = table.into_iter().map(|(name, required, schema, description)| {
        let header = json!({ "required": required, "schema": schema, "description": description });
        (name.to_owned(), header)
    });
    Value::Object(described.collect())
}

/// The parameter that every operation has.
pub(super) fn request_id() -> Value {
    json!({
        "name": "X-Request-Id",
        "in": "header",
        "required": false,
        "description": "An id for this request, to find it in logs; one is made where none, or \
            none that is fit, is sent: 1 to 128 letters, digits and `-_.:/+=@#~,`.",
        "schema": { "type": "string" },
    })
}

/// The kinds of credentials, by name.
pub(super) fn security_schemes() -> Value {
    let bearer = |description: &str| json!({ "type": "http", "scheme": "bearer", "description": description });
    json!({
        "publishable_key": bearer("`pk_live_…` or `pk_test_…`, for browsers and apps."),
        "secret_key": bearer("`sk_live_…` or `sk_test_…`, for servers; may what its scopes say."),
        "person": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A signed-in person's token.",
        },
        "operator": bearer("The operators' token, or a JWT whose `app_metadata.role` is `operator`."),
        "key_in_query": {
            "type": "apiKey",
            "in": "query",
            "name": "key",
            "description": "A key, for clients that can't set headers.",
        },
        "key_as_user": {
            "type": "http",
            "scheme": "basic",
            "description": "A key as the user's name, without a password, as Segment's clients do.",
        },
    })
}
