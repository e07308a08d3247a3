//! The projector: the single reader of durable records, who keeps the lists.
//!
//! It works on a batch of records at a time: what they change is gathered in memory and written
//! together with the position up to which it holds. A record that comes again, as after a crash,
//! changes nothing.

mod analytics;
mod batch;
mod market;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use priv_domain::earning::Payer;
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::ledger::{AccountClass, TrialBalance};
use priv_domain::listing::Listing;
use priv_domain::machine::{EntryOf, Machine};
use priv_domain::message::{Purpose, Transfer};
use priv_domain::project::{self, Project};
use priv_domain::system::System;
use priv_domain::user::{self, User};
use priv_domain::{Day, Micros, Position, ProjectId, RequestTag, Timestamp, Version};
use tokio::sync::watch;

use crate::codec::{self, DecodeError, Stored};
use crate::journal::{PersonalView, RecordView};
use crate::listing_index::ListingIndex;
use crate::lists::{
    EntryKey, Lists, PROJECTED, Verdict, answer_key, card_key, consent_key, entity_key, ledger_key,
    project_key, wallet_key,
};
use crate::project_index::{ProjectFacts, ProjectIndex, ProjectMoney};
use crate::store::{StoreError, write_value};
use analytics::AnalyticsCounter;
use batch::Pending;

/// Why the projector can't go on. The journal is not touched: the lists are rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not what its kind says.
    #[error("the record at position {position} can't be read")]
    Decode {
        /// Where.
        position: Position,
        /// Why.
        source: DecodeError,
    },
}

/// What others see of the projector.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Projects and their keys.
    pub projects: Arc<ProjectIndex>,
    /// Listings.
    pub listings: Arc<ListingIndex>,
    ledger: Arc<RwLock<HashMap<Environment, TrialBalance>>>,
    projected: watch::Receiver<Position>,
    waiting: Arc<AtomicUsize>,
}

impl Projection {
    /// Whether somebody waits for the lists: then the projector gathers no more before it writes.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Up to where the lists hold everything.
    #[must_use]
    pub fn projected(&self) -> Position {
        *self.projected.borrow()
    }

    /// Waits until the lists hold everything up to a position; at once if they do.
    pub async fn when_projected(&self, position: Position) {
        if self.projected() >= position {
            return;
        }
        let _waiting = Waiting::begin(&self.waiting);
        let mut projected = self.projected.clone();
        // The projector ends with the process: then nobody is answered any more.
        let _ = projected.wait_for(|reached| *reached >= position).await;
    }

