//! The main paths of people and apps: consent, events, a balance that grows, a claim.

use serde_json::json;

use super::app::TestApp;
use super::story::{
    PAGE_VIEW, TRACK, Verdicts, analytics_path, items, micros, page_view, send_new, settled, tracks,
};
use super::streams::Changes;
use super::tokens;

#[test]
fn events_earn_and_the_earnings_are_claimed() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);

    let mut events = tracks(&sub, "t", 100);
    events.extend((0..10).map(|n| page_view(&sub, &format!("p-{n}"), "https://shop.example/a")));
    let earned = 100 * TRACK + 10 * PAGE_VIEW;
    assert_eq!(send_new(&key, &events), earned);

    let answer = person.get("/v1/user/balance");
    let balance = answer.ok();
    assert_eq!(balance["user_id"], sub.as_str());
    assert_eq!(micros(&balance["pending_rewards"]), earned);
    assert_eq!(micros(&balance["priv_balance"]), 0);
    assert_eq!(micros(&balance["earned_total"]), earned);
    assert_eq!(micros(&balance["held_priv"]), 0);
    assert_eq!(balance["data_sharing_enabled"], true);
    assert_rfc3339_millis(&balance["as_of"]);

    let answer = person.post("/v1/user/earnings/claim", &json!({}));
    let claim = answer.created();
    assert!(claim["claim_id"].as_str().is_some_and(|id| id.starts_with("clm_")), "{claim}");
    assert_eq!(micros(&claim["claimed_priv"]), earned);
    assert_eq!(micros(&claim["priv_balance"]), earned);
    assert_eq!(micros(&claim["pending_rewards"]), 0);
    assert_eq!(micros(&claim["earned_total"]), earned);
    assert_eq!(micros(&claim["unfunded_priv"]), 0);
    assert_rfc3339_millis(&claim["claimed_at"]);
    assert!(answer.header("location").is_some(), "a 201 says where: {answer}");

    let answer = person.get("/v1/user/balance");
    assert_eq!(micros(&answer.ok()["priv_balance"]), earned);
    assert_eq!(micros(&answer.ok()["pending_rewards"]), 0);
    let audit = app.assert_balanced();
    assert_eq!(micros(&audit["in_flight"]), 0, "{audit}");
}

#[test]
fn what_was_earned_is_listed_by_project_and_day() {
    let app = TestApp::start();
    let (one, two) = (app.funded_project(), app.funded_project());
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&one.pk_live), &tracks(&sub, "a", 30));
    send_new(&app.key(&one.pk_live), &tracks(&sub, "b", 20));
    send_new(&app.key(&two.pk_live), &tracks(&sub, "a", 5));

    let answer = person.get("/v1/user/earnings");
    let data = answer.ok();
    let entries = data["entries"].as_array().expect("entries are a list");
    let of = |project: &str| -> i64 {
        let theirs = entries.iter().filter(|e| e["reference"].to_string().contains(project));
        theirs.map(|e| micros(&e["amount_priv"])).sum()
    };
    assert_eq!((of(&one.id), of(&two.id)), (50 * TRACK, 5 * TRACK), "{data}");
    for entry in entries {
        assert_eq!(entry["source"], "events", "{entry}");
        assert!(entry["id"].is_string() && entry["status"].is_string(), "{entry}");
        assert_rfc3339_millis(&entry["created_at"]);
    }
    assert_eq!(micros(&data["totals"]["events"]), 55 * TRACK, "{data}");
    assert_eq!(data["pagination"]["page"], 1, "{data}");
    assert_eq!(data["pagination"]["limit"], 20, "{data}");

    let first = person.get("/v1/user/earnings?limit=1");
    let cursor = first.ok()["next_cursor"].as_str().expect("there is more").to_owned();
    let rest = person.get(&format!("/v1/user/earnings?limit=100&cursor={cursor}"));
    let both: Vec<_> = items(first.ok()).iter().chain(items(rest.ok())).collect();
    assert_eq!(both, entries.iter().collect::<Vec<_>>(), "pages are the list, cut");
}

