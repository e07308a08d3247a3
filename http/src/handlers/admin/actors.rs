//! `/v1/admin/actors`: inspecting the live state.

use std::borrow::Cow;

use actix_web::{HttpResponse, web};
use priv_actors::inspect::{InspectError, MAX_PAGE};
use priv_actors::{AskError, Passivated};
use priv_actors::{DirectoryStats, ResidentActor};
use priv_domain::Position;
use priv_domain::entity::{EntityId, Kind};
use priv_domain::journal_point::PointInTime;
use priv_domain::listing::Listing;
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::entity_view::state_view;
use super::masking::Unmask;
use super::past_view::{EntryView, entry_view};
use super::{EnvironmentQuery, ListQuery, note_action};
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::path::{ActorInPath, InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::envelope::{Success, ok};
use crate::wire::member::OrDefault;
use crate::wire::pagination::{Cursor, Limit, cursor};
use crate::wire::param::{Flag, Param, query};
use crate::wire::schema::Schemas;
use crate::wire::time::{Rfc3339, parse_time};
use crate::wire::words::{ActorKind, EnvironmentName};

#[derive(Serialize, ToSchema)]
#[schema(as = ActorsOfKind)]
struct KindView {
    kind: ActorKind,
    resident: usize,
    approx_bytes: u64,
    activations: u64,
    passivations: u64,
    queued: u64,
    slowest: Vec<ResidentView>,
    largest: Vec<ResidentView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ResidentActor)]
struct ResidentView {
    id: String,
    environment: EnvironmentName,
    queued: u32,
    approx_bytes: u32,
    slowest_micros: u32,
}

impl From<&ResidentActor> for ResidentView {
    fn from(actor: &ResidentActor) -> Self {
        Self {
            id: actor.id.key.to_string(),
            environment: actor.id.environment.into(),
            queued: actor.queued,
            approx_bytes: actor.bytes,
            slowest_micros: actor.slowest_micros,
        }
    }
}

fn kind_view(kind: Kind, stats: &DirectoryStats) -> KindView {
    KindView {
        kind: kind.into(),
        resident: stats.resident,
        approx_bytes: stats.bytes,
        activations: stats.activations,
        passivations: stats.passivations,
        queued: stats.queued,
        slowest: stats.slowest.iter().map(Into::into).collect(),
        largest: stats.largest.iter().map(Into::into).collect(),
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActorKinds)]
struct KindsView {
    kinds: Vec<KindView>,
}

/// Actors by kind: how many are in memory, and the slowest and largest of them
#[utoipa::path(get, path = "/v1/admin/actors", tag = "Operators",
    responses((status = 200, body = Success<KindsView>)))]
pub(crate) async fn list_actor_kinds(
    _operator: OperatorCaller,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let node = state.node.clone();
    let stats = web::block(move || node.actor_stats())
        .await
        .map_err(|error| ApiError::server_error(&error))?;
    let kinds = stats.iter().map(|(kind, stats)| kind_view(*kind, stats)).collect();
    Ok(ok(&KindsView { kinds }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListedActor)]
struct ListedView {
    id: String,
    resident: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Actors)]
struct ActorsView {
    actors: Vec<ListedView>,
    next_cursor: Option<String>,
}

/// All entities of a kind, by id
#[utoipa::path(get, path = "/v1/admin/actors/{kind}", tag = "Operators",
    responses((status = 200, body = Success<ActorsView>)))]
pub(crate) async fn list_actors(
    _operator: OperatorCaller,
    InPath(kind): InPath<Kind>,
    query: QueryParams<ListQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (environment, page) = query.0;
    let environment = environment.environment();
    state.node.when_projected(state.node.durable()).await?;
    let mut listed = state.node.entities(environment, kind, page.after(), page.limit() + 1)?;
    let has_more = listed.len() > page.limit();
    listed.truncate(page.limit());
    let next_cursor = listed.last().filter(|_| has_more).map(|id| cursor(&id.key));
    let actors = listed
        .iter()
        .map(|id| ListedView { id: id.key.to_string(), resident: state.node.is_resident(id) });
    Ok(ok(&ActorsView { actors: actors.collect(), next_cursor }))
}

query! {
    /// The query of `GET /v1/admin/actors/{kind}/{id}`, besides the environment.
    pub(crate) struct ActorQuery: strict {
        /// The journal position or the time as of which to show the state; now if left out.
        at: Option<PositionOrTime>,
        /// Shows personal data unmasked. That you looked is recorded.
        unmask: OrDefault<Flag>,
    }
}

