//! Claiming: each payer is asked for what was earned with it, and the claim ends when all of them
//! have answered.

use super::accepting::accepted_event;
use super::{Accrual, Event, MAX_OPEN_CLAIMS, Refusal, User};
use crate::answers::RequestTag;
use crate::context::Asked;
use crate::context::Context;
use crate::earning::Payer;
use crate::entity::{EntityId, Environment};
use crate::id::ClaimId;
use crate::machine::{Answer, Command, Completed, Decided, Decision};
use crate::message::{Message, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::reply::{AnyReply, ReplyToken};
use crate::time::Timestamp;
use crate::transfer::{PartId, Transfer};

/// Claims pending rewards: turns them into balance.
#[derive(Clone, Copy, Debug)]
pub struct ClaimEarnings {
    /// The amount to claim, in micros; `None` claims all that is pending.
    pub amount: Option<Micros>,
    /// The least that may be claimed, in micros; configured.
    pub minimum: Micros,
}

/// The reply to [`ClaimEarnings`], once all payers have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The id of the claim.
    pub claim: ClaimId,
    /// The amount that was paid out, in micros.
    pub claimed: Micros,
    /// The amount that payers could not cover, in micros; it stays pending.
    pub unfunded: Micros,
    /// The balance after the claim, in micros.
    pub balance: Micros,
    /// The pending amount after the claim, in micros.
    pub pending: Micros,
    /// All that was ever earned, claimed or not, in micros.
    pub earned_total: Micros,
    /// The time at which the last payer had answered.
    pub at: Timestamp,
}

/// A claim that not all payers have answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenClaim {
    /// The id of the claim, whose bits are its reply token too.
    pub id: ClaimId,
    /// The tag under which the reply is remembered; `None` without an idempotency key.
    pub request: Option<RequestTag>,
    /// The parts of the claim, one for each payer. A part's place is its number.
    pub parts: Vec<ClaimPart>,
}

/// The part of a claim that one payer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimPart {
    /// The payer that is asked.
    pub payer: Payer,
    /// The amount that is asked for, in micros.
    pub amount: Micros,
    /// The amount that came, in micros; `None` until the payer has answered.
    pub funded: Option<Micros>,
}

impl Command for ClaimEarnings {
    type Machine = User;
    type Reply = Claimed;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { amount, minimum } = self;
        if user.is_busy_with(context) {
            return Err(Refusal::RequestUnderWay);
        }
        if user.claims.len() >= MAX_OPEN_CLAIMS {
            return Err(Refusal::TooMuchUnderWay);
        }
        let claimable = claimable(user);
        let wanted = amount.unwrap_or(claimable);
        if claimable.is_zero() {
            return Err(Refusal::NothingToClaim);
        }
        if wanted < minimum || wanted.is_zero() {
            return Err(Refusal::BelowMinimum { minimum });
        }
        if wanted > claimable {
            return Err(Refusal::MoreThanPending { pending: claimable });
        }
        if user.available.checked_add(wanted).is_none() {
            return Err(Refusal::TooMuch);
        }
        let claim = OpenClaim {
            id: ClaimId::new(context.fresh),
            request: context.request,
            parts: parts(user, wanted),
        };
        if claim.parts.iter().all(|part| part.funded.is_some()) {
            return Ok(at_once(user, claim, context));
        }
        let messages = fund_messages(&claim, context.me.environment).collect();
        let answer = Answer::Later(claim.reply_token());
        Ok(Decision::of(vec![Event::ClaimOpened(claim)], answer).sending(messages))
    }
}

impl OpenClaim {
    fn part_id(&self, index: usize) -> PartId {
        PartId { claim: self.id, part: u32::try_from(index).expect("a claim has few parts") }
    }

    /// The part that is paid already, from sales, as the claim is opened; in micros.
    #[must_use]
    pub fn funded_at_once(&self) -> Micros {
        let parts = self.parts.iter().filter(|part| part.payer == Payer::Sales);
        parts.filter_map(|part| part.funded).fold(Micros::ZERO, Micros::saturating_add)
    }

    fn reply_token(&self) -> ReplyToken {
        ReplyToken(self.id.get())
    }

    fn asked(&self) -> Asked {
        Asked { reply_token: self.reply_token(), request: self.request }
    }
}

