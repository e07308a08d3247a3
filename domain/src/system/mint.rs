//! Minting: the only way for money to come into being.

use super::{Event, Refusal, System};
use crate::context::Context;
use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::ledger::AccountClass;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::money::Micros;
use crate::transfer::{Purpose, Transfer, UserPurpose};

/// Mints money, for the treasury, the pool or a user.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The amount, in micros.
    pub amount: Micros,
    /// The account or the user that gets it.
    pub to: MintTo,
    /// The operator who mints.
    pub by: Box<str>,
    /// The operator's reason, for the record.
    pub reason: Box<str>,
}

/// The receiver of minted money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MintTo {
    /// The treasury, from which budgets are filled.
    Treasury,
    /// The pool, which pays rewards that no project pays.
    Pool,
    /// A user, who gets it from the treasury by a transfer.
    User(EntityId),
}

/// The reply to [`Mint`], for a user once they have accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minted {
    /// The amount that was minted, in micros.
    pub amount: Micros,
    /// All that was ever minted, in micros.
    pub minted: Micros,
}

impl Command for Mint {
    type Machine = System;
    type Reply = Minted;

    fn decide(self, system: &System, context: &Context<'_>) -> Decided<Self> {
        let Self { amount, to, by, reason } = self;
        if system.outbox.is_busy_with(context) {
            return Err(Refusal::UnderWay);
        }
        // All money was minted once, so no account ever holds more than fits.
        let minted = system.minted.checked_add(amount).ok_or(Refusal::TooMuch)?;
        let into = match to {
            MintTo::Treasury | MintTo::User(_) => AccountClass::Treasury,
            MintTo::Pool => AccountClass::Pool,
        };
        let events = vec![Event::Minted { amount, into, by, reason }];
        match to {
            MintTo::Treasury | MintTo::Pool => {
                Ok(Decision::of(events, Answer::Now(Minted { amount, minted })))
            }
            MintTo::User(to) => {
                let id = ExchangeId::new(context.fresh);
                let purpose = Purpose::ToUser(UserPurpose::Grant);
                system.send(events, Transfer { id, to, amount, purpose }, context)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Asked;
    use crate::exchange::{MAX_OPEN, OpenTransfer, Sendable, forget};
    use crate::machine::Machine;
    use crate::message::{Message, NotTaken};
    use crate::reply::{AnyReply, ReplyToken};
    use crate::system::FundBudget;
    use crate::testing::*;

    fn mint(amount: u64, to: MintTo) -> Mint {
        Mint { amount: micros(amount), to, by: "op".into(), reason: "more".into() }
    }

    fn to_ada() -> Mint {
        mint(5, MintTo::User(person("ada")))
    }

    /// The system has minted 10, all in the treasury.
    fn bank() -> UnderTest<System> {
        UnderTest::<System>::new(system()).with(|bank| {
            (bank.minted, bank.treasury) = (micros(10), micros(10));
        })
    }

    fn gift() -> Transfer {
        let purpose = Purpose::ToUser(UserPurpose::Grant);
        Transfer { id: ExchangeId::new(fresh(1)), to: person("ada"), amount: micros(5), purpose }
    }

    fn minted(amount: u64, into: AccountClass) -> Event {
        Event::Minted { amount: micros(amount), into, by: "op".into(), reason: "more".into() }
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(bank(), to_ada()),
            refusal,
            &[
                (
                    |(bank, _)| {
                        bank.request = Some(tag(1));
                        let asked = asked(other_body(tag(1)));
                        bank.outbox.open(OpenTransfer { exchange: gift(), asked });
                    },
                    Refusal::UnderWay,
                ),
                (|(bank, _)| bank.minted = micros(u64::MAX - 4), Refusal::TooMuch),
                (
                    |(bank, _)| fill(&mut bank.outbox, MAX_OPEN, |transfer| transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
        check_edges(
            &(bank(), to_ada()),
            refusal,
            &[
                (|(bank, _)| bank.minted = micros(u64::MAX - 5), None),
                (|(bank, _)| fill(&mut bank.outbox, MAX_OPEN - 1, |transfer| transfer), None),
                // Nothing is sent for its own accounts.
                (
                    |(bank, mint)| {
                        mint.to = MintTo::Pool;
                        fill(&mut bank.outbox, MAX_OPEN, |transfer| transfer);
                    },
                    None,
                ),
                (
                    |(bank, mint)| {
                        mint.to = MintTo::Treasury;
                        bank.minted = micros(u64::MAX - 4);
                    },
                    Some(Refusal::TooMuch),
                ),
                (
                    |(bank, _)| {
                        bank.request = Some(tag(1));
                        let asked = asked(tag(2));
                        bank.outbox.open(OpenTransfer { exchange: gift(), asked });
                    },
                    None,
                ),
            ],
        );
    }

    #[test]
    fn money_is_made_in_an_account_of_the_systems_own() {
        // The receiver; the treasury and the pool afterwards.
        let rows = [(MintTo::Treasury, 15, 0), (MintTo::Pool, 10, 5)];
        for (to, treasury, pool) in rows {
            let into = if to == MintTo::Pool { AccountClass::Pool } else { AccountClass::Treasury };
            let mut bank = bank();
            let step = bank.ask(mint(5, to));
            assert_eq!((step.events, step.messages), (vec![minted(5, into)], vec![]));
            let reply = Minted { amount: micros(5), minted: micros(15) };
            assert_eq!(step.answer, Answer::Now(reply));
            let state = [bank.minted, bank.treasury, bank.pool];
            assert_eq!(state, [15, treasury, pool].map(micros));
        }
    }

    #[test]
    fn a_user_gets_it_by_way_of_the_treasury() {
        let mut bank = bank();
        bank.request = Some(tag(1));
        let step = bank.ask(to_ada());
        let token = ReplyToken(fresh(1));
        let open = OpenTransfer {
            exchange: gift(),
            asked: Some(Asked { reply_token: token, request: Some(tag(1)) }),
        };
        let out_of = AccountClass::Treasury;
        let expected = [minted(5, out_of), Event::TransferOpened { out_of, open }];
        assert_eq!(step.events, expected);
        assert_eq!(step.messages, [gift().offer()]);
        assert_eq!(step.answer, Answer::Later(token));
        assert_eq!([bank.minted, bank.treasury], [15, 10].map(micros));
        assert_eq!(bank.outstanding(&bank.me), [gift().offer()], "offered again after a crash");
    }

    #[test]
    fn the_users_answer_ends_it() {
        let id = ExchangeId::new(fresh(1));
        let accepted = Message::Accepted { exchange: id, summary: None };
        let refused = Message::Refused { exchange: id, why: NotTaken::NoSuchPayee };
        let reply = Minted { amount: micros(5), minted: micros(15) };
        let returned =
            Event::TransferReturned { id, into: AccountClass::Treasury, amount: micros(5) };
        let reversed = Event::MintReversed { amount: micros(5) };
        // The answer; the end, what happens, and all that was minted.
        let rows = [
            (accepted, Ok(reply), vec![Event::TransferSettled { id }], 15),
            // Whoever tries again mints once.
            (refused, Err(Refusal::NotTaken), vec![returned, reversed], 10),
        ];
        for (answer, end, events, minted) in rows {
            let mut bank = bank();
            bank.request = Some(tag(1));
            bank.ask(to_ada());
            assert!(!bank.can_defer(&answer), "somebody waits for it");
            let step = bank.hear(&person("ada"), answer);
            assert_eq!(step.events, events);
            assert_eq!(step.messages, [forget(id, person("ada"))]);
            assert_eq!(step.ended::<Minted>(), Some(end.clone()));
            let remembered = end.ok().map(|minted| (tag(1), AnyReply::new(minted)));
            assert_eq!(step.remembered, remembered);
            assert_eq!((bank.treasury, bank.minted), (micros(10), micros(minted)));
            assert!(bank.outbox.is_empty());
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(bank(), &mint(5, MintTo::Treasury));
        check_repeats(bank(), &mint(5, MintTo::Pool));
        let exchange = ExchangeId::new(fresh(1));
        check_repeats_later(
            &bank(),
            &to_ada(),
            &Refusal::UnderWay,
            |bank| bank.hear(&person("ada"), Message::Accepted { exchange, summary: None }),
            Some(|bank| {
                let exchange = ExchangeId::new(fresh(1));
                bank.hear(&person("ada"), Message::Refused { exchange, why: NotTaken::NoSuchPayee })
            }),
        );
        // The key of a request that is under way can't be used by another command.
        let mut bank = bank();
        bank.request = Some(tag(1));
        bank.ask(to_ada());
        let (by, reason) = ("op".into(), None);
        let fund = FundBudget { project: project(1), amount: micros(1), by, reason };
        assert_eq!(refusal(&(bank, fund)), Some(Refusal::UnderWay));
    }
}
