//! Tests of what operators see and do: actors, their past, the journal, health, an orderly stop.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Method;

use super::app::{GRACE, TestApp, wait_for};
use super::story::{
    TRACK, actor_path, encoded, items, micros, page_view, send_new, settled, track, tracks,
};

#[test]
fn actors_are_listed_by_kind_and_one_by_one() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, _) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 3));
    let operator = app.operator();
    let actors = operator.get("/v1/admin/actors").ok().to_string();
    for word in ["user", "project", "system", "resident", "activations", "passivations", "queued"] {
        assert!(actors.contains(&format!("\"{word}\"")), "no {word} in {actors}");
    }
    let users = operator.get("/v1/admin/actors/user");
    let listed = items(users.ok()).iter().any(|user| user.to_string().contains(&sub));
    assert!(listed, "{users}");

    let answer = operator.get(&actor_path(&sub));
    let actor = answer.ok();
    assert_eq!(actor["version"], 2, "a consent and a batch: {actor}");
    assert!(actor["state"].is_object(), "{actor}");
    for member in ["journal_position", "queued", "approx_bytes"] {
        assert!(actor[member].is_u64(), "no {member} in {actor}");
    }
    assert!(actor["resident_since"].is_string(), "{actor}");
    assert!(actor.as_object().is_some_and(|a| a.contains_key("snapshot_position")), "{actor}");
}

#[test]
fn personal_fields_are_masked_and_unmasking_is_journaled() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, _) = app.sharing_person();
    let mut event = page_view(&sub, "p-1", "https://shop.example/secret-page");
    event["properties"] = json!({"email": "ann@example.org"});
    send_new(&app.key(&project.pk_live), &[event]);
    let operator = app.operator();
    let masked = [actor_path(&sub), format!("{}/journal", actor_path(&sub))].map(|path| {
        let answer = operator.get(&path);
        answer.ok().to_string()
    });
    for text in &masked {
        assert!(!text.contains("ann@example.org") && !text.contains("secret-page"), "{text}");
    }
    let before = app.appended_at_rest();
    let path = format!("{}?unmask=1", actor_path(&sub));
    operator.get(&path).ok();
    assert!(app.appended_at_rest() > before, "who looked is on record");
    let log = app.log();
    assert!(!log.contains("ann@example.org"), "personal data is in the log");
}

#[test]
fn the_state_at_any_position_and_time_can_be_read() {
    let mut app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let key = app.key(&project.pk_live);
    let operator = app.operator();
    let look = |query: &str| operator.get(&format!("{}{query}", actor_path(&sub))).ok().clone();
    let mut seen: Vec<(u64, String, Value)> = Vec::new();
    for n in 0..3 {
        send_new(&key, &tracks(&sub, &format!("e{n}"), 10));
        let actor = look("");
        let position = actor["journal_position"].as_u64().expect("a position");
        let balance = person.get("/v1/user/balance");
        let time = balance.ok()["as_of"].as_str().expect("a time").to_owned();
        seen.push((position, time, actor["state"].clone()));
        wait_for("another millisecond", Duration::from_secs(1), || {
            let balance = person.get("/v1/user/balance");
            (balance.ok()["as_of"].as_str() > Some(seen[n].1.as_str())).then_some(())
        });
    }
    for (position, time, state) in &seen {
        let at_position = look(&format!("?at={position}"));
        assert_eq!(&at_position["state"], state, "at {position}");
        let at_time = look(&format!("?at={}", encoded(time)));
        assert_eq!(&at_time["state"], state, "at {time}");
    }
    app.restart();
    let answer = app.operator().get(&format!("{}?at={}", actor_path(&sub), seen[0].0));
    assert_eq!(answer.ok()["state"], seen[0].2, "also after a restart");
}

#[test]
fn an_actors_journal_is_newest_first_and_everything_an_operator_changes_is_in_it() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 20));
    person.post("/v1/user/earnings/claim", &json!({})).created();
    let operator = app.operator();
    let answer = operator.get(&format!("{}/journal", actor_path(&sub)));
    let events = items(answer.ok());
    let positions: Vec<u64> =
        events.iter().map(|e| e["position"].as_u64().expect("a position")).collect();
    assert!(positions.len() >= 3 && positions.is_sorted_by(|a, b| a > b), "{answer}");
    let versions: Vec<u64> =
        events.iter().map(|e| e["version"].as_u64().expect("a version")).collect();
    assert_eq!(versions.last(), Some(&1), "{answer}");

    let mint = json!({"amount_priv": 7, "to": "treasury", "reason": "for-the-record"});
    operator.post("/v1/admin/mint", &mint).done();
    let system = operator.get("/v1/admin/actors/system/main/journal");
    assert!(system.ok().to_string().contains("for-the-record"), "{system}");
    let path = format!("/v1/admin/projects/{}", project.id);
    operator.patch(&path, &json!({"plan": "pro", "reason": "they-paid"})).ok();
    let journal = operator.get(&format!("/v1/admin/actors/project/{}/journal", project.id));
    assert!(journal.ok().to_string().contains("they-paid"), "{journal}");
}

