//! `/v1/admin/projects`: projects, which are made in both environments at once.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use priv_actors::{KnownProject, Node};
use priv_domain::consent::ConsentPolicy;
use priv_domain::project::{
    ChangeSettings, CreateProject, Plan, Project, Settings, SettingsChange,
};
use priv_domain::system::{NameProject, ProjectNamed};
use priv_domain::{EntityId, Environment, ProjectId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::new_keys::NewKeys;
use super::{EnvironmentQuery, ListQuery, Reason, existing};
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::json::JsonBody;
use crate::extract::path::{InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, created, ok};
use crate::wire::ids::ProjectIdText;
use crate::wire::integer::{Count, Int};
use crate::wire::issues::{At, Issues};
use crate::wire::member::{Maybe, Member, OrDefault, body};
use crate::wire::pagination::Pagination;
use crate::wire::schema::Schemas;
use crate::wire::text::Text;
use crate::wire::time::Rfc3339;
use crate::wire::words::{EnvironmentName, words};

body! {
    /// The body of `POST /projects`.
    pub(crate) struct ProjectBody {
        name: NameText,
        plan: Option<PlanName>,
        consent_policy: Option<PolicyName>,
        limits: OrDefault<LimitsBody>,
        /// Whether publishable keys may read the project's analytics.
        publishable_reads_analytics: Option<bool>,
        /// Why, for the record.
        reason: Option<Reason>,
    }
}

body! {
    /// The body of `PATCH /projects/{id}`.
    pub(crate) struct ProjectChangeBody {
        name: Option<NameText>,
        plan: Option<PlanName>,
        consent_policy: Option<PolicyName>,
        limits: OrDefault<LimitsBody>,
        /// Whether publishable keys may read the project's analytics.
        publishable_reads_analytics: Option<bool>,
        /// Why, for the record.
        reason: Option<Reason>,
    }
}

words! {
    typed pub(crate) enum PlanName as "Plan" {
        Free = "free",
        Pro = "pro",
        Enterprise = "enterprise",
    }
}

words! {
    typed pub(crate) enum PolicyName as "ConsentPolicy" {
        OptIn = "opt_in",
        OptOut = "opt_out",
    }
}

body! {
    pub(crate) struct LimitsBody: default {
        /// The most requests in a second with each key; `null` goes back to the plan's limit.
        requests_per_second: Maybe<Option<Count>>,
        /// The most requests in a UTC day with each key; `null` goes back to the plan's limit.
        requests_per_day: Maybe<Option<Count>>,
        /// The most that one user can earn from the project's events in a UTC day.
        daily_cap_priv: Option<Amount>,
        rates: OrDefault<RatesBody>,
    }
}

body! {
    /// What one event of each type earns.
    pub(crate) struct RatesBody: default {
        track: Option<Amount>,
        page_view: Option<Amount>,
        identify: Option<Amount>,
    }
}

/// A name of 1 to 200 characters, without control characters.
#[derive(Debug, ToSchema)]
#[schema(
    as = Name,
    value_type = String,
    min_length = 1,
    max_length = 200,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"
)]
pub(crate) struct NameText(Box<str>);

impl Member for NameText {
    type Sent = Box<str>;

    fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        let is_fit = (1..=200).contains(&sent.chars().count());
        if !is_fit || sent.chars().any(char::is_control) {
            let issue = "must have 1 to 200 characters, none of them control characters";
            issues.note(at, issue);
            return None;
        }
        Some(Self(sent))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.reference::<Self>()
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewProject)]
struct CreatedView {
    project_id: ProjectIdText,
    name: Box<str>,
    keys: KeysView,
}

/// The keys themselves, shown once. A repeat shows them only if they can be made again.
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
    project_id: ProjectIdText,
    environment: EnvironmentName,
    name: Box<str>,
    plan: PlanName,
    consent_policy: PolicyName,
    limits: LimitsView,
    publishable_reads_analytics: bool,
    /// The reward budget, including what `promised_priv` will take of it.
    budget_priv: Amount,
    /// What users have earned from the project and not yet been paid.
    promised_priv: Amount,
    created_at: Rfc3339,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProjectLimits)]
struct LimitsView {
    requests_per_second: Option<u32>,
    requests_per_day: Option<u32>,
    daily_cap_priv: Amount,
    rates: RatesView,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Rates)]
