//! The steps with which most tests begin: a funded project, a person who agreed, some events.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::app::TestApp;
use super::caller::{Answer, Caller};

/// Micros in one PRIV.
pub(crate) const PRIV: i64 = 1_000_000;

/// The reward of one track event, in micros.
pub(crate) const TRACK: i64 = 1_000;

/// The reward of one page view, in micros.
pub(crate) const PAGE_VIEW: i64 = 500;

/// A project and its four keys.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) pk_live: String,
    pub(crate) sk_live: String,
    pub(crate) pk_test: String,
    pub(crate) sk_test: String,
}

impl Project {
    /// Reads the answer to the creation of a project.
    #[track_caller]
    pub(crate) fn from_created(data: &Value) -> Self {
        let text = |value: &Value, what: &str| {
            value.as_str().unwrap_or_else(|| panic!("no {what} in {data}")).to_owned()
        };
        let keys = &data["keys"];
        Self {
            id: text(&data["project_id"], "project_id"),
            pk_live: text(&keys["pk_live"], "pk_live"),
            sk_live: text(&keys["sk_live"], "sk_live"),
            pk_test: text(&keys["pk_test"], "pk_test"),
            sk_test: text(&keys["sk_test"], "sk_test"),
        }
    }

    /// The name under which operators know the project's own user `id`.
    pub(crate) fn user(&self, id: &str) -> String {
        format!("{}/u/{id}", self.id)
    }
}

impl TestApp {
    /// A project without limits that pays from a budget of 1,000 PRIV.
    #[track_caller]
    pub(crate) fn funded_project(&self) -> Project {
        let project = self.project(json!({}));
        self.fund(&project, 1_000);
        project
    }

    /// A project, enterprise and opt-in unless `changes` says otherwise.
    #[track_caller]
    pub(crate) fn project(&self, changes: Value) -> Project {
        let mut body = json!({"name": "Shop", "plan": "enterprise", "consent_policy": "opt_in"});
        for (name, value) in changes.as_object().expect("changes are an object") {
            body[name] = value.clone();
        }
        let answer = self.operator().post("/v1/admin/projects", &body);
        Project::from_created(answer.created())
    }

    /// Mints for the treasury and moves it to the project's reward budget.
    #[track_caller]
    pub(crate) fn fund(&self, project: &Project, amount_priv: i64) {
        let mint = json!({"amount_priv": amount_priv, "to": "treasury", "reason": "test"});
        self.operator().post("/v1/admin/mint", &mint).done();
        let budget = json!({"amount_priv": amount_priv, "reason": "test"});
        let path = format!("/v1/admin/projects/{}/budget", project.id);
        self.operator().post(&path, &budget).done();
    }

    /// A new person who consents to analytics and data sharing.
    #[track_caller]
    pub(crate) fn sharing_person(&self) -> (String, Caller) {
        let sub = super::tokens::new_person();
        let person = self.person(&sub);
        person.post("/v1/user/consent", &agree_to_sharing()).ok();
        (sub, person)
    }

    /// The ledger's audit, whose difference must be zero.
    #[track_caller]
    pub(crate) fn assert_balanced(&self) -> Value {
        let answer = self.operator().get("/v1/admin/ledger/audit");
        let audit = answer.ok();
        assert_eq!(micros(&audit["difference_priv"]), 0, "money appeared or vanished: {audit}");
        assert_eq!(audit["unreconciled"], serde_json::json!([]), "two ends don't fit");
        audit.clone()
    }

    /// The position of the last record in the journal.
    #[track_caller]
    pub(crate) fn appended(&self) -> u64 {
        let answer = self.operator().get("/v1/admin/journal");
        let appended = answer.ok()["appended"].as_u64();
        appended.unwrap_or_else(|| panic!("no appended position in {answer}"))
    }

    /// The journal's last position once nothing more is appended: all messages between actors have
    /// been handled, so anything that is appended later has a cause of its own.
    #[track_caller]
    pub(crate) fn appended_at_rest(&self) -> u64 {
        let mut last = self.appended();
        super::app::wait_for("the journal to come to rest", Duration::from_secs(20), || {
            // The deferred messages of projects are written within 100 ms, on a busy machine a
            // little later.
            std::thread::sleep(Duration::from_millis(400));
            let before = std::mem::replace(&mut last, self.appended());
            (before == last).then_some(last)
        })
    }
}

