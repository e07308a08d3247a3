//! What sellers, listings and buyers say to each other: terms, orders, fees.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::contribution::{ContributionType, MediaType};
use crate::entity::EntityId;
use crate::id::{ContributionId, PurchaseId};
use crate::money::Micros;
use crate::time::Timestamp;

/// Contributions in one listing at most.
pub const MAX_FILES: usize = 10_000;

/// What a buyer may do with what they bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum License {
    /// Use it once, in one work. Any number of buyers.
    SingleUse,
    /// Use it freely; a limited number of buyers.
    Limited,
    /// Use it freely. Any number of buyers.
    #[default]
    Unlimited,
    /// Use it alone: it is sold once, and then no more.
    Exclusive,
}

impl License {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SingleUse, Self::Limited, Self::Unlimited, Self::Exclusive];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleUse => "single_use",
            Self::Limited => "limited",
            Self::Unlimited => "unlimited",
            Self::Exclusive => "exclusive",
        }
    }

    /// The license of a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// Whether a listing is for sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListingStatus {
    /// It is.
    #[default]
    Active,
    /// Not for the moment.
    Paused,
    /// No more; who bought it keeps it.
    Delisted,
}

impl ListingStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Delisted];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Delisted => "delisted",
        }
    }

    /// The status of a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// What a listing is of: the type of its files, or mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Of one type.
    One(ContributionType),
    /// Of several.
    Mixed,
}

impl Category {
    /// Of files; mixed where there are none.
    #[must_use]
    pub fn of(files: &[File]) -> Self {
        let mut types = files.iter().map(|file| file.media_type.contribution_type());
        match types.next() {
            Some(first) if types.all(|other| other == first) => Self::One(first),
            Some(_) | None => Self::Mixed,
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One(contribution_type) => contribution_type.as_str(),
            Self::Mixed => "mixed",
        }
    }

    /// The category of a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "mixed" => Some(Self::Mixed),
            name => ContributionType::from_name(name).map(Self::One),
        }
    }
}

/// A file of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The contribution that it was.
    pub contribution: ContributionId,
    /// Of its content.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: u64,
    /// Its format.
    pub media_type: MediaType,
}

/// SHA-256 over the files' hashes in order: what a receipt says was bought.
#[must_use]
pub fn files_hash(files: &[File]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(file.sha256);
    }
    hasher.finalize().into()
}

/// What a seller offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// 5 to 200 characters, checked at the edge.
    pub title: Box<str>,
    /// 20 to 5,000 characters, checked at the edge.
    pub description: Box<str>,
    /// At most 10 of at most 50 characters, checked at the edge.
    pub tags: Vec<Box<str>>,
    /// For one purchase.
    pub price: Micros,
    /// What buyers may do with it.
    pub license: License,
    /// Purchases at most; only where the license is [`License::Limited`].
    pub max_sales: Option<u32>,
    /// What is sold.
    pub files: Arc<[File]>,
}

/// A change to a listing; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The version that the seller saw, if they insist on it.
    pub if_version: Option<u32>,
    /// See [`Draft::title`].
    pub title: Option<Box<str>>,
    /// See [`Draft::description`].
    pub description: Option<Box<str>>,
    /// See [`Draft::tags`].
    pub tags: Option<Vec<Box<str>>>,
    /// See [`Draft::price`].
    pub price: Option<Micros>,
    /// See [`Draft::license`].
    pub license: Option<License>,
    /// See [`Draft::max_sales`].
    pub max_sales: Option<u32>,
    /// See [`Draft::files`].
    pub files: Option<Arc<[File]>>,
    /// Whether it is for sale.
    pub status: Option<ListingStatus>,
}

/// What a buyer orders: the terms that they saw. A listing sells on no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names the purchase.
    pub purchase: PurchaseId,
    /// Of the terms: title, price, license and files.
    pub terms_version: u32,
    /// Of the listing as a whole, if the buyer insists on it.
    pub expected_version: Option<u32>,
    /// What the buyer may do with it.
    pub license: License,
    /// Which of the listing's contents.
    pub contents: u32,
    /// See [`files_hash`].
    pub files_hash: [u8; 32],
    /// As it was.
    pub title: Box<str>,
    /// Who sells.
    pub seller: EntityId,
}

/// Something bought, as its buyer's state has it. Its terms never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// What was ordered.
    pub order: Order,
    /// What was paid.
    pub price: Micros,
    /// 1 to 5, if the buyer has rated it.
    pub stars: Option<u8>,
}

impl Purchase {
    /// When it was bought.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.order.purchase.made_at()
    }
}

/// A buyer's opinion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// Of what.
    pub purchase: PurchaseId,
    /// 1 to 5, checked at the edge.
    pub stars: u8,
    /// At most 1,000 characters, checked at the edge.
    pub comment: Option<Box<str>>,
}

/// What a listing tells its seller together with the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proceeds {
    /// Of how many sales.
    pub sales: u32,
    /// Delisted where it was sold to one buyer alone; whatever else says nothing.
    pub status: ListingStatus,
}

/// The protocol's share of a sale, in hundredths of a percent.
pub const FEE_BASIS_POINTS: u32 = 300;

/// Where fees go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// Taken out of the environment.
    pub burned: Micros,
    /// To the stakers.
    pub stakers: Micros,
    /// To the treasury.
    pub treasury: Micros,
}

impl Fees {
    /// Of a price: 3 %, rounded down to a micro; of it 40 % are burned and 35 % go to the stakers,
    /// each rounded down, and the rest to the treasury.
    #[must_use]
    pub fn of(price: Micros) -> Self {
        let fee = share(price, FEE_BASIS_POINTS);
        let (burned, stakers) = (share(fee, 4_000), share(fee, 3_500));
        let treasury = fee.saturating_sub(burned).saturating_sub(stakers);
        Self { burned, stakers, treasury }
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> Micros {
        self.burned.saturating_add(self.stakers).saturating_add(self.treasury)
    }

    /// These and others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self {
            burned: self.burned.saturating_add(others.burned),
            stakers: self.stakers.saturating_add(others.stakers),
            treasury: self.treasury.saturating_add(others.treasury),
        }
    }
}

/// So many hundredths of a percent of an amount, rounded down; at most all of it.
fn share(amount: Micros, basis_points: u32) -> Micros {
    let parts = u128::from(amount.get()).saturating_mul(basis_points.into()) / 10_000;
    Micros::new(u64::try_from(parts).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_exact_and_the_remainder_goes_to_the_treasury() {
        let table = [
            (0, [0, 0, 0]),
            (33, [0, 0, 0]),
            (34, [0, 0, 1]),
            (10_000, [120, 105, 75]),
            (1_000_000, [12_000, 10_500, 7_500]),
            (1_000_033, [12_000, 10_500, 7_500]),
            (1_000_067, [12_000, 10_500, 7_502]),
            (u64::MAX, [221_360_928_884_514_619, 193_690_812_773_950_291, 138_350_580_552_821_638]),
        ];
        for (price, [burned, stakers, treasury]) in table {
            let fees = Fees::of(Micros::new(price));
            let parts = [fees.burned.get(), fees.stakers.get(), fees.treasury.get()];
            assert_eq!(parts, [burned, stakers, treasury], "{price}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_fee_is_lost_or_made(price: u64) {
            let fees = Fees::of(Micros::new(price));
            let fee = u128::from(price) * 300 / 10_000;
            proptest::prop_assert_eq!(u128::from(fees.total().get()), fee);
        }
    }
}
