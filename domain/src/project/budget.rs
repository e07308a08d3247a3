//! The reward budget: filled by the treasury, spent on claims.

use super::{Event, Project};
use crate::entity::{EntityId, Kind};
use crate::id::TransferId;
use crate::letter::{Letter, NotTaken, PartId, Purpose, Transfer};
use crate::machine::{Answer, Context, Decision, Outgoing};
use crate::money::Micros;
use crate::outbox::{OpenTransfer, accepted, forget, is_good, offer};

pub(super) fn decide(
    project: &Project,
    from: EntityId,
    letter: Letter,
    context: &Context<'_>,
) -> Decision<Project> {
    match letter {
        Letter::Fund { part, amount } => fund(project, from, part, amount, context),
        Letter::Offer(transfer) => take(project, from, transfer, context),
        Letter::Refused { transfer, .. } => take_back(project, transfer),
        // Both can wait for the next entry; where they come one by one, it is the same.
        Letter::Accepted { .. } | Letter::Forget { .. } => {
            let (events, letters) = decide_waiting(project, &[(from, letter)]);
            Decision::of(events, Answer::Nothing).sending(letters)
        }
        // A project claims nothing.
        Letter::Unfunded { .. } => Decision::nothing(),
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
        let letter = Letter::Unfunded { part };
        return Decision::nothing().sending(vec![Outgoing { to: claimant, letter }]);
    }
    let id = TransferId::new(context.fresh);
    let transfer = Transfer { id, to: claimant, amount, purpose: Purpose::Claim(part) };
    let letters = vec![offer(&transfer)];
    let events = vec![Event::TransferOpened(OpenTransfer { transfer, asked: None })];
    Decision::of(events, Answer::Nothing).sending(letters)
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
    let letter = match may_take(project, &from, &transfer, context) {
        Ok(()) => {
            let letters = vec![accepted(id, from.clone())];
            let events = vec![Event::TransferAccepted { from, transfer }];
            return Decision::of(events, Answer::Nothing).sending(letters);
        }
        Err(why) => Letter::Refused { transfer: id, why },
    };
    Decision::nothing().sending(vec![Outgoing { to: from, letter }])
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
    letters: &[(EntityId, Letter)],
) -> (Vec<Event>, Vec<Outgoing>) {
    let mut events = Vec::new();
    let mut answers = Vec::new();
    for (from, letter) in letters {
        match letter {
            Letter::Accepted { transfer, .. } => {
                if project.outbox.get(*transfer).is_some() {
                    events.push(Event::TransferSettled { transfer: *transfer });
                }
                // Also where it was settled before: the payee asks because it doesn't know.
                answers.push(forget(*transfer, from.clone()));
            }
            Letter::Forget { transfer } if project.inbox.waits_for(*transfer) => {
                events.push(Event::TransferForgotten { transfer: *transfer });
            }
            Letter::Forget { .. }
            | Letter::Fund { .. }
            | Letter::Unfunded { .. }
            | Letter::Offer(_)
            | Letter::Refused { .. } => {}
        }
    }
    (events, answers)
}