/// The preferences under which events are stored and earn.
pub(crate) fn agree_to_sharing() -> Value {
    json!({"analytics": true, "data_sharing": true, "source": "test", "policy_version": "1"})
}

/// A track event in the service's own format.
pub(crate) fn track(user_id: &str, event_id: &str) -> Value {
    json!({"event_type": "track", "event_name": "Bought", "user_id": user_id,
        "event_id": event_id, "properties": {"price": 12.5}, "consent_given": true})
}

/// A page view in the service's own format.
pub(crate) fn page_view(user_id: &str, event_id: &str, url: &str) -> Value {
    json!({"event_type": "page_view", "user_id": user_id, "event_id": event_id,
        "page_url": url, "page_title": "A page", "consent_given": true})
}

/// `count` track events with ids that begin with `prefix`.
pub(crate) fn tracks(user_id: &str, prefix: &str, count: usize) -> Vec<Value> {
    (0..count).map(|n| track(user_id, &format!("{prefix}-{n}"))).collect()
}

/// Sends a batch of new events, all of which must be accepted.
#[track_caller]
pub(crate) fn send_new(key: &Caller, events: &[Value]) -> i64 {
    let answer = key.post("/v1/events", &json!({"events": events}));
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(events.len()), "{answer}");
    micros(&answer.ok()["earned_priv"])
}

/// The counts in the answer to a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) accepted: u64,
    pub(crate) duplicates: u64,
    pub(crate) dropped: u64,
    pub(crate) rejected: u64,
}

impl Verdicts {
    /// The counts if all `count` events were stored.
    pub(crate) fn accepted(count: usize) -> Self {
        Self { accepted: count as u64, ..Self::default() }
    }

    /// The counts if all `count` events were duplicates.
    pub(crate) fn duplicates(count: usize) -> Self {
        Self { duplicates: count as u64, ..Self::default() }
    }

    /// Reads the counts from an answer.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        let data = answer.ok();
        let count = |name: &str| {
            data[name].as_u64().unwrap_or_else(|| panic!("`{name}` is not a count in {answer}"))
        };
        Self {
            accepted: count("accepted"),
            duplicates: count("duplicates"),
            dropped: count("dropped"),
            rejected: count("rejected"),
        }
    }
}

/// An amount in micros; as a number of PRIV it must have at most six decimals.
#[track_caller]
pub(crate) fn micros(amount: &Value) -> i64 {
    let amount = amount.as_f64().unwrap_or_else(|| panic!("{amount} is not an amount"));
    let micros = (amount * 1e6).round();
    assert!((amount * 1e6 - micros).abs() < 1e-3, "{amount} has more than six decimals");
    micros as i64
}

/// An amount as a number of PRIV, as the API writes it.
pub(crate) fn priv_of(micros: i64) -> Value {
    json!(micros as f64 / 1e6)
}

/// The one array in a list's `data`.
#[track_caller]
pub(crate) fn items(data: &Value) -> &Vec<Value> {
    let arrays = data.as_object().map(|o| o.values().filter_map(Value::as_array));
    arrays.and_then(|mut a| a.next()).unwrap_or_else(|| panic!("no list in {data}"))
}

/// The data without the members that may differ between two reads of the same state.
pub(crate) fn settled(mut data: Value) -> Value {
    const VOLATILE: [&str; 9] = [
        "as_of",
        "queued",
        "resident_since",
        "approx_bytes",
        "snapshot_position",
        "last_used",
        "last_used_at",
        "request_id",
        "next_cursor",
    ];
    match &mut data {
        Value::Object(members) => {
            let kept = std::mem::take(members).into_iter();
            *members = kept
                .filter(|(name, _)| !VOLATILE.contains(&name.as_str()))
                .map(|(name, value)| (name, settled(value)))
                .collect::<Map<_, _>>();
            data
        }
        Value::Array(values) => values.drain(..).map(settled).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => data,
    }
}

/// The path under which operators see a user.
pub(crate) fn actor_path(user: &str) -> String {
    format!("/v1/admin/actors/user/{}", encoded(user))
}

/// Text, percent-encoded for a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The path of `/v1/analytics` from yesterday to tomorrow, so that midnight does no harm.
pub(crate) fn analytics_path() -> String {
    let now = jiff::Timestamp::now();
    let day =
        |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).strftime("%F").to_string();
    format!("/v1/analytics?start_date={}&end_date={}", day(-24), day(24))
}
