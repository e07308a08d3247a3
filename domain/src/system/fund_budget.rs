//! Filling a project's reward budget from the treasury.

use super::{Event, Refusal, System};
use crate::context::Context;
use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::machine::{Command, Decided};
use crate::money::Micros;
use crate::transfer::{Purpose, Transfer};

/// Fills a project's reward budget from the treasury.
#[derive(Clone, Debug)]
pub struct FundBudget {
    /// The project whose budget is filled.
    pub project: EntityId,
    /// The amount, in micros.
    pub amount: Micros,
    /// The operator who fills it.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
    pub reason: Option<Box<str>>,
}

/// The reply to [`FundBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funded {
    /// The amount that arrived, in micros.
    pub amount: Micros,
    /// The money that the treasury has left, in micros.
    pub treasury: Micros,
}

impl Command for FundBudget {
    type Machine = System;
    type Reply = Funded;

    fn decide(self, system: &System, context: &Context<'_>) -> Decided<Self> {
        let Self { project, amount, by, reason } = self;
        if system.outbox.is_busy_with(context) {
            return Err(Refusal::UnderWay);
        }
        if amount > system.treasury {
            let (required, available) = (amount, system.treasury);
            return Err(Refusal::TreasuryTooSmall { required, available });
        }
        let action = format!("fund the budget of {project} with {amount} PRIV").into();
        let events = vec![Event::OperatorActed { by, action, reason }];
        let (id, purpose) = (ExchangeId::new(context.fresh), Purpose::Budget);
        system.send(events, Transfer { id, to: project, amount, purpose }, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Asked;
    use crate::exchange::{MAX_OPEN, OpenTransfer, Sendable, forget};
    use crate::ledger::AccountClass;
    use crate::machine::Answer;
    use crate::message::{Message, NotTaken};
    use crate::reply::{AnyReply, ReplyToken};
    use crate::testing::*;

    fn fund(amount: u64) -> FundBudget {
        let (by, reason) = ("op".into(), Some("asked".into()));
        FundBudget { project: project(1), amount: micros(amount), by, reason }
    }

    /// The treasury has 10.
    fn bank() -> UnderTest<System> {
        UnderTest::<System>::new(system()).with(|bank| {
            (bank.minted, bank.treasury) = (micros(10), micros(10));
        })
    }

    fn filling() -> Transfer {
        let id = ExchangeId::new(fresh(1));
        Transfer { id, to: project(1), amount: micros(6), purpose: Purpose::Budget }
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(bank(), fund(6)),
            refusal,
            &[
                (
                    |(bank, _)| {
                        bank.request = Some(tag(1));
                        let asked = asked(other_body(tag(1)));
                        bank.outbox.open(OpenTransfer { exchange: filling(), asked });
                    },
                    Refusal::UnderWay,
                ),
                (
                    |(bank, _)| bank.treasury = micros(5),
                    Refusal::TreasuryTooSmall { required: micros(6), available: micros(5) },
                ),
                (
                    |(bank, _)| fill(&mut bank.outbox, MAX_OPEN, |transfer| transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
        let too_small = Refusal::TreasuryTooSmall { required: micros(11), available: micros(10) };
        check_edges(
            &(bank(), fund(6)),
            refusal,
            &[
                (|(_, fund)| fund.amount = micros(10), None),
                (|(_, fund)| fund.amount = micros(11), Some(too_small)),
                (|(bank, _)| fill(&mut bank.outbox, MAX_OPEN - 1, |transfer| transfer), None),
            ],
        );
    }

    #[test]
    fn the_treasury_sends_it_and_the_record_says_who_told_it_to() {
        let mut bank = bank();
        bank.request = Some(tag(1));
        let step = bank.ask(fund(6));
        let token = ReplyToken(fresh(1));
        let asked = Some(Asked { reply_token: token, request: Some(tag(1)) });
        let open = OpenTransfer { exchange: filling(), asked };
        let action = format!("fund the budget of {} with 0.000006 PRIV", project(1)).into();
        let (by, reason) = ("op".into(), Some("asked".into()));
        let expected = [
            Event::OperatorActed { by, action, reason },
            Event::TransferOpened { out_of: AccountClass::Treasury, open },
        ];
        assert_eq!(step.events, expected);
        assert_eq!(step.messages, [filling().offer()]);
        assert_eq!(step.answer, Answer::Later(token));
        assert_eq!(bank.treasury, micros(4));
    }

    #[test]
    fn the_projects_answer_ends_it() {
        let id = ExchangeId::new(fresh(1));
        let accepted = Message::Accepted { exchange: id, summary: None };
        let refused = Message::Refused { exchange: id, why: NotTaken::NoSuchPayee };
        let reply = Funded { amount: micros(6), treasury: micros(4) };
        let returned =
            Event::TransferReturned { id, into: AccountClass::Treasury, amount: micros(6) };
        // The answer; the end, what happens, and the treasury afterwards.
        let rows = [
            (accepted, Ok(reply), Event::TransferSettled { id }, 4),
            (refused, Err(Refusal::NotTaken), returned, 10),
        ];
        for (answer, end, event, treasury) in rows {
            let mut bank = bank();
            bank.request = Some(tag(1));
            bank.ask(fund(6));
            let step = bank.hear(&project(1), answer);
            assert_eq!(
                (step.events.as_slice(), &*step.messages),
                (&[event][..], &[forget(id, project(1))][..])
            );
            assert_eq!(step.ended::<Funded>(), Some(end.clone()));
            let remembered = end.ok().map(|funded| (tag(1), AnyReply::new(funded)));
            assert_eq!(step.remembered, remembered);
            assert_eq!(bank.treasury, micros(treasury));
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        let exchange = ExchangeId::new(fresh(1));
        check_repeats_later(
            &bank(),
            &fund(6),
            &Refusal::UnderWay,
            |bank| bank.hear(&project(1), Message::Accepted { exchange, summary: None }),
            Some(|bank| {
                let exchange = ExchangeId::new(fresh(1));
                bank.hear(&project(1), Message::Refused { exchange, why: NotTaken::NoSuchPayee })
            }),
        );
    }
}
