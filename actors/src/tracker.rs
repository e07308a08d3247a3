//! What is known of a resident actor without asking it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use priv_domain::Timestamp;

/// Shared by an actor and its place in the directory.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    since: Timestamp,
    last_used_ticks: AtomicU32,
    bytes: AtomicU32,
    queued: AtomicU32,
    slowest_micros: AtomicU32,
    changed: AtomicBool,
    held: AtomicBool,
}

impl Tracker {
    pub(crate) fn new(since: Timestamp) -> Self {
        Self { since, ..Self::default() }
    }

    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    pub(crate) fn touch(&self, now_ticks: u32) {
        self.last_used_ticks.store(now_ticks, Ordering::Relaxed);
    }

    pub(crate) fn queue(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn queued(&self) -> u32 {
        self.queued.load(Ordering::Relaxed)
    }

    pub(crate) fn last_used_ticks(&self) -> u32 {
        self.last_used_ticks.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u32 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Sets the size; returns the change.
    pub(crate) fn set_bytes(&self, bytes: u32) -> i64 {
        i64::from(bytes) - i64::from(self.bytes.swap(bytes, Ordering::Relaxed))
    }

    pub(crate) fn took_micros(&self, micros: u32) {
        self.slowest_micros.fetch_max(micros, Ordering::Relaxed);
    }

    pub(crate) fn slowest_micros(&self) -> u32 {
        self.slowest_micros.load(Ordering::Relaxed)
    }

    /// Whether it changed since its last snapshot.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_changed(&self, changed: bool) {
        self.changed.store(changed, Ordering::Relaxed);
    }

    /// Whether somebody listens to it or waits for it, so that it must stay.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn set_held(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }
}
