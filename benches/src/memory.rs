//! `memory`: a million people seen once each, and what they cost while they are in memory.
//!
//! Two runs. In the first nothing limits how many actors stay, which gives the bytes that one
//! takes; then they go idle, and the memory has to come down. In the second there is a budget, and
//! the actors in memory have to stay within it all the time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::agent;
use crate::error::BenchError;
use crate::measure::resident_bytes;
use crate::operator::{Operator, Project, Resident};
use crate::process::{DataDir, Server, find_privd};

const MIB: f64 = 1024.0 * 1024.0;
/// Bytes that one resident user may take.
const TARGET_BYTES: f64 = 1536.0;
const BATCH: u64 = 2_500;
const SENDERS: usize = 4;
const SAMPLE_EVERY: Duration = Duration::from_millis(200);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The longest time that touching all users of a run may take.
const FILL_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Time for idle actors to leave, beyond the idle time itself.
const PASSIVATE_WITHIN: Duration = Duration::from_secs(120);
/// Time for the allocator to give pages back after the last actor has left.
const SETTLE: Duration = Duration::from_secs(10);
/// A budget in bytes that no machine has.
const UNLIMITED_BYTES: u64 = 100_000_000_000;

/// The arguments of `memory`.
#[derive(clap::Args)]
pub(crate) struct MemoryArgs {
    /// People to touch, once each.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    users: u64,
    /// The service to measure [default: `privd` beside this program].
    #[arg(long)]
    privd: Option<PathBuf>,
    /// Idle seconds after which an actor leaves memory in the first run. Long enough that the first
    /// is still there when the last arrives, or there is no moment at which all are counted.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    idle_secs: u64,
    /// Budget of the second run, in MiB.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    budget_mib: u64,
    /// Where the throwaway data directories are made; must be on a disk [default: beside this
    /// program].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// One sample of the server's memory and actors.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    resident: Resident,
    rss: u64,
}

/// The largest values that were sampled.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    /// The largest number of residents, with the memory at that moment.
    most_users: Sample,
    rss: u64,
    reported_bytes: Option<u64>,
    samples: u64,
}

impl Peak {
    fn take(&mut self, sample: Sample) {
        if sample.resident.users >= self.most_users.resident.users {
            self.most_users = sample;
        }
        self.rss = self.rss.max(sample.rss);
        self.reported_bytes = self.reported_bytes.max(sample.resident.bytes);
        self.samples += 1;
    }
}

/// Measures, and prints the results.
pub(crate) fn run(args: &MemoryArgs) -> Result<(), BenchError> {
    let binary = find_privd(args.privd.as_deref())?;
    let bytes_per_user = measure_unlimited(args, &binary)?;
    measure_budget(args, &binary, bytes_per_user)
}

fn measure_unlimited(args: &MemoryArgs, binary: &Path) -> Result<f64, BenchError> {
    println!("{} people once each, no budget, idle after {} s:", args.users, args.idle_secs);
    let settings = [
        ("PRIV_RESIDENT_BYTES", UNLIMITED_BYTES.to_string()),
        ("PRIV_IDLE_SECS", args.idle_secs.to_string()),
    ];
    let subject = Subject::start(args, binary, &settings)?;
    let before = subject.sample()?;
    let peak = subject.fill(args.users)?;
    let most = peak.most_users;
    let bytes = most.rss.saturating_sub(before.rss) as f64 / most.resident.users.max(1) as f64;
    println!("  RSS before                {:>9.1} MiB", mib(before.rss));
    println!("  RSS with most in memory   {:>9.1} MiB", mib(most.rss));
    println!("  most users in memory      {:>9}", most.resident.users);
    let verdict = judge(bytes <= TARGET_BYTES);
    println!("  bytes per resident user   {bytes:>9.0}  (target ≤ {TARGET_BYTES}: {verdict})");
    if let Some(reported) = most.resident.bytes {
        println!("  … as the server counts    {:>9}", reported / most.resident.users.max(1));
    }
    if most.resident.users < args.users {
        println!("  (some left before the last came: a longer --idle-secs counts all at once)");
    }
    let after = subject.wait_until_passive(args)?;
    println!("  users after passivation   {:>9}", after.resident.users);
    println!("  RSS after passivation     {:>9.1} MiB", mib(after.rss));
    Ok(bytes)
}

