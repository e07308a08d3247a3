//! The projector: the only reader of durable records that keeps the views and the indexes.
//!
//! It works on a batch of records at a time. Their changes are gathered in memory and written
//! together with the position up to which they go. A record that comes again, as after a crash,
//! changes nothing.

mod analytics;
mod batch;
mod market;
mod projection;
mod transfers;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use priv_domain::earning::Payer;
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::ledger::{AccountClass, TrialBalance};
use priv_domain::listing::Listing;
use priv_domain::machine::{Entry, Machine};
use priv_domain::project::{self, Project};
use priv_domain::system::System;
use priv_domain::transfer::{Purpose, Transfer, UserPurpose};
use priv_domain::user::{self, User};
use priv_domain::views::{ProjectFacts, Review};
use priv_domain::{Day, Micros, Position, ProjectId, RequestTag, Timestamp, Version};
use priv_journal::{PersonalView, RecordView};
use tokio::sync::watch;

use crate::codec::{self, DecodeError, Stored};
use crate::error::StoreError;
use crate::index::listings::ListingIndex;
use crate::index::projects::{IndexedProject, ProjectIndex};
use crate::value::write_value;
use crate::views::Views;
use crate::views::keys::{
    EntryKey, PROJECTED, answer_key, card_key, consent_key, entity_key, ledger_key, project_key,
    wallet_key,
};
use analytics::AnalyticsCounter;
use batch::Pending;
use transfers::TransferLedger;

pub use projection::{Projection, ProjectorStopped};

/// The reason why the projector can't go on. The journal is not touched: the views are rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Reading or writing the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record's bytes are not an entry of its kind of entity, or its raw events can't be read.
    #[error("the record at position {position} can't be read")]
    Decode {
        /// The position of the record.
        position: Position,
        /// The reason why its bytes are not a value.
        source: DecodeError,
    },
}

/// The writer of views and indexes. Others see them through a [`Projection`].
#[derive(Debug)]
pub struct Projector {
    views: Views,
    projects: Arc<ProjectIndex>,
    listings: Arc<ListingIndex>,
    ledger: Arc<RwLock<HashMap<Environment, TrialBalance>>>,
    analytics: AnalyticsCounter,
    transfers: TransferLedger,
    reached: Position,
    announce: watch::Sender<Position>,
    pending: Pending,
    /// The day on which old answers were last removed.
    answers_purged: Day,
}

impl Projector {
    /// Loads the indexes, and goes on after the last record in the views.
    ///
    /// # Errors
    /// Reading the store failed, or a stored value can't be read.
    pub fn new(views: Views) -> Result<(Self, Projection), StoreError> {
        let reached = views.projected()?;
        let projects = Arc::new(ProjectIndex::default());
        for project in views.projects()? {
            projects.put(project);
        }
        let listings = Arc::new(ListingIndex::default());
        for (environment, summary) in views.summaries()? {
            listings.put(environment, summary);
        }
        let mut sums = HashMap::new();
        for environment in Environment::ALL {
            sums.insert(environment, views.ledger(environment)?);
        }
        let ledger = Arc::new(RwLock::new(sums));
        let (announce, projected) = watch::channel(reached);
        let projection = Projection {
            projects: projects.clone(),
            listings: listings.clone(),
            ledger: ledger.clone(),
            projected,
            waiting: Arc::default(),
        };
        let (analytics, pending) = (AnalyticsCounter::default(), Pending::default());
        let transfers = TransferLedger::load(&views)?;
        let answers_purged = Day::default();
        let projector = Self {
            views,
            projects,
            listings,
            ledger,
            analytics,
            transfers,
            reached,
            announce,
            pending,
            answers_purged,
        };
        Ok((projector, projection))
    }

    /// The position up to which records were taken in, whether committed or not.
    #[must_use]
    pub fn reached(&self) -> Position {
        self.reached
    }

