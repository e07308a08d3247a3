//! Limits rates: counts each caller's requests in fixed windows of a UTC second and a UTC day.
//!
//! A charge takes no lock but the read lock of one of the map's shards: both counts are atomics.
//! Memory is bounded by a number of callers. When it is reached, callers whose windows are over are
//! forgotten first, then those with the fewest requests today.

mod address_block;
mod decision;
mod limits;
mod subject;
mod window;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dashmap::DashMap;
use parking_lot::Mutex;
use priv_domain::{Day, Timestamp};

use window::Counter;

pub use address_block::AddressBlock;
pub use decision::{Decision, Window};
pub use limits::{Limits, NotAPlan, plan_named};
pub use subject::Subject;

/// The most callers that are remembered at a time, about 100 bytes each.
const DEFAULT_CAPACITY: usize = 262_144;

/// Counts the requests of every caller.
pub struct RateLimiter {
    callers: DashMap<Subject, Counts>,
    known: AtomicUsize,
    capacity: usize,
    making_room: Mutex<()>,
}

#[derive(Default)]
struct Counts {
    second: Counter<40>,
    day: Counter<24>,
    /// Whether the day's count has changed since it was last returned for storing.
    changed: AtomicBool,
}

/// A caller's number of requests on a day, to be stored across a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The caller, as [`Subject::to_bytes`] writes it.
    pub subject: Vec<u8>,
    /// The UTC day on which they were made.
    pub day: Day,
    /// All requests on that day that were not refused.
    pub count: u64,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

impl RateLimiter {
    /// Makes a limiter that remembers up to `capacity` callers, and at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            callers: DashMap::new(),
            known: AtomicUsize::new(0),
            capacity: capacity.max(1),
            making_room: Mutex::new(()),
        }
    }

    /// Charges one request, if both windows have room for it.
    ///
    /// A request that is refused does not count against the day.
    pub fn charge(&self, subject: &Subject, limits: Limits, now: Timestamp) -> Decision {
        if limits == Limits::NONE {
            return Decision::unlimited(now);
        }
        if let Some(counts) = self.callers.get(subject) {
            return counts.charge(limits, now);
        }
        if self.known.load(Ordering::Relaxed) >= self.capacity {
            self.make_room(now);
        }
        let entry = self.callers.entry(subject.clone()).or_insert_with(|| {
            self.known.fetch_add(1, Ordering::Relaxed);
            Counts::default()
        });
        entry.charge(limits, now)
    }

    /// What a charge would find, except for a refusal; nothing is charged.
    #[must_use]
    pub fn look(&self, subject: &Subject, limits: Limits, now: Timestamp) -> Decision {
        let counts = self.callers.get(subject);
        let used = counts.map_or((0, 0), |counts| counts.used(now));
        Decision::allowed(limits, used, now)
    }

    /// The day counts that have changed since the last call.
    #[must_use]
    pub fn dirty_day_counts(&self) -> Vec<DayCount> {
        let changed = self.callers.iter().filter(|caller| {
            caller.changed.load(Ordering::Relaxed) && caller.changed.swap(false, Ordering::AcqRel)
        });
        let counts = changed.map(|caller| {
            let (day, count) = caller.day.get();
            let day = Day::new(i64::try_from(day).expect("24 bits"));
            DayCount { subject: caller.key().to_bytes(), day, count }
        });
        counts.collect()
    }

    /// Restores counts that were stored before a restart. Counts of other days than today, and
    /// subjects that can't be read, are ignored; the larger of two counts wins.
    pub fn load(&self, counts: impl IntoIterator<Item = DayCount>, now: Timestamp) {
        for DayCount { subject, day, count } in counts {
            let Some(subject) = Subject::from_bytes(&subject).filter(|_| day == now.day()) else {
                continue;
            };
            if self.known.load(Ordering::Relaxed) >= self.capacity {
                return;
            }
            let entry = self.callers.entry(subject).or_insert_with(|| {
                self.known.fetch_add(1, Ordering::Relaxed);
                Counts::default()
            });
            entry.day.raise(day_number(now), count);
        }
    }

    /// Forgets an eighth of the callers. A forgotten caller's day begins anew, so those who gain
    /// the least by it go first.
    fn make_room(&self, now: Timestamp) {
        let _one_at_a_time = self.making_room.lock();
        let wanted = self.capacity - self.capacity.div_ceil(8);
        self.keep(|counts| counts.day.count(day_number(now)) > 0);
        let mut used = 1;
        while self.known.load(Ordering::Relaxed) > wanted {
            self.keep(|counts| {
                self.known.load(Ordering::Relaxed) <= wanted
                    || counts.day.count(day_number(now)) > used
            });
            used *= 2;
        }
    }

    fn keep(&self, is_kept: impl Fn(&Counts) -> bool) {
        self.callers.retain(|_, counts| {
            let is_kept = is_kept(counts);
            if !is_kept {
                self.known.fetch_sub(1, Ordering::Relaxed);
            }
            is_kept
        });
    }
}

impl Counts {
    fn charge(&self, limits: Limits, now: Timestamp) -> Decision {
        let per_second = limits.per_second.map(u64::from);
        let Ok(second) = self.second.take(second_number(now), per_second) else {
            return Decision::refused(limits, self.used(now), now, Window::Second);
        };
        let Ok(day) = self.day.take(day_number(now), limits.per_day) else {
            return Decision::refused(limits, self.used(now), now, Window::Day);
        };
        self.changed.store(true, Ordering::Release);
        Decision::allowed(limits, (second, day), now)
    }

    fn used(&self, now: Timestamp) -> (u64, u64) {
        (self.second.count(second_number(now)), self.day.count(day_number(now)))
    }
}

fn second_number(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis().div_euclid(1_000)).unwrap_or_default()
}

fn day_number(now: Timestamp) -> u64 {
    u64::try_from(now.day().get()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
