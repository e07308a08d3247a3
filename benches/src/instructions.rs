//! `instructions`: counts the instructions that the service executes for each request.
//!
//! Time depends on the machine and its other work; the number of instructions hardly does. Each
//! scenario is warmed up without counting, then counted in rounds; the table shows the middle
//! round, and the lowest and the highest. `docs/benchmarks.md` says what the numbers have in them.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::callgrind::{Callgrind, Counted};
use crate::driver::{Plan, Until, drive};
use crate::error::{BenchError, Doing};
use crate::market::MarketSize;
use crate::measure::come_to_rest;
use crate::process::{DataDir, echo_command, find_privd, privd_command};
use crate::profile::Work;
use crate::request::Requests;
use crate::scenario::{Scenario, echo};
use crate::subject::{SetUp, Subject};

/// The scenarios that are counted where none is named.
const USUAL: [Scenario; 6] = [
    Scenario::Echo,
    Scenario::Health,
    Scenario::Balance,
    Scenario::Event,
    Scenario::Claim,
    Scenario::PurchaseHot,
];

/// Requests of each scenario before anything is counted.
const WARM_UP_REQUESTS: u64 = 1_000;
/// How often each scenario is counted: an odd number, so that there is a middle.
const ROUNDS: u64 = 3;
/// People that requests are spread over; each has earned enough for a thousand claims.
const USERS: u64 = 500;
/// A service at rest is counted so often, for so long. The lowest count is what comes by the clock:
/// the others have work in them that is left from before.
const RESTS: u32 = 3;
const REST: Duration = Duration::from_secs(1);

/// Threads that answer requests, and threads of actors. They are as many on every machine, because
/// each further thread is one that has to be woken.
const WORKERS: u8 = 2;
const ARBITERS: u8 = 1;
/// No checkpoint within a run: they come by the clock, and this one is slow.
const CHECKPOINT_SECS: u64 = 86_400;

/// The arguments of `instructions`.
#[derive(clap::Args)]
pub(crate) struct InstructionsArgs {
    /// Connections, each with one request outstanding.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// Requests in each of three rounds, after a thousand to warm up.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    requests: u64,
    /// The service to measure [default: `privd` beside this program].
    #[arg(long)]
    privd: Option<PathBuf>,
    /// Count only this scenario; may be repeated [default: echo, health, balance, event, claim,
    /// purchase-hot].
    #[arg(long, value_enum)]
    only: Vec<Scenario>,
    /// Keep callgrind's files in this directory, each with a list of the functions and source files
    /// that execute most, which is printed, too.
    #[arg(long, value_name = "DIR")]
    annotate: Option<PathBuf>,
    /// Where the throwaway data directory is made; must be on a disk [default: beside this
    /// program].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

impl InstructionsArgs {
    fn chosen(&self) -> Vec<Scenario> {
        if self.only.is_empty() { USUAL.into() } else { self.only.clone() }
    }
}

/// The counts of one round.
struct Round {
    counted: Counted,
    elapsed: Duration,
}

/// A row of the table: the counts of a scenario's rounds.
struct Row {
    scenario: Scenario,
    requests: u64,
    lowest: u64,
    middle: Round,
    highest: u64,
}

impl Row {
    fn per_request(&self, instructions: u64) -> f64 {
        instructions as f64 / self.requests as f64
    }