#[test]
fn consent_is_a_chain_of_versions_with_receipts() {
    let app = TestApp::start();
    let sub = tokens::new_person();
    let person = app.person(&sub);
    let answer = person.get("/v1/user/consent");
    let nobody_asked = json!({"analytics": false, "marketing": false, "data_sharing": false,
        "personalization": false});
    assert_eq!(answer.ok()["preferences"], nobody_asked);
    assert_eq!(answer.ok()["explicit"], false);

    let steps = [
        (
            json!({"analytics": true, "source": "banner", "policy_version": "2026-01"}),
            [true, false],
        ),
        (json!({"data_sharing": true}), [true, true]),
        (json!({"analytics": false}), [false, true]),
    ];
    for (version, (change, [analytics, data_sharing])) in (1..).zip(steps) {
        let answer = person.post("/v1/user/consent", &change);
        let record = answer.ok();
        assert_eq!(record["version"], version, "{record}");
        assert_eq!(record["user_id"], sub.as_str());
        assert_eq!(record["preferences"]["analytics"], analytics, "{record}");
        assert_eq!(record["preferences"]["data_sharing"], data_sharing, "{record}");
        assert!(record["receipt"].is_object(), "{record}");
        let answer = person.get("/v1/user/consent");
        assert_eq!(answer.ok()["preferences"], record["preferences"]);
        assert_eq!(answer.ok()["explicit"], true);
        assert_rfc3339_millis(&answer.ok()["last_updated"]);
    }
    let answer = person.get("/v1/user/consent/history");
    let mut versions: Vec<_> =
        items(answer.ok()).iter().map(|v| v["version"].as_u64().expect("a version")).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3]);
}

#[test]
fn analytics_count_what_was_stored() {
    let app = TestApp::start();
    let project = app.project(json!({"consent_policy": "opt_out"}));
    let key = app.key(&project.pk_live);
    let mut events = tracks("ann", "a", 7);
    events.extend(tracks("bob", "b", 5));
    events.push(page_view("ann", "p-1", "https://shop.example/a"));
    events.push(page_view("ann", "p-2", "https://shop.example/a"));
    events.push(page_view("bob", "p-3", "https://shop.example/b"));
    events.push(json!({"event_type": "identify", "user_id": "ann", "event_id": "i-1"}));
    events.push(json!({"event_type": "track", "event_name": "Seen", "anonymous_id": "visitor"}));
    send_new(&key, &events);
    key.post("/v1/events", &json!({"events": events[..10]})).ok();

    let answer = key.get(&analytics_path());
    let data = answer.ok();
    assert_eq!(data["total_events"], 17);
    assert_eq!(data["unique_users"], 3);
    assert_eq!(data["events_by_type"], json!({"track": 13, "page_view": 3, "identify": 1}));
    let days = data["events_by_day"].as_array().expect("days are a list");
    assert_eq!(days.len(), 3, "days without events are there: {data}");
    assert_eq!(days.iter().filter_map(|day| day["count"].as_u64()).sum::<u64>(), 17);
    let pages = json!([{"page_url": "https://shop.example/a", "views": 2},
        {"page_url": "https://shop.example/b", "views": 1}]);
    assert_eq!(data["top_pages"], pages);

    let by_type = key.get(&format!("{}&group_by=event_type", analytics_path()));
    assert!(by_type.ok().get("events_by_day").is_none(), "{by_type}");
    let by_page = key.get(&format!("{}&group_by=page", analytics_path()));
    assert!(by_page.ok().get("events_by_type").is_none(), "{by_page}");
    let tracks_only = key.get(&format!("{}&event_type=track", analytics_path()));
    assert_eq!(tracks_only.ok()["total_events"], 13);
}

#[test]
fn consent_decides_which_events_are_stored_and_which_earn() {
    let app = TestApp::start();
    let project = app.funded_project();
    let key = app.key(&project.pk_live);
    let send = |event: serde_json::Value| {
        let answer = key.post("/v1/events?verbose=1", &json!({"events": [event]}));
        let verdict = &items(answer.ok())[0];
        let code = verdict["code"].as_str().unwrap_or_default();
        let result = verdict["result"].as_str().unwrap_or_default();
        (format!("{result} {code}").trim().to_owned(), micros(&answer.ok()["earned_priv"]))
    };
    let said = |user: &str, id: &str, consent: Option<bool>| {
        let mut event = super::story::track(user, id);
        match consent {
            Some(given) => event["consent_given"] = json!(given),
            None => drop(event.as_object_mut().map(|e| e.remove("consent_given"))),
        }
        event
    };
    assert_eq!(send(said("unasked", "1", None)), ("dropped consent_missing".into(), 0));
    assert_eq!(send(said("unasked", "2", Some(false))), ("dropped consent_missing".into(), 0));
    assert_eq!(send(said("unasked", "3", Some(true))), ("accepted".into(), 0));

    let (sub, person) = app.sharing_person();
    assert_eq!(send(said(&sub, "1", Some(false))), ("accepted".into(), TRACK));
    assert_eq!(send(said(&sub, "1", Some(true))), ("duplicate".into(), 0));
    person.post("/v1/user/consent", &json!({"data_sharing": false})).ok();
    assert_eq!(send(said(&sub, "2", Some(true))), ("accepted".into(), 0));
    person.post("/v1/user/consent", &json!({"analytics": false})).ok();
    assert_eq!(send(said(&sub, "3", Some(true))), ("dropped consent_withdrawn".into(), 0));
    // An event that was stored before the withdrawal is a duplicate or is dropped when it is
    // repeated; it never counts twice.
    send(said(&sub, "1", Some(true)));
    assert_eq!(key.get(&analytics_path()).ok()["total_events"], 3);
}

