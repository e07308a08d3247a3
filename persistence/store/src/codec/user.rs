//! The stored forms of the user's state, events and replies.

use priv_domain::consent::{ConsentRecord, Preferences};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::reply::Noted;
use priv_domain::user::{
    Accrual, ClaimPart, Claimed, Contributed, Deleted, Event, Linked, Links, OpenClaim, Purchased,
    Rated, Recorded, Reviewed, SeenEvents, User, UsesChanged, Verdict, WalletBound,
};
use priv_domain::{Day, EventKey};

use super::leaf::get_list;
use super::{DecodeError, Input, Output, Stored, stored_enum, stored_replies, stored_struct};

stored_struct!(Preferences { analytics, marketing, data_sharing, personalization });
stored_struct!(ConsentRecord { version, preferences, at, source, policy_version, previous, hash });
stored_struct!(Accrual { payer, pending, claimed, today });
stored_struct!(ClaimPart { payer, amount, funded });
stored_struct!(OpenClaim { id, request, parts });
stored_struct!(Links { became, absorbed, wallet });

impl Stored for User {
    fn put(&self, out: &mut Output) {
        let Self {
            consent,
            privacy_control_since,
            accruals,
            available,
            seen,
            claims,
            outbox,
            inbox,
            links,
            market,
        } = self;
        consent.put(out);
        privacy_control_since.put(out);
        accruals.put(out);
        available.put(out);
        seen.put(out);
        claims.put(out);
        outbox.put(out);
        inbox.put(out);
        links.put(out);
        market.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            consent: Stored::get(input)?,
            privacy_control_since: Stored::get(input)?,
            accruals: Stored::get(input)?,
            available: Stored::get(input)?,
            seen: Stored::get(input)?,
            claims: Stored::get(input)?,
            outbox: Stored::get(input)?,
            inbox: Stored::get(input)?,
            links: Stored::get(input)?,
            // Format 1 ends here.
            market: if input.format >= 2 { Stored::get(input)? } else { None },
        })
    }
}

impl Stored for SeenEvents {
    fn put(&self, out: &mut Output) {
        self.by_day().collect::<Vec<(Day, Vec<EventKey>)>>().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        get_list(input)
    }
}

stored_enum!(Event, "user event" {
    0 => EventsRecorded { project, events, earned },
    1 => PrivacyControlSeen,
    2 => ConsentChanged(record),
    3 => ClaimOpened(claim),
    4 => ClaimPartUnfunded { part },
    5 => ClaimClosed { claim },
    6 => TransferAccepted { from, transfer },
    7 => ExchangeOpened(open),
    8 => ExchangeSettled { id },
    9 => ExchangeReturned { id, amount },
    10 => ExchangeForgotten { id },
    11 => WalletBound { address },
    12 => ContributionAdded { id, contribution },
    13 => ContributionReviewed { id, decision, reward, by, reason },
    14 => ContributionDeleted { id, sha256 },
    15 => ContributionUsesChanged { id, uses, reward },
    16 => ExchangeRefused { id, from, why },
});
stored_enum!(Verdict, "verdict" {
    0 => Accepted { earned },
    1 => Duplicate,
    2 => ConsentWithdrawn,
    3 => ConsentMissing,
    4 => TooMany,
    5 => Elsewhere,
});
stored_struct!(Recorded { verdicts, earned, became });
stored_struct!(Claimed { claim, claimed, unfunded, balance, pending, earned_total, at });
stored_struct!(Linked { moved_balance, moved_pending });
stored_struct!(Contributed { id, contribution });
stored_struct!(Reviewed { id, status, reward });
stored_struct!(Deleted { id, sha256 });
stored_struct!(UsesChanged { contribution });
stored_struct!(Purchased { listing, purchase, bought });
stored_struct!(Rated { purchase, stars });

/// No bytes: the tag in front of it says all.
impl Stored for WalletBound {
    fn put(&self, _: &mut Output) {}

    fn get(_: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

// 12 was a reply that was never remembered.
stored_replies!(User, "user reply" {
    0 => Recorded,
    1 => ConsentRecord,
    2 => Claimed,
    3 => Linked,
    4 => WalletBound,
    5 => Noted,
    6 => Contributed,
    7 => Reviewed,
    8 => Deleted,
    9 => ListingSummary,
    10 => Purchased,
    11 => Rated,
    13 => UsesChanged,
});
