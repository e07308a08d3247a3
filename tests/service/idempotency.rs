//! A repeated request gets the first answer: at once, after a restart, after a kill.

use std::sync::Barrier;

use serde_json::{Value, json};

use super::app::TestApp;
use super::caller::{Answer, Caller};
use super::story::{TRACK, Verdicts, agree_to_sharing, micros, send_new, tracks};

/// A call that changes something, with another body for the same key.
struct Change {
    caller: Who,
    path: String,
    body: Value,
    other: Value,
}

#[derive(Clone, Copy)]
enum Who {
    Person,
    Operator,
    SecretKey,
}

/// A service, a person who uses it, and every kind of change that can be asked of it.
struct Setting {
    app: TestApp,
    sub: String,
    secret: String,
    changes: Vec<Change>,
}

impl Setting {
    fn new() -> Self {
        let app = TestApp::start();
        let project = app.funded_project();
        let (sub, _) = app.sharing_person();
        send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 100));
        let project_path = format!("/v1/admin/projects/{}", project.id);
        let change =
            |caller, path: &str, body, other| Change { caller, path: path.to_owned(), body, other };
        let changes = vec![
            change(
                Who::Person,
                "/v1/user/consent",
                json!({"analytics": true, "data_sharing": true, "marketing": true}),
                json!({"analytics": true, "data_sharing": true, "marketing": false}),
            ),
            change(
                Who::Person,
                "/v1/user/earnings/claim",
                json!({"amount_priv": 0.03}),
                json!({"amount_priv": 0.04}),
            ),
            change(
                Who::Operator,
                "/v1/admin/mint",
                json!({"amount_priv": 5, "to": "treasury", "reason": "one"}),
                json!({"amount_priv": 6, "to": "treasury", "reason": "one"}),
            ),
            change(
                Who::Operator,
                &format!("{project_path}/budget"),
                json!({"amount_priv": 2, "reason": "one"}),
                json!({"amount_priv": 3, "reason": "one"}),
            ),
            change(
                Who::Operator,
                "/v1/admin/projects",
                json!({"name": "Once", "plan": "pro", "consent_policy": "opt_in"}),
                json!({"name": "Twice", "plan": "pro", "consent_policy": "opt_in"}),
            ),
            change(
                Who::SecretKey,
                "/v1/events",
                // The events have no ids, so that only the key can recognise the repeat.
                json!({"events": [{"event_type": "track", "event_name": "x", "user_id": sub}]}),
                json!({"events": [{"event_type": "track", "event_name": "y", "user_id": sub}]}),
            ),
        ];
        Self { app, sub, secret: project.sk_live, changes }
    }

    fn caller(&self, who: Who) -> Caller {
        match who {
            Who::Person => self.app.person(&self.sub),
            Who::Operator => self.app.operator(),
            Who::SecretKey => self.app.key(&self.secret),
        }
    }

    fn send(&self, change: &Change, body: &Value) -> Answer {
        self.caller(change.caller).keyed("the-key").post(&change.path, body)
    }

    /// Sends everything again: the same body is replayed, another one refused, and nothing is
    /// added.
    #[track_caller]
    fn assert_replayed(&self, first: &[Answer]) {
        let appended = self.app.appended_at_rest();
        for (change, first) in self.changes.iter().zip(first) {
            let again = self.send(change, &change.body);
            assert!(again.is_replayed(), "not said to be a replay: {again}");
            assert_eq!((again.status, &again.json), (first.status, &first.json), "{again}");
            assert_eq!(again.header("location"), first.header("location"), "{again}");
            self.send(change, &change.other).refused(422, "IDEMPOTENCY_MISMATCH");
        }
        assert_eq!(self.app.appended_at_rest(), appended, "a repeat was journaled");
    }
}

