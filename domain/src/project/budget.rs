//! The reward budget: filled by the treasury, spent on claims.

use super::{Event, Project};
use crate::entity::{EntityId, Kind};
use crate::exchange::{OpenTransfer, Sendable, accepted, is_good, refused, unfunded};
use crate::id::ExchangeId;
use crate::machine::{Context, Decision, Machine};
use crate::message::{Message, NotTaken};
use crate::money::Micros;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

pub(super) fn receive(
    project: &Project,
    from: EntityId,
    message: Message,
    context: &Context<'_>,
) -> Decision<Project> {
    match message {
        Message::Fund { part, amount } => fund(project, from, part, amount, context),
        Message::Offer(transfer) => take(project, from, transfer, context),
        Message::Refused { exchange, .. } => take_back(project, exchange),
        // Both can wait for the next entry; where they come one by one, it is the same.
        Message::Accepted { .. } | Message::Forget { .. } => {
            let (events, messages) = project.decide_deferred(&[(from, message)]);
            Decision::because(events).sending(messages)
        }
        // A project claims nothing, and nothing can be proposed to it.
        Message::Unfunded { .. } => Decision::nothing(),
        Message::Propose(proposal) => {
            Decision::answering(refused(proposal.id, from, NotTaken::NoSuchPayee))
        }
    }
}

/// Funds a part of a claim as far as the budget goes. Asked again while the transfer is open, it
/// offers that one again.
fn fund(
    project: &Project,
    claimant: EntityId,
    part: PartId,
    asked: Micros,
    context: &Context<'_>,
) -> Decision<Project> {
    if let Some(open) = project.outbox.funding(part) {
        return Decision::answering(open.exchange.offer());
    }
    let amount = asked.min(project.available);
    if amount.is_zero() || project.outbox.is_full() {
        return Decision::answering(unfunded(part, claimant));
    }
    let id = ExchangeId::new(context.fresh);
    let purpose = Purpose::ToUser(UserPurpose::Claim(part));
    let transfer = Transfer { id, to: claimant, amount, purpose };
    let messages = vec![transfer.offer()];
    let events = vec![Event::TransferOpened(OpenTransfer { exchange: transfer, asked: None })];
    Decision::because(events).sending(messages)
}

fn take(
    project: &Project,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<Project> {
    let id = transfer.id;
    if project.inbox.has(id) {
        return Decision::answering(accepted(id, from));
    }
    if let Err(why) = may_take(project, &from, &transfer, context) {
        return Decision::answering(refused(id, from, why));
    }
    let messages = vec![accepted(id, from.clone())];
    Decision::because(vec![Event::TransferAccepted { from, transfer }]).sending(messages)
}

fn may_take(
    project: &Project,
    from: &EntityId,
    transfer: &Transfer,
    context: &Context<'_>,
) -> Result<(), NotTaken> {
    let is_budget = transfer.purpose == Purpose::Budget && from.kind == Kind::System;
    if !project.exists() || !is_budget {
        return Err(NotTaken::NoSuchPayee);
    }
    if !is_good(transfer.id, context.now) {
        return Err(NotTaken::NotAwaited);
    }
    // All money was minted once, and what was minted fits: so does any budget.
    Ok(())
}

fn take_back(project: &Project, id: ExchangeId) -> Decision<Project> {
    match project.outbox.get(id) {
        Some(open) => {
            let amount = open.exchange.amount;
            Decision::because(vec![Event::TransferReturned { id, amount }])
        }
        None => Decision::nothing(),
    }
}
