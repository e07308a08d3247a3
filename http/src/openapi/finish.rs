//! What is the same for many routes, added once.
//!
//! From an operation's shape follows which of the edge's answers it can give: it has a body, so it
//! can be PAYLOAD_TOO_LARGE; it takes an idempotency key, so it can be CONFLICT, and so on. A
//! status that an operation describes itself is only completed.

use serde_json::{Map, Value, json};

use crate::error::ErrorCode;

/// HTTP methods as a path item names them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The scheme that knows signed-in people.
const PERSON: &str = "person";

/// What the derived schema of `Success<T>` is called, before the name of `T`.
const SUCCESS: &str = "Success_";

const SCHEMAS: &str = "#/components/schemas/";

/// Completes what the handlers say.
pub(super) fn finish(mut document: Value) -> Value {
    document["servers"] = json!([
        { "url": "/", "description": "As in the paths below." },
        { "url": "/api", "description": "The same routes under /api/v1." },
    ]);
    let components = &mut document["components"];
    components["securitySchemes"] = security_schemes();
    components["headers"] = headers();
    components["parameters"] = json!({ "RequestId": request_id_parameter() });
    components["schemas"]["Failure"] = failure();
    components["responses"] = failures();
    if let Some(schemas) = components["schemas"].as_object_mut() {
        schemas.retain(|name, _| !name.starts_with(SUCCESS));
        schemas.values_mut().for_each(without_null_defaults);
    }
    with_maxima(&mut document);
    for (path, item) in members(document.get_mut("paths")) {
        finish_path(path, item);
    }
    document
}

fn finish_path(path: &str, item: &mut Value) {
    if !path.starts_with("/v1/") {
        item["servers"] = json!([{ "url": "/" }]);
    }
    item["parameters"] = json!([{ "$ref": "#/components/parameters/RequestId" }]);
    for method in METHODS {
        if let Some(operation) = item.get_mut(method) {
            finish_operation(path, operation);
        }
    }
}

fn finish_operation(path: &str, operation: &mut Value) {
    let shape = Shape::of(path, operation);
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        without_null(&mut parameter["schema"]);
    }
    for (_, content) in members(operation.pointer_mut("/requestBody/content")) {
        without_null(&mut content["schema"]);
    }
    let responses = &mut operation["responses"];
    for (status, response) in members(Some(responses)) {
        match status.parse::<u16>() {
            Ok(status) if status >= 400 => complete_failure(status, response),
            Ok(status) => complete_success(status, response, &shape),
            Err(_) => {}
        }
    }
    for status in shape.failures() {
        if responses.get(status.to_string()).is_none() {
            responses[status.to_string()] = failure_ref(status);
        }
    }
}

/// What of an operation decides how it can fail.
struct Shape {
    is_counted: bool,
    is_secured: bool,
    knows_scopes: bool,
    has_input: bool,
    has_body: bool,
    names_a_thing: bool,
    is_idempotent: bool,
}

impl Shape {
    fn of(path: &str, operation: &Value) -> Self {
        let none = Vec::new();
        let list = |name: &str| operation[name].as_array().unwrap_or(&none);
        let parameters = list("parameters");
        let is_there = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
        let schemes: Vec<&str> = list("security")
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|requirement| requirement.keys().map(String::as_str))
            .collect();
        let has_body = operation.get("requestBody").is_some();
        Self {
            is_counted: !matches!(path, "/health" | "/ready" | "/metrics"),
            is_secured: !schemes.is_empty(),
            knows_scopes: schemes.iter().any(|scheme| *scheme != PERSON),
            has_input: has_body || parameters.iter().any(|parameter| parameter["in"] != "path"),
            has_body,
            names_a_thing: path.contains('{') || is_there("user_id"),
            is_idempotent: is_there("Idempotency-Key"),
        }
    }

    /// The statuses with which the edge or an extractor can refuse it.
    fn failures(&self) -> Vec<u16> {
        let table = [
            (400, self.has_input),
            (401, self.is_secured),
            (403, self.knows_scopes),
            (404, self.names_a_thing),
            (409, self.is_idempotent),
            (413, self.has_body),
            (415, self.has_body),
            (422, self.is_idempotent),
            (429, self.is_counted),
            (500, self.is_secured),
            (503, self.is_secured),
        ];
        table.into_iter().filter(|(_, can_be)| *can_be).map(|(status, _)| status).collect()
    }
}

