#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow: it would fail")]
#![expect(clippy::wildcard_enum_match_arm, reason = "tests pick events out")]
//! Whole environments of users, listings, projects and a system, driven at random: messages are
//! lost, doubled, reordered and delivered again much later, everybody forgets what they had in hand,
//! and in the end the money is right.

use std::collections::HashMap;
use std::sync::Arc;

use priv_domain::confirm::{Admitted, Confirmations};
use priv_domain::consent::{ConsentPolicy, PreferenceChange};
use priv_domain::context::{Context, FRESH_IDS};
use priv_domain::contribution::{MediaType, Originality, ReviewDecision, Uses};
use priv_domain::earning::{Budget, Payer, Rates, Terms};
use priv_domain::exchange::Exchange;
use priv_domain::ledger::{AccountClass, TrialBalance};
use priv_domain::listing::{self, Listing, Offer};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::machine::{Command, Concluded, Handled, Machine};
use priv_domain::market::{Change, Fees, License, ListingStatus};
use priv_domain::message::{Message, NotTaken, OutgoingMessage};
use priv_domain::project::{CreateProject, Project, Settings};
use priv_domain::proposal::Content;
use priv_domain::reconciliation::Reconciliation;
use priv_domain::system::{FundBudget, Mint, MintTo, System};
use priv_domain::transfer::{PartId, Purpose, UserPurpose};
use priv_domain::user::{
    self, BecomePerson, ChangeListing, ClaimEarnings, Contribute, CreateListing,
    DeleteContribution, Judgement, NewEvent, PurchaseListing, RateListing, RecordEvents,
    SetConsent, User,
};
use priv_domain::{
    ContributionId, Entity, EntityId, Entry, Environment, EventKey, EventType, Kind, ListingId,
    Micros, Position, ProjectId, PurchaseId, RawEvent, RequestTag, Timestamp, UserRef,
};
use proptest::prelude::*;

const USERS: u8 = 4;
const PROJECTS: u8 = 2;

#[derive(Clone, Debug)]
enum Step {
    Record {
        user: u8,
        project: u8,
        first_key: u8,
        count: u8,
    },
    Consent {
        user: u8,
        analytics: bool,
        data_sharing: bool,
    },
    Claim {
        user: u8,
        amount: Option<u16>,
        request: Option<u8>,
    },
    Budget {
        project: u8,
        amount: u16,
        request: Option<u8>,
    },
    Mint {
        amount: u16,
        user: Option<u8>,
    },
    Link {
        user: u8,
        person: u8,
    },
    Contribute {
        user: u8,
        content: u8,
        approved: bool,
    },
    Delete {
        user: u8,
        content: u8,
    },
    List {
        user: u8,
        listing: u8,
        content: u8,
        price: u16,
        license: u8,
        most: u8,
    },
    Change {
        user: u8,
        listing: u8,
        price: Option<u16>,
        status: Option<u8>,
        content: Option<u8>,
    },
    Buy {
        user: u8,
        listing: u8,
        expects: bool,
        request: Option<u8>,
    },
    Rate {
        user: u8,
        listing: u8,
        stars: u8,
    },
    Wake,
    Deliver {
        message: u16,
    },
    DeliverTwice {
        message: u16,
    },
    /// A message that was delivered at any time before, also before crashes.
    ComeAgain {
        message: u16,
    },
    Crash,
    Tick {
        millis: u32,
    },
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
        3 => (user(), 0..6u8, prop::bool::weighted(0.9)).prop_map(|(user, content, approved)|
            Step::Contribute { user, content, approved }),
        1 => (user(), 0..6u8).prop_map(|(user, content)| Step::Delete { user, content }),
        3 => (user(), 0..3u8, 0..6u8, any::<u16>(), 0..4u8, 1..3u8).prop_map(
            |(user, listing, content, price, license, most)|
            Step::List { user, listing, content, price, license, most }),
        2 => (user(), 0..3u8, prop::option::of(any::<u16>()), prop::option::of(0..3u8),
            prop::option::of(0..6u8)).prop_map(|(user, listing, price, status, content)|
            Step::Change { user, listing, price, status, content }),
        6 => (user(), 0..3u8, any::<bool>(), prop::option::of(any::<u8>())).prop_map(
            |(user, listing, expects, request)| Step::Buy { user, listing, expects, request }),
        2 => (user(), 0..3u8, 1..6u8).prop_map(|(user, listing, stars)|
            Step::Rate { user, listing, stars }),
        2 => Just(Step::Wake),
        8 => any::<u16>().prop_map(|message| Step::Deliver { message }),
        2 => any::<u16>().prop_map(|message| Step::DeliverTwice { message }),
        3 => any::<u16>().prop_map(|message| Step::ComeAgain { message }),
        1 => Just(Step::Crash),
        1 => (0..200_000_000u32).prop_map(|millis| Step::Tick { millis }),
    ]
}

