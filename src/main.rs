//! `privd`: PRIV Protocol in one process.

mod commands;
mod config;
mod logging;
mod replay;
mod sandbox;
mod secrets;
mod serve;

use std::process::ExitCode;

use clap::Parser;

/// Returns memory to the system when actors go, which the system's own allocator hardly does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = config::Arguments::parse();
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("privd: {}", commands::Causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