#[test]
fn a_snapshot_and_a_passivation_change_nothing_that_anyone_can_see() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 20));
    let operator = app.operator();
    let before = operator.get(&actor_path(&sub)).ok().clone();
    for step in ["snapshot", "passivate", "snapshot"] {
        let answer = operator.post(&format!("{}/{step}", actor_path(&sub)), &json!({}));
        assert!(matches!(answer.status, 200 | 202), "{answer}");
        let after = operator.get(&actor_path(&sub)).ok().clone();
        assert_eq!(settled(before.clone()), settled(after), "after {step}");
    }
    let answer = operator.get(&actor_path(&sub));
    assert_eq!(answer.ok()["snapshot_position"], before["journal_position"]);
    let again = app.key(&project.pk_live).post("/v1/events", &track(&sub, "e-1"));
    assert_eq!(again.ok()["duplicates"], 1, "{again}");
    assert_eq!(micros(&person.get("/v1/user/balance").ok()["pending_rewards"]), 20 * TRACK);
}

#[test]
fn actors_that_nobody_needs_leave_memory_and_come_back_whole() {
    let app = TestApp::start_with(&[("PRIV_IDLE_SECS", "1")]);
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 20));
    wait_for("the passivation of the user", Duration::from_secs(20), || {
        let actors = app.operator().get("/v1/admin/actors");
        let users = counts_of(actors.ok(), "user").expect("users are counted");
        (users["passivations"].as_u64() >= Some(1)).then_some(())
    });
    assert_eq!(micros(&person.get("/v1/user/balance").ok()["pending_rewards"]), 20 * TRACK);
    let again = app.key(&project.pk_live).post("/v1/events", &track(&sub, "e-1"));
    assert_eq!(again.ok()["duplicates"], 1, "{again}");
}

/// The counters of a kind of actor, whether kinds are members or a list.
fn counts_of<'a>(data: &'a Value, kind: &str) -> Option<&'a Value> {
    if data["kind"] == kind && data["resident"].is_u64() {
        return Some(data);
    }
    match data {
        Value::Object(members) => {
            let direct = members.get(kind).filter(|counts| counts["resident"].is_u64());
            direct.or_else(|| members.values().find_map(|value| counts_of(value, kind)))
        }
        Value::Array(values) => values.iter().find_map(|value| counts_of(value, kind)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[test]
fn the_journal_and_the_ledger_can_be_watched() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 20));
    person.post("/v1/user/earnings/claim", &json!({})).created();
    let appended = app.appended_at_rest();
    let answer = wait_for("the projector", Duration::from_secs(10), || {
        let answer = app.operator().get("/v1/admin/journal");
        (answer.ok()["projected"].as_u64() == Some(appended)).then_some(answer)
    });
    let journal = answer.ok();
    assert_eq!(journal["durable"].as_u64(), Some(appended), "{journal}");
    assert!(journal["checkpointed"].as_u64() <= Some(appended), "{journal}");
    assert!(journal["chain_head"].is_string(), "{journal}");

    let audit = app.assert_balanced();
    assert_eq!(micros(&audit["minted"]), 1_000_000_000, "{audit}");
    assert_eq!(micros(&audit["burned"]), 0, "{audit}");
    assert_eq!(micros(&audit["in_flight"]), 0, "{audit}");
}

#[test]
fn health_readiness_and_metrics_need_no_credential() {
    let app = TestApp::start();
    let anonymous = app.anonymous();
    assert_eq!(anonymous.get("/health").status, 200);
    assert_eq!(anonymous.get("/ready").status, 200);
    let metrics = anonymous.get("/metrics");
    assert_eq!(metrics.status, 200);
    let content_type = metrics.header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("text/plain"), "{content_type}");
    let text = String::from_utf8_lossy(&metrics.body);
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut count = 0;
    for line in samples {
        let value = line.rsplit(' ').next().unwrap_or_default();
        assert!(value.parse::<f64>().is_ok(), "not a sample: {line}");
        count += 1;
    }
    assert!(count > 10, "hardly anything is measured: {text}");
    assert!(text.contains("# TYPE"), "{text}");
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let mut app = TestApp::start();
    let project = app.project(json!({"consent_policy": "opt_out"}));
    let body = json!({"events": tracks("u", "e", 50)}).to_string();
    let (head, tail) = body.split_at(body.len() / 2);
    let address = app.anonymous().base().replace("http://", "");
    let mut stream = TcpStream::connect(&address).expect("the service listens");
    stream.set_read_timeout(Some(GRACE)).expect("not zero");
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{head}",
        project.pk_live,
        body.len(),
    );
    stream.write_all(request.as_bytes()).expect("the service reads");
    // An answer to another call shows that the service has begun to read this connection.
    app.anonymous().get("/health");
    app.server().terminate();
    let newcomer = app.anonymous();
    wait_for("the service to be ready no more", GRACE, || {
        let ready = newcomer.on_its_own_connection().try_send(&Method::GET, "/ready", None);
        (!ready.is_ok_and(|answer| answer.status == 200)).then_some(())
    });
    stream.write_all(tail.as_bytes()).expect("the service still reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the service answers and hangs up");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains(" 200 ") && answer.contains("\"accepted\":50"), "{answer}");
    let status = app.server().wait(GRACE).expect("it ends within the time");
    assert!(status.success(), "{status}\n{}", app.log());
}

#[test]
fn open_streams_and_idle_connections_do_not_hold_up_the_end() {
    let mut app = TestApp::start();
    let (_, person) = app.sharing_person();
    let changes = super::streams::Changes::open(&person, None);
    let address = app.anonymous().base().replace("http://", "");
    let idle = TcpStream::connect(&address).expect("the service listens");
    app.stop();
    drop((changes, idle));
}
