//! Claiming: every payer is asked for what was earned with it, and the claim ends when all have
//! answered.

use super::{Accrual, Claimed, Event, MAX_OPEN_CLAIMS, Refusal, Reply, User};
use crate::answers::RequestTag;
use crate::earning::Payer;
use crate::entity::Environment;
use crate::id::ClaimId;
use crate::machine::{Answer, Completed, Context, Decision, OutgoingMessage, ReplyToken};
use crate::message::{Message, PartId};
use crate::money::Micros;

/// A claim that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenClaim {
    /// Names it.
    pub id: ClaimId,
    /// Under which the answer is remembered.
    pub request: Option<RequestTag>,
    /// What each payer is asked for.
    pub parts: Vec<ClaimPart>,
}

/// What one payer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimPart {
    /// Who.
    pub payer: Payer,
    /// How much.
    pub amount: Micros,
    /// How much came; `None` until it has answered.
    pub funded: Option<Micros>,
}

impl OpenClaim {
    fn part_id(&self, index: usize) -> PartId {
        PartId { claim: self.id, part: u32::try_from(index).unwrap_or(u32::MAX) }
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
}

pub(super) fn decide(
    user: &User,
    amount: Option<Micros>,
    minimum: Micros,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    let key = context.request.map(|tag| tag.key);
    if key.is_some() && user.claims.iter().any(|c| c.request.map(|tag| tag.key) == key) {
        return Err(Refusal::ClaimUnderWay);
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

/// A claim that nobody needs to be asked for.
fn at_once(user: &User, claim: OpenClaim, context: &Context<'_>) -> Decision<User> {
    let claimed = claim.funded_at_once();
    let reply = Reply::Claimed(Claimed {
        claim: claim.id,
        claimed,
        unfunded: Micros::ZERO,
        balance: user.available.saturating_add(claimed),
        pending: user.pending().saturating_sub(claimed),
        earned_total: user.earned_total(),
        at: context.now,
    });
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

/// The claim and the part that wait for an answer.
pub(super) fn awaiting(user: &User, id: PartId) -> Option<(&OpenClaim, &ClaimPart)> {
    let claim = user.claims.iter().find(|claim| claim.id == id.claim)?;
    let part = claim.parts.get(usize::try_from(id.part).ok()?)?;
    part.funded.is_none().then_some((claim, part))
}

/// A payer has answered with `funded`: the end of the claim, if it was the last.
pub(super) fn end_with(
    user: &User,
    id: PartId,
    funded: Micros,
    context: &Context<'_>,
) -> Option<(Event, Completed<Reply>)> {
    let (claim, _) = awaiting(user, id)?;
    let parts = || claim.parts.iter().enumerate();
    let others = || parts().filter(|(index, _)| claim.part_id(*index) != id).map(|(_, part)| part);
    if others().any(|part| part.funded.is_none()) {
        return None;
    }
    let sum = |sum: Micros, amount: Micros| sum.saturating_add(amount);
    let claimed = others().filter_map(|part| part.funded).fold(funded, sum);
    let wanted = claim.parts.iter().map(|part| part.amount).fold(Micros::ZERO, sum);
    let reply = Reply::Claimed(Claimed {
        claim: claim.id,
        claimed,
        unfunded: wanted.saturating_sub(claimed),
        balance: user.available.saturating_add(funded),
        pending: user.pending().saturating_sub(funded),
        earned_total: user.earned_total(),
        at: context.now,
    });
    let completed = Completed { reply_token: claim.reply_token(), request: claim.request, reply };
    Some((Event::ClaimClosed { claim: claim.id }, completed))
}

pub(super) fn apply_opened(user: &mut User, claim: &OpenClaim) {
    let at_once = claim.funded_at_once();
    if !at_once.is_zero() {
        let sales = user.accrual_mut(Payer::Sales);
        sales.pending = sales.pending.saturating_sub(at_once);
        sales.claimed = sales.claimed.saturating_add(at_once);
        user.available = user.available.saturating_add(at_once);
    }
    user.claims.push(claim.clone());
}

/// Notes a payer's answer; says who it was.
pub(super) fn answer_part(user: &mut User, id: PartId, funded: Micros) -> Option<Payer> {
    let claim = user.claims.iter_mut().find(|claim| claim.id == id.claim)?;
    let part = claim.parts.get_mut(usize::try_from(id.part).ok()?)?;
    part.funded = Some(funded);
    Some(part.payer)
}

pub(super) fn close(user: &mut User, id: ClaimId) {
    user.claims.retain(|claim| claim.id != id);
    if user.claims.is_empty() {
        user.claims = Vec::new();
    }
}
