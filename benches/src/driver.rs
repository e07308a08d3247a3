//! The load generator: one thread for all connections, with as little work per request as possible.
//!
//! It shares the machine with the server under test, which lacks any time that it spends. Each
//! connection has one request outstanding (a closed loop): the next is sent when the answer to the
//! last has come. Readiness comes from epoll through `mio`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::Value;

use crate::error::{BenchError, Doing};
use crate::measure::own_processor_time;
use crate::request::Requests;
use crate::response::{self, Answer, find};

/// The longest wait for any answer.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(100);
const FIRST_BUFFER_BYTES: usize = 16 * 1024;

/// The end of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time; requests that are outstanding then are awaited, and not counted.
    Elapsed(Duration),
    /// Once so many requests have been answered.
    Answers(u64),
}

/// What each answer must be.
pub(crate) struct Expect {
    statuses: &'static [u16],
    /// The count, and how compact JSON writes it.
    accepted: Option<(u64, Vec<u8>)>,
}

impl Expect {
    /// One of these statuses, whatever the body.
    pub(crate) fn status(statuses: &'static [u16]) -> Self {
        Self { statuses, accepted: None }
    }

    /// 200 with exactly so many events accepted: events that are dropped are answered with 200 too.
    pub(crate) fn accepted(events: u64) -> Self {
        let written = format!("\"accepted\":{events},").into_bytes();
        Self { statuses: &[200], accepted: Some((events, written)) }
    }

    fn is_met(&self, answer: &Answer, bytes: &[u8]) -> bool {
        if !self.statuses.contains(&answer.status) {
            return false;
        }
        let Some((events, written)) = &self.accepted else { return true };
        let body = answer.body(bytes);
        // The search is the cheap way; parsing is for JSON that is spaced or ordered otherwise.
        find(&body, written).is_some()
            || serde_json::from_slice::<Value>(&body)
                .is_ok_and(|body| body["data"]["accepted"].as_u64() == Some(*events))
    }

    fn describe(&self) -> String {
        match &self.accepted {
            None => format!("status {:?}", self.statuses),
            Some((events, _)) => format!("status {:?} with {events} accepted", self.statuses),
        }
    }
}

/// The plan of one run.
pub(crate) struct Plan<'a> {
    /// The run's name in errors.
    pub(crate) name: &'a str,
    /// The server's address.
    pub(crate) address: SocketAddr,
    /// The number of connections.
    pub(crate) connections: usize,
    /// The end of the run.
    pub(crate) until: Until,
    /// What each answer must be.
    pub(crate) expect: &'a Expect,
}

/// The measurements of one run.
pub(crate) struct Outcome {
    /// Number of answers within the time.
    pub(crate) answers: u64,
    /// The time that was measured.
    pub(crate) elapsed: Duration,
    /// Latencies from sending to the last byte of the answer, in microseconds.
    pub(crate) latency_micros: Histogram<u64>,
    /// Processor time that the generator itself used.
    pub(crate) own_time: Duration,
}

impl Outcome {
    /// The answers per second of the measured time.
    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }
}

/// Sends requests until the plan ends.
///
/// # Errors
/// The first answer that is not as expected ends the run, with its body.
pub(crate) fn drive(plan: &Plan<'_>, requests: &mut Requests) -> Result<Outcome, BenchError> {
    Driver::connect(plan, requests)?.run()
}

struct Driver<'a> {
    plan: &'a Plan<'a>,
    requests: &'a mut Requests,
    poll: Poll,
    connections: Vec<Connection>,
    started: Instant,
    issued: u64,
    answered: u64,
    outstanding: usize,
    latency_micros: Histogram<u64>,
}

struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    filled: usize,
    sent_at: Instant,
}

impl<'a> Driver<'a> {
    fn connect(plan: &'a Plan<'a>, requests: &'a mut Requests) -> Result<Self, BenchError> {
        let poll = Poll::new().doing("opening epoll")?;
        let mut connections = Vec::with_capacity(plan.connections);
        for index in 0..plan.connections {
            let mut connection =
                Connection::open(plan.address).doing(format!("connecting to {}", plan.address))?;
            poll.registry()
                .register(
                    &mut connection.stream,
                    Token(index),
                    Interest::READABLE | Interest::WRITABLE,
                )
                .doing("watching a connection")?;
            connections.push(connection);
        }
        Ok(Self {
            plan,
            requests,
            poll,
            connections,
            started: Instant::now(),
            issued: 0,
            answered: 0,
            outstanding: 0,
            latency_micros: Histogram::new_with_bounds(1, 60_000_000, 3)
                .expect("the bounds are valid"),
        })
    }

