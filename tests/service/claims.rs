//! Claims are paid once, in part if asked, not below the minimum, and never beyond the budget.

use std::sync::Barrier;

use serde_json::json;

use super::app::TestApp;
use super::caller::{Answer, Caller};
use super::story::{PRIV, TRACK, micros, priv_of, send_new, track, tracks};

fn claim(person: &Caller) -> Answer {
    person.post("/v1/user/earnings/claim", &json!({}))
}

/// A person's balance and pending rewards, in micros.
#[track_caller]
fn balances(person: &Caller) -> (i64, i64) {
    let answer = person.get("/v1/user/balance");
    (micros(&answer.ok()["priv_balance"]), micros(&answer.ok()["pending_rewards"]))
}

#[test]
fn claiming_from_50_connections_at_once_pays_once() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 100));
    let start = Barrier::new(50);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let send = || {
            let person = person.on_its_own_connection();
            // Connected before the start, so that the claims really meet.
            person.get("/v1/user/balance").ok();
            start.wait();
            claim(&person)
        };
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|t| t.join().expect("the claim was answered")).collect()
    });
    let paid: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(paid.len(), 1, "claims that were paid");
    assert_eq!(micros(&paid[0].created()["claimed_priv"]), 100 * TRACK);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        if answer.status == 409 {
            answer.refused(409, "CONFLICT");
        } else {
            answer.refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
        }
    }
    assert_eq!(balances(&person), (100 * TRACK, 0));
    app.assert_balanced();
}

#[test]
fn a_part_can_be_claimed_and_then_the_rest() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 100));
    let part = person.post("/v1/user/earnings/claim", &json!({"amount_priv": 0.025}));
    assert_eq!(micros(&part.created()["claimed_priv"]), 25 * TRACK);
    assert_eq!(micros(&part.created()["pending_rewards"]), 75 * TRACK);
    assert_eq!(balances(&person), (25 * TRACK, 75 * TRACK));
    let more = person.post("/v1/user/earnings/claim", &json!({"amount_priv": 0.0750001}));
    more.refused(400, "VALIDATION_ERROR");
    let more = person.post("/v1/user/earnings/claim", &json!({"amount_priv": 0.076}));
    more.refused(400, "VALIDATION_ERROR");
    assert_eq!(balances(&person), (25 * TRACK, 75 * TRACK), "a refused claim changes nothing");
    assert_eq!(micros(&claim(&person).created()["claimed_priv"]), 75 * TRACK);
    assert_eq!(balances(&person), (100 * TRACK, 0));
    app.assert_balanced();
}

#[test]
fn a_claim_gathers_what_several_projects_owe() {
    let app = TestApp::start();
    let (sub, person) = app.sharing_person();
    for (n, count) in [(0, 10), (1, 20), (2, 30)] {
        let project = app.funded_project();
        send_new(&app.key(&project.pk_live), &tracks(&sub, &format!("p{n}"), count));
    }
    assert_eq!(micros(&claim(&person).created()["claimed_priv"]), 60 * TRACK);
    assert_eq!(balances(&person), (60 * TRACK, 0));
    app.assert_balanced();
}

#[test]
fn nothing_and_too_little_cannot_be_claimed() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    claim(&person).refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 9));
    claim(&person).refused_because(400, "VALIDATION_ERROR", "below_minimum");
    send_new(&app.key(&project.pk_live), &[track(&sub, "one-more")]);
    let little = person.post("/v1/user/earnings/claim", &json!({"amount_priv": 0.009999}));
    little.refused_because(400, "VALIDATION_ERROR", "below_minimum");
    assert_eq!(micros(&claim(&person).created()["claimed_priv"]), 10 * TRACK);
    claim(&person).refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
}

#[test]
fn without_a_budget_events_are_stored_and_earn_nothing() {
    let app = TestApp::start();
    let project = app.project(json!({}));
    let (sub, person) = app.sharing_person();
    assert_eq!(send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 10)), 0);
    assert_eq!(balances(&person), (0, 0));
    claim(&person).refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
}

#[test]
fn what_the_budget_cannot_cover_stays_pending_until_it_can() {
    let app = TestApp::start();
    let project = app.project(json!({}));
    let key = app.key(&project.pk_live);
    app.fund(&project, 1);
    // Eight people are promised more than the budget has, at the same time.
    let people: Vec<_> = (0..8).map(|_| app.sharing_person()).collect();
    std::thread::scope(|scope| {
        for (sub, _) in &people {
            let key = key.on_its_own_connection();
            scope.spawn(move || send_new(&key, &tracks(sub, "e", 400)));
        }
    });
    let promised: i64 = people.iter().map(|(_, person)| balances(person).1).sum();
    let mut paid = 0;
    for (_, person) in &people {
        let (_, pending) = balances(person);
        let answer = claim(person);
        if pending == 0 {
            answer.refused_because(400, "VALIDATION_ERROR", "nothing_to_claim");
            continue;
        }
        let answer = answer.created();
        let claimed = micros(&answer["claimed_priv"]);
        assert_eq!(micros(&answer["unfunded_priv"]), pending - claimed, "{answer}");
        assert_eq!(balances(person), (claimed, pending - claimed));
        paid += claimed;
    }
    assert_eq!(paid, promised.min(PRIV), "the budget is paid out, and not more");
    app.assert_balanced();

    app.fund(&project, 10);
    for (_, person) in &people {
        let (balance, pending) = balances(person);
        if pending > 0 {
            assert_eq!(micros(&claim(person).created()["claimed_priv"]), pending);
            assert_eq!(balances(person), (balance + pending, 0));
        }
    }
    let balances: i64 = people.iter().map(|(_, person)| balances(person).0).sum();
    assert_eq!(balances, promised);
    app.assert_balanced();
}

#[test]
fn a_day_earns_no_more_than_the_cap() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);
    let day = || jiff::Timestamp::now().strftime("%F").to_string();
    let today = day();
    let earned: i64 = (0..5).map(|n| send_new(&key, &tracks(&sub, &format!("e{n}"), 2_100))).sum();
    // A run across midnight has two days, and 10,500 events do not reach two caps.
    let expected = if day() == today { 10 * PRIV } else { earned };
    assert_eq!((earned, balances(&person)), (expected, (0, expected)));
    let more =
        person.post("/v1/user/earnings/claim", &json!({"amount_priv": priv_of(expected + 1)}));
    more.refused(400, "VALIDATION_ERROR");
    assert_eq!(micros(&claim(&person).created()["claimed_priv"]), expected);
}
