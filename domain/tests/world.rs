#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow: it would fail")]
#![expect(clippy::wildcard_enum_match_arm, reason = "tests pick events out")]
//! Whole worlds of users, projects and a system, driven at random: letters are lost, doubled and
//! reordered, everybody forgets what they had in hand, and in the end the money is right.

use std::collections::HashMap;

use priv_domain::consent::{ConsentPolicy, PreferenceChange};
use priv_domain::earning::{Budget, Payer, Rates, Terms};
use priv_domain::ledger::{AccountClass, TrialBalance};
use priv_domain::letter::{Letter, PartId, Purpose};
use priv_domain::machine::{Context, Handled, Machine, Outgoing};
use priv_domain::project::{self, Project, Settings};
use priv_domain::system::{self, MintTo, System};
use priv_domain::user::{self, NewEvent, RecordEvents, User};
use priv_domain::{
    Entity, EntityId, EntryOf, EventKey, EventType, Kind, Micros, Position, ProjectId, RawEvent,
    RequestTag, Timestamp, UserRef, World,
};
use proptest::prelude::*;

const USERS: u8 = 4;
const PROJECTS: u8 = 2;

#[derive(Clone, Debug)]
enum Step {
    Record { user: u8, project: u8, first_key: u8, count: u8 },
    Consent { user: u8, analytics: bool, data_sharing: bool },
    Claim { user: u8, amount: Option<u16>, request: Option<u8> },
    Budget { project: u8, amount: u16, request: Option<u8> },
    Mint { amount: u16, user: Option<u8> },
    Link { user: u8, person: u8 },
    Deliver { letter: u16 },
    DeliverTwice { letter: u16 },
    Crash,
    Tick { millis: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 0..USERS;
    let project = || 0..PROJECTS;
    prop_oneof![
        4 => (user(), project(), any::<u8>(), 1..20u8).prop_map(|(user, project, first_key, count)|
            Step::Record { user, project, first_key, count }),
        2 => (user(), any::<bool>(), prop::bool::weighted(0.9)).prop_map(
            |(user, analytics, data_sharing)| Step::Consent { user, analytics, data_sharing }),
        3 => (user(), prop::option::of(any::<u16>()), prop::option::of(any::<u8>()))
            .prop_map(|(user, amount, request)| Step::Claim { user, amount, request }),
        2 => (project(), any::<u16>(), prop::option::of(any::<u8>()))
            .prop_map(|(project, amount, request)| Step::Budget { project, amount, request }),
        1 => (any::<u16>(), prop::option::of(user())).prop_map(|(amount, user)| Step::Mint { amount, user }),
        1 => (user(), user()).prop_map(|(user, person)| Step::Link { user, person }),
        8 => any::<u16>().prop_map(|letter| Step::Deliver { letter }),
        2 => any::<u16>().prop_map(|letter| Step::DeliverTwice { letter }),
        1 => Just(Step::Crash),
        1 => (0..200_000_000u32).prop_map(|millis| Step::Tick { millis }),
    ]
}

/// The entries that made an entity, with their times.
type Entries<M> = Vec<(Timestamp, EntryOf<M>)>;

/// Entities of one kind, and how they came to be.
struct Shelf<M: Machine> {
    entities: HashMap<EntityId, (Entity<M>, Entries<M>)>,
}

impl<M: Machine> Default for Shelf<M> {
    fn default() -> Self {
        Self { entities: HashMap::new() }
    }
}

#[derive(Default)]
struct Simulation {
    users: Shelf<User>,
    projects: Shelf<Project>,
    systems: Shelf<System>,
    mail: Vec<(EntityId, Outgoing)>,
    trial: TrialBalance,
    now: i64,
    position: u64,
    fresh: u128,
    /// What each request that was answered got, so that a repeat can be held against it.
    answers: HashMap<(EntityId, u128), String>,
}

fn user_id(user: u8) -> EntityId {
    let key: std::sync::Arc<str> = user.to_string().into();
    let who = match user {
        0 | 1 => UserRef::Person(key),
        _ => UserRef::Anonymous(ProjectId::new(0), key),
    };
    EntityId::user(World::Live, &who)
}

fn project_id(project: u8) -> EntityId {
    EntityId::project(World::Live, ProjectId::new(project.into()))
}

impl Simulation {
    fn shelf_step<M: Machine>(
        &mut self,
        shelf: fn(&mut Self) -> &mut Shelf<M>,
        me: &EntityId,
        command: M::Command,
        request: Option<RequestTag>,
    ) {
        self.fresh += 1_000;
        self.position += 1;
        let now = Timestamp::from_millis(self.now);
        let millis = u128::try_from(self.now).expect("after 1970");
        let (fresh, position) = (millis << 80 | self.fresh, Position::new(self.position));
        let (entity, _) = shelf(self).entities.entry(me.clone()).or_default();
        let context = Context { me, now, fresh, request };
        let (entry, letters) = match entity.handle(command, &context) {
            Handled::Decided { entry, letters, .. } => (entry, letters),
            Handled::Replayed(reply) => {
                let key = request.expect("only a request is replayed").key;
                let first = &self.answers[&(me.clone(), key)];
                assert_eq!(*first, format!("{reply:?}"), "a repeat gives the first answer");
                return;
            }
            Handled::Mismatch | Handled::TooManyAnswers | Handled::Refused(_) => return,
        };
        if let Some(entry) = entry {
            let (entity, entries) = shelf(self).entities.get_mut(me).expect("made above");
            entity.apply(&entry, now, position);
            entries.push((now, entry.clone()));
            for posting in entry.events.iter().flat_map(|event| M::postings(me, event)) {
                self.trial.post(&posting);
            }
            if let Some((tag, reply)) = &entry.answered {
                let repeated =
                    self.answers.insert((me.clone(), tag.key), format!("{reply:?}")).is_some();
                assert!(!repeated, "a request has its effect once");
            }
        }
        self.mail.extend(letters.into_iter().map(|letter| (me.clone(), letter)));
    }

