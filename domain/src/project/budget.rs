//! The reward budget: filled by the treasury, spent on claims.

use super::{Event, Project};
use crate::context::Context;
use crate::entity::{EntityId, Kind};
use crate::exchange::{OpenTransfer, Sendable, accepted, forget, refused, unfunded};
use crate::id::ExchangeId;
use crate::machine::{Decision, Machine};
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
        Message::Offer(transfer) => take(project, from, transfer),
        Message::Refused { exchange, .. } => take_back(project, from, exchange),
        // Both can wait for the next entry; one at a time they are decided in the same way.
        Message::Accepted { .. } | Message::Forget { .. } => {
            let (events, messages) = project.decide_deferred(&[(from, message)]);
            Decision::because(events).sending(messages)
        }
        // A project claims nothing, and nothing can be proposed to it.
        Message::Unfunded { .. } => Decision::nothing(),
        Message::Propose(proposal) => refuse(from, proposal.id, NotTaken::NoSuchPayee),
        // Answered before a machine decides.
        Message::Confirm { .. } | Message::Confirmed { .. } | Message::Closed { .. } => {
            Decision::nothing()
        }
    }
}

/// Funds a part of a claim as far as the budget goes. Asked again while the transfer is open, it
/// offers the same transfer again.
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

fn take(project: &Project, from: EntityId, transfer: Transfer) -> Decision<Project> {
    let id = transfer.id;
    if let Some(known) = project.inbox.get(id) {
        return Decision::answering(known.answer());
    }
    if let Err(why) = may_take(project, &from, &transfer) {
        return refuse(from, id, why);
    }
    let messages = vec![accepted(id, from.clone())];
    Decision::because(vec![Event::TransferAccepted { from, transfer }]).sending(messages)
}

fn refuse(from: EntityId, id: ExchangeId, why: NotTaken) -> Decision<Project> {
    let message = refused(id, from.clone(), why);
    Decision::because(vec![Event::TransferRefused { id, from, why }]).sending(vec![message])
}

fn may_take(project: &Project, from: &EntityId, transfer: &Transfer) -> Result<(), NotTaken> {
    let is_budget = transfer.purpose == Purpose::Budget && from.kind == Kind::System;
    if !project.exists() || !is_budget {
        return Err(NotTaken::NoSuchPayee);
    }
    if project.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    // All money was minted once, and all that was minted fits, so any budget fits.
    Ok(())
}

