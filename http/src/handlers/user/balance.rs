//! `GET /user/balance`: what a user can spend, has earned, and can claim.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use priv_domain::user::User;
use priv_domain::{Entity, Micros};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Unknown, last_anonymous_id, user_in_reach, wire_ids};
use crate::auth::wallet::Address;
use crate::error::ApiError;
use crate::extract::caller::{Read, UserCaller};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, ok};
use crate::wire::time::Rfc3339;

#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
struct BalanceView {
    user_id: Option<Arc<str>>,
    wallet_address: Option<String>,
    anonymous_id: Option<Arc<str>>,
    /// What the user can spend now.
    priv_balance: Amount,
    /// Everything that the user ever earned, claimed or not.
    earned_total: Amount,
    /// Earned and not yet claimed; it can't be spent.
    pending_rewards: Amount,
    /// In open transfers, on the way to somebody else.
    held_priv: Amount,
    data_sharing_enabled: bool,
    as_of: Rfc3339,
}

/// What is read of a user's state for their balance.
struct Balance {
    wallet: Option<[u8; 20]>,
    anonymous_id: Option<Arc<str>>,
    available: Micros,
    earned_total: Micros,
    pending: Micros,
    held: Micros,
    shares: bool,
}

impl Balance {
    fn of(user: &Entity<User>) -> Self {
        let user = &user.machine;
        Self {
            wallet: user.links.as_ref().and_then(|links| links.wallet),
            anonymous_id: last_anonymous_id(user),
            available: user.available,
            earned_total: user.earned_total(),
            pending: user.pending(),
            held: user.outbox.in_flight(),
            shares: user.consent.as_ref().is_some_and(|c| c.preferences.data_sharing),
        }
    }
}

/// A user's balance and earnings
#[utoipa::path(get, path = "/v1/user/balance", tag = "User",
    responses((status = 200, body = Success<BalanceView>)))]
pub(crate) async fn get_balance(
    caller: UserCaller<Read>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_in_reach(&state, &caller, None, Unknown::NotFound).await?;
    let balance = state.node.read_durable(&id, Balance::of).await?.reply;
    let (user_id, anonymous_id) = wire_ids(&id);
    Ok(ok(&BalanceView {
        user_id,
        wallet_address: balance.wallet.map(|address| Address(address).to_string()),
        anonymous_id: anonymous_id.or(balance.anonymous_id),
        priv_balance: balance.available.into(),
        earned_total: balance.earned_total.into(),
        pending_rewards: balance.pending.into(),
        held_priv: balance.held.into(),
        data_sharing_enabled: balance.shares,
        as_of: Rfc3339(state.now()),
    }))
}
