//! `privd` runs PRIV Protocol in one process.

mod access;
mod causes;
mod commands;
mod config;
mod content;
mod logging;
mod replay;
mod sandbox;
mod secrets;
mod serve;
mod token;

use std::process::ExitCode;

use clap::Parser;

/// jemalloc returns memory to the system when actors are passivated, which the system's own
/// allocator hardly does, and loses the least between allocations (`docs/benchmarks.md`).
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = config::Arguments::parse();
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("privd: {}", causes::Causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