struct RatesView {
    track: Amount,
    page_view: Amount,
    identify: Amount,
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

impl From<Plan> for PlanName {
    fn from(plan: Plan) -> Self {
        match plan {
            Plan::Free => Self::Free,
            Plan::Pro => Self::Pro,
            Plan::Enterprise => Self::Enterprise,
        }
    }
}

impl From<ConsentPolicy> for PolicyName {
    fn from(policy: ConsentPolicy) -> Self {
        match policy {
            ConsentPolicy::OptIn => Self::OptIn,
            ConsentPolicy::OptOut => Self::OptOut,
        }
    }
}

/// The change of settings that a body asks for.
fn change_of(
    name: Option<NameText>,
    plan: Option<PlanName>,
    consent_policy: Option<PolicyName>,
    limits: LimitsBody,
    publishable_reads_analytics: Option<bool>,
) -> SettingsChange {
    let LimitsBody { requests_per_second, requests_per_day, daily_cap_priv, rates } = limits;
    let OrDefault(RatesBody { track, page_view, identify }) = rates;
    let limit = |Maybe(said): Maybe<Option<Count>>| said.map(|said| said.map(|Int(limit)| limit));
    let amount = |said: Option<Amount>| said.map(|Amount(amount)| amount);
    SettingsChange {
        name: name.map(|NameText(name)| name),
        plan: plan.map(Into::into),
        consent_policy: consent_policy.map(Into::into),
        track_rate: amount(track),
        page_view_rate: amount(page_view),
        identify_rate: amount(identify),
        daily_cap: amount(daily_cap_priv),
        requests_per_second: limit(requests_per_second),
        requests_per_day: limit(requests_per_day),
        publishable_reads_analytics,
    }
}

fn view(
    id: ProjectId,
    environment: Environment,
    settings: &Settings,
    created_at: Timestamp,
    money: [Amount; 2],
) -> ProjectView {
    let [budget_priv, promised_priv] = money;
    ProjectView {
        project_id: id.into(),
        environment: environment.into(),
        name: settings.name.clone(),
        plan: settings.plan.into(),
        consent_policy: settings.consent_policy.into(),
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

/// Makes a project in both environments, with its first keys
///
/// The keys themselves are shown only here, and to a repeat with the same `Idempotency-Key`.
#[utoipa::path(post, path = "/v1/admin/projects", tag = "Operators",
    responses((status = 201, body = Success<CreatedView>)))]
pub(crate) async fn create_project(
    operator: OperatorCaller,
    body: JsonBody<ProjectBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let ProjectBody { name, plan, consent_policy, limits, publishable_reads_analytics, reason } =
        body.value;
    let reason = reason.map(|Text(reason)| reason);
    let OrDefault(limits) = limits;
    let change = change_of(Some(name), plan, consent_policy, limits, publishable_reads_analytics);
    let settings = change.applied_to(&Settings::default());
    let by = operator.who.as_ref().into();
    let naming = NameProject { name: settings.name.clone(), by, reason };
    let named = state.node.ask(&EntityId::system(Environment::Live), naming, tag).await?;
    let ProjectNamed { id } = named.reply;
    // A repeat has the same id, so each environment's project is made once. The test environment
    // comes first: whoever sees the live one has both.
    let new_keys = NewKeys::for_request(&state, tag);
    let mut secrets = Vec::new();
    for environment in [Environment::Test, Environment::Live] {
        let made = new_keys.pair(environment)?;
        let stored = made.iter().map(|(key, _)| key.clone()).collect();
        let command = CreateProject { settings: settings.clone(), keys: stored };
        let entity = EntityId::project(environment, id);
        let answered = state.node.ask(&entity, command, tag).await?;
        state.node.when_projected(answered.position).await?;
        secrets.extend(
            answered.reply.keys.iter().map(|key| new_keys.secret_of(key, environment, &made)),
        );
    }
    let mut secrets = secrets.into_iter();
    let mut next = || secrets.next().flatten();
    let keys = KeysView { pk_test: next(), sk_test: next(), pk_live: next(), sk_live: next() };
    let view = CreatedView { project_id: id.into(), name: settings.name, keys };
    Ok(with_origin(created(&format!("/v1/admin/projects/{id}"), &view), named.origin))
}

/// All projects, newest first
#[utoipa::path(get, path = "/v1/admin/projects", tag = "Operators",
    responses((status = 200, body = Success<ProjectsView>)))]
pub(crate) async fn list_projects(
    _operator: OperatorCaller,
    query: QueryParams<ListQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (environment, page) = query.0;
    let environment = environment.environment();
    let mut all = state.node.projects_in(environment);
    all.reverse();
    let (part, pagination, next_cursor) = page.part_of(all, newest_first);
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

/// A project and its money
#[utoipa::path(get, path = "/v1/admin/projects/{id}", tag = "Operators",
    responses((status = 200, body = Success<ProjectView>)))]
pub(crate) async fn get_project(
    _operator: OperatorCaller,
    InPath(id): InPath<ProjectId>,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    show(&state.node, environment.0.environment(), id).await
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
    let created_at = created_at.ok_or_else(ProjectId::missing)?;
    let promised = node.project(environment, id).map(|facts| facts.promised());
    let money = [available.into(), promised.unwrap_or_default().into()];
    Ok(ok(&view(id, environment, &settings, created_at, money)))
}

/// Changes a project in one environment; what is left out stays as it is
#[utoipa::path(patch, path = "/v1/admin/projects/{id}", tag = "Operators",
    responses((status = 200, body = Success<ProjectView>)))]
pub(crate) async fn change_project(
    operator: OperatorCaller,
    InPath(id): InPath<ProjectId>,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<ProjectChangeBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let environment = environment.0.environment();
    let entity = existing(&state.node, environment, id)?;
    let ProjectChangeBody {
        name,
        plan,
        consent_policy,
        limits: OrDefault(limits),
        publishable_reads_analytics,
        reason,
    } = body.value;
    let reason = reason.map(|Text(reason)| reason);
    let change = change_of(name, plan, consent_policy, limits, publishable_reads_analytics);
    let by = operator.who.as_ref().into();
    let command = ChangeSettings { change, by, reason };
    let answered = state.node.ask(&entity, command, tag).await?;
    state.node.when_projected(answered.position).await?;
    Ok(with_origin(show(&state.node, environment, id).await?, answered.origin))
}
