//! Benchmarks of a real `privd` over the loopback: load, memory, uploads and instructions.
//!
//! `docs/benchmarks.md` says what is measured, why it is compared with an echo, and how to read the
//! results. Linux only, because memory and processor time are read from `/proc`.

mod callgrind;
mod client;
mod driver;
mod echo;
mod error;
mod instructions;
mod load;
mod market;
mod measure;
mod memory;
mod operator;
mod process;
mod profile;
mod request;
mod response;
mod scenario;
mod subject;
mod upload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The allocator of `privd`, so that the echo is not held back by a slower one.
#[cfg(feature = "dist")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Benchmarks of PRIV Protocol.
#[derive(Parser)]
#[command(name = "priv-benches", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The benchmarks that can be run.
#[derive(Subcommand)]
enum Command {
    /// Requests a second and latencies of the main routes, as a ratio to a bare echo.
    Load(load::LoadArgs),
    /// Bytes per resident user, and memory before and after passivation.
    Memory(memory::MemoryArgs),
    /// Extra memory while a film of 500 MB comes in.
    Upload(upload::UploadArgs),
    /// Instructions a request, counted by valgrind: a measure that hardly depends on the machine.
    Instructions(instructions::InstructionsArgs),
    /// Serves the bare JSON echo that `load` and `instructions` compare with.
    Echo(echo::EchoArgs),
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Load(args) => load::run(&args),
        Command::Memory(args) => memory::run(&args),
        Command::Upload(args) => upload::run(&args),
        Command::Instructions(args) => instructions::run(&args),
        Command::Echo(args) => echo::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("priv-benches: {error}");
            ExitCode::FAILURE
        }
    }
}
