//! Tests of the whole replay, against a service of a few lines that keeps each event id once.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use priv_domain::Micros;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::*;

/// How the service treats a request.
#[derive(Clone, Copy)]
enum Fate {
    Answered,
    /// Nothing is stored; the answer has this status and these headers.
    Status(u16, &'static str),
    /// The events are stored, but the client gets no answer.
    HungUpAfterStoring,
    /// All events but the first are stored.
    FirstRejected,
}

#[derive(Default)]
struct Store {
    requests: usize,
    ids: HashSet<String>,
    /// The pages of each user's events, in the order of their arrival.
    pages_by_user: BTreeMap<String, Vec<String>>,
}

struct Service {
    address: SocketAddr,
    store: Arc<Mutex<Store>>,
}

impl Service {
    fn start(fate: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let store = Arc::new(Mutex::new(Store::default()));
        let (kept, fate) = (store.clone(), Arc::new(fate));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (store, fate) = (kept.clone(), fate.clone());
                thread::spawn(move || serve(stream, &store, &*fate));
            }
        });
        Self { address, store }
    }

    fn store(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().expect("no panic holds it")
    }
}

/// Serves one connection; returns `None` at its end.
fn serve(stream: TcpStream, store: &Mutex<Store>, fate: &dyn Fn(usize) -> Fate) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let body = read_request(&mut reader)?;
        let (status, headers, answer) = {
            let mut store = store.lock().expect("no panic holds it");
            store.requests += 1;
            match fate(store.requests - 1) {
                Fate::Status(status, headers) => (status, headers, "{}".to_owned()),
                Fate::Answered => (200, "", keep(&mut store, &body, 0)),
                Fate::FirstRejected => (200, "", keep(&mut store, &body, 1)),
                Fate::HungUpAfterStoring => {
                    keep(&mut store, &body, 0);
                    return None;
                }
            }
        };
        let length = answer.len();
        let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n");
        reader.get_mut().write_all((head + &answer).as_bytes()).ok()?;
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Value> {
    let (mut length, mut authorized) = (0, false);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    assert!(first.is_empty() || first.starts_with("POST /v1/events "), "{first}");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        authorized |= line == "authorization: bearer pk_test_x";
        if line.is_empty() {
            break;
        }
    }
    assert!(authorized, "the key is sent");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

fn keep(store: &mut Store, body: &Value, rejected: usize) -> String {
    let events = body["events"].as_array().expect("a batch has events");
    let mut accepted = 0_u64;
    for event in &events[rejected..] {
        let text = |name: &str| event[name].as_str().expect("it is text").to_owned();
        if store.ids.insert(text("event_id")) {
            accepted += 1;
            store.pages_by_user.entry(text("user_id")).or_default().push(text("page_url"));
        }
    }
    let results: Vec<_> = (0..rejected)
        .map(|index| json!({"index": index, "result": "rejected", "code": "VALIDATION_ERROR"}))
        .collect();
    let duplicates = (events.len() - rejected) as u64 - accepted;
    json!({"success": true, "data": {
        "accepted": accepted, "duplicates": duplicates, "dropped": 0, "rejected": rejected,
        "earned_priv": accepted as f64 / 1000.0, "results": results,
    }})
    .to_string()
}

/// A file of `rows` actions, unevenly spread over the users.
fn file_of(rows: usize) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    writeln!(file, "timestamp,user,event,url").expect("the disk has room");
    for row in 0..rows {
        let user = (row * row) % 7;
        writeln!(file, "2026-01-01T00:00:00Z,u_{user},seen,{row:06}").expect("the disk has room");
    }
    file
}

fn args(file: &NamedTempFile, address: SocketAddr) -> ReplayArgs {
    ReplayArgs {
        file: file.path().to_owned(),
        url: format!("http://{address}"),
        key: "pk_test_x".into(),
        batch: 10,
        connections: 3,
        give_up_secs: 30,
    }
}

fn completed(args: &ReplayArgs) -> Summary {
    let (summary, sent) = replay(args).expect("the file is good");
    sent.expect("all is sent");
    summary.check().expect("every row is in");
    summary
}

