//! Ids with a prefix that sort by the time at which they were made (ULIDs).

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

use crate::time::Timestamp;

/// The error of reading a text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an id like {example}…")]
pub struct NotAnId {
    /// The prefix of the wanted kind.
    pub example: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The prefix in front of the ULID when the id is written as text.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id of the 128 bits of a ULID.
            #[must_use]
            pub const fn new(bits: u128) -> Self {
                Self(bits)
            }

            /// The time at which it was made, in whole milliseconds.
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
    /// An API key, without its secret.
    KeyId, "key_"
}
id! {
    /// A claim of earnings, which may have several payers.
    ClaimId, "clm_"
}
id! {
    /// An exchange between two entities: a transfer or a proposal.
    ExchangeId, "xfer_"
}
id! {
    /// A file that a user contributed.
    ContributionId, "contrib_"
}
id! {
    /// A listing in the marketplace.
    ListingId, "listing_"
}
id! {
    /// A purchase of a listing by one buyer.
    PurchaseId, "pur_"
}
