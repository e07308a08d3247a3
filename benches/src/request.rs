//! Requests as bytes that are ready to send, with digits patched in place.
//!
//! Building JSON for each request would cost the generator more than the server's answer does, and
//! both share the machine. So a request is a template, and what must differ (event ids, users) is
//! a run of twelve digits at a known place.

use std::net::SocketAddr;
use std::ops::Range;

use crate::response::find;

/// Digits of a number that is patched in.
const DIGITS: usize = 12;
/// Stands for a number that no other event has.
pub(crate) const EVENT: &str = "#EVENT######";
/// Stands for the number of a user.
pub(crate) const USER: &str = "#USER#######";

/// Who the events of one request belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// All to one user, the next request's to the next user.
    OneUser,
    /// Each to another user.
    ManyUsers,
}

/// An endless row of requests.
pub(crate) struct Requests {
    write: Box<Write>,
}

/// Puts the next request into an empty buffer.
type Write = dyn FnMut(&mut Vec<u8>);

/// Requests that are the same but for digits, in turn.
struct Templates {
    templates: Vec<Template>,
    next_template: usize,
    next_event: u64,
    users: Range<u64>,
    next_user: u64,
    spread: Spread,
}

struct Template {
    bytes: Vec<u8>,
    events: Vec<usize>,
    users: Vec<usize>,
}

impl Requests {
    /// What `write` puts into the empty buffer that it is given, each time another.
    pub(crate) fn new(write: impl FnMut(&mut Vec<u8>) + 'static) -> Self {
        Self { write: Box::new(write) }
    }

    /// The same request again and again.
    pub(crate) fn fixed(request: Vec<u8>) -> Self {
        Self::cycle(vec![request])
    }

    /// These requests in turn.
    pub(crate) fn cycle(requests: Vec<Vec<u8>>) -> Self {
        Templates::new(requests, 0..1, Spread::OneUser).into_requests()
    }

    /// This request with [`EVENT`] and [`USER`] patched, over these users in turn.
    pub(crate) fn patched(request: Vec<u8>, users: Range<u64>, spread: Spread) -> Self {
        Templates::new(vec![request], users, spread).into_requests()
    }

    /// Replaces `out` with the next request.
    pub(crate) fn write_next(&mut self, out: &mut Vec<u8>) {
        out.clear();
        (self.write)(out);
    }
}

impl Templates {
    fn new(requests: Vec<Vec<u8>>, users: Range<u64>, spread: Spread) -> Self {
        let templates = requests.into_iter().map(Template::new).collect();
        let next_user = users.start;
        Self { templates, next_template: 0, next_event: 0, users, next_user, spread }
    }

    fn into_requests(mut self) -> Requests {
        Requests::new(move |out| self.write_next(out))
    }

    fn write_next(&mut self, out: &mut Vec<u8>) {
        let template = &self.templates[self.next_template];
        self.next_template = (self.next_template + 1) % self.templates.len();
        out.extend_from_slice(&template.bytes);
        for &place in &template.events {
            write_digits(&mut out[place..place + DIGITS], self.next_event);
            self.next_event += 1;
        }
        for &place in &template.users {
            write_digits(&mut out[place..place + DIGITS], self.next_user);
            if self.spread == Spread::ManyUsers {
                self.next_user = after(self.next_user, &self.users);
            }
        }
        if self.spread == Spread::OneUser {
            self.next_user = after(self.next_user, &self.users);
        }
    }
}

fn after(user: u64, users: &Range<u64>) -> u64 {
    if user + 1 == users.end { users.start } else { user + 1 }
}

impl Template {
    fn new(bytes: Vec<u8>) -> Self {
        let (events, users) = (places(&bytes, EVENT), places(&bytes, USER));
        Self { bytes, events, users }
    }
}

fn places(bytes: &[u8], mark: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], mark.as_bytes()) {
        places.push(from + at);
        from += at + mark.len();
    }
    places
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("below ten");
        number /= 10;
    }
}

/// The bytes of a GET; without a token, no `Authorization`.
pub(crate) fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = authorization(token);
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}\r\n").into_bytes()
}

/// A POST of JSON; without a token, no `Authorization`.
pub(crate) fn post(address: SocketAddr, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = authorization(token);
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn authorization(token: Option<&str>) -> String {
    token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: &str = "<#EVENT###### of #USER#######, #EVENT###### of #USER#######>";

    fn take(requests: &mut Requests, count: usize) -> Vec<String> {
        let mut out = Vec::new();
        let mut taken = Vec::new();
        for _ in 0..count {
            requests.write_next(&mut out);
            taken.push(String::from_utf8(out.clone()).expect("digits are text"));
        }
        taken
    }

    #[test]
    fn no_two_events_have_the_same_number() {
        let mut requests = Requests::patched(DOUBLE.into(), 0..2, Spread::OneUser);
        assert_eq!(
            take(&mut requests, 3),
            [
                "<000000000000 of 000000000000, 000000000001 of 000000000000>",
                "<000000000002 of 000000000001, 000000000003 of 000000000001>",
                "<000000000004 of 000000000000, 000000000005 of 000000000000>",
            ]
        );
    }

    #[test]
    fn many_users_means_another_for_each_event() {
        let mut requests = Requests::patched(DOUBLE.into(), 0..3, Spread::ManyUsers);
        assert_eq!(
            take(&mut requests, 2),
            [
                "<000000000000 of 000000000000, 000000000001 of 000000000001>",
                "<000000000002 of 000000000002, 000000000003 of 000000000000>",
            ]
        );
    }

    #[test]
    fn requests_without_marks_are_sent_as_they_are_in_turn() {
        let mut requests = Requests::cycle(vec![b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(take(&mut requests, 3), ["a", "b", "a"]);
    }

    #[test]
    fn the_announced_length_is_that_of_the_body() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let request = String::from_utf8(post(address, "/x", Some("t"), "{}")).expect("text");
        assert_eq!(
            request,
            "POST /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        );
    }
}
