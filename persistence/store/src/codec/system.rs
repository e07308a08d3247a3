//! The system's state, events and answers.

use priv_domain::system::{Event, Reply, System};

use super::{stored_enum, stored_struct};

stored_struct!(System { minted, burned, treasury, pool, stakers, outbox, inbox });
stored_enum!(Event, "system event" {
    0 => Minted { amount, into, by, reason },
    1 => OperatorActed { by, action, reason },
    2 => TransferOpened { out_of, open },
    3 => TransferSettled { transfer },
    4 => TransferReturned { transfer, into, amount },
    5 => TransferAccepted { from, transfer },
    6 => TransferForgotten { transfer },
});
stored_enum!(Reply, "system reply" {
    0 => Minted { amount, minted },
    1 => Funded { amount, treasury },
    2 => Noted,
    3 => NotTaken,
    4 => ProjectNamed(project),
});
