//! What other entities say to the system: claims that the pool funds, fees that come in, and the
//! ends of what the treasury sent.

use super::{Event, Funded, Minted, Refusal, System};
use crate::entity::{EntityId, Kind};
use crate::exchange::{OpenTransfer, Sendable, accepted, is_good, refused, unfunded};
use crate::id::ExchangeId;
use crate::ledger::AccountClass;
use crate::machine::{AnyReply, Completed, Context, Decision, Machine};
use crate::message::{Message, NotTaken};
use crate::money::Micros;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

pub(super) fn receive(
    system: &System,
    from: EntityId,
    message: Message,
    context: &Context<'_>,
) -> Decision<System> {
    match message {
        Message::Accepted { exchange, .. } => receive_accepted(system, from, exchange, message),
        Message::Refused { exchange, .. } => take_back(system, exchange),
        Message::Fund { part, amount } => fund(system, from, part, amount, context),
        Message::Offer(transfer) => take(system, from, transfer, context),
        Message::Forget { .. } => {
            let (events, messages) = system.decide_deferred(&[(from, message)]);
            Decision::because(events).sending(messages)
        }
        Message::Propose(proposal) => {
            Decision::answering(refused(proposal.id, from, NotTaken::NoSuchPayee))
        }
        Message::Unfunded { .. } => Decision::nothing(),
    }
}

fn receive_accepted(
    system: &System,
    from: EntityId,
    exchange: ExchangeId,
    message: Message,
) -> Decision<System> {
    let (events, messages) = system.decide_deferred(&[(from, message)]);
    let mut decision = Decision::because(events).sending(messages);
    decision.completed = system.outbox.get(exchange).and_then(|open| {
        let asked = open.asked?;
        Some(Completed::of(asked, Ok(arrived(system, open))))
    });
    decision
}

/// What the request is answered whose transfer was accepted.
fn arrived(system: &System, open: &OpenTransfer) -> AnyReply<System> {
    let amount = open.exchange.amount;
    match open.exchange.to.kind {
        Kind::Project => AnyReply::new(Funded { amount, treasury: system.treasury }),
        Kind::User | Kind::System | Kind::Listing => {
            AnyReply::new(Minted { amount, minted: system.minted })
        }
    }
}

/// Takes fees in; nothing else is for the system.
fn take(
    system: &System,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<System> {
    let id = transfer.id;
    if system.inbox.has(id) {
        return Decision::answering(accepted(id, from));
    }
    if let Err(why) = may_take(system, &transfer, context) {
        return Decision::answering(refused(id, from, why));
    }
    let messages = vec![accepted(id, from.clone())];
    Decision::because(vec![Event::TransferAccepted { from, transfer }]).sending(messages)
}

fn may_take(system: &System, transfer: &Transfer, context: &Context<'_>) -> Result<(), NotTaken> {
    match &transfer.purpose {
        Purpose::Fees(fees) if fees.total() == transfer.amount => {}
        Purpose::Fees(_) | Purpose::ToUser(_) | Purpose::Budget | Purpose::Order(_) => {
            return Err(NotTaken::NoSuchPayee);
        }
    }
    if system.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    if !is_good(transfer.id, context.now) {
        return Err(NotTaken::NotAwaited);
    }
    Ok(())
}

/// Funds a part of a claim from the pool, as far as it goes. Asked again while the transfer is
/// open, it offers that one again.
fn fund(
    system: &System,
    claimant: EntityId,
    part: PartId,
    asked: Micros,
    context: &Context<'_>,
) -> Decision<System> {
    if let Some(open) = system.outbox.funding(part) {
        return Decision::answering(open.exchange.offer());
    }
    let amount = asked.min(system.pool);
    if amount.is_zero() || system.outbox.is_full() {
        return Decision::answering(unfunded(part, claimant));
    }
    let id = ExchangeId::new(context.fresh);
    let purpose = Purpose::ToUser(UserPurpose::Claim(part));
    let transfer = Transfer { id, to: claimant, amount, purpose };
    let messages = vec![transfer.offer()];
    let open = OpenTransfer { exchange: transfer, asked: None };
    let events = vec![Event::TransferOpened { out_of: AccountClass::Pool, open }];
    Decision::because(events).sending(messages)
}

fn take_back(system: &System, id: ExchangeId) -> Decision<System> {
    let Some(open) = system.outbox.get(id) else { return Decision::nothing() };
    let amount = open.exchange.amount;
    let into = out_of(open);
    let mut decision = Decision::because(vec![Event::TransferReturned { id, into, amount }]);
    decision.completed = open.asked.map(|asked| Completed::of(asked, Err(Refusal::NotTaken)));
    decision
}

/// The account that a transfer of the system's came from.
fn out_of(open: &OpenTransfer) -> AccountClass {
    match open.exchange.purpose {
        Purpose::ToUser(UserPurpose::Claim(_)) => AccountClass::Pool,
        Purpose::ToUser(UserPurpose::Grant | UserPurpose::Link(_) | UserPurpose::Proceeds(_))
        | Purpose::Budget
        | Purpose::Fees(_)
        | Purpose::Order(_) => AccountClass::Treasury,
    }
}
