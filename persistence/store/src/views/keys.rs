//! The keys of the lists. Numbers have their most significant byte first, so that they sort.

use std::hash::{Hash, Hasher};

use priv_domain::earning::Payer;
use priv_domain::entity::{EntityId, Environment};
use priv_domain::reconciliation::TransferName;
use priv_domain::{ContributionId, Day, ExchangeId, ListingId, Position, ProjectId, PurchaseId};

use crate::snapshots::{environment_byte, put_entity};

pub(crate) const PROJECTED: &[u8] = b"P";
pub(super) const CONSENT: u8 = b'c';
pub(super) const EARNINGS: u8 = b'e';
pub(crate) const ANALYTICS_TOTALS: u8 = b'a';
pub(crate) const ANALYTICS_PAGES: u8 = b'g';
pub(crate) const ANALYTICS_VISITORS: u8 = b'v';
pub(super) const LOOSE: u8 = b'x';
const ENTITY: u8 = b'n';
const LEDGER: u8 = b'l';
pub(super) const PROJECT: u8 = b'p';
const WALLET: u8 = b'w';
pub(super) const CONTRIBUTION: u8 = b'C';
pub(super) const CONTRIBUTOR: u8 = b'D';
pub(super) const CONTENT: u8 = b'B';
pub(super) const LISTED_CONTENT: u8 = b'b';
const REWARDED: u8 = b'r';
pub(super) const IN_FLIGHT: u8 = b'f';
pub(super) const UNRECONCILED: u8 = b'u';
pub(super) const CARD: u8 = b'm';
pub(super) const SALE: u8 = b'S';
pub(super) const RATING: u8 = b'k';
pub(super) const ANSWER: u8 = b'i';

/// Room for what follows a prefix, in bytes: the longest is a day, a payer and an id.
const ROOM: usize = 33;

pub(crate) fn entity_key(id: &EntityId) -> Vec<u8> {
    let mut key = vec![ENTITY];
    put_entity(id, &mut key);
    key
}

/// The beginning of all keys of a user's list. The key's length keeps one user's from another's.
pub(crate) fn user_prefix(list: u8, user: &EntityId) -> Vec<u8> {
    let length = u16::try_from(user.key.len()).expect("a key has at most 600 bytes");
    let mut key = Vec::with_capacity(4 + user.key.len() + ROOM);
    key.extend([list, environment_byte(user.environment)]);
    key.extend(length.to_be_bytes());
    key.extend(user.key.as_bytes());
    key
}

pub(crate) fn consent_key(user: &EntityId, version: u32) -> Vec<u8> {
    let mut key = user_prefix(CONSENT, user);
    key.extend(version.to_be_bytes());
    key
}

/// The key of a line of earnings: a user's with one payer on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryKey {
    pub(crate) user: EntityId,
    pub(crate) day: Day,
    pub(crate) payer: Payer,
    /// The contribution or listing that it is for, as the bits of its id; 0 for a day's events.
    pub(crate) reference: u128,
}

/// As the key's bytes: what they tell apart, and in one piece.
impl Hash for EntryKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, id) = self.payer_bytes();
        let mut short = [0; 25];
        short[..8].copy_from_slice(&self.day.get().to_be_bytes());
        short[8] = kind;
        short[9..].copy_from_slice(&id);
        state.write(&short);
        self.user.hash(state);
    }
}

