//! `privd replay` sends a file of recorded actions to a running service, as events.
//!
//! The file is CSV with the columns `timestamp`, `user`, `event` and `url`, gzipped or not. Each
//! row becomes one `track` event whose id is made from the row itself, so that sending a file
//! twice, or a part of it again after a lost connection, stores nothing twice. Rows of one user
//! always go over the same connection, one request at a time, and so arrive in the order of the
//! file.
//!
//! Only the service decides whether the events are allowed and what they earn; this module adds up
//! its answers.

mod lane;
mod progress;
mod row;
mod summary;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use lane::{Batch, Lanes, Target};
use progress::Progress;
use row::{Row, Rows};
use summary::Summary;

/// Batches that wait for each connection at most; more would only take memory.
const WAITING_BATCHES: usize = 2;

/// The arguments of `privd replay`.
#[derive(clap::Args)]
pub(crate) struct ReplayArgs {
    /// CSV with the columns timestamp, user, event, url; may be gzipped.
    file: PathBuf,
    /// Base URL of the service, such as http://127.0.0.1:8080.
    #[arg(long)]
    url: String,
    /// Key of the project that gets the events.
    #[arg(long, env = "PRIV_KEY", hide_env_values = true)]
    key: String,
    /// Events in one request.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=2_500))]
    batch: u16,
    /// Connections, each with one request outstanding.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: u16,
    /// Seconds to go on trying when the service is full, away or restarting.
    #[arg(long, default_value_t = 300)]
    give_up_secs: u64,
}

/// Why a file was not replayed, or not completely.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The file can't be read, or is not CSV at all.
    #[error("{}: {source}", .file.display())]
    File { file: PathBuf, source: csv::Error },
    /// The file is read twice (to count, then to send), and a pipe can't be.
    #[error("{}: not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A column that every row needs is missing.
    #[error("{}: the first line names no column `{column}`", .file.display())]
    NoColumn { file: PathBuf, column: &'static str },
    /// The URL can't be used.
    #[error("--url {url}: {reason}")]
    Url {
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service refuses all requests, as with a wrong key.
    #[error("the service refused with status {status}: {body}")]
    Refused { status: u16, body: String },
    /// The service could not be reached, or stayed full.
    #[error("gave up after {} s without success: {reason}", .waited.as_secs())]
    GaveUp {
        /// Time since the first try.
        waited: Duration,
        /// The outcome of the last try.
        reason: String,
    },
    /// The answer does not have the documented form.
    #[error("the answer is not understood ({reason}): {body}")]
    BadAnswer {
        /// What is wrong with it.
        reason: String,
        body: String,
    },
    /// Everything was sent that could be, but some rows were not stored.
    #[error("not complete: {bad_rows} rows unreadable, {rejected} rejected, {unsent} not sent")]
    Incomplete {
        /// Rows that make no event.
        bad_rows: u64,
        /// Events that the service would not take.
        rejected: u64,
        /// Rows that were never answered.
        unsent: u64,
    },
}

/// Sends the file and prints the sum of the service's answers.
///
/// # Errors
/// See [`ReplayError`]; also if only some rows failed ([`ReplayError::Incomplete`]).
pub(crate) fn run(args: ReplayArgs) -> Result<(), ReplayError> {
    let (summary, sent) = replay(&args)?;
    // A reader that has gone away (`| head`) is no reason to call the replay a failure.
    let _ = write!(std::io::stdout(), "{summary}");
    sent?;
    summary.check()
}

/// Sends the file. Returns the summary, also of a replay that was cut short, and the error that cut
/// it short.
fn replay(args: &ReplayArgs) -> Result<(Summary, Result<(), ReplayError>), ReplayError> {
    let target = Target::new(&args.url, &args.key, Duration::from_secs(args.give_up_secs))?;
    let rows = count(&args.file)?;
    let started = Instant::now();
    let lanes = Lanes::new(target, Progress::new(rows));
    let dealt = thread::scope(|scope| {
        let senders = (0..args.connections)
            .map(|_| {
                let (sender, batches) = sync_channel(WAITING_BATCHES);
                scope.spawn(|| lanes.send_all(batches));
                sender
            })
            .collect();
        // The senders end with this call, and then the lanes do.
        Dealer::new(args, senders, &lanes).deal()
    });
    let (mut summary, sent) = lanes.finish();
    summary.rows = rows;
    summary.elapsed = started.elapsed();
    Ok((summary, dealt.and(sent)))
}

/// Counts the rows of the file, good or bad. Reading all of it also finds a cut or damaged file
/// before anything is sent.
fn count(file: &Path) -> Result<u64, ReplayError> {
    if !file.metadata().map_err(|error| file_error(file, error.into()))?.is_file() {
        return Err(ReplayError::NotAFile(file.to_owned()));
    }
    Rows::open(file)?.try_fold(0, |rows, row| row.map(|_| rows + 1))
}

fn file_error(file: &Path, source: csv::Error) -> ReplayError {
    ReplayError::File { file: file.to_owned(), source }
}

/// Deals rows to the lanes, all rows of one user to the same lane.
struct Dealer<'a> {
    args: &'a ReplayArgs,
    lanes: &'a Lanes,
    senders: Vec<SyncSender<Batch>>,
    batches: Vec<Batch>,
}

impl<'a> Dealer<'a> {
    fn new(args: &'a ReplayArgs, senders: Vec<SyncSender<Batch>>, lanes: &'a Lanes) -> Self {
        let batches = senders.iter().map(|_| Batch::default()).collect();
        Self { args, lanes, senders, batches }
    }

    fn deal(mut self) -> Result<(), ReplayError> {
        for row in Rows::open(&self.args.file)? {
            if self.lanes.are_stopped() {
                return Ok(());
            }
            match row.inspect_err(|_| self.lanes.stop())? {
                Row::Event(event) => {
                    let lane = self.lane_of(&event.user);
                    if !self.batches[lane].has_room(&event, usize::from(self.args.batch)) {
                        self.send(lane);
                    }
                    self.batches[lane].push(&event);
                }
                Row::Bad { line, reason } => self.lanes.bad_row(line, &reason),
            }
        }
        (0..self.senders.len()).for_each(|lane| self.send(lane));
        Ok(())
    }

    fn lane_of(&self, user: &str) -> usize {
        let lanes = self.senders.len() as u128;
        usize::try_from(row::hash([user]) % lanes).expect("it is less than the number of lanes")
    }

    fn send(&mut self, lane: usize) {
        let batch = std::mem::take(&mut self.batches[lane]);
        // A lane that is gone has said why; the loop above sees that all are stopped.
        if !batch.is_empty() {
            let _ = self.senders[lane].send(batch);
        }
    }
}

#[cfg(test)]
mod tests;
