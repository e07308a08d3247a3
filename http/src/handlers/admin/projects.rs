//! `/v1/admin/projects`: projects are made in both environments at once.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use priv_actors::ask::Origin;
use priv_actors::{KnownProject, Node};
use priv_domain::consent::ConsentPolicy;
use priv_domain::project::{
    ChangeSettings, CreateProject, Plan, Project, Settings, SettingsChange,
};
use priv_domain::system::{NameProject, ProjectNamed};
use priv_domain::{EntityId, Environment, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::new_keys::NewKeys;
use super::{EnvironmentQuery, ListQuery, checked_reason, existing, no_such_project, project_id};
use crate::error::refusal::mark_replayed;
use crate::error::{ApiError, Detail};
use crate::extract::caller::OperatorCaller;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::json::JsonBody;
use crate::extract::query::QueryParams;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::{created, ok};
use crate::wire::integer::Whole;
use crate::wire::json::present;
use crate::wire::pagination::Pagination;
use crate::wire::params::ProjectPath;
use crate::wire::schemas::{EnvironmentName, NameText, ProjectIdText, Success};
use crate::wire::time::Rfc3339;

/// Longest name, in characters.
const MAX_NAME_CHARS: usize = 200;

/// The body of `POST /projects`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectBody {
    #[schema(value_type = NameText)]
    name: String,
    plan: Option<PlanName>,
    consent_policy: Option<PolicyName>,
    #[serde(default)]
    limits: LimitsBody,
    /// Whether publishable keys may read the project's analytics.
    publishable_reads_analytics: Option<bool>,
    /// Why, for the record.
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Box<str>>,
}

/// The body of `PATCH /projects/{id}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectChangeBody {
    #[schema(value_type = Option<NameText>)]
    name: Option<String>,
    plan: Option<PlanName>,
    consent_policy: Option<PolicyName>,
    #[serde(default)]
    limits: LimitsBody,
    /// Whether publishable keys may read the project's analytics.
    publishable_reads_analytics: Option<bool>,
    /// Why, for the record.
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Plan)]
enum PlanName {
    Free,
    Pro,
    Enterprise,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConsentPolicy)]
enum PolicyName {
    OptIn,
    OptOut,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LimitsBody {
    /// `null` goes back to the plan's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    requests_per_second: Option<Option<Whole<u32>>>,
    /// `null` goes back to the plan's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    requests_per_day: Option<Option<Whole<u32>>>,
    /// What a user can earn with the project in a day.
    daily_cap_priv: Option<Priv>,
    #[serde(default)]
    rates: RatesBody,
}

/// What an event of each type earns.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct RatesBody {
    track: Option<Priv>,
    page_view: Option<Priv>,
    identify: Option<Priv>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewProject)]
struct CreatedView {
    #[schema(value_type = ProjectIdText)]
    project_id: String,
    #[schema(value_type = String)]
    name: Box<str>,
    keys: KeysView,
}

/// The secrets, shown once. A repeat shows them only where they can be made again.
#[derive(Serialize, ToSchema)]
#[schema(as = NewKeys)]
struct KeysView {
    pk_live: Option<String>,
    sk_live: Option<String>,
    pk_test: Option<String>,
    sk_test: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
struct ProjectView {
    #[schema(value_type = ProjectIdText)]
    project_id: String,
    #[schema(value_type = EnvironmentName)]
    environment: &'static str,
    #[schema(value_type = String)]
    name: Box<str>,
    #[schema(value_type = PlanName)]
    plan: &'static str,
    #[schema(value_type = PolicyName)]
    consent_policy: &'static str,
    limits: LimitsView,
    publishable_reads_analytics: bool,
    /// What can still be promised.
    budget_priv: Priv,
    /// Earned with it and not yet claimed.
    promised_priv: Priv,
    created_at: Rfc3339,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProjectLimits)]
struct LimitsView {
    requests_per_second: Option<u32>,
    requests_per_day: Option<u32>,
    daily_cap_priv: Priv,
    rates: RatesView,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Rates)]
