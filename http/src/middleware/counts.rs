//! Counts requests by status, and the time that they took, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;

/// Every status is below this.
const STATUSES: usize = 600;

/// Counts of requests since the start.
pub struct RequestCounts {
    by_status: [AtomicU64; STATUSES],
    micros: AtomicU64,
}

impl Default for RequestCounts {
    fn default() -> Self {
        Self { by_status: std::array::from_fn(|_| AtomicU64::new(0)), micros: AtomicU64::new(0) }
    }
}

impl std::fmt::Debug for RequestCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.by_status()).finish()
    }
}

impl RequestCounts {
    pub(super) fn add(&self, status: StatusCode, took: Duration) {
        if let Some(count) = self.by_status.get(usize::from(status.as_u16())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Each status that was answered, and how often.
    pub fn by_status(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.by_status.iter().map(|count| count.load(Ordering::Relaxed));
        counts.enumerate().filter(|(_, count)| *count > 0)
    }

    /// The time that all requests took together, in microseconds.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }
}