#[test]
fn a_repeat_gives_the_first_answer_also_after_a_restart_and_a_kill() {
    let mut setting = Setting::new();
    let first: Vec<Answer> = setting
        .changes
        .iter()
        .map(|change| {
            let answer = setting.send(change, &change.body);
            answer.done();
            assert!(!answer.is_replayed(), "{answer}");
            answer
        })
        .collect();
    setting.assert_replayed(&first);
    setting.app.restart();
    setting.assert_replayed(&first);
    setting.app.kill9();
    setting.app.resume();
    setting.assert_replayed(&first);
    setting.app.kill9();
    setting.app.delete_sled();
    setting.app.resume();
    setting.assert_replayed(&first);

    let person = setting.app.person(&setting.sub);
    let balance = person.get("/v1/user/balance");
    assert_eq!(micros(&balance.ok()["priv_balance"]), 30 * TRACK);
    assert_eq!(micros(&balance.ok()["earned_total"]), 101 * TRACK);
    assert_eq!(person.get("/v1/user/consent").ok()["version"], 2);
    let audit = setting.app.assert_balanced();
    assert_eq!(micros(&audit["minted"]), 1_005_000_000, "{audit}");
}

#[test]
fn a_key_belongs_to_one_caller_and_one_route() {
    let app = TestApp::start();
    let (_, one) = app.sharing_person();
    let (_, two) = app.sharing_person();
    let marketing = json!({"marketing": true});
    for person in [&one, &two] {
        let answer = person.keyed("mine").post("/v1/user/consent", &marketing);
        assert!(!answer.is_replayed(), "{answer}");
        assert_eq!(answer.ok()["version"], 2);
    }
    let answer = one.keyed("mine").post("/v1/user/earnings/claim", &json!({}));
    answer.refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
}

#[test]
fn a_refusal_does_not_use_the_key_up() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let person = person.keyed("claim-1");
    let claim = || person.post("/v1/user/earnings/claim", &json!({}));
    claim().refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 20));
    assert_eq!(micros(&claim().created()["claimed_priv"]), 20 * TRACK);
}

#[test]
fn one_key_from_many_connections_at_once_has_one_effect() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 100));
    let start = Barrier::new(20);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let send = || {
            let person = person.on_its_own_connection().keyed("once");
            start.wait();
            person.post("/v1/user/earnings/claim", &json!({"amount_priv": 0.02}))
        };
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|t| t.join().expect("the call was answered")).collect()
    });
    let mut claims = std::collections::BTreeSet::new();
    for answer in &answers {
        if answer.status == 201 {
            claims.insert(answer.created()["claim_id"].to_string());
        } else {
            answer.refused_because(409, "CONFLICT", "request_in_flight");
        }
    }
    assert_eq!(claims.len(), 1, "{claims:?}");
    assert_eq!(micros(&person.get("/v1/user/balance").ok()["priv_balance"]), 20 * TRACK);
    app.assert_balanced();
}

#[test]
fn an_event_id_is_known_again_after_a_restart_and_a_kill() {
    let mut app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    person.post("/v1/user/consent", &agree_to_sharing()).ok();
    let batch = json!({"events": tracks(&sub, "e", 50)});
    let send = |app: &TestApp| Verdicts::of(&app.key(&project.pk_live).post("/v1/events", &batch));
    assert_eq!(send(&app), Verdicts::accepted(50));
    assert_eq!(send(&app), Verdicts::duplicates(50));
    app.restart();
    assert_eq!(send(&app), Verdicts::duplicates(50));
    app.kill9();
    app.resume();
    assert_eq!(send(&app), Verdicts::duplicates(50));
    let twice = [tracks(&sub, "f", 1), tracks(&sub, "f", 1)].concat();
    let twice = json!({"events": twice});
    let answer = app.key(&project.pk_live).post("/v1/events", &twice);
    let expected = Verdicts { accepted: 1, duplicates: 1, ..Verdicts::default() };
    assert_eq!(Verdicts::of(&answer), expected, "within one batch");
    let balance = app.person(&sub).get("/v1/user/balance");
    assert_eq!(micros(&balance.ok()["pending_rewards"]), 51 * TRACK);
}
