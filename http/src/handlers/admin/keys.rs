//! `/v1/admin/projects/{id}/keys`: keys of both environments.

use actix_web::{HttpRequest, HttpResponse, web};
use priv_actors::{Answered, KnownProject, Node};
use priv_domain::project::{ApiKey, IssueKey, KeyRole, RevokeKey, RollKey, Scope, Scopes};
use priv_domain::{EntityId, Environment, KeyId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::new_keys::NewKeys;
use super::{
    EnvironmentQuery, ListQuery, checked_reason, environment_named, existing, no_such_project,
    project_id,
};
use crate::auth::key_prefix;
use crate::error::ApiError;
use crate::error::refusal::with_origin;
use crate::extract::caller::OperatorCaller;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::json::{JsonBody, OptionalJsonBody};
use crate::extract::query::QueryParams;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::envelope::{created, ok};
use crate::wire::integer::Whole;
use crate::wire::pagination::Pagination;
use crate::wire::params::{KeyPath, ProjectPath};
use crate::wire::schemas::{EnvironmentName, KeyIdText, ScopeName, Success};
use crate::wire::time::Rfc3339;

/// Longest overlap of a rolled key: 30 days.
const MAX_OVERLAP_SECS: u32 = 30 * 86_400;

/// The body of `POST /keys`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    kind: KindName,
    /// As in the query.
    #[schema(value_type = Option<EnvironmentName>)]
    environment: Option<String>,
    /// What a secret key may; all, unless it is said.
    #[schema(value_type = Option<Vec<ScopeName>>)]
    scopes: Option<Vec<String>>,
    /// Why, for the record.
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeyKind)]
enum KindName {
    Publishable,
    Secret,
}

/// The body of `POST /keys/{key}/roll`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RollBody {
    /// How long the old key still works.
    #[schema(value_type = u32, maximum = 2_592_000)]
    overlap_secs: Whole<u32>,
    /// Why, for the record.
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Box<str>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyView {
    #[schema(value_type = KeyIdText)]
    key_id: String,
    #[schema(value_type = KindName)]
    kind: &'static str,
    #[schema(value_type = EnvironmentName)]
    environment: &'static str,
    /// What the key begins with.
    prefix: &'static str,
    #[schema(value_type = String)]
    last_four: Box<str>,
    #[schema(value_type = Vec<ScopeName>)]
    scopes: Vec<&'static str>,
    created_at: Rfc3339,
    ends_at: Option<Rfc3339>,
    #[schema(value_type = KeyStatus)]
    status: &'static str,
    /// To the minute, since the service was started.
    last_used_at: Option<Rfc3339>,
}

/// Whether a key works, and for how long.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
enum KeyStatus {
    Active,
    Ending,
    Ended,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewKey)]
struct NewKeyView {
    /// The secret, shown once. A repeat shows it only where it can be made again.
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
        key_id: key.id.to_string(),
        kind: match key.role {
            KeyRole::Publishable => "publishable",
            KeyRole::Secret => "secret",
        },
        environment: environment.as_str(),
        prefix: key_prefix(key.role, environment),
        last_four: key.last_four.clone(),
        scopes: key.scopes.iter().map(Scope::as_str).collect(),
        created_at: Rfc3339(key.created_at),
        ends_at: key.ends_at.map(Rfc3339),
        status: match key.ends_at {
            Some(ends_at) if ends_at <= now => "ended",
            Some(_) => "ending",
            None => "active",
        },
        last_used_at: used.map(Rfc3339),
    }
}

/// A project's keys, of both environments or of the one that is asked for
#[utoipa::path(get, path = "/v1/admin/projects/{id}/keys", tag = "Operators",
    params(ProjectPath),
    responses((status = 200, body = Success<KeysView>)))]
pub(crate) async fn list_keys(
    _operator: OperatorCaller,
    id: web::Path<String>,
    query: QueryParams<ListQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = project_id(&id)?;
    let wanted = query.0.page()?;
    let only =
        query.0.environment.as_deref().map(|name| environment_named(Some(name))).transpose()?;
    let mut environments = both_environments(&state.node, id)?;
    environments.retain(|facts| only.is_none_or(|environment| environment == facts.environment));
    let all =
        environments.iter().flat_map(|facts| facts.keys.iter().map(|key| (facts.environment, key)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, key)| key.id);
    let (part, pagination, next_cursor) = wanted.part_of(all, |(_, key)| key.id.to_string());
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
        true => Err(no_such_project()),
        false => Ok(found),
    }
}