/// The entries that made an entity, with their times.
type Entries<M> = Vec<(Timestamp, Entry<M>)>;

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
    listings: Shelf<Listing>,
    /// Listings as they were named by the steps that made them.
    made: HashMap<u8, ListingId>,
    /// What browsers see, kept up by what listings take in.
    summaries: HashMap<EntityId, ListingSummary>,
    stars: HashMap<(EntityId, PurchaseId), u8>,
    seen_entries: HashMap<EntityId, usize>,
    mail: Vec<(EntityId, OutgoingMessage)>,
    /// What each entity has asked; lost in a crash.
    confirmations: HashMap<EntityId, Confirmations>,
    /// Messages that were delivered, to come again at any later time.
    delivered: Vec<(EntityId, OutgoingMessage)>,
    trial: TrialBalance,
    reconciliation: Reconciliation,
    now: i64,
    position: u64,
    fresh: u128,
    /// What each request that was answered got, so that a repeat can be held against it.
    answers: HashMap<(EntityId, u128), String>,
}

fn user_id(user: u8) -> EntityId {
    let key: Arc<str> = user.to_string().into();
    let who = match user {
        0 | 1 => UserRef::Person(key),
        _ => UserRef::Anonymous(ProjectId::new(0), key),
    };
    EntityId::user(Environment::Live, &who)
}

fn content_id(user: u8, content: u8) -> ContributionId {
    ContributionId::new(u128::from(user) << 8 | u128::from(content))
}

fn project_id(project: u8) -> EntityId {
    EntityId::project(Environment::Live, ProjectId::new(project.into()))
}

impl Simulation {
    /// Asks an entity, and carries out what it decides.
    fn ask<C: Command>(
        &mut self,
        shelf: fn(&mut Self) -> &mut Shelf<C::Machine>,
        me: &EntityId,
        command: C,
        request: Option<RequestTag>,
    ) {
        let (now, fresh) = self.next_moment();
        let (entity, _) = shelf(self).entities.entry(me.clone()).or_default();
        let context = Context { me, now, fresh, request };
        match entity.handle(command, &context) {
            Handled::Concluded(Concluded { entry, messages, .. }) => {
                self.carry_out(shelf, me, entry, messages);
            }
            Handled::Replayed(reply) => {
                let key = request.expect("only a request is replayed").key;
                let first = &self.answers[&(me.clone(), key)];
                assert_eq!(*first, format!("{reply:?}"), "a repeat gives the first answer");
            }
            Handled::Mismatch | Handled::TooManyAnswers | Handled::Refused(_) => {}
        }
    }

    /// Brings an entity a message, and carries out what it decides.
    fn tell<M: Machine>(
        &mut self,
        shelf: fn(&mut Self) -> &mut Shelf<M>,
        me: &EntityId,
        from: EntityId,
        message: Message,
    ) {
        let (now, fresh) = self.next_moment();
        let mut confirmations = self.confirmations.remove(me).unwrap_or_default();
        let (entity, _) = shelf(self).entities.entry(me.clone()).or_default();
        let admitted = confirmations.admit(&entity.machine, &from, message, fresh);
        self.confirmations.insert(me.clone(), confirmations);
        let message = match admitted {
            Admitted::Decide(message) => message,
            Admitted::Answer(messages) => {
                self.mail.extend(messages.into_iter().map(|message| (me.clone(), message)));
                return;
            }
        };
        let (entity, _) = shelf(self).entities.get_mut(me).expect("it was just there");
        let context = Context { me, now, fresh, request: None };
        let Concluded { entry, messages, .. } = entity.receive(from, message, &context);
        self.carry_out(shelf, me, entry, messages);
    }

    fn next_moment(&mut self) -> (Timestamp, u128) {
        self.fresh += u128::from(FRESH_IDS);
        self.position += 1;
        let millis = u128::try_from(self.now).expect("after 1970");
        (Timestamp::from_millis(self.now), millis << 80 | self.fresh)
    }

