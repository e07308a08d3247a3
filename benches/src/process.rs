//! The servers under test, started as processes of their own and killed at the end.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::JWT_SECRET;
use crate::error::{BenchError, Doing};
use crate::operator::OPERATOR_TOKEN;

const START_WITHIN: Duration = Duration::from_secs(60);
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// The address that it listens on.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// The bare echo, which is this same program.
    pub(crate) fn echo() -> Result<Self, BenchError> {
        Self::start(echo_command()?, START_WITHIN)
    }

    /// `privd` over `data`, durable, with no limits on rates, plus `extra` settings.
    pub(crate) fn privd(
        binary: &Path,
        data: &DataDir,
        extra: &[(&str, String)],
    ) -> Result<Self, BenchError> {
        Self::start(privd_command(binary, data, extra), START_WITHIN)
    }

    /// The id of the server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts a server, and waits at most `within` until it says where it listens.
    pub(crate) fn start(mut command: Command, within: Duration) -> Result<Self, BenchError> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().doing(format!("starting {program}"))?;
        let output = child.stdout.take().expect("the output is piped");
        // Owned from here on, so that every way out of this function kills it.
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        server.address =
            wait_for_address(&lines_of(output), within).map_err(|(reason, output)| {
                BenchError::NotStarted { program, reason, output: output.join("\n") }
            })?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the bare echo of this program.
pub(crate) fn echo_command() -> Result<Command, BenchError> {
    let mut command = Command::new(own_path()?);
    command.arg("echo");
    Ok(command)
}

/// Starts `privd` as [`Server::privd`] says.
pub(crate) fn privd_command(binary: &Path, data: &DataDir, extra: &[(&str, String)]) -> Command {
    let mut command = Command::new(binary);
    // A setting of the one who runs the benchmark must not become part of it.
    for (name, _) in env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
        .env("PRIV_LISTEN", "127.0.0.1:0")
        .env("PRIV_DATA_DIR", data.dir.path())
        .env("PRIV_ADMIN_TOKEN", OPERATOR_TOKEN)
        .env("PRIV_JWT_SECRET", JWT_SECRET)
        .env("PRIV_USER_PLAN", "enterprise")
        .env("PRIV_ANONYMOUS_PLAN", "enterprise")
        .env("PRIV_LOG", "json")
        .env("RUST_LOG", "warn")
        .envs(extra.iter().map(|(name, value)| (name, value)));
    command
}

fn is_setting(name: &str) -> bool {
    name.starts_with("PRIV_")
}

/// Lines of `output` as they come. Goes on reading when nobody listens any more, because a full
/// pipe would stop the server.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

fn wait_for_address(
    lines: &Receiver<String>,
    within: Duration,
) -> Result<SocketAddr, (String, Vec<String>)> {
    let deadline = Instant::now() + within;
    let mut seen = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => {
                let address = line.trim().strip_prefix("listening on http://");
                if let Some(address) = address.and_then(|text| text.parse().ok()) {
                    return Ok(address);
                }
                seen.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err((format!("not ready in {} s", within.as_secs()), seen));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(("it ended before it was ready".into(), seen));
            }
        }
    }
}

/// A data directory on a real disk, removed at the end.
pub(crate) struct DataDir {
    dir: TempDir,
}

impl DataDir {
    /// A new one under `parent`, or next to the folder of this program's binary.
    pub(crate) fn new(parent: Option<&Path>) -> Result<Self, BenchError> {
        let parent = match parent {
            Some(parent) => parent.to_owned(),
            None => own_path()?.parent().expect("a program is in a folder").to_owned(),
        };
        let doing = format!("making a data directory in {}", parent.display());
        let file_system = rustix::fs::statfs(&parent).doing(doing.clone())?.f_type;
        if is_in_memory(file_system) {
            return Err(BenchError::NotADisk(parent));
        }
        let dir =
            tempfile::Builder::new().prefix("priv-bench-").tempdir_in(&parent).doing(doing)?;
        Ok(Self { dir })
    }

    /// The directory's path.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn is_in_memory(file_system: impl Into<i64>) -> bool {
    let file_system = file_system.into();
    file_system == TMPFS || file_system == RAMFS
}

/// The `privd` to test: the one named, or the one beside this program.
pub(crate) fn find_privd(named: Option<&Path>) -> Result<PathBuf, BenchError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => own_path()?.with_file_name("privd"),
    };
    if path.is_file() { Ok(path) } else { Err(BenchError::NoBinary(path)) }
}

fn own_path() -> Result<PathBuf, BenchError> {
    env::current_exe().doing("finding this program's own path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_among_other_lines() {
        let output = "starting\nlistening on http://127.0.0.1:4711\nmore\n".as_bytes();
        let address = wait_for_address(&lines_of(output), START_WITHIN).expect("it is there");
        assert_eq!(address.port(), 4711);
    }

    #[test]
    fn a_server_that_ends_early_is_reported_with_what_it_said() {
        let lines = lines_of("no such setting\n".as_bytes());
        let (reason, output) = wait_for_address(&lines, START_WITHIN).expect_err("it ended");
        assert_eq!(reason, "it ended before it was ready");
        assert_eq!(output, ["no such setting"]);
    }

    #[test]
    fn memory_is_not_a_disk() {
        let refused = DataDir::new(Some(Path::new("/dev/shm")));
        assert!(matches!(refused, Err(BenchError::NotADisk(_))));
    }
}
