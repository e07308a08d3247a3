//! The changes that contributions, listings and purchases make to the views.

use std::collections::hash_map::Entry as MapEntry;

use priv_domain::contribution::{Contribution, ReviewDecision};
use priv_domain::earning::Payer;
use priv_domain::entity::{EntityId, Environment};
use priv_domain::exchange::Exchange;
use priv_domain::listing::{self, Listing};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::machine::Entry;
use priv_domain::market::{Fees, File, Order, Rating};
use priv_domain::proposal::Content;
use priv_domain::transfer::Purpose;
use priv_domain::views::{ContributionLine, PurchaseLine, RatingLine, Review};
use priv_domain::{ContributionId, ListingId, Micros, RawEvent, Timestamp};
use priv_journal::{PersonalView, RecordView};

use super::{ProjectError, Projector};
use crate::codec;
use crate::error::StoreError;
use crate::value::write_value;
use crate::views::keys::{
    EntryKey, content_key, contribution_key, contributor_key, listed_content_key, rating_key,
    rewarded_key,
};

impl Projector {
    pub(super) fn contribution_added(
        &mut self,
        owner: &EntityId,
        id: ContributionId,
        contribution: &Contribution,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        let metadata = match record.personal {
            PersonalView::Present(bytes) => {
                let about: Vec<RawEvent> = codec::decode(record.format, bytes)
                    .map_err(|source| ProjectError::Decode { position: record.position, source })?;
                about.into_iter().find_map(|about| about.properties)
            }
            PersonalView::Absent | PersonalView::Erased(_) => None,
        };
        let contribution = contribution.clone();
        let sha256 = contribution.sha256;
        let line = ContributionLine { contribution, review: None, metadata };
        self.pending.put(contribution_key(owner, id), write_value(&line));
        self.pending.put(contributor_key(owner.environment, id), write_value(owner));
        self.pending.put(content_key(&sha256, id), write_value(owner));
        Ok(())
    }

    pub(super) fn contribution_reviewed(
        &mut self,
        owner: &EntityId,
        id: ContributionId,
        review: Review,
        reward: Micros,
    ) -> Result<(), StoreError> {
        let at = review.at;
        let mut sha256 = None;
        self.change_contribution(owner, id, |line| {
            line.contribution.status = review.decision.status();
            if review.decision == ReviewDecision::Approved {
                line.contribution.reward = reward;
            }
            sha256 = Some(line.contribution.sha256);
            line.review = Some(review);
        })?;
        if reward.is_zero() {
            return Ok(());
        }
        if let Some(sha256) = sha256 {
            // Kept for good: a content that is deleted and comes again has earned already.
            let key = rewarded_key(owner.environment, &sha256);
            self.pending.put(key, write_value(&id));
        }
        let (payer, reference) = (Payer::Pool, id.get());
        let key = EntryKey { user: owner.clone(), day: at.day(), payer, reference };
        self.pending.add_earning(&self.views, key, reward, at)
    }

    /// Changes the line of a contribution, if it is still there.
    pub(super) fn change_contribution(
        &mut self,
        owner: &EntityId,
        id: ContributionId,
        change: impl FnOnce(&mut ContributionLine),
    ) -> Result<(), StoreError> {
        let key = contribution_key(owner, id);
        let line: Option<ContributionLine> = self.pending.value(&self.views, &key)?;
        if let Some(mut line) = line {
            change(&mut line);
            self.pending.put(key, write_value(&line));
        }
        Ok(())
    }

    pub(super) fn contribution_deleted(
        &mut self,
        owner: &EntityId,
        id: ContributionId,
        sha256: &[u8; 32],
    ) {
        self.pending.remove(contribution_key(owner, id));
        self.pending.remove(contributor_key(owner.environment, id));
        self.pending.remove(content_key(sha256, id));
    }

    pub(super) fn listing_entry(
        &mut self,
        me: &EntityId,
        entry: &Entry<Listing>,
        record: &RecordView<'_>,
    ) -> Result<(), ProjectError> {
        let Some(id) = me.as_listing() else { return Ok(()) };
        for event in &entry.events {
            match event {
                listing::Event::ExchangeAccepted { from, exchange } => {
                    self.listing_accepted(me.environment, id, from, exchange, record.at)?;
                }
                listing::Event::TransferOpened(_)
                | listing::Event::TransferSettled { .. }
                | listing::Event::TransferReturned { .. }
                | listing::Event::ExchangeRefused { .. }
                | listing::Event::ExchangeForgotten { .. } => {}
            }
        }
        Ok(())
    }

    fn listing_accepted(
        &mut self,
        environment: Environment,
        id: ListingId,
        from: &EntityId,
        exchange: &Exchange,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let proposal = match exchange {
            Exchange::Transfer(transfer) => {
                return match &transfer.purpose {
                    Purpose::Order(order) => self.sold(environment, id, order, transfer.amount),
                    Purpose::ToUser(_) | Purpose::Budget | Purpose::Fees(_) => Ok(()),
                };
            }
            Exchange::Proposal(proposal) => proposal,
        };
        match &proposal.content {
            Content::Publish(draft) => {
                let summary = ListingSummary::published(id, from, draft, at);
                self.pending.summaries.insert((environment, id), summary);
                self.has_files(environment, id, &draft.files);
                Ok(())
            }
            Content::Change(change) => {
                self.change_summary(environment, id, |summary| summary.change(change, at));
                if let Some(files) = &change.files {
                    self.has_files(environment, id, files);
                }
                Ok(())
            }
            Content::Rate(rating) => self.rated(environment, id, rating, at),
        }
    }

    fn has_files(&mut self, environment: Environment, listing: ListingId, files: &[File]) {
        for file in files {
            self.pending.put(listed_content_key(&file.sha256, listing), write_value(&environment));
        }
    }

    fn sold(
        &mut self,
        environment: Environment,
        listing: ListingId,
        order: &Order,
        price: Micros,
    ) -> Result<(), StoreError> {
        self.change_summary(environment, listing, ListingSummary::sell);
        let (title, license) = (order.title.clone(), order.license);
        let line = PurchaseLine { listing, title, price, license };
        self.pending.add_sale(&order.seller, (order.purchase, line));
        let at = order.purchase.made_at();
        let earned = price.saturating_sub(Fees::of(price).total());
        let (user, day, payer) = (order.seller.clone(), at.day(), Payer::Sales);
        let key = EntryKey { user, day, payer, reference: listing.get() };
        self.pending.add_earning(&self.views, key, earned, at)
    }

    fn rated(
        &mut self,
        environment: Environment,
        listing: ListingId,
        rating: &Rating,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = rating_key(listing, rating.purchase);
        let before: Option<RatingLine> = self.pending.value(&self.views, &key)?;
        let before = before.map(|line| line.stars);
        self.change_summary(environment, listing, |summary| summary.rate(before, rating.stars));
        let comment = rating.comment.clone();
        let line = RatingLine { stars: rating.stars, comment, at };
        self.pending.put(key, write_value(&line));
        Ok(())
    }

    fn change_summary(
        &mut self,
        environment: Environment,
        id: ListingId,
        change: impl FnOnce(&mut ListingSummary),
    ) {
        match self.pending.summaries.entry((environment, id)) {
            MapEntry::Occupied(mut summary) => change(summary.get_mut()),
            MapEntry::Vacant(place) => {
                if let Some(summary) = self.listings.get(environment, id) {
                    change(place.insert(summary.as_ref().clone()));
                }
            }
        }
    }
}
