//! The marketplace's terms: licenses, drafts and changes, orders, ratings and fees.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::contribution::{ContributionType, MediaType};
use crate::entity::EntityId;
use crate::id::{ContributionId, PurchaseId};
use crate::money::Micros;
use crate::time::Timestamp;

/// The most contributions in one listing.
pub const MAX_FILES: usize = 10_000;

/// What a buyer may do with the files that they bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum License {
    /// They may use the files once, in one work. The number of buyers is not limited.
    SingleUse,
    /// They may use the files freely, and the number of buyers is limited.
    Limited,
    /// They may use the files freely. The number of buyers is not limited.
    #[default]
    Unlimited,
    /// They alone may use the files, which are sold once only.
    Exclusive,
}

impl License {
    /// All licenses, in the order in which they are declared.
    pub const ALL: [Self; 4] = [Self::SingleUse, Self::Limited, Self::Unlimited, Self::Exclusive];

    /// The license's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleUse => "single_use",
            Self::Limited => "limited",
            Self::Unlimited => "unlimited",
            Self::Exclusive => "exclusive",
        }
    }

    /// Finds a license by its name in the API.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// Whether a listing is for sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListingStatus {
    /// It is for sale.
    #[default]
    Active,
    /// It is not for sale for now; its seller can make it active again.
    Paused,
    /// It is no longer for sale. Whoever bought it keeps what they bought.
    Delisted,
}

impl ListingStatus {
    /// All statuses, in the order in which they are declared.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Delisted];

    /// The status's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Delisted => "delisted",
        }
    }

    /// Finds a status by its name in the API.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// The category of a listing: the type of its files, or mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// All files are of one type.
    One(ContributionType),
    /// The files are of several types.
    Mixed,
}

impl Category {
    /// The category of a listing with these files; mixed if there are none.
    #[must_use]
    pub fn of(files: &[File]) -> Self {
        let mut types = files.iter().map(|file| file.media_type.contribution_type());
        match types.next() {
            Some(first) if types.all(|other| other == first) => Self::One(first),
            Some(_) | None => Self::Mixed,
        }
    }

    /// The category's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One(contribution_type) => contribution_type.as_str(),
            Self::Mixed => "mixed",
        }
    }

    /// Finds a category by its name in the API.
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
    /// The contribution that it is.
    pub contribution: ContributionId,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// The size of its content, in bytes.
    pub size: u64,
    /// The format of its content.
    pub media_type: MediaType,
}

/// SHA-256 over the hashes of the files in their order. A receipt names it as what was bought.
#[must_use]
pub fn files_hash(files: &[File]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(file.sha256);
    }
    hasher.finalize().into()
}

/// A seller's offer for a new listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// 5 to 200 characters, checked at the edge.
    pub title: Box<str>,
    /// 20 to 5,000 characters, checked at the edge.
    pub description: Box<str>,
    /// At most 10 tags of at most 50 characters, checked at the edge.
    pub tags: Vec<Box<str>>,
    /// The price of one purchase, in micros.
    pub price: Micros,
    /// What buyers may do with the files.
    pub license: License,
    /// The most purchases; `None` unless the license is [`License::Limited`].
    pub max_sales: Option<u32>,
    /// The files on sale, in the seller's order.
    pub files: Arc<[File]>,
}

/// A seller's change to a listing; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The listing's version that the seller saw; `None` if they don't insist on one.
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
    /// Whether it is for sale from now on.
    pub status: Option<ListingStatus>,
}

/// A buyer's order: the terms that they saw. The listing sells on no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id of the purchase, made by the buyer's actor.
    pub purchase: PurchaseId,
    /// The version of the terms that the buyer saw: title, price, license and files.
    pub terms_version: u32,
    /// The version of the listing as a whole; `None` if the buyer doesn't insist on one.
    pub expected_version: Option<u32>,
    /// What the buyer may do with the files.
    pub license: License,
    /// The number of the contents that are bought.
    pub contents: u32,
    /// The hash of the files that are bought, see [`files_hash`].
    pub files_hash: [u8; 32],
    /// The title at the time of the order.
    pub title: Box<str>,
    /// The user who sells.
    pub seller: EntityId,
}

/// Something bought, as its buyer's state has it. Its terms never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The order on which the listing sold.
    pub order: Order,
    /// The price that was paid, fees included, in micros.
    pub price: Micros,
    /// The buyer's rating, 1 to 5; `None` until they give one.
    pub stars: Option<u8>,
}

impl Purchase {
    /// The time of the order, to the millisecond.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.order.purchase.made_at()
    }
}

/// A buyer's rating of what they bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// The purchase that is rated.
    pub purchase: PurchaseId,
    /// 1 to 5, checked at the edge.
    pub stars: u8,
    /// At most 1,000 characters, checked at the edge.
    pub comment: Option<Box<str>>,
}

/// What a payout tells the seller besides bringing the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proceeds {
    /// The number of sales that the money is from.
    pub sales: u32,
    /// [`ListingStatus::Delisted`] if an exclusive sale ended the listing. Any other status says
    /// nothing.
    pub status: ListingStatus,
}

/// The protocol's share of a sale, in hundredths of a percent: 3 %.
pub const FEE_BASIS_POINTS: u32 = 300;

/// The protocol's share of sales, split by where it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// Taken out of circulation, in micros.
    pub burned: Micros,
    /// Owed to the stakers, in micros.
    pub stakers: Micros,
    /// Kept in the treasury, in micros.
    pub treasury: Micros,
}

impl Fees {
    /// The fees on a price: 3 % of it, of which 40 % are burned, 35 % go to the stakers and the
    /// rest goes to the treasury. The fee and the first two shares are rounded down to a micro.
    #[must_use]
    pub fn of(price: Micros) -> Self {
        let fee = share(price, FEE_BASIS_POINTS);
        let (burned, stakers) = (share(fee, 4_000), share(fee, 3_500));
        let treasury = fee.saturating_sub(burned).saturating_sub(stakers);
        Self { burned, stakers, treasury }
    }

    /// All three together, in micros.
    #[must_use]
    pub const fn total(&self) -> Micros {
        self.burned.saturating_add(self.stakers).saturating_add(self.treasury)
    }

    /// The sum of these fees and others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self {
            burned: self.burned.saturating_add(others.burned),
            stakers: self.stakers.saturating_add(others.stakers),
            treasury: self.treasury.saturating_add(others.treasury),
        }
    }
}

/// A share of an amount, given in hundredths of a percent and rounded down; at most all of it.
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