struct RatesView {
    track: Priv,
    page_view: Priv,
    identify: Priv,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Projects)]
struct ProjectsView {
    projects: Vec<ProjectView>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

impl From<PlanName> for Plan {
    fn from(name: PlanName) -> Self {
        match name {
            PlanName::Free => Self::Free,
            PlanName::Pro => Self::Pro,
            PlanName::Enterprise => Self::Enterprise,
        }
    }
}

impl From<PolicyName> for ConsentPolicy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::OptIn => Self::OptIn,
            PolicyName::OptOut => Self::OptOut,
        }
    }
}

fn change_of(body: ProjectChangeBody) -> Result<SettingsChange, ApiError> {
    if let Some(name) = &body.name {
        check_name(name)?;
    }
    let LimitsBody { requests_per_second, requests_per_day, daily_cap_priv, rates } = body.limits;
    let limit = |said: Option<Option<Whole<u32>>>| said.map(|said| said.map(|Whole(limit)| limit));
    Ok(SettingsChange {
        name: body.name.map(Into::into),
        plan: body.plan.map(Into::into),
        consent_policy: body.consent_policy.map(Into::into),
        track_rate: rates.track.map(|Priv(rate)| rate),
        page_view_rate: rates.page_view.map(|Priv(rate)| rate),
        identify_rate: rates.identify.map(|Priv(rate)| rate),
        daily_cap: daily_cap_priv.map(|Priv(cap)| cap),
        requests_per_second: limit(requests_per_second),
        requests_per_day: limit(requests_per_day),
        publishable_reads_analytics: body.publishable_reads_analytics,
    })
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let chars = name.chars().count();
    let fits = (1..=MAX_NAME_CHARS).contains(&chars) && !name.chars().any(char::is_control);
    match fits {
        true => Ok(()),
        false => Err(ApiError::validation(vec![Detail::new(
            "name",
            "must have 1 to 200 characters, none of them control characters",
        )])),
    }
}

fn view(
    id: ProjectId,
    environment: Environment,
    settings: &Settings,
    created_at: Timestamp,
    money: [Priv; 2],
) -> ProjectView {
    let [budget_priv, promised_priv] = money;
    ProjectView {
        project_id: id.to_string(),
        environment: environment.as_str(),
        name: settings.name.clone(),
        plan: settings.plan.as_str(),
        consent_policy: settings.consent_policy.as_str(),
        limits: LimitsView {
            requests_per_second: settings.requests_per_second,
            requests_per_day: settings.requests_per_day,
            daily_cap_priv: settings.daily_cap.into(),
            rates: RatesView {
                track: settings.rates.track.into(),
                page_view: settings.rates.page_view.into(),
                identify: settings.rates.identify.into(),
            },
        },
        publishable_reads_analytics: settings.publishable_reads_analytics,
        budget_priv,
        promised_priv,
        created_at: Rfc3339(created_at),
    }
}

/// Makes a project, in both environments, and its first keys
///
/// The keys are shown only here, and to a repeat with the same `Idempotency-Key`.
#[utoipa::path(post, path = "/v1/admin/projects", tag = "Operators",
    responses((status = 201, body = Success<CreatedView>)))]
