//! Makes the calls that set a run up, one after another, each with the token of a person or the
//! operator.

use std::net::SocketAddr;
use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

use crate::error::BenchError;

/// HS256 secret of the throwaway server.
pub(crate) const JWT_SECRET: &str = "benchmark-only-secret-of-a-throwaway-server-on-the-loopback";

const CALL_WITHIN: Duration = Duration::from_secs(30);
const BOUNDARY: &str = "----benchmark";

/// Calls `/v1` with one token.
pub(crate) struct Client {
    agent: Agent,
    base: String,
    token: String,
}

impl Client {
    /// A client of the server at `address`.
    pub(crate) fn new(address: SocketAddr, token: String) -> Self {
        Self { agent: agent(CALL_WITHIN), base: format!("http://{address}/v1"), token }
    }

    /// The `data` of a GET.
    pub(crate) fn get(&self, path: &str) -> Result<Value, BenchError> {
        let call = self.agent.get(format!("{}{path}", self.base));
        data_of(&format!("GET {path}"), call.header("Authorization", self.authorization()).call())
    }

    /// The `data` of a POST of JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, BenchError> {
        self.post_bytes(path, "application/json", body.to_string().as_bytes())
    }

    /// Uploads a text, for sale.
    pub(crate) fn contribute(&self, content: &[u8]) -> Result<Value, BenchError> {
        let (head, foot) = form_around("text", "text/plain");
        let body = [head.as_bytes(), content, foot.as_bytes()].concat();
        self.post_bytes("/contributions/upload", &form_type(), &body)
    }

    fn post_bytes(&self, path: &str, kind: &str, body: &[u8]) -> Result<Value, BenchError> {
        let call = self.agent.post(format!("{}{path}", self.base));
        let call = call.header("Authorization", self.authorization()).content_type(kind);
        data_of(&format!("POST {path}"), call.send(body))
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// A client that takes every status as an answer and never goes through a proxy.
pub(crate) fn agent(within: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(within))
        .build()
        .into()
}

/// The content type of an upload's form.
pub(crate) fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The bytes before and after the content in the form of an upload that may be sold.
pub(crate) fn form_around(contribution_type: &str, media_type: &str) -> (String, String) {
    let part = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=");
    let head = format!(
        "{part}\"contribution_type\"\r\n\r\n{contribution_type}\r\n\
         {part}\"consent_commercial\"\r\n\r\ntrue\r\n\
         {part}\"file\"; filename=\"benchmark\"\r\ncontent-type: {media_type}\r\n\r\n"
    );
    (head, format!("\r\n--{BOUNDARY}--\r\n"))
}

/// The user id of the n-th person. A UUID, so it names a person rather than a project's user.
pub(crate) fn person_id(number: impl std::fmt::Display) -> String {
    format!("00000000-0000-4000-8000-{number:0>12}")
}

/// A token for the n-th person, good for a day.
pub(crate) fn person_token(number: u64) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "sub": person_id(number),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": now + 86_400,
    });
    jsonwebtoken::encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(JWT_SECRET.as_bytes()),
    )
    .expect("HS256 signs any claims")
}

/// A text in an answer's data.
pub(crate) fn text(data: &Value, pointer: &str) -> Result<String, BenchError> {
    let found = data.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| BenchError::SetUp {
        call: "setting up".into(),
        reason: format!("no {pointer} in {data}"),
    })
}

/// The data of an answer, which must be a success.
pub(crate) fn data_of(
    call: &str,
    sent: Result<Response<ureq::Body>, ureq::Error>,
) -> Result<Value, BenchError> {
    let failed = |reason| BenchError::SetUp { call: call.to_owned(), reason };
    let mut response = sent.map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    let body = response.body_mut().read_to_string().map_err(|error| failed(error.to_string()))?;
    let mut answer: Value = serde_json::from_str(&body).unwrap_or_default();
    if !status.is_success() || answer["success"] != true {
        return Err(failed(format!("status {status} with {body}")));
    }
    Ok(answer["data"].take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_ids_of_one_length_so_that_digits_can_be_patched() {
        assert_eq!(person_id(7_u64), "00000000-0000-4000-8000-000000000007");
        assert_eq!(person_id(crate::request::USER), "00000000-0000-4000-8000-#USER#######");
    }
}
