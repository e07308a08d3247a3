//! Claiming: every payer is asked for what was earned with it, and the claim ends when all have
//! answered.

use super::exchanges::accepted_event;
use super::{Accrual, Event, MAX_OPEN_CLAIMS, Refusal, User};
use crate::answers::RequestTag;
use crate::earning::Payer;
use crate::entity::{EntityId, Environment};
use crate::exchange::Asked;
use crate::id::ClaimId;
use crate::machine::{
    Answer, AnyReply, Command, Completed, Context, Decided, Decision, OutgoingMessage, ReplyToken,
};
use crate::message::{Message, NotTaken};
use crate::money::Micros;
use crate::time::Timestamp;
use crate::transfer::{PartId, Transfer};

/// Has what was earned paid out.
#[derive(Clone, Copy, Debug)]
pub struct ClaimEarnings {
    /// How much, in micros; all that is pending where `None`.
    pub amount: Option<Micros>,
    /// The least that may be claimed, in micros.
    pub minimum: Micros,
}

/// The end of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Names the claim.
    pub claim: ClaimId,
    /// What was paid out.
    pub claimed: Micros,
    /// What payers could not cover; it stays pending.
    pub unfunded: Micros,
    /// The balance after it.
    pub balance: Micros,
    /// What is pending after it.
    pub pending: Micros,
    /// What was earned in all, claimed or not.
    pub earned_total: Micros,
    /// When the last payer had answered.
    pub at: Timestamp,
}

/// A claim that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenClaim {
    /// Names it.
    pub id: ClaimId,
    /// The idempotency key under which the answer is remembered.
    pub request: Option<RequestTag>,
    /// What each payer is asked for.
    pub parts: Vec<ClaimPart>,
}

/// What one payer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimPart {
    /// Who is asked.
    pub payer: Payer,
    /// How much is asked for, in micros.
    pub amount: Micros,
    /// How much came, in micros; `None` until the payer has answered.
    pub funded: Option<Micros>,
}

impl Command for ClaimEarnings {
    type Machine = User;
    type Reply = Claimed;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { amount, minimum } = self;
        let key = context.request.map(|tag| tag.key);
        if key.is_some() && user.claims.iter().any(|c| c.request.map(|tag| tag.key) == key) {
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

    /// What no other entity needs to be asked for, as it stands when the claim is opened.
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

/// A claim that nobody needs to be asked for.
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

/// Pending, less what open claims ask for already.
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

/// The messages that ask payers for what they have not answered.
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

/// A payer funds a part, up to what it was asked for.
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

/// A payer has nothing to fund a part with.
pub(super) fn receive_unfunded(user: &User, part: PartId, context: &Context<'_>) -> Decision<User> {
    match awaiting(user, part) {
        Some(_) => {
            let event = Event::ClaimPartUnfunded { part };
            answered(user, part, Micros::ZERO, event, context)
        }
        None => Decision::nothing(),
    }
}

/// The claim and the part that wait for an answer.
fn awaiting(user: &User, id: PartId) -> Option<(&OpenClaim, &ClaimPart)> {
    let claim = user.claims.iter().find(|claim| claim.id == id.claim)?;
    let part = claim.parts.get(usize::try_from(id.part).ok()?)?;
    part.funded.is_none().then_some((claim, part))
}

/// A payer's answer, and the end of the claim if it was the last.
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

/// What was pending with a payer becomes balance.
fn pay(user: &mut User, payer: Payer, amount: Micros) {
    let accrual = user.accrual_mut(payer);
    accrual.pending.debit(amount);
    accrual.claimed.credit(amount);
    user.available.credit(amount);
}

/// Notes a payer's answer; says who it was.
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
