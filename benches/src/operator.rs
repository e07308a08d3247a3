//! The operator's side of a run: makes and funds the project, signs people in, looks inside.

use std::net::SocketAddr;
use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use ureq::Agent;

use crate::error::BenchError;

/// Operator token of the throwaway server.
pub(crate) const OPERATOR_TOKEN: &str = "op_benchmark_only_4f1d2c7ab0e9958836a1";
/// HS256 secret of the throwaway server.
pub(crate) const JWT_SECRET: &str = "benchmark-only-secret-of-a-throwaway-server-on-the-loopback";

/// PRIV that the project can pay out: more than any run can earn.
const BUDGET_PRIV: u64 = 50_000_000;
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// Calls `/v1/admin` as the operator.
pub(crate) struct Operator {
    agent: Agent,
    base: String,
}

/// The project that events go to.
pub(crate) struct Project {
    /// Its publishable key.
    pub(crate) key: String,
}

/// What is in memory now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Users that have an actor.
    pub(crate) users: u64,
    /// Bytes that the server believes they take, if it says so.
    pub(crate) bytes: Option<u64>,
}

impl Operator {
    /// For the server at `address`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { agent: agent(CALL_WITHIN), base: format!("http://{address}/v1/admin") }
    }

    /// A project without limits, whose `track` events earn 0.1 PRIV each, with a full budget.
    pub(crate) fn create_project(&self) -> Result<Project, BenchError> {
        let project = self.post(
            "/projects",
            &json!({
                "name": "Benchmark",
                "plan": "enterprise",
                "consent_policy": "opt_out",
                "limits": {"daily_cap_priv": 100_000, "rates": {"track": 0.1}},
                "reason": "benchmark",
            }),
        )?;
        let id = text(&project, "/project_id")?;
        let key = text(&project, "/keys/pk_live")?;
        let mint = json!({"amount_priv": BUDGET_PRIV, "to": "treasury", "reason": "benchmark"});
        self.post("/mint", &mint)?;
        let budget = json!({"amount_priv": BUDGET_PRIV, "reason": "benchmark"});
        self.post(&format!("/projects/{id}/budget"), &budget)?;
        Ok(Project { key })
    }

    /// Which users are in memory.
    pub(crate) fn resident(&self) -> Result<Resident, BenchError> {
        let data = self.get("/actors")?;
        let user = find_kind(&data, "user").ok_or_else(|| BenchError::SetUp {
            call: "GET /v1/admin/actors".into(),
            reason: format!("no kind `user` with `resident` in {data}"),
        })?;
        let bytes = ["resident_bytes", "approx_bytes"]
            .iter()
            .find_map(|name| user[name].as_u64().or_else(|| data[name].as_u64()));
        Ok(Resident { users: user["resident"].as_u64().unwrap_or_default(), bytes })
    }

    /// Fails unless the ledger adds up.
    pub(crate) fn audit(&self) -> Result<(), BenchError> {
        let audit = self.get("/ledger/audit")?;
        if audit["difference_priv"].as_f64() == Some(0.0) {
            return Ok(());
        }
        Err(BenchError::DoesNotAddUp(format!("the ledger does not add up: {audit}")))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, BenchError> {
        let url = format!("{}{path}", self.base);
        let sent = self
            .agent
            .post(&url)
            .header("Authorization", format!("Bearer {OPERATOR_TOKEN}"))
            .content_type("application/json")
            .send(body.to_string());
        data_of(&format!("POST {path}"), sent)
    }

    fn get(&self, path: &str) -> Result<Value, BenchError> {
        let url = format!("{}{path}", self.base);
        let sent =
            self.agent.get(&url).header("Authorization", format!("Bearer {OPERATOR_TOKEN}")).call();
        data_of(&format!("GET {path}"), sent)
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

fn data_of(
    call: &str,
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
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

fn text(data: &Value, pointer: &str) -> Result<String, BenchError> {
    let found = data.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| BenchError::SetUp {
        call: "POST /projects".into(),
        reason: format!("no {pointer} in {data}"),
    })
}

/// The counters of a kind, whether kinds are members (`{"user":{…}}`) or a list
/// (`[{"kind":"user",…}]`), at any depth.
fn find_kind<'a>(data: &'a Value, kind: &str) -> Option<&'a Value> {
    let counts = |value: &Value| value["resident"].is_u64();
    match data {
        Value::Object(members) => {
            if members.get("kind").is_some_and(|named| named == kind) && counts(data) {
                return Some(data);
            }
            let direct = members.get(kind).filter(|value| counts(value));
            direct.or_else(|| members.values().find_map(|value| find_kind(value, kind)))
        }
        Value::Array(items) => items.iter().find_map(|item| find_kind(item, kind)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_users_are_found_in_either_shape() {
        let project = json!({"kind": "project", "resident": 1});
        for data in [
            json!({"user": {"resident": 3}, "project": {"resident": 1}}),
            json!({"kinds": {"project": {"resident": 1}, "user": {"resident": 3}}}),
            json!({"kinds": [project, {"kind": "user", "resident": 3}]}),
        ] {
            let user = find_kind(&data, "user").expect("it is there");
            assert_eq!(user["resident"], 3, "{data}");
        }
        assert_eq!(find_kind(&json!({"kinds": [project]}), "user"), None);
    }

    #[test]
    fn people_have_ids_of_one_length_so_that_digits_can_be_patched() {
        assert_eq!(person_id(7_u64), "00000000-0000-4000-8000-000000000007");
        assert_eq!(person_id(crate::request::USER), "00000000-0000-4000-8000-#USER#######");
    }
}
