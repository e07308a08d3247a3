//! The stored forms of the system's state, events and replies.

use priv_domain::reply::Noted;
use priv_domain::system::{Event, Funded, Minted, ProjectNamed, System};

use super::{stored_enum, stored_replies, stored_struct};

stored_struct!(System { minted, burned, treasury, pool, stakers, outbox, inbox });
stored_enum!(Event, "system event" {
    0 => Minted { amount, into, by, reason },
    1 => OperatorActed { by, action, reason },
    2 => TransferOpened { out_of, open },
    3 => TransferSettled { id },
    4 => TransferReturned { id, into, amount },
    5 => TransferAccepted { from, transfer },
    6 => TransferForgotten { id },
    7 => TransferRefused { id, from, why },
    8 => MintReversed { amount },
});
stored_struct!(Minted { amount, minted });
stored_struct!(Funded { amount, treasury });
stored_struct!(ProjectNamed { id });

// 3 was a reply that was never remembered.
stored_replies!(System, "system reply" {
    0 => Minted,
    1 => Funded,
    2 => Noted,
    4 => ProjectNamed,
});
