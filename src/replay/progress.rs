//! How far it is: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress over a known number of rows, on standard error.
pub(super) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// In a log.
    Lines {
        /// Rows in all.
        total: u64,
        /// Rows done, and when that was last said.
        said: Mutex<(u64, Instant)>,
    },
}

impl Progress {
    /// Over `total` rows.
    pub(super) fn new(total: u64) -> Self {
        if !stderr().is_terminal() {
            return Self::Lines { total, said: Mutex::new((0, Instant::now())) };
        }
        let style = ProgressStyle::with_template(
            "{bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} left",
        )
        .expect("the template is valid");
        Self::Bar(ProgressBar::new(total).with_style(style))
    }

    /// Some more rows are done.
    pub(super) fn add(&self, rows: u64) {
        match self {
            Self::Bar(bar) => bar.inc(rows),
            Self::Lines { total, said } => {
                let mut said = said.lock().expect("no panic holds it");
                said.0 += rows;
                if said.1.elapsed() >= LINE_EVERY {
                    said.1 = Instant::now();
                    eprintln!("{} of {total} rows", said.0);
                }
            }
        }
    }

    /// Says something without tearing the bar.
    pub(super) fn note(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| eprintln!("{text}")),
            Self::Lines { .. } => eprintln!("{text}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines { .. } => {}
        }
    }
}
