//! `POST /user/link`: links a project's user, or a wallet, to a signed-in person.
//!
//! There are two ways. A project's server asks for a proof with its secret key, by
//! `POST /user/link/proof`, and hands it to the person's device. Or the person signs a text with
//! their wallet's key (EIP-191); if they name a project, that also links its user whose id is the
//! wallet's address.

use actix_web::{HttpResponse, web};
use priv_actors::ask::Origin;
use priv_domain::user::{BecomePerson, BindWallet, Linked};
use priv_domain::{EntityId, ProjectId, UserRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::proof::LinkClaim;
use crate::auth::wallet::{Address, recover};
use crate::auth::{NamedUser, UserNaming};
use crate::error::ApiError;
use crate::extract::caller::{PersonCaller, ServerCaller, Write};
use crate::extract::json::JsonBody;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, ok};
use crate::wire::ids::ProjectIdText;
use crate::wire::member::{Unread, body};
use crate::wire::time::Rfc3339;

/// How long a proof is valid, in milliseconds.
const PROOF_MILLIS: i64 = 600_000;

body! {
    /// The body of `POST /user/link`: a proof, or a wallet with its signature.
    pub(crate) struct LinkBody {
        /// The proof, as the project's server got it.
        proof: Option<String>,
        wallet_address: Option<String>,
        /// The signature (EIP-191), made with the wallet's key, of this text:
        /// `PRIV Protocol: link wallet <address> to <user id>`
        signature: Option<String>,
        /// With a wallet: also links the user whom this project knows by the wallet's address.
        project_id: Option<Unread<ProjectIdText>>,
    }
    says { "anyOf": [
        { "required": ["proof"] },
        { "required": ["wallet_address", "signature"] },
    ] }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Link)]
struct LinkView {
    user_id: std::sync::Arc<str>,
    wallet_address: Option<String>,
    /// The user who became the person; `null` if only a wallet was linked.
    linked: Option<String>,
    moved_balance_priv: Amount,
    moved_pending_priv: Amount,
}

body! {
    /// The body of `POST /user/link/proof`, which names one of the project's own users.
    pub(crate) struct ProofBody {
        user_id: Option<String>,
        anonymous_id: Option<String>,
        /// The only person who may use the proof; anybody if left out.
        person_id: Option<String>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Proof)]
struct ProofView {
    proof: String,
    expires_at: Rfc3339,
}

/// Issues a proof with which a person can link one of the project's users to themselves
///
/// The proof is valid for ten minutes: hand it to the person's device, for `POST /user/link`.
#[utoipa::path(post, path = "/v1/user/link/proof", tag = "User",
    responses((status = 200, body = Success<ProofView>)))]
pub(crate) async fn issue_link_proof(
    caller: ServerCaller<Write>,
    body: JsonBody<ProofBody>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ProofBody { user_id, anonymous_id, person_id } = body.value;
    let naming = UserNaming { user_id, wallet_address: None, anonymous_id };
    let user = match caller.user(Some(&naming))? {
        NamedUser::User(user) if user.project() == Some(caller.key.project) => user,
        NamedUser::User(_) | NamedUser::Wallet(_) => {
            return Err(ApiError::invalid_field(
                "user_id",
                "names a person: only a project's own users can be linked",
            ));
        }
    };
    let expires_at = state.now().plus_millis(PROOF_MILLIS);
    let claim = LinkClaim {
        environment: caller.environment(),
        project: caller.key.project,
        user: user.to_string(),
        person: person_id,
        expires_at,
    };
    let proof = state.link_proofs.issue(&claim);
    Ok(ok(&ProofView { proof, expires_at: Rfc3339(expires_at) }))
}

/// Links a project's user, or a wallet, to the signed-in person
///
/// Takes a proof from the project's server, or a signature of the wallet. What the user has earned
/// moves to the person, once.
#[utoipa::path(post, path = "/v1/user/link", tag = "User",
    responses((status = 200, body = Success<LinkView>),
        (status = 403, description = "The proof is for another person."),
        (status = 409, description = "CONFLICT: `request_in_flight`, `already_linked`, `linked`, \
            `account_full`, or `not_taken`.")))]
