//! `POST /user/earnings/claim`: moves pending rewards into the balance.

use actix_web::{HttpResponse, web};
use priv_domain::user::{ClaimEarnings, Claimed};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Unknown, user_in_reach};
use crate::auth::UserNaming;
use crate::error::ApiError;
use crate::extract::caller::{UserCaller, Write};
use crate::extract::json::OptionalJsonBody;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, created};
use crate::wire::ids::ClaimIdText;
use crate::wire::member::{Maybe, body};
use crate::wire::time::Rfc3339;

body! {
    /// The body of `POST /user/earnings/claim`.
    pub(crate) struct ClaimBody: default {
        /// The amount in PRIV; everything that is pending if left out.
        amount_priv: Maybe<Amount>,
        user_id: Option<String>,
        wallet_address: Option<String>,
        anonymous_id: Option<String>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Claim)]
struct ClaimView {
    claim_id: ClaimIdText,
    /// What was paid out.
    claimed_priv: Amount,
    /// What the payers could not cover; it stays pending.
    unfunded_priv: Amount,
    priv_balance: Amount,
    pending_rewards: Amount,
    earned_total: Amount,
    claimed_at: Rfc3339,
}

impl From<Claimed> for ClaimView {
    fn from(claimed: Claimed) -> Self {
        Self {
            claim_id: claimed.claim.into(),
            claimed_priv: claimed.claimed.into(),
            unfunded_priv: claimed.unfunded.into(),
            priv_balance: claimed.balance.into(),
            pending_rewards: claimed.pending.into(),
            earned_total: claimed.earned_total.into(),
            claimed_at: Rfc3339(claimed.at),
        }
    }
}

/// Claims pending earnings: moves them into the balance
///
/// Refused as VALIDATION_ERROR with the reason `nothing_to_claim`, `below_minimum` or
/// `more_than_pending`. Two claims at once pay once.
#[utoipa::path(post, path = "/v1/user/earnings/claim", tag = "User",
    responses((status = 201, body = Success<ClaimView>)))]
pub(crate) async fn claim_earnings(
    caller: UserCaller<Write>,
    body: OptionalJsonBody<ClaimBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.0.fingerprint());
    let ClaimBody { amount_priv, user_id, wallet_address, anonymous_id } = body.0.value;
    let naming = UserNaming { user_id, wallet_address, anonymous_id };
    let id = user_in_reach(&state, &caller, Some(&naming), Unknown::NotFound).await?;
    let amount = amount_priv.0.map(|Amount(amount)| amount);
    let command = ClaimEarnings { amount, minimum: state.options.claim_minimum };
    let answered = state.node.ask(&id, command, tag).await?;
    let response = created("/v1/user/earnings", &ClaimView::from(answered.reply));
    Ok(with_origin(response, answered.origin))
}
