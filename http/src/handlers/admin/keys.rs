//! `/v1/admin/projects/{id}/keys`: keys of both worlds.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use priv_actors::ask::Origin;
use priv_actors::projects::ProjectFacts;
use priv_actors::{Answered, Node};
use priv_domain::project::{ApiKey, Command, KeyRole, Project, Reply, Scope, Scopes};
use priv_domain::{EntityId, KeyId, ProjectId, RequestTag, Timestamp, World};
use serde::{Deserialize, Serialize};

use super::projects::{existing, no_such_project, prefix, project_id};
use super::{checked_reason, note_action, world_named};
use crate::auth::{NewKey, OperatorCaller, key_from_seed};
use crate::body::{IdempotencyKey, JsonBody, OptionalJsonBody};
use crate::envelope::{created, ok};
use crate::error::ApiError;
use crate::refusal::mark_replayed;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::time::Rfc3339;

/// Longest overlap of a rolled key: 30 days.
const MAX_OVERLAP_SECS: u32 = 30 * 86_400;

/// The body of `POST /keys`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    kind: KindName,
    environment: Option<String>,
    scopes: Option<Vec<String>>,
    reason: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindName {
    Publishable,
    Secret,
}

/// The body of `POST /keys/{key}/roll`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RollBody {
    overlap_secs: u32,
    reason: Option<Box<str>>,
}

#[derive(Serialize)]
struct KeyView {
    key_id: String,
    kind: &'static str,
    environment: &'static str,
    prefix: &'static str,
    last_four: Box<str>,
    scopes: Vec<&'static str>,
    created_at: Rfc3339,
    ends_at: Option<Rfc3339>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Rfc3339>,
}

#[derive(Serialize)]
struct NewKeyView {
    /// The secret, shown once. A repeat shows it only where it can be made again.
    key: Option<String>,
    #[serde(flatten)]
    about: KeyView,
}

#[derive(Serialize)]
struct KeysView {
    keys: Vec<KeyView>,
}

fn view(key: &ApiKey, world: World, now: Timestamp, used: Option<Timestamp>) -> KeyView {
    KeyView {
        key_id: key.id.to_string(),
        kind: match key.role {
            KeyRole::Publishable => "publishable",
            KeyRole::Secret => "secret",
        },
        environment: world.as_str(),
        prefix: prefix(key.role, world),
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

/// Makes keys for a request.
///
/// With an idempotency key the secrets are made from it and this installation's own secret, so
/// that a repeat shows the same ones although only their hashes are stored.
pub(crate) struct NewKeys<'a> {
    state: &'a AppState,
    tag: Option<RequestTag>,
}

impl<'a> NewKeys<'a> {
    /// For a request with or without an idempotency key.
    pub(crate) fn for_request(state: &'a AppState, tag: Option<RequestTag>) -> Self {
        Self { state, tag }
    }

    /// A publishable key and a secret one with all scopes.
    pub(crate) fn pair(
        &self,
        node: &Node,
        world: World,
    ) -> Result<[(ApiKey, String); 2], ApiError> {
        Ok([
            self.one(node, KeyRole::Publishable, Scopes::ALL, world)?,
            self.one(node, KeyRole::Secret, Scopes::ALL, world)?,
        ])
    }

    /// One key.
    pub(crate) fn one(
        &self,
        node: &Node,
        role: KeyRole,
        scopes: Scopes,
        world: World,
    ) -> Result<(ApiKey, String), ApiError> {
        let seed = self.seed(role, world)?;
        let NewKey { secret, sha256, last4 } = key_from_seed(role, world, &seed);
        let key = ApiKey {
            id: KeyId::new(node.fresh_id()),
            role,
            scopes,
            sha256,
            last_four: last4.into(),
            created_at: node.clock().now(),
            ends_at: None,
        };
        Ok((key, secret))
    }

    fn seed(&self, role: KeyRole, world: World) -> Result<[u8; 32], ApiError> {
        match self.tag {
            Some(tag) => {
                let mut hasher = blake3::Hasher::new_keyed(&self.state.options.server_secret);
                hasher.update(b"priv api key 1");
                hasher.update(prefix(role, world).as_bytes());
                hasher.update(&tag.key.to_be_bytes());
                Ok(hasher.finalize().into())
            }
            None => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed).map_err(|error| ApiError::server_error(&error))?;
                Ok(seed)
            }
        }
    }
}

/// `GET /v1/admin/projects/{id}/keys`
pub(crate) async fn list_keys(
    _operator: OperatorCaller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = project_id(&id)?;
    let worlds = both_worlds(&state.node, id)?;
    let now = state.now();
    let keys = worlds.iter().flat_map(|facts| {
        facts.keys.iter().map(|key| view(key, facts.world, now, state.last_used(key.id)))
    });
    Ok(ok(&KeysView { keys: keys.collect() }))
}