pub(crate) async fn link_user(
    caller: PersonCaller,
    body: JsonBody<LinkBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let person = EntityId::user(caller.environment, &caller.user());
    let wallet = wallet(&caller, &body.value)?;
    let source = source(&state, &caller, &body.value, wallet)?;
    let mut bound_before = Origin::Fresh;
    if let Some(Address(address)) = wallet {
        // Binding the wallet has the request's own tag only if it is all that the request does.
        let own_tag = tag.filter(|_| source.is_none());
        let bound = state.node.ask(&person, BindWallet { address }, own_tag).await?;
        state.node.when_projected(bound.position).await?;
        bound_before = bound.origin;
    }
    let mut view = LinkView {
        user_id: caller.sub.clone(),
        wallet_address: wallet.map(|address| address.to_string()),
        linked: None,
        moved_balance_priv: Amount::default(),
        moved_pending_priv: Amount::default(),
    };
    let Some(source) = source else {
        return Ok(with_origin(ok(&view), bound_before));
    };
    let from = EntityId::user(caller.environment, &source);
    let answered = state.node.ask(&from, BecomePerson { person }, tag).await?;
    let Linked { moved_balance, moved_pending } = answered.reply;
    view.linked = Some(source.to_string());
    view.moved_balance_priv = moved_balance.into();
    view.moved_pending_priv = moved_pending.into();
    Ok(with_origin(ok(&view), answered.origin))
}

/// The text that a wallet's key signs.
fn wallet_text(person: &str, address: Address) -> String {
    format!("PRIV Protocol: link wallet {address} to {person}")
}

/// The wallet that signed for this person; `None` if the body names none.
fn wallet(caller: &PersonCaller, body: &LinkBody) -> Result<Option<Address>, ApiError> {
    let (address, signature) = match (&body.wallet_address, &body.signature) {
        (None, None) => return Ok(None),
        (Some(address), Some(signature)) => (address, signature),
        (Some(_), None) => return Err(ApiError::invalid_field("signature", "is required")),
        (None, Some(_)) => return Err(ApiError::invalid_field("wallet_address", "is required")),
    };
    let address: Address = address.parse().map_err(|why: crate::auth::wallet::NotAnAddress| {
        ApiError::invalid_field("wallet_address", why.to_string())
    })?;
    let text = wallet_text(&caller.sub, address);
    let signer = recover(&text, signature)
        .map_err(|why| ApiError::invalid_field("signature", why.to_string()))?;
    match signer == address {
        true => Ok(Some(address)),
        false => Err(ApiError::invalid_field(
            "signature",
            format!("was not made by this wallet for the text: {text}"),
        )),
    }
}

/// The project's user that is to become the person; `None` if only a wallet is linked.
fn source(
    state: &AppState,
    caller: &PersonCaller,
    body: &LinkBody,
    wallet: Option<Address>,
) -> Result<Option<UserRef>, ApiError> {
    match (&body.proof, wallet, &body.project_id) {
        (Some(proof), _, None) => by_proof(state, caller, proof).map(Some),
        (Some(_), _, Some(_)) => {
            Err(ApiError::invalid_field("project_id", "is for wallets: a proof names its project"))
        }
        (None, Some(address), Some(project)) => {
            let project: ProjectId = project
                .text
                .parse()
                .map_err(|_| ApiError::invalid_field("project_id", "must be a project's id"))?;
            // The project knows the user by the address, in the spelling that was sent.
            let spelled = body.wallet_address.clone().unwrap_or_else(|| address.to_string());
            Ok(Some(UserRef::ProjectUser(project, spelled.into())))
        }
        (None, Some(_), None) => Ok(None),
        (None, None, _) => Err(ApiError::invalid_field(
            "proof",
            "is required, or a wallet_address with its signature",
        )),
    }
}

fn by_proof(state: &AppState, caller: &PersonCaller, proof: &str) -> Result<UserRef, ApiError> {
    let claim = state
        .link_proofs
        .verify(proof, state.now())
        .map_err(|why| ApiError::invalid_field("proof", why.to_string()))?;
    if claim.environment != caller.environment {
        return Err(ApiError::invalid_field("proof", "is for the other environment"));
    }
    if claim.person.is_some_and(|person| *person != *caller.sub) {
        return Err(ApiError::forbidden("The proof is for another person"));
    }
    let Ok(user) = claim.user.parse::<UserRef>();
    Ok(user)
}
