//! Events that race with withdrawals of consent: once a withdrawal is answered, no more events are
//! stored.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::app::TestApp;
use super::caller::Caller;
use super::story::{TRACK, analytics_path, items, micros, track};
use super::tokens;

/// People who change their consent at the same time.
const PEOPLE: usize = 10;

/// How often each of them withdraws.
const ROUNDS: usize = 100;

/// Whether an event was sent before or after its withdrawal had been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    MaybeBefore,
    After,
}

#[test]
fn no_event_is_accepted_after_its_withdrawal_was_answered() {
    let app = TestApp::start_with(&[("RUST_LOG", "warn")]);
    let project = app.funded_project();
    let accepted: usize = std::thread::scope(|scope| {
        let person = |_| {
            let sub = tokens::new_person();
            let (person, key) = (app.person(&sub), app.key(&project.pk_live));
            scope.spawn(move || change_mind(&sub, &person, &key))
        };
        let people: Vec<_> = (0..PEOPLE).map(person).collect();
        people.into_iter().map(|p| p.join().expect("no promise was broken")).sum()
    });
    let answer = app.key(&project.pk_live).get(&analytics_path());
    assert_eq!(answer.ok()["total_events"], accepted, "stored is what was said to be stored");
    app.assert_balanced();
}

/// Runs one person's rounds; returns how many events were accepted in all.
fn change_mind(sub: &str, person: &Caller, key: &Caller) -> usize {
    let agree = json!({"analytics": true, "data_sharing": true});
    let mut accepted = 0;
    for round in 0..ROUNDS {
        person.post("/v1/user/consent", &agree).ok();
        assert_eq!(send(key, sub, &format!("{round}-first")), Ok(()), "agreed, then sent");
        accepted += 1 + race(sub, person, key, round);
    }
    let answer = person.get("/v1/user/balance");
    assert_eq!(micros(&answer.ok()["pending_rewards"]), accepted as i64 * TRACK);
    assert_eq!(person.get("/v1/user/consent").ok()["version"], 2 * ROUNDS);
    accepted
}

/// Withdraws once while another connection keeps sending; returns how many events were accepted.
fn race(sub: &str, person: &Caller, key: &Caller, round: usize) -> usize {
    let withdrawn = AtomicBool::new(false);
    let mut accepted = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let answer = person.try_post("/v1/user/consent", &json!({"analytics": false}));
            // Set before the answer is checked: the other side waits for this.
            withdrawn.store(true, Ordering::SeqCst);
            answer.expect("the withdrawal is answered").ok();
        });
        for n in 0.. {
            // Read before the event is sent, so the event can only be later than this says.
            let sent =
                if withdrawn.load(Ordering::SeqCst) { Sent::After } else { Sent::MaybeBefore };
            match (send(key, sub, &format!("{round}-{n}")), sent) {
                (Ok(()), Sent::MaybeBefore) => accepted += 1,
                (Ok(()), Sent::After) => {
                    panic!("round {round} of {sub}: event {n} was accepted after the withdrawal")
                }
                (Err(code), _) => assert_eq!(code, "consent_withdrawn"),
            }
            if sent == Sent::After {
                break;
            }
        }
    });
    accepted
}

/// Sends one event; returns the code under which it was dropped, if it was.
fn send(key: &Caller, sub: &str, id: &str) -> Result<(), String> {
    let answer = key.post("/v1/events", &track(sub, id));
    let data = answer.ok();
    match (data["accepted"].as_u64(), data["dropped"].as_u64()) {
        (Some(1), Some(0)) => Ok(()),
        (Some(0), Some(1)) => Err(items(data)[0]["code"].as_str().unwrap_or_default().to_owned()),
        _ => panic!("neither accepted nor dropped: {answer}"),
    }
}