#[test]
fn every_row_is_stored_once_and_in_its_users_order_whatever_happens_on_the_way() {
    let service = Service::start(|request| match request % 7 {
        2 => Fate::HungUpAfterStoring,
        4 => Fate::Status(503, "Retry-After: 0\r\n"),
        5 => Fate::Status(502, ""),
        _ => Fate::Answered,
    });
    let file = file_of(300);
    let summary = completed(&args(&file, service.address));
    assert_eq!(summary.accepted + summary.duplicates, 300);
    assert!(summary.duplicates > 0, "what was stored unheard is a duplicate when sent again");
    assert!(summary.retries > 0);
    let store = service.store();
    assert_eq!(store.ids.len(), 300);
    assert_eq!(store.pages_by_user.len(), 4);
    for pages in store.pages_by_user.values() {
        assert!(pages.is_sorted(), "{pages:?}");
    }
}

#[test]
fn sent_twice_nothing_changes() {
    let service = Service::start(|_| Fate::Answered);
    let file = file_of(95);
    let first = completed(&args(&file, service.address));
    assert_eq!((first.accepted, first.duplicates), (95, 0));
    assert_eq!(first.earned, Micros::new(95_000));
    let again = ReplayArgs { batch: 7, connections: 1, ..args(&file, service.address) };
    let second = completed(&again);
    assert_eq!((second.accepted, second.duplicates), (0, 95));
    assert_eq!(second.earned, Micros::ZERO);
    assert_eq!(service.store().ids.len(), 95);
}

#[test]
fn it_waits_as_long_as_the_service_asks() {
    let service = Service::start(|request| match request {
        0 => Fate::Status(429, "Retry-After: 1\r\n"),
        _ => Fate::Answered,
    });
    let summary = completed(&args(&file_of(5), service.address));
    assert!(summary.elapsed >= Duration::from_secs(1), "{:?}", summary.elapsed);
    assert_eq!(summary.retries, 1);
}

#[test]
fn a_wait_past_its_patience_ends_it_at_once() {
    let service = Service::start(|_| Fate::Status(429, "Retry-After: 3600\r\n"));
    let (summary, sent) = replay(&args(&file_of(100), service.address)).expect("the file is good");
    assert!(matches!(sent, Err(ReplayError::GaveUp { .. })));
    assert!(matches!(summary.check(), Err(ReplayError::Incomplete { unsent: 100, .. })));
    assert!(summary.elapsed < Duration::from_secs(20), "{:?}", summary.elapsed);
}

#[test]
fn nobody_there_is_an_error_in_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let file = file_of(5);
    let args = ReplayArgs { give_up_secs: 1, ..args(&file, address) };
    let (_, sent) = replay(&args).expect("the file is good");
    assert!(matches!(sent, Err(ReplayError::GaveUp { .. })));
}

#[test]
fn a_wrong_key_stops_it_without_a_second_try() {
    let service = Service::start(|_| Fate::Status(401, ""));
    let file = file_of(100);
    let args = ReplayArgs { connections: 1, ..args(&file, service.address) };
    let (_, sent) = replay(&args).expect("the file is good");
    assert!(matches!(sent, Err(ReplayError::Refused { status: 401, .. })));
    assert_eq!(service.store().requests, 1);
}

#[test]
fn a_rejected_event_and_a_bad_row_fail_it_though_the_rest_is_stored() {
    let service = Service::start(|request| match request {
        0 => Fate::FirstRejected,
        _ => Fate::Answered,
    });
    let mut file = file_of(50);
    writeln!(file, "2026-01-01T00:00:00Z,,seen,nobody").expect("the disk has room");
    let (summary, sent) = replay(&args(&file, service.address)).expect("the file is good");
    sent.expect("all is sent");
    let failed = summary.check().expect_err("one is rejected and one unreadable");
    assert!(
        matches!(failed, ReplayError::Incomplete { bad_rows: 1, rejected: 1, unsent: 0 }),
        "{failed}"
    );
    assert_eq!(service.store().ids.len(), 49);
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["", "127.0.0.1:80", "ftp://host", "http://"] {
        assert!(Target::new(url, "k", Duration::ZERO).is_err(), "{url}");
    }
}
