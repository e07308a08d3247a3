//! The operator's side of a run: makes and funds the project, looks inside.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::error::BenchError;

/// Operator token of the throwaway server.
pub(crate) const OPERATOR_TOKEN: &str = "op_benchmark_only_4f1d2c7ab0e9958836a1";

/// PRIV that the project can pay out: more than any run can earn.
const BUDGET_PRIV: u64 = 50_000_000;

/// Calls `/v1/admin` as the operator.
pub(crate) struct Operator(Client);

/// The project that events go to.
pub(crate) struct Project {
    /// The project's publishable key.
    pub(crate) key: String,
}

/// The users that are in memory now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Users that have an actor.
    pub(crate) users: u64,
    /// Bytes that the server believes they take, if it says so.
    pub(crate) bytes: Option<u64>,
}

impl Operator {
    /// An operator's client of the server at `address`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(Client::new(address, OPERATOR_TOKEN.to_owned()))
    }

    /// A project without limits, whose `track` events earn 0.1 PRIV each, with a full budget.
    pub(crate) fn create_project(&self) -> Result<Project, BenchError> {
        let project = self.0.post(
            "/admin/projects",
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
        self.0.post("/admin/mint", &mint)?;
        let budget = json!({"amount_priv": BUDGET_PRIV, "reason": "benchmark"});
        self.0.post(&format!("/admin/projects/{id}/budget"), &budget)?;
        Ok(Project { key })
    }

    /// Asks how many users are in memory.
    pub(crate) fn resident(&self) -> Result<Resident, BenchError> {
        let data = self.0.get("/admin/actors")?;
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
        let audit = self.0.get("/admin/ledger/audit")?;
        if audit["difference_priv"].as_f64() == Some(0.0) {
            return Ok(());
        }
        Err(BenchError::DoesNotAddUp(format!("the ledger does not add up: {audit}")))
    }
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
}
