//! Shows the progress: a line that is rewritten on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Returns to the beginning of a terminal's line and empties it.
const ERASE_LINE: &str = "\r\x1b[2K";

/// Progress over a known number of rows, on standard error.
pub(super) struct Progress {
    /// Rows of the file.
    total: u64,
    began: Instant,
    place: Place,
    said: Mutex<Said>,
}

#[derive(Clone, Copy)]
enum Place {
    Terminal,
    Log,
}

struct Said {
    rows: u64,
    at: Instant,
}

impl Progress {
    /// Progress over `total` rows.
    pub(super) fn new(total: u64) -> Self {
        let place = if stderr().is_terminal() { Place::Terminal } else { Place::Log };
        let began = Instant::now();
        Self { total, began, place, said: Mutex::new(Said { rows: 0, at: began }) }
    }

    /// Reports that so many more rows are done.
    pub(super) fn add(&self, rows: u64) {
        let mut said = self.said.lock().expect("no panic holds it");
        said.rows += rows;
        if said.at.elapsed() < self.place.pause() {
            return;
        }
        said.at = Instant::now();
        let state = state(said.rows, self.total, self.began.elapsed());
        match self.place {
            Place::Terminal => eprint!("{ERASE_LINE}{state}"),
            Place::Log => eprintln!("{state}"),
        }
    }

    /// Prints a line of its own.
    pub(super) fn note(&self, text: &str) {
        let _said = self.said.lock().expect("no panic holds it");
        eprintln!("{}{text}", self.place.erasure());
    }

    /// Removes the line from the terminal.
    pub(super) fn finish(&self) {
        eprint!("{}", self.place.erasure());
    }
}

impl Place {
    /// The pause between two reports.
    const fn pause(self) -> Duration {
        match self {
            Self::Terminal => Duration::from_millis(100),
            Self::Log => Duration::from_secs(5),
        }
    }

    const fn erasure(self) -> &'static str {
        match self {
            Self::Terminal => ERASE_LINE,
            Self::Log => "",
        }
    }
}

/// Describes the progress after so long, and the time left at the same speed.
fn state(rows: u64, total: u64, elapsed: Duration) -> String {
    let so_far = format!("{rows} of {total} rows");
    let seconds = elapsed.as_secs_f64();
    if rows == 0 || seconds == 0.0 {
        return so_far;
    }
    let per_second = rows as f64 / seconds;
    let left = total.saturating_sub(rows) as f64 / per_second;
    format!("{so_far}, {per_second:.0} a second, {left:.0} s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_how_fast_and_how_long_it_takes() {
        let after = Duration::from_secs;
        assert_eq!(state(0, 900, after(3)), "0 of 900 rows");
        assert_eq!(state(300, 900, after(0)), "300 of 900 rows");
        assert_eq!(state(300, 900, after(3)), "300 of 900 rows, 100 a second, 6 s left");
        assert_eq!(state(900, 900, after(9)), "900 of 900 rows, 100 a second, 0 s left");
        assert_eq!(state(901, 900, after(9)), "901 of 900 rows, 100 a second, 0 s left");
    }
}
