//! A window's number and its count of requests, in one atomic word.

use std::sync::atomic::{AtomicU64, Ordering};

/// The upper `WINDOW_BITS` bits are the window's number, the others its count.
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

    /// Adds one to the count of this window and returns it; if the limit is reached, the unchanged
    /// count is the error.
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

    /// The count of this window, which is 0 if nothing was counted in it.
    pub(super) fn count(&self, window: u64) -> u64 {
        in_window(Self::unpack(self.0.load(Ordering::Acquire)), window).1
    }

    /// The window that was counted last, and its count.
    pub(super) fn get(&self) -> (u64, u64) {
        Self::unpack(self.0.load(Ordering::Acquire))
    }

    /// Raises the count of this window to `least`, unless it is higher already.
    pub(super) fn raise(&self, window: u64, least: u64) {
        let raised = |word| {
            let (current, count) = in_window(Self::unpack(word), window);
            Some(Self::pack(current, count.max(least)))
        };
        let always = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, raised);
        debug_assert!(always.is_ok(), "every word can be raised");
    }
}

/// The count that a caller in this window uses. A window that has just begun is kept, although a
/// caller's clock reading may be a moment older: otherwise two threads on both sides of a boundary
/// would take turns in setting the count to zero.
fn in_window((current, count): (u64, u64), window: u64) -> (u64, u64) {
    if current == window || current == window + 1 { (current, count) } else { (window, 0) }
}
