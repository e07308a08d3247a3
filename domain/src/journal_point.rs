//! Places of records: in the whole journal ([`Position`]) and in one stream ([`Version`]).

use std::fmt;

use crate::time::Timestamp;

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The place before the first record.
            pub const ZERO: Self = Self(0);

            /// The place with this number, counted from 1; 0 is [`Self::ZERO`].
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The number, counted from 1; 0 before the first record.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The place after this one. It saturates at `u64::MAX`, which at a billion a second is
            /// five centuries away.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// A record's place in the journal: 1, 2, 3 … in the order in which records were appended.
    Position
}

counter! {
    /// A record's place in its entity's stream: 1, 2, 3 … without a gap.
    Version
}

/// A moment in a stream, by position or by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointInTime {
    /// After the last record at or before this position.
    Position(Position),
    /// After the last record at or before this time.
    Time(Timestamp),
}
