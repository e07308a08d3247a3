//! Becoming a person: a project's user gives the person all they have.

use super::exchanges::{self, accepted_event, may_hold};
use super::{Event, Links, MAX_LINKED, Refusal, User};
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::ExchangeId;
use crate::machine::{Command, Context, Decided, Decision};
use crate::message::NotTaken;
use crate::money::Micros;
use crate::transfer::{LinkedAccrual, LinkedUser, Purpose, Transfer, UserPurpose};

/// Gives all that this user has to a person. The user earns nothing more: events that still come
/// for them are the person's.
#[derive(Clone, Debug)]
pub struct BecomePerson {
    /// The person.
    pub person: EntityId,
}

/// The end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The balance that moved.
    pub moved_balance: Micros,
    /// The pending rewards that moved.
    pub moved_pending: Micros,
}

impl Command for BecomePerson {
    type Machine = User;
    type Reply = Linked;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { person } = self;
        match user.became() {
            Some(became) if *became != person => return Err(Refusal::AlreadyLinked),
            Some(_) if !user.outbox.is_empty() => return Err(Refusal::LinkUnderWay),
            // Nothing is left to move: the same answer in effect, and the same state.
            Some(_) => {
                let nothing = Linked { moved_balance: Micros::ZERO, moved_pending: Micros::ZERO };
                return Ok(Decision::reply(nothing));
            }
            None => {}
        }
        if !user.claims.is_empty() || !user.outbox.is_empty() {
            return Err(Refusal::RequestUnderWay);
        }
        // What was sold is money, not a promise: it is claimed first. A link has no posting that
        // could move it from one account to the other, or back.
        if !user.unclaimed_sales().is_zero() {
            return Err(Refusal::RequestUnderWay);
        }
        let transfer = Transfer {
            id: ExchangeId::new(context.fresh),
            to: person,
            amount: user.available,
            purpose: Purpose::ToUser(UserPurpose::Link(Box::new(all_of(user)))),
        };
        Ok(exchanges::open(Exchange::Transfer(transfer), context).decision())
    }
}

fn all_of(user: &User) -> LinkedUser {
    let accruals = user.accruals.iter().map(|accrual| LinkedAccrual {
        payer: accrual.payer,
        pending: accrual.pending,
        claimed: accrual.claimed,
        today: accrual.today,
    });
    LinkedUser {
        accruals: accruals.collect(),
        consent: user.consent.as_deref().cloned(),
        privacy_control_since: user.privacy_control_since,
    }
}

pub(super) fn linked(moved_balance: Micros, linked: &LinkedUser) -> Linked {
    let pending = linked.accruals.iter().map(|accrual| accrual.pending);
    Linked { moved_balance, moved_pending: pending.fold(Micros::ZERO, Micros::saturating_add) }
}

/// The person takes what the user brings; what the user had said holds for a person who was never
/// asked.
pub(super) fn receive_linked(
    person: &User,
    from: &EntityId,
    transfer: &Transfer,
    linked: &LinkedUser,
    context: &Context<'_>,
) -> Result<Decision<User>, NotTaken> {
    may_hold(person, transfer.id, context)?;
    let earned = linked
        .accruals
        .iter()
        .try_fold(Micros::ZERO, |sum, accrual| {
            sum.checked_add(accrual.pending)?.checked_add(accrual.claimed)
        })
        .and_then(|earned| person.earned_total_with(earned));
    if earned.is_none() {
        return Err(NotTaken::Busy);
    }
    let mut events = vec![accepted_event(from.clone(), transfer.clone())];
    if let (None, Some(record)) = (&person.consent, &linked.consent) {
        events.push(Event::ConsentChanged(Box::new(record.clone())));
    }
    Ok(Decision::because(events))
}

pub(super) fn apply_opened(user: &mut User, person: &EntityId) {
    user.links_mut().became = Some(person.clone());
    user.accruals.clear();
}

pub(super) fn apply_linked(
    person: &mut User,
    from: &EntityId,
    amount: Micros,
    linked: &LinkedUser,
) {
    add_accruals(person, &linked.accruals);
    person.privacy_control_since = person.privacy_control_since.max(linked.privacy_control_since);
    let absorbed = &mut person.links_mut().absorbed;
    if absorbed.len() >= MAX_LINKED {
        absorbed.remove(0);
    }
    absorbed.push(from.key.as_ref().into());
    person.available.credit(amount);
}

pub(super) fn apply_returned(user: &mut User, linked: &LinkedUser) {
    add_accruals(user, &linked.accruals);
    if let Some(links) = &mut user.links {
        links.became = None;
        if **links == Links::default() {
            user.links = None;
        }
    }
}

fn add_accruals(user: &mut User, accruals: &[LinkedAccrual]) {
    for linked in accruals {
        let accrual = user.accrual_mut(linked.payer);
        accrual.pending.credit(linked.pending);
        accrual.claimed.credit(linked.claimed);
        accrual.today = accrual.today.and(linked.today);
    }
}