#[test]
fn a_dry_run_says_what_would_happen_and_stores_nothing() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);
    let batch = json!({"events": tracks(&sub, "d", 3)});
    let before = app.appended_at_rest();
    let answer = key.post("/v1/events?dry_run=1", &batch);
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(3));
    assert_eq!(app.appended(), before);
    assert_eq!(micros(&person.get("/v1/user/balance").ok()["pending_rewards"]), 0);
    assert_eq!(Verdicts::of(&key.post("/v1/events", &batch)), Verdicts::accepted(3));
}

#[test]
fn both_spellings_of_the_address_and_of_an_event_are_one() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);
    let camel = json!({"batch": [{"type": "track", "event": "Bought", "userId": sub,
        "messageId": "m-1", "context": {"consent": true}}]});
    assert_eq!(Verdicts::of(&key.post("/api/v1/events", &camel)), Verdicts::accepted(1));
    let snake = json!({"event_type": "track", "event_name": "Bought", "user_id": sub,
        "event_id": "m-1"});
    assert_eq!(Verdicts::of(&key.post("/v1/events", &snake)), Verdicts::duplicates(1));
    let page = json!({"user_id": sub, "page_url": "https://shop.example/", "event_id": "m-2"});
    key.post("/v1/page", &page).ok();
    let identify = json!({"user_id": sub, "traits": {"plan": "gold"}, "event_id": "m-3"});
    key.post("/api/v1/identify", &identify).ok();

    for path in ["user/balance", "user/consent", "user/consent/history", "user/earnings"] {
        let (short, long) =
            (person.get(&format!("/v1/{path}")), person.get(&format!("/api/v1/{path}")));
        assert_eq!(settled(short.ok().clone()), settled(long.ok().clone()), "{path}");
    }
    let answer = key.get(&format!("/api{}", analytics_path()));
    assert_eq!(answer.ok()["events_by_type"], json!({"track": 1, "page_view": 1, "identify": 1}));
}

#[test]
fn beacons_and_compressed_batches_are_read() {
    let app = TestApp::start();
    let project = app.project(json!({"consent_policy": "opt_out"}));
    let batch = |prefix: &str| json!({"events": tracks("u", prefix, 3)}).to_string().into_bytes();
    let plain = app.anonymous().with("content-type", "text/plain;charset=UTF-8");
    let answer = plain.post_bytes(&format!("/v1/events?key={}", project.pk_live), &batch("q"));
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(3));
    let with_key = json!({"writeKey": project.pk_live, "batch": [{"type": "track", "event": "x",
        "userId": "u", "messageId": "w"}]});
    let answer = plain.post_bytes("/v1/events", with_key.to_string().as_bytes());
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(1));

    let key = app.key(&project.pk_live);
    let zstd = zstd::encode_all(batch("z").as_slice(), 3).expect("memory can be compressed");
    let answer = key.with("content-encoding", "zstd").post_bytes("/v1/events", &zstd);
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(3));
    let gzip = super::bad_bodies::gzip(&batch("g"));
    let answer = key.with("content-encoding", "gzip").post_bytes("/v1/events", &gzip);
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(3));
    // Some of the compatible clients compress and don't say so.
    let calls: Vec<_> = (0..3)
        .map(|n| json!({"type": "track", "event": "x", "userId": "u", "messageId": n.to_string()}))
        .collect();
    let calls = json!({"batch": calls}).to_string();
    let answer = key.post_bytes("/v1/batch", &super::bad_bodies::gzip(calls.as_bytes()));
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(key.get(&analytics_path()).ok()["total_events"], 13);
}

#[test]
fn the_stream_shows_each_change_and_resumes_where_it_was_left() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);
    let mut changes = Changes::open(&person, None);
    send_new(&key, &tracks(&sub, "a", 10));
    let seen = changes.until(|data| micros(&data["pending_rewards"]) == 10 * TRACK);
    drop(changes);

    send_new(&key, &tracks(&sub, "b", 1));
    send_new(&key, &tracks(&sub, "c", 1));
    let mut changes = Changes::open(&person, Some(&seen));
    let pending: Vec<i64> =
        (0..2).map(|_| micros(&changes.next().data["pending_rewards"])).collect();
    assert_eq!(pending, [11 * TRACK, 12 * TRACK], "what was missed comes first, in order");
    person.post("/v1/user/earnings/claim", &json!({})).created();
    changes.until(|data| {
        (micros(&data["pending_rewards"]), micros(&data["priv_balance"])) == (0, 12 * TRACK)
    });
}

#[track_caller]
fn assert_rfc3339_millis(time: &serde_json::Value) {
    let text = time.as_str().unwrap_or_default();
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000Z", "{time}");
}
