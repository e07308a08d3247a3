//! Becoming a person, and holding a wallet.

use super::{Event, Linked, Refusal, Reply, User};
use crate::entity::EntityId;
use crate::id::TransferId;
use crate::machine::{Answer, Context, Decision, ReplyToken};
use crate::message::{LinkedAccrual, LinkedUser, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{Asked, OpenTransfer, offer};

/// This user gives all they have to `person`, and earns nothing more: events that still come for
/// them are the person's.
pub(super) fn become_person(
    user: &User,
    person: EntityId,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    match user.became() {
        Some(became) if *became != person => return Err(Refusal::AlreadyLinked),
        Some(_) if user.outbox.iter().next().is_some() => return Err(Refusal::LinkUnderWay),
        // Nothing is left to move: the same answer in effect, and the same state.
        Some(_) => {
            let nothing = Linked { moved_balance: Micros::ZERO, moved_pending: Micros::ZERO };
            return Ok(Decision::reply(Reply::Linked(nothing)));
        }
        None => {}
    }
    if !user.claims.is_empty() || user.outbox.iter().next().is_some() {
        return Err(Refusal::ClaimUnderWay);
    }
    let accruals = user.accruals.iter().map(|accrual| LinkedAccrual {
        payer: accrual.payer,
        pending: accrual.pending,
        claimed: accrual.claimed,
        today: accrual.today,
    });
    let linked = LinkedUser {
        accruals: accruals.collect(),
        consent: user.consent.as_deref().cloned(),
        privacy_control_since: user.privacy_control_since,
    };
    let transfer = Transfer {
        id: TransferId::new(context.fresh),
        to: person,
        amount: user.available,
        purpose: Purpose::Link(Box::new(linked)),
    };
    let reply_token = ReplyToken(context.fresh);
    let messages = vec![offer(&transfer)];
    let asked = Some(Asked { reply_token, request: context.request });
    let events = vec![Event::TransferOpened(OpenTransfer { transfer, asked })];
    Ok(Decision::of(events, Answer::Later(reply_token)).sending(messages))
}

pub(super) fn bind_wallet(user: &User, address: [u8; 20]) -> Result<Decision<User>, Refusal> {
    if user.links.as_ref().and_then(|links| links.wallet) == Some(address) {
        return Ok(Decision::reply(Reply::WalletBound));
    }
    let events = vec![Event::WalletBound { address }];
    Ok(Decision::of(events, Answer::Now(Reply::WalletBound)))
}