fn take_back(project: &Project, from: EntityId, id: ExchangeId) -> Decision<Project> {
    let events = project.outbox.answered_by(&from, id).map(|open| {
        let amount = open.exchange.amount;
        Event::TransferReturned { id, amount }
    });
    Decision::because(events.into_iter().collect()).sending(vec![forget(id, from)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::MAX_OPEN;
    use crate::id::ClaimId;
    use crate::market::Fees;
    use crate::message::OutgoingMessage;
    use crate::testing::{
        UnderTest, check_edges, check_guards, exchange_id, fill, fresh, full_inbox, micros,
        nearly_full_inbox, order_of, person, project, system, transfer,
    };
    use crate::time::Timestamp;

    fn part(part: u32) -> PartId {
        PartId { claim: ClaimId::new(1), part }
    }

    /// A project with a budget of 100.
    fn shop() -> UnderTest<Project> {
        UnderTest::<Project>::new(project(1)).with(|shop| {
            shop.created_at = Some(Timestamp::EPOCH);
            shop.available = micros(100);
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

    fn fills(amount: u64) -> Transfer {
        transfer(1, project(1), amount, Purpose::Budget)
    }

    #[test]
    fn a_claim_is_funded_as_far_as_the_budget_goes() {
        // The budget, the amount that is asked for; the transfer that is sent.
        let rows = [
            (100, 60, Some(60)),
            (100, 100, Some(100)),
            (100, 101, Some(100)),
            (1, u64::MAX, Some(1)),
            (0, 60, None),
            (100, 0, None),
        ];
        for (available, asked, expected) in rows {
            let mut shop = shop().with(|shop| shop.available = micros(available));
            let step = shop.hear(&person("ada"), asks(0, asked));
            match expected {
                Some(amount) => {
                    let exchange = funds(0, amount);
                    assert_eq!(step.messages, [exchange.offer()]);
                    let open = OpenTransfer { exchange, asked: None };
                    assert_eq!(step.events, [Event::TransferOpened(open)]);
                    assert_eq!(shop.available, micros(available - amount));
                    assert_eq!(shop.outbox.in_flight(), micros(amount));
                }
                None => {
                    assert_eq!(step.messages, [unfunded(part(0), person("ada"))]);
                    assert_eq!((step.events, shop.available), (vec![], micros(available)));
                }
            }
        }
    }

    #[test]
    fn a_claim_is_funded_only_where_there_is_room() {
        for (open, funded) in [(MAX_OPEN - 1, true), (MAX_OPEN, false)] {
            let mut shop = shop();
            fill(&mut shop.outbox, open, |transfer| transfer);
            let message = &shop.hear(&person("ada"), asks(0, 60)).messages[0];
            let expected =
                if funded { funds(0, 60).offer() } else { unfunded(part(0), person("ada")) };
            assert_eq!(*message, expected);
        }
    }

    #[test]
    fn who_asks_again_gets_the_same_offer_whatever_they_ask() {
        let mut shop = shop();
        shop.hear(&person("ada"), asks(0, 60));
        for (available, amount) in [(40, 60), (40, 5), (0, 60)] {
            shop.available = micros(available);
            let step = shop.hear(&person("ada"), asks(0, amount));
            assert_eq!((step.events, step.messages), (vec![], vec![funds(0, 60).offer()]));
        }
        // Another part is funded by another transfer.
        shop.available = micros(40);
        let step = shop.hear(&person("ada"), asks(1, 60));
        assert_eq!(step.events.len(), 1);
        assert_eq!((shop.available, shop.outbox.in_flight()), (micros(0), micros(100)));
    }

    #[test]
    fn the_claimants_answer_ends_the_transfer() {
        let id = ExchangeId::new(fresh(1));
        let accepted = Message::Accepted { exchange: id, summary: None };
        let refused = Message::Refused { exchange: id, why: NotTaken::NotAwaited };
        let amount = micros(60);
        // The answer; what happens, and the budget afterwards.
        let rows = [
            (accepted, Event::TransferSettled { id }, 40),
            (refused, Event::TransferReturned { id, amount }, 100),
        ];
        for (answer, event, available) in rows {
            let mut shop = shop();
            shop.hear(&person("ada"), asks(0, 60));
            let step = shop.hear(&person("ada"), answer);
            let heard = forget(id, person("ada"));
            assert_eq!((step.events, step.messages), (vec![event], vec![heard]));
            assert_eq!(shop.available, micros(available));
            assert!(shop.outbox.is_empty() && shop.outbox.funding(part(0)).is_none());
        }
    }

    #[test]
    fn guards_of_a_filling_refuse_in_their_order() {
        type Case = (UnderTest<Project>, EntityId, Transfer);
        fn not_taken((shop, from, transfer): &Case) -> Option<NotTaken> {
            may_take(shop, from, transfer).err()
        }
        let sound = (shop(), system(), fills(50));
        check_guards(
            &sound,
            not_taken,
            &[
                (|(shop, ..)| shop.created_at = None, NotTaken::NoSuchPayee),
                (|(_, from, _)| *from = person("ada"), NotTaken::NoSuchPayee),
                (
                    |(_, _, fills)| fills.purpose = Purpose::Fees(Fees::default()),
                    NotTaken::NoSuchPayee,
                ),
                (|(shop, ..)| shop.inbox = full_inbox(), NotTaken::Busy),
            ],
        );
        let no = Some(NotTaken::NoSuchPayee);
        check_edges(
            &sound,
            not_taken,
            &[
                (|(shop, ..)| shop.inbox = nearly_full_inbox(), None),
                (|(_, from, _)| *from = project(1), no),
                (|(_, _, fills)| fills.purpose = Purpose::ToUser(UserPurpose::Grant), no),
                (|(_, _, fills)| fills.purpose = Purpose::Order(Box::new(order_of(1))), no),
            ],
        );
    }

    #[test]
    fn a_filling_is_added_once() {
        let mut shop = shop();
        let step = shop.hear(&system(), Message::Offer(fills(50)));
        let from = system();
        assert_eq!(step.events, [Event::TransferAccepted { from, transfer: fills(50) }]);
        assert_eq!(step.messages, [accepted(exchange_id(1), system())]);
        assert_eq!(shop.outstanding(&shop.me), [accepted(exchange_id(1), system())]);
        let step = shop.hear(&system(), Message::Offer(fills(50)));
        assert_eq!(
            (step.events, step.messages),
            (vec![], vec![accepted(exchange_id(1), system())])
        );
        assert_eq!(shop.available, micros(150));
        let step = shop.hear(&system(), Message::Forget { exchange: exchange_id(1) });
        assert_eq!(step.events, [Event::TransferForgotten { id: exchange_id(1) }]);
        assert!(!shop.inbox.has(exchange_id(1)));
    }

    #[test]
    fn what_is_no_projects_business_changes_nothing() {
        let exchange = exchange_id(9);
        // The message; the answer, and whether it can wait.
        let rows = [
            (Message::Unfunded { part: part(0) }, None, false),
            (
                Message::Refused { exchange, why: NotTaken::Busy },
                Some(forget(exchange, person("ada"))),
                false,
            ),
            (
                Message::Accepted { exchange, summary: None },
                Some(forget(exchange, person("ada"))),
                true,
            ),
            (Message::Forget { exchange }, None, true),
        ];
        for (message, answer, can_defer) in rows {
            let mut shop = shop();
            let before = (*shop).clone();
            let step = shop.hear(&person("ada"), message.clone());
            let answer: Vec<OutgoingMessage> = answer.into_iter().collect();
            assert_eq!((step.events, step.messages), (vec![], answer));
            assert_eq!(*shop, before);
            assert_eq!(shop.can_defer(&message), can_defer, "{message:?}");
        }
        assert!(!shop().can_defer(&asks(0, 5)) && !shop().can_defer(&Message::Offer(fills(5))));
    }
}
