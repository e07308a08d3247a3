//! Shows the progress: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress over a known number of rows, on standard error.
pub(super) enum Progress {
    /// The bar on a terminal.
    Bar(ProgressBar),
    /// Lines in a log.
    Lines {
        /// Rows of the file.
        total: u64,
        /// Rows done so far, and when they were last reported.
        said: Mutex<(u64, Instant)>,
    },
}

impl Progress {
    /// Progress over `total` rows; a bar if standard error is a terminal.
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

    /// Reports that so many more rows are done.
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

    /// Prints a line without tearing the bar.
    pub(super) fn note(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| eprintln!("{text}")),
            Self::Lines { .. } => eprintln!("{text}"),
        }
    }

    /// Removes the bar from the terminal.
    pub(super) fn finish(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines { .. } => {}
        }
    }
}
