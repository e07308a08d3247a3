//! Memory and processor time of a process, as the kernel counts them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{BenchError, Doing};

/// How long at most until a server has come to rest, and how long one look at it takes.
const REST_WITHIN: Duration = Duration::from_secs(60);
const REST_LOOK: Duration = Duration::from_millis(400);

/// Bytes of a process that are in memory (`VmRSS`).
pub(crate) fn resident_bytes(pid: u32) -> Result<u64, BenchError> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).doing(format!("reading {path}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| BenchError::DoesNotAddUp(format!("{path} has no VmRSS")))
}

/// Processor time that all threads of a process have used, to the kernel's tick (10 ms).
pub(crate) fn processor_time(pid: u32) -> Result<Duration, BenchError> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).doing(format!("reading {path}"))?;
    let ticks = ticks(&stat)
        .ok_or_else(|| BenchError::DoesNotAddUp(format!("{path} has no processor time")))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks * 1000 / per_second))
}

fn ticks(stat: &str) -> Option<u64> {
    // The name may hold spaces and brackets, so count from behind it: user and system time are
    // the fields 14 and 15 of proc_pid_stat(5), and the name is field 2.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Processor time that this process has used.
pub(crate) fn own_processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Waits until a server has nothing left to do from the run before: after a million events it
/// compresses closed segments for a while.
pub(crate) fn come_to_rest(pid: u32) -> Result<(), BenchError> {
    let deadline = Instant::now() + REST_WITHIN;
    loop {
        let before = processor_time(pid)?;
        thread::sleep(REST_LOOK);
        let used = processor_time(pid)?.saturating_sub(before);
        if used <= REST_LOOK / 20 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(BenchError::DoesNotAddUp("the server does not come to rest".into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(300));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes(std::process::id()).expect("own status is readable") > 100_000);
        processor_time(std::process::id()).expect("own stat is readable");
    }
}
