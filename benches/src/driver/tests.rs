//! Tests of the generator, against a server of a few lines.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::request::{EVENT, Spread, post};

/// Answers the n-th request with what `answer(n, body)` returns; keeps the bodies.
struct Backend {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
}

fn backend(answer: impl Fn(u64, &str) -> String + Send + Sync + 'static) -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let (kept, answer, count) = (bodies.clone(), Arc::new(answer), Arc::new(AtomicU64::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (kept, answer, count) = (kept.clone(), answer.clone(), count.clone());
            thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                while let Some(body) = read_body(&mut reader) {
                    let reply = answer(count.fetch_add(1, Ordering::Relaxed), &body);
                    kept.lock().expect("no panic holds it").push(body);
                    if reader.get_mut().write_all(reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Backend { address, bodies }
}

fn read_body(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn plan<'a>(backend: &Backend, until: Until, expect: &'a Expect) -> Plan<'a> {
    Plan { name: "test", address: backend.address, connections: 4, until, expect }
}

fn numbered(backend: &Backend) -> Requests {
    Requests::patched(post(backend.address, "/", None, EVENT), 0..1, Spread::OneUser)
}

#[test]
fn each_request_arrives_once_and_is_counted_once() {
    let backend = backend(|_, body| ok(body));
    let expect = Expect::status(&[200]);
    let plan = plan(&backend, Until::Answers(500), &expect);
    let outcome = drive(&plan, &mut numbered(&backend)).expect("all answers are right");
    assert_eq!(outcome.answers, 500);
    assert_eq!(outcome.latency_micros.len(), 500);
    let mut bodies = backend.bodies.lock().expect("no panic holds it").clone();
    bodies.sort();
    let expected: Vec<String> = (0..500).map(|n| format!("{n:012}")).collect();
    assert_eq!(bodies, expected);
}

#[test]
fn one_wrong_status_ends_the_run_with_its_body() {
    let backend = backend(|n, _| match n {
        99 => "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nfull".into(),
        _ => ok("fine"),
    });
    let expect = Expect::status(&[200, 201]);
    let plan = plan(&backend, Until::Answers(500), &expect);
    let error = drive(&plan, &mut numbered(&backend)).err().expect("it must stop").to_string();
    assert_eq!(error, "test: expected status [200, 201], got status 503 with:\nfull");
}

#[test]
fn a_dropped_event_is_a_wrong_answer_although_its_status_is_200() {
    let spaced = r#"{"data": {"dropped": 0, "accepted": 1}}"#;
    let backend = backend(move |n, _| match n {
        20 => ok(spaced),
        30 => ok(r#"{"data":{"accepted":0,"dropped":1}}"#),
        _ => ok(r#"{"data":{"accepted":1,"dropped":0}}"#),
    });
    let expect = Expect::accepted(1);
    let plan = plan(&backend, Until::Answers(500), &expect);
    let error = drive(&plan, &mut numbered(&backend)).err().expect("it must stop").to_string();
    assert!(error.ends_with(r#"{"data":{"accepted":0,"dropped":1}}"#), "{error}");
}

#[test]
fn answers_and_requests_larger_than_the_buffers_get_through() {
    let big = "x".repeat(3_000_000);
    let request = big.clone();
    let backend = backend(|_, body| ok(body));
    let expect = Expect::status(&[200]);
    let plan = plan(&backend, Until::Answers(8), &expect);
    let mut requests = Requests::fixed(post(backend.address, "/", None, &request));
    drive(&plan, &mut requests).expect("all answers are right");
    let bodies = backend.bodies.lock().expect("no panic holds it");
    assert!(bodies.len() == 8 && bodies.iter().all(|body| *body == big));
}

#[test]
fn a_timed_run_ends_in_time_and_leaves_nothing_outstanding() {
    let backend = backend(|_, body| ok(body));
    let expect = Expect::status(&[200]);
    let plan = plan(&backend, Until::Elapsed(Duration::from_millis(200)), &expect);
    let started = Instant::now();
    let outcome = drive(&plan, &mut numbered(&backend)).expect("all answers are right");
    assert!(started.elapsed() < Duration::from_secs(5));
    let received = backend.bodies.lock().expect("no panic holds it").len() as u64;
    assert!(outcome.answers > 0 && outcome.answers <= received && received <= outcome.answers + 4);
}
