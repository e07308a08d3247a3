//! What other entities say to a user, handed to the file of the process that it belongs to.

use super::{Event, Refusal, User, claim, link, publish, purchase, rate};
use crate::entity::EntityId;
use crate::exchange::{
    Asked, Exchange, OpenExchange, Sendable, accepted, forget, is_good, refused, unfunded,
};
use crate::id::ExchangeId;
use crate::listing::ListingSummary;
use crate::machine::{AnyReply, Completed, Context, Decision, OutgoingMessage};
use crate::message::{Message, NotTaken};
use crate::money::Micros;
use crate::proposal::Content;
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer, UserPurpose};

pub(super) fn receive(
    user: &User,
    from: EntityId,
    message: Message,
    context: &Context<'_>,
) -> Decision<User> {
    match message {
        Message::Offer(transfer) => receive_offer(user, from, transfer, context),
        Message::Unfunded { part } => claim::receive_unfunded(user, part, context),
        Message::Accepted { exchange, summary } => receive_accepted(user, from, exchange, summary),
        Message::Refused { exchange, why } => receive_refused(user, exchange, why),
        Message::Forget { .. } => Decision::because(decide_deferred(user, &[(from, message)]).0),
        // A user funds no claims, and nothing can be proposed to them.
        Message::Fund { part, .. } => Decision::answering(unfunded(part, from)),
        Message::Propose(proposal) => {
            Decision::answering(refused(proposal.id, from, NotTaken::NoSuchPayee))
        }
    }
}

pub(super) fn decide_deferred(
    user: &User,
    messages: &[(EntityId, Message)],
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let events = messages.iter().filter_map(|(_, message)| match message {
        Message::Forget { exchange } if user.inbox.waits_for(*exchange) => {
            Some(Event::ExchangeForgotten { id: *exchange })
        }
        Message::Forget { .. }
        | Message::Fund { .. }
        | Message::Unfunded { .. }
        | Message::Offer(_)
        | Message::Propose(_)
        | Message::Accepted { .. }
        | Message::Refused { .. } => None,
    });
    (events.collect(), Vec::new())
}

