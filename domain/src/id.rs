//! Ids with a prefix, which sort by the time at which they were made (ULID).

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

use crate::time::Timestamp;

/// The text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an id like {example}…")]
pub struct NotAnId {
    /// The prefix that was wanted.
    pub example: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// From the 128 bits of a ULID.
            #[must_use]
            pub const fn new(bits: u128) -> Self {
                Self(bits)
            }

            /// When it was made, to the millisecond.
            #[must_use]
            pub fn made_at(self) -> Timestamp {
                Timestamp::from_millis(i64::try_from(Ulid(self.0).timestamp_ms()).unwrap_or(i64::MAX))
            }

            /// The 128 bits of the ULID.
            #[must_use]
            pub const fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), Ulid(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix($prefix)
                    .and_then(|ulid| Ulid::from_string(ulid).ok().filter(|id| id.to_string() == ulid))
                    .map(|id| Self(id.0))
                    .ok_or(NotAnId { example: $prefix })
            }
        }
    };
}

id! {
    /// A project: an app, or a team's installation of one.
    ProjectId, "proj_"
}
id! {
    /// An API key; not its secret.
    KeyId, "key_"
}
id! {
    /// A claim of earnings.
    ClaimId, "clm_"
}
id! {
    /// A transfer between two entities.
    ExchangeId, "xfer_"
}
id! {
    /// A contribution.
    ContributionId, "contrib_"
}
id! {
    /// A listing in the marketplace.
    ListingId, "listing_"
}
id! {
    /// A purchase of a listing.
    PurchaseId, "pur_"
}