    /// The number of values that wait to be written, roughly.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.pending.len() + self.analytics.unwritten()
    }

    /// Whether settings or keys of a project have changed, which others must see soon.
    #[must_use]
    pub fn has_changed_projects(&self) -> bool {
        !self.pending.projects.is_empty()
    }

    /// Takes a record in. Others see its changes after [`Self::commit`].
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
                let entry: Entry<User> = self.decode(record)?;
                self.post::<User>(&entity, &entry, record.position);
                self.user(&entity, &entry, record)?;
            }
            Kind::Project => {
                let entry: Entry<Project> = self.decode(record)?;
                self.post::<Project>(&entity, &entry, record.position);
                self.project_entry(&entity, &entry, record)?;
            }
            Kind::System => {
                let entry: Entry<System> = self.decode(record)?;
                self.post::<System>(&entity, &entry, record.position);
            }
            Kind::Listing => {
                let entry: Entry<Listing> = self.decode(record)?;
                self.post::<Listing>(&entity, &entry, record.position);
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

    fn post<M: Machine>(&mut self, me: &EntityId, entry: &Entry<M>, position: Position) {
        for posting in entry.events.iter().flat_map(|event| M::postings(me, event)) {
            self.pending.ledger.entry(me.environment).or_default().post(&posting);
        }
        for step in entry.events.iter().filter_map(M::transfer_step) {
            self.transfers.take(me, step, position);
        }
    }

    fn user(
        &mut self,
        me: &EntityId,
        entry: &Entry<User>,
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
                    let review = Review { decision, by, reason, at };
                    self.contribution_reviewed(me, *id, review, *reward)?;
                }
                user::Event::ContributionUsesChanged { id, uses, reward } => {
                    self.change_contribution(me, *id, |line| {
                        (line.contribution.uses, line.contribution.reward) = (*uses, *reward);
                    })?;
                }
                user::Event::ContributionDeleted { id, sha256 } => {
                    self.contribution_deleted(me, *id, sha256);
                }
                user::Event::PrivacyControlSeen
                | user::Event::ClaimOpened(_)
                | user::Event::ClaimPartUnfunded { .. }
                | user::Event::ClaimClosed { .. }
                | user::Event::ExchangeOpened(_)
                | user::Event::ExchangeSettled { .. }
                | user::Event::ExchangeReturned { .. }
                | user::Event::ExchangeRefused { .. }
                | user::Event::ExchangeForgotten { .. } => {}
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
        Ok(self.pending.add_earning(&self.views, key, earned, record.at)?)
    }

    /// Moves a linked user's earnings to the person's list.
    fn user_took(
        &mut self,
        me: &EntityId,
        from: &EntityId,
        transfer: &Transfer,
    ) -> Result<(), ProjectError> {
        match transfer.purpose {
            Purpose::ToUser(UserPurpose::Link(_)) => {
                self.pending.move_earnings(&self.views, from, me)?;
            }
            Purpose::ToUser(
                UserPurpose::Claim(_) | UserPurpose::Grant | UserPurpose::Proceeds(_),
            )
            | Purpose::Budget
            | Purpose::Fees(_)
            | Purpose::Order(_) => {}
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
        let events = codec::raw_event::counted_events(record.format, bytes)
            .map_err(|source| ProjectError::Decode { position: record.position, source })?;
        for event in &events {
            self.analytics.count(environment, project, event);
        }
        Ok(())
    }

    fn project_entry(
        &mut self,
        me: &EntityId,
        entry: &Entry<Project>,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        let Some(id) = me.as_project() else { return Ok(()) };
        for event in &entry.events {
            let amount = |amount: Micros| i128::from(amount.get());
            match event {
                project::Event::Created { settings, keys } => {
                    let facts = ProjectFacts {
                        id,
                        environment: me.environment,
                        created_at: record.at,
                        settings: settings.clone(),
                        keys: keys.clone(),
                    };
                    let project = IndexedProject { facts, money: Arc::default() };
                    self.pending.projects.insert((me.environment, id), project);
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
                    money.available -= amount(open.exchange.amount);
                    money.funded += amount(open.exchange.amount);
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
                | project::Event::TransferRefused { .. }
                | project::Event::TransferForgotten { .. } => {}
            }
        }
        Ok(())
    }

    /// Keeps an answer under the day on which it was given. Answers of the day before yesterday and
    /// earlier are removed.
    fn remember(&mut self, at: Timestamp, tag: RequestTag, body: &str) -> Result<(), StoreError> {
        let value = write_value(&(tag.fingerprint, body.to_owned()));
        self.pending.put(answer_key(at.day(), tag.key), value);
        if self.answers_purged < at.day() {
            self.answers_purged = at.day();
            for key in self.views.answers_before(Day::new(at.day().get() - 1)) {
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
        let project = match self.pending.projects.remove(&(environment, id)) {
            Some(project) => Some(project),
            None => self.projects.get(environment, id).map(|project| project.as_ref().clone()),
        };
        if let Some(mut project) = project {
            change(&mut project.facts);
            self.pending.projects.insert((environment, id), project);
        }
    }

    /// Writes the changes of all records that were taken in, and shows them to others.
    ///
    /// # Errors
    /// Reading or writing the store failed, or a stored value can't be read.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let pending = &mut self.pending;
        for (of, project) in pending.projects.drain() {
            self.projects.put(project);
            pending.touched.insert(of);
        }
        for ((environment, id), change) in pending.money.drain() {
            if let Some(project) = self.projects.get(environment, id) {
                project.money.change(change);
                pending.touched.insert((environment, id));
            }
        }
        for (environment, id) in pending.touched.drain() {
            if let Some(project) = self.projects.get(environment, id) {
                pending.writes.insert(project_key(environment, id), write_value(project.as_ref()));
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
        self.analytics.write(&self.views, &mut batch)?;
        self.transfers.write(&mut batch);
        batch.insert(PROJECTED, write_value(&self.reached));
        self.views.apply(batch)?;
        self.announce.send_replace(self.reached);
        Ok(())
    }
}
