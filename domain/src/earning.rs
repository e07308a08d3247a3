//! What an accepted event earns.

use std::cmp::Ordering;

use crate::entity::{EntityId, Environment};
use crate::event::EventType;
use crate::id::ProjectId;
use crate::money::Micros;
use crate::time::Day;

/// What one event of each type earns, before the multiplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For `track`.
    pub track: Micros,
    /// For `page_view`.
    pub page_view: Micros,
    /// For `identify`.
    pub identify: Micros,
}

impl Default for Rates {
    /// 0.001, 0.0005 and nothing.
    fn default() -> Self {
        Self { track: Micros::new(1_000), page_view: Micros::new(500), identify: Micros::ZERO }
    }
}

impl Rates {
    /// The rate for a type.
    #[must_use]
    pub const fn of(&self, event_type: EventType) -> Micros {
        match event_type {
            EventType::Track => self.track,
            EventType::PageView => self.page_view,
            EventType::Identify => self.identify,
        }
    }
}

/// Who pays what was earned, once it is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// A project, from its reward budget.
    Project(ProjectId),
    /// The protocol, from its pool.
    Pool,
    /// Buyers: it is paid already, and the user holds it until they claim it.
    Sales,
}

impl Payer {
    /// The entity that is to pay; `None` where it is paid already.
    #[must_use]
    pub fn entity(self, environment: Environment) -> Option<EntityId> {
        match self {
            Self::Project(project) => Some(EntityId::project(environment, project)),
            Self::Pool => Some(EntityId::system(environment)),
            Self::Sales => None,
        }
    }
}

/// The default cap per user, project and UTC day: 10 PRIV.
pub const DEFAULT_DAILY_CAP: Micros = Micros::new(10_000_000);

/// Events of one user that one project may have stored on one UTC day: what repeats are recognised
/// among is shared by all projects, and none may use it up.
pub const MAX_EVENTS_A_DAY: u32 = 100_000;

/// The multiplier of someone without a reputation, in percent.
pub const BASE_MULTIPLIER_PERCENT: u32 = 100;

/// Whether a project still pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// It has money that is not promised yet.
    Open,
    /// It has none: events are stored and earn nothing.
    UsedUp,
}

/// The terms on which a project pays for a request's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// By event type.
    pub rates: Rates,
    /// Per user and UTC day.
    pub daily_cap: Micros,
    /// Whether it pays at all.
    pub budget: Budget,
}

/// What a user has earned with one project on one UTC day, against the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayEarnings {
    /// The day.
    pub day: Day,
    /// So far.
    pub earned: Micros,
    /// Events that were stored.
    pub events: u32,
}

impl DayEarnings {
    /// Earned on `day`: a new day begins at nothing. A clock that goes back stays on the later
    /// day, so that no day's cap is given twice.
    #[must_use]
    pub fn on(self, day: Day) -> Self {
        if day > self.day { Self { day, ..Self::default() } } else { self }
    }

    /// This and another of the same day together; the later one if the days differ.
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

    /// What one more event earns: the rate, or what the cap leaves.
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
