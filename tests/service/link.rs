//! Linking a project's users to a person, with the project's proof or a wallet's signature.

use serde_json::{Value, json};

use super::app::TestApp;
use super::story::{TRACK, Verdicts, micros, send_new, tracks};
use super::tokens;

/// An anonymous visitor of the project who shares and has earned `events` tracks.
fn earning_visitor(app: &TestApp, secret: &str, id: &str, events: usize) {
    let consent = json!({"anonymous_id": id, "analytics": true, "data_sharing": true});
    app.key(secret).post("/v1/user/consent", &consent).ok();
    send_new(&app.key(secret), &visitor_tracks(id, "before", events));
}

fn visitor_tracks(id: &str, prefix: &str, events: usize) -> Vec<Value> {
    let mut tracks = tracks("nobody", prefix, events);
    for track in &mut tracks {
        let members = track.as_object_mut().expect("an event is an object");
        members.remove("user_id");
        members.insert("anonymous_id".to_owned(), json!(id));
    }
    tracks
}

fn proof(app: &TestApp, secret: &str, naming: &Value) -> String {
    let answer = app.key(secret).post("/v1/user/link/proof", naming);
    answer.ok()["proof"].as_str().expect("a proof is text").to_owned()
}

#[test]
fn linking_moves_what_was_earned_once_and_later_events_are_the_persons() {
    let mut app = TestApp::start();
    let project = app.funded_project();
    earning_visitor(&app, &project.sk_live, "v-1", 30);
    let sub = tokens::new_person();
    let person = app.person(&sub);
    let proof = proof(&app, &project.sk_live, &json!({"anonymous_id": "v-1"}));
    let linked = person.post("/v1/user/link", &json!({"proof": proof}));
    assert_eq!(micros(&linked.ok()["moved_pending_priv"]), 30 * TRACK);
    let again = person.post("/v1/user/link", &json!({"proof": proof}));
    assert_eq!(micros(&again.ok()["moved_pending_priv"]), 0, "once");

    let balance = person.get("/v1/user/balance");
    assert_eq!(micros(&balance.ok()["pending_rewards"]), 30 * TRACK);
    assert_eq!(balance.ok()["anonymous_id"], "v-1");
    // The visitor's consent holds for the person, who was never asked.
    assert_eq!(balance.ok()["data_sharing_enabled"], true);
    let earnings = person.get("/v1/user/earnings");
    assert_eq!(micros(&earnings.ok()["totals"]["events"]), 30 * TRACK);

    app.kill9();
    app.resume();
    let key = app.key(&project.pk_live);
    let repeat = key.post("/v1/events", &json!({"events": visitor_tracks("v-1", "before", 30)}));
    assert_eq!(Verdicts::of(&repeat), Verdicts::duplicates(30), "paid before, as the visitor");
    assert_eq!(send_new(&key, &visitor_tracks("v-1", "after", 5)), 5 * TRACK);
    let person = app.person(&sub);
    assert_eq!(micros(&person.get("/v1/user/balance").ok()["pending_rewards"]), 35 * TRACK);
    let claim = person.post("/v1/user/earnings/claim", &json!({}));
    assert_eq!(micros(&claim.created()["claimed_priv"]), 35 * TRACK);
    app.assert_balanced();

    let stranger = app.person(&tokens::new_person());
    let refused = stranger.post("/v1/user/link", &json!({"proof": proof}));
    refused.refused_because(409, "CONFLICT", "already_linked");
}

#[test]
fn a_withdrawal_is_not_forgotten_by_linking() {
    let app = TestApp::start();
    let project = app.project(json!({"consent_policy": "opt_out"}));
    let refusal = json!({"anonymous_id": "v-2", "analytics": false});
    app.key(&project.sk_live).post("/v1/user/consent", &refusal).ok();
    let person = app.person(&tokens::new_person());
    let proof = proof(&app, &project.sk_live, &json!({"anonymous_id": "v-2"}));
    person.post("/v1/user/link", &json!({"proof": proof})).ok();
    let batch = json!({"events": visitor_tracks("v-2", "after", 2)});
    let answer = app.key(&project.pk_live).post("/v1/events?verbose=1", &batch);
    assert_eq!(answer.ok()["dropped"], 2, "{answer}");
    assert!(answer.json.to_string().contains("consent_withdrawn"), "{answer}");
}

#[test]
fn proofs_of_others_and_wallets_without_their_key_link_nothing() {
    let app = TestApp::start();
    let (one, two) = (app.funded_project(), app.funded_project());
    earning_visitor(&app, &one.sk_live, "v-3", 20);
    let person = app.person(&tokens::new_person());
    let genuine =
        proof(&app, &one.sk_live, &json!({"anonymous_id": "v-3", "person_id": "someone"}));
    person.post("/v1/user/link", &json!({"proof": genuine})).refused(403, "FORBIDDEN");
    // Another project's visitor of the same name is another visitor.
    let others = proof(&app, &two.sk_live, &json!({"anonymous_id": "v-3"}));
    let linked = person.post("/v1/user/link", &json!({"proof": others}));
    assert_eq!(micros(&linked.ok()["moved_pending_priv"]), 0);
    let mut forged = genuine.clone().into_bytes();
    forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("base64 is text");
    person.post("/v1/user/link", &json!({"proof": forged})).refused(400, "VALIDATION_ERROR");
    let wallet = json!({
        "wallet_address": "0xde709f2102306220921060314715629080e2fb77",
        "signature": format!("0x{}1b", "11".repeat(64)),
    });
    person.post("/v1/user/link", &wallet).refused(400, "VALIDATION_ERROR");
    let uuid = json!({"user_id": "6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d"});
    app.key(&one.sk_live).post("/v1/user/link/proof", &uuid).refused(400, "VALIDATION_ERROR");
}

#[test]
fn privacy_control_stops_earning_until_the_person_says_yes_again() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);
    assert_eq!(send_new(&key, &tracks(&sub, "a", 1)), TRACK);
    assert_eq!(send_new(&key.with("sec-gpc", "1"), &tracks(&sub, "b", 1)), 0);
    assert_eq!(send_new(&key, &tracks(&sub, "c", 1)), 0, "also on roads without the header");
    person.post("/v1/user/consent", &json!({"data_sharing": true})).ok();
    assert_eq!(send_new(&key.with("sec-gpc", "1"), &tracks(&sub, "d", 1)), TRACK);
}