/// A parameter that takes a position in the journal, or a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionOrTime(PointInTime);

impl Param for PositionOrTime {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let position = text.parse().ok().map(|at| PointInTime::Position(Position::new(at)));
        let point = position.or_else(|| parse_time(text).map(PointInTime::Time));
        point.map(Self).ok_or("must be a journal position or an RFC 3339 time".into())
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "oneOf": [
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
            { "type": "string", "format": "date-time" },
        ] })
    }
}

impl From<Flag> for Unmask {
    fn from(flag: Flag) -> Self {
        match flag {
            Flag::Yes => Self::Yes,
            Flag::No => Self::No,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorView {
    id: String,
    kind: ActorKind,
    environment: EnvironmentName,
    /// The state, whose members depend on the kind; personal data is `***` unless unmasked.
    #[schema(value_type = Object)]
    state: Value,
    version: u64,
    journal_position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    snapshot_position: Option<u64>,
    queued: u32,
    resident_since: Option<Rfc3339>,
    approx_bytes: u32,
}

/// An entity's live state, or its state at some point of its past
#[utoipa::path(get, path = "/v1/admin/actors/{kind}/{id}", tag = "Operators",
    responses((status = 200, body = Success<ActorView>)))]
pub(crate) async fn get_actor(
    operator: OperatorCaller,
    InPath(path): InPath<ActorInPath>,
    query: QueryParams<(EnvironmentQuery, ActorQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (environment, ActorQuery { at, unmask: OrDefault(unmask) }) = query.0;
    let id = entity_in_path(path, &environment);
    let unmask = unmask.into();
    let now = state.node.entity_now(&id).await.map_err(inspect_error)?;
    note_unmasking(&state, &operator, &id, unmask, "state").await?;
    let actor = now.actor.as_ref();
    let mut view = ActorView {
        id: id.key.to_string(),
        kind: id.kind.into(),
        environment: id.environment.into(),
        state: state_view(&now.entity, unmask),
        version: now.entity.version().get(),
        journal_position: now.position.get(),
        snapshot_position: Some(now.snapshot_position.get()),
        queued: actor.map_or(0, |actor| actor.queued),
        resident_since: actor.map(|actor| Rfc3339(actor.since)),
        approx_bytes: actor.map_or(0, |actor| actor.bytes),
    };
    if let Some(PositionOrTime(moment)) = at {
        let (node, head) = (state.node.clone(), now.position);
        let then = web::block(move || node.entity_at(&id, head, moment))
            .await
            .map_err(|error| ApiError::server_error(&error))?;
        let (entity, position) = then.map_err(inspect_error)?;
        view.state = state_view(&entity, unmask);
        view.version = entity.version().get();
        view.journal_position = position.get();
        view.snapshot_position = None;
    }
    Ok(ok(&view))
}

fn entity_in_path(path: ActorInPath, environment: &EnvironmentQuery) -> EntityId {
    let ActorInPath { kind, key } = path;
    EntityId { environment: environment.environment(), kind, key: (*key).into() }
}

async fn note_unmasking(
    state: &AppState,
    operator: &OperatorCaller,
    id: &EntityId,
    unmask: Unmask,
    what: &str,
) -> Result<(), ApiError> {
    match unmask {
        Unmask::No => Ok(()),
        Unmask::Yes => {
            // The id is personal and this record stays: whoever has an id can make its hash.
            let hash = blake3::hash(id.to_string().as_bytes()).to_hex();
            let action =
                format!("look at the unmasked {what} of {} {}", id.kind.as_str(), &hash[..16]);
            note_action(state, id.environment, operator, action, None).await
        }
    }
}

fn inspect_error(error: InspectError) -> ApiError {
    match error {
        InspectError::NoSuchEntity => ActorInPath::missing(),
        InspectError::Busy => ApiError::overloaded(1),
        error @ (InspectError::History(_) | InspectError::Decode(_) | InspectError::Store(_)) => {
            ApiError::server_error(&error)
        }
    }
}

query! {
    /// The query of `GET …/journal`, besides the environment.
    pub(crate) struct PastQuery: strict {
        /// The most entries to return.
        limit: OrDefault<Limit>,
        /// A `next_cursor` of an earlier answer: returns what follows it.
        cursor: Option<Cursor>,
        /// Shows personal data unmasked. That you looked is recorded.
        unmask: OrDefault<Flag>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActorJournal)]
struct PastView {
    entries: Vec<EntryView>,
    next_cursor: Option<String>,
}

/// What an entity has decided, newest first
#[utoipa::path(get, path = "/v1/admin/actors/{kind}/{id}/journal", tag = "Operators",
    responses((status = 200, body = Success<PastView>)))]
