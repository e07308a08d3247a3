//! A client of server-sent events.

use std::io::{BufRead, BufReader, Lines};

use serde_json::Value;
use ureq::BodyReader;

use super::caller::Caller;

/// An open response of `/user/earnings/stream`.
pub(crate) struct Changes {
    lines: Lines<BufReader<BodyReader<'static>>>,
}

/// One change as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The change's id, for `Last-Event-ID`.
    pub(crate) id: String,
    /// The balances after it.
    pub(crate) data: Value,
}

impl Changes {
    /// Opens the stream; `last` is the last change that was seen before.
    #[track_caller]
    pub(crate) fn open(person: &Caller, last: Option<&Change>) -> Self {
        let person = match last {
            Some(change) => person.with("last-event-id", &change.id),
            None => person.clone(),
        };
        let response = person.with("accept", "text/event-stream").open("/v1/user/earnings/stream");
        assert_eq!(response.status(), 200);
        let content_type = response.headers()["content-type"].to_str().expect("it is text");
        assert!(content_type.starts_with("text/event-stream"), "{content_type}");
        Self { lines: BufReader::new(response.into_body().into_reader()).lines() }
    }

    /// Waits for the next change; heartbeats are passed over.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Change {
        let (mut id, mut data) = (String::new(), String::new());
        loop {
            let line = self.lines.next().expect("the stream goes on").expect("it is read in time");
            if let Some(text) = line.strip_prefix("id:") {
                id = text.trim_start().to_owned();
            } else if let Some(text) = line.strip_prefix("data:") {
                data.push_str(text.trim_start());
            } else if line.is_empty() && !data.is_empty() {
                let data = serde_json::from_str(&data).expect("the data is JSON");
                assert!(!id.is_empty(), "a change without an id can't be resumed from: {data}");
                return Change { id, data };
            }
        }
    }

    /// Waits for the change after which the balances are as `wanted`.
    #[track_caller]
    pub(crate) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Change {
        loop {
            let change = self.next();
            if wanted(&change.data) {
                return change;
            }
        }
    }
}
