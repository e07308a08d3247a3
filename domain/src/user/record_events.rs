//! Storing a request's events and paying for them: one entry, stored and paid together or not.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Event, MAX_SEEN, SeenEvents, User};
use crate::consent::{ConsentPolicy, StorageVerdict, may_share, may_store};
use crate::earning::{Budget, DayEarnings, MAX_EVENTS_A_DAY, Payer, Terms};
use crate::entity::EntityId;
use crate::event::{EventKey, EventType, RawEvent};
use crate::id::ProjectId;
use crate::machine::{Answer, Command, Context, Decided, Decision};
use crate::money::Micros;
use crate::time::{Day, Timestamp};

/// A request's events for one user, from one project.
#[derive(Clone, Debug)]
pub struct RecordEvents {
    /// Who sends.
    pub project: ProjectId,
    /// What holds where the user was never asked.
    pub policy: ConsentPolicy,
    /// What the project pays.
    pub terms: Terms,
    /// Whether the request carried `Sec-GPC: 1`.
    pub privacy_control: bool,
    /// The events in the order in which they were sent.
    pub events: Vec<NewEvent>,
    /// Decide only: nothing is stored.
    pub dry_run: bool,
}

/// An event that is offered.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its identity.
    pub key: EventKey,
    /// What the client says about consent.
    pub consent_given: Option<bool>,
    /// All of it. Shared: who sent it keeps it until it is known where it belongs.
    pub raw: Arc<RawEvent>,
}

/// What became of a request's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// One verdict an event, in order.
    pub verdicts: Vec<Verdict>,
    /// What they earned together.
    pub earned: Micros,
    /// The person whom this user became: events with [`Verdict::Elsewhere`] are theirs.
    pub became: Option<EntityId>,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Stored.
    Accepted {
        /// What it earned; may be nothing.
        earned: Micros,
    },
    /// Stored before; nothing changes.
    Duplicate,
    /// Not stored: the user has said no.
    ConsentWithdrawn,
    /// Not stored: the user has not been asked.
    ConsentMissing,
    /// Not stored: more events than are remembered came from this user within the window in which
    /// repeats are recognised.
    TooMany,
    /// Not for this user: they became a person.
    Elsewhere,
}

impl Command for RecordEvents {
    type Machine = User;
    type Reply = Recorded;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let today = context.now.day();
        let first_control = self.privacy_control && user.privacy_control_since.is_none();
        // Once seen it counts for every request: the person has the same wish on other roads.
        let control_since =
            user.privacy_control_since.or(self.privacy_control.then_some(context.now));
        let shares = may_share(user.consent.as_deref(), control_since);
        let terms = if shares { self.terms } else { nothing_earned(self.terms) };

        let mut tally = Tally::new(user, Payer::Project(self.project), today);
        let mut recorded = Recorded {
            verdicts: Vec::with_capacity(self.events.len()),
            became: user.became().cloned(),
            earned: Micros::ZERO,
        };
        let mut stored = Vec::with_capacity(self.events.len());
        let mut raw_events = Vec::with_capacity(self.events.len());
        for event in self.events {
            let verdict = tally.judge(user, self.policy, &terms, &event);
            recorded.verdicts.push(verdict);
            if matches!(verdict, Verdict::Accepted { .. }) {
                stored.push((event.key, event.raw.event_type, event.raw.timestamp));
                raw_events.push(event.raw);
            }
        }
        recorded.earned = tally.earned;

        if stored.is_empty() || self.dry_run {
            return Ok(Decision::reply(recorded));
        }
        let mut events = Vec::with_capacity(2);
        if first_control {
            events.push(Event::PrivacyControlSeen);
        }
        let (project, earned) = (self.project, tally.earned);
        events.push(Event::EventsRecorded { project, events: stored, earned });
        Ok(Decision::of(events, Answer::Now(recorded)).about(raw_events))
    }
}

/// What a request has come to so far.
struct Tally<'a> {
    seen: &'a SeenEvents,
    in_request: HashSet<EventKey>,
    room: usize,
    today: DayEarnings,
    pending_room: Micros,
    earned: Micros,
}

impl<'a> Tally<'a> {
    fn new(user: &'a User, payer: Payer, today: Day) -> Self {
        let known = user.accruals.iter().find(|accrual| accrual.payer == payer);
        Self {
            seen: &user.seen,
            in_request: HashSet::new(),
            room: MAX_SEEN.saturating_sub(user.seen.count(today)),
            today: known.map(|accrual| accrual.today).unwrap_or_default().on(today),
            pending_room: Micros::new(u64::MAX).saturating_sub(user.earned_total()),
            earned: Micros::ZERO,
        }
    }

    fn judge(
        &mut self,
        user: &User,
        policy: ConsentPolicy,
        terms: &Terms,
        event: &NewEvent,
    ) -> Verdict {
        if self.seen.contains(event.key) || self.in_request.contains(&event.key) {
            return Verdict::Duplicate;
        }
        if user.became().is_some() {
            return Verdict::Elsewhere;
        }
        match may_store(user.consent.as_deref(), policy, event.consent_given) {
            StorageVerdict::Withdrawn => return Verdict::ConsentWithdrawn,
            StorageVerdict::Missing => return Verdict::ConsentMissing,
            StorageVerdict::Store => {}
        }
        if self.room == 0 || self.today.events >= MAX_EVENTS_A_DAY {
            return Verdict::TooMany;
        }
        self.room = self.room.saturating_sub(1);
        self.in_request.insert(event.key);
        let earned = self.today.next(event.raw.event_type, terms).min(self.pending_room);
        self.pending_room = self.pending_room.saturating_sub(earned);
        self.today.earned = self.today.earned.saturating_add(earned);
        self.today.events = self.today.events.saturating_add(1);
        self.earned = self.earned.saturating_add(earned);
        Verdict::Accepted { earned }
    }
}

fn nothing_earned(terms: Terms) -> Terms {
    Terms { budget: Budget::UsedUp, ..terms }
}

pub(super) fn apply(
    user: &mut User,
    project: ProjectId,
    events: &[(EventKey, EventType, Timestamp)],
    earned: Micros,
    at: Timestamp,
) {
    let today = at.day();
    user.seen.add(today, events.iter().map(|(key, _, _)| *key));
    let accrual = user.accrual_mut(Payer::Project(project));
    accrual.pending.credit(earned);
    accrual.today = accrual.today.on(today);
    accrual.today.earned.credit(earned);
    let count = u32::try_from(events.len()).expect("a request has few events");
    accrual.today.events =
        accrual.today.events.checked_add(count).expect("a day's events are bounded");
}