/// A failure that the operation has words of its own for.
fn complete_failure(status: u16, response: &mut Value) {
    let own = response["description"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    *response = match own {
        None => failure_ref(status),
        Some(description) => {
            let mut complete = failure_response(status);
            complete["description"] = json!(description);
            for (name, header) in members(response.get_mut("headers")) {
                complete["headers"][name] = header.take();
            }
            complete
        }
    };
}

fn complete_success(status: u16, response: &mut Value, shape: &Shape) {
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
    let mut names = HEADERS_OF_ALL.to_vec();
    if status == 201 {
        names.push("Location");
    }
    if shape.is_idempotent {
        names.push("Idempotent-Replayed");
    }
    add_headers(response, &names);
}

/// The envelope of what succeeds, around the schema of this name.
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

/// `Option` says that something may be left out. In a parameter or as a whole body it can't be
/// `null` as well.
fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    let null = json!({ "type": "null" });
    if let Some([one, other]) = schema["oneOf"].as_array().map(Vec::as_slice)
        && (*one == null || *other == null)
    {
        *schema = if *one == null { other.clone() } else { one.clone() };
    }
}

/// That a member is left out by default goes without saying.
fn without_null_defaults(schema: &mut Value) {
    for (_, property) in members(schema.get_mut("properties")) {
        if let Some(property) = property.as_object_mut()
            && property.get("default") == Some(&Value::Null)
        {
            property.remove("default");
        }
    }
}

/// A number can be as large as its format says. What reads the document need not know the format,
/// which utoipa spells in a way of its own.
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

/// The headers that are on every answer.
const HEADERS_OF_ALL: [&str; 6] = [
    "X-Request-Id",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Policy",
    "RateLimit",
];

fn add_headers(response: &mut Value, names: &[&str]) {
    for name in names {
        response["headers"][*name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

fn headers() -> Value {
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

fn request_id_parameter() -> Value {
    json!({
        "name": "X-Request-Id",
        "in": "header",
        "required": false,
        "description": "An id for this request, to find it in logs; one is made where none, or \
            none that is fit, is sent: 1 to 128 letters, digits and `-_.:/+=@#~,`.",
        "schema": { "type": "string" },
    })
}

fn security_schemes() -> Value {
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

/// The envelope of what fails.
fn failure() -> Value {
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

/// The failures as responses, one a status.
fn failures() -> Value {
    let mut responses = Map::new();
    for code in ErrorCode::ALL {
        let status = code.status().as_u16();
        responses.insert(format!("Failure{status}"), failure_response(status));
    }
    Value::Object(responses)
}

fn failure_ref(status: u16) -> Value {
    json!({ "$ref": format!("#/components/responses/Failure{status}") })
}

fn failure_response(status: u16) -> Value {
    let codes = ErrorCode::ALL.iter().filter(|code| code.status().as_u16() == status);
    let (mut codes, messages): (Vec<_>, Vec<_>) = codes
        .map(|code| (code.as_str(), format!("{}: {}.", code.as_str(), code.message())))
        .unzip();
    if codes.is_empty() {
        // A status that no code has for its own, such as 416: what the edge makes of it.
        codes.push(ErrorCode::InvalidRequest.as_str());
    }
    let mut response = json!({
        "description": messages.join(" "),
        "content": { "application/json": { "schema": {
            "allOf": [
                { "$ref": "#/components/schemas/Failure" },
                { "properties": { "error": { "properties": { "code": { "enum": codes } } } } },
            ],
        } } },
    });
    let mut names = HEADERS_OF_ALL.to_vec();
    match status {
        401 => names.push("WWW-Authenticate"),
        429 | 503 => names.push("Retry-After"),
        _ => {}
    }
    add_headers(&mut response, &names);
    response
}

/// The members of an object, where there is one. It is looked for with `get_mut`: an index that is
/// assigned to would put `null` where nothing was.
fn members(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flat_map(|members| members.iter_mut())
}
