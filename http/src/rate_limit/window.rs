//! A count that belongs to one window, both in one atomic word.

use std::sync::atomic::{AtomicU64, Ordering};

/// `WINDOW_BITS` for the number of the window, the rest for the count.
#[derive(Default)]
pub(super) struct Counter<const WINDOW_BITS: u32>(AtomicU64);

impl<const WINDOW_BITS: u32> Counter<WINDOW_BITS> {
    const COUNT_BITS: u32 = 64 - WINDOW_BITS;
    const MAX_COUNT: u64 = (1 << Self::COUNT_BITS) - 1;

    fn pack(window: u64, count: u64) -> u64 {
        (window << Self::COUNT_BITS) | count.min(Self::MAX_COUNT)
    }

    fn unpack(word: u64) -> (u64, u64) {
        (word >> Self::COUNT_BITS, word & Self::MAX_COUNT)
    }

    /// One more, unless the limit is reached; then the count as it stands. Gives the new count.
    pub(super) fn take(&self, window: u64, limit: Option<u64>) -> Result<u64, u64> {
        let limit = limit.unwrap_or(u64::MAX).min(Self::MAX_COUNT);
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let (current, count) = in_window(Self::unpack(word), window);
            if count >= limit {
                return Err(count);
            }
            let next = Self::pack(current, count + 1);
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(count + 1),
                Err(changed) => word = changed,
            }
        }
    }

    /// The count in this window.
    pub(super) fn count(&self, window: u64) -> u64 {
        in_window(Self::unpack(self.0.load(Ordering::Acquire)), window).1
    }

    /// The last window that was counted, and its count.
    pub(super) fn get(&self) -> (u64, u64) {
        Self::unpack(self.0.load(Ordering::Acquire))
    }

    /// Makes the count in this window at least so much.
    pub(super) fn raise(&self, window: u64, least: u64) {
        let raised = |word| {
            let (current, count) = in_window(Self::unpack(word), window);
            Some(Self::pack(current, count.max(least)))
        };
        let always = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, raised);
        debug_assert!(always.is_ok(), "every word can be raised");
    }
}

/// The count as this window sees it. A window that has just begun is kept against a caller whose
/// clock reading is a moment older: else two threads on both sides of a boundary would take turns
/// at setting the count back to nothing.
fn in_window((current, count): (u64, u64), window: u64) -> (u64, u64) {
    if current == window || current == window + 1 { (current, count) } else { (window, 0) }
}