    fn run(mut self) -> Result<Outcome, BenchError> {
        let own_time = own_processor_time();
        self.started = Instant::now();
        for index in 0..self.connections.len() {
            self.send_next(index, Instant::now())?;
        }
        let mut events = Events::with_capacity(1024);
        let mut last_event = self.started;
        while self.outstanding > 0 {
            match self.poll.poll(&mut events, Some(TICK)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled.doing("waiting for answers")?,
            }
            if !events.is_empty() {
                last_event = Instant::now();
            } else if last_event.elapsed() > PATIENCE {
                let scenario = self.plan.name.to_owned();
                return Err(BenchError::Stalled { scenario, waited: PATIENCE });
            }
            for event in &events {
                self.ready(event.token().0)?;
            }
        }
        let elapsed = match self.plan.until {
            Until::Elapsed(time) => time,
            Until::Answers(_) => self.started.elapsed(),
        };
        Ok(Outcome {
            answers: self.answered,
            elapsed,
            latency_micros: self.latency_micros,
            own_time: own_processor_time().saturating_sub(own_time),
        })
    }

    fn ready(&mut self, index: usize) -> Result<(), BenchError> {
        loop {
            let connection = &mut self.connections[index];
            connection.flush().doing("sending a request")?;
            let filled = match connection.fill().doing("reading an answer")? {
                Filled::Closed => {
                    return Err(BenchError::Closed { scenario: self.plan.name.to_owned() });
                }
                filled @ (Filled::More | Filled::Drained) => filled,
            };
            let bytes = &connection.input[..connection.filled];
            let parsed = response::parse(bytes).map_err(|reason| BenchError::Unreadable {
                scenario: self.plan.name.to_owned(),
                reason,
            })?;
            if let Some(answer) = parsed {
                self.take(index, &answer)?;
            }
            if filled == Filled::Drained {
                return Ok(());
            }
        }
    }

    fn take(&mut self, index: usize, answer: &Answer) -> Result<(), BenchError> {
        let now = Instant::now();
        let connection = &mut self.connections[index];
        let bytes = &connection.input[..connection.filled];
        if !self.plan.expect.is_met(answer, bytes) {
            return Err(BenchError::WrongAnswer {
                scenario: self.plan.name.to_owned(),
                expected: self.plan.expect.describe(),
                status: answer.status,
                body: String::from_utf8_lossy(&answer.body(bytes)).into_owned(),
            });
        }
        connection.input.copy_within(answer.end..connection.filled, 0);
        connection.filled -= answer.end;
        self.outstanding -= 1;
        let in_time = match self.plan.until {
            Until::Elapsed(time) => now.duration_since(self.started) <= time,
            Until::Answers(_) => true,
        };
        if in_time {
            self.answered += 1;
            let micros = now.duration_since(connection.sent_at).as_micros();
            self.latency_micros.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        }
        self.send_next(index, now)
    }

    fn send_next(&mut self, index: usize, now: Instant) -> Result<(), BenchError> {
        let enough = match self.plan.until {
            Until::Elapsed(time) => now.duration_since(self.started) >= time,
            Until::Answers(answers) => self.issued >= answers,
        };
        if enough {
            return Ok(());
        }
        let connection = &mut self.connections[index];
        self.requests.write_next(&mut connection.out);
        connection.written = 0;
        connection.sent_at = now;
        self.issued += 1;
        self.outstanding += 1;
        connection.flush().doing("sending a request")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// There may be more to read.
    More,
    /// The next readiness will be announced.
    Drained,
    Closed,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            out: Vec::new(),
            written: 0,
            input: vec![0; FIRST_BUFFER_BYTES],
            filled: 0,
            sent_at: Instant::now(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<Filled> {
        if self.filled == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
        let room = self.input.len() - self.filled;
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) => Ok(Filled::Closed),
            Ok(read) => {
                self.filled += read;
                // A short read of a stream means that it is empty (epoll(7)); asking once more
                // for the sake of WouldBlock would cost a system call per request.
                Ok(if read < room { Filled::Drained } else { Filled::More })
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Filled::Drained),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Filled::More),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