    fn carry_out<M: Machine>(
        &mut self,
        shelf: fn(&mut Self) -> &mut Shelf<M>,
        me: &EntityId,
        entry: Option<Entry<M>>,
        messages: Vec<OutgoingMessage>,
    ) {
        if let Some(entry) = entry {
            let (now, position) = (Timestamp::from_millis(self.now), Position::new(self.position));
            let (entity, entries) = shelf(self).entities.get_mut(me).expect("it was asked");
            entity.apply(&entry, now, position);
            entries.push((now, entry.clone()));
            for posting in entry.events.iter().flat_map(|event| M::postings(me, event)) {
                self.trial.post(&posting);
            }
            for step in entry.events.iter().filter_map(M::transfer_step) {
                assert_eq!(self.reconciliation.take(me, step), None, "both ends fit");
            }
            if let Some((tag, reply)) = &entry.answered {
                let repeated =
                    self.answers.insert((me.clone(), tag.key), format!("{reply:?}")).is_some();
                assert!(!repeated, "a request has its effect once");
            }
        }
        self.mail.extend(messages.into_iter().map(|message| (me.clone(), message)));
    }

    fn command_user<C: Command<Machine = User>>(
        &mut self,
        user: u8,
        command: C,
        request: Option<RequestTag>,
    ) {
        self.ask(|s| &mut s.users, &user_id(user), command, request);
    }

    fn command_system<C: Command<Machine = System>>(
        &mut self,
        command: C,
        request: Option<RequestTag>,
    ) {
        self.ask(|s| &mut s.systems, &EntityId::system(Environment::Live), command, request);
    }

    fn deliver(&mut self, from: EntityId, outgoing: OutgoingMessage) {
        self.delivered.push((from.clone(), outgoing.clone()));
        let OutgoingMessage { to, message } = outgoing;
        match to.kind {
            Kind::User => self.tell(|s| &mut s.users, &to, from, message),
            Kind::Project => self.tell(|s| &mut s.projects, &to, from, message),
            Kind::System => self.tell(|s| &mut s.systems, &to, from, message),
            Kind::Listing => {
                self.tell(|s| &mut s.listings, &to, from, message);
                self.check_summary(&to);
            }
        }
    }

    fn outstanding(&self) -> Vec<(EntityId, OutgoingMessage)> {
        fn of<M: Machine>(shelf: &Shelf<M>) -> impl Iterator<Item = (EntityId, OutgoingMessage)> {
            shelf.entities.iter().flat_map(|(me, (entity, _))| {
                entity.machine.outstanding(me).into_iter().map(|message| (me.clone(), message))
            })
        }
        let systems = of(&self.systems).chain(of(&self.listings));
        of(&self.users).chain(of(&self.projects)).chain(systems).collect()
    }