    fn middle(&self) -> f64 {
        self.per_request(self.middle.counted.profile.total())
    }
}

/// Counts the scenarios, and prints the table.
pub(crate) fn run(args: &InstructionsArgs) -> Result<(), BenchError> {
    if cfg!(any(debug_assertions, not(feature = "dist"))) {
        eprintln!("warning: not built as it is shipped; build it as docs/benchmarks.md says");
    }
    if let Some(dir) = &args.annotate {
        fs::create_dir_all(dir).doing(format!("making {}", dir.display()))?;
    }
    let chosen = args.chosen();
    let (echoes, others): (Vec<_>, Vec<_>) =
        chosen.iter().partition(|&&scenario| scenario == Scenario::Echo);
    let mut rows = Vec::new();
    if !echoes.is_empty() {
        rows.push(count_echo(args)?);
    }
    let mut at_rest = None;
    if !others.is_empty() {
        at_rest = Some(count_privd(args, &others, &mut rows)?);
    }
    let mut out = io::stdout().lock();
    print_table(&mut out, &rows, at_rest)
        .and_then(|()| match args.annotate {
            Some(_) => rows.iter().try_for_each(|row| print_report(&mut out, row)),
            None => Ok(()),
        })
        .doing("printing the table")
}

fn count_echo(args: &InstructionsArgs) -> Result<Row, BenchError> {
    let mut command = echo_command()?;
    command.args(["--workers", &WORKERS.to_string()]);
    eprintln!("the echo under callgrind");
    let (mut callgrind, server) = Callgrind::start(&command)?;
    let (address, pid) = (server.address, server.pid());
    count(args, &mut callgrind, Scenario::Echo, address, pid, echo(address))
}

/// Adds a row for each scenario; returns the instructions a second of a service at rest.
fn count_privd(
    args: &InstructionsArgs,
    scenarios: &[Scenario],
    rows: &mut Vec<Row>,
) -> Result<f64, BenchError> {
    let binary = find_privd(args.privd.as_deref())?;
    let data = DataDir::new(args.data_dir.as_deref())?;
    eprintln!("{} under callgrind, over {}", binary.display(), data.path().display());
    let command = privd_command(
        &binary,
        &data,
        &[
            ("PRIV_REVIEW", "automatic".into()),
            ("PRIV_WORKERS", WORKERS.to_string()),
            ("PRIV_ARBITERS", ARBITERS.to_string()),
            ("PRIV_CHECKPOINT_SECS", CHECKPOINT_SECS.to_string()),
        ],
    );
    let (mut callgrind, server) = Callgrind::start(&command)?;
    let buyers = WARM_UP_REQUESTS + ROUNDS * args.requests;
    let market = MarketSize { sellers: 10, listings_a_seller: 10, buyers };
    let buys = scenarios.iter().any(|scenario| scenario.buys());
    let connections = usize::from(args.connections);
    let set_up = SetUp { connections, users: USERS, market: buys.then_some(market) };
    let subject = Subject::new(server, data, set_up)?;
    let (address, pid) = (subject.server.address, subject.server.pid());

    come_to_rest(pid)?;
    let mut at_rest = f64::INFINITY;
    for _ in 0..RESTS {
        at_rest = at_rest.min(count_rest(&mut callgrind)?);
    }
    for &scenario in scenarios {
        let requests = subject.requests(scenario);
        rows.push(count(args, &mut callgrind, scenario, address, pid, requests)?);
    }
    subject.operator.audit()?;
    Ok(at_rest)
}

/// Instructions a second of a service that nothing is asked of.
fn count_rest(callgrind: &mut Callgrind) -> Result<f64, BenchError> {
    let rest = || {
        let started = Instant::now();
        thread::sleep(REST);
        Ok(started.elapsed())
    };
    let (elapsed, counted) = callgrind.count(rest)?;
    Ok(counted.profile.total() as f64 / elapsed.as_secs_f64())
}

fn count(
    args: &InstructionsArgs,
    callgrind: &mut Callgrind,
    scenario: Scenario,
    address: SocketAddr,
    pid: u32,
    mut requests: Requests,
) -> Result<Row, BenchError> {
    let expect = scenario.expect();
    let mut drive_for = |answers| {
        let plan = Plan {
            name: scenario.title(),
            address,
            connections: usize::from(args.connections),
            until: Until::Answers(answers),
            expect: &expect,
        };
        drive(&plan, &mut requests)?;
        // What the requests left to be done is theirs.
        come_to_rest(pid)
    };
    drive_for(WARM_UP_REQUESTS)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let ((), counted) = callgrind.count(|| drive_for(args.requests))?;
        rounds.push(Round { counted, elapsed: started.elapsed() });
    }
    rounds.sort_by_key(|round| round.counted.profile.total());
    let total = |round: &Round| round.counted.profile.total();
    let (lowest, highest) = (total(&rounds[0]), total(rounds.last().expect("there are three")));
    let middle = rounds.swap_remove(rounds.len() / 2);
    let row = Row { scenario, requests: args.requests, lowest, middle, highest };
    eprintln!("{:<40} {:>9.0} instructions/request", scenario.title(), row.middle());
    if let Some(dir) = &args.annotate {
        keep(dir, &row)?;
    }
    Ok(row)
}

