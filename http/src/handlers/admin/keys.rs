//! `/v1/admin/projects/{id}/keys`: keys of both environments.

use actix_web::{HttpResponse, web};
use priv_actors::{Answered, KnownProject, Node};
use priv_domain::project::{ApiKey, IssueKey, KeyRole, RevokeKey, RollKey, Scopes};
use priv_domain::{EntityId, Environment, ProjectId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::new_keys::NewKeys;
use super::{EnvironmentQuery, ListQuery, Reason, existing};
use crate::auth::key_prefix;
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::json::{JsonBody, OptionalJsonBody};
use crate::extract::path::{InPath, KeyInPath, PathParams};
use crate::extract::query::QueryParams;
use crate::idempotency::{Idempotency, fingerprint, with_origin};
use crate::state::AppState;
use crate::wire::envelope::{Success, created, ok};
use crate::wire::ids::KeyIdText;
use crate::wire::integer::{self, Whole};
use crate::wire::issues::{At, Issues};
use crate::wire::list::List;
use crate::wire::member::{Member, OrDefault, body};
use crate::wire::pagination::Pagination;
use crate::wire::param::query;
use crate::wire::schema::Schemas;
use crate::wire::text::Text;
use crate::wire::time::Rfc3339;
use crate::wire::words::{EnvironmentName, ScopeName, words};

body! {
    /// The body of `POST /keys`.
    pub(crate) struct KeyBody {
        kind: KindName,
        /// The key's environment, which the query may give instead; `live` if neither does. They
        /// must not contradict each other.
        environment: Option<EnvironmentName>,
        /// What a secret key may do; everything if left out. Ignored for publishable keys.
        scopes: Option<List<ScopeName, 0, { usize::MAX }>>,
        /// Why, for the record.
        reason: Option<Reason>,
    }
}

words! {
    typed pub(crate) enum KindName as "KeyKind" {
        Publishable = "publishable",
        Secret = "secret",
    }
}

body! {
    /// The body of `POST /keys/{key}/roll`.
    pub(crate) struct RollBody: default {
        /// How many seconds the old key still works.
        overlap_secs: OrDefault<OverlapSecs>,
        /// Why, for the record.
        reason: Option<Reason>,
    }
}

/// How many seconds a rolled key still works: up to 30 days; 0, the default, ends it at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OverlapSecs(u32);

impl OverlapSecs {
    const MAX: u32 = 30 * 86_400;
}

impl Member for OverlapSecs {
    type Sent = Whole<u32>;

    fn check(Whole(secs): Whole<u32>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        if secs > Self::MAX {
            issues.note(at, format!("must be at most {}, 30 days", Self::MAX));
            return None;
        }
        Some(Self(secs))
    }

    fn schema(_: &mut Schemas) -> Value {
        let mut schema = integer::schema::<u32>(0, Self::MAX.into());
        schema["default"] = json!(0);
        schema
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyView {
    key_id: KeyIdText,
    kind: KindName,
    environment: EnvironmentName,
    /// The beginning of the key, such as `sk_live_`.
    prefix: &'static str,
    last_four: Box<str>,
    scopes: Vec<ScopeName>,
    created_at: Rfc3339,
    ends_at: Option<Rfc3339>,
    status: KeyStatus,
    /// When the key was last used, to the minute; `null` if not since the service started.
    last_used_at: Option<Rfc3339>,
}

words! {
    /// Whether a key works: `ending` keys still do, until their `ends_at`.
    shown pub(crate) enum KeyStatus as "KeyStatus" {
        Active = "active",
        Ending = "ending",
        Ended = "ended",
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewKey)]
struct NewKeyView {
    /// The key itself, shown once. A repeat of the request shows it only if it can be made again.
    key: Option<String>,
    #[serde(flatten)]
    about: KeyView,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Keys)]
struct KeysView {
    keys: Vec<KeyView>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

fn view(
    key: &ApiKey,
    environment: Environment,
    now: Timestamp,
    used: Option<Timestamp>,
) -> KeyView {
    KeyView {
        key_id: key.id.into(),
        kind: match key.role {
            KeyRole::Publishable => KindName::Publishable,
            KeyRole::Secret => KindName::Secret,
        },
        environment: environment.into(),
        prefix: key_prefix(key.role, environment),
        last_four: key.last_four.clone(),
        scopes: key.scopes.iter().map(ScopeName).collect(),
        created_at: Rfc3339(key.created_at),
        ends_at: key.ends_at.map(Rfc3339),
        status: match key.ends_at {
            Some(ends_at) if ends_at <= now => KeyStatus::Ended,
            Some(_) => KeyStatus::Ending,
            None => KeyStatus::Active,
        },
        last_used_at: used.map(Rfc3339),
    }
}

/// A project's keys, in both environments or in the given one
#[utoipa::path(get, path = "/v1/admin/projects/{id}/keys", tag = "Operators",
    responses((status = 200, body = Success<KeysView>)))]
pub(crate) async fn list_keys(
    _operator: OperatorCaller,
    InPath(id): InPath<ProjectId>,
    query: QueryParams<ListQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (EnvironmentQuery { environment: only }, page) = query.0;
    let mut environments = both_environments(&state.node, id)?;
    environments.retain(|facts| only.is_none_or(|EnvironmentName(only)| only == facts.environment));
    let all =
        environments.iter().flat_map(|facts| facts.keys.iter().map(|key| (facts.environment, key)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, key)| key.id);
    let (part, pagination, next_cursor) = page.part_of(all, |(_, key)| key.id.to_string());
    let now = state.now();
    let keys =
        part.iter().map(|(environment, key)| view(key, *environment, now, state.last_used(key.id)));
    Ok(ok(&KeysView { keys: keys.collect(), pagination, next_cursor }))
}

fn both_environments(node: &Node, id: ProjectId) -> Result<Vec<KnownProject>, ApiError> {
    let found: Vec<_> = Environment::ALL
        .into_iter()
        .filter_map(|environment| node.project(environment, id))
        .collect();
    match found.is_empty() {
        true => Err(ProjectId::missing()),
        false => Ok(found),
    }
}

/// Makes a new key
///
/// The key itself is shown only here, and to a repeat with the same `Idempotency-Key`.
#[utoipa::path(post, path = "/v1/admin/projects/{id}/keys", tag = "Operators",
    responses((status = 201, body = Success<NewKeyView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `too_many_keys`.")))]
pub(crate) async fn issue_key(
    operator: OperatorCaller,
    InPath(id): InPath<ProjectId>,
    query: QueryParams<EnvironmentQuery>,
    body: JsonBody<KeyBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let KeyBody { kind, environment, scopes, reason } = body.value;
    let in_query = query.0.environment;
    if environment.is_some_and(|said| in_query.is_some_and(|other| other != said)) {
        return Err(ApiError::invalid_field("environment", "must be the same in query and body"));
    }
    let environment = environment.map_or(query.0.environment(), |EnvironmentName(said)| said);
    let reason = reason.map(|Text(reason)| reason);
    let (role, scopes) = match (kind, scopes) {
        (KindName::Publishable, _) => (KeyRole::Publishable, Scopes::ALL),
        (KindName::Secret, None) => (KeyRole::Secret, Scopes::ALL),
        (KindName::Secret, Some(List(scopes))) => {
            (KeyRole::Secret, scopes.into_iter().map(|ScopeName(scope)| scope).collect())
        }
    };
    let entity = existing(&state.node, environment, id)?;
    let new_keys = NewKeys::for_request(&state, tag);
    let made = new_keys.one(role, scopes, environment)?;
    let by = operator.who.as_ref().into();
    let command = IssueKey { key: made.0.clone(), by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    answer_new_key(&state, &new_keys, &entity, answered, made).await
}

async fn answer_new_key(
    state: &AppState,
    new_keys: &NewKeys<'_>,
    project: &EntityId,
    answered: Answered<ApiKey>,
    made: (ApiKey, String),
) -> Result<HttpResponse, ApiError> {
    let key = &answered.reply;
    state.node.when_projected(answered.position).await?;
    let about = view(key, project.environment, state.now(), None);
    let shown = new_keys.secret_of(key, project.environment, &[made]);
    let location = format!("/v1/admin/projects/{}/keys/{}", project.key, key.id);
    let response = created(&location, &NewKeyView { key: shown, about });
    Ok(with_origin(response, answered.origin))
}

/// A key, without its secret
#[utoipa::path(get, path = "/v1/admin/projects/{id}/keys/{key}", tag = "Operators",
    responses((status = 200, body = Success<KeyView>)))]
pub(crate) async fn get_key(
    _operator: OperatorCaller,
    InPath(path): InPath<KeyInPath>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (entity, key) = key_in_path(&state.node, path)?;
    Ok(ok(&view(&key, entity.environment, state.now(), state.last_used(key.id))))
}

/// Replaces a key by a new one; the old one works for a while longer
#[utoipa::path(post, path = "/v1/admin/projects/{id}/keys/{key}/roll", tag = "Operators",
    responses((status = 201, body = Success<NewKeyView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, `key_ended`, or \
            `too_many_keys`.")))]
pub(crate) async fn roll_key(
    operator: OperatorCaller,
    InPath(path): InPath<KeyInPath>,
    body: OptionalJsonBody<RollBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.0.fingerprint());
    let RollBody { overlap_secs: OrDefault(OverlapSecs(overlap_secs)), reason } = body.0.value;
    let reason = reason.map(|Text(reason)| reason);
    let (entity, old) = key_in_path(&state.node, path)?;
    let new_keys = NewKeys::for_request(&state, tag);
    let made = new_keys.one(old.role, old.scopes, entity.environment)?;
    let old_until = state.now().plus_millis(i64::from(overlap_secs) * 1_000);
    let by = operator.who.as_ref().into();
    let command = RollKey { old: old.id, new: made.0.clone(), old_until, by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    answer_new_key(&state, &new_keys, &entity, answered, made).await
}

query! {
    /// The query of `DELETE …/keys/{key}`.
    pub(crate) struct RevokeQuery: strict {
        /// Why, for the record.
        reason: Option<Reason>,
    }
}

/// Ends a key at once
#[utoipa::path(delete, path = "/v1/admin/projects/{id}/keys/{key}", tag = "Operators",
    responses((status = 200, body = Success<KeyView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `key_ended`.")))]
pub(crate) async fn revoke_key(
    operator: OperatorCaller,
    InPath(path): InPath<KeyInPath>,
    query: QueryParams<RevokeQuery>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| fingerprint(b""));
    let reason = query.0.reason.map(|Text(reason)| reason);
    let (entity, key) = key_in_path(&state.node, path)?;
    let by = operator.who.as_ref().into();
    let command = RevokeKey { key: key.id, by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    state.node.when_projected(answered.position).await?;
    let ended = ApiKey { ends_at: Some(answered.reply.at), ..key };
    let view = view(&ended, entity.environment, state.now(), state.last_used(ended.id));
    Ok(with_origin(ok(&view), answered.origin))
}

/// The key that a path names and its project, in whichever environment the key is.
fn key_in_path(
    node: &Node,
    KeyInPath { project: id, key }: KeyInPath,
) -> Result<(EntityId, ApiKey), ApiError> {
    let environments = both_environments(node, id)?;
    let found = environments.iter().find_map(|facts| {
        let key = facts.keys.iter().find(|known| known.id == key)?;
        Some((EntityId::project(facts.environment, id), key.clone()))
    });
    found.ok_or_else(KeyInPath::missing)
}