    fn step(&mut self, step: Step) {
        let tag = |key: u8| RequestTag { key: key.into(), fingerprint: 1 };
        match step {
            Step::Record { user, project, first_key, count } => {
                let request = record(project, first_key, count);
                self.command_user(user, request, None);
            }
            Step::Consent { user, analytics, data_sharing } => {
                let change = PreferenceChange {
                    analytics: Some(analytics),
                    data_sharing: Some(data_sharing),
                    ..Default::default()
                };
                let (source, policy_version) = (None, None);
                let command = SetConsent { change, source, policy_version };
                self.command_user(user, command, None);
            }
            Step::Claim { user, amount, request } => {
                let amount = amount.map(|micros| Micros::new(micros.into()));
                let command = ClaimEarnings { amount, minimum: Micros::new(10) };
                self.command_user(user, command, request.map(tag));
            }
            Step::Budget { project, amount, request } => {
                let amount = Micros::new(amount.into());
                let command = FundBudget {
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
                self.command_system(Mint { amount, to, by, reason }, None);
            }
            Step::Link { user, person } => {
                if user >= 2 && person < 2 {
                    let person = user_id(person);
                    self.command_user(user, BecomePerson { person }, None);
                }
            }
            Step::Contribute { user, content, approved } => {
                self.contribute(user, content, approved)
            }
            Step::Delete { user, content } => {
                let id = content_id(user, content);
                self.command_user(user, DeleteContribution { id }, None);
            }
            Step::List { user, listing, content, price, license, most } => {
                self.list(user, listing, content, price, license, most);
            }
            Step::Change { user, listing, price, status, content } => {
                let Some(listing) = self.made.get(&listing).copied() else { return };
                let change = Change {
                    price: price.map(|price| Micros::new(price.into())),
                    status: status.map(|status| ListingStatus::ALL[usize::from(status)]),
                    ..Change::default()
                };
                let contributions = content.map(|content| vec![content_id(user, content)]);
                self.command_user(user, ChangeListing { listing, change, contributions }, None);
            }
            Step::Buy { user, listing, expects, request } => {
                self.buy(user, listing, expects, request.map(tag));
            }
            Step::Rate { user, listing, stars } => {
                let Some(listing) = self.made.get(&listing).copied() else { return };
                let command = RateListing { listing, stars, comment: None };
                self.command_user(user, command, None);
            }
            Step::Wake => self.wake(),
            Step::Deliver { message } => {
                if !self.mail.is_empty() {
                    let index = usize::from(message) % self.mail.len();
                    let (from, outgoing) = self.mail.swap_remove(index);
                    self.deliver(from, outgoing);
                }
            }
            Step::DeliverTwice { message } => {
                if !self.mail.is_empty() {
                    let index = usize::from(message) % self.mail.len();
                    let (from, outgoing) = self.mail[index].clone();
                    self.deliver(from, outgoing);
                }
            }
            Step::ComeAgain { message } => {
                if !self.delivered.is_empty() {
                    let index = usize::from(message) % self.delivered.len();
                    let (from, outgoing) = self.delivered[index].clone();
                    self.deliver(from, outgoing);
                }
            }
            Step::Crash => {
                self.mail = self.outstanding();
                self.confirmations.clear();
            }
            Step::Tick { millis } => self.now += i64::from(millis),
        }
        self.check_money();
    }

    fn contribute(&mut self, user: u8, content: u8, approved: bool) {
        let decision = if approved { ReviewDecision::Approved } else { ReviewDecision::Rejected };
        let new = Contribute {
            id: content_id(user, content),
            media_type: MediaType::ALL[usize::from(content)],
            sha256: [content; 32],
            size: 7,
            uses: Uses { commercial: !content.is_multiple_of(3), ..Uses::default() },
            originality: Originality::New,
            judged: Some(Judgement { decision, reason: "test".into() }),
            metadata: Some("{}".into()),
            rewarded_before: false,
        };
        self.command_user(user, new, None);
    }

    fn list(&mut self, user: u8, name: u8, content: u8, price: u16, license: u8, most: u8) {
        if self.made.contains_key(&name) {
            return;
        }
        let license = License::ALL[usize::from(license)];
        let new = CreateListing {
            title: "Some files".into(),
            description: "Files of a test".into(),
            tags: Vec::new(),
            price: Micros::new(price.into()),
            license,
            max_sales: (license == License::Limited).then_some(most.into()),
            contributions: vec![content_id(user, content)],
        };
        self.command_user(user, new, None);
        let market =
            self.users.entities.get(&user_id(user)).and_then(|(u, _)| u.machine.market.as_ref());
        let known: Vec<ListingId> = self.made.values().copied().collect();
        let own = market.into_iter().flat_map(|market| market.listings.keys());
        if let Some(listing) = own.copied().find(|listing| !known.contains(listing)) {
            self.made.insert(name, listing);
        }
    }

    fn buy(&mut self, user: u8, name: u8, expects: bool, request: Option<RequestTag>) {
        let Some(listing) = self.made.get(&name).copied() else { return };
        let id = EntityId::listing(Environment::Live, listing);
        let Some((entity, _)) = self.listings.entities.get(&id) else { return };
        let Some(seen) = entity.machine.terms() else { return };
        let version = entity.machine.offer.as_deref().expect("it has terms").version;
        let expected_version = expects.then_some(version);
        let new = PurchaseListing { listing, seen, expected_price: None, expected_version };
        self.command_user(user, new, request);
    }

    /// Lets those act who have something to do by themselves, whose time has come.
    fn wake(&mut self) {
        let now = Timestamp::from_millis(self.now);
        let due = |(entity, _): &(Entity<Listing>, _)| {
            entity.machine.wakes_at().is_some_and(|at| at <= now)
        };
        let entities = self.listings.entities.iter();
        let due: Vec<EntityId> =
            entities.filter(|(_, known)| due(known)).map(|(id, _)| id.clone()).collect();
        for me in due {
            self.fresh += 1_000;
            self.position += 1;
            let millis = u128::try_from(self.now).expect("after 1970");
            let fresh = millis << 80 | self.fresh;
            let (entity, entries) = self.listings.entities.get_mut(&me).expect("found above");
            let context = Context { me: &me, now, fresh, request: None };
            let decision = entity.machine.decide_awake(&context);
            let (events, messages) = (decision.events, decision.messages);
            let entry = Entry { events, answered: None, raw_events: vec![] };
            entity.apply(&entry, now, Position::new(self.position));
            for posting in entry.events.iter().flat_map(|event| Listing::postings(&me, event)) {
                self.trial.post(&posting);
            }
            for step in entry.events.iter().filter_map(Listing::transfer_step) {
                assert_eq!(self.reconciliation.take(&me, step), None, "both ends fit");
            }
            entries.push((now, entry));
            self.mail.extend(messages.into_iter().map(|message| (me.clone(), message)));
        }
    }

    /// What browsers see follows from what the listing took in, one by one, as from its state.
    fn check_summary(&mut self, me: &EntityId) {
        let (entity, entries) = &self.listings.entities[me];
        let Some((at, entry)) = entries.last() else { return };
        if self.seen_entries.insert(me.clone(), entries.len()) == Some(entries.len()) {
            return;
        }
        let id = me.as_listing().expect("it is a listing");
        for event in &entry.events {
            let listing::Event::ExchangeAccepted { from, exchange } = event else { continue };
            let Exchange::Proposal(proposal) = exchange else {
                self.summaries.get_mut(me).expect("published").sell();
                continue;
            };
            match &proposal.content {
                Content::Publish(draft) => {
                    self.summaries
                        .insert(me.clone(), ListingSummary::published(id, from, draft, *at));
                }
                Content::Change(change) => {
                    self.summaries.get_mut(me).expect("published").change(change, *at);
                }
                Content::Rate(rating) => {
                    let key = (me.clone(), rating.purchase);
                    let before = self.stars.insert(key, rating.stars);
                    self.summaries.get_mut(me).expect("published").rate(before, rating.stars);
                }
            }
        }
        assert_eq!(self.summaries.get(me), entity.machine.summary(id).as_ref());
    }

    /// Postings balance, and agree with what the states hold.
    fn check_money(&self) {
        assert_eq!(self.trial.difference(), 0);
        let mut states = TrialBalance::default();
        for (user, _) in self.users.entities.values() {
            states.add(AccountClass::User, user.machine.available.get().into());
            states.add(AccountClass::Proceeds, user.machine.unclaimed_sales().get().into());
        }
        for (project, _) in self.projects.entities.values() {
            states.add(AccountClass::Budget, project.machine.available.get().into());
        }
        for (system, _) in self.systems.entities.values() {
            let System { minted, burned, stakers, treasury, pool, .. } = &system.machine;
            states.add(AccountClass::Burned, burned.get().into());
            states.add(AccountClass::Stakers, stakers.get().into());
            states.add(AccountClass::Minted, -i128::from(minted.get()));
            states.add(AccountClass::Treasury, treasury.get().into());
            states.add(AccountClass::Pool, pool.get().into());
        }
        for (listing, _) in self.listings.entities.values() {
            states.add(AccountClass::Listing, listing.machine.due.total().get().into());
        }
        for class in AccountClass::ALL.into_iter().filter(|c| *c != AccountClass::InFlight) {
            assert_eq!(self.trial.of(class), states.of(class), "{class:?}");
        }
    }

    /// Delivers all messages, and what is still due again and again, until nothing is.
    fn run_to_the_end(&mut self) {
        for _ in 0..1_000 {
            self.now += 2_000;
            self.wake();
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
        panic!("messages go round without end: {:?}", self.outstanding());
    }

    fn check_the_end(&self) {
        self.check_money();
        assert_eq!(self.trial.of(AccountClass::InFlight), 0, "nothing is left in flight");
        assert_eq!(self.reconciliation.iter().count(), 0);
        let users = || self.users.entities.values().map(|(user, _)| &user.machine);
        let held: u64 = users().map(|user| user.available.get()).sum();
        let claimed: u64 =
            users().flat_map(|user| &user.accruals).map(|accrual| accrual.claimed.get()).sum();
        let paid = self.check_sales();
        assert_eq!(held + paid, claimed + self.granted(), "all that was claimed was paid, once");
        assert!(users().all(|user| user.claims.is_empty()));
        self.check_earned_once();
    }

    /// What was sold was bought, once, on terms that were in force, within its limits; and what it
    /// brought in is where it belongs. Returns what buyers paid.
    fn check_sales(&self) -> u64 {
        let users = || self.users.entities.values().map(|(user, _)| &user.machine);
        let bought = || users().flat_map(|user| &user.market).flat_map(|market| &market.purchases);
        let (mut sold, mut fees, mut proceeds) = (0, 0, 0);
        for (id, (entity, entries)) in &self.listings.entities {
            let listing = &entity.machine;
            assert_eq!(listing.due.total(), Micros::ZERO, "all is passed on");
            let name = id.as_listing().expect("it is a listing");
            let purchases = bought().filter(|(listing, _)| **listing == name);
            assert_eq!(purchases.count(), usize::try_from(listing.sales).expect("few"));
            if let Some(offer) = &listing.offer {
                self.check_seller(name, offer);
                let most = match offer.license {
                    License::Exclusive => 1,
                    License::Limited => offer.max_sales.expect("limited"),
                    License::SingleUse | License::Unlimited => u32::MAX,
                };
                assert!(listing.sales <= most, "never more than may be sold");
            }
            for event in entries.iter().flat_map(|(_, entry)| &entry.events) {
                if let listing::Event::ExchangeAccepted { exchange, .. } = event
                    && let Exchange::Transfer(transfer) = exchange
                {
                    sold += transfer.amount.get();
                    fees += Fees::of(transfer.amount).total().get();
                    proceeds += (transfer.amount.get()) - Fees::of(transfer.amount).total().get();
                }
            }
        }
        let paid: u64 = bought().map(|(_, purchase)| purchase.price.get()).sum();
        assert_eq!(paid, sold);
        let earned: u64 = users()
            .flat_map(|user| &user.accruals)
            .filter(|accrual| accrual.payer == Payer::Sales)
            .map(|accrual| accrual.pending.get() + accrual.claimed.get())
            .sum();
        assert_eq!(earned, proceeds);
        let kept: u64 = self
            .systems
            .entities
            .values()
            .map(|(system, _)| system.machine.burned.get() + system.machine.stakers.get())
            .sum();
        assert!(kept <= fees);
        paid
    }

    /// What is for sale, or may be again, its seller knows of and has still.
    fn check_seller(&self, listing: ListingId, offer: &Offer) {
        let (seller, _) = &self.users.entities[&offer.seller];
        let own = &seller.machine.market.as_ref().expect("they sell").listings[&listing];
        let files = &offer.current().expect("it has contents").files;
        assert!(own.contributions.iter().eq(files.iter().map(|file| &file.contribution)));
        if offer.status != ListingStatus::Delisted {
            assert_ne!(own.status, ListingStatus::Delisted, "they know that it is for sale");
            let mut kept = own.contributions.iter();
            assert!(kept.all(|id| seller.machine.contribution(*id).is_some()));
        }
    }

    fn granted(&self) -> u64 {
        let entries = self.users.entities.values().flat_map(|(_, entries)| entries);
        let events = entries.flat_map(|(_, entry)| &entry.events);
        let amounts = events.map(|event| match event {
            user::Event::TransferAccepted { transfer, .. }
                if transfer.purpose == Purpose::ToUser(UserPurpose::Grant) =>
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
                match event {
                    user::Event::EventsRecorded { earned, .. } => recorded += earned.get(),
                    user::Event::ContributionReviewed { reward, .. } => recorded += reward.get(),
                    user::Event::TransferAccepted { transfer, .. } => {
                        if let Purpose::ToUser(UserPurpose::Proceeds(_)) = transfer.purpose {
                            recorded += transfer.amount.get();
                        }
                    }
                    _ => {}
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
        check(&self.listings);
    }
}

fn record(project: u8, first_key: u8, count: u8) -> RecordEvents {
    let event = |key: u8| NewEvent {
        key: EventKey(u128::from(project) << 64 | u128::from(key)),
        consent_given: Some(true),
        raw: Arc::new(RawEvent {
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
        }),
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
        let command = CreateProject { settings: Settings::default(), keys: Vec::new() };
        simulation.ask(|s| &mut s.projects, &project_id(project), command, None);
    }
    let (to, by, reason) = (MintTo::Treasury, "test".into(), "test".into());
    let amount = Micros::new(200_000);
    simulation.command_system(Mint { amount, to, by, reason }, None);
    simulation
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn money_is_conserved_and_paid_once_whatever_happens_to_messages(
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Actors send what is due again only when they are activated. As long as nothing is lost,
    /// nobody may need that.
    #[test]
    fn where_nothing_is_lost_all_ends_by_itself(
        steps in prop::collection::vec(step(), 1..100)
    ) {
        let mut simulation = begin();
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Crash)) {
            simulation.step(step);
        }
        for _ in 0..10 {
            simulation.now += 2_000;
            simulation.wake();
            deliver_all(&mut simulation);
        }
        assert_eq!(simulation.outstanding(), []);
        assert!(simulation.confirmations.values().all(Confirmations::is_empty));
        simulation.check_the_end();
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
    let fund = Message::Fund { part, amount: Micros::new(100) };
    simulation.mail.push((user_id(0), OutgoingMessage { to: project_id(0), message: fund }));
    simulation.run_to_the_end();
    assert_eq!(simulation.projects.entities[&project_id(0)].0.machine.available.get(), 5_000);
    simulation.check_the_end();
}

#[test]
fn a_sale_reaches_buyer_seller_and_protocol_and_the_last_one_is_sold_once() {
    let mut simulation = begin();
    for user in 0..3 {
        simulation.step(Step::Mint { amount: 10_000, user: Some(user) });
    }
    simulation.step(Step::Contribute { user: 0, content: 1, approved: true });
    let license = 1; // limited
    simulation.step(Step::List { user: 0, listing: 0, content: 1, price: 6_000, license, most: 1 });
    simulation.run_to_the_end();
    let buy = |user| Step::Buy { user, listing: 0, expects: true, request: None };
    simulation.step(buy(1));
    simulation.step(buy(2));
    simulation.step(buy(1));
    simulation.run_to_the_end();
    simulation.step(buy(0));
    simulation.step(Step::Rate { user: 1, listing: 0, stars: 4 });
    simulation.step(Step::Delete { user: 0, content: 1 });
    simulation.step(Step::Claim { user: 0, amount: Some(5_820), request: None });
    simulation.run_to_the_end();
    let held = |user: u8| simulation.users.entities[&user_id(user)].0.machine.available.get();
    let (bought, not): (Vec<u8>, Vec<u8>) = (1..3).partition(|user| held(*user) == 4_000);
    assert_eq!((bought.len(), not.len()), (1, 1), "one of them");
    assert_eq!(held(not[0]), 10_000);
    assert_eq!(held(0), 15_820);
    let system = &simulation.systems.entities[&EntityId::system(Environment::Live)].0.machine;
    assert_eq!((system.burned.get(), system.stakers.get()), (72, 63));
    let (listing, _) = simulation.listings.entities.values().next().expect("it was made");
    assert!(listing.machine.is_sold_out());
    let (seller, _) = &simulation.users.entities[&user_id(0)];
    assert!(seller.machine.contribution(content_id(0, 1)).is_some(), "it is in a listing");
    simulation.check_the_end();
}

#[test]
fn a_payout_that_comes_late_does_not_undo_what_its_seller_did_since() {
    let mut simulation = begin();
    for user in 1..3 {
        simulation.step(Step::Mint { amount: 10_000, user: Some(user) });
    }
    simulation.step(Step::Contribute { user: 0, content: 1, approved: true });
    let license = 2; // unlimited
    simulation.step(Step::List { user: 0, listing: 0, content: 1, price: 1_000, license, most: 1 });
    simulation.run_to_the_end();
    let to = |status: u8| {
        let (price, content, status) = (None, None, Some(status));
        Step::Change { user: 0, listing: 0, price, status, content }
    };
    // The second sale is gathered, and paid out while the listing is delisted.
    for buyer in 1..3 {
        simulation.step(Step::Buy { user: buyer, listing: 0, expects: true, request: None });
        deliver_all(&mut simulation);
    }
    simulation.step(to(2));
    deliver_all(&mut simulation);
    simulation.now += 2_000;
    simulation.wake();
    let payout = std::mem::take(&mut simulation.mail);
    assert_eq!(payout.len(), 2, "to the seller and to the protocol");
    // It is for sale again before the seller hears of the money.
    simulation.step(to(0));
    deliver_all(&mut simulation);
    for (from, outgoing) in payout {
        simulation.deliver(from, outgoing);
    }
    simulation.run_to_the_end();
    simulation.step(Step::Delete { user: 0, content: 1 });
    simulation.check_the_end();
}

#[test]
fn a_seller_claims_what_was_sold_before_they_become_a_person() {
    let mut simulation = begin();
    simulation.step(Step::Mint { amount: 10_000, user: Some(1) });
    simulation.step(Step::Contribute { user: 2, content: 1, approved: true });
    let license = 2; // unlimited
    simulation.step(Step::List { user: 2, listing: 0, content: 1, price: 6_000, license, most: 1 });
    simulation.run_to_the_end();
    simulation.step(Step::Buy { user: 1, listing: 0, expects: true, request: None });
    simulation.run_to_the_end();
    let link = Step::Link { user: 2, person: 0 };
    simulation.step(link.clone());
    let (seller, _) = &simulation.users.entities[&user_id(2)];
    assert_eq!(seller.machine.became(), None);
    simulation.step(Step::Claim { user: 2, amount: None, request: None });
    simulation.run_to_the_end();
    simulation.step(link);
    simulation.run_to_the_end();
    let (seller, _) = &simulation.users.entities[&user_id(2)];
    assert_eq!(seller.machine.became(), Some(&user_id(0)));
    simulation.check_the_end();
}

/// All messages that are on their way, in their order, until none is left.
fn deliver_all(simulation: &mut Simulation) {
    while !simulation.mail.is_empty() {
        let (from, outgoing) = simulation.mail.remove(0);
        simulation.deliver(from, outgoing);
    }
}

#[test]
fn a_refusal_holds_even_if_the_offer_comes_again_when_it_could_be_accepted() {
    let mut simulation = begin();
    let treasury = simulation.systems.entities[&EntityId::system(Environment::Live)].0.clone();
    // A grant comes while its user is becoming a person, and is refused.
    simulation.step(Step::Link { user: 3, person: 0 });
    let link = simulation.mail.remove(0);
    simulation.step(Step::Mint { amount: 1_000, user: Some(3) });
    let grant = simulation.mail[0].clone();
    while !matches!(simulation.mail[0].1.message, Message::Refused { .. }) {
        let (from, outgoing) = simulation.mail.remove(0);
        simulation.deliver(from, outgoing);
    }
    let refusal = simulation.mail.remove(0);
    // The person does not take the link either, so the user stays as they are.
    let (from, outgoing) = link;
    let exchange = outgoing.message.offered().expect("a link is an offer");
    let why = NotTaken::Busy;
    let answer = OutgoingMessage { to: from, message: Message::Refused { exchange, why } };
    simulation.deliver(outgoing.to, answer);
    simulation.mail.clear();
    assert_eq!(simulation.users.entities[&user_id(3)].0.machine.became(), None);
    // The grant comes once more before the treasury hears that it was refused.
    let (from, outgoing) = grant;
    simulation.deliver(from, outgoing);
    deliver_all(&mut simulation);
    let (from, outgoing) = refusal;
    simulation.deliver(from, outgoing);
    simulation.run_to_the_end();
    simulation.check_the_end();
    let (user, _) = &simulation.users.entities[&user_id(3)];
    assert_eq!(user.machine.available, Micros::ZERO);
    let (system, _) = &simulation.systems.entities[&EntityId::system(Environment::Live)];
    assert_eq!(system.machine.minted, treasury.machine.minted, "it was never minted");
}

#[test]
fn any_number_of_ratings_leaves_nothing_behind_and_a_listing_that_sells() {
    let mut simulation = begin();
    for user in 1..3 {
        simulation.step(Step::Mint { amount: 10_000, user: Some(user) });
    }
    simulation.step(Step::Contribute { user: 0, content: 1, approved: true });
    let license = 2; // unlimited
    simulation.step(Step::List { user: 0, listing: 0, content: 1, price: 1_000, license, most: 1 });
    simulation.run_to_the_end();
    simulation.step(Step::Buy { user: 1, listing: 0, expects: true, request: None });
    simulation.run_to_the_end();
    for n in 0..10_000u16 {
        let stars = u8::try_from(n % 5 + 1).expect("small");
        simulation.step(Step::Rate { user: 1, listing: 0, stars });
        deliver_all(&mut simulation);
        simulation.delivered.clear();
    }
    let (listing, entries) = simulation.listings.entities.values().next().expect("it was made");
    let is_rating = |event: &&listing::Event| {
        matches!(event, listing::Event::ExchangeAccepted { exchange: Exchange::Proposal(_), .. })
    };
    let taken = entries.iter().flat_map(|(_, entry)| &entry.events).filter(is_rating).count();
    assert_eq!(taken, 10_001, "the offer and each rating");
    assert_eq!(listing.machine.inbox.iter().count(), 0);
    simulation.step(Step::Buy { user: 2, listing: 0, expects: true, request: None });
    simulation.run_to_the_end();
    assert!(simulation.users.entities[&user_id(2)].0.machine.available < Micros::new(10_000));
    simulation.check_the_end();
}