/// Decides on a claim for which no payer needs to be asked.
fn at_once(user: &User, claim: OpenClaim, context: &Context<'_>) -> Decision<User, Claimed> {
    let claimed = claim.funded_at_once();
    let reply = Claimed {
        claim: claim.id,
        claimed,
        unfunded: Micros::ZERO,
        balance: user.available.saturating_add(claimed),
        pending: user.pending().saturating_sub(claimed),
        earned_total: user.earned_total(),
        at: context.now,
    };
    let closed = Event::ClaimClosed { claim: claim.id };
    Decision::of(vec![Event::ClaimOpened(claim), closed], Answer::Now(reply))
}

/// The pending amount, less what open claims ask for already.
fn claimable(user: &User) -> Micros {
    user.accruals
        .iter()
        .fold(Micros::ZERO, |sum, accrual| sum.saturating_add(unasked(user, accrual.payer)))
}

fn unasked(user: &User, payer: Payer) -> Micros {
    let pending = user
        .accruals
        .iter()
        .find(|accrual| accrual.payer == payer)
        .map_or(Micros::ZERO, |accrual| accrual.pending);
    let parts = user.claims.iter().flat_map(|claim| &claim.parts);
    let asked = parts
        .filter(|part| part.payer == payer && part.funded.is_none())
        .fold(Micros::ZERO, |sum, part| sum.saturating_add(part.amount));
    pending.saturating_sub(asked)
}

fn parts(user: &User, wanted: Micros) -> Vec<ClaimPart> {
    let mut left = wanted;
    let mut parts = Vec::new();
    // What is paid already comes first: nobody needs to be asked for it.
    let paid = |accrual: &&Accrual| accrual.payer == Payer::Sales;
    let accruals = user.accruals.iter();
    for accrual in accruals.clone().filter(paid).chain(accruals.filter(|known| !paid(known))) {
        let amount = unasked(user, accrual.payer).min(left);
        if amount.is_zero() {
            continue;
        }
        left = left.saturating_sub(amount);
        let funded = match accrual.payer {
            Payer::Project(_) | Payer::Pool => None,
            Payer::Sales => Some(amount),
        };
        parts.push(ClaimPart { payer: accrual.payer, amount, funded });
    }
    parts
}

/// The messages that ask for the parts that payers have not answered.
pub(super) fn fund_messages(
    claim: &OpenClaim,
    environment: Environment,
) -> impl Iterator<Item = OutgoingMessage> {
    let unanswered = claim.parts.iter().enumerate().filter(|(_, part)| part.funded.is_none());
    unanswered.filter_map(move |(index, part)| {
        let message = Message::Fund { part: claim.part_id(index), amount: part.amount };
        Some(OutgoingMessage { to: part.payer.entity(environment)?, message })
    })
}

/// Decides on the money that a payer sends for a part, which may be at most what it was asked for.
pub(super) fn receive_funds(
    user: &User,
    from: EntityId,
    part: PartId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Result<Decision<User>, NotTaken> {
    match awaiting(user, part) {
        Some((_, asked)) if transfer.amount <= asked.amount => {}
        Some(_) | None => return Err(NotTaken::NotAwaited),
    }
    let amount = transfer.amount;
    Ok(answered(user, part, amount, accepted_event(from, transfer), context))
}

/// Decides on a payer's answer that it has nothing for a part.
pub(super) fn receive_unfunded(user: &User, part: PartId, context: &Context<'_>) -> Decision<User> {
    match awaiting(user, part) {
        Some(_) => {
            let event = Event::ClaimPartUnfunded { part };
            answered(user, part, Micros::ZERO, event, context)
        }
        None => Decision::nothing(),
    }
}

/// The claim and the part, if that part waits for an answer.
fn awaiting(user: &User, id: PartId) -> Option<(&OpenClaim, &ClaimPart)> {
    let claim = user.claims.iter().find(|claim| claim.id == id.claim)?;
    let part = claim.parts.get(usize::try_from(id.part).ok()?)?;
    part.funded.is_none().then_some((claim, part))
}

/// The decision on a payer's answer, which ends the claim if it was the last one.
fn answered(
    user: &User,
    id: PartId,
    funded: Micros,
    answer: Event,
    context: &Context<'_>,
) -> Decision<User> {
    let mut decision = Decision::because(vec![answer]);
    if let Some((claim, claimed)) = end_with(user, id, funded, context) {
        decision.events.push(Event::ClaimClosed { claim: claim.id });
        decision.completed = Some(Completed::of(claim.asked(), Ok(AnyReply::new(claimed))));
    }
    decision
}

fn end_with<'a>(
    user: &'a User,
    id: PartId,
    funded: Micros,
    context: &Context<'_>,
) -> Option<(&'a OpenClaim, Claimed)> {
    let (claim, _) = awaiting(user, id)?;
    let parts = || claim.parts.iter().enumerate();
    let others = || parts().filter(|(index, _)| claim.part_id(*index) != id).map(|(_, part)| part);
    if others().any(|part| part.funded.is_none()) {
        return None;
    }
    let sum = |sum: Micros, amount: Micros| sum.saturating_add(amount);
    let claimed = others().filter_map(|part| part.funded).fold(funded, sum);
    let wanted = claim.parts.iter().map(|part| part.amount).fold(Micros::ZERO, sum);
    let claimed = Claimed {
        claim: claim.id,
        claimed,
        unfunded: wanted.saturating_sub(claimed),
        balance: user.available.saturating_add(funded),
        pending: user.pending().saturating_sub(funded),
        earned_total: user.earned_total(),
        at: context.now,
    };
    Some((claim, claimed))
}