fn measure_budget(args: &MemoryArgs, binary: &Path, bytes_per_user: f64) -> Result<(), BenchError> {
    let budget = args.budget_mib * 1024 * 1024;
    println!("\n{} people once each, a budget of {} MiB:", args.users, args.budget_mib);
    let settings = [
        ("PRIV_RESIDENT_BYTES", budget.to_string()),
        // No actor goes idle: only the budget may send them away.
        ("PRIV_IDLE_SECS", "86400".to_owned()),
    ];
    let subject = Subject::start(args, binary, &settings)?;
    let before = subject.sample()?;
    let peak = subject.fill(args.users)?;
    let measured = peak.most_users.resident.users as f64 * bytes_per_user;
    let within = judge(measured <= budget as f64);
    println!("  RSS before                {:>9.1} MiB", mib(before.rss));
    println!("  highest RSS               {:>9.1} MiB", mib(peak.rss));
    println!(
        "  most users in memory      {:>9}  ({} looks)",
        peak.most_users.resident.users, peak.samples
    );
    println!(
        "  … at the bytes above      {:>9.1} MiB  (within the budget: {within})",
        measured / MIB
    );
    if let Some(reported) = peak.reported_bytes {
        let within = judge(reported <= budget);
        println!(
            "  … as the server counts    {:>9.1} MiB  (within the budget: {within})",
            mib(reported)
        );
    }
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

fn judge(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// The service under test.
struct Subject {
    server: Server,
    // Behind the server: removed only after that has been killed.
    _data: DataDir,
    operator: Operator,
    project: Project,
}

impl Subject {
    fn start(
        args: &MemoryArgs,
        binary: &Path,
        settings: &[(&str, String)],
    ) -> Result<Self, BenchError> {
        let data = DataDir::new(args.data_dir.as_deref())?;
        let server = Server::privd(binary, &data, settings)?;
        let operator = Operator::new(server.address);
        let project = operator.create_project()?;
        Ok(Self { server, _data: data, operator, project })
    }

    fn sample(&self) -> Result<Sample, BenchError> {
        let resident = self.operator.resident()?;
        Ok(Sample { resident, rss: resident_bytes(self.server.pid())? })
    }

    /// Touches the users `0..users` while the server is sampled.
    fn fill(&self, users: u64) -> Result<Peak, BenchError> {
        let work = Work {
            url: format!("http://{}/v1/events", self.server.address),
            key: &self.project.key,
            users,
            next_user: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            deadline: Instant::now() + FILL_WITHIN,
        };
        let started = Instant::now();
        let failure = Mutex::new(None);
        let mut peak = Peak::default();
        thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|_| {
                    scope.spawn(|| {
                        if let Err(error) = work.send_all() {
                            // Kept before the others are told, whose errors only say that.
                            failure.lock().expect("no panic holds it").get_or_insert(error);
                            work.stopped.store(true, Ordering::Release);
                        }
                    })
                })
                .collect();
            let looked = self.look_while(&mut peak, || senders.iter().any(|s| !s.is_finished()));
            work.stopped.fetch_or(looked.is_err(), Ordering::Release);
            looked
        })?;
        if let Some(error) = failure.into_inner().expect("no panic holds it") {
            return Err(error);
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "  touched in                {seconds:>9.1} s  ({:.0} a second)",
            users as f64 / seconds
        );
        println!("  batches sent again        {:>9}", work.retries.load(Ordering::Relaxed));
        Ok(peak)
    }

    fn look_while(&self, peak: &mut Peak, busy: impl Fn() -> bool) -> Result<(), BenchError> {
        loop {
            // Asked before the look, so that the last look is at the finished state.
            let more = busy();
            peak.take(self.sample()?);
            if !more {
                return Ok(());
            }
            thread::sleep(SAMPLE_EVERY);
        }
    }

    /// Waits until nobody is in memory any more, and the allocator has had time to give pages back.
    fn wait_until_passive(&self, args: &MemoryArgs) -> Result<Sample, BenchError> {
        let deadline = Instant::now() + Duration::from_secs(args.idle_secs) + PASSIVATE_WITHIN;
        while self.operator.resident()?.users > 0 && Instant::now() < deadline {
            thread::sleep(SAMPLE_EVERY);
        }
        let settled = Instant::now() + SETTLE;
        let mut last = self.sample()?;
        while Instant::now() < settled {
            thread::sleep(SAMPLE_EVERY);
            last = self.sample()?;
        }
        Ok(last)
    }
}