    fn command_user(&mut self, user: u8, command: user::Command, request: Option<RequestTag>) {
        self.shelf_step(|s| &mut s.users, &user_id(user), command, request);
    }

    fn command_system(&mut self, command: system::Command, request: Option<RequestTag>) {
        let me = EntityId::system(World::Live);
        self.shelf_step(|s| &mut s.systems, &me, command, request);
    }

    fn deliver(&mut self, from: EntityId, outgoing: Outgoing) {
        let Outgoing { to, letter } = outgoing;
        match to.kind {
            Kind::User => {
                self.shelf_step(|s| &mut s.users, &to, User::receive(from, letter), None);
            }
            Kind::Project => {
                self.shelf_step(|s| &mut s.projects, &to, Project::receive(from, letter), None);
            }
            Kind::System => {
                self.shelf_step(|s| &mut s.systems, &to, System::receive(from, letter), None);
            }
        }
    }

    fn outstanding(&self) -> Vec<(EntityId, Outgoing)> {
        fn of<M: Machine>(shelf: &Shelf<M>) -> impl Iterator<Item = (EntityId, Outgoing)> {
            shelf.entities.iter().flat_map(|(me, (entity, _))| {
                entity.machine.outstanding(me).into_iter().map(|letter| (me.clone(), letter))
            })
        }
        of(&self.users).chain(of(&self.projects)).chain(of(&self.systems)).collect()
    }

