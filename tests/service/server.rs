//! The process of one run of `privd`, from its first line to its exit.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The text that the server prints before its address when it is ready.
const READY: &str = "listening on ";

/// The time that recovery may take before a test gives up.
const STARTUP: Duration = Duration::from_secs(120);

/// A running `privd`. Dropping it kills it, so that no test leaves a process behind.
pub(crate) struct Server {
    child: Child,
    stdout: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    base: String,
}

/// The process ended before it was ready.
#[derive(Debug)]
pub(crate) struct NotReady(pub(crate) ExitStatus);

impl Server {
    /// Starts the process and waits until it prints its address.
    pub(crate) fn start(command: Command, log: &Path) -> Result<Self, NotReady> {
        let (mut server, ready) = Self::launch(command, log);
        match ready.recv_timeout(STARTUP) {
            Ok(base) => {
                server.base = base;
                Ok(server)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(NotReady(server.wait(STARTUP).expect("its output has ended, so it is ending")))
            }
            Err(RecvTimeoutError::Timeout) => panic!("privd was not ready within {STARTUP:?}"),
        }
    }

    /// Starts the process without waiting for it.
    pub(crate) fn spawn(command: Command, log: &Path) -> Self {
        Self::launch(command, log).0
    }

    fn launch(mut command: Command, log: &Path) -> (Self, mpsc::Receiver<String>) {
        let log =
            File::options().create(true).append(true).open(log).expect("the log can be written");
        let stderr = log.try_clone().expect("a file can be cloned");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().expect("privd was built with these tests");
        let pipe = child.stdout.take().expect("it was asked for");
        let stdout = Arc::new(Mutex::new(Vec::new()));
        let (announce, ready) = mpsc::channel();
        let lines = Arc::clone(&stdout);
        let reader = std::thread::spawn(move || {
            read_output(BufReader::new(pipe), log, &lines, &announce);
        });
        (Self { child, stdout, reader: Some(reader), base: String::new() }, ready)
    }

    /// The base URL, such as `http://127.0.0.1:43210`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The lines that the process has printed on standard output.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the process to stop, with SIGTERM, without waiting for it.
    pub(crate) fn terminate(&self) {
        kill_process(pid_of(&self.child), Signal::TERM).expect("it is still our child");
    }

    /// Kills the process with SIGKILL; none of it runs after this returns.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
        self.join_reader();
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                self.join_reader();
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading lines does not panic");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has ended already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "privd {} at {}", self.child.id(), self.base)
    }
}

fn pid_of(child: &Child) -> Pid {
    let id = i32::try_from(child.id()).expect("process ids fit an i32 on Linux");
    Pid::from_raw(id).expect("a child's id is not zero")
}

fn read_output(
    pipe: impl BufRead,
    mut log: File,
    lines: &Mutex<Vec<String>>,
    announce: &mpsc::Sender<String>,
) {
    for line in pipe.lines().map_while(Result::ok) {
        // The log is for the reader of a failed test; a full disk must not hide the failure.
        drop(writeln!(log, "{line}"));
        let base = line.find(READY).map(|at| line[at + READY.len()..].trim().to_owned());
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        if let Some(base) = base {
            // Nobody reads the lines any more once the test has given up.
            drop(announce.send(base));
        }
    }
}
