//! Recording a request's events: one entry both stores those that are accepted and pays for them.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Event, MAX_SEEN, SeenEvents, User};
use crate::consent::{ConsentPolicy, StorageVerdict, may_share, may_store};
use crate::context::Context;
use crate::earning::{Budget, DayEarnings, MAX_EVENTS_A_DAY, Payer, Terms};
use crate::entity::EntityId;
use crate::event::{EventKey, EventType, RawEvent};
use crate::id::ProjectId;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::money::Micros;
use crate::time::{Day, Timestamp};

/// Records a request's events for one user, from one project.
#[derive(Clone, Debug)]
pub struct RecordEvents {
    /// The project that sends them.
    pub project: ProjectId,
    /// The project's consent policy, for a user who was never asked.
    pub policy: ConsentPolicy,
    /// The terms on which the project pays.
    pub terms: Terms,
    /// Whether the request carried `Sec-GPC: 1`.
    pub privacy_control: bool,
    /// The events, in the order in which they were sent.
    pub events: Vec<NewEvent>,
    /// Whether to decide only, and store nothing.
    pub dry_run: bool,
}

/// An event that may be recorded.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The identity by which repeats are recognised.
    pub key: EventKey,
    /// Whether the client says that the user agreed; `None` if it says nothing.
    pub consent_given: Option<bool>,
    /// The event in full. Shared: its sender keeps it until it is known whose it is.
    pub raw: Arc<RawEvent>,
}

/// The reply to [`RecordEvents`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// One verdict for each event, in the order of the request.
    pub verdicts: Vec<Verdict>,
    /// The reward for all events together, in micros.
    pub earned: Micros,
    /// The person whom this user became: events with [`Verdict::Elsewhere`] are theirs. `None` if
    /// the user became nobody else.
    pub became: Option<EntityId>,
}

/// The result of one event of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The event is stored.
    Accepted {
        /// The reward that it earned, in micros; may be 0.
        earned: Micros,
    },
    /// The event was stored before, or is in the request twice; nothing changes.
    Duplicate,
    /// The event is not stored: the user has said no.
    ConsentWithdrawn,
    /// The event is not stored: the user has not been asked.
    ConsentMissing,
    /// The event is not stored: the user's events fill the window in which repeats are recognised
    /// ([`MAX_SEEN`]), or the project's share of the day ([`MAX_EVENTS_A_DAY`]).
    TooMany,
    /// The event is not for this user, who became a person.
    Elsewhere,
}

impl Command for RecordEvents {
    type Machine = User;
    type Reply = Recorded;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let today = context.now.day();
        let first_control = self.privacy_control && user.privacy_control_since.is_none();
        // Once seen it counts for every request: the person has the same wish whichever way events
        // come.
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

/// The verdicts on a request so far, and the room that is left.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::earning::Rates;
    use crate::testing::*;
    use Verdict::{Accepted, ConsentMissing, ConsentWithdrawn, Duplicate, Elsewhere, TooMany};

    fn event(key: u128) -> NewEvent {
        let raw = RawEvent {
            id: key.to_string(),
            event_type: EventType::Track,
            timestamp: NOW,
            name: None,
            user_id: None,
            anonymous_id: None,
            session_id: None,
            page_url: None,
            page_title: None,
            referrer: None,
            properties: None,
            context: None,
        };
        NewEvent { key: EventKey(key), consent_given: Some(true), raw: Arc::new(raw) }
    }

    /// Events of project 1, which pays 7 for each event and at most 100 a day.
    fn events(keys: &[u128]) -> RecordEvents {
        RecordEvents {
            project: project_id(1),
            policy: ConsentPolicy::OptIn,
            terms: Terms {
                rates: Rates { track: micros(7), ..Rates::default() },
                daily_cap: micros(100),
                budget: Budget::Open,
            },
            privacy_control: false,
            events: keys.iter().map(|key| event(*key)).collect(),
            dry_run: false,
        }
    }

