//! What is known of a resident actor without asking it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use priv_domain::{Timestamp, Version};

/// Shared by an actor and its place in the directory.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    since: Timestamp,
    last_used_ticks: AtomicU32,
    bytes: AtomicU32,
    queued: AtomicU32,
    slowest_micros: AtomicU32,
    /// Of the last entry; ahead of it while one is being appended.
    version: AtomicU64,
    /// Of the snapshot that is kept.
    kept_version: AtomicU64,
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

    /// Whether it changed since the snapshot that is kept.
    pub(crate) fn is_changed(&self) -> bool {
        self.version.load(Ordering::SeqCst) > self.kept_version.load(Ordering::SeqCst)
    }

    /// Notes the version of the last entry, or before an append that of the one that may come: a
    /// checkpoint that finds the entry durable must find the actor changed.
    pub(crate) fn set_version(&self, version: Version) {
        self.version.store(version.get(), Ordering::SeqCst);
    }

    /// Notes that a snapshot of this version is kept.
    pub(crate) fn kept(&self, version: Version) {
        self.kept_version.fetch_max(version.get(), Ordering::SeqCst);
    }

    /// Whether somebody listens to it or waits for it, so that it must stay.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn set_held(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }
}
