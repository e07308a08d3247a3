//! Asking whether an exchange that is offered is still open.
//!
//! An offer may come late or twice, and a receiver forgets an exchange once its opener has settled
//! it: otherwise it would have to remember all that it ever accepted. So an offer of which the
//! receiver remembers nothing is either new, or older than its memory. Only the opener knows which,
//! since its outbox holds exactly what has not ended; it is asked, and the receiver decides when the
//! answer comes. `docs/adr/0010-confirmed-offers.md` says why this is safe, and what else was tried.

use std::collections::HashMap;

use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::machine::Machine;
use crate::message::{Message, OutgoingMessage};

/// The most questions that one entity remembers. What it asks about beyond is asked again when it
/// is confirmed, by which time others have made room.
const MAX_ASKED: usize = 100_000;

/// The exchanges about which an entity has asked their openers.
///
/// Not part of its state: what is lost in a crash is asked again.
#[derive(Debug, Default)]
pub struct Confirmations {
    /// The number that a confirmation must repeat, by exchange. Taken out by the first one that
    /// does, so that none lets an exchange in twice.
    asked: HashMap<ExchangeId, u128>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The machine decides on this one.
    Decide(Message),
    /// These are sent, and there is nothing to decide.
    Answer(Vec<OutgoingMessage>),
}

impl Confirmations {
    /// Lets a message through to a machine, or answers it. `fresh` is a number that was never used
    /// before, in any process.
    pub fn admit<M: Machine>(
        &mut self,
        machine: &M,
        from: &EntityId,
        message: Message,
        fresh: u128,
    ) -> Admitted {
        match message {
            Message::Offer(_) | Message::Propose(_) => {
                let Some(id) = self.unknown(machine, &message) else {
                    return Admitted::Decide(message);
                };
                Admitted::Answer(vec![self.ask(id, from, fresh)])
            }
            Message::Confirmed { offer, number } => match self.unknown(machine, &offer) {
                Some(id) if self.asked.get(&id) == Some(&number) => {
                    self.asked.remove(&id);
                    Admitted::Decide(*offer)
                }
                Some(id) => Admitted::Answer(vec![self.ask(id, from, fresh)]),
                None => Admitted::Decide(*offer),
            },
            Message::Confirm { exchange, number } => {
                let message = match machine.open_offer(exchange) {
                    Some(offer) => Message::Confirmed { offer: Box::new(offer), number },
                    None => Message::Closed { exchange },
                };
                Admitted::Answer(vec![OutgoingMessage { to: from.clone(), message }])
            }
            Message::Closed { exchange } => {
                self.asked.remove(&exchange);
                Admitted::Answer(Vec::new())
            }
            Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Accepted { .. }
            | Message::Refused { .. }
            | Message::Forget { .. } => Admitted::Decide(message),
        }
    }

    /// The id of an offer that must be confirmed before the machine may decide on it.
    fn unknown<M: Machine>(&self, machine: &M, offer: &Message) -> Option<ExchangeId> {
        let id = offer.offered()?;
        let is_safe = machine.inbox().has(id) || machine.tells_repeats_apart(offer);
        (!is_safe).then_some(id)
    }

    /// Asks the opener. Whoever was asked before is asked for the same number, so that offers which
    /// come twice don't make each other's confirmations void.
    fn ask(&mut self, exchange: ExchangeId, opener: &EntityId, fresh: u128) -> OutgoingMessage {
        let number = self.asked.get(&exchange).copied().unwrap_or(fresh);
        if self.asked.len() < MAX_ASKED {
            self.asked.insert(exchange, number);
        }
        OutgoingMessage { to: opener.clone(), message: Message::Confirm { exchange, number } }
    }

    /// Whether nobody was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The memory that they take on the heap, in bytes, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.asked.capacity().saturating_mul(size_of::<(ExchangeId, u128)>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Exchange, OpenExchange};
    use crate::money::Micros;
    use crate::testing::{
        UnderTest, exchange_id, listing, micros, order_of, person, proposal, rating, system,
        transfer, user,
    };
    use crate::transfer::{PartId, Purpose, UserPurpose};
    use crate::user::User;

    fn grant(id: u64) -> Message {
        let purpose = Purpose::ToUser(UserPurpose::Grant);
        Message::Offer(transfer(id, person("ada"), 5, purpose))
    }

    fn asks(id: u64, number: u128) -> Admitted {
        let message = Message::Confirm { exchange: exchange_id(id), number };
        Admitted::Answer(vec![OutgoingMessage { to: system(), message }])
    }

    fn confirmed(id: u64, number: u128) -> Message {
        Message::Confirmed { offer: Box::new(grant(id)), number }
    }

    /// What becomes of messages of the system to Ada, of which the n-th may use the number n.
    fn admitted(ada: &User, messages: Vec<Message>) -> Vec<Admitted> {
        let mut confirmations = Confirmations::default();
        let numbered = (0..).zip(messages);
        numbered.map(|(n, message)| confirmations.admit(ada, &system(), message, n)).collect()
    }