pub(crate) async fn list_actor_journal(
    operator: OperatorCaller,
    InPath(path): InPath<ActorInPath>,
    query: QueryParams<(EnvironmentQuery, PastQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (environment, PastQuery { limit, cursor: after, unmask }) = query.0;
    let (OrDefault(limit), OrDefault(unmask)) = (limit, unmask);
    let id = entity_in_path(path, &environment);
    let unmask = unmask.into();
    let now = state.node.entity_now(&id).await.map_err(inspect_error)?;
    let head = match after.as_ref().map(|after| after.place().parse()) {
        None => now.position,
        Some(Ok(position)) if position <= now.position.get() => Position::new(position),
        Some(_) => {
            let issue = "must be a next_cursor as it was given";
            return Err(ApiError::invalid_field("cursor", issue));
        }
    };
    note_unmasking(&state, &operator, &id, unmask, "journal").await?;
    let (node, limit) = (state.node.clone(), limit.get().min(MAX_PAGE));
    let past = web::block(move || node.past_of(&id, head, limit + 1))
        .await
        .map_err(|error| ApiError::server_error(&error))?;
    let mut past = past.map_err(inspect_error)?;
    let next = past.get(limit).map(|entry| cursor(&entry.position.to_string()));
    past.truncate(limit);
    let entries = past.iter().map(|entry| entry_view(entry, unmask)).collect();
    Ok(ok(&PastView { entries, next_cursor: next }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Snapshot)]
struct SnapshotView {
    snapshot_position: u64,
}

/// Writes a snapshot of an entity now
#[utoipa::path(post, path = "/v1/admin/actors/{kind}/{id}/snapshot", tag = "Operators",
    responses((status = 200, body = Success<SnapshotView>)))]
pub(crate) async fn snapshot_actor(
    _operator: OperatorCaller,
    InPath(path): InPath<ActorInPath>,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = existing(path, &environment.0, &state).await?;
    match id.kind {
        Kind::User => state.node.snapshot::<User>(&id).await?,
        Kind::Project => state.node.snapshot::<Project>(&id).await?,
        Kind::System => state.node.snapshot::<System>(&id).await?,
        Kind::Listing => state.node.snapshot::<Listing>(&id).await?,
    }
    let now = state.node.entity_now(&id).await.map_err(inspect_error)?;
    Ok(ok(&SnapshotView { snapshot_position: now.snapshot_position.get() }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Passivated)]
struct PassivatedView {
    result: PassivatedWord,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PassivateResult)]
enum PassivatedWord {
    Passivated,
    /// The actor is in use and stays in memory.
    InUse,
}

/// Removes an actor from memory; the next message brings it back
#[utoipa::path(post, path = "/v1/admin/actors/{kind}/{id}/passivate", tag = "Operators",
    responses((status = 200, body = Success<PassivatedView>)))]
pub(crate) async fn passivate_actor(
    _operator: OperatorCaller,
    InPath(path): InPath<ActorInPath>,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = existing(path, &environment.0, &state).await?;
    let passivated = match id.kind {
        Kind::User => state.node.passivate::<User>(&id).await.map_err(busy)?,
        Kind::Project => state.node.passivate::<Project>(&id).await.map_err(busy)?,
        Kind::System => state.node.passivate::<System>(&id).await.map_err(busy)?,
        Kind::Listing => state.node.passivate::<Listing>(&id).await.map_err(busy)?,
    };
    let result = match passivated {
        Passivated::Gone => PassivatedWord::Passivated,
        Passivated::InUse => PassivatedWord::InUse,
    };
    Ok(ok(&PassivatedView { result }))
}

fn busy<R>(_: AskError<R>) -> ApiError {
    ApiError::overloaded(1)
}

async fn existing(
    path: ActorInPath,
    environment: &EnvironmentQuery,
    state: &AppState,
) -> Result<EntityId, ApiError> {
    let id = entity_in_path(path, environment);
    state.node.entity_now(&id).await.map_err(inspect_error)?;
    Ok(id)
}
