//! Earning: the rates that projects pay for events, the daily cap, and who pays.

use std::cmp::Ordering;

use crate::entity::{EntityId, Environment};
use crate::event::EventType;
use crate::id::ProjectId;
use crate::money::Micros;
use crate::time::Day;

/// The reward for one event of each type, in micros, before the multiplier. An operator sets a
/// project's rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For one [`EventType::Track`], in micros.
    pub track: Micros,
    /// For one [`EventType::PageView`], in micros.
    pub page_view: Micros,
    /// For one [`EventType::Identify`], in micros.
    pub identify: Micros,
}

impl Default for Rates {
    /// 0.001 PRIV for `track`, 0.0005 PRIV for `page_view`, nothing for `identify`.
    fn default() -> Self {
        Self { track: Micros::new(1_000), page_view: Micros::new(500), identify: Micros::ZERO }
    }
}

impl Rates {
    /// The rate for an event type, in micros.
    #[must_use]
    pub const fn of(&self, event_type: EventType) -> Micros {
        match event_type {
            EventType::Track => self.track,
            EventType::PageView => self.page_view,
            EventType::Identify => self.identify,
        }
    }
}

/// The payer of earnings, once they are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// A project, from its reward budget.
    Project(ProjectId),
    /// The protocol, from its pool.
    Pool,
    /// Buyers, who have paid already: the user holds the money until they claim it.
    Sales,
}

impl Payer {
    /// The entity that is asked to fund a claim; `None` where the money is there already.
    #[must_use]
    pub fn entity(self, environment: Environment) -> Option<EntityId> {
        match self {
            Self::Project(project) => Some(EntityId::project(environment, project)),
            Self::Pool => Some(EntityId::system(environment)),
            Self::Sales => None,
        }
    }
}

/// The cap of a project that sets none, per user and UTC day: 10 PRIV.
pub const DEFAULT_DAILY_CAP: Micros = Micros::new(10_000_000);

/// The most events of one user that one project may have stored on one UTC day. All projects share
/// the room in which repeats are recognised, and none may use it up.
pub const MAX_EVENTS_A_DAY: u32 = 100_000;

/// The multiplier of a user without a reputation, in percent.
pub const BASE_MULTIPLIER_PERCENT: u32 = 100;

/// Whether a project can still promise rewards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// There is money that is not promised yet.
    Open,
    /// All money is promised: events are stored and earn nothing.
    UsedUp,
}

/// The terms on which a project pays for the events of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The reward for each event type.
    pub rates: Rates,
    /// The most that a user can earn with the project on a UTC day, in micros.
    pub daily_cap: Micros,
    /// Whether the project pays at all.
    pub budget: Budget,
}

/// A user's earnings with one project on one UTC day, held against the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayEarnings {
    /// The UTC day that is counted.
    pub day: Day,
    /// Earned on that day so far, in micros.
    pub earned: Micros,
    /// The number of events that were stored on that day.
    pub events: u32,
}

impl DayEarnings {
    /// The earnings on `day`: a new day begins at nothing. If the clock goes back the later day
    /// stays, so that no day's cap is given twice.
    #[must_use]
    pub fn on(self, day: Day) -> Self {
        if day > self.day { Self { day, ..Self::default() } } else { self }
    }

    /// The sum of two earnings of the same day; the later one if the days differ.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.day.cmp(&other.day) {
            Ordering::Less => other,
            Ordering::Greater => self,
            Ordering::Equal => Self {
                day: self.day,
                earned: self.earned.saturating_add(other.earned),
                events: self.events.saturating_add(other.events),
            },
        }
    }

    /// The reward for one more event, in micros: its rate, or what the cap leaves.
    #[must_use]
    pub fn next(self, event_type: EventType, terms: &Terms) -> Micros {
        match terms.budget {
            Budget::UsedUp => Micros::ZERO,
            Budget::Open => {
                let rate = terms.rates.of(event_type);
                let full = rate.percent_floor(BASE_MULTIPLIER_PERCENT).unwrap_or(Micros::ZERO);
                full.min(terms.daily_cap.saturating_sub(self.earned))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_pays_its_exact_remainder_and_opens_again_the_next_day() {
        let terms =
            Terms { rates: Rates::default(), daily_cap: Micros::new(1_700), budget: Budget::Open };
        let mut today = DayEarnings::default().on(Day::new(3));
        let mut paid = Vec::new();
        for _ in 0..3 {
            let next = today.next(EventType::Track, &terms);
            paid.push(next.get());
            today.earned = today.earned.saturating_add(next);
        }
        assert_eq!(paid, [1_000, 700, 0]);
        assert_eq!(today.on(Day::new(2)), today);
        assert_eq!(today.on(Day::new(4)).next(EventType::PageView, &terms).get(), 500);
        let used_up = Terms { budget: Budget::UsedUp, ..terms };
        assert_eq!(today.on(Day::new(4)).next(EventType::Track, &used_up), Micros::ZERO);
    }
}
