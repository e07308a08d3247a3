//! `GET` and `POST /user/consent`, `GET /user/consent/history`

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use data_encoding::HEXLOWER;
use priv_domain::EntityId;
use priv_domain::consent::{ConsentRecord, PreferenceChange, Preferences};
use priv_domain::user::{SetConsent, User};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Unknown, last_anonymous_id, user_in_reach, wire_ids};
use crate::auth::UserNaming;
use crate::error::ApiError;
use crate::extract::caller::{Read, UserCaller, Write};
use crate::extract::json::JsonBody;
use crate::extract::query::QueryParams;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::envelope::{Success, ok};
use crate::wire::ids::HashText;
use crate::wire::member::{Maybe, body};
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::text::Text;
use crate::wire::time::Rfc3339;

body! {
    /// A change of consent: names at least one of the four purposes; those left out stay as they
    /// are.
    pub(crate) struct ConsentBody {
        analytics: Maybe<bool>,
        marketing: Maybe<bool>,
        data_sharing: Maybe<bool>,
        personalization: Maybe<bool>,
        /// Where the user was asked, such as a page or an app.
        source: Option<Text<0, 64>>,
        /// The version of the text that the user agreed to.
        policy_version: Option<Text<0, 64>>,
        /// The user, for secret keys; may be in the query instead.
        user_id: Option<String>,
        /// The user, by a linked wallet; may be in the query instead.
        wallet_address: Option<String>,
        /// The user, by the project's anonymous id; may be in the query instead.
        anonymous_id: Option<String>,
    }
    rules |at, issues| {
        let purposes = [analytics, marketing, data_sharing, personalization];
        if purposes.into_iter().all(|said| matches!(said, Some(Maybe(None)))) {
            let issue = "name at least one of analytics, marketing, data_sharing, personalization";
            issues.note(at, issue);
        }
    }
    says { "anyOf": [
        { "required": ["analytics"] },
        { "required": ["marketing"] },
        { "required": ["data_sharing"] },
        { "required": ["personalization"] },
    ] }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Consent)]
struct ConsentView {
    user_id: Option<Arc<str>>,
    anonymous_id: Option<Arc<str>>,
    preferences: PreferencesView,
    last_updated: Option<Rfc3339>,
    version: u32,
    /// Whether consent was ever recorded; if not, all preferences are false by default.
    explicit: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    receipt: Option<Receipt>,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = Preferences)]
struct PreferencesView {
    analytics: bool,
    marketing: bool,
    data_sharing: bool,
    personalization: bool,
}

/// A receipt of a consent change, for the user to keep. Each names the hash of the one before.
#[derive(Serialize, ToSchema)]
struct Receipt {
    version: u32,
    agreed: PreferencesView,
    at: Rfc3339,
    source: Option<Box<str>>,
    policy_version: Option<Box<str>>,
    hash: HashText,
    previous_hash: HashText,
    /// The receipt as a signed JWS, which can be checked with `/.well-known/jwks.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    jws: Option<String>,
}

/// The facts that a receipt of a consent change signs, listed in `docs/receipts.md`.
#[derive(Serialize)]
struct ConsentFacts<'a> {
    kind: &'static str,
    iat: i64,
    environment: &'static str,
    user_id: Option<Arc<str>>,
    anonymous_id: Option<Arc<str>>,
    #[serde(flatten)]
    receipt: &'a Receipt,
}

