//! The stored forms of the project's state, events and replies.

use priv_domain::consent::ConsentPolicy;
use priv_domain::project::{
    ApiKey, Event, KeyEnded, KeyRole, Plan, Project, ProjectSettings, Scopes, Settings,
};
use priv_domain::reply::Noted;

use super::{stored_enum, stored_newtype, stored_replies, stored_struct};

stored_newtype! {
    Scopes: u8, Scopes::bits, Scopes::from_bits;
}
stored_enum!(KeyRole, "key role" { 0 => Publishable, 1 => Secret });
stored_struct!(ApiKey { id, role, scopes, sha256, last_four, created_at, ends_at });
stored_enum!(Plan, "plan" { 0 => Free, 1 => Pro, 2 => Enterprise });
stored_enum!(ConsentPolicy, "consent policy" { 0 => OptIn, 1 => OptOut });
stored_struct!(Settings {
    name,
    plan,
    consent_policy,
    rates,
    daily_cap,
    requests_per_second,
    requests_per_day,
    publishable_reads_analytics,
});
stored_struct!(Project { created_at, settings, keys, available, outbox, inbox });
stored_enum!(Event, "project event" {
    0 => Created { settings, keys },
    1 => Changed { settings, by, reason },
    2 => KeyIssued { key, by, reason },
    3 => KeyEnds { key, at, by, reason },
    4 => TransferAccepted { from, transfer },
    5 => TransferOpened(open),
    6 => TransferSettled { id },
    7 => TransferReturned { id, amount },
    8 => TransferForgotten { id },
    9 => RequestAnswered { tag, body },
    10 => TransferRefused { id, from, why },
});
stored_struct!(ProjectSettings { created_at, settings, keys });
stored_struct!(KeyEnded { key, at });
stored_replies!(Project, "project reply" {
    0 => ProjectSettings,
    1 => ApiKey,
    2 => KeyEnded,
    3 => Noted,
});
