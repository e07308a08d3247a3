//! Messages of other entities to the system: claims that the pool funds, fees that come in, and the
//! ends of the treasury's transfers.

use super::{Event, Funded, Minted, Refusal, System};
use crate::context::Context;
use crate::entity::{EntityId, Kind};
use crate::exchange::{OpenTransfer, Sendable, accepted, forget, refused, unfunded};
use crate::id::ExchangeId;
use crate::ledger::AccountClass;
use crate::machine::{Completed, Decision, Machine};
use crate::message::{Message, NotTaken};
use crate::money::Micros;
use crate::reply::AnyReply;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

pub(super) fn receive(
    system: &System,
    from: EntityId,
    message: Message,
    context: &Context<'_>,
) -> Decision<System> {
    match message {
        Message::Accepted { exchange, .. } => receive_accepted(system, from, exchange, message),
        Message::Refused { exchange, .. } => take_back(system, from, exchange),
        Message::Fund { part, amount } => fund(system, from, part, amount, context),
        Message::Offer(transfer) => take(system, from, transfer),
        Message::Forget { .. } => {
            let (events, messages) = system.decide_deferred(&[(from, message)]);
            Decision::because(events).sending(messages)
        }
        Message::Propose(proposal) => refuse(from, proposal.id, NotTaken::NoSuchPayee),
        Message::Unfunded { .. } => Decision::nothing(),
        // Answered before a machine decides.
        Message::Confirm { .. } | Message::Confirmed { .. } | Message::Closed { .. } => {
            Decision::nothing()
        }
    }
}

fn receive_accepted(
    system: &System,
    from: EntityId,
    exchange: ExchangeId,
    message: Message,
) -> Decision<System> {
    let open = system.outbox.answered_by(&from, exchange);
    let (events, messages) = system.decide_deferred(&[(from, message)]);
    let mut decision = Decision::because(events).sending(messages);
    decision.completed = open.and_then(|open| {
        let asked = open.asked?;
        Some(Completed::of(asked, Ok(arrived(system, open))))
    });
    decision
}

/// The reply to a request whose transfer was accepted.
fn arrived(system: &System, open: &OpenTransfer) -> AnyReply<System> {
    let amount = open.exchange.amount;
    match open.exchange.to.kind {
        Kind::Project => AnyReply::new(Funded { amount, treasury: system.treasury }),
        Kind::User | Kind::System | Kind::Listing => {
            AnyReply::new(Minted { amount, minted: system.minted })
        }
    }
}

/// Accepts fees; nothing else is for the system.
fn take(system: &System, from: EntityId, transfer: Transfer) -> Decision<System> {
    let id = transfer.id;
    if let Some(known) = system.inbox.get(id) {
        return Decision::answering(known.answer());
    }
    if let Err(why) = may_take(system, &transfer) {
        return refuse(from, id, why);
    }
    let messages = vec![accepted(id, from.clone())];
    Decision::because(vec![Event::TransferAccepted { from, transfer }]).sending(messages)
}

fn refuse(from: EntityId, id: ExchangeId, why: NotTaken) -> Decision<System> {
    let message = refused(id, from.clone(), why);
    Decision::because(vec![Event::TransferRefused { id, from, why }]).sending(vec![message])
}

fn may_take(system: &System, transfer: &Transfer) -> Result<(), NotTaken> {
    match &transfer.purpose {
        Purpose::Fees(fees) if fees.total() == transfer.amount => {}
        Purpose::Fees(_) | Purpose::ToUser(_) | Purpose::Budget | Purpose::Order(_) => {
            return Err(NotTaken::NoSuchPayee);
        }
    }
    if system.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    Ok(())
}

/// Funds a part of a claim from the pool, as far as it goes. Asked again while the transfer is
/// open, it offers the same transfer again.
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

fn take_back(system: &System, from: EntityId, id: ExchangeId) -> Decision<System> {
    let open = system.outbox.answered_by(&from, id);
    let messages = vec![forget(id, from)];
    let Some(open) = open else {
        return Decision::nothing().sending(messages);
    };
    let amount = open.exchange.amount;
    let into = out_of(open);
    let mut events = vec![Event::TransferReturned { id, into, amount }];
    // Grants are minted as they are sent.
    if matches!(open.exchange.purpose, Purpose::ToUser(UserPurpose::Grant)) {
        events.push(Event::MintReversed { amount });
    }
    let mut decision = Decision::because(events).sending(messages);
    decision.completed = open.asked.map(|asked| Completed::of(asked, Err(Refusal::NotTaken)));
    decision
}

