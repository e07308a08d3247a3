//! The reward budget: filled by the treasury, spent on claims.

use super::{Event, Project};
use crate::entity::{EntityId, Kind};
use crate::id::TransferId;
use crate::machine::{Answer, Context, Decision, OutgoingMessage};
use crate::message::{Message, NotTaken, PartId, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{OpenTransfer, accepted, forget, is_good, offer};

pub(super) fn decide(
    project: &Project,
    from: EntityId,
    message: Message,
    context: &Context<'_>,
) -> Decision<Project> {
    match message {
        Message::Fund { part, amount } => fund(project, from, part, amount, context),
        Message::Offer(transfer) => take(project, from, transfer, context),
        Message::Refused { transfer, .. } => take_back(project, transfer),
        // Both can wait for the next entry; where they come one by one, it is the same.
        Message::Accepted { .. } | Message::Forget { .. } => {
            let (events, messages) = decide_waiting(project, &[(from, message)]);
            Decision::of(events, Answer::Nothing).sending(messages)
        }
        // A project claims nothing.
        Message::Unfunded { .. } => Decision::nothing(),
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
        return Decision::nothing().sending(vec![offer(&open.transfer)]);
    }
    let amount = asked.min(project.available);
    if amount.is_zero() || project.outbox.is_full() {
        let message = Message::Unfunded { part };
        return Decision::nothing().sending(vec![OutgoingMessage { to: claimant, message }]);
    }
    let id = TransferId::new(context.fresh);
    let transfer = Transfer { id, to: claimant, amount, purpose: Purpose::Claim(part) };
    let messages = vec![offer(&transfer)];
    let events = vec![Event::TransferOpened(OpenTransfer { transfer, asked: None })];
    Decision::of(events, Answer::Nothing).sending(messages)
}

fn take(
    project: &Project,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<Project> {
    if project.inbox.has(transfer.id) {
        return Decision::nothing().sending(vec![accepted(transfer.id, from)]);
    }
    let id = transfer.id;
    let message = match may_take(project, &from, &transfer, context) {
        Ok(()) => {
            let messages = vec![accepted(id, from.clone())];
            let events = vec![Event::TransferAccepted { from, transfer }];
            return Decision::of(events, Answer::Nothing).sending(messages);
        }
        Err(why) => Message::Refused { transfer: id, why },
    };
    Decision::nothing().sending(vec![OutgoingMessage { to: from, message }])
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

fn take_back(project: &Project, transfer: TransferId) -> Decision<Project> {
    match project.outbox.get(transfer) {
        Some(open) => {
            let amount = open.transfer.amount;
            Decision::of(vec![Event::TransferReturned { transfer, amount }], Answer::Nothing)
        }
        None => Decision::nothing(),
    }
}

pub(super) fn decide_waiting(
    project: &Project,
    messages: &[(EntityId, Message)],
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let mut events = Vec::new();
    let mut answers = Vec::new();
    for (from, message) in messages {
        match message {
            Message::Accepted { transfer, .. } => {
                if project.outbox.get(*transfer).is_some() {
                    events.push(Event::TransferSettled { transfer: *transfer });
                }
                // Also where it was settled before: the payee asks because it doesn't know.
                answers.push(forget(*transfer, from.clone()));
            }
            Message::Forget { transfer } if project.inbox.waits_for(*transfer) => {
                events.push(Event::TransferForgotten { transfer: *transfer });
            }
            Message::Forget { .. }
            | Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Offer(_)
            | Message::Refused { .. } => {}
        }
    }
    (events, answers)
}
