//! Callers of the service, and the answers that they get.
//!
//! Every caller (anonymous, key, person, operator) shares one request helper, and every answer is
//! checked as a whole: status, envelope, rate headers, request id.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use ureq::{Agent, Body};

use super::contract;

/// One client with one credential and a pool of kept-alive connections.
#[derive(Clone)]
pub(crate) struct Caller {
    agent: Agent,
    base: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Caller {
    /// A client of the service at `base` without a credential.
    pub(crate) fn new(base: &str) -> Self {
        Self { agent: new_agent(), base: base.to_owned(), headers: Vec::new() }
    }

    /// The same caller with `Authorization: Bearer <credential>`.
    pub(crate) fn bearer(&self, credential: &str) -> Self {
        self.with("authorization", format!("Bearer {credential}"))
    }

    /// The same caller with an `Idempotency-Key`.
    pub(crate) fn keyed(&self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// The same caller with one more header; a header of that name is replaced.
    pub(crate) fn with(&self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().expect("tests name headers correctly");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("no control characters in it");
        let mut caller = self.clone();
        caller.headers.retain(|(other, _)| *other != name);
        caller.headers.push((name, value));
        caller
    }

    /// The same caller on connections of its own.
    pub(crate) fn on_its_own_connection(&self) -> Self {
        Self { agent: new_agent(), ..self.clone() }
    }

    /// The base URL of the service, such as `http://127.0.0.1:8080`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Method::GET, path, None)
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(&Method::DELETE, path, None)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&Method::POST, path, Some(body.to_string().as_bytes()))
    }

    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(&Method::PATCH, path, Some(body.to_string().as_bytes()))
    }

    /// Posts a body that need not be JSON.
    #[track_caller]
    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> Answer {
        self.send(&Method::POST, path, Some(body))
    }

    /// Sends a request that must get some answer.
    #[track_caller]
    pub(crate) fn send(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Answer {
        match self.try_send(method, path, body) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path} was not answered: {error}"),
        }
    }

    /// Posts to a server that may die meanwhile.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Result<Answer, ureq::Error> {
        self.try_send(&Method::POST, path, Some(body.to_string().as_bytes()))
    }

    /// Sends to a server that may die meanwhile.
    pub(crate) fn try_send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut response = self.run(&self.agent, method, path, body)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.body_mut().with_config().limit(256 << 20).read_to_vec()?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let answer = Answer { call: format!("{method} {path}"), status, headers, body, json };
        contract::check(method, path, &answer);
        Ok(answer)
    }

    /// Opens a response that does not end, such as a stream of server-sent events.
    pub(crate) fn open(&self, path: &str) -> Response<Body> {
        // A stream may last longer than a request; each read still has its limit.
        let config = agent_config().timeout_global(None).timeout_per_read(Some(PATIENCE)).build();
        let response = self.run(&Agent::new_with_config(config), &Method::GET, path, None);
        response.unwrap_or_else(|error| panic!("GET {path} was not answered: {error}"))
    }

    fn run(
        &self,
        agent: &Agent,
        method: &Method,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let headers = request.headers_mut().expect("method and address are well formed");
        if body.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let well_formed = "method and address are well formed";
        match body {
            None if *method == Method::GET => agent.run(request.body(()).expect(well_formed)),
            _ => agent.run(request.body(body.unwrap_or_default().to_vec()).expect(well_formed)),
        }
    }
}

/// The time that a single request, or a single read from a stream, may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn new_agent() -> Agent {
    Agent::new_with_config(agent_config().build())
}

fn agent_config() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
}

/// The answer to a request.
pub(crate) struct Answer {
    /// The request's method and path, for messages.
    pub(crate) call: String,
    /// The HTTP status code.
    pub(crate) status: u16,
    /// The answer's headers.
    pub(crate) headers: HeaderMap,
    /// The body's bytes, decompressed.
    pub(crate) body: Vec<u8>,
    /// The body as JSON; null if it is something else.
    pub(crate) json: Value,
}

impl Answer {
    /// The `data` of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> &Value {
        self.data(200)
    }

    /// The `data` of a 201.
    #[track_caller]
    pub(crate) fn created(&self) -> &Value {
        self.data(201)
    }

    /// The `data` of a 200 or a 201, for tests that don't care which.
    #[track_caller]
    pub(crate) fn done(&self) -> &Value {
        self.data(if self.status == 200 { 200 } else { 201 })
    }

    /// The `data` of a success with this status.
    #[track_caller]
    pub(crate) fn data(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "status of {self}");
        assert_eq!(self.json["success"], true, "envelope of {self}");
        assert!(self.json.get("error").is_none(), "a success without error: {self}");
        self.assert_common_headers();
        self.json.get("data").unwrap_or_else(|| panic!("no data in {self}"))
    }

    /// The `error` of a refusal with this status and code, once its envelope has been checked.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Value {
        let found = (self.status, self.json["error"]["code"].as_str().unwrap_or_default());
        assert_eq!(found, (status, code), "status and code of {self}");
        self.error()
    }

    /// The `error` of any refusal, once its envelope has been checked.
    #[track_caller]
    pub(crate) fn error(&self) -> &Value {
        assert_eq!(self.json["success"], false, "envelope of {self}");
        assert!(self.json.get("data").is_none(), "a refusal without data: {self}");
        let error = &self.json["error"];
        for member in ["code", "message", "doc_url", "request_id"] {
            let text = error[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "`{member}` is missing in {self}");
        }
        assert_eq!(
            error["request_id"].as_str(),
            self.header("x-request-id"),
            "request id of {self}"
        );
        assert_eq!(self.header("content-type").map(is_json), Some(true), "content type of {self}");
        self.assert_common_headers();
        error
    }

    /// A refusal that names `reason`, as `error.reason` or as the issue of one of its details.
    #[track_caller]
    pub(crate) fn refused_because(&self, status: u16, code: &str, reason: &str) -> &Value {
        let error = self.refused(status, code);
        let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = error["reason"] == reason
            || details.iter().any(|d| d["issue"].as_str().is_some_and(|i| i.contains(reason)));
        assert!(named, "`{reason}` is not named in {self}");
        error
    }

    /// The value of a header; `None` if it is missing or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All values of a header that may be repeated.
    pub(crate) fn headers_joined(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(", ")
    }

    /// Whether this is a replay of an earlier answer.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    #[track_caller]
    fn assert_common_headers(&self) {
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "no id on {self}");
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            let number = self.header(name).and_then(|text| text.parse::<u64>().ok());
            assert!(number.is_some(), "`{name}` must be a whole number on {self}");
        }
        if matches!(self.status, 429 | 503) {
            let seconds = self.header("retry-after").and_then(|text| text.parse::<u64>().ok());
            assert!(seconds.is_some(), "no Retry-After on {self}");
        }
    }
}

fn is_json(content_type: &str) -> bool {
    content_type.starts_with("application/json")
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(2_000).collect();
        write!(f, "{} → {} {:?} {shown}", self.call, self.status, self.headers)
    }
}
