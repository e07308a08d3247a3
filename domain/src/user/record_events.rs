//! Storing a request's events and paying for them: one entry, stored and paid together or not.

use std::collections::HashSet;

use super::{Event, NewEvent, RecordEvents, Recorded, Reply, User, Verdict};
use super::{MAX_SEEN, SeenEvents};
use crate::consent::{StorageVerdict, may_share, may_store};
use crate::earning::{Budget, DayEarnings, MAX_EVENTS_A_DAY, Payer, Terms};
use crate::event::{EventKey, EventType};
use crate::id::ProjectId;
use crate::machine::{Answer, Context, Decision};
use crate::money::Micros;
use crate::time::{Day, Timestamp};

pub(super) fn decide(user: &User, request: RecordEvents, context: &Context<'_>) -> Decision<User> {
    let today = context.now.day();
    let first_control = request.privacy_control && user.privacy_control_since.is_none();
    // Once seen it counts for every request: the person has the same wish on other roads.
    let control_since =
        user.privacy_control_since.or(request.privacy_control.then_some(context.now));
    let shares = may_share(user.consent.as_deref(), control_since);
    let terms = if shares { request.terms } else { nothing_earned(request.terms) };

    let mut tally = Tally::new(user, Payer::Project(request.project), today);
    let mut recorded = Recorded { became: user.became().cloned(), ..Recorded::default() };
    let mut stored = Vec::new();
    let mut raw_events = Vec::new();
    for event in request.events {
        let verdict = tally.judge(user, request.policy, &terms, &event);
        recorded.verdicts.push(verdict);
        if matches!(verdict, Verdict::Accepted { .. }) {
            stored.push((event.key, event.raw.event_type, event.raw.timestamp));
            raw_events.push(event.raw);
        }
    }
    recorded.earned = tally.earned;

    let mut events = Vec::new();
    if !stored.is_empty() && !request.dry_run {
        if first_control {
            events.push(Event::PrivacyControlSeen);
        }
        let (project, earned) = (request.project, tally.earned);
        events.push(Event::EventsRecorded { project, events: stored, earned });
    }
    let mut decision = Decision::of(events, Answer::Now(Reply::Recorded(recorded)));
    if !request.dry_run {
        decision.raw_events = raw_events;
    }
    decision
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
        policy: crate::consent::ConsentPolicy,
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
    accrual.pending = accrual.pending.saturating_add(earned);
    accrual.today = accrual.today.on(today);
    accrual.today.earned = accrual.today.earned.saturating_add(earned);
    let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
    accrual.today.events = accrual.today.events.saturating_add(count);
}