    /// The sums by account class, from all postings.
    #[must_use]
    pub fn ledger(&self, environment: Environment) -> TrialBalance {
        self.ledger.read().get(&environment).cloned().unwrap_or_default()
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn begin(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The projector.
#[derive(Debug)]
pub struct Projector {
    lists: Lists,
    projects: Arc<ProjectIndex>,
    listings: Arc<ListingIndex>,
    ledger: Arc<RwLock<HashMap<Environment, TrialBalance>>>,
    analytics: AnalyticsCounter,
    reached: Position,
    announce: watch::Sender<Position>,
    pending: Pending,
    /// The day on which old answers were let go last.
    answers_purged: Day,
}

impl Projector {
    /// Goes on where the lists end.
    ///
    /// # Errors
    /// The store failed.
    pub fn new(lists: Lists) -> Result<(Self, Projection), StoreError> {
        let reached = lists.projected()?;
        let projects = Arc::new(ProjectIndex::default());
        for facts in lists.projects()? {
            projects.put(facts);
        }
        let listings = Arc::new(ListingIndex::default());
        for (environment, summary) in lists.summaries()? {
            listings.put(environment, summary);
        }
        let mut sums = HashMap::new();
        for environment in Environment::ALL {
            sums.insert(environment, lists.ledger(environment)?);
        }
        let ledger = Arc::new(RwLock::new(sums));
        let (announce, projected) = watch::channel(reached);
        let waiting = Arc::default();
        let projection = Projection {
            projects: projects.clone(),
            listings: listings.clone(),
            ledger: ledger.clone(),
            projected,
            waiting,
        };
        let (analytics, pending) = (AnalyticsCounter::default(), Pending::default());
        let answers_purged = Day::default();
        let projector = Self {
            lists,
            projects,
            listings,
            ledger,
            analytics,
            reached,
            announce,
            pending,
            answers_purged,
        };
        Ok((projector, projection))
    }

    /// Up to where records were taken in, written or not.
    #[must_use]
    pub fn reached(&self) -> Position {
        self.reached
    }

    /// Values that wait to be written, about.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.pending.len() + self.analytics.unwritten()
    }

    /// Whether settings or keys of a project have changed: others must see that soon.
    #[must_use]
    pub fn has_changed_projects(&self) -> bool {
        !self.pending.facts.is_empty()
    }

    /// Takes a record in. What it changes is seen by others after [`Self::commit`].
    ///
    /// # Errors
    /// The record can't be read, or the store failed.
    pub fn project(&mut self, record: &RecordView<'_>) -> Result<(), ProjectError> {
        if record.position <= self.reached {
            return Ok(());
        }
        let entity = record.entity();
        if record.version == Version::ZERO.next() {
            self.pending.put(entity_key(&entity), write_value(&record.at));
        }
        match record.kind {
            Kind::User => {
                let entry: EntryOf<User> = self.decode(record)?;
                self.post::<User>(&entity, &entry);
                self.user(&entity, &entry, record)?;
            }
            Kind::Project => {
                let entry: EntryOf<Project> = self.decode(record)?;
                self.post::<Project>(&entity, &entry);
                self.project_entry(&entity, &entry, record)?;
            }
            Kind::System => {
                let entry: EntryOf<System> = self.decode(record)?;
                self.post::<System>(&entity, &entry);
            }
            Kind::Listing => {
                let entry: EntryOf<Listing> = self.decode(record)?;
                self.post::<Listing>(&entity, &entry);
                self.listing_entry(&entity, &entry, record)?;
            }
        }
        self.reached = record.position;
        Ok(())
    }

    fn decode<T: Stored>(&self, record: &RecordView<'_>) -> Result<T, ProjectError> {
        codec::decode(record.format, record.core)
            .map_err(|source| ProjectError::Decode { position: record.position, source })
    }

    fn post<M: Machine>(&mut self, me: &EntityId, entry: &EntryOf<M>) {
        for posting in entry.events.iter().flat_map(|event| M::postings(me, event)) {
            self.pending.ledger.entry(me.environment).or_default().post(&posting);
        }
    }

    fn user(
        &mut self,
        me: &EntityId,
        entry: &EntryOf<User>,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        for event in &entry.events {
            match event {
                user::Event::EventsRecorded { project, earned, .. } => {
                    self.earned(me, Payer::Project(*project), *earned, record)?;
                    self.count_events(me.environment, *project, record)?;
                }
                user::Event::ConsentChanged(consent) => {
                    let key = consent_key(me, consent.version);
                    self.pending.put(key, write_value(consent.as_ref()));
                }
                user::Event::TransferAccepted { from, transfer } => {
                    self.user_took(me, from, transfer)?;
                }
                user::Event::WalletBound { address } => {
                    self.pending.put(wallet_key(me.environment, address), write_value(me));
                }
                user::Event::ContributionAdded { id, contribution } => {
                    self.contribution_added(me, *id, contribution, record)?;
                }
                user::Event::ContributionReviewed { id, decision, reward, by, reason } => {
                    let (decision, at) = (*decision, record.at);
                    let (by, reason) = (by.clone(), reason.clone());
                    let verdict = Verdict { decision, by, reason, at };
                    self.contribution_reviewed(me, *id, verdict, *reward)?;
                }
                user::Event::ContributionDeleted { id, sha256 } => {
                    self.contribution_deleted(me, *id, sha256);
                }
                user::Event::PrivacyControlSeen
                | user::Event::ClaimOpened(_)
                | user::Event::ClaimPartUnfunded { .. }
                | user::Event::ClaimClosed { .. }
                | user::Event::TransferOpened(_)
                | user::Event::TransferSettled { .. }
                | user::Event::TransferReturned { .. }
                | user::Event::TransferForgotten { .. } => {}
            }
        }
        Ok(())
    }

    fn earned(
        &mut self,
        me: &EntityId,
        payer: Payer,
        earned: Micros,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        if earned.is_zero() {
            return Ok(());
        }
        if let Payer::Project(project) = payer {
            self.pending.money(me.environment, project).accrued += i128::from(earned.get());
        }
        let (user, day) = (me.clone(), record.at.day());
        let key = EntryKey { user, day, payer, reference: 0 };
        Ok(self.pending.add_earning(&self.lists, key, earned, record.at)?)
    }

    /// A linked user's earnings are listed with the person's from now on.
    fn user_took(
        &mut self,
        me: &EntityId,
        from: &EntityId,
        transfer: &Transfer,
    ) -> Result<(), ProjectError> {
        match transfer.purpose {
            Purpose::Link(_) => {
                self.pending.move_earnings(&self.lists, from, me)?;
            }
            Purpose::Claim(_)
            | Purpose::Budget
            | Purpose::Grant
            | Purpose::Publish(_)
            | Purpose::Change(_)
            | Purpose::Purchase(_)
            | Purpose::Proceeds(_)
            | Purpose::Fees(_)
            | Purpose::Rating(_) => {}
        }
        Ok(())
    }

    fn count_events(
        &mut self,
        environment: Environment,
        project: ProjectId,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        let PersonalView::Present(bytes) = record.personal else { return Ok(()) };
        let events = codec::counted_events(record.format, bytes)
            .map_err(|source| ProjectError::Decode { position: record.position, source })?;
        for event in &events {
            self.analytics.count(environment, project, event);
        }
        Ok(())
    }

    fn project_entry(
        &mut self,
        me: &EntityId,
        entry: &EntryOf<Project>,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        let Some(id) = me.as_project() else { return Ok(()) };
        for event in &entry.events {
            let amount = |amount: Micros| i128::from(amount.get());
            match event {
                project::Event::Created { settings, keys } => {
                    self.pending.facts.insert(
                        (me.environment, id),
                        ProjectFacts {
                            id,
                            environment: me.environment,
                            created_at: record.at,
                            settings: settings.clone(),
                            keys: keys.clone(),
                            money: Arc::new(ProjectMoney::default()),
                        },
                    );
                }
                project::Event::Changed { settings, .. } => {
                    self.change_facts(me.environment, id, |facts| {
                        facts.settings = settings.clone()
                    });
                }
                project::Event::KeyIssued { key, .. } => {
                    self.change_facts(me.environment, id, |facts| facts.keys.push(key.clone()));
                }
                project::Event::KeyEnds { key, at, .. } => {
                    self.change_facts(me.environment, id, |facts| {
                        for ending in facts.keys.iter_mut().filter(|known| known.id == *key) {
                            ending.ends_at = Some(*at);
                        }
                    })
                }
                project::Event::TransferAccepted { transfer, .. } => {
                    self.pending.money(me.environment, id).available += amount(transfer.amount);
                }
                project::Event::TransferOpened(open) => {
                    let money = self.pending.money(me.environment, id);
                    money.available -= amount(open.transfer.amount);
                    money.funded += amount(open.transfer.amount);
                }
                project::Event::TransferReturned { amount: returned, .. } => {
                    let money = self.pending.money(me.environment, id);
                    money.available += amount(*returned);
                    money.funded -= amount(*returned);
                }
                project::Event::RequestAnswered { tag, body } => {
                    self.remember(record.at, *tag, body)?;
                }
                project::Event::TransferSettled { .. }
                | project::Event::TransferForgotten { .. } => {}
            }
        }
        Ok(())
    }

    /// Keeps an answer by the day it was given; whole days go once they are old enough.
    fn remember(&mut self, at: Timestamp, tag: RequestTag, body: &str) -> Result<(), StoreError> {
        let value = write_value(&(tag.fingerprint, body.to_owned()));
        self.pending.put(answer_key(at.day(), tag.key), value);
        if self.answers_purged < at.day() {
            self.answers_purged = at.day();
            for key in self.lists.answers_before(Day::new(at.day().get() - 1)) {
                self.pending.remove(key?);
            }
        }
        Ok(())
    }

    fn change_facts(
        &mut self,
        environment: Environment,
        id: ProjectId,
        change: impl FnOnce(&mut ProjectFacts),
    ) {
        let facts = match self.pending.facts.remove(&(environment, id)) {
            Some(facts) => Some(facts),
            None => self.projects.get(environment, id).map(|facts| facts.as_ref().clone()),
        };
        if let Some(mut facts) = facts {
            change(&mut facts);
            self.pending.facts.insert((environment, id), facts);
        }
    }

    /// Writes what was taken in, and shows it.
    ///
    /// # Errors
    /// The store failed; then nothing of it is seen.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let pending = &mut self.pending;
        let changed_facts: Vec<_> = pending.facts.drain().map(|(_, facts)| facts).collect();
        for facts in changed_facts {
            self.projects.put(facts.clone());
            pending.touched.insert((facts.environment, facts.id));
        }
        for ((environment, id), change) in pending.money.drain() {
            if let Some(facts) = self.projects.get(environment, id) {
                facts.money.change(change);
                pending.touched.insert((environment, id));
            }
        }
        for (environment, id) in pending.touched.drain() {
            if let Some(facts) = self.projects.get(environment, id) {
                pending.writes.insert(project_key(environment, id), write_value(facts.as_ref()));
            }
        }
        for ((environment, id), summary) in pending.summaries.drain() {
            pending.writes.insert(card_key(environment, id), write_value(&summary));
            self.listings.put(environment, summary);
        }
        for (environment, change) in pending.ledger.drain() {
            let mut ledger = self.ledger.write();
            let sums = ledger.entry(environment).or_default();
            for class in AccountClass::ALL {
                sums.add(class, change.of(class));
            }
            let stored: Vec<(AccountClass, i128)> =
                AccountClass::ALL.into_iter().map(|class| (class, sums.of(class))).collect();
            pending.writes.insert(ledger_key(environment), write_value(&stored));
        }
        let mut batch = pending.take_batch();
        self.analytics.write(&self.lists, &mut batch)?;
        batch.insert(PROJECTED, write_value(&self.reached));
        self.lists.apply(batch)?;
        self.announce.send_replace(self.reached);
        Ok(())
    }
}
