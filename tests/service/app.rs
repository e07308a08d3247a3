//! `TestApp`, the service under test with its directory, its settings and its callers.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::caller::Caller;
use super::server::{NotReady, Server};
use super::tokens;

/// The value of `PRIV_ADMIN_TOKEN`.
pub(crate) const ADMIN_TOKEN: &str = "operator-token-of-the-service-tests-4f1c9a";

/// The time that a graceful stop may take.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// A `privd` over a directory of its own, which is removed when this is dropped.
pub(crate) struct TestApp {
    server: Option<Server>,
    settings: BTreeMap<String, String>,
    dir: TempDir,
}

/// The outcome of a command such as `privd verify`.
pub(crate) struct Ran {
    /// The command's exit status.
    pub(crate) status: ExitStatus,
    /// Everything that the command printed, on both outputs.
    pub(crate) text: String,
}

impl TestApp {
    /// A running service with secrets set and no rate limits.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A running service with these settings in addition.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut app = Self::stopped(settings);
        app.resume();
        app
    }

    /// A service with these settings in addition, not started yet.
    pub(crate) fn stopped(settings: &[(&str, &str)]) -> Self {
        let defaults = [
            ("PRIV_LISTEN", "127.0.0.1:0"),
            ("PRIV_ADMIN_TOKEN", ADMIN_TOKEN),
            ("PRIV_JWT_SECRET", tokens::SECRET),
            ("PRIV_USER_PLAN", "enterprise"),
            ("PRIV_ANONYMOUS_PLAN", "enterprise"),
        ];
        let mut app = Self::bare();
        for (name, value) in defaults.iter().chain(settings) {
            app.set(name, value);
        }
        app
    }

    /// A service that is not started, with no setting but its data directory: for tests of what
    /// `privd` does by default.
    pub(crate) fn bare() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let data = dir.path().join("data");
        let log = std::env::var("PRIV_TEST_LOG").unwrap_or_else(|_| "info".to_owned());
        let mut app = Self { server: None, settings: BTreeMap::new(), dir };
        app.set("PRIV_DATA_DIR", &data.to_string_lossy());
        app.set("PRIV_LOG", "json");
        app.set("RUST_LOG", &log);
        app
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Makes the service listen on one fixed port from the next start on.
    pub(crate) fn fix_port(&mut self) {
        let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = free.local_addr().expect("a bound socket has an address");
        self.set("PRIV_LISTEN", &address.to_string());
    }

    /// Starts the service on the data that it left.
    #[track_caller]
    pub(crate) fn resume(&mut self) {
        if let Err(NotReady(status)) = self.try_resume() {
            panic!("privd did not start: {status}\n{}", self.log());
        }
    }

    /// Starts the service in a test in which it may refuse to start.
    pub(crate) fn try_resume(&mut self) -> Result<(), NotReady> {
        assert!(self.server.is_none(), "it is running already");
        self.server = Some(Server::start(self.command(&[]), &self.log_path())?);
        Ok(())
    }

    /// Starts the service and kills it `after` that time, ready or not.
    pub(crate) fn start_and_kill(&mut self, after: Duration) {
        let mut server = Server::spawn(self.command(&[]), &self.log_path());
        std::thread::sleep(after);
        server.kill();
    }

    /// Stops the service as an operator would.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let mut server = self.server.take().expect("it is running");
        server.terminate();
        let status = server.wait(GRACE);
        assert!(status.is_some_and(|s| s.success()), "SIGTERM: {status:?}\n{}", self.log());
    }

    /// Stops the service as an operator would, and starts it again.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.resume();
    }

    /// Kills the service with SIGKILL.
    pub(crate) fn kill9(&mut self) {
        self.server.take().expect("it is running").kill();
    }

    /// The process of the running service.
    pub(crate) fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("it is running")
    }

    /// Deletes sled's data, which must be rebuildable.
    pub(crate) fn delete_sled(&self) {
        assert!(self.server.is_none(), "not under a running server");
        let state = self.data_dir().join("state");
        if state.exists() {
            fs::remove_dir_all(state).expect("the folder can be removed");
        }
    }

    /// Runs another command of `privd` with the same settings.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("privd was built with these tests");
        let text = [output.stdout, output.stderr].concat();
        Ran { status: output.status, text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// Runs `privd verify`, which must find no fault.
    #[track_caller]
    pub(crate) fn assert_verified(&self) {
        let verify = self.run(&["verify"]);
        assert!(verify.status.success(), "privd verify: {}\n{}", verify.status, verify.text);
    }

    /// `privd` with these arguments and this app's settings, and no others.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_privd"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PRIV_") {
                command.env_remove(name);
            }
        }
        // Not the caller's folder: files written or read there by mistake would go unnoticed.
        command.args(arguments).envs(&self.settings).current_dir(self.dir.path());
        command
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        PathBuf::from(&self.settings["PRIV_DATA_DIR"])
    }

    /// A folder for the test's own files.
    pub(crate) fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// The log so far, of all runs together.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("privd.log")
    }

    /// A caller without a credential.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::new(self.server.as_ref().expect("it is running").base())
    }

    /// A caller with an API key: an app or a server.
    pub(crate) fn key(&self, key: &str) -> Caller {
        self.anonymous().bearer(key)
    }

    /// A caller who is signed in as the person `sub`.
    pub(crate) fn person(&self, sub: &str) -> Caller {
        self.anonymous().bearer(&tokens::person(sub))
    }

    /// A caller with the operators' token.
    pub(crate) fn operator(&self) -> Caller {
        self.anonymous().bearer(ADMIN_TOKEN)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("--- the last lines of privd ---\n{last}\n---");
        }
    }
}

/// Waits until `look` finds something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited {within:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