impl Receipt {
    /// The receipt of a record, with its signature.
    fn signed(state: &AppState, id: &EntityId, record: &ConsentRecord) -> Result<Self, ApiError> {
        let (user_id, anonymous_id) = wire_ids(id);
        let mut receipt = Self::from(record);
        let facts = ConsentFacts {
            kind: "consent",
            iat: record.at.as_millis().div_euclid(1_000),
            environment: id.environment.as_str(),
            user_id,
            anonymous_id,
            receipt: &receipt,
        };
        let jws = state.receipts.sign(&facts).map_err(|error| ApiError::server_error(&error))?;
        receipt.jws = Some(jws);
        Ok(receipt)
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConsentHistory)]
struct HistoryView {
    user_id: Option<Arc<str>>,
    anonymous_id: Option<Arc<str>>,
    versions: Vec<Receipt>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

impl From<Preferences> for PreferencesView {
    fn from(preferences: Preferences) -> Self {
        let Preferences { analytics, marketing, data_sharing, personalization } = preferences;
        Self { analytics, marketing, data_sharing, personalization }
    }
}

impl From<&ConsentRecord> for Receipt {
    fn from(record: &ConsentRecord) -> Self {
        Self {
            version: record.version,
            agreed: record.preferences.into(),
            at: Rfc3339(record.at),
            source: record.source.clone(),
            policy_version: record.policy_version.clone(),
            hash: hex(&record.hash),
            previous_hash: hex(&record.previous),
            jws: None,
        }
    }
}

fn hex(bytes: &[u8]) -> HashText {
    HashText(HEXLOWER.encode(bytes))
}

fn view(id: &EntityId, linked: Option<Arc<str>>, record: Option<&ConsentRecord>) -> ConsentView {
    let (user_id, anonymous_id) = wire_ids(id);
    ConsentView {
        user_id,
        anonymous_id: anonymous_id.or(linked),
        preferences: record.map(|record| record.preferences).unwrap_or_default().into(),
        last_updated: record.map(|record| Rfc3339(record.at)),
        version: record.map_or(0, |record| record.version),
        explicit: record.is_some(),
        receipt: None,
    }
}

/// A user's consent
///
/// All preferences and `explicit` are false if nobody has asked them yet.
#[utoipa::path(get, path = "/v1/user/consent", tag = "User",
    responses((status = 200, body = Success<ConsentView>)))]
pub(crate) async fn get_consent(
    caller: UserCaller<Read>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_in_reach(&state, &caller, None, Unknown::NotFound).await?;
    let look = |user: &priv_domain::Entity<User>| {
        (user.machine.consent.clone(), last_anonymous_id(&user.machine))
    };
    let (record, linked) = state.node.read_durable(&id, look).await?.reply;
    Ok(ok(&view(&id, linked, record.as_deref())))
}

/// Changes what a user agrees to
#[utoipa::path(post, path = "/v1/user/consent", tag = "User",
    responses((status = 200, body = Success<ConsentView>)))]
pub(crate) async fn set_consent(
    caller: UserCaller<Write>,
    body: JsonBody<ConsentBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let body = body.value;
    let change = PreferenceChange {
        analytics: body.analytics.0,
        marketing: body.marketing.0,
        data_sharing: body.data_sharing.0,
        personalization: body.personalization.0,
    };
    let naming = UserNaming {
        user_id: body.user_id,
        wallet_address: body.wallet_address,
        anonymous_id: body.anonymous_id,
    };
    let id = user_in_reach(&state, &caller, Some(&naming), Unknown::Begin).await?;
    let text = |said: Option<Text<0, 64>>| said.map(|Text(text)| text);
    let (source, policy_version) = (text(body.source), text(body.policy_version));
    let command = SetConsent { change, source, policy_version };
    let answered = state.node.ask(&id, command, tag).await?;
    let record = &answered.reply;
    let mut view = view(&id, None, Some(record));
    view.receipt = Some(Receipt::signed(&state, &id, record)?);
    Ok(with_origin(ok(&view), answered.origin))
}

/// All versions of what a user agreed to, newest first
#[utoipa::path(get, path = "/v1/user/consent/history", tag = "User",
    responses((status = 200, body = Success<HistoryView>)))]
pub(crate) async fn list_consent_history(
    caller: UserCaller<Read>,
    query: QueryParams<PageQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_in_reach(&state, &caller, None, Unknown::NotFound).await?;
    let seen = state.node.read_durable::<User, _>(&id, |_| ()).await?;
    state.node.when_projected(seen.position).await?;
    let mut records = state.node.consent_history(&id)?;
    // Lists are newest first.
    records.reverse();
    let place = |record: &ConsentRecord| format!("{:010}", u32::MAX - record.version);
    let (records, pagination, next_cursor) = query.0.part_of(records, place);
    let (user_id, anonymous_id) = wire_ids(&id);
    let versions = records
        .iter()
        .map(|record| Receipt::signed(&state, &id, record))
        .collect::<Result<_, _>>()?;
    Ok(ok(&HistoryView { user_id, anonymous_id, versions, pagination, next_cursor }))
}
