//! `load`: each scenario between two runs of the echo, and a table of how they compare.
//!
//! The echo runs before and after each scenario (A/B/A), and the ratio is to the mean of those
//! two, so that a machine that gets slower or busier in the course of the run shows as a spread of
//! the echo instead of as a wrong ratio.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::driver::{Outcome, Plan, Until, drive};
use crate::error::BenchError;
use crate::market::MarketSize;
use crate::measure::{come_to_rest, processor_time};
use crate::process::{DataDir, Server, find_privd};
use crate::request::Requests;
use crate::scenario::{Scenario, Target, echo};
use crate::subject::{SetUp, Subject};

/// What runs before the clock starts, so that pools, caches and branch predictors are warm.
const WARM_UP: Duration = Duration::from_secs(1);

/// Sellers of the market, with twenty listings each.
const SELLERS: u64 = 100;

/// Runs of the echo when nothing else is measured: enough to see the noise.
const ECHO_ALONE_RUNS: usize = 3;

/// A spread of the echo, as a part of its mean, that makes ratios doubtful.
const NOISY: f64 = 0.15;

/// The arguments of `load`.
#[derive(clap::Args)]
pub(crate) struct LoadArgs {
    /// Connections, each with one request outstanding.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Seconds of each run, after one second to warm up.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The service to measure [default: `privd` beside this program].
    #[arg(long)]
    privd: Option<PathBuf>,
    /// Measure only this scenario; may be repeated.
    #[arg(long, value_enum)]
    only: Vec<Scenario>,
    /// People that requests are spread over.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    users: u64,
    /// People who buy, each of them each listing once.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=500_000))]
    buyers: u64,
    /// Where the throwaway data directory is made; must be on a disk [default: beside this
    /// program].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// One measured run, with the server's processor time.
struct Run {
    outcome: Outcome,
    /// Processor time of the server under test.
    server_time: Duration,
}

/// A scenario's run, and the echo's answers per second before and after it.
struct Row {
    scenario: Scenario,
    run: Run,
    echo_before: f64,
    echo_after: f64,
}

/// Runs the scenarios, and prints the table.
pub(crate) fn run(args: &LoadArgs) -> Result<(), BenchError> {
    if cfg!(any(debug_assertions, not(feature = "dist"))) {
        eprintln!("warning: not built as it is shipped; build it as docs/benchmarks.md says");
    }
    let scenarios = chosen(&args.only);
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    println!("{} connections, {} s a run, {cores} cores\n", args.connections, args.seconds);

    // Both servers are up from the start, so that the first echo has the same company as the last.
    let subject = if scenarios.is_empty() { None } else { Some(start(args, &scenarios)?) };
    let echo_server = Server::echo()?;
    let mut echoes = vec![measure_echo(args, &echo_server)?];
    let mut rows: Vec<Row> = Vec::new();
    if let Some(subject) = subject {
        for &scenario in &scenarios {
            let (server, requests) = (&subject.server, subject.requests(scenario));
            let run = measure(args, scenario, server.address, server.pid(), requests)?;
            let echo_before = echoes.last().expect("one ran first").outcome.rate();
            let echo = measure_echo(args, &echo_server)?;
            rows.push(Row { scenario, run, echo_before, echo_after: echo.outcome.rate() });
            echoes.push(echo);
        }
        subject.operator.audit()?;
    } else {
        for _ in 1..ECHO_ALONE_RUNS {
            echoes.push(measure_echo(args, &echo_server)?);
        }
    }
    print_table(&mut io::stdout().lock(), &echoes, &rows)
        .map_err(|source| BenchError::Io { doing: "printing the table".into(), source })
}

fn chosen(only: &[Scenario]) -> Vec<Scenario> {
    let all = Scenario::MEASURED.into_iter();
    all.filter(|scenario| only.is_empty() || only.contains(scenario)).collect()
}

fn start(args: &LoadArgs, scenarios: &[Scenario]) -> Result<Subject, BenchError> {
    let binary = find_privd(args.privd.as_deref())?;
    let data = DataDir::new(args.data_dir.as_deref())?;
    eprintln!("{} over {}", binary.display(), data.path().display());
    let server = Server::privd(&binary, &data, &[("PRIV_REVIEW", "automatic".into())])?;
    let buys = scenarios.iter().any(|scenario| scenario.buys());
    let market = MarketSize { sellers: SELLERS, listings_a_seller: 20, buyers: args.buyers };
    let set_up = SetUp {
        connections: usize::from(args.connections),
        users: args.users,
        market: buys.then_some(market),
    };
    Subject::new(server, data, set_up)
}

fn measure_echo(args: &LoadArgs, server: &Server) -> Result<Run, BenchError> {
    measure(args, Scenario::Echo, server.address, server.pid(), echo(server.address))
}

fn measure(
    args: &LoadArgs,
    scenario: Scenario,
    address: SocketAddr,
    pid: u32,
    mut requests: Requests,
) -> Result<Run, BenchError> {
    let expect = scenario.expect();
    come_to_rest(pid)?;
    let mut drive_for = |time| {
        let plan = Plan {
            name: scenario.title(),
            address,
            connections: usize::from(args.connections),
            until: Until::Elapsed(time),
            expect: &expect,
        };
        drive(&plan, &mut requests)
    };
    drive_for(WARM_UP)?;
    let before = processor_time(pid)?;
    let outcome = drive_for(Duration::from_secs(args.seconds))?;
    let server_time = processor_time(pid)?.saturating_sub(before);
    eprintln!("{:<40} {:>9.0} requests/s", scenario.title(), outcome.rate());
    Ok(Run { outcome, server_time })
}

fn print_table(out: &mut impl Write, echoes: &[Run], rows: &[Row]) -> io::Result<()> {
    let rates: Vec<f64> = echoes.iter().map(|run| run.outcome.rate()).collect();
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rates.iter().copied().fold(0.0, f64::max);
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;

    writeln!(
        out,
        "\n| scenario | requests/s | events/s | p50 ms | p99 ms | of echo | target | \
         | echo before, after | server µs/request | generator µs/request |\n\
         |---|---:|---:|---:|---:|---:|---:|---|---:|---:|---:|"
    )?;
    for echo in echoes {
        print_row(out, Scenario::Echo, echo, None)?;
    }
    for row in rows {
        print_row(out, row.scenario, &row.run, Some((row.echo_before, row.echo_after)))?;
    }
    writeln!(
        out,
        "\nThe echo did {mean:.0} requests/s in the mean of {} runs, from {lowest:.0} to {highest:.0} \
         (a spread of {:.1} %).",
        rates.len(),
        (highest - lowest) / mean * 100.0
    )?;
    if highest - lowest > NOISY * mean {
        writeln!(out, "That is much: something else ran on this machine. Repeat the run.")?;
    }
    print_ceiling(out, echoes)
}

/// What the generator could send if servers cost nothing: its own limit, to tell it from theirs.
fn print_ceiling(out: &mut impl Write, echoes: &[Run]) -> io::Result<()> {
    let own: f64 = echoes.iter().map(|run| run.outcome.own_time.as_secs_f64()).sum();
    let time: f64 = echoes.iter().map(|run| run.outcome.elapsed.as_secs_f64()).sum();
    let answers: u64 = echoes.iter().map(|run| run.outcome.answers).sum();
    writeln!(
        out,
        "The generator's one thread was busy {:.0} % of the echo's time: its own ceiling is about \
         {:.0} requests/s.",
        own / time * 100.0,
        answers as f64 / own
    )
}

fn print_row(
    out: &mut impl Write,
    scenario: Scenario,
    run: &Run,
    echo: Option<(f64, f64)>,
) -> io::Result<()> {
    let outcome = &run.outcome;
    let rate = outcome.rate();
    let events = rate * scenario.events() as f64;
    let ratio = echo.map(|(before, after)| rate / ((before + after) / 2.0));
    let (target, verdict) = verdict(scenario.target(), ratio, events);
    let millis = |quantile| outcome.latency_micros.value_at_quantile(quantile) as f64 / 1000.0;
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / (outcome.answers.max(1) as f64);
    writeln!(
        out,
        "| {} | {rate:.0} | {} | {:.2} | {:.2} | {} | {target} | {verdict} | {} | {:.1} | {:.1} |",
        scenario.title(),
        if scenario.events() > 0 { format!("{events:.0}") } else { String::new() },
        millis(0.5),
        millis(0.99),
        ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        echo.map(|(before, after)| format!("{before:.0}, {after:.0}")).unwrap_or_default(),
        per_request(run.server_time),
        per_request(outcome.own_time),
    )
}

/// The target as text, and whether it was met.
fn verdict(target: Target, ratio: Option<f64>, events: f64) -> (String, &'static str) {
    let judge = |met| if met { "met" } else { "missed" };
    match target {
        Target::None => (String::new(), ""),
        Target::OfEcho(least) => {
            (format!("≥ {least} of echo"), judge(ratio.is_some_and(|ratio| ratio >= least)))
        }
        Target::EventsPerSecond(least) => (format!("≥ {least} events/s"), judge(events >= least)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of(answers: u64) -> Run {
        let mut latency_micros = hdrhistogram::Histogram::new(3).expect("three digits are valid");
        latency_micros.record_n(2_000, answers).expect("it grows");
        let outcome = Outcome {
            answers,
            elapsed: Duration::from_secs(1),
            latency_micros,
            own_time: Duration::from_millis(500),
        };
        Run { outcome, server_time: Duration::from_secs(1) }
    }

    #[test]
    fn a_scenario_is_compared_with_the_mean_of_its_two_neighbours() {
        let echoes = [run_of(1_000), run_of(3_000)];
        let row = Row {
            scenario: Scenario::Balance,
            run: run_of(1_000),
            echo_before: 1_000.0,
            echo_after: 3_000.0,
        };
        let mut printed = Vec::new();
        print_table(&mut printed, &echoes, &[row]).expect("memory takes all");
        let printed = String::from_utf8(printed).expect("text");
        let expected = "| GET /user/balance | 1000 |  | 2.00 | 2.00 | 0.50 | ≥ 0.7 of echo | \
                        missed | 1000, 3000 | 1000.0 | 500.0 |";
        assert!(printed.contains(expected), "{printed}");
        assert!(printed.contains("own ceiling is about 4000 requests/s"), "{printed}");
    }

    #[test]
    fn a_target_is_met_at_its_very_value() {
        assert_eq!(verdict(Target::OfEcho(0.5), Some(0.5), 0.0).1, "met");
        assert_eq!(verdict(Target::OfEcho(0.5), Some(0.499), 0.0).1, "missed");
        assert_eq!(verdict(Target::EventsPerSecond(100.0), Some(0.1), 100.0).1, "met");
    }

    #[test]
    fn echo_alone_needs_no_service() {
        assert_eq!(chosen(&[Scenario::Echo]), []);
        assert_eq!(chosen(&[]), Scenario::MEASURED);
    }
}
