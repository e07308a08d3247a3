//! The error that ends a benchmark.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a benchmark stopped. A run that met one wrong answer has no numbers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The server answered something else than the scenario promises.
    #[error("{scenario}: expected {expected}, got status {status} with:\n{body}")]
    WrongAnswer { scenario: String, expected: String, status: u16, body: String },
    /// The answer is not HTTP/1.1 as this client reads it.
    #[error("{scenario}: the answer is not readable: {reason}")]
    Unreadable { scenario: String, reason: &'static str },
    /// The server closed the connection before the answer was complete.
    #[error("{scenario}: the server closed the connection")]
    Closed { scenario: String },
    /// The server sent nothing for too long.
    #[error("{scenario}: no answer for {} s", .waited.as_secs())]
    Stalled { scenario: String, waited: Duration },
    /// The server under test did not come up.
    #[error("{program} did not start: {reason}\n{output}")]
    NotStarted { program: String, reason: String, output: String },
    /// There is no binary of the service to test.
    #[error("{} is missing: build it as docs/benchmarks.md says, or name it with --privd", .0.display())]
    NoBinary(PathBuf),
    /// Valgrind, which counts the instructions, is not installed.
    #[error(
        "`{0}` is missing: instructions are counted by valgrind; install it (Debian's package is `valgrind`)"
    )]
    NoValgrind(&'static str),
    /// Valgrind did not do as it was told.
    #[error("valgrind's callgrind: {0}")]
    Callgrind(String),
    /// A sync to memory costs nothing, so "durable" would mean nothing.
    #[error("{} is in memory, not on a disk: choose another place with --data-dir", .0.display())]
    NotADisk(PathBuf),
    /// A call of the set-up failed.
    #[error("{call}: {reason}")]
    SetUp { call: String, reason: String },
    /// The server's answers do not add up.
    #[error("{0}")]
    DoesNotAddUp(String),
    /// A socket, file or process failed.
    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },
}

/// Names what was being done when an I/O error came.
pub(crate) trait Doing<T> {
    /// The error with what was being done.
    fn doing(self, doing: impl Into<String>) -> Result<T, BenchError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl Into<String>) -> Result<T, BenchError> {
        self.map_err(|error| BenchError::Io { doing: doing.into(), source: error.into() })
    }
}
