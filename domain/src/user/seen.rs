//! The ids of a user's recent events, by which repeats are recognised.

use std::collections::HashSet;

use crate::event::EventKey;
use crate::time::Day;

/// The number of days for which an id is kept: the day it came and three more, so at least 72
/// hours.
pub const DEDUPLICATION_DAYS: i64 = 4;

/// The most ids that are kept of one user. With this many, new events are refused until old ids go.
pub const MAX_SEEN: usize = 1_000_000;

/// The most ids of one day that are kept as a list, which is smaller than a set and as fast.
const FEW: usize = 16;

/// The ids of one user's events over the last [`DEDUPLICATION_DAYS`] days, by the day they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenEvents {
    days: Vec<(Day, Ids)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ids {
    Few(Vec<EventKey>),
    // Boxed: a set takes twice the words of a list, and most users have a list.
    #[expect(clippy::box_collection, reason = "one word where a set takes six")]
    Many(Box<HashSet<EventKey>>),
}

impl SeenEvents {
    /// Whether an event with this id came within the window.
    #[must_use]
    pub fn contains(&self, key: EventKey) -> bool {
        self.days.iter().any(|(_, ids)| ids.contains(key))
    }

    /// The number of ids that still count on `today`.
    #[must_use]
    pub fn count(&self, today: Day) -> usize {
        let kept = self.days.iter().filter(|(day, _)| is_kept(*day, today));
        kept.fold(0, |sum, (_, ids)| sum.saturating_add(ids.len()))
    }

    /// Adds ids that came today, and drops those whose days are over.
    pub fn add(&mut self, today: Day, keys: impl Iterator<Item = EventKey>) {
        if self.days.first().is_some_and(|(day, _)| !is_kept(*day, today)) {
            self.days.retain(|(day, _)| is_kept(*day, today));
        }
        // If the clock went back they go to the newest day: nothing is dropped too early.
        if self.days.last().is_none_or(|(newest, _)| *newest < today) {
            // One at a time: most users have a single day, and there are millions of them.
            self.days.reserve_exact(1);
            self.days.push((today, Ids::Few(Vec::new())));
        }
        if let Some((_, ids)) = self.days.last_mut() {
            ids.extend(keys);
        }
    }

    /// The days with their ids: oldest day first, ids in ascending order.
    pub fn by_day(&self) -> impl Iterator<Item = (Day, Vec<EventKey>)> {
        self.days.iter().map(|(day, ids)| {
            let mut keys: Vec<EventKey> = match ids {
                Ids::Few(keys) => keys.clone(),
                Ids::Many(keys) => keys.iter().copied().collect(),
            };
            keys.sort_unstable();
            (*day, keys)
        })
    }

    /// The memory that the ids take on the heap, in bytes, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let own = self.days.capacity().saturating_mul(size_of::<(Day, Ids)>());
        self.days.iter().fold(own, |sum, (_, ids)| sum.saturating_add(ids.heap_bytes()))
    }
}

impl FromIterator<(Day, Vec<EventKey>)> for SeenEvents {
    fn from_iter<I: IntoIterator<Item = (Day, Vec<EventKey>)>>(days: I) -> Self {
        let days = days.into_iter().map(|(day, keys)| {
            let mut ids = Ids::Few(Vec::new());
            ids.extend(keys.into_iter());
            (day, ids)
        });
        Self { days: days.collect() }
    }
}

impl Ids {
    fn contains(&self, key: EventKey) -> bool {
        match self {
            Self::Few(keys) => keys.contains(&key),
            Self::Many(keys) => keys.contains(&key),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Few(keys) => keys.len(),
            Self::Many(keys) => keys.len(),
        }
    }

    fn extend(&mut self, keys: impl Iterator<Item = EventKey>) {
        for key in keys {
            if let Self::Few(few) = self {
                if few.len() < FEW {
                    if few.is_empty() {
                        few.reserve_exact(1);
                    }
                    few.push(key);
                    // The order has no meaning; a sorted list makes equal sets equal.
                    few.sort_unstable();
                    continue;
                }
                *self = Self::Many(Box::new(few.iter().copied().collect()));
            }
            if let Self::Many(many) = self {
                many.insert(key);
            }
        }
    }

    fn heap_bytes(&self) -> usize {
        let (own, slots, each) = match self {
            Self::Few(keys) => (0, keys.capacity(), size_of::<EventKey>()),
            Self::Many(keys) => (
                size_of::<HashSet<EventKey>>(),
                keys.capacity(),
                size_of::<EventKey>().saturating_add(3),
            ),
        };
        slots.saturating_mul(each).saturating_add(own)
    }
}

fn is_kept(day: Day, today: Day) -> bool {
    today.get().saturating_sub(day.get()) < DEDUPLICATION_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen_on(days: &[(i64, u128)]) -> SeenEvents {
        let mut seen = SeenEvents::default();
        for (day, key) in days {
            seen.add(Day::new(*day), std::iter::once(EventKey(*key)));
        }
        seen
    }

    #[test]
    fn an_id_is_known_for_three_days_after_its_own_and_no_longer() {
        let seen = seen_on(&[(10, 1), (13, 2)]);
        assert!(seen.contains(EventKey(1)) && seen.contains(EventKey(2)));
        let seen = seen_on(&[(10, 1), (14, 2)]);
        assert!(!seen.contains(EventKey(1)) && seen.contains(EventKey(2)));
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing() {
        let seen = seen_on(&[(10, 1), (9, 2), (10, 3)]);
        assert_eq!(seen.count(Day::new(10)), 3);
        assert_eq!(seen.by_day().count(), 1);
    }

    #[test]
    fn many_ids_are_kept_as_well_as_few_and_read_back_equal() {
        let mut seen = SeenEvents::default();
        seen.add(Day::new(1), (0..1000).rev().map(EventKey));
        assert!((0..1000).all(|key| seen.contains(EventKey(key))));
        assert_eq!(seen.count(Day::new(1)), 1000);
        assert_eq!(seen.by_day().collect::<SeenEvents>(), seen);
    }
}