/// The state that the senders share.
struct Work<'a> {
    url: String,
    key: &'a str,
    users: u64,
    next_user: AtomicU64,
    retries: AtomicU64,
    stopped: AtomicBool,
    deadline: Instant,
}

impl Work<'_> {
    fn send_all(&self) -> Result<(), BenchError> {
        let agent = agent(ANSWER_WITHIN);
        loop {
            let first = self.next_user.fetch_add(BATCH, Ordering::Relaxed);
            let count = BATCH.min(self.users.saturating_sub(first));
            if count == 0 {
                return Ok(());
            }
            let body = batch(first, count);
            while let Some(pause) = self.send(&agent, &body, count)? {
                self.retries.fetch_add(1, Ordering::Relaxed);
                thread::sleep(pause);
            }
        }
    }

    /// Sends one batch. Returns how long to wait before it is sent again, if the server is full.
    fn send(
        &self,
        agent: &ureq::Agent,
        body: &str,
        count: u64,
    ) -> Result<Option<Duration>, BenchError> {
        let failed = |reason| BenchError::SetUp { call: "POST /v1/events".into(), reason };
        if self.stopped.load(Ordering::Acquire) {
            return Err(failed("another sender stopped".into()));
        }
        if Instant::now() > self.deadline {
            return Err(failed(format!("not done in {} s", FILL_WITHIN.as_secs())));
        }
        let mut response = agent
            .post(&self.url)
            .header("Authorization", format!("Bearer {}", self.key))
            .content_type("application/json")
            .send(body)
            .map_err(|error| failed(error.to_string()))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").cloned();
        let text = response.body_mut().read_to_string().map_err(|e| failed(e.to_string()))?;
        match status {
            200 => stored(&text, count).map(|()| None).map_err(failed),
            429 | 503 => {
                let seconds = retry_after
                    .and_then(|value| value.to_str().ok()?.parse().ok())
                    .ok_or_else(|| failed(format!("status {status} without Retry-After")))?;
                Ok(Some(Duration::from_secs(seconds)))
            }
            _ => Err(failed(format!("status {status} with {text}"))),
        }
    }
}

/// Fails unless all events are stored, be it by an earlier try whose answer was not 200.
fn stored(answer: &str, count: u64) -> Result<(), String> {
    let value: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let member = |name| value["data"][name].as_u64().unwrap_or_default();
    if member("accepted") + member("duplicates") == count {
        Ok(())
    } else {
        Err(format!("not all {count} events were stored: {answer}"))
    }
}

fn batch(first: u64, count: u64) -> String {
    let mut body = String::with_capacity(160 * 2_500);
    body.push_str(r#"{"events":["#);
    for user in first..first + count {
        let comma = if user == first { "" } else { "," };
        write!(
            body,
            "{comma}{{\"event_type\":\"track\",\"event_name\":\"seen\",\
             \"event_id\":\"m-{user:012}\",\"anonymous_id\":\"visitor-{user:012}\",\
             \"consent_given\":true}}"
        )
        .expect("a string takes all");
    }
    body.push_str("]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_json_with_each_user_once() {
        let body: Value = serde_json::from_str(&batch(2_500, 3)).expect("it is JSON");
        let ids: Vec<_> = body["events"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| event["anonymous_id"].as_str().expect("text"))
            .collect();
        assert_eq!(ids, ["visitor-000000002500", "visitor-000000002501", "visitor-000000002502"]);
    }

    #[test]
    fn a_dropped_event_is_not_stored() {
        assert!(stored(r#"{"data":{"accepted":2,"duplicates":1}}"#, 3).is_ok());
        assert!(stored(r#"{"data":{"accepted":2,"dropped":1}}"#, 3).is_err());
    }

    #[test]
    fn memory_counts_at_the_moment_of_most_users() {
        let sample = |users, rss| Sample { resident: Resident { users, bytes: Some(users) }, rss };
        let mut peak = Peak::default();
        for seen in [sample(1, 10), sample(5, 50), sample(2, 90)] {
            peak.take(seen);
        }
        assert_eq!((peak.most_users.resident.users, peak.most_users.rss, peak.rss), (5, 50, 90));
    }
}