pub(crate) async fn create_project(
    request: HttpRequest,
    operator: OperatorCaller,
    body: JsonBody<ProjectBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let ProjectBody { name, plan, consent_policy, limits, publishable_reads_analytics, reason } =
        body.value;
    let reason = checked_reason(reason)?;
    let change = change_of(ProjectChangeBody {
        name: Some(name),
        plan,
        consent_policy,
        limits,
        publishable_reads_analytics,
        reason: None,
    })?;
    let settings = change.applied_to(&Settings::default());
    let by = operator.who.as_ref().into();
    let naming = NameProject { name: settings.name.clone(), by, reason };
    let named = state.node.ask(&EntityId::system(Environment::Live), naming, tag).await?;
    let ProjectNamed { id } = named.reply;
    // The id is the same for a repeat, so each environment's project is made once. The test environment comes
    // first: whoever sees the live one has both.
    let new_keys = NewKeys::for_request(&state, tag);
    let mut secrets = Vec::new();
    for environment in [Environment::Test, Environment::Live] {
        let made = new_keys.pair(environment)?;
        let stored = made.iter().map(|(key, _)| key.clone()).collect();
        let command = CreateProject { settings: settings.clone(), keys: stored };
        let entity = EntityId::project(environment, id);
        let answered = state.node.ask(&entity, command, tag).await?;
        state.node.when_projected(answered.position).await;
        secrets.extend(
            answered.reply.keys.iter().map(|key| new_keys.secret_of(key, environment, &made)),
        );
    }
    let mut secrets = secrets.into_iter();
    let mut next = || secrets.next().flatten();
    let keys = KeysView { pk_test: next(), sk_test: next(), pk_live: next(), sk_live: next() };
    let view = CreatedView { project_id: id.to_string(), name: settings.name, keys };
    let mut response = created(&format!("/v1/admin/projects/{id}"), &view);
    if named.origin == Origin::Replayed {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// All projects, newest first
#[utoipa::path(get, path = "/v1/admin/projects", tag = "Operators",
    responses((status = 200, body = Success<ProjectsView>)))]
pub(crate) async fn list_projects(
    _operator: OperatorCaller,
    query: QueryParams<ListQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (environment, wanted) = (query.0.environment()?, query.0.page()?);
    let mut all = state.node.projects_in(environment);
    all.reverse();
    let (part, pagination, next_cursor) = wanted.part_of(all, newest_first);
    let projects = part
        .iter()
        .map(|facts| {
            let money = [facts.available().into(), facts.promised().into()];
            view(facts.id, environment, &facts.settings, facts.created_at, money)
        })
        .collect();
    Ok(ok(&ProjectsView { projects, pagination, next_cursor }))
}

fn newest_first(facts: &KnownProject) -> String {
    format!("{:039}", u128::MAX - facts.id.get())
}

/// A project, with its money
#[utoipa::path(get, path = "/v1/admin/projects/{id}", tag = "Operators",
    params(ProjectPath),
    responses((status = 200, body = Success<ProjectView>)))]
pub(crate) async fn get_project(
    _operator: OperatorCaller,
    id: web::Path<String>,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (environment, id) = (environment.0.environment()?, project_id(&id)?);
    show(&state.node, environment, id).await
}

async fn show(
    node: &Arc<Node>,
    environment: Environment,
    id: ProjectId,
) -> Result<HttpResponse, ApiError> {
    let entity = existing(node, environment, id)?;
    let seen = node
        .read_durable::<Project, _>(&entity, |project| {
            let Project { settings, created_at, available, .. } = &project.machine;
            (settings.clone(), *created_at, *available)
        })
        .await?;
    let (settings, created_at, available) = seen.reply;
    let created_at = created_at.ok_or_else(no_such_project)?;
    let promised = node.project(environment, id).map(|facts| facts.promised());
    let money = [available.into(), promised.unwrap_or_default().into()];
    Ok(ok(&view(id, environment, &settings, created_at, money)))
}

/// Changes a project in one environment; what is left out stays as it is
#[utoipa::path(patch, path = "/v1/admin/projects/{id}", tag = "Operators",
    params(ProjectPath),
    responses((status = 200, body = Success<ProjectView>)))]
pub(crate) async fn change_project(
    request: HttpRequest,
    operator: OperatorCaller,
    id: web::Path<String>,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<ProjectChangeBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let (environment, id) = (environment.0.environment()?, project_id(&id)?);
    let entity = existing(&state.node, environment, id)?;
    let mut body = body.value;
    let reason = checked_reason(body.reason.take())?;
    let change = change_of(body)?;
    let by = operator.who.as_ref().into();
    let command = ChangeSettings { change, by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    state.node.when_projected(answered.position).await;
    let mut response = show(&state.node, environment, id).await?;
    if answered.origin == Origin::Replayed {
        mark_replayed(&mut response);
    }
    Ok(response)
}
