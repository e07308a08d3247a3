//! A server under valgrind's callgrind, which counts the instructions that it executes.
//!
//! Valgrind executes the server on a processor of its own making, one thread at a time, and
//! callgrind counts on it. Counting is off at first, so that setting up takes less long; `vgdb`,
//! which comes with valgrind, switches it on and off and has the counts written to a file.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::{BenchError, Doing};
use crate::process::Server;
use crate::profile::Profile;

const VALGRIND: &str = "valgrind";
const VGDB: &str = "vgdb";
/// Valgrind first reads the symbols of a program of a hundred megabytes.
const START_WITHIN: Duration = Duration::from_secs(300);
/// Longest wait for an order. Writing the counts of all functions takes seconds at most.
const ORDER_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The name of the files with counts; callgrind adds a number.
const PROFILE: &str = "profile";

/// The counter of one server.
pub(crate) struct Callgrind {
    files: TempDir,
    pid: u32,
    dumps: u32,
}

/// The instructions that a server executed while something was done.
pub(crate) struct Counted {
    /// The counts of each function.
    pub(crate) profile: Profile,
    /// The same as callgrind wrote it, for `callgrind_annotate` and others.
    pub(crate) written: String,
}

impl Callgrind {
    /// Starts what `command` would start; nothing is counted yet. The server has to end before its
    /// counter is dropped.
    ///
    /// # Errors
    /// Fails where valgrind is missing, and where the server does not start.
    pub(crate) fn start(command: &Command) -> Result<(Self, Server), BenchError> {
        for program in [VALGRIND, VGDB] {
            require(program)?;
        }
        let doing = "making a directory for callgrind's files";
        let files = tempfile::Builder::new().prefix("priv-bench-").tempdir().doing(doing)?;
        let server = Server::start(counted(command, files.path()), START_WITHIN)
            .map_err(|error| with_log(error, command, files.path()))?;
        Ok((Self { files, pid: server.pid(), dumps: 0 }, server))
    }

    /// Counts what all threads of the server execute while `work` is done.
    pub(crate) fn count<T>(
        &mut self,
        work: impl FnOnce() -> Result<T, BenchError>,
    ) -> Result<(T, Counted), BenchError> {
        self.order("instrumentation on")?;
        self.order("zero")?;
        let done = work()?;
        self.order("dump")?;
        self.order("instrumentation off")?;
        self.dumps += 1;
        let path = self.files.path().join(format!("{PROFILE}.{}", self.dumps));
        let written = fs::read_to_string(&path).doing("reading what callgrind counted")?;
        let profile = Profile::parse(&written).map_err(BenchError::Callgrind)?;
        // A file of this size is needed once at most.
        fs::remove_file(&path).doing("removing what callgrind wrote")?;
        Ok((done, Counted { profile, written }))
    }

    /// Has callgrind do something, and waits until it has.
    fn order(&self, order: &str) -> Result<(), BenchError> {
        let mut command = Command::new(VGDB);
        command.arg(format!("--pid={}", self.pid)).arg(vgdb_prefix(self.files.path()));
        command.args(order.split(' '));
        let output = run_within(command, ORDER_WITHIN)?;
        // It succeeds with orders that valgrind does not know as well, and says so on its output.
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && said.trim().is_empty() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(BenchError::Callgrind(format!("`{order}` failed: {said}{errors}")))
    }
}

/// The command that starts the same program, with its arguments and environment, under callgrind.
fn counted(command: &Command, files: &Path) -> Command {
    let mut counted = Command::new(VALGRIND);
    counted
        // Settings of the one who runs the benchmark must not become part of it.
        .arg("--command-line-only=yes")
        .args(["--quiet", "--tool=callgrind", "--instr-atstart=no"])
        // Threads take turns; otherwise one that is busy may keep the others from running.
        .arg("--fair-sched=try")
        .arg(format!("--log-file={}", log(files).display()))
        .arg(format!("--callgrind-out-file={}", files.join(PROFILE).display()))
        .arg(vgdb_prefix(files))
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => counted.env(name, value),
            None => counted.env_remove(name),
        };
    }
    counted
}

fn vgdb_prefix(files: &Path) -> String {
    format!("--vgdb-prefix={}", files.join("vgdb").display())
}

fn log(files: &Path) -> PathBuf {
    files.join("log")
}

/// Names the program that was to be counted, and adds what valgrind said.
fn with_log(error: BenchError, command: &Command, files: &Path) -> BenchError {
    let BenchError::NotStarted { reason, output, .. } = error else { return error };
    let program = format!("{} under valgrind", command.get_program().to_string_lossy());
    let log = fs::read_to_string(log(files)).unwrap_or_default();
    BenchError::NotStarted { program, reason, output: format!("{output}\n{log}").trim().into() }
}

fn require(program: &'static str) -> Result<(), BenchError> {
    let quiet = || Stdio::null();
    match Command::new(program).arg("--version").stdout(quiet()).stderr(quiet()).status() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(BenchError::NoValgrind(program)),
        Err(error) => Err(error).doing(format!("running {program}")),
    }
}

/// Runs a program that says little. Kills it where it takes too long.
fn run_within(mut command: Command, within: Duration) -> Result<Output, BenchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let doing = || format!("running {program}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().doing(doing())?;
    let deadline = Instant::now() + within;
    while child.try_wait().doing(doing())?.is_none() {
        if Instant::now() > deadline {
            child.kill().doing(doing())?;
            child.wait().doing(doing())?;
            let waited = within.as_secs();
            return Err(BenchError::Callgrind(format!("{program} did not end in {waited} s")));
        }
        thread::sleep(LOOK_EVERY);
    }
    child.wait_with_output().doing(doing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_counted_with_its_arguments_and_environment() {
        let mut command = Command::new("/bin/privd");
        command.args(["echo", "--workers"]).env("PRIV_LISTEN", "x").env_remove("PRIV_WORKERS");
        let counted = counted(&command, Path::new("/files"));
        let args: Vec<_> = counted.get_args().map(|arg| arg.to_string_lossy()).collect();
        assert!(args.contains(&"--instr-atstart=no".into()), "{args:?}");
        assert!(args.contains(&"--vgdb-prefix=/files/vgdb".into()), "{args:?}");
        assert_eq!(args[args.len() - 3..], ["/bin/privd", "echo", "--workers"]);
        assert!(counted.get_envs().eq(command.get_envs()));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = require("no-such-valgrind").expect_err("nobody has it").to_string();
        assert!(error.starts_with("`no-such-valgrind` is missing"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut endless = Command::new("sleep");
        endless.arg("1000");
        let error = run_within(endless, Duration::ZERO).expect_err("it is too late").to_string();
        assert!(error.ends_with("sleep did not end in 0 s"), "{error}");
    }
}