fn print_table(out: &mut impl Write, rows: &[Row], at_rest: Option<f64>) -> io::Result<()> {
    write!(out, "\n| scenario | instructions/request | of echo | lowest, highest round |")?;
    for work in Work::ALL {
        write!(out, " {} |", work.title())?;
    }
    writeln!(out, "\n|---|---:|---:|---:|{}", "---:|".repeat(Work::ALL.len()))?;
    let echo = rows.iter().find(|row| row.scenario == Scenario::Echo).map(Row::middle);
    for row in rows {
        write!(
            out,
            "| {} | {:.0} | {} | {:.0}, {:.0} |",
            row.scenario.title(),
            row.middle(),
            echo.map(|echo| format!("{:.2}", row.middle() / echo)).unwrap_or_default(),
            row.per_request(row.lowest),
            row.per_request(row.highest),
        )?;
        for work in Work::ALL {
            let share = row.middle.counted.profile.share(work);
            let percent = share.map(|share| format!("{:.1} %", share * 100.0));
            write!(out, " {} |", percent.as_deref().unwrap_or("no symbols"))?;
        }
        writeln!(out)?;
    }
    let Some(at_rest) = at_rest else { return Ok(()) };
    // What comes by the clock weighs more here than it does at full speed.
    let most = rows
        .iter()
        .filter(|row| row.scenario != Scenario::Echo)
        .map(|row| at_rest * row.middle.elapsed.as_secs_f64() / row.requests as f64);
    writeln!(
        out,
        "\nAt rest the service executes {at_rest:.0} instructions a second: at most {:.0} of those of \
         a request above.",
        most.fold(0.0, f64::max)
    )
}

fn print_report(out: &mut impl Write, row: &Row) -> io::Result<()> {
    writeln!(out, "\n{}: {:.0} instructions a request\n", row.scenario.title(), row.middle())?;
    row.middle.counted.profile.report(out, row.requests)
}

/// Writes the report of a scenario, and what callgrind wrote.
fn keep(dir: &Path, row: &Row) -> Result<(), BenchError> {
    let name = row.scenario.to_possible_value().expect("none is skipped").get_name().to_owned();
    let mut report = Vec::new();
    print_report(&mut report, row).expect("memory takes all");
    for (ending, content) in
        [("callgrind", row.middle.counted.written.as_bytes()), ("txt", report.trim_ascii_start())]
    {
        let path = dir.join(format!("{name}.{ending}"));
        fs::write(&path, content).doing(format!("writing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn row(scenario: Scenario, totals: [u64; 3]) -> Row {
        let [lowest, middle, highest] = totals;
        let written = format!(
            "fl=(1) /x/core/src/hash/sip.rs\nfn=(1) hash\n1 {}\nfl=(2) a\nfn=(2) b\n1 {}\n\
             totals: {middle}\n",
            middle / 10,
            middle - middle / 10
        );
        let profile = Profile::parse(&written).expect("it adds up");
        let middle =
            Round { counted: Counted { profile, written }, elapsed: Duration::from_secs(4) };
        Row { scenario, requests: 100, lowest, middle, highest }
    }

    #[test]
    fn a_scenario_is_shown_by_its_middle_round_and_against_the_echo() {
        let rows = [
            row(Scenario::Echo, [2_900_000, 3_000_000, 3_100_000]),
            row(Scenario::Balance, [6_000_000, 6_300_000, 9_000_000]),
        ];
        let mut printed = Vec::new();
        print_table(&mut printed, &rows, Some(1_000.0)).expect("memory takes all");
        let printed = String::from_utf8(printed).expect("text");
        let expected = "| GET /user/balance | 63000 | 2.10 | 60000, 90000 | 0.0 % | 0.0 % | 0.0 % | \
                        0.0 % | 10.0 % | 0.0 % |\n";
        assert!(printed.contains(expected), "{printed}");
        assert!(
            printed.contains("executes 1000 instructions a second: at most 40 of"),
            "{printed}"
        );
    }

    #[test]
    fn without_an_echo_there_is_no_ratio() {
        let mut printed = Vec::new();
        let rows = [row(Scenario::Claim, [1_000, 2_000, 3_000])];
        print_table(&mut printed, &rows, None).expect("memory takes all");
        let printed = String::from_utf8(printed).expect("text");
        assert!(printed.contains("| POST /user/earnings/claim | 20 |  | 10, 30 |"), "{printed}");
    }

    #[test]
    fn what_is_kept_bears_the_name_that_asks_for_it() {
        let dir = tempfile::tempdir().expect("a directory");
        keep(dir.path(), &row(Scenario::PurchaseHot, [100, 200, 300])).expect("it is writable");
        let report = fs::read_to_string(dir.path().join("purchase-hot.txt")).expect("it is there");
        assert!(report.starts_with("POST …/purchase, one hot listing: 2 instr"), "{report}");
        assert!(dir.path().join("purchase-hot.callgrind").is_file());
    }
}