/// Makes another key
///
/// It is shown only here, and to a repeat with the same `Idempotency-Key`.
#[utoipa::path(post, path = "/v1/admin/projects/{id}/keys", tag = "Operators",
    params(ProjectPath),
    responses((status = 201, body = Success<NewKeyView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `too_many_keys`.")))]
pub(crate) async fn issue_key(
    request: HttpRequest,
    operator: OperatorCaller,
    id: web::Path<String>,
    query: QueryParams<EnvironmentQuery>,
    body: JsonBody<KeyBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let id = project_id(&id)?;
    let KeyBody { kind, environment, scopes, reason } = body.value;
    let environment = match environment {
        Some(name) => environment_named(Some(&name))?,
        None => query.0.environment()?,
    };
    if query.0.environment.is_some() && query.0.environment()? != environment {
        return Err(ApiError::invalid_field("environment", "must be the same in query and body"));
    }
    let reason = checked_reason(reason)?;
    let (role, scopes) = match kind {
        KindName::Publishable => (KeyRole::Publishable, Scopes::ALL),
        KindName::Secret => (KeyRole::Secret, scopes_named(scopes)?),
    };
    let entity = existing(&state.node, environment, id)?;
    let new_keys = NewKeys::for_request(&state, tag);
    let made = new_keys.one(role, scopes, environment)?;
    let by = operator.who.as_ref().into();
    let command = IssueKey { key: made.0.clone(), by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    answer_new_key(&state, &new_keys, &entity, answered, made).await
}

fn scopes_named(names: Option<Vec<String>>) -> Result<Scopes, ApiError> {
    let Some(names) = names else { return Ok(Scopes::ALL) };
    let scopes = names.iter().enumerate().map(|(index, name)| {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(|| {
            ApiError::invalid_field(
                format!("scopes[{index}]"),
                "must be one of events:write, events:read, users:read, users:write, \
                 analytics:read, billing:manage",
            )
        })
    });
    scopes.collect()
}

async fn answer_new_key(
    state: &AppState,
    new_keys: &NewKeys<'_>,
    project: &EntityId,
    answered: Answered<ApiKey>,
    made: (ApiKey, String),
) -> Result<HttpResponse, ApiError> {
    let key = &answered.reply;
    state.node.when_projected(answered.position).await;
    let about = view(key, project.environment, state.now(), None);
    let shown = new_keys.secret_of(key, project.environment, &[made]);
    let location = format!("/v1/admin/projects/{}/keys/{}", project.key, key.id);
    let response = created(&location, &NewKeyView { key: shown, about });
    Ok(with_origin(response, &answered))
}

/// What is known of a key
#[utoipa::path(get, path = "/v1/admin/projects/{id}/keys/{key}", tag = "Operators",
    params(KeyPath),
    responses((status = 200, body = Success<KeyView>)))]
pub(crate) async fn get_key(
    _operator: OperatorCaller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (entity, key) = key_in_path(&state.node, &path)?;
    Ok(ok(&view(&key, entity.environment, state.now(), state.last_used(key.id))))
}

/// Makes a key in place of another, which works for a while yet
#[utoipa::path(post, path = "/v1/admin/projects/{id}/keys/{key}/roll", tag = "Operators",
    params(KeyPath),
    responses((status = 201, body = Success<NewKeyView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, `key_ended`, or \
            `too_many_keys`.")))]
pub(crate) async fn roll_key(
    request: HttpRequest,
    operator: OperatorCaller,
    path: web::Path<(String, String)>,
    body: OptionalJsonBody<RollBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.0.fingerprint())?;
    let RollBody { overlap_secs: Whole(overlap_secs), reason } = body.0.value;
    let reason = checked_reason(reason)?;
    if overlap_secs > MAX_OVERLAP_SECS {
        return Err(ApiError::invalid_field("overlap_secs", "must be at most 2592000, 30 days"));
    }
    let (entity, old) = key_in_path(&state.node, &path)?;
    let new_keys = NewKeys::for_request(&state, tag);
    let made = new_keys.one(old.role, old.scopes, entity.environment)?;
    let old_until = state.now().plus_millis(i64::from(overlap_secs) * 1_000);
    let by = operator.who.as_ref().into();
    let command = RollKey { old: old.id, new: made.0.clone(), old_until, by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    answer_new_key(&state, &new_keys, &entity, answered, made).await
}

/// The query of `DELETE …/keys/{key}`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevokeQuery {
    /// Why, for the record.
    #[param(value_type = Option<String>, max_length = 500)]
    reason: Option<Box<str>>,
}

/// Ends a key at once
#[utoipa::path(delete, path = "/v1/admin/projects/{id}/keys/{key}", tag = "Operators",
    params(KeyPath),
    responses((status = 200, body = Success<KeyView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `key_ended`.")))]
pub(crate) async fn revoke_key(
    request: HttpRequest,
    operator: OperatorCaller,
    path: web::Path<(String, String)>,
    query: QueryParams<RevokeQuery>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, crate::extract::idempotency::fingerprint(&[]))?;
    let reason = checked_reason(query.0.reason)?;
    let (entity, key) = key_in_path(&state.node, &path)?;
    let by = operator.who.as_ref().into();
    let command = RevokeKey { key: key.id, by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    state.node.when_projected(answered.position).await;
    let ended = ApiKey { ends_at: Some(answered.reply.at), ..key };
    let view = view(&ended, entity.environment, state.now(), state.last_used(ended.id));
    Ok(with_origin(ok(&view), &answered))
}

/// The key that a path names, in whichever environment it is, and its project.
fn key_in_path(
    node: &Node,
    (project, key): &(String, String),
) -> Result<(EntityId, ApiKey), ApiError> {
    let no_such_key = || ApiError::not_found("The project has no such key");
    let id = project_id(project)?;
    let key: KeyId = key.parse().map_err(|_| no_such_key())?;
    let environments = both_environments(node, id)?;
    let found = environments.iter().find_map(|facts| {
        let key = facts.keys.iter().find(|known| known.id == key)?;
        Some((EntityId::project(facts.environment, id), key.clone()))
    });
    found.ok_or_else(no_such_key)
}