/// The account that an open transfer came from: pool or treasury.
fn out_of(open: &OpenTransfer) -> AccountClass {
    match open.exchange.purpose {
        Purpose::ToUser(UserPurpose::Claim(_)) => AccountClass::Pool,
        Purpose::ToUser(UserPurpose::Grant | UserPurpose::Link(_) | UserPurpose::Proceeds(_))
        | Purpose::Budget
        | Purpose::Fees(_)
        | Purpose::Order(_) => AccountClass::Treasury,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::MAX_OPEN;
    use crate::id::ClaimId;
    use crate::market::Fees;
    use crate::message::OutgoingMessage;
    use crate::testing::{
        UnderTest, asked, check_edges, check_guards, exchange_id, fill, fresh, full_inbox, listing,
        micros, nearly_full_inbox, order_of, person, project, system as the_system, tag, transfer,
    };

    fn part(part: u32) -> PartId {
        PartId { claim: ClaimId::new(1), part }
    }

    /// The pool has 100, the treasury 7.
    fn bank() -> UnderTest<System> {
        UnderTest::<System>::new(the_system()).with(|bank| {
            (bank.minted, bank.pool, bank.treasury) = (micros(107), micros(100), micros(7));
        })
    }

    fn asks(part_number: u32, amount: u64) -> Message {
        Message::Fund { part: part(part_number), amount: micros(amount) }
    }

    /// The transfer that funds a part, as it is opened in the first step.
    fn funds(part_number: u32, amount: u64) -> Transfer {
        let purpose = Purpose::ToUser(UserPurpose::Claim(part(part_number)));
        let id = ExchangeId::new(fresh(1));
        Transfer { id, to: person("ada"), amount: micros(amount), purpose }
    }

    fn fees() -> Transfer {
        let fees = Fees { burned: micros(40), stakers: micros(35), treasury: micros(25) };
        transfer(1, the_system(), 100, Purpose::Fees(fees))
    }

    #[test]
    fn a_claim_is_funded_as_far_as_the_pool_goes() {
        // The pool, the amount that is asked for; the transfer that is sent.
        let rows = [
            (100, 60, Some(60)),
            (100, 100, Some(100)),
            (100, 101, Some(100)),
            (0, 60, None),
            (100, 0, None),
        ];
        for (pool, asked, expected) in rows {
            let mut bank = bank().with(|bank| bank.pool = micros(pool));
            let step = bank.hear(&person("ada"), asks(0, asked));
            match expected {
                Some(amount) => {
                    let exchange = funds(0, amount);
                    assert_eq!(step.messages, [exchange.offer()]);
                    let open = OpenTransfer { exchange, asked: None };
                    let out_of = AccountClass::Pool;
                    assert_eq!(step.events, [Event::TransferOpened { out_of, open }]);
                    assert_eq!(bank.pool, micros(pool - amount));
                }
                None => {
                    assert_eq!(step.messages, [unfunded(part(0), person("ada"))]);
                    assert_eq!((step.events, bank.pool), (vec![], micros(pool)));
                }
            }
            assert_eq!(bank.treasury, micros(7), "the treasury funds no claims");
        }
    }

    #[test]
    fn a_claim_is_funded_only_where_there_is_room() {
        for (open, funded) in [(MAX_OPEN - 1, true), (MAX_OPEN, false)] {
            let mut bank = bank();
            fill(&mut bank.outbox, open, |transfer| transfer);
            let message = &bank.hear(&person("ada"), asks(0, 60)).messages[0];
            let expected =
                if funded { funds(0, 60).offer() } else { unfunded(part(0), person("ada")) };
            assert_eq!(*message, expected);
        }
    }

    #[test]
    fn who_asks_again_gets_the_same_offer_whatever_they_ask() {
        let mut bank = bank();
        bank.hear(&person("ada"), asks(0, 60));
        for (pool, amount) in [(40, 60), (40, 5), (0, 60)] {
            bank.pool = micros(pool);
            let step = bank.hear(&person("ada"), asks(0, amount));
            assert_eq!((step.events, step.messages), (vec![], vec![funds(0, 60).offer()]));
        }
        bank.pool = micros(40);
        assert_eq!(bank.hear(&person("ada"), asks(1, 60)).events.len(), 1, "another part");
        assert_eq!(bank.outbox.in_flight(), micros(100));
    }

    #[test]
    fn the_claimants_answer_ends_the_transfer() {
        let id = ExchangeId::new(fresh(1));
        let accepted = Message::Accepted { exchange: id, summary: None };
        let refused = Message::Refused { exchange: id, why: NotTaken::NotAwaited };
        let (into, amount) = (AccountClass::Pool, micros(60));
        let returned = Event::TransferReturned { id, into, amount };
        // The answer, whether it can wait; what happens, and the pool afterwards.
        let rows =
            [(accepted, true, Event::TransferSettled { id }, 40), (refused, false, returned, 100)];
        for (answer, can_defer, event, pool) in rows {
            let mut bank = bank();
            bank.hear(&person("ada"), asks(0, 60));
            assert_eq!(bank.can_defer(&answer), can_defer);
            let step = bank.hear(&person("ada"), answer);
            assert_eq!(step.events, [event]);
            assert!(step.completed.is_none(), "nobody waits for it");
            assert_eq!((bank.pool, bank.treasury), (micros(pool), micros(7)));
            assert!(bank.outbox.is_empty());
        }
    }

    #[test]
    fn what_comes_back_goes_where_it_came_from() {
        let to_user = Purpose::ToUser;
        let rows = [
            (to_user(UserPurpose::Claim(part(0))), AccountClass::Pool),
            (to_user(UserPurpose::Grant), AccountClass::Treasury),
            (Purpose::Budget, AccountClass::Treasury),
        ];
        for (purpose, expected) in rows {
            let exchange = transfer(1, project(1), 5, purpose);
            assert_eq!(out_of(&OpenTransfer { exchange, asked: None }), expected);
        }
    }

    #[test]
    fn guards_of_fees_refuse_in_their_order() {
        type Case = (UnderTest<System>, Transfer);
        fn not_taken((bank, transfer): &Case) -> Option<NotTaken> {
            let message = Message::Offer(transfer.clone());
            let decision = bank.entity.receive(listing(1), message, &bank.context());
            match &*decision.messages {
                [OutgoingMessage { message: Message::Refused { why, .. }, .. }] => Some(*why),
                [_] => None,
                other => panic!("{other:?}"),
            }
        }
        check_guards(
            &(bank(), fees()),
            not_taken,
            &[
                (|(_, fees)| fees.amount = micros(101), NotTaken::NoSuchPayee),
                (|(bank, _)| bank.inbox = full_inbox(), NotTaken::Busy),
            ],
        );
        let no = Some(NotTaken::NoSuchPayee);
        check_edges(
            &(bank(), fees()),
            not_taken,
            &[
                (|(bank, _)| bank.inbox = nearly_full_inbox(), None),
                (|(_, fees)| fees.amount = micros(99), no),
                (|(_, fees)| fees.purpose = Purpose::Budget, no),
                (|(_, fees)| fees.purpose = Purpose::ToUser(UserPurpose::Grant), no),
                (|(_, fees)| fees.purpose = Purpose::Order(Box::new(order_of(1))), no),
            ],
        );
    }

    #[test]
    fn fees_are_split_as_they_say_and_taken_once() {
        let mut bank = bank();
        let step = bank.hear(&listing(1), Message::Offer(fees()));
        let from = listing(1);
        assert_eq!(step.events, [Event::TransferAccepted { from, transfer: fees() }]);
        assert_eq!(step.messages, [accepted(exchange_id(1), listing(1))]);
        assert_eq!(bank.outstanding(&bank.me), [accepted(exchange_id(1), listing(1))]);
        let step = bank.hear(&listing(1), Message::Offer(fees()));
        assert_eq!(
            (step.events, step.messages),
            (vec![], vec![accepted(exchange_id(1), listing(1))])
        );
        let state = [bank.burned, bank.stakers, bank.treasury, bank.pool];
        assert_eq!(state, [40, 35, 32, 100].map(micros));
        let step = bank.hear(&listing(1), Message::Forget { exchange: exchange_id(1) });
        assert_eq!(step.events, [Event::TransferForgotten { id: exchange_id(1) }]);
        assert!(!bank.inbox.has(exchange_id(1)));
    }

    #[test]
    fn what_somebody_waits_for_is_not_deferred() {
        let accepted = |n| Message::Accepted { exchange: exchange_id(n), summary: None };
        let mut bank = bank();
        for (n, asked) in [(1, asked(tag(1))), (2, None)] {
            let exchange = transfer(n, project(1), 5, Purpose::Budget);
            bank.outbox.open(OpenTransfer { exchange, asked });
        }
        assert!(!bank.can_defer(&accepted(1)));
        assert!(bank.can_defer(&accepted(2)));
        assert!(bank.can_defer(&accepted(3)), "it has ended before");
        assert!(bank.can_defer(&Message::Forget { exchange: exchange_id(1) }));
        assert!(!bank.can_defer(&asks(0, 5)) && !bank.can_defer(&Message::Offer(fees())));
    }

    #[test]
    fn what_is_not_the_systems_business_changes_nothing() {
        let exchange = exchange_id(9);
        let rows = [
            (Message::Unfunded { part: part(0) }, None),
            (
                Message::Refused { exchange, why: NotTaken::Busy },
                Some(forget(exchange, person("ada"))),
            ),
            (Message::Accepted { exchange, summary: None }, Some(forget(exchange, person("ada")))),
            (Message::Forget { exchange }, None),
        ];
        for (message, answer) in rows {
            let mut bank = bank();
            let before = (*bank).clone();
            let step = bank.hear(&person("ada"), message.clone());
            let answer: Vec<OutgoingMessage> = answer.into_iter().collect();
            assert_eq!((step.events, step.messages), (vec![], answer), "{message:?}");
            assert!(step.completed.is_none());
            assert_eq!(*bank, before);
        }
    }
}