/// A transfer to a user: what it was sent for before comes first, since a repeat is answered as
/// the first time whatever has become of the user since.
fn receive_offer(
    user: &User,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<User> {
    let id = transfer.id;
    if user.inbox.has(id) {
        return Decision::answering(accepted(id, from));
    }
    let decided = match &transfer.purpose {
        Purpose::ToUser(purpose) => match purpose {
            UserPurpose::Claim(part) => {
                claim::receive_funds(user, from.clone(), *part, transfer.clone(), context)
            }
            UserPurpose::Grant => may_hold(user, id, context).map(|()| take(&from, &transfer)),
            UserPurpose::Link(linked) => {
                link::receive_linked(user, &from, &transfer, linked, context)
            }
            UserPurpose::Proceeds(_) => {
                may_be_paid(user, &transfer, context).map(|()| take(&from, &transfer))
            }
        },
        Purpose::Budget | Purpose::Fees(_) | Purpose::Order(_) => Err(NotTaken::NoSuchPayee),
    };
    match decided {
        Ok(decision) => decision.sending(vec![accepted(id, from)]),
        Err(why) => Decision::answering(refused(id, from, why)),
    }
}

pub(super) fn take(from: &EntityId, transfer: &Transfer) -> Decision<User> {
    Decision::because(vec![accepted_event(from.clone(), transfer.clone())])
}

pub(super) fn accepted_event(from: EntityId, transfer: Transfer) -> Event {
    Event::TransferAccepted { from, transfer }
}

/// Whether a user can be given what they did not ask for.
pub(super) fn may_hold(user: &User, id: ExchangeId, context: &Context<'_>) -> Result<(), NotTaken> {
    if user.became().is_some() {
        // Whoever became someone else has nothing that they could spend.
        return Err(NotTaken::NoSuchPayee);
    }
    if !is_good(id, context.now) {
        return Err(NotTaken::NotAwaited);
    }
    Ok(())
}

/// Whether a seller can be paid: whoever they have become, it is theirs.
fn may_be_paid(user: &User, transfer: &Transfer, context: &Context<'_>) -> Result<(), NotTaken> {
    if !is_good(transfer.id, context.now) {
        return Err(NotTaken::NotAwaited);
    }
    // What was ever earned must fit as well as what is held.
    if user.earned_total_with(transfer.amount).is_none() {
        return Err(NotTaken::Busy);
    }
    Ok(())
}

fn receive_accepted(
    user: &User,
    from: EntityId,
    exchange: ExchangeId,
    summary: Option<Box<ListingSummary>>,
) -> Decision<User> {
    let forget = forget(exchange, from);
    let Some(open) = user.outbox.get(exchange) else {
        return Decision::answering(forget);
    };
    let mut decision = Decision::because(vec![Event::ExchangeSettled { id: exchange }]);
    decision.completed = open.asked.map(|asked| Completed::of(asked, arrived(open, summary)));
    decision.sending(vec![forget])
}

/// What the request is answered whose exchange was accepted.
fn arrived(
    open: &OpenExchange,
    summary: Option<Box<ListingSummary>>,
) -> Result<AnyReply<User>, Refusal> {
    Ok(match &open.exchange {
        Exchange::Transfer(transfer) => match &transfer.purpose {
            Purpose::ToUser(UserPurpose::Link(linked)) => {
                AnyReply::new(link::linked(transfer.amount, linked))
            }
            Purpose::Order(order) => AnyReply::new(purchase::purchased(transfer, order)),
            Purpose::ToUser(
                UserPurpose::Claim(_) | UserPurpose::Grant | UserPurpose::Proceeds(_),
            )
            | Purpose::Budget
            | Purpose::Fees(_) => unreachable!("a user opens links and orders only"),
        },
        Exchange::Proposal(proposal) => match &proposal.content {
            Content::Publish(_) | Content::Change(_) => {
                AnyReply::new(*summary.expect("a listing tells its seller what became of it"))
            }
            Content::Rate(rating) => AnyReply::new(rate::rated(rating)),
        },
    })
}

fn receive_refused(user: &User, exchange: ExchangeId, why: NotTaken) -> Decision<User> {
    let Some(open) = user.outbox.get(exchange) else { return Decision::nothing() };
    let amount = open.exchange.amount();
    let mut decision = Decision::because(vec![Event::ExchangeReturned { id: exchange, amount }]);
    decision.completed = open.asked.map(|asked| Completed::of(asked, Err(refusal(open, why))));
    decision
}

/// What the request is told whose exchange was refused.
fn refusal(open: &OpenExchange, why: NotTaken) -> Refusal {
    match (&open.exchange, why) {
        (_, NotTaken::NotSold(why)) => Refusal::NotSold(why),
        (Exchange::Transfer(Transfer { purpose: Purpose::ToUser(_), .. }), _) => {
            Refusal::LinkNotTaken
        }
        (Exchange::Transfer(_) | Exchange::Proposal(_), why) => Refusal::NotTaken(why),
    }
}

/// Opens an exchange on behalf of the request that is decided, which hears of its end.
pub(super) fn open(exchange: Exchange, context: &Context<'_>) -> Opening {
    let asked = Asked::by(context);
    let offer = exchange.offer();
    let event = Event::ExchangeOpened(OpenExchange { exchange, asked: Some(asked) });
    Opening { event, asked, offer }
}

/// An exchange that is being opened.
pub(super) struct Opening {
    event: Event,
    asked: Asked,
    offer: OutgoingMessage,
}

impl Opening {
    /// The decision that opens it, answered at its end.
    pub(super) fn decision<R>(self) -> Decision<User, R> {
        let Self { event, asked, offer } = self;
        let answer = crate::machine::Answer::Later(asked.reply_token);
        Decision::of(vec![event], answer).sending(vec![offer])
    }
}

pub(super) fn apply_accepted(user: &mut User, from: &EntityId, transfer: &Transfer, at: Timestamp) {
    let Purpose::ToUser(purpose) = &transfer.purpose else {
        unreachable!("a user accepts what is for users")
    };
    let asked_for = matches!(purpose, UserPurpose::Claim(_));
    user.inbox.take(transfer.id, from.clone(), asked_for, at);
    match purpose {
        UserPurpose::Claim(part) => claim::apply_funded(user, *part, transfer.amount),
        UserPurpose::Grant => user.available.credit(transfer.amount),
        UserPurpose::Link(linked) => link::apply_linked(user, from, transfer.amount, linked),
        UserPurpose::Proceeds(proceeds) => {
            publish::apply_proceeds(user, from, transfer.amount, *proceeds);
        }
    }
}

pub(super) fn apply_opened(user: &mut User, open: &OpenExchange) {
    match &open.exchange {
        Exchange::Transfer(transfer) => {
            user.available.debit(transfer.amount);
            if let Purpose::ToUser(UserPurpose::Link(_)) = &transfer.purpose {
                link::apply_opened(user, &transfer.to);
            }
        }
        Exchange::Proposal(proposal) => match &proposal.content {
            Content::Publish(draft) => publish::apply_opened(user, &proposal.to, draft),
            Content::Change(_) | Content::Rate(_) => {}
        },
    }
    user.outbox.open(open.clone());
}

pub(super) fn apply_settled(user: &mut User, id: ExchangeId) {
    let Some(open) = user.outbox.close(id) else { return };
    match &open.exchange {
        Exchange::Transfer(transfer) => match &transfer.purpose {
            Purpose::Order(order) => purchase::apply_settled(user, transfer, order),
            Purpose::ToUser(_) | Purpose::Budget | Purpose::Fees(_) => {}
        },
        Exchange::Proposal(proposal) => match &proposal.content {
            Content::Publish(_) => {}
            Content::Change(change) => publish::apply_changed(user, &proposal.to, change),
            Content::Rate(rating) => rate::apply_settled(user, &proposal.to, rating),
        },
    }
}

pub(super) fn apply_returned(user: &mut User, id: ExchangeId, amount: Micros) {
    user.available.credit(amount);
    let Some(open) = user.outbox.close(id) else { return };
    match &open.exchange {
        Exchange::Transfer(transfer) => match &transfer.purpose {
            Purpose::ToUser(UserPurpose::Link(linked)) => link::apply_returned(user, linked),
            Purpose::ToUser(
                UserPurpose::Claim(_) | UserPurpose::Grant | UserPurpose::Proceeds(_),
            )
            | Purpose::Order(_)
            | Purpose::Budget
            | Purpose::Fees(_) => {}
        },
        Exchange::Proposal(proposal) => match &proposal.content {
            Content::Publish(_) => publish::apply_returned(user, &proposal.to),
            Content::Change(_) | Content::Rate(_) => {}
        },
    }
}