pub(super) fn apply_opened(user: &mut User, claim: &OpenClaim) {
    let at_once = claim.funded_at_once();
    if !at_once.is_zero() {
        pay(user, Payer::Sales, at_once);
    }
    user.claims.push(claim.clone());
}

pub(super) fn apply_funded(user: &mut User, part: PartId, amount: Micros) {
    let payer = note_answer(user, part, amount);
    pay(user, payer, amount);
}

pub(super) fn apply_unfunded(user: &mut User, part: PartId) {
    note_answer(user, part, Micros::ZERO);
}

/// Turns what is pending with a payer into balance.
fn pay(user: &mut User, payer: Payer, amount: Micros) {
    let accrual = user.accrual_mut(payer);
    accrual.pending.debit(amount);
    accrual.claimed.credit(amount);
    user.available.credit(amount);
}

/// Notes a payer's answer, and returns the payer.
fn note_answer(user: &mut User, id: PartId, funded: Micros) -> Payer {
    let claim = user.claims.iter_mut().find(|claim| claim.id == id.claim);
    let index = usize::try_from(id.part).expect("a claim has few parts");
    let part = claim.and_then(|claim| claim.parts.get_mut(index));
    let part = part.expect("payers answer what an open claim asked them");
    part.funded = Some(funded);
    part.payer
}

