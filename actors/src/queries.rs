//! Queries over many entities: lists, counts, and the projects and listings that requests look up.
//! To ask a single entity there is [`Node::read_durable`].
//!
//! Lists and counts are read from disk and may block for a moment; projects, listings and sums are in
//! memory. All of it is as the projector has made it: wait with [`Node::when_projected`] for a
//! position that must be included.

use std::ops::{Deref, Range};
use std::sync::Arc;

use priv_domain::consent::ConsentRecord;
use priv_domain::earning::Budget;
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::ledger::TrialBalance;
use priv_domain::listing_summary::ListingSummary;
use priv_domain::reconciliation::Unreconciled;
use priv_domain::views::{
    AnalyticsCell, ContributionLine, ContributionOf, DayEntry, ProjectFacts, RatingLine, Sale,
    SellerSums, Visitor,
};
use priv_domain::{ContributionId, EventType, ListingId, Micros, Position, ProjectId, Timestamp};
use priv_store::StoreError;
use priv_store::index::projects::IndexedProject;
use priv_store::projector;
use priv_store::views::{Loose, Views};

use crate::node::Node;

/// A list or counter can't be read or written: the store failed, or what it holds is damaged.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct QueryError(#[from] StoreError);

/// The projector has stopped, and the process ends: lists are out of date, and must not be shown.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ProjectorStopped(#[from] projector::ProjectorStopped);

/// A project as each request sees it. Clones share it.
#[derive(Clone, Debug)]
pub struct KnownProject(Arc<IndexedProject>);

impl KnownProject {
    /// The reward budget that is left.
    #[must_use]
    pub fn available(&self) -> Micros {
        self.0.money.available()
    }

    /// What users have earned and not yet claimed, or not yet been paid.
    #[must_use]
    pub fn promised(&self) -> Micros {
        self.0.money.promised()
    }

    /// Whether there is money that is not promised; a little late, as the projector is.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.0.money.budget()
    }
}

impl Deref for KnownProject {
    type Target = ProjectFacts;

    fn deref(&self) -> &ProjectFacts {
        &self.0.facts
    }
}

/// Projects, listings and sums: in memory.
impl Node {
    /// Waits until lists, counts and indexes hold everything up to a position; at once if they do.
    ///
    /// # Errors
    /// The projector has stopped before that: lists are out of date, and must not be shown.
    pub async fn when_projected(&self, position: Position) -> Result<(), ProjectorStopped> {
        Ok(self.projection().when_projected(position).await?)
    }

    /// A project in one environment.
    #[must_use]
    pub fn project(&self, environment: Environment, project: ProjectId) -> Option<KnownProject> {
        self.projection().projects.get(environment, project).map(KnownProject)
    }

    /// The project of a key, by the SHA-256 of its secret, and the key's place among its keys.
    #[must_use]
    pub fn project_of_key(&self, sha256: &[u8; 32]) -> Option<(KnownProject, usize)> {
        let (project, place) = self.projection().projects.by_key(sha256)?;
        Some((KnownProject(project), place))
    }

    /// All projects of an environment, oldest first.
    #[must_use]
    pub fn projects_in(&self, environment: Environment) -> Vec<KnownProject> {
        self.projection().projects.all(environment).into_iter().map(KnownProject).collect()
    }

    /// A listing as browsers see it.
    #[must_use]
    pub fn listing(
        &self,
        environment: Environment,
        listing: ListingId,
    ) -> Option<Arc<ListingSummary>> {
        self.projection().listings.get(environment, listing)
    }

    /// The listings of an environment that `picks` picks, oldest first. Looks at all of them: call
    /// where blocking is allowed.
    pub fn pick_listings(
        &self,
        environment: Environment,
        picks: impl FnMut(&ListingSummary) -> bool,
    ) -> Vec<Arc<ListingSummary>> {
        self.projection().listings.pick(environment, picks)
    }

    /// What all listings of a seller come to.
    #[must_use]
    pub fn seller_sums(&self, seller: &EntityId) -> SellerSums {
        self.projection().listings.seller(seller)
    }

    /// Transfers whose two ends don't fit, as they were found, at most `limit` of them: none, or an
    /// alarm. From disk.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn unreconciled(
        &self,
        environment: Environment,
        limit: usize,
    ) -> Result<Vec<Unreconciled>, QueryError> {
        let found = self.views().unreconciled(environment).take(limit);
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The sums by account class, from all postings.
    #[must_use]
    pub fn ledger(&self, environment: Environment) -> TrialBalance {
        self.projection().ledger(environment)
    }
}

/// Users: from disk.
impl Node {
    /// Entities of a kind, by key, after a key; at most `limit` of them.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn entities(
        &self,
        environment: Environment,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<EntityId>, QueryError> {
        Ok(self.views().entities(environment, kind, after, limit)?)
    }