    /// Ada has agreed to everything.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| ada.consents(true))
    }

    fn payer() -> Payer {
        Payer::Project(project_id(1))
    }

    fn today() -> Day {
        NOW.day()
    }

    fn earned(earned: u64) -> Verdict {
        Accepted { earned: micros(earned) }
    }

    fn recorded((ada, command): &(UnderTest<User>, RecordEvents)) -> Recorded {
        let decision = command.clone().decide(ada, &ada.context()).expect("never refused");
        let Answer::Now(recorded) = decision.answer else { panic!("answered at once") };
        recorded
    }

    /// The verdict on a single event, if it is not stored.
    fn refused(case: &(UnderTest<User>, RecordEvents)) -> Option<Verdict> {
        match *recorded(case).verdicts {
            [Accepted { .. }] => None,
            [verdict] => Some(verdict),
            _ => panic!("a verdict an event"),
        }
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), events(&[1])),
            refused,
            &[
                (|(ada, _)| ada.seen.add(today(), [EventKey(1)].into_iter()), Duplicate),
                (|(ada, _)| ada.becomes(person("bob")), Elsewhere),
                (|(ada, _)| ada.consents(false), ConsentWithdrawn),
                (
                    |(ada, command)| {
                        ada.consent = None;
                        command.events[0].consent_given = None;
                    },
                    ConsentMissing,
                ),
                (
                    |(ada, _)| {
                        ada.earns(payer(), 0);
                        let today = DayEarnings { day: today(), ..DayEarnings::default() };
                        let events = MAX_EVENTS_A_DAY;
                        ada.accruals[0].today = DayEarnings { events, ..today };
                    },
                    TooMany,
                ),
            ],
        );
    }

    #[test]
    fn consent_decides_what_is_stored_and_what_earns() {
        use ConsentPolicy::{OptIn, OptOut};
        fn analytics_only(ada: &mut User) {
            ada.consents(true);
            if let Some(record) = &mut ada.consent {
                record.preferences.data_sharing = false;
            }
        }
        type Row = (fn(&mut User), ConsentPolicy, Option<bool>, Verdict);
        // The user's record, the policy, what the client says; the verdict.
        let rows: [Row; 9] = [
            (|ada| ada.consents(true), OptIn, Some(false), earned(7)),
            (|ada| ada.consents(false), OptOut, Some(true), ConsentWithdrawn),
            (analytics_only, OptIn, None, earned(0)),
            (|_| (), OptIn, Some(true), earned(0)),
            (|_| (), OptIn, Some(false), ConsentMissing),
            (|_| (), OptIn, None, ConsentMissing),
            (|_| (), OptOut, None, earned(0)),
            (|_| (), OptOut, Some(true), earned(0)),
            (|_| (), OptOut, Some(false), ConsentWithdrawn),
        ];
        for (place, (said, policy, consent_given, expected)) in rows.into_iter().enumerate() {
            let mut command = RecordEvents { policy, ..events(&[1]) };
            command.events[0].consent_given = consent_given;
            let recorded = recorded(&(user("ada").with(said), command));
            assert_eq!(recorded.verdicts, [expected], "row {place}");
        }
    }

    #[test]
    fn privacy_control_earns_nothing_until_the_user_agrees_after_it() {
        let said = |at: i64, ada: &mut User| {
            ada.consents(true);
            ada.consent.as_mut().expect("said").at = NOW.plus_millis(at);
        };
        // When they agreed, when privacy control was first seen, whether it is sent now; what is
        // earned, and whether it was seen for the first time.
        let rows = [
            (-1, None, false, 7, false),
            (-1, None, true, 0, true),
            (0, None, true, 0, true),
            (1, None, true, 7, true),
            (-1, Some(-2), true, 7, false),
            (-1, Some(-2), false, 7, false),
            (-1, Some(-1), false, 0, false),
            (-2, Some(-1), false, 0, false),
        ];
        for (agreed, since, privacy_control, earns, first) in rows {
            let mut ada = user("ada").with(|ada| said(agreed, ada));
            ada.privacy_control_since = since.map(|millis| NOW.plus_millis(millis));
            let step = ada.ask(RecordEvents { privacy_control, ..events(&[1]) });
            let stored = Event::EventsRecorded {
                project: project_id(1),
                events: vec![(EventKey(1), EventType::Track, NOW)],
                earned: micros(earns),
            };
            let expected = match first {
                true => vec![Event::PrivacyControlSeen, stored],
                false => vec![stored],
            };
            assert_eq!(step.events, expected, "{agreed} {since:?} {privacy_control}");
            let since = since.map_or(first.then_some(NOW), |millis| Some(NOW.plus_millis(millis)));
            assert_eq!(ada.privacy_control_since, since);
        }
    }

    #[test]
    fn bounds_hold_exactly_at_their_edge() {
        fn seen(ada: &mut User, ids: usize) {
            let ids = (0..ids).map(|n| EventKey(1 << 64 | u128::try_from(n).expect("few")));
            ada.seen = [(today(), ids.collect())].into_iter().collect();
        }
        fn day(ada: &mut User, day: Day, events: u32, earned: u64) {
            ada.earns(payer(), 0);
            ada.accruals[0].today = DayEarnings { day, events, earned: micros(earned) };
        }
        fn on(days: i64) -> Day {
            Day::new(today().get() + days)
        }
        type Row = (fn(&mut User), [Verdict; 3]);
        // The user before; the verdicts on three events.
        let rows: [Row; 13] = [
            (|ada| day(ada, on(0), MAX_EVENTS_A_DAY - 3, 0), [earned(7), earned(7), earned(7)]),
            (|ada| day(ada, on(0), MAX_EVENTS_A_DAY - 2, 0), [earned(7), earned(7), TooMany]),
            (|ada| day(ada, on(0), MAX_EVENTS_A_DAY, 0), [TooMany, TooMany, TooMany]),
            (|ada| day(ada, on(-1), MAX_EVENTS_A_DAY, 0), [earned(7), earned(7), earned(7)]),
            (|ada| seen(ada, MAX_SEEN - 2), [earned(7), earned(7), TooMany]),
            (|ada| day(ada, on(0), 0, 79), [earned(7), earned(7), earned(7)]),
            (|ada| day(ada, on(0), 0, 80), [earned(7), earned(7), earned(6)]),
            (|ada| day(ada, on(0), 0, 93), [earned(7), earned(0), earned(0)]),
            (|ada| day(ada, on(0), 0, 100), [earned(0), earned(0), earned(0)]),
            (|ada| day(ada, on(-1), 0, 100), [earned(7), earned(7), earned(7)]),
            // A clock that went back gives no day's cap twice.
            (|ada| day(ada, on(1), 0, 100), [earned(0), earned(0), earned(0)]),
            (|ada| ada.earns(Payer::Pool, u64::MAX - 8), [earned(7), earned(1), earned(0)]),
            (|ada| ada.earns(Payer::Pool, u64::MAX), [earned(0), earned(0), earned(0)]),
        ];
        for (place, (before, expected)) in rows.into_iter().enumerate() {
            let recorded = recorded(&(ada().with(before), events(&[1, 2, 3])));
            assert_eq!(recorded.verdicts, expected, "row {place}");
            let sum = expected.iter().map(|verdict| match verdict {
                Accepted { earned } => earned.get(),
                Duplicate | ConsentWithdrawn | ConsentMissing | TooMany | Elsewhere => 0,
            });
            assert_eq!(recorded.earned.get(), sum.sum::<u64>(), "row {place}");
        }
    }

    #[test]
    fn what_is_stored_and_what_it_earns_are_one_event() {
        let mut ada = ada().with(|ada| ada.seen.add(today(), [EventKey(1)].into_iter()));
        let step = ada.ask(events(&[2, 1, 3, 2]));
        let key = |key| (EventKey(key), EventType::Track, NOW);
        let (project, stored) = (project_id(1), vec![key(2), key(3)]);
        let event = Event::EventsRecorded { project, events: stored, earned: micros(14) };
        assert_eq!(step.events, [event]);
        let raw: Vec<&str> = step.raw_events.iter().map(|raw| &*raw.id).collect();
        assert_eq!(raw, ["2", "3"]);
        let expected = Recorded {
            verdicts: vec![earned(7), Duplicate, earned(7), Duplicate],
            earned: micros(14),
            became: None,
        };
        assert_eq!(step.answer, Answer::Now(expected));
        let accrual = ada.accruals[0];
        assert_eq!((accrual.payer, accrual.pending), (payer(), micros(14)));
        let today = DayEarnings { day: today(), earned: micros(14), events: 2 };
        assert_eq!(accrual.today, today);
        assert!((1..4).all(|key| ada.seen.contains(EventKey(key))));
        assert!(ada.is_known_to(project_id(1)) && !ada.is_known_to(project_id(2)));
    }

    #[test]
    fn what_stores_nothing_changes_nothing() {
        let became = |ada: &mut User| ada.becomes(person("bob"));
        // The user; whether it is only tried, and the verdict.
        let rows = [
            (ada(), true, earned(7)),
            (ada().with(|ada| ada.seen.add(today(), [EventKey(1)].into_iter())), false, Duplicate),
            (user("ada").with(became), false, Elsewhere),
            (user("ada").with(|ada| ada.consents(false)), false, ConsentWithdrawn),
        ];
        for (mut ada, dry_run, verdict) in rows {
            let before = ada.entity.clone();
            let step = ada.ask(RecordEvents { dry_run, privacy_control: !dry_run, ..events(&[1]) });
            assert_eq!((step.events, step.raw_events), (vec![], vec![]));
            assert_eq!(ada.entity, before);
            let Answer::Now(recorded) = step.answer else { panic!("at once") };
            assert_eq!(recorded.verdicts, [verdict]);
            assert_eq!(recorded.became.as_ref(), ada.became());
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(ada(), &events(&[1, 2]));
        // Events are recognised even without an idempotency key.
        let mut ada = ada();
        ada.ask(events(&[1, 2]));
        assert_eq!(recorded(&(ada, events(&[1, 2]))).verdicts, [Duplicate, Duplicate]);
    }
}
