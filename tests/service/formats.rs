//! Data directories of earlier formats, made by the binaries of their time, are opened, verified and
//! continued. `tests/data/README.md` says what is in them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::app::TestApp;
use super::market::path_of;
use super::story::{PRIV, micros};

/// A directory of the first journal format, not started yet, and what was known of it.
fn format_1() -> (TestApp, Value) {
    let app = TestApp::stopped(&[("PRIV_JOURNAL_SEGMENT_BYTES", "262144")]);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(data.join("format-1.tar.gz"))
        .arg("-C")
        .arg(app.data_dir().parent().expect("it has a parent"))
        .status();
    assert!(unpacked.expect("tar runs").success());
    let known = std::fs::read_to_string(data.join("format-1.json")).expect("is there");
    (app, serde_json::from_str(&known).expect("JSON"))
}

fn text<'a>(known: &'a Value, name: &str) -> &'a str {
    known[name].as_str().expect("a text")
}

#[test]
fn a_directory_of_the_first_format_is_verified_and_shows_what_it_showed() {
    let (mut app, known) = format_1();
    app.assert_verified();
    app.resume();
    for who in ["seller", "buyer"] {
        let shown = app.person(text(&known, who)).get("/v1/user/balance");
        for (name, before) in known["balances"][who].as_object().expect("an object") {
            assert_eq!(shown.ok()[name], *before, "{who}'s {name}");
        }
    }
    let audit = app.operator().get("/v1/admin/ledger/audit");
    for (name, before) in known["ledger"].as_object().expect("an object") {
        assert_eq!(audit.ok()[name], *before, "{name} of the ledger");
    }
    let contribution = format!("/v1/contributions/{}", text(&known, "contribution"));
    let contribution = app.person(text(&known, "seller")).get(&contribution);
    assert_eq!(contribution.ok()["metadata"]["language"], "en");
    assert_eq!(contribution.ok()["status"], "approved");
    let purchase = format!("/v1/marketplace/wallet/purchases/{}", text(&known, "purchase"));
    let buyer = app.person(text(&known, "buyer"));
    assert_eq!(buyer.get(&purchase).ok()["listing_id"], known["listing"]);
    let files = buyer.get(&format!("{purchase}/download"));
    let file = path_of(files.ok()["files"][0]["url"].as_str().expect("a link"));
    let mut content = app.anonymous().open(&file);
    let content = content.body_mut().read_to_string().expect("text");
    assert_eq!(content, text(&known, "text"));
}

#[test]
fn a_directory_of_the_first_format_goes_on() {
    let (mut app, known) = format_1();
    app.resume();
    let seller = text(&known, "seller");
    let event = |id: &str| json!({"event_type": "track", "event_name": "a", "event_id": id, "user_id": seller});
    let again = json!({"events": [event("7"), event("new")]});
    let sent = app.key(text(&known, "secret_key")).post("/v1/events", &again);
    // Ids are known again for three days: later the old one is a new event.
    assert_eq!(sent.ok()["rejected"], 0);
    assert!(sent.ok()["accepted"].as_u64().expect("a number") >= 1);
    // Money that was there is claimed, and spent.
    let claimed = app.person(seller).post("/v1/user/earnings/claim", &json!({}));
    assert!(micros(&claimed.created()["claimed_priv"]) > PRIV);
    let listing = format!("/v1/marketplace/wallet/listings/{}", text(&known, "listing"));
    let stars = json!({"stars": 1});
    app.person(text(&known, "buyer")).post(&format!("{listing}/rating"), &stars).done();
    let shown = app.anonymous().get(&listing);
    assert_eq!(
        (&shown.ok()["total_sales"], &shown.ok()["average_rating"]),
        (&json!(1), &json!(1.0))
    );
    app.assert_balanced();
    let shown = |app: &TestApp| {
        let balance = app.person(seller).get("/v1/user/balance");
        ["priv_balance", "pending_rewards", "earned_total"].map(|name| micros(&balance.ok()[name]))
    };
    let before = shown(&app);
    app.kill9();
    app.delete_sled();
    app.resume();
    assert_eq!(shown(&app), before);
    app.assert_balanced();
    app.stop();
    app.assert_verified();
}
