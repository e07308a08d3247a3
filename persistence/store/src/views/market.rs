//! Lists of contributions, listings, sales and ratings, and the need for a content.

use std::cmp::Reverse;

use priv_domain::entity::{EntityId, Environment};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::views::{
    ContributionLine, ContributionOf, PurchaseLine, RatingLine, Review, Sale,
};
use priv_domain::{ContributionId, ListingId};

use super::Views;
use super::keys::{
    CARD, CONTENT, CONTRIBUTION, CONTRIBUTOR, LISTED_CONTENT, RATING, SALE, contribution_key,
    contributor_key, rewarded_key, user_prefix,
};
use crate::codec::stored_struct;
use crate::error::StoreError;
use crate::snapshots::environment_byte;
use crate::value::read_value;

stored_struct!(Review { decision, by, reason, at });
stored_struct!(ContributionLine { contribution, review, metadata });
stored_struct!(PurchaseLine { listing, title, price, license });
stored_struct!(RatingLine { stars, comment, at });

/// Reads the id in the last 16 bytes of a key.
fn last_id(key: &[u8]) -> Result<u128, StoreError> {
    let id = key.last_chunk::<16>().ok_or(StoreError::Damaged { what: "list key" })?;
    Ok(u128::from_be_bytes(*id))
}

impl Views {
    /// The contributions of a user, newest first.
    pub fn contributions(
        &self,
        owner: &EntityId,
    ) -> impl Iterator<Item = Result<(ContributionId, ContributionLine), StoreError>> + use<> {
        let lines = self.tree.scan_prefix(user_prefix(CONTRIBUTION, owner)).rev();
        lines.map(|item| {
            let (key, value) = item?;
            Ok((ContributionId::new(last_id(&key)?), read_value(&value)?))
        })
    }

    /// Finds a contribution in its owner's list.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn contribution(
        &self,
        owner: &EntityId,
        id: ContributionId,
    ) -> Result<Option<ContributionLine>, StoreError> {
        self.value(&contribution_key(owner, id))
    }

    /// Finds the owner of a contribution.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn contributor(
        &self,
        environment: Environment,
        id: ContributionId,
    ) -> Result<Option<EntityId>, StoreError> {
        self.value(&contributor_key(environment, id))
    }

    /// All contributions in an environment, oldest first, those after `after` if one is given.
    pub fn all_contributions(
        &self,
        environment: Environment,
        after: Option<ContributionId>,
    ) -> impl Iterator<Item = Result<ContributionOf, StoreError>> + use<> {
        let prefix = vec![CONTRIBUTOR, environment_byte(environment)];
        let from = match after {
            Some(after) => [contributor_key(environment, after), vec![0]].concat(),
            None => prefix.clone(),
        };
        let views = self.clone();
        let owners = self.tree.range(from..).map(|item| item.map_err(StoreError::from));
        owners
            .take_while(move |item| item.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)))
            .filter_map(move |item| {
                let read = || {
                    let (key, value) = item?;
                    let (id, owner) = (ContributionId::new(last_id(&key)?), read_value(&value)?);
                    let line = views.contribution(&owner, id)?;
                    Ok(line.map(|line| ContributionOf { id, owner, line }))
                };
                read().transpose()
            })
    }

    /// Whether this content was ever rewarded in an environment.
    ///
    /// # Errors
    /// sled failed.
    pub fn is_rewarded(
        &self,
        environment: Environment,
        sha256: &[u8; 32],
    ) -> Result<bool, StoreError> {
        Ok(self.tree.contains_key(rewarded_key(environment, sha256))?)
    }

    /// Whether anybody but `owner` has a contribution with this content in their environment.
    ///
    /// # Errors
    /// sled failed, or a value can't be read.
    pub fn is_known_elsewhere(
        &self,
        sha256: &[u8; 32],
        owner: &EntityId,
    ) -> Result<bool, StoreError> {
        let prefix = [&[CONTENT], sha256.as_slice()].concat();
        for value in self.tree.scan_prefix(prefix).values() {
            let other: EntityId = read_value(&value?)?;
            if other.environment == owner.environment && other != *owner {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether any contribution has this content, in any environment.
    ///
    /// # Errors
    /// sled failed.
    pub fn is_contributed(&self, sha256: &[u8; 32]) -> Result<bool, StoreError> {
        let prefix = [&[CONTENT], sha256.as_slice()].concat();
        Ok(self.tree.scan_prefix(prefix).keys().next().transpose()?.is_some())
    }

    /// The listings that have, or had, a content among their files: their buyers need it.
    ///
    /// # Errors
    /// sled failed, or a key or a value can't be read.
    pub fn listings_with(&self, sha256: &[u8; 32]) -> Result<Vec<EntityId>, StoreError> {
        let prefix = [&[LISTED_CONTENT], sha256.as_slice()].concat();
        let items = self.tree.scan_prefix(prefix);
        items
            .map(|item| {
                let (key, environment) = item?;
                Ok(EntityId::listing(read_value(&environment)?, ListingId::new(last_id(&key)?)))
            })
            .collect()
    }

    /// The summaries of all listings in both environments.
    pub(crate) fn summaries(&self) -> Result<Vec<(Environment, ListingSummary)>, StoreError> {
        let mut summaries = Vec::new();
        for environment in Environment::ALL {
            for value in self.tree.scan_prefix([CARD, environment_byte(environment)]).values() {
                summaries.push((environment, read_value(&value?)?));
            }
        }
        Ok(summaries)
    }

    /// All sales of a user, newest first.
    ///
    /// # Errors
    /// sled failed, or a value can't be read.
    pub fn sales(&self, seller: &EntityId) -> Result<Vec<Sale>, StoreError> {
        let mut sales: Vec<Sale> = Vec::new();
        for value in self.tree.scan_prefix(user_prefix(SALE, seller)).values() {
            sales.extend(read_value::<Vec<Sale>>(&value?)?);
        }
        // Sales that were written together are in the order of their acceptance.
        sales.sort_unstable_by_key(|(id, _)| Reverse(*id));
        Ok(sales)
    }

    /// The ratings of a listing, in the order of the purchases that were rated, newest first.
    pub fn ratings(
        &self,
        listing: ListingId,
    ) -> impl Iterator<Item = Result<RatingLine, StoreError>> + use<> {
        let prefix = [&[RATING], listing.get().to_be_bytes().as_slice()].concat();
        self.tree.scan_prefix(prefix).rev().map(|item| read_value(&item?.1))
    }
}