impl EntryKey {
    /// What tells payers apart: the kind, and the bits of the project's, the contribution's or the
    /// listing's id.
    fn payer_bytes(&self) -> (u8, [u8; 16]) {
        match self.payer {
            Payer::Project(project) => (0, project.get().to_be_bytes()),
            Payer::Pool => (1, self.reference.to_be_bytes()),
            Payer::Sales => (2, self.reference.to_be_bytes()),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut key = user_prefix(EARNINGS, &self.user);
        key.extend(self.day.get().to_be_bytes());
        let (kind, id) = self.payer_bytes();
        key.push(kind);
        key.extend(id);
        key
    }

    /// Reads the part after the user's prefix; `None` if it is no such key.
    pub(super) fn read(user: &EntityId, rest: &[u8]) -> Option<Self> {
        let (day, payer) = rest.split_first_chunk::<8>()?;
        let (kind, id) = payer.split_first()?;
        let id = u128::from_be_bytes(id.try_into().ok()?);
        let (payer, reference) = match kind {
            0 => (Payer::Project(ProjectId::new(id)), 0),
            1 => (Payer::Pool, id),
            2 => (Payer::Sales, id),
            _ => return None,
        };
        let day = Day::new(i64::from_be_bytes(*day));
        Some(Self { user: user.clone(), day, payer, reference })
    }
}

pub(crate) fn project_key(environment: Environment, project: ProjectId) -> Vec<u8> {
    project_prefix(PROJECT, environment, project)
}

/// The beginning of all keys of a project's list.
pub(crate) fn project_prefix(list: u8, environment: Environment, project: ProjectId) -> Vec<u8> {
    let mut key = Vec::with_capacity(18 + ROOM);
    key.extend([list, environment_byte(environment)]);
    key.extend(project.get().to_be_bytes());
    key
}

/// The key of an answer to a request over many users: the day on which it was given, then its tag.
pub(crate) fn answer_key(day: Day, tag: u128) -> Vec<u8> {
    let mut key = vec![ANSWER];
    key.extend(day.get().to_be_bytes());
    key.extend(tag.to_be_bytes());
    key
}

pub(crate) fn ledger_key(environment: Environment) -> Vec<u8> {
    vec![LEDGER, environment_byte(environment)]
}

pub(crate) fn wallet_key(environment: Environment, address: &[u8; 20]) -> Vec<u8> {
    let mut key = vec![WALLET, environment_byte(environment)];
    key.extend(address);
    key
}

pub(super) fn loose_key(name: &[u8]) -> Vec<u8> {
    let mut key = vec![LOOSE];
    key.extend(name);
    key
}

/// The key of a contribution in its owner's list.
pub(crate) fn contribution_key(owner: &EntityId, id: ContributionId) -> Vec<u8> {
    let mut key = user_prefix(CONTRIBUTION, owner);
    key.extend(id.get().to_be_bytes());
    key
}

/// The key under which the owner of a contribution is found.
pub(crate) fn contributor_key(environment: Environment, id: ContributionId) -> Vec<u8> {
    let mut key = vec![CONTRIBUTOR, environment_byte(environment)];
    key.extend(id.get().to_be_bytes());
    key
}

pub(crate) fn in_flight_key((id, payer): &TransferName) -> Vec<u8> {
    let mut key = vec![IN_FLIGHT];
    key.extend(id.get().to_be_bytes());
    put_entity(payer, &mut key);
    key
}

pub(crate) fn unreconciled_key(
    environment: Environment,
    position: Position,
    id: ExchangeId,
) -> Vec<u8> {
    let mut key = vec![UNRECONCILED, environment_byte(environment)];
    key.extend(position.get().to_be_bytes());
    key.extend(id.get().to_be_bytes());
    key
}

/// The key under which the contribution is found for which a content was rewarded.
pub(crate) fn rewarded_key(environment: Environment, sha256: &[u8; 32]) -> Vec<u8> {
    let mut key = vec![REWARDED, environment_byte(environment)];
    key.extend(sha256);
    key
}

/// The key of a contribution by its content.
pub(crate) fn content_key(sha256: &[u8; 32], id: ContributionId) -> Vec<u8> {
    let mut key = vec![CONTENT];
    key.extend(sha256);
    key.extend(id.get().to_be_bytes());
    key
}

/// The key of a listing by a content that is, or was, among its files.
pub(crate) fn listed_content_key(sha256: &[u8; 32], listing: ListingId) -> Vec<u8> {
    let mut key = vec![LISTED_CONTENT];
    key.extend(sha256);
    key.extend(listing.get().to_be_bytes());
    key
}

pub(crate) fn card_key(environment: Environment, listing: ListingId) -> Vec<u8> {
    let mut key = vec![CARD, environment_byte(environment)];
    key.extend(listing.get().to_be_bytes());
    key
}

/// The key of sales in their seller's list: that of the first of them.
pub(crate) fn sale_key(seller: &EntityId, purchase: PurchaseId) -> Vec<u8> {
    let mut key = user_prefix(SALE, seller);
    key.extend(purchase.get().to_be_bytes());
    key
}

/// The key of a rating in its listing's list.
pub(crate) fn rating_key(listing: ListingId, purchase: PurchaseId) -> Vec<u8> {
    let mut key = vec![RATING];
    key.extend(listing.get().to_be_bytes());
    key.extend(purchase.get().to_be_bytes());
    key
}