pub(super) fn apply_closed(user: &mut User, id: ClaimId) {
    user.claims.retain(|claim| claim.id != id);
    if user.claims.is_empty() {
        user.claims = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::super::bookkeeping::outstanding;
    use super::*;
    use crate::exchange::{accepted, refused};
    use crate::message::Message::{Fund, Offer, Unfunded};
    use crate::testing::*;
    use crate::transfer::{Purpose, UserPurpose};
    use Payer::{Pool, Project, Sales};

    const ALL: ClaimEarnings = ClaimEarnings { amount: None, minimum: micros(10) };

    fn of(amount: u64) -> ClaimEarnings {
        ClaimEarnings { amount: Some(micros(amount)), minimum: micros(0) }
    }

    fn payer(n: u64) -> Payer {
        Project(project_id(n))
    }

    /// Ada has earned 100 with a project and 20 with the pool.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| {
            ada.earns(payer(1), 100);
            ada.earns(Pool, 20);
        })
    }

    fn open_claim(n: u64, request: Option<RequestTag>, parts: &[ClaimPart]) -> OpenClaim {
        OpenClaim { id: ClaimId::new(n.into()), request, parts: parts.to_vec() }
    }

    fn part(payer: Payer, amount: u64, funded: Option<u64>) -> ClaimPart {
        ClaimPart { payer, amount: micros(amount), funded: funded.map(micros) }
    }

    /// The part of the claim that was opened in the first step.
    fn part_id(part: u32) -> PartId {
        PartId { claim: ClaimId::new(fresh(1)), part }
    }

    fn funds(id: u64, part: u32, amount: u64) -> Message {
        let purpose = Purpose::ToUser(UserPurpose::Claim(part_id(part)));
        Offer(transfer(id, person("ada"), amount, purpose))
    }

    fn paid(funds: Message, from: EntityId) -> Event {
        let Offer(transfer) = funds else { panic!("{funds:?}") };
        Event::TransferAccepted { from, transfer }
    }

    #[test]
    fn a_key_that_another_command_uses_is_under_way() {
        let mut ada = ada();
        ada.orders(1, tag(1));
        ada.request = Some(other_body(tag(1)));
        assert_eq!(refusal(&(ada.clone(), ALL)), Some(Refusal::RequestUnderWay));
        ada.request = Some(tag(2));
        assert_eq!(refusal(&(ada, ALL)), None);
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), ALL),
            refusal,
            &[
                (
                    |(ada, _)| {
                        ada.request = Some(tag(1));
                        ada.claims.push(open_claim(1, Some(other_body(tag(1))), &[]));
                    },
                    Refusal::RequestUnderWay,
                ),
                (|(ada, _)| ada.claims_until(MAX_OPEN_CLAIMS), Refusal::TooMuchUnderWay),
                (|(ada, _)| ada.accruals.clear(), Refusal::NothingToClaim),
                (
                    |(_, claim)| claim.minimum = micros(200),
                    Refusal::BelowMinimum { minimum: micros(200) },
                ),
                (
                    |(_, claim)| claim.amount = Some(micros(121)),
                    Refusal::MoreThanPending { pending: micros(120) },
                ),
                (|(ada, _)| ada.available = micros(u64::MAX), Refusal::TooMuch),
            ],
        );
    }

    #[test]
    fn bounds_hold_exactly_at_their_edge() {
        let below = |minimum| Some(Refusal::BelowMinimum { minimum: micros(minimum) });
        let more = |pending| Some(Refusal::MoreThanPending { pending: micros(pending) });
        check_edges(
            &(ada(), ALL),
            refusal,
            &[
                (|(_, claim)| claim.minimum = micros(120), None),
                (|(_, claim)| claim.minimum = micros(121), below(121)),
                (|(_, claim)| claim.amount = Some(micros(11)), None),
                (|(_, claim)| claim.amount = Some(micros(10)), None),
                (|(_, claim)| claim.amount = Some(micros(9)), below(10)),
                (|(_, claim)| *claim = of(1), None),
                (|(_, claim)| *claim = of(0), below(0)),
                (|(_, claim)| *claim = of(120), None),
                (|(_, claim)| *claim = of(121), more(120)),
                (|(ada, _)| ada.claims_until(MAX_OPEN_CLAIMS - 1), None),
                (|(ada, _)| ada.claims_until(MAX_OPEN_CLAIMS), Some(Refusal::TooMuchUnderWay)),
                (|(ada, _)| ada.claims_until(MAX_OPEN_CLAIMS + 1), Some(Refusal::TooMuchUnderWay)),
                (|(ada, _)| ada.available = micros(u64::MAX - 120), None),
                (|(ada, _)| ada.available = micros(u64::MAX - 119), Some(Refusal::TooMuch)),
                // Neither another request nor one without a key stands in the way.
                (
                    |(ada, _)| {
                        ada.request = Some(tag(1));
                        ada.claims.push(open_claim(1, Some(tag(2)), &[]));
                        ada.claims.push(open_claim(2, None, &[]));
                    },
                    None,
                ),
                (|(ada, _)| ada.claims.push(open_claim(1, None, &[])), None),
            ],
        );
    }

    #[test]
    fn payers_are_asked_in_the_order_in_which_they_came_sales_first() {
        let (a, b) = (payer(1), payer(2));
        type Row<'a> = (&'a [(Payer, u64)], &'a [ClaimPart], u64, &'a [ClaimPart]);
        let rows: &[Row<'_>] = &[
            (&[(a, 100)], &[], 100, &[part(a, 100, None)]),
            (&[(a, 100), (Pool, 20)], &[], 120, &[part(a, 100, None), part(Pool, 20, None)]),
            (&[(a, 100), (Pool, 20)], &[], 101, &[part(a, 100, None), part(Pool, 1, None)]),
            (&[(a, 100), (Pool, 20)], &[], 100, &[part(a, 100, None)]),
            (&[(a, 0), (b, 0), (Pool, 7)], &[], 7, &[part(Pool, 7, None)]),
            (&[(a, 9), (Sales, 5)], &[], 6, &[part(Sales, 5, Some(5)), part(a, 1, None)]),
            (&[(a, 9), (Sales, 5)], &[], 5, &[part(Sales, 5, Some(5))]),
            // What an open claim asks for can't be claimed again until it is answered.
            (&[(a, 9), (b, 9)], &[part(a, 4, None)], 9, &[part(a, 5, None), part(b, 4, None)]),
            (&[(a, 9), (b, 9)], &[part(a, 9, None)], 9, &[part(b, 9, None)]),
            (&[(a, 9), (b, 9)], &[part(a, 4, Some(0))], 9, &[part(a, 9, None)]),
            (&[(a, 9), (b, 9)], &[part(b, 4, None)], 9, &[part(a, 9, None)]),
        ];
        for (earned, asked, amount, parts) in rows {
            let mut ada = user("ada");
            earned.iter().for_each(|(payer, pending)| ada.earns(*payer, *pending));
            ada.claims.push(open_claim(7, None, asked));
            let expected = open_claim(0, None, parts);
            let expected = OpenClaim { id: ClaimId::new(fresh(1)), ..expected };
            let step = ada.ask(of(*amount));
            assert_eq!(step.events[0], Event::ClaimOpened(expected), "{earned:?} {amount}");
        }
    }

    #[test]
    fn each_payer_gets_a_message_and_the_request_waits() {
        let mut ada = ada().with(|ada| ada.earns(Sales, 3));
        ada.request = Some(tag(1));
        let step = ada.ask(ALL);
        assert_eq!(step.answer, Answer::Later(ReplyToken(fresh(1))));
        let fund = |to, part, amount| OutgoingMessage {
            to,
            message: Fund { part: part_id(part), amount: micros(amount) },
        };
        let expected = [fund(project(1), 1, 100), fund(system(), 2, 20)];
        assert_eq!(step.messages, expected);
        assert_eq!(step.remembered, None);
        // Asked again after a crash, until there is an answer.
        assert_eq!(outstanding(&ada, &ada.me), expected);
        ada.hear(&project(1), funds(1, 1, 100));
        let outstanding = outstanding(&ada, &ada.me);
        assert_eq!(outstanding, [fund(system(), 2, 20), accepted(exchange_id(1), project(1))]);
        assert_eq!(ada.available, micros(103), "what was sold is paid at once");
    }

    #[test]
    fn the_last_answer_ends_the_claim() {
        /// The answer of one payer: the amount that it funds; `None` if it has nothing.
        type Funded = Option<u64>;
        // What the project and the pool fund; claimed, unfunded, balance, pending.
        let rows: [(Funded, Funded, [u64; 4]); 6] = [
            (Some(100), Some(20), [120, 0, 1_120, 0]),
            (Some(60), Some(20), [80, 40, 1_080, 40]),
            (Some(100), None, [100, 20, 1_100, 20]),
            (None, Some(20), [20, 100, 1_020, 100]),
            (None, None, [0, 120, 1_000, 120]),
            (Some(1), Some(1), [2, 118, 1_002, 118]),
        ];
        let answer = |id, part, funded: Funded| match funded {
            Some(amount) => funds(id, part, amount),
            None => Unfunded { part: part_id(part) },
        };
        for (project_funds, pool_funds, [claimed, unfunded, balance, pending]) in rows {
            for reversed in [false, true] {
                let mut ada = ada().with(|ada| ada.available = micros(1_000));
                ada.request = Some(tag(1));
                ada.ask(ALL);
                let mut answers = [
                    (project(1), answer(1, 0, project_funds)),
                    (system(), answer(2, 1, pool_funds)),
                ];
                if reversed {
                    answers.reverse();
                }
                let [(first, its), (last, ends)] = answers;
                let step = ada.hear(&first, its);
                assert!(step.completed.is_none() && step.remembered.is_none());
                assert_eq!(ada.claims.len(), 1);
                let step = ada.hear(&last, ends);
                let expected = Claimed {
                    claim: ClaimId::new(fresh(1)),
                    claimed: micros(claimed),
                    unfunded: micros(unfunded),
                    balance: micros(balance),
                    pending: micros(pending),
                    earned_total: micros(120),
                    at: NOW,
                };
                assert_eq!(step.ended::<Claimed>(), Some(Ok(expected)));
                assert_eq!(step.completed.map(|(token, _)| token), Some(ReplyToken(fresh(1))));
                assert_eq!(step.remembered, Some((tag(1), AnyReply::new(expected))));
                let state = [ada.available, ada.pending(), ada.earned_total()];
                assert_eq!(state, [balance, pending, 120].map(micros));
                assert!(ada.claims.is_empty() && ada.claims.capacity() == 0);
            }
        }
    }

    #[test]
    fn a_claim_of_sales_and_others_ends_with_the_others() {
        let mut ada = ada().with(|ada| ada.earns(Sales, 3));
        ada.ask(of(50));
        let step = ada.hear(&project(1), funds(1, 1, 40));
        let claimed = step.ended::<Claimed>().expect("ended").expect("well");
        let amounts = [claimed.claimed, claimed.unfunded, claimed.balance, claimed.pending];
        assert_eq!(amounts, [43, 7, 43, 80].map(micros));
        assert_eq!(step.remembered, None, "the request had no key");
    }

    #[test]
    fn sales_alone_are_paid_at_once() {
        let mut ada = user("ada").with(|ada| {
            ada.earns(payer(1), 9);
            ada.earns(Sales, 30);
            ada.available = micros(5);
        });
        ada.request = Some(tag(1));
        let step = ada.ask(of(20));
        let claim = ClaimId::new(fresh(1));
        let parts = vec![part(Sales, 20, Some(20))];
        let opened = OpenClaim { id: claim, request: Some(tag(1)), parts };
        assert_eq!(step.events, [Event::ClaimOpened(opened), Event::ClaimClosed { claim }]);
        assert_eq!(step.messages, []);
        let expected = Claimed {
            claim,
            claimed: micros(20),
            unfunded: micros(0),
            balance: micros(25),
            pending: micros(19),
            earned_total: micros(39),
            at: NOW,
        };
        assert_eq!(step.answer, Answer::Now(expected));
        assert_eq!([ada.available, ada.pending()], [25, 19].map(micros));
        assert!(ada.claims.is_empty());
    }

    #[test]
    fn funds_that_nobody_awaits_are_refused() {
        let awaited = || {
            let mut ada = ada();
            ada.ask(ALL);
            ada
        };
        type Row = (fn(&mut UnderTest<User>), Message, Option<NotTaken>);
        let rows: [Row; 9] = [
            (|_| (), funds(1, 0, 100), None),
            (|_| (), funds(1, 0, 99), None),
            (|_| (), funds(1, 0, 101), Some(NotTaken::NotAwaited)),
            (|_| (), funds(1, 1, 20), None),
            (|_| (), funds(1, 1, 21), Some(NotTaken::NotAwaited)),
            (|_| (), funds(1, 2, 1), Some(NotTaken::NotAwaited)),
            (|ada| ada.claims.clear(), funds(1, 0, 100), Some(NotTaken::NotAwaited)),
            (
                |ada| drop(ada.hear(&project(1), Unfunded { part: part_id(0) })),
                funds(1, 0, 100),
                Some(NotTaken::NotAwaited),
            ),
            (
                |ada| drop(ada.hear(&project(1), funds(2, 0, 50))),
                funds(1, 0, 50),
                Some(NotTaken::NotAwaited),
            ),
        ];
        for (prepare, offer, expected) in rows {
            let mut ada = awaited();
            prepare(&mut ada);
            let before = ada.clone();
            let step = ada.hear(&project(1), offer.clone());
            let id = exchange_id(1);
            let answer = match expected {
                None => accepted(id, project(1)),
                Some(why) => refused(id, project(1), why),
            };
            assert_eq!(step.messages, [answer], "{offer:?}");
            match expected {
                None => assert_eq!(step.events, [paid(offer, project(1))]),
                Some(_) => assert_eq!(ada.entity, before.entity),
            }
        }
    }

    #[test]
    fn that_nothing_funds_what_nobody_awaits_changes_nothing() {
        let mut ada = ada();
        ada.ask(ALL);
        ada.hear(&project(1), funds(1, 0, 60));
        let before = ada.clone();
        for part in [part_id(0), part_id(2), PartId { claim: ClaimId::new(9), part: 1 }] {
            let step = ada.hear(&project(1), Unfunded { part });
            assert_eq!((step.events, step.messages), (vec![], vec![]));
        }
        assert_eq!(ada.entity, before.entity);
    }

    #[test]
    fn claims_at_once_never_ask_for_the_same() {
        let mut ada = ada();
        ada.ask(of(70));
        ada.ask(of(30));
        let asked: Vec<Vec<ClaimPart>> =
            ada.claims.iter().map(|claim| claim.parts.clone()).collect();
        assert_eq!(asked, [vec![part(payer(1), 70, None)], vec![part(payer(1), 30, None)]]);
        assert_eq!(refusal(&(ada.clone(), of(20))), None);
        let more = Refusal::MoreThanPending { pending: micros(20) };
        assert_eq!(refusal(&(ada, of(21))), Some(more));
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats_later(
            &ada(),
            &ALL,
            &Refusal::RequestUnderWay,
            |ada| {
                ada.hear(&project(1), funds(1, 0, 100));
                ada.hear(&system(), Unfunded { part: part_id(1) })
            },
            // A claim always ends well, if need be with nothing.
            None,
        );
        check_repeats(user("ada").with(|ada| ada.earns(Sales, 10)), &ALL);
    }
}
