//! Bytes that are hardly HTTP may end the connection, but not the service.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::routes::{Fixture, Needs, ROUTES};
use super::tokens;

#[test]
fn broken_requests_harm_nobody() {
    let flood = format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(20_000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(300_000));
    let post = "POST /v1/events HTTP/1.1\r\nHost: x\r\n";
    let broken: Vec<Vec<u8>> = vec![
        b"\r\n\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"G\x00T / HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /v1/user/balance HTTP/1.1\r\nHost x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\nA\x00B: c\r\n\r\n".to_vec(),
        format!("{post}Content-Length: -1\r\n\r\n{{}}").into_bytes(),
        format!("{post}Content-Length: 99999999999999999999\r\n\r\n{{}}").into_bytes(),
        format!("{post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}").into_bytes(),
        format!("{post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{{}}").into_bytes(),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{{}}\r\n0\r\n\r\n").into_bytes(),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n").into_bytes(),
        format!("{post}Content-Length: 1000\r\n\r\n{{\"events\":").into_bytes(),
        flood.into_bytes(),
        long.into_bytes(),
    ];
    Fixture::new().unchanged_by(|fixture| {
        for request in &broken {
            let stream = send(fixture.app.anonymous().base(), request);
            // No more bytes come, so an incomplete request stays incomplete.
            drop(stream.shutdown(Shutdown::Write));
            let answer = read_to_end(stream);
            let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
            assert!(!answer.contains(" 500 ") && !answer.contains(" 200 "), "{shown:?}: {answer}");
            fixture.app.person(&fixture.user).get("/v1/user/balance").ok();
        }
    });
}

#[test]
fn header_values_that_are_not_text_are_refused() {
    Fixture::new().unchanged_by(|fixture| {
        let base = fixture.app.anonymous().base().to_owned();
        let bytes = b"\xff\xfe\x80";
        for route in
            ROUTES.iter().filter(|route| !matches!(route.needs, Needs::Nobody | Needs::Link))
        {
            let line = format!("{} {}", route.method(), route.path(fixture));
            let body: &[u8] = if route.reads_json() { b"{}" } else { b"" };
            for prefix in [&b"Bearer "[..], b"Bearer pk_live_", b"Basic ", b""] {
                let value = [prefix, bytes].concat();
                let request = raw(&line, &[("Authorization", &value)], body);
                let answer = exchange(&base, &request);
                assert!(answer.starts_with("HTTP/1.1 401 "), "{line}: {answer}");
                assert!(answer.contains("\"success\":false"), "{line}: {answer}");
            }
        }
        let token = format!("Bearer {}", tokens::person(&fixture.user));
        let authorization = ("Authorization", token.as_bytes());
        let consent = "POST /v1/user/consent";
        let request =
            raw(consent, &[authorization, ("Idempotency-Key", bytes)], b"{\"marketing\":true}");
        let answer = exchange(&base, &request);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("VALIDATION_ERROR"), "{answer}");
        for name in ["X-Request-Id", "Origin", "Accept-Encoding", "User-Agent", "Sec-GPC"] {
            let request = raw("GET /v1/user/balance", &[authorization, (name, bytes)], b"");
            let answer = exchange(&base, &request);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer}");
        }
    });
}

/// A request with header values that no client library would send.
fn raw(line: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    let length = body.len();
    let about = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    [request, about.into_bytes(), body.to_vec()].concat()
}

#[test]
fn a_client_that_sends_nothing_keeps_nobody_waiting() {
    let fixture = Fixture::new();
    let address = fixture.app.anonymous().base().replace("http://", "");
    let idle: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(&address).expect("the service listens")).collect();
    fixture.app.person(&fixture.user).get("/v1/user/balance").ok();
    assert_eq!(idle.len(), 200);
}

/// Sends bytes, and reads the answer until the service hangs up.
fn exchange(base: &str, request: &[u8]) -> String {
    read_to_end(send(base, request))
}

fn send(base: &str, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(base.replace("http://", "")).expect("the service listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("not zero");
    // The service may hang up before it has read everything.
    drop(stream.write_all(request));
    stream
}

fn read_to_end(stream: TcpStream) -> String {
    let mut answer = Vec::new();
    drop(stream.take(1 << 20).read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}
