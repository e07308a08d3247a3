//! Messages of other entities to a user, handed to the file of the process that each belongs to.

use super::accepting::{accepted_event, may_hold};
use super::{Event, Refusal, User, claim, link, publish, purchase, rate};
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::{Exchange, OpenExchange, Sendable, accepted, forget, refused, unfunded};
use crate::id::ExchangeId;
use crate::listing_summary::ListingSummary;
use crate::machine::{Completed, Decision};
use crate::message::{Message, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::proposal::Content;
use crate::reply::AnyReply;
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
        Message::Refused { exchange, why } => receive_refused(user, from, exchange, why),
        Message::Forget { .. } => Decision::because(decide_deferred(user, &[(from, message)]).0),
        // A user funds no claims, and nothing can be proposed to them.
        Message::Fund { part, .. } => Decision::answering(unfunded(part, from)),
        Message::Propose(proposal) => refuse(from, proposal.id, NotTaken::NoSuchPayee),
        // Answered before a machine decides.
        Message::Confirm { .. } | Message::Confirmed { .. } | Message::Closed { .. } => {
            Decision::nothing()
        }
    }
}

pub(super) fn decide_deferred(
    user: &User,
    messages: &[(EntityId, Message)],
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let events = messages.iter().filter_map(|(from, message)| match message {
        Message::Forget { exchange } if user.inbox.is_from(from, *exchange) => {
            Some(Event::ExchangeForgotten { id: *exchange })
        }
        Message::Forget { .. }
        | Message::Fund { .. }
        | Message::Unfunded { .. }
        | Message::Offer(_)
        | Message::Propose(_)
        | Message::Accepted { .. }
        | Message::Refused { .. }
        | Message::Confirm { .. }
        | Message::Confirmed { .. }
        | Message::Closed { .. } => None,
    });
    (events.collect(), Vec::new())
}