fn both_worlds(node: &Node, id: ProjectId) -> Result<Vec<Arc<ProjectFacts>>, ApiError> {
    let projects = &node.projection().projects;
    let found: Vec<_> =
        World::ALL.into_iter().filter_map(|world| projects.get(world, id)).collect();
    match found.is_empty() {
        true => Err(no_such_project()),
        false => Ok(found),
    }
}

/// `POST /v1/admin/projects/{id}/keys`
pub(crate) async fn issue_key(
    request: HttpRequest,
    operator: OperatorCaller,
    id: web::Path<String>,
    body: JsonBody<KeyBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let id = project_id(&id)?;
    let KeyBody { kind, environment, scopes, reason } = body.value;
    let (world, reason) = (world_named(environment.as_deref())?, checked_reason(reason)?);
    let (role, scopes) = match kind {
        KindName::Publishable => (KeyRole::Publishable, Scopes::ALL),
        KindName::Secret => (KeyRole::Secret, scopes_named(scopes)?),
    };
    let entity = existing(&state.node, world, id)?;
    let (key, secret) = NewKeys::for_request(&state, tag).one(&state.node, role, scopes, world)?;
    let sha256 = key.sha256;
    let answered = state.node.ask::<Project>(&entity, Command::IssueKey(key), tag).await?;
    let action = format!("issue a key of {id}");
    answer_new_key(&state, &operator, world, answered, (sha256, secret), action, reason).await
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
    operator: &OperatorCaller,
    world: World,
    answered: Answered<Reply>,
    (sha256, secret): ([u8; 32], String),
    action: String,
    reason: Option<Box<str>>,
) -> Result<HttpResponse, ApiError> {
    let Reply::Key(key) = &answered.reply else { return Err(ApiError::idempotency_mismatch()) };
    if answered.origin == Origin::Fresh {
        note_action(state, world, operator, format!("{action}: {}", key.id), reason).await?;
    }
    state.node.projection().when_projected(answered.position).await;
    let about = view(key, world, state.now(), None);
    let shown = (key.sha256 == sha256).then_some(secret);
    let location = format!("/v1/admin/projects/keys/{}", key.id);
    let mut response = created(&location, &NewKeyView { key: shown, about });
    if answered.origin == Origin::Replayed {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// `POST /v1/admin/projects/{id}/keys/{key}/roll`
pub(crate) async fn roll_key(
    request: HttpRequest,
    operator: OperatorCaller,
    path: web::Path<(String, String)>,
    body: OptionalJsonBody<RollBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.0.fingerprint())?;
    let RollBody { overlap_secs, reason } = body.0.value;
    let reason = checked_reason(reason)?;
    if overlap_secs > MAX_OVERLAP_SECS {
        return Err(ApiError::invalid_field("overlap_secs", "must be at most 2592000, 30 days"));
    }
    let (entity, old) = key_in_path(&state.node, &path)?;
    let world = entity.world;
    let (key, secret) =
        NewKeys::for_request(&state, tag).one(&state.node, old.role, old.scopes, world)?;
    let sha256 = key.sha256;
    let old_until = state.now().plus_millis(i64::from(overlap_secs) * 1_000);
    let command = Command::RollKey { old: old.id, new: key, old_until };
    let answered = state.node.ask::<Project>(&entity, command, tag).await?;
    let action = format!("roll key {} of {}", old.id, entity.key);
    answer_new_key(&state, &operator, world, answered, (sha256, secret), action, reason).await
}

/// `DELETE /v1/admin/projects/{id}/keys/{key}`
pub(crate) async fn revoke_key(
    request: HttpRequest,
    operator: OperatorCaller,
    path: web::Path<(String, String)>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, crate::body::fingerprint(&[]))?;
    let (entity, key) = key_in_path(&state.node, &path)?;
    let command = Command::RevokeKey { key: key.id };
    let answered = state.node.ask::<Project>(&entity, command, tag).await?;
    let Reply::KeyEnded { key: ended, at } = answered.reply else {
        return Err(ApiError::idempotency_mismatch());
    };
    if answered.origin == Origin::Fresh {
        let action = format!("revoke key {ended} of {}", entity.key);
        note_action(&state, entity.world, &operator, action, None).await?;
    }
    state.node.projection().when_projected(answered.position).await;
    let ended_key = ApiKey { ends_at: Some(at), ..key };
    let view = view(&ended_key, entity.world, state.now(), None);
    let mut response = ok(&view);
    if answered.origin == Origin::Replayed {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// The key that a path names, in whichever world it is, and its project.
fn key_in_path(
    node: &Node,
    (project, key): &(String, String),
) -> Result<(EntityId, ApiKey), ApiError> {
    let no_such_key = || ApiError::not_found("The project has no such key");
    let id = project_id(project)?;
    let key: KeyId = key.parse().map_err(|_| no_such_key())?;
    let worlds = both_worlds(node, id)?;
    let found = worlds.iter().find_map(|facts| {
        let key = facts.keys.iter().find(|known| known.id == key)?;
        Some((EntityId::project(facts.world, id), key.clone()))
    });
    found.ok_or_else(no_such_key)
}