    fn step(&mut self, step: Step) {
        let tag = |key: u8| RequestTag { key: key.into(), fingerprint: 1 };
        match step {
            Step::Record { user, project, first_key, count } => {
                let request = record(project, first_key, count);
                self.command_user(user, user::Command::RecordEvents(request), None);
            }
            Step::Consent { user, analytics, data_sharing } => {
                let change = PreferenceChange {
                    analytics: Some(analytics),
                    data_sharing: Some(data_sharing),
                    ..Default::default()
                };
                let (source, policy_version) = (None, None);
                let command = user::Command::SetConsent { change, source, policy_version };
                self.command_user(user, command, None);
            }
            Step::Claim { user, amount, request } => {
                let amount = amount.map(|micros| Micros::new(micros.into()));
                let command = user::Command::ClaimEarnings { amount, minimum: Micros::new(10) };
                self.command_user(user, command, request.map(tag));
            }
            Step::Budget { project, amount, request } => {
                let amount = Micros::new(amount.into());
                let command = system::Command::FundBudget {
                    project: project_id(project),
                    amount,
                    by: "test".into(),
                    reason: None,
                };
                self.command_system(command, request.map(tag));
            }
            Step::Mint { amount, user } => {
                let to = user.map_or(MintTo::Treasury, |user| MintTo::User(user_id(user)));
                let amount = Micros::new(amount.into());
                let (by, reason) = ("test".into(), "test".into());
                self.command_system(system::Command::Mint { amount, to, by, reason }, None);
            }
            Step::Link { user, person } => {
                if user >= 2 && person < 2 {
                    let person = user_id(person);
                    self.command_user(user, user::Command::BecomePerson { person }, None);
                }
            }
            Step::Deliver { letter } => {
                if !self.mail.is_empty() {
                    let index = usize::from(letter) % self.mail.len();
                    let (from, outgoing) = self.mail.swap_remove(index);
                    self.deliver(from, outgoing);
                }
            }
            Step::DeliverTwice { letter } => {
                if !self.mail.is_empty() {
                    let index = usize::from(letter) % self.mail.len();
                    let (from, outgoing) = self.mail[index].clone();
                    self.deliver(from, outgoing);
                }
            }
            Step::Crash => self.mail = self.outstanding(),
            Step::Tick { millis } => self.now += i64::from(millis),
        }
        self.check_money();
    }

    /// Postings balance, and agree with what the states hold.
    fn check_money(&self) {
        assert_eq!(self.trial.difference(), 0);
        let mut states = TrialBalance::default();
        for (user, _) in self.users.entities.values() {
            states.add(AccountClass::User, user.machine.available.get().into());
        }
        for (project, _) in self.projects.entities.values() {
            states.add(AccountClass::Budget, project.machine.available.get().into());
        }
        for (system, _) in self.systems.entities.values() {
            let System { minted, treasury, pool, .. } = &system.machine;
            states.add(AccountClass::Minted, -i128::from(minted.get()));
            states.add(AccountClass::Treasury, treasury.get().into());
            states.add(AccountClass::Pool, pool.get().into());
        }
        for class in AccountClass::ALL.into_iter().filter(|c| *c != AccountClass::InFlight) {
            assert_eq!(self.trial.of(class), states.of(class), "{class:?}");
        }
    }

    /// Delivers all letters, and what is still due again and again, until nothing is.
    fn run_to_the_end(&mut self) {
        for _ in 0..1_000 {
            self.mail.extend(self.outstanding());
            if self.mail.is_empty() {
                return;
            }
            for (from, outgoing) in std::mem::take(&mut self.mail) {
                self.deliver(from, outgoing);
            }
            while let Some((from, outgoing)) = self.mail.pop() {
                self.deliver(from, outgoing);
            }
        }
        panic!("letters go round without end: {:?}", self.outstanding());
    }

    fn check_the_end(&self) {
        self.check_money();
        assert_eq!(self.trial.of(AccountClass::InFlight), 0, "nothing is left in flight");
        let users = || self.users.entities.values().map(|(user, _)| &user.machine);
        let held: u64 = users().map(|user| user.available.get()).sum();
        let claimed: u64 =
            users().flat_map(|user| &user.accruals).map(|accrual| accrual.claimed.get()).sum();
        assert_eq!(held, claimed + self.granted(), "all that was claimed was paid, once");
        assert!(users().all(|user| user.claims.is_empty()));
        self.check_earned_once();
    }

    fn granted(&self) -> u64 {
        let entries = self.users.entities.values().flat_map(|(_, entries)| entries);
        let events = entries.flat_map(|(_, entry)| &entry.events);
        let amounts = events.map(|event| match event {
            user::Event::TransferAccepted { transfer, .. }
                if transfer.purpose == Purpose::Grant =>
            {
                transfer.amount.get()
            }
            _ => 0,
        });
        amounts.sum()
    }

    /// What was recorded as earned is pending or claimed, wherever linking has moved it.
    fn check_earned_once(&self) {
        let mut recorded = 0;
        for (_, entries) in self.users.entities.values() {
            for event in entries.iter().flat_map(|(_, entry)| &entry.events) {
                if let user::Event::EventsRecorded { earned, .. } = event {
                    recorded += earned.get();
                }
            }
        }
        let users = self.users.entities.values().map(|(user, _)| &user.machine);
        let accounted: u64 = users.map(|user| user.earned_total().get()).sum();
        assert_eq!(recorded, accounted);
    }