/// Decides on a transfer to a user. Whether it was decided on before is checked first: a repeat is
/// answered as it was the first time, whatever has become of the user since.
fn receive_offer(
    user: &User,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<User> {
    let id = transfer.id;
    if let Some(known) = user.inbox.get(id) {
        return Decision::answering(known.answer());
    }
    let decided = match &transfer.purpose {
        Purpose::ToUser(purpose) => match purpose {
            UserPurpose::Claim(part) => {
                // A part that does not wait never will again: that need not be remembered.
                return match claim::receive_funds(
                    user,
                    from.clone(),
                    *part,
                    transfer.clone(),
                    context,
                ) {
                    Ok(decision) => decision.sending(vec![accepted(id, from)]),
                    Err(why) => Decision::answering(refused(id, from, why)),
                };
            }
            UserPurpose::Grant => may_hold(user).map(|()| take(&from, &transfer)),
            UserPurpose::Link(linked) => link::receive_linked(user, &from, &transfer, linked),
            UserPurpose::Proceeds(_) => {
                may_be_paid(user, &transfer).map(|()| take(&from, &transfer))
            }
        },
        Purpose::Budget | Purpose::Fees(_) | Purpose::Order(_) => Err(NotTaken::NoSuchPayee),
    };
    match decided {
        Ok(decision) => decision.sending(vec![accepted(id, from)]),
        Err(why) => refuse(from, id, why),
    }
}

fn refuse(from: EntityId, id: ExchangeId, why: NotTaken) -> Decision<User> {
    let message = refused(id, from.clone(), why);
    Decision::because(vec![Event::ExchangeRefused { id, from, why }]).sending(vec![message])
}

pub(super) fn take(from: &EntityId, transfer: &Transfer) -> Decision<User> {
    Decision::because(vec![accepted_event(from.clone(), transfer.clone())])
}

/// Whether a seller can be paid. Money from sales is theirs even if they became a person.
fn may_be_paid(user: &User, transfer: &Transfer) -> Result<(), NotTaken> {
    if user.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    // All that was ever earned must fit as well as the balance.
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
    let open = user.outbox.answered_by(&from, exchange);
    let forget = forget(exchange, from);
    let Some(open) = open else { return Decision::answering(forget) };
    let mut decision = Decision::because(vec![Event::ExchangeSettled { id: exchange }]);
    decision.completed = open.asked.map(|asked| Completed::of(asked, arrived(open, summary)));
    decision.sending(vec![forget])
}

/// The reply to a request whose exchange was accepted.
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

fn receive_refused(
    user: &User,
    from: EntityId,
    exchange: ExchangeId,
    why: NotTaken,
) -> Decision<User> {
    let open = user.outbox.answered_by(&from, exchange);
    let forget = forget(exchange, from);
    let Some(open) = open else { return Decision::answering(forget) };
    let amount = open.exchange.amount();
    let mut decision = Decision::because(vec![Event::ExchangeReturned { id: exchange, amount }]);
    decision.completed = open.asked.map(|asked| Completed::of(asked, Err(refusal(open, why))));
    decision.sending(vec![forget])
}

/// The refusal of a request whose exchange was refused.
fn refusal(open: &OpenExchange, why: NotTaken) -> Refusal {
    match (&open.exchange, why) {
        (_, NotTaken::NotSold(why)) => Refusal::NotSold(why),
        (Exchange::Transfer(Transfer { purpose: Purpose::ToUser(_), .. }), _) => {
            Refusal::LinkNotTaken
        }
        (Exchange::Transfer(_) | Exchange::Proposal(_), why) => Refusal::NotTaken(why),
    }
}

pub(super) fn apply_accepted(user: &mut User, from: &EntityId, transfer: &Transfer) {
    let Purpose::ToUser(purpose) = &transfer.purpose else {
        unreachable!("a user accepts what is for users")
    };
    user.inbox.accept(transfer.id, from.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::earning::Payer;
    use crate::id::ClaimId;
    use crate::machine::Machine;
    use crate::market::{Fees, ListingStatus, Proceeds};
    use crate::testing::{
        UnderTest, check_edges, check_guards, exchange_id, full_inbox, listing, micros,
        nearly_full_inbox, order_of, person, project, proposal, rating, system, tag, transfer,
        user,
    };
    use crate::transfer::PartId;

    type Case = (UnderTest<User>, Transfer);

    fn part() -> PartId {
        PartId { claim: ClaimId::new(1), part: 0 }
    }

    fn grant(amount: u64) -> Transfer {
        transfer(1, person("ada"), amount, Purpose::ToUser(UserPurpose::Grant))
    }

    fn proceeds(amount: u64) -> Transfer {
        let proceeds = Proceeds { sales: 1, status: ListingStatus::Active };
        let purpose = Purpose::ToUser(UserPurpose::Proceeds(proceeds));
        transfer(1, person("ada"), amount, purpose)
    }

    /// The reason for refusing a transfer, if it is refused.
    fn not_taken((ada, transfer): &Case) -> Option<NotTaken> {
        let message = Message::Offer(transfer.clone());
        let decision = ada.entity.receive(system(), message, &ada.context());
        match &*decision.messages {
            [OutgoingMessage { message: Message::Accepted { .. }, .. }] => None,
            [OutgoingMessage { message: Message::Refused { why, .. }, .. }] => Some(*why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn guards_of_a_gift_refuse_in_their_order() {
        check_guards(
            &(user("ada"), grant(5)),
            not_taken,
            &[
                (|(ada, _)| ada.becomes(person("bob")), NotTaken::NoSuchPayee),
                (|(ada, _)| ada.inbox = full_inbox(), NotTaken::Busy),
            ],
        );
        check_edges(
            &(user("ada"), grant(5)),
            not_taken,
            &[(|(ada, _)| ada.inbox = nearly_full_inbox(), None)],
        );
    }

    #[test]
    fn guards_of_a_sellers_money_refuse_in_their_order() {
        let sound = (user("ada"), proceeds(97));
        check_guards(
            &sound,
            not_taken,
            &[
                (|(ada, _)| ada.inbox = full_inbox(), NotTaken::Busy),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX), NotTaken::Busy),
            ],
        );
        check_edges(
            &sound,
            not_taken,
            &[
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX - 97), None),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX - 96), Some(NotTaken::Busy)),
                // A seller who became a person is paid all the same.
                (|(ada, _)| ada.becomes(person("bob")), None),
            ],
        );
    }

    #[test]
    fn what_is_not_for_users_is_refused() {
        let rows = [
            Purpose::Budget,
            Purpose::Fees(Fees::default()),
            Purpose::Order(Box::new(order_of(1))),
        ];
        for purpose in rows {
            let transfer = Transfer { purpose, ..grant(5) };
            assert_eq!(not_taken(&(user("ada"), transfer)), Some(NotTaken::NoSuchPayee));
        }
    }

    #[test]
    fn a_gift_can_be_spent_and_sales_can_be_claimed() {
        let take = |transfer: Transfer| {
            let mut ada = user("ada");
            let step = ada.hear(&system(), Message::Offer(transfer.clone()));
            assert_eq!(step.messages, [accepted(transfer.id, system())]);
            assert_eq!(step.events, [accepted_event(system(), transfer.clone())]);
            assert!(ada.inbox.has(transfer.id));
            [ada.available, ada.pending(), ada.unclaimed_sales()]
        };
        assert_eq!(take(grant(5)), [5, 0, 0].map(micros));
        assert_eq!(take(proceeds(5)), [0, 5, 5].map(micros));
    }

    #[test]
    fn a_late_repeat_is_answered_as_the_first_whatever_has_become_of_the_user() {
        let id = exchange_id(1);
        let rows: [fn(&mut UnderTest<User>); 2] = [|_| (), |ada| ada.becomes(person("bob"))];
        for change in rows {
            let mut ada = user("ada");
            ada.hear(&system(), Message::Offer(grant(5)));
            change(&mut ada);
            let step = ada.hear(&system(), Message::Offer(grant(5)));
            assert_eq!((step.events, step.messages), (vec![], vec![accepted(id, system())]));
            assert_eq!(ada.available, micros(5), "taken once");
        }
        let mut ada = user("ada").with(|ada| ada.becomes(person("bob")));
        let refusal = refused(id, system(), NotTaken::NoSuchPayee);
        let step = ada.hear(&system(), Message::Offer(grant(5)));
        let (from, why) = (system(), NotTaken::NoSuchPayee);
        assert_eq!(step.events, [Event::ExchangeRefused { id, from, why }]);
        ada.links = None;
        let step = ada.hear(&system(), Message::Offer(grant(5)));
        assert_eq!((step.events, step.messages), (vec![], vec![refusal.clone()]));
        assert_eq!((ada.available, ada.outstanding(&ada.me)), (micros(0), vec![refusal]));
        ada.hear(&system(), Message::Forget { exchange: id });
        assert!(!ada.inbox.has(id));
    }

    #[test]
    fn what_a_claim_tells_apart_need_not_be_confirmed() {
        let claim = Purpose::ToUser(UserPurpose::Claim(part()));
        let offers = |purpose| Message::Offer(Transfer { purpose, ..grant(5) });
        let rows = [
            (offers(claim), true),
            (offers(Purpose::ToUser(UserPurpose::Grant)), false),
            (offers(Purpose::Budget), false),
            (Message::Propose(proposal(9, 1, rating(1, 5))), false),
        ];
        for (offer, expected) in rows {
            assert_eq!(user("ada").tells_repeats_apart(&offer), expected, "{offer:?}");
        }
    }

    #[test]
    fn what_is_no_users_business_changes_nothing() {
        let id = exchange_id(9);
        let amount = micros(5);
        // The message; the answer to it.
        let rows = [
            (Message::Fund { part: part(), amount }, Some(unfunded(part(), project(1)))),
            (Message::Unfunded { part: part() }, None),
            (Message::Accepted { exchange: id, summary: None }, Some(forget(id, project(1)))),
            (Message::Refused { exchange: id, why: NotTaken::Busy }, Some(forget(id, project(1)))),
            (Message::Forget { exchange: id }, None),
        ];
        for (message, answer) in rows {
            let mut ada = user("ada").with(|ada| ada.orders(1, tag(1)));
            let before = (*ada).clone();
            let step = ada.hear(&project(1), message.clone());
            assert_eq!((step.events, step.messages), (vec![], answer.into_iter().collect()));
            assert!(step.completed.is_none());
            assert_eq!(*ada, before, "{message:?}");
        }
    }

    #[test]
    fn what_was_settled_is_forgotten_once() {
        let forget = |n| Message::Forget { exchange: exchange_id(n) };
        let mut ada = user("ada");
        ada.hear(&system(), Message::Offer(grant(5)));
        ada.hear(&system(), Message::Offer(Transfer { id: exchange_id(2), ..grant(6) }));
        let acceptances: Vec<OutgoingMessage> = ada.outstanding(&ada.me);
        assert_eq!(acceptances, [1, 2].map(|n| accepted(exchange_id(n), system())));
        let messages = [(system(), forget(2)), (system(), forget(3)), (system(), grant_again())];
        let (events, answers) = ada.decide_deferred(&messages);
        assert_eq!(events, [Event::ExchangeForgotten { id: exchange_id(2) }]);
        assert_eq!(answers, []);
        ada.apply(&events);
        assert_eq!(ada.outstanding(&ada.me), [accepted(exchange_id(1), system())]);
        let step = ada.hear(&system(), forget(1));
        assert_eq!(step.events, [Event::ExchangeForgotten { id: exchange_id(1) }]);
        assert!(ada.outstanding(&ada.me).is_empty());
    }

    fn grant_again() -> Message {
        Message::Offer(grant(5))
    }

    #[test]
    fn only_what_nobody_waits_for_is_deferred() {
        let exchange = exchange_id(1);
        let rows = [
            (Message::Forget { exchange }, true),
            (Message::Accepted { exchange, summary: None }, false),
            (Message::Refused { exchange, why: NotTaken::Busy }, false),
            (Message::Offer(grant(5)), false),
            (Message::Unfunded { part: part() }, false),
            (Message::Fund { part: part(), amount: micros(5) }, false),
            (Message::Propose(proposal(1, 1, rating(1, 5))), false),
        ];
        for (message, can) in rows {
            assert_eq!(user("ada").can_defer(&message), can, "{message:?}");
        }
    }

    #[test]
    fn an_end_that_nobody_waits_for_completes_nothing() {
        let mut ada = user("ada").with(|ada| {
            ada.available = micros(100);
            let transfer = transfer(1, listing(1), 100, Purpose::Order(Box::new(order_of(1))));
            let exchange = Exchange::Transfer(transfer);
            ada.outbox.open(OpenExchange { exchange, asked: None });
        });
        let mut bob = ada.clone();
        let agreed = Message::Accepted { exchange: exchange_id(1), summary: None };
        assert!(ada.hear(&listing(1), agreed).completed.is_none());
        let refused = Message::Refused { exchange: exchange_id(1), why: NotTaken::Busy };
        assert!(bob.hear(&listing(1), refused).completed.is_none());
        assert_eq!((ada.available, bob.available), (micros(100), micros(200)));
    }

    #[test]
    fn what_ended_before_ends_once() {
        let mut ada = user("ada").with(|ada| ada.available = micros(7));
        let before = (*ada).clone();
        ada.apply(&[Event::ExchangeSettled { id: exchange_id(1) }]);
        ada.apply(&[Event::ExchangeReturned { id: exchange_id(1), amount: micros(0) }]);
        assert_eq!(*ada, before);
    }
}