    #[test]
    fn an_offer_is_decided_on_once_for_each_time_that_it_is_confirmed() {
        let ada: UnderTest<User> = user("ada");
        let decide = || Admitted::Decide(grant(1));
        let closed = || Message::Closed { exchange: exchange_id(1) };
        let nothing = || Admitted::Answer(Vec::new());
        // Messages; what becomes of each.
        let rows = [
            (vec![grant(1), confirmed(1, 0)], vec![asks(1, 0), decide()]),
            // Never asked, or asked for another number.
            (vec![confirmed(1, 7)], vec![asks(1, 0)]),
            (vec![grant(1), confirmed(1, 7)], vec![asks(1, 0), asks(1, 0)]),
            (vec![grant(1), confirmed(2, 0)], vec![asks(1, 0), asks(2, 1)]),
            // Offers that come twice.
            (vec![grant(1), grant(1), confirmed(1, 0)], vec![asks(1, 0), asks(1, 0), decide()]),
            (
                vec![grant(1), confirmed(1, 0), confirmed(1, 0)],
                vec![asks(1, 0), decide(), asks(1, 2)],
            ),
            (
                vec![grant(1), confirmed(1, 0), grant(1), confirmed(1, 0), confirmed(1, 2)],
                vec![asks(1, 0), decide(), asks(1, 2), asks(1, 2), decide()],
            ),
            // It has ended.
            (vec![grant(1), closed(), confirmed(1, 0)], vec![asks(1, 0), nothing(), asks(1, 2)]),
        ];
        for (messages, expected) in rows {
            let described = format!("{messages:?}");
            assert_eq!(admitted(&ada, messages), expected, "{described}");
        }
    }

    #[test]
    fn what_is_remembered_or_tells_itself_apart_is_not_confirmed() {
        let ada = user("ada").with(|ada| ada.inbox.accept(exchange_id(1), system()));
        let part = PartId { claim: crate::id::ClaimId::new(1), part: 0 };
        let claim = Purpose::ToUser(UserPurpose::Claim(part));
        let claim = Message::Offer(transfer(9, person("ada"), 5, claim));
        let propose = || Message::Propose(proposal(9, 1, rating(1, 5)));
        let rows = [
            (grant(1), Admitted::Decide(grant(1))),
            (confirmed(1, 7), Admitted::Decide(grant(1))),
            (claim.clone(), Admitted::Decide(claim)),
            (propose(), asks(9, 0)),
            (grant(2), asks(2, 0)),
        ];
        for (message, expected) in rows {
            assert_eq!(admitted(&ada, vec![message]), [expected]);
        }
        let decided = [
            Message::Fund { part, amount: Micros::ZERO },
            Message::Unfunded { part },
            Message::Accepted { exchange: exchange_id(2), summary: None },
            Message::Refused { exchange: exchange_id(2), why: crate::message::NotTaken::Busy },
            Message::Forget { exchange: exchange_id(2) },
        ];
        for message in decided {
            let expected = [Admitted::Decide(message.clone())];
            assert_eq!(admitted(&ada, vec![message]), expected);
        }
    }

    #[test]
    fn an_opener_says_what_is_open() {
        let order = transfer(1, listing(1), 100, Purpose::Order(Box::new(order_of(1))));
        let ada = user("ada").with(|ada| {
            ada.available = micros(100);
            let exchange = Exchange::Transfer(order.clone());
            ada.outbox.open(OpenExchange { exchange, asked: None });
        });
        let number = 7;
        let confirm = |id| Message::Confirm { exchange: exchange_id(id), number };
        let open = Message::Confirmed { offer: Box::new(Message::Offer(order)), number };
        let rows = [(1, open), (2, Message::Closed { exchange: exchange_id(2) })];
        for (id, message) in rows {
            let answer = OutgoingMessage { to: system(), message };
            assert_eq!(admitted(&ada, vec![confirm(id)]), [Admitted::Answer(vec![answer])]);
        }
    }

    #[test]
    fn so_many_are_asked() {
        let ada: UnderTest<User> = user("ada");
        let mut confirmations = Confirmations::default();
        assert!(confirmations.is_empty() && confirmations.heap_bytes() == 0);
        let most = u64::try_from(MAX_ASKED).expect("fits");
        for id in 0..most {
            confirmations.admit(&*ada, &system(), grant(id), id.into());
        }
        assert_eq!(confirmations.asked.len(), MAX_ASKED);
        assert!(confirmations.heap_bytes() >= MAX_ASKED * size_of::<(ExchangeId, u128)>());
        assert_eq!(confirmations.admit(&*ada, &system(), grant(most), 7), asks(most, 7));
        let mut again =
            |id, number| confirmations.admit(&*ada, &system(), confirmed(id, number), 8);
        assert_eq!(again(most, 7), asks(most, 8), "there was no room for it");
        assert_eq!(again(3, 3), Admitted::Decide(grant(3)));
        assert_eq!(again(most, 8), asks(most, 8), "now there is");
        assert_eq!(again(most, 8), Admitted::Decide(grant(most)));
    }
}