    /// When an entity's first record was made.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn first_seen(&self, id: &EntityId) -> Result<Option<Timestamp>, QueryError> {
        Ok(self.views().first_seen(id)?)
    }

    /// All versions of a user's consent, oldest first.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn consent_history(&self, user: &EntityId) -> Result<Vec<ConsentRecord>, QueryError> {
        Ok(self.views().consent_history(user)?)
    }

    /// The user who proved last to hold a wallet.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn wallet_holder(
        &self,
        environment: Environment,
        address: &[u8; 20],
    ) -> Result<Option<EntityId>, QueryError> {
        Ok(self.views().wallet_holder(environment, address)?)
    }

    /// What a user earned, oldest day first.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn earnings(&self, user: &EntityId) -> Result<Vec<DayEntry>, QueryError> {
        Ok(self.views().earnings(user)?)
    }

    /// What a user sold, newest first.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn sales(&self, seller: &EntityId) -> Result<Vec<Sale>, QueryError> {
        Ok(self.views().sales(seller)?)
    }
}

/// Contributions and ratings: from disk.
impl Node {
    /// A user's contributions, newest first.
    pub fn contributions(
        &self,
        owner: &EntityId,
    ) -> impl Iterator<Item = Result<(ContributionId, ContributionLine), QueryError>> + use<> {
        self.views().contributions(owner).map(|line| Ok(line?))
    }

    /// A contribution of a user.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn contribution(
        &self,
        owner: &EntityId,
        id: ContributionId,
    ) -> Result<Option<ContributionLine>, QueryError> {
        Ok(self.views().contribution(owner, id)?)
    }

    /// The owner of a contribution.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn contributor(
        &self,
        environment: Environment,
        id: ContributionId,
    ) -> Result<Option<EntityId>, QueryError> {
        Ok(self.views().contributor(environment, id)?)
    }

    /// All contributions of an environment, oldest first, after one of them.
    pub fn all_contributions(
        &self,
        environment: Environment,
        after: Option<ContributionId>,
    ) -> impl Iterator<Item = Result<ContributionOf, QueryError>> + use<> {
        self.views().all_contributions(environment, after).map(|line| Ok(line?))
    }

    /// Whether this content was ever rewarded in an environment.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn is_rewarded(
        &self,
        environment: Environment,
        sha256: &[u8; 32],
    ) -> Result<bool, QueryError> {
        Ok(self.views().is_rewarded(environment, sha256)?)
    }

    /// Whether anybody but `owner` has contributed this content in their environment.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn is_known_elsewhere(
        &self,
        sha256: &[u8; 32],
        owner: &EntityId,
    ) -> Result<bool, QueryError> {
        Ok(self.views().is_known_elsewhere(sha256, owner)?)
    }

    /// Ratings of a listing, by the purchases that were rated, newest first.
    pub fn ratings(
        &self,
        listing: ListingId,
    ) -> impl Iterator<Item = Result<RatingLine, QueryError>> + use<> {
        self.views().ratings(listing).map(|line| Ok(line?))
    }
}

/// Counts of a project's events: from disk.
impl Node {
    /// Events by quarter of an hour and type, in the order of time.
    pub fn event_counts(
        &self,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<EventType>, QueryError>> {
        self.views().event_counts(environment, project, range).map(|cell| Ok(cell?))
    }

    /// Page views by quarter of an hour and page.
    pub fn page_counts(
        &self,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<String>, QueryError>> {
        self.views().page_counts(environment, project, range).map(|cell| Ok(cell?))
    }

    /// Who came, by quarter of an hour and type; the count has no meaning.
    pub fn visitors(
        &self,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<(EventType, Visitor)>, QueryError>> {
        self.views().visitors(environment, project, range).map(|cell| Ok(cell?))
    }
}

/// What belongs to requests: from disk.
impl Node {
    /// What a request over many users was answered, today or yesterday: the fingerprint of its
    /// body, and the body of the answer.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn answer(&self, tag: u128, now: Timestamp) -> Result<Option<(u128, String)>, QueryError> {
        Ok(self.views().answer(tag, now)?)
    }

    /// Keeps a small value that is not from the journal, such as the day counts of rate limits.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn put_loose(&self, name: &[u8], value: &(i64, u64)) -> Result<(), QueryError> {
        Ok(self.views().put_loose(name, value)?)
    }

    /// Removes a value that [`Self::put_loose`] kept.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn remove_loose(&self, name: &[u8]) -> Result<(), QueryError> {
        Ok(self.views().remove_loose(name)?)
    }

    /// All values that [`Self::put_loose`] kept, by name.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn loose(&self) -> Result<Vec<Loose>, QueryError> {
        Ok(self.views().loose()?)
    }

    fn views(&self) -> &Views {
        &self.store().views
    }
}