    fn check_replay(&self) {
        fn check<M: Machine>(shelf: &Shelf<M>) {
            for (entity, entries) in shelf.entities.values() {
                let mut again = Entity::<M>::default();
                for (at, entry) in entries {
                    again.apply(entry, *at, Position::ZERO);
                }
                again.position = entity.position;
                assert_eq!(again, *entity, "state is replay");
            }
        }
        check(&self.users);
        check(&self.projects);
        check(&self.systems);
    }
}

fn record(project: u8, first_key: u8, count: u8) -> RecordEvents {
    let event = |key: u8| NewEvent {
        key: EventKey(u128::from(project) << 64 | u128::from(key)),
        consent_given: Some(true),
        raw: RawEvent {
            id: key.to_string(),
            event_type: EventType::Track,
            timestamp: Timestamp::EPOCH,
            name: None,
            user_id: None,
            anonymous_id: None,
            session_id: None,
            page_url: None,
            page_title: None,
            referrer: None,
            properties: None,
            context: None,
        },
    };
    RecordEvents {
        project: ProjectId::new(project.into()),
        policy: ConsentPolicy::OptIn,
        terms: Terms {
            rates: Rates { track: Micros::new(700), ..Rates::default() },
            daily_cap: Micros::new(9_000),
            budget: Budget::Open,
        },
        privacy_control: false,
        events: (0..count).map(|i| event(first_key.wrapping_add(i))).collect(),
        dry_run: false,
    }
}

fn begin() -> Simulation {
    let mut simulation = Simulation { now: 1_700_000_000_000, ..Simulation::default() };
    for project in 0..PROJECTS {
        let command = project::Command::Create { settings: Settings::default(), keys: Vec::new() };
        simulation.shelf_step(|s| &mut s.projects, &project_id(project), command, None);
    }
    let (to, by, reason) = (MintTo::Treasury, "test".into(), "test".into());
    let amount = Micros::new(200_000);
    simulation.command_system(system::Command::Mint { amount, to, by, reason }, None);
    simulation
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn money_is_conserved_and_paid_once_whatever_happens_to_letters(
        steps in prop::collection::vec(step(), 1..150)
    ) {
        let mut simulation = begin();
        for step in steps {
            simulation.step(step);
        }
        simulation.check_replay();
        simulation.run_to_the_end();
        simulation.check_the_end();
        simulation.check_replay();
    }
}

#[test]
fn a_claim_takes_its_three_steps_and_is_forgotten_by_both() {
    let mut simulation = begin();
    let share = Step::Consent { user: 0, analytics: true, data_sharing: true };
    let claim = Step::Claim { user: 0, amount: None, request: Some(1) };
    let steps = [
        share,
        Step::Record { user: 0, project: 1, first_key: 0, count: 10 },
        Step::Budget { project: 1, amount: 5_000, request: None },
    ];
    for step in steps {
        simulation.step(step);
    }
    simulation.run_to_the_end();
    simulation.step(claim.clone());
    simulation.run_to_the_end();
    let (user, _) = &simulation.users.entities[&user_id(0)];
    let accrual = user.machine.accruals[0];
    assert_eq!(accrual.payer, Payer::Project(ProjectId::new(1)));
    assert_eq!((accrual.pending.get(), accrual.claimed.get()), (2_000, 5_000), "unfunded stays");
    assert_eq!(user.machine.available.get(), 5_000);
    assert!(simulation.outstanding().is_empty());
    simulation.step(claim);
    simulation.check_the_end();
}

#[test]
fn an_offer_that_nobody_awaits_goes_back_to_its_budget() {
    let mut simulation = begin();
    simulation.step(Step::Budget { project: 0, amount: 5_000, request: None });
    simulation.run_to_the_end();
    let part = PartId { claim: priv_domain::ClaimId::new(9), part: 0 };
    let fund = Letter::Fund { part, amount: Micros::new(100) };
    simulation.mail.push((user_id(0), Outgoing { to: project_id(0), letter: fund }));
    simulation.run_to_the_end();
    assert_eq!(simulation.projects.entities[&project_id(0)].0.machine.available.get(), 5_000);
    simulation.check_the_end();
}
