//! What comes in and goes out by transfer.

use super::{Event, Linked, Links, MAX_LINKED, Reply, User, claim};
use crate::consent::ConsentRecord;
use crate::entity::EntityId;
use crate::id::TransferId;
use crate::letter::{Letter, LinkedAccrual, NotTaken, PartId, Purpose, Transfer};
use crate::machine::{Answer, Completed, Context, Decision, Outgoing};
use crate::money::Micros;
use crate::outbox::{OpenTransfer, accepted, forget, is_good};
use crate::time::Timestamp;

pub(super) fn decide(
    user: &User,
    from: EntityId,
    letter: Letter,
    context: &Context<'_>,
) -> Decision<User> {
    match letter {
        Letter::Offer(transfer) => decide_offer(user, from, transfer, context),
        Letter::Unfunded { part } => decide_unfunded(user, part, context),
        Letter::Accepted { transfer } => decide_accepted(user, from, transfer),
        Letter::Refused { transfer, .. } => decide_refused(user, transfer),
        Letter::Forget { transfer } => decide_forget(user, transfer),
        // A user funds no claims.
        Letter::Fund { part, .. } => Decision::nothing()
            .sending(vec![Outgoing { to: from, letter: Letter::Unfunded { part } }]),
    }
}

fn decide_offer(
    user: &User,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<User> {
    if user.inbox.has(transfer.id) {
        return Decision::nothing().sending(vec![accepted(transfer.id, from)]);
    }
    if let Err(why) = may_take(user, &transfer, context) {
        let letter = Letter::Refused { transfer: transfer.id, why };
        return Decision::nothing().sending(vec![Outgoing { to: from, letter }]);
    }
    let end = match transfer.purpose {
        Purpose::Claim(part) => claim::end_with(user, part, transfer.amount, context),
        Purpose::Grant | Purpose::Budget | Purpose::Link(_) => None,
    };
    let letters = vec![accepted(transfer.id, from.clone())];
    let adopted = adopted_consent(user, &transfer.purpose);
    let mut decision = with_end(Event::TransferAccepted { from, transfer }, end).sending(letters);
    decision.events.extend(adopted.map(|record| Event::ConsentChanged(Box::new(record))));
    decision
}

/// What a linked user had said holds for a person who was never asked.
fn adopted_consent(user: &User, purpose: &Purpose) -> Option<ConsentRecord> {
    match purpose {
        Purpose::Link(linked) if user.consent.is_none() => linked.consent.clone(),
        Purpose::Link(_) | Purpose::Claim(_) | Purpose::Budget | Purpose::Grant => None,
    }
}

/// An answer of a payer's, and the end of the claim if it was the last.
fn with_end(answer: Event, end: Option<(Event, Completed<Reply>)>) -> Decision<User> {
    let mut decision = Decision::of(vec![answer], Answer::Nothing);
    if let Some((closed, completed)) = end {
        decision.events.push(closed);
        decision.completed = Some(completed);
    }
    decision
}

fn may_take(user: &User, transfer: &Transfer, context: &Context<'_>) -> Result<(), NotTaken> {
    match &transfer.purpose {
        Purpose::Claim(part) => match claim::awaiting(user, *part) {
            Some((_, part)) if transfer.amount <= part.amount => Ok(()),
            Some(_) | None => Err(NotTaken::NotAwaited),
        },
        // Whoever became someone else has nothing that they could spend.
        Purpose::Link(_) | Purpose::Grant if user.became().is_some() => Err(NotTaken::NoSuchPayee),
        Purpose::Link(_) | Purpose::Grant if is_good(transfer.id, context.now) => Ok(()),
        Purpose::Link(_) | Purpose::Grant => Err(NotTaken::NotAwaited),
        Purpose::Budget => Err(NotTaken::NoSuchPayee),
    }
}

fn decide_unfunded(user: &User, part: PartId, context: &Context<'_>) -> Decision<User> {
    match claim::awaiting(user, part) {
        Some(_) => with_end(
            Event::ClaimPartUnfunded { part },
            claim::end_with(user, part, Micros::ZERO, context),
        ),
        None => Decision::nothing(),
    }
}

fn decide_accepted(user: &User, from: EntityId, transfer: TransferId) -> Decision<User> {
    let forget = forget(transfer, from);
    let Some(open) = user.outbox.get(transfer) else {
        return Decision::nothing().sending(vec![forget]);
    };
    let events = vec![Event::TransferSettled { transfer }];
    let mut decision = Decision::of(events, Answer::Nothing).sending(vec![forget]);
    decision.completed = completed_link(open);
    decision
}

fn completed_link(open: &OpenTransfer) -> Option<Completed<Reply>> {
    let asked = open.asked?;
    let Purpose::Link(linked) = &open.transfer.purpose else { return None };
    let moved_pending = linked
        .accruals
        .iter()
        .fold(Micros::ZERO, |sum, accrual| sum.saturating_add(accrual.pending));
    let reply = Reply::Linked(Linked { moved_balance: open.transfer.amount, moved_pending });
    Some(Completed { ticket: asked.ticket, request: asked.request, reply })
}

fn decide_refused(user: &User, transfer: TransferId) -> Decision<User> {
    match user.outbox.get(transfer) {
        Some(open) => {
            let amount = open.transfer.amount;
            let events = vec![Event::TransferReturned { transfer, amount }];
            let mut decision = Decision::of(events, Answer::Nothing);
            decision.completed = open.asked.map(|asked| Completed {
                ticket: asked.ticket,
                // What failed is not remembered: a repeat tries again.
                request: None,
                reply: Reply::Noted,
            });
            decision
        }
        None => Decision::nothing(),
    }
}

fn decide_forget(user: &User, transfer: TransferId) -> Decision<User> {
    if !user.inbox.waits_for(transfer) {
        return Decision::nothing();
    }
    Decision::of(vec![Event::TransferForgotten { transfer }], Answer::Nothing)
}

pub(super) fn apply_accepted(user: &mut User, from: &EntityId, transfer: &Transfer, at: Timestamp) {
    let asked_for = matches!(transfer.purpose, Purpose::Claim(_));
    user.inbox.take(transfer.id, from.clone(), asked_for, at);
    user.available = user.available.saturating_add(transfer.amount);
    match &transfer.purpose {
        Purpose::Claim(part) => {
            if let Some(payer) = claim::answer_part(user, *part, transfer.amount) {
                let accrual = user.accrual_mut(payer);
                accrual.pending = accrual.pending.saturating_sub(transfer.amount);
                accrual.claimed = accrual.claimed.saturating_add(transfer.amount);
            }
        }
        Purpose::Link(linked) => {
            add_accruals(user, &linked.accruals);
            user.privacy_control_since =
                user.privacy_control_since.max(linked.privacy_control_since);
            let absorbed = &mut user.links_mut().absorbed;
            if absorbed.len() >= MAX_LINKED {
                absorbed.remove(0);
            }
            absorbed.push(from.key.as_ref().into());
        }
        Purpose::Grant | Purpose::Budget => {}
    }
}

fn add_accruals(user: &mut User, accruals: &[LinkedAccrual]) {
    for linked in accruals {
        let accrual = user.accrual_mut(linked.payer);
        accrual.pending = accrual.pending.saturating_add(linked.pending);
        accrual.claimed = accrual.claimed.saturating_add(linked.claimed);
        accrual.today = accrual.today.and(linked.today);
    }
}

pub(super) fn apply_opened(user: &mut User, open: &OpenTransfer) {
    user.available = user.available.saturating_sub(open.transfer.amount);
    if let Purpose::Link(_) = &open.transfer.purpose {
        user.links_mut().became = Some(open.transfer.to.clone());
        user.accruals.clear();
    }
    user.outbox.open(open.clone());
}

pub(super) fn apply_returned(user: &mut User, transfer: TransferId, amount: Micros) {
    user.available = user.available.saturating_add(amount);
    let Some(open) = user.outbox.close(transfer) else { return };
    if let Purpose::Link(linked) = open.transfer.purpose {
        add_accruals(user, &linked.accruals);
        if let Some(links) = &mut user.links {
            links.became = None;
            if **links == Links::default() {
                user.links = None;
            }
        }
    }
}
