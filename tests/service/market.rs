//! Tests of contributions and the marketplace, as people and operators use them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::{Value, json};
use ureq::http::Method;

use super::app::{TestApp, wait_for};
use super::caller::{Answer, Caller};
use super::story::{PRIV, items, micros, priv_of};
use super::tokens;

const BOUNDARY: &str = "----priv-form";

/// A form with a file and fields.
fn form(file: &[u8], file_name: &str, declared: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("content-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(format!("--{BOUNDARY}\r\n{head}").into_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         content-type: {declared}\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    body
}

fn send_form(person: &Caller, body: &[u8]) -> Answer {
    let form_type = format!("multipart/form-data; boundary={BOUNDARY}");
    person.with("content-type", form_type).post_bytes("/v1/contributions/upload", body)
}

pub(crate) fn upload_text(person: &Caller, text: &str) -> String {
    let fields = [
        ("contribution_type", "text"),
        ("consent_commercial", "true"),
        ("consent_ai_training", "true"),
        ("metadata", "{\"language\":\"en\"}"),
    ];
    let answer =
        send_form(person, &form(text.as_bytes(), "../../etc/a.txt", "text/plain", &fields));
    let data = answer.created();
    assert_eq!(data["status"], "pending");
    data["contribution_id"].as_str().expect("an id").to_owned()
}

fn approve(app: &TestApp, id: &str) {
    let path = format!("/v1/admin/contributions/{id}/review");
    let review = json!({"decision": "approved", "reason": "fine"});
    let answer = app.operator().post(&path, &review);
    assert_eq!(answer.ok()["status"], "approved");
}

fn offer(ids: &[String], price: i64, more: Value) -> Value {
    let mut body = json!({
        "title": "  Letters from a lighthouse \n",
        "description": "Texts that were written by hand in a lighthouse",
        "tags": ["letters", "sea"],
        "price_priv": priv_of(price),
        "contribution_ids": ids,
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

/// A seller with one approved text, and a listing of it.
pub(crate) fn listing(app: &TestApp, price: i64, more: Value) -> (Caller, String) {
    let seller = app.person(&tokens::new_person());
    let text = format!("A text that nobody else has: {}", tokens::new_person());
    let id = upload_text(&seller, &text);
    approve(app, &id);
    let answer = seller.post("/v1/marketplace/wallet/listings", &offer(&[id], price, more));
    let listing = answer.created()["id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.created()["title"], "Letters from a lighthouse", "blanks are no part of it");
    (seller, listing)
}

fn purchase_path(listing: &str) -> String {
    format!("/v1/marketplace/wallet/listings/{listing}/purchase")
}

fn rich_person(app: &TestApp, amount: i64) -> Caller {
    let sub = tokens::new_person();
    let mint = json!({"amount_priv": priv_of(amount), "to": sub, "reason": "test"});
    app.operator().post("/v1/admin/mint", &mint).done();
    app.person(&sub)
}

fn balance(person: &Caller) -> (i64, i64) {
    let answer = person.get("/v1/user/balance");
    let data = answer.ok();
    (micros(&data["priv_balance"]), micros(&data["pending_rewards"]))
}

/// The path and query of a link that the service gave.
pub(crate) fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or(rest, |at| &rest[at..]).to_owned()
}

/// Walks through the whole market step by step; calls `between` after each step.
fn market_story(app: &mut TestApp, mut between: impl FnMut(&mut TestApp, usize)) {
    let mut step = 0;
    let mut next = |app: &mut TestApp| {
        app.assert_balanced();
        between(app, step);
        app.assert_balanced();
        step += 1;
    };
    let (seller, buyer) = (tokens::new_person(), tokens::new_person());
    let mint = |app: &TestApp, to: &str, amount: i64| {
        let mint = json!({"amount_priv": priv_of(amount), "to": to, "reason": "test"});
        app.operator().post("/v1/admin/mint", &mint).done();
    };
    mint(app, "pool", 100 * PRIV);
    mint(app, &buyer, 10 * PRIV);
    next(app);

    let texts: Vec<String> = (0..3)
        .map(|n| format!("Letter {n} from the lighthouse: {}", "sea ".repeat(50 + n)))
        .collect();
    let ids: Vec<String> =
        texts.iter().map(|text| upload_text(&app.person(&seller), text)).collect();
    let queue = app.operator().get("/v1/admin/contributions?status=pending&environment=live");
    assert_eq!(items(queue.ok()).len(), 3, "{queue}");
    next(app);
    for id in &ids {
        approve(app, id);
    }
    next(app);
    // 0.5 × (1 + 0.25 + 0.20), three times.
    let reward = 3 * 725_000;
    assert_eq!(balance(&app.person(&seller)), (0, reward));
    let claim = app.person(&seller).post("/v1/user/earnings/claim", &json!({}));
    assert_eq!(micros(&claim.created()["claimed_priv"]), reward);
    next(app);

    let body = offer(&ids, 2 * PRIV, json!({"license": "unlimited"}));
    let made = app.person(&seller).post("/v1/marketplace/wallet/listings", &body);
    let listing = made.created()["id"].as_str().expect("an id").to_owned();
    assert!(!made.to_string().contains(&seller), "no user id leaks: {made}");
    next(app);

    let browsed = app.anonymous().get("/v1/marketplace/wallet/listings?q=lighthouse&tag=sea");
    let found = items(browsed.ok());
    assert_eq!(found.len(), 1, "{browsed}");
    assert_eq!(found[0]["id"], *listing);
    assert_eq!(found[0]["contribution_count"], 3);
    next(app);

    let order = json!({"expected_price_priv": 2});
    let bought = app.person(&buyer).post(&purchase_path(&listing), &order);
    let purchase = bought.created().clone();
    assert_eq!(micros(&purchase["fee_priv"]), 60_000);
    assert_eq!(balance(&app.person(&buyer)).0, 8 * PRIV);
    next(app);
    let again = app.person(&buyer).post(&purchase_path(&listing), &order);
    assert_eq!(*again.ok(), purchase, "it is paid for once, with the same receipt");
    assert_eq!(balance(&app.person(&buyer)).0, 8 * PRIV);
    let path = purchase_by_id(&purchase);
    assert_eq!(*app.person(&buyer).get(&path).ok(), purchase, "it is theirs to look up");
    app.person(&seller).get(&path).refused(404, "NOT_FOUND");
    app.person(&tokens::new_person()).get(&path).refused(404, "NOT_FOUND");
    let facts = verified_receipt(app, purchase["receipt"].as_str().expect("a receipt"));
    assert_eq!(facts["purchase_id"], purchase["purchase_id"]);
    assert_eq!(micros(&facts["price_priv"]), 2 * PRIV);

    check_download(app, &listing, &buyer, &texts);
    let by_id = format!("{}/download", purchase_by_id(&purchase));
    let files = app.person(&buyer).get(&by_id).ok()["files"].clone();
    assert_eq!(files.as_array().map(Vec::len), Some(3), "{files}");
    app.person(&seller).get(&by_id).refused(404, "NOT_FOUND");
    let path = format!("/v1/marketplace/wallet/listings/{listing}/download");
    app.person(&tokens::new_person()).get(&path).refused(404, "NOT_FOUND");
    next(app);

    let rating = format!("/v1/marketplace/wallet/listings/{listing}/rating");
    app.person(&buyer).post(&rating, &json!({"stars": 3})).ok();
    app.person(&buyer).post(&rating, &json!({"stars": 5, "comment": "Salty"})).ok();
    let shown = app.anonymous().get(&format!("/v1/marketplace/wallet/listings/{listing}"));
    assert_eq!(shown.ok()["average_rating"], 5.0);
    assert_eq!(shown.ok()["total_sales"], 1);
    next(app);

    wait_for("the proceeds to reach the seller", std::time::Duration::from_secs(20), || {
        (balance(&app.person(&seller)).1 == 1_940_000).then_some(())
    });
    let claim = app.person(&seller).post("/v1/user/earnings/claim", &json!({}));
    assert_eq!(micros(&claim.created()["claimed_priv"]), 1_940_000);
    next(app);
    assert_eq!(balance(&app.person(&seller)), (reward + 1_940_000, 0));
    let sales = app.person(&seller).get("/v1/marketplace/wallet/purchases?role=seller");
    assert_eq!(items(sales.ok()).len(), 1);
    let earned = app.person(&seller).get("/v1/user/earnings?source=sales");
    assert_eq!(items(earned.ok())[0]["status"], "claimed");
    let audit =
        wait_for("the fees to reach the protocol", std::time::Duration::from_secs(20), || {
            let audit = app.assert_balanced();
            (micros(&audit["burned"]) == 24_000).then_some(audit)
        });
    assert_eq!(micros(&audit["accounts"]["stakers"]), 21_000, "{audit}");

    // Delisted and deleted, it stays with its buyer.
    let path = format!("/v1/contributions/{}", ids[0]);
    app.person(&seller).delete(&path).refused_because(409, "CONFLICT", "listed");
    let delist = json!({"status": "delisted"});
    let put = serde_json::to_vec(&delist).expect("is JSON");
    let path_of_listing = format!("/v1/marketplace/wallet/listings/{listing}");
    app.person(&seller).send(&Method::PUT, &path_of_listing, Some(&put)).ok();
    app.person(&seller).delete(&path).ok();
    app.person(&seller).get(&path).refused(404, "NOT_FOUND");
    check_download(app, &listing, &buyer, &texts);
}

fn purchase_by_id(purchase: &Value) -> String {
    let id = purchase["purchase_id"].as_str().expect("a purchase has an id");
    format!("/v1/marketplace/wallet/purchases/{id}")
}

fn verified_receipt(app: &TestApp, receipt: &str) -> Value {
    let ran = app.run(&["verify-receipt", receipt]);
    assert!(ran.status.success(), "{}", ran.text);
    let facts = serde_json::from_str(&ran.text).expect("the facts are JSON");
    let mut forged = receipt.to_owned().into_bytes();
    let last = forged.len() - 20;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = app.run(&["verify-receipt", &String::from_utf8(forged).expect("ASCII")]);
    assert!(!forged.status.success(), "a changed receipt is none");
    facts
}

fn check_download(app: &TestApp, listing: &str, buyer: &str, texts: &[String]) {
    let path = format!("/v1/marketplace/wallet/listings/{listing}/download");
    let answer = app.person(buyer).get(&path);
    let files = items(answer.ok()).clone();
    assert_eq!(files.len(), texts.len());
    for (file, text) in files.iter().zip(texts) {
        let link = path_of(file["url"].as_str().expect("a link"));
        assert_eq!(raw(app, &link, &[]).1, text.as_bytes());
        let (status, part) = raw(app, &link, &[("range", "bytes=7-9")]);
        assert_eq!((status, part.as_slice()), (206, &text.as_bytes()[7..10]));
        assert_eq!(raw(app, &link, &[("range", "bytes=99999-")]).0, 416);
        let mut forged = link.clone();
        let last = forged.pop().expect("not empty");
        forged.push(if last == 'A' { 'B' } else { 'A' });
        assert_eq!(raw(app, &forged, &[]).0, 403);
    }
    let authorization = format!("Bearer {}", tokens::person(buyer));
    let (status, zip) =
        raw(app, &format!("{path}?format=zip"), &[("authorization", &authorization)]);
    assert_eq!(status, 200);
    let file = app.scratch().join("bought.zip");
    std::fs::write(&file, zip).expect("can be written");
    let script = "import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;\
        [sys.stdout.buffer.write(z.read(n)) for n in z.namelist()]";
    let unzipped = std::process::Command::new("python3").arg("-c").arg(script).arg(&file).output();
    let unzipped = unzipped.expect("python3 runs");
    assert_eq!(String::from_utf8_lossy(&unzipped.stdout), texts.concat(), "{unzipped:?}");
}

/// The status and the bytes of the answer to a GET.
fn raw(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>) {
    let mut request = ureq::get(format!("{}{path}", app.anonymous().base()))
        .config()
        .http_status_as_error(false)
        .build();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.call().expect("is answered");
    let mut bytes = Vec::new();
    response.body_mut().as_reader().read_to_end(&mut bytes).expect("is whole");
    (response.status().as_u16(), bytes)
}

#[test]
fn the_whole_market_from_upload_to_the_sellers_claim() {
    let mut app = TestApp::start();
    market_story(&mut app, |_, _| {});
    app.stop();
    app.assert_verified();
}

#[test]
fn the_whole_market_with_a_kill_between_any_two_steps() {
    let mut app = TestApp::start();
    market_story(&mut app, |app, step| {
        app.kill9();
        if step % 3 == 2 {
            app.delete_sled();
        }
        app.resume();
    });
    app.stop();
    app.assert_verified();
}

#[test]
fn two_hundred_buyers_at_once_get_the_last_ten_and_money_is_exact() {
    let app = TestApp::start();
    let limited = json!({"license": "limited", "max_sales": 10});
    let (seller, listing) = listing(&app, PRIV, limited);
    let buyers: Vec<Caller> = (0..200).map(|_| rich_person(&app, 3 * PRIV)).collect();
    let path = purchase_path(&listing);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let path = &path;
        let asked: Vec<_> = buyers
            .iter()
            .map(|buyer| {
                let buyer = buyer.on_its_own_connection();
                scope.spawn(move || buyer.post(path, &json!({})))
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().expect("is answered")).collect()
    });
    let bought = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(bought, 10);
    for (answer, buyer) in answers.iter().zip(&buyers) {
        let held = match answer.status {
            201 => 2 * PRIV,
            _ => {
                answer.refused_because(409, "CONFLICT", "sold_out");
                3 * PRIV
            }
        };
        assert_eq!(balance(buyer).0, held);
    }
    let sold = seller.get("/v1/marketplace/wallet/purchases?role=seller&limit=7");
    let ids: Vec<&str> =
        items(sold.ok()).iter().filter_map(|sale| sale["purchase_id"].as_str()).collect();
    assert!(ids.len() == 7 && ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    assert_eq!(sold.ok()["pagination"]["total"], 10);
    app.assert_balanced();
}

#[test]
fn an_exclusive_listing_is_sold_to_one_and_delisted() {
    let app = TestApp::start();
    let (seller, listing) = listing(&app, PRIV, json!({"license": "exclusive"}));
    let buyers: Vec<Caller> = (0..20).map(|_| rich_person(&app, PRIV)).collect();
    let path = purchase_path(&listing);
    let bought = thread::scope(|scope| {
        let path = &path;
        let asked: Vec<_> = buyers
            .iter()
            .map(|buyer| {
                let buyer = buyer.on_its_own_connection();
                scope.spawn(move || buyer.post(path, &json!({})).status)
            })
            .collect();
        let statuses = asked.into_iter().map(|asked| asked.join().expect("is answered"));
        statuses.filter(|status| *status == 201).count()
    });
    assert_eq!(bought, 1);
    let own = seller.get(&format!("/v1/marketplace/wallet/listings/{listing}"));
    assert_eq!(own.ok()["status"], "delisted");
    let browsed = app.anonymous().get("/v1/marketplace/wallet/listings");
    assert_eq!(items(browsed.ok()).len(), 0);
    seller.post(&path, &json!({})).refused_because(409, "CONFLICT", "sold_out");
    app.assert_balanced();
}

#[test]
fn money_for_three_buys_three_of_ten_at_once() {
    let app = TestApp::start();
    let listings: Vec<String> = (0..10).map(|_| listing(&app, PRIV, json!({})).1).collect();
    let buyer = rich_person(&app, 3 * PRIV);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asked: Vec<_> = listings
            .iter()
            .map(|listing| {
                let buyer = buyer.on_its_own_connection();
                scope.spawn(move || buyer.post(&purchase_path(listing), &json!({})))
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().expect("is answered")).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(402, "INSUFFICIENT_BALANCE");
    }
    assert_eq!(balance(&buyer).0, 0);
    app.assert_balanced();
}

#[test]
fn nobody_pays_a_price_that_they_did_not_see() {
    let app = TestApp::start();
    let (seller, listing) = listing(&app, PRIV, json!({}));
    let path = format!("/v1/marketplace/wallet/listings/{listing}");
    let buyers: Vec<Caller> = (0..60).map(|_| rich_person(&app, 3 * PRIV)).collect();
    thread::scope(|scope| {
        let (path, listing) = (&path, &listing);
        scope.spawn(move || {
            for price in [2, 1, 2, 1, 2, 1, 2, 1, 2] {
                let put = serde_json::to_vec(&json!({"price_priv": price})).expect("is JSON");
                seller.send(&Method::PUT, path, Some(&put)).ok();
            }
        });
        for buyer in &buyers {
            let buyer = buyer.on_its_own_connection();
            scope.spawn(move || {
                let order = json!({"expected_price_priv": 1});
                let answer = buyer.post(&purchase_path(listing), &order);
                match answer.status {
                    201 => {
                        assert_eq!(micros(&answer.created()["price_priv"]), PRIV);
                        assert_eq!(balance(&buyer).0, 2 * PRIV);
                    }
                    _ => {
                        answer.refused_because(409, "CONFLICT", "price_changed");
                        assert_eq!(balance(&buyer).0, 3 * PRIV);
                    }
                }
            });
        }
    });
    app.assert_balanced();
}

#[test]
fn an_upload_is_what_its_content_says_or_nothing() {
    let app = TestApp::start();
    let person = app.person(&tokens::new_person());
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    let video = [("contribution_type", "video")];
    let answer = send_form(&person, &form(png, "film.mp4", "video/mp4", &video));
    answer.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(answer.to_string().contains("image/png"), "it says what it is: {answer}");
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0 and so on";
    let text = [("contribution_type", "text")];
    send_form(&person, &form(zip, "bomb.txt", "text/plain", &text))
        .refused(415, "UNSUPPORTED_MEDIA_TYPE");

    let metadata = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    for (bytes, status) in [(16 * 1024 + 1, 400), (16 * 1024, 201)] {
        let metadata = metadata(bytes);
        let fields = [("contribution_type", "text"), ("metadata", metadata.as_str())];
        let answer = send_form(&person, &form(b"Some words", "a.txt", "text/plain", &fields));
        assert_eq!(answer.status, status, "{answer}");
    }
    let again = send_form(&person, &form(b"Some words", "b.txt", "text/plain", &text));
    again.refused_because(409, "CONFLICT", "duplicate_content");
    let other = app.person(&tokens::new_person());
    let theirs = send_form(&other, &form(b"Some words", "b.txt", "text/plain", &text));
    let id = theirs.created()["contribution_id"].as_str().expect("an id").to_owned();
    let seen = other.get(&format!("/v1/contributions/{id}"));
    assert_eq!(seen.ok()["flagged"], true);
    person.get(&format!("/v1/contributions/{id}")).refused(404, "NOT_FOUND");
    for (name, value) in [("contribution_type", "poem"), ("surprise", "1")] {
        let fields = [(name, value)];
        send_form(&person, &form(b"More words", "a.txt", "text/plain", &fields))
            .refused(400, "VALIDATION_ERROR");
    }
}

#[test]
fn what_a_contribution_may_be_used_for_changes_until_it_is_reviewed_and_is_paid_so() {
    let mut app = TestApp::start();
    let mint = json!({"amount_priv": priv_of(100 * PRIV), "to": "pool", "reason": "test"});
    app.operator().post("/v1/admin/mint", &mint).done();
    let sub = tokens::new_person();
    let id = upload_text(&app.person(&sub), "Words for science");
    let path = format!("/v1/contributions/{id}");
    let uses = |contribution: &Value| {
        ["ai_training", "research", "commercial"]
            .map(|name| contribution[format!("consent_{name}")] == true)
    };
    let change = json!({"consent_research": true, "consent_commercial": false});

    let other = app.person(&tokens::new_person());
    other.patch(&path, &change).refused(404, "NOT_FOUND");
    let person = app.person(&sub);
    person.patch(&path, &json!({"consent_research": null})).refused(400, "VALIDATION_ERROR");
    let changed = person.keyed("uses-1").patch(&path, &change);
    assert_eq!(uses(changed.ok()), [true, true, false]);
    assert_eq!(micros(&changed.ok()["estimated_reward"]), 700_000);
    assert_eq!(changed.ok()["metadata"]["language"], "en");
    assert_eq!(person.get("/v1/contributions").ok()["contributions"][0], *changed.ok());

    app.kill9();
    app.delete_sled();
    app.resume();
    let person = app.person(&sub);
    assert_eq!(person.get(&path).ok(), changed.ok());
    let replayed = person.keyed("uses-1").patch(&path, &change);
    assert_eq!(replayed.ok(), changed.ok());
    assert!(replayed.is_replayed());

    approve(&app, &id);
    assert_eq!(balance(&person), (0, 700_000));
    let more = person.patch(&path, &json!({"consent_commercial": true}));
    more.refused_because(409, "CONFLICT", "already_reviewed");
    assert_eq!(uses(person.get(&path).ok()), [true, true, false]);
    assert_eq!(balance(&person), (0, 700_000));
}

#[test]
fn content_earns_once_whoever_brings_it_again_and_whatever_was_deleted() {
    for review in ["manual", "automatic"] {
        let app = TestApp::start_with(&[("PRIV_REVIEW", review)]);
        let mint = json!({"amount_priv": priv_of(100 * PRIV), "to": "pool", "reason": "test"});
        app.operator().post("/v1/admin/mint", &mint).done();
        let people = [(); 2].map(|()| app.person(&tokens::new_person()));
        let fields = [("contribution_type", "text"), ("consent_commercial", "true")];
        let body = form(b"The same words each time", "a.txt", "text/plain", &fields);
        // Two accounts bring it four times, and delete it in between.
        for person in [&people[0], &people[0], &people[1], &people[0]] {
            let sent = send_form(person, &body);
            let id = sent.created()["contribution_id"].as_str().expect("an id").to_owned();
            if sent.created()["status"] == "pending" {
                approve(&app, &id);
            }
            person.delete(&format!("/v1/contributions/{id}")).ok();
        }
        assert_eq!(balance(&people[0]), (0, 600_000), "{review}");
        assert_eq!(balance(&people[1]), (0, 0), "{review}");
        // In the sandbox of the test environment it is new.
        let test = people[1].with("x-priv-environment", "test");
        let sent = send_form(&test, &body);
        assert_eq!(micros(&sent.created()["estimated_reward"]), 600_000);
    }
}

#[test]
fn a_connection_cut_at_any_byte_leaves_no_file_and_no_entry() {
    let app = TestApp::start();
    let blobs = app.data_dir().join("blobs");
    // The mark that says whose content this is.
    assert_eq!(files_in(&blobs), 1);
    let sub = tokens::new_person();
    let body = form(&b"words ".repeat(20), "a.txt", "text/plain", &[("contribution_type", "text")]);
    let address = app.anonymous().base().trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /v1/contributions/upload HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        tokens::person(&sub),
        body.len()
    );
    for cut in (0..body.len()).step_by(7) {
        let mut stream = TcpStream::connect(&address).expect("connects");
        stream.write_all(head.as_bytes()).expect("is sent");
        stream.write_all(&body[..cut]).expect("is sent");
    }
    wait_for("what was begun to be gone", std::time::Duration::from_secs(20), || {
        (files_in(&blobs) == 1).then_some(())
    });
    let person = app.person(&sub);
    assert_eq!(items(person.get("/v1/contributions").ok()).len(), 0);
    // The same content, complete, is taken, and erased with its entry.
    let whole = send_form(&person, &body);
    let id = whole.created()["contribution_id"].as_str().expect("an id").to_owned();
    assert_eq!(files_in(&blobs), 2);
    person.delete(&format!("/v1/contributions/{id}")).ok();
    assert_eq!(files_in(&blobs), 1);
}

fn files_in(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.path().is_dir() {
            true => files_in(&entry.path()),
            false => 1,
        })
        .sum()
}

#[test]
fn listings_are_filtered_and_sorted_as_asked_right_after_they_change() {
    let app = TestApp::start();
    let prices = [3 * PRIV, PRIV, 2 * PRIV];
    let made: Vec<(Caller, String)> =
        prices.iter().map(|price| listing(&app, *price, json!({}))).collect();
    let ids = |query: &str| -> Vec<usize> {
        let answer = app.anonymous().get(&format!("/v1/marketplace/wallet/listings?{query}"));
        let found = items(answer.ok()).clone();
        let index = |id: &Value| made.iter().position(|(_, known)| *id == **known);
        found.iter().map(|item| index(&item["id"]).expect("is known")).collect()
    };
    assert_eq!(ids(""), [2, 1, 0]);
    assert_eq!(ids("sort=oldest"), [0, 1, 2]);
    assert_eq!(ids("sort=price_low"), [1, 2, 0]);
    assert_eq!(ids("sort=price_high&limit=2"), [0, 2]);
    assert_eq!(ids("minPrice=1.5&maxPrice=2.5"), [2]);
    assert_eq!(ids("category=text&tag=SEA"), [2, 1, 0]);
    assert_eq!(ids("category=photo"), [] as [usize; 0]);
    assert_eq!(ids("q=nobody+wrote+this"), [] as [usize; 0]);
    let put = serde_json::to_vec(&json!({"status": "paused"})).expect("is JSON");
    let path = format!("/v1/marketplace/wallet/listings/{}", made[2].1);
    made[2].0.send(&Method::PUT, &path, Some(&put)).ok();
    assert_eq!(ids(""), [1, 0]);
    made[0].0.send(&Method::PUT, &path, Some(&put)).refused(404, "NOT_FOUND");
    let stale = made[2].0.with("if-match", "\"1\"");
    stale.send(&Method::PUT, &path, Some(&put)).refused_because(409, "CONFLICT", "version_changed");
    for wrong in ["sort=best", "category=poem", "minPrice=-1", "limit=0"] {
        let path = format!("/v1/marketplace/wallet/listings?{wrong}");
        app.anonymous().get(&path).refused(400, "VALIDATION_ERROR");
    }
}
