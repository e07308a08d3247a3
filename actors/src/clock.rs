//! The one clock, and ids that follow it.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use priv_domain::Timestamp;
use priv_domain::context::FRESH_IDS;

/// What tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_millis()))
    }

    /// Moves it.
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Makes ULIDs: 48 bits of time, 40 bits that this process drew at its start, 40 bits counted.
#[derive(Debug)]
pub(crate) struct Ids {
    drawn: u128,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let bits = getrandom::u64()?;
        Ok(Self { drawn: u128::from(bits >> 24) << 40, next: AtomicU64::new(0) })
    }

    pub(crate) fn fresh(&self, now: Timestamp) -> u128 {
        let millis = u128::try_from(now.as_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
        // Those in between are the same decision's.
        let count = self.next.fetch_add(FRESH_IDS, Ordering::Relaxed) & 0xff_ffff_ffff;
        millis << 80 | self.drawn | u128::from(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_new_and_sort_by_time() {
        let ids = Ids::new().expect("random numbers");
        let now = Timestamp::from_millis(1_700_000_000_000);
        let (first, second) = (ids.fresh(now), ids.fresh(now));
        let later = ids.fresh(now.plus_millis(1));
        assert!(first < second && second < later);
        assert!(second - first >= FRESH_IDS.into(), "each decision has so many of its own");
        assert_eq!(later >> 80, 1_700_000_000_001);
    }
}
