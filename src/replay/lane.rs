//! Lanes, each of which sends its batches in order over one connection, and each batch until it is
//! answered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;

use super::ReplayError;
use super::progress::Progress;
use super::row::Event;
use super::summary::{Answer, Summary};

/// Bytes of a request's body at most: half of what the service takes.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Time after which a waiting lane notices at the latest that another has failed.
const TICK: Duration = Duration::from_millis(100);
/// Bad rows that are named one by one at most; in a file of another kind every row is bad.
const NAMED_ROWS: u64 = 20;

/// Events that go in one request.
#[derive(Default)]
pub(super) struct Batch {
    body: String,
    lines: Vec<u64>,
}

impl Batch {
    /// Whether one more event may be added to a batch of at most `most` events.
    pub(super) fn has_room(&self, event: &Event, most: usize) -> bool {
        self.lines.len() < most && self.body.len() + event.json.len() < MAX_BODY_BYTES
    }

    /// Adds an event to the body.
    pub(super) fn push(&mut self, event: &Event) {
        self.body.push_str(if self.is_empty() { r#"{"events":["# } else { "," });
        self.body.push_str(&event.json);
        self.lines.push(event.line);
    }

    /// Whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The route that batches are sent to, and how long it is tried.
pub(super) struct Target {
    url: String,
    authorization: String,
    patience: Duration,
}

impl Target {
    /// The events route of the service at `url`, to be tried for `patience`.
    pub(super) fn new(url: &str, key: &str, patience: Duration) -> Result<Self, ReplayError> {
        let refuse = |reason: &str| ReplayError::Url { url: url.into(), reason: reason.into() };
        let parsed: ureq::http::Uri = url.parse().map_err(|_| refuse("not a URL"))?;
        if !matches!(parsed.scheme_str(), Some("http" | "https")) || parsed.host().is_none() {
            return Err(refuse("must begin with http:// or https:// and a host"));
        }
        let base = url.trim_end_matches('/');
        let version = if base.ends_with("/v1") { "" } else { "/v1" };
        let url = format!("{base}{version}/events");
        Ok(Self { url, authorization: format!("Bearer {key}"), patience })
    }
}

/// The state that the lanes share.
pub(super) struct Lanes {
    target: Target,
    progress: Progress,
    stopped: AtomicBool,
    failure: Mutex<Option<ReplayError>>,
    summary: Mutex<Summary>,
    named_rows: AtomicU64,
}

/// The outcome of one try.
enum Tried {
    Answered(Answer),
    /// The reason why it must be tried again, and the pause that the service asked for.
    Again(String, Option<Duration>),
}

impl Lanes {
    /// The shared state of lanes that are not running yet.
    pub(super) fn new(target: Target, progress: Progress) -> Self {
        Self {
            target,
            progress,
            stopped: AtomicBool::new(false),
            failure: Mutex::new(None),
            summary: Mutex::default(),
            named_rows: AtomicU64::new(0),
        }
    }

    /// Sends batches until there are no more, or something can't be sent.
    pub(super) fn send_all(&self, batches: Receiver<Batch>) {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_WITHIN))
            .build()
            .into();
        for mut batch in batches {
            batch.body.push_str("]}");
            if let Err(error) = self.deliver(&agent, &batch) {
                self.failure.lock().expect("no panic holds it").get_or_insert(error);
                self.stop();
            }
            // The batches that wait are not sent either: later events must not overtake those that
            // failed.
            if self.are_stopped() {
                return;
            }
        }
    }

    /// Makes all lanes stop after their current request.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Whether the lanes were told to stop.
    pub(super) fn are_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Reports a row that makes no event.
    pub(super) fn bad_row(&self, line: u64, reason: &str) {
        self.summary.lock().expect("no panic holds it").bad_rows += 1;
        self.name_row(line, reason);
        self.progress.add(1);
    }

    /// The sum of all answers, and the error that stopped the lanes early, if any.
    pub(super) fn finish(self) -> (Summary, Result<(), ReplayError>) {
        self.progress.finish();
        let failure = self.failure.into_inner().expect("no panic holds it");
        let summary = self.summary.into_inner().expect("no panic holds it");
        (summary, failure.map_or(Ok(()), Err))
    }

    /// Sends one batch until it is answered; returns early, without an error, when stopped.
    fn deliver(&self, agent: &Agent, batch: &Batch) -> Result<(), ReplayError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        while !self.are_stopped() {
            let (reason, asked) = match self.try_once(agent, batch)? {
                Tried::Answered(answer) => return self.take(batch, &answer),
                Tried::Again(reason, asked) => (reason, asked),
            };
            let wait = asked.unwrap_or(pause).max(FIRST_PAUSE);
            let waited = started.elapsed();
            if waited + wait > self.target.patience {
                return Err(ReplayError::GaveUp { waited, reason });
            }
            self.progress.note(&format!("{reason}; again in {:.1} s", wait.as_secs_f64()));
            self.summary.lock().expect("no panic holds it").retries += 1;
            self.sleep(wait);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    fn try_once(&self, agent: &Agent, batch: &Batch) -> Result<Tried, ReplayError> {
        let sent = agent
            .post(&self.target.url)
            .header("Authorization", &self.target.authorization)
            .content_type("application/json")
            .send(&batch.body);
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Ok(Tried::Again(format!("no answer ({error})"), None)),
        };
        let status = response.status().as_u16();
        let asked = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().map(Duration::from_secs).ok());
        let body = match response.body_mut().read_to_string() {
            Ok(body) => body,
            Err(error) => return Ok(Tried::Again(format!("incomplete answer ({error})"), None)),
        };
        match status {
            200 => match Answer::parse(&body, batch.lines.len()) {
                Ok(answer) => Ok(Tried::Answered(answer)),
                Err(reason) => Err(ReplayError::BadAnswer { reason, body }),
            },
            408 | 429 | 500..=599 => Ok(Tried::Again(format!("status {status}"), asked)),
            _ => Err(ReplayError::Refused { status, body }),
        }
    }

    fn take(&self, batch: &Batch, answer: &Answer) -> Result<(), ReplayError> {
        self.summary
            .lock()
            .expect("no panic holds it")
            .add(answer)
            .map_err(|reason| ReplayError::BadAnswer { reason, body: format!("{answer:?}") })?;
        for verdict in answer.rejections() {
            let line = batch.lines.get(verdict.index).copied().unwrap_or_default();
            self.name_row(line, &verdict.to_string());
        }
        self.progress.add(batch.lines.len() as u64);
        Ok(())
    }

    fn name_row(&self, line: u64, reason: &str) {
        match self.named_rows.fetch_add(1, Ordering::Relaxed) {
            before if before < NAMED_ROWS => self.progress.note(&format!("line {line}: {reason}")),
            NAMED_ROWS => self.progress.note("… and more, which are only counted"),
            _ => {}
        }
    }

    fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.are_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(TICK));
        }
    }
}
