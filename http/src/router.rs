//! Every route, a line each. A new route needs a handler with `#[utoipa::path]`, and a line here.

use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde_json::Value;

use crate::handlers::description::Description;
use crate::handlers::{
    admin, analytics, compatibility, contributions, description, error_pages, events, marketplace,
    probes, receipts, user,
};
use crate::ingest::{Dialect, PostHogRoute, PrivRoute, SegmentRoute};
use crate::middleware::{Group, Groups};
use crate::openapi;
use crate::route::mount::{mount, no_such_route};
use crate::route::{Route, route};

/// The address on which metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// The address of all other routes.
    Here,
    /// An address of their own: the other routes don't include metrics.
    TheirOwnAddress,
}

static ROUTES: LazyLock<Vec<Route>> =
    LazyLock::new(|| [taking_events(), others()].into_iter().flatten().collect());

static METRICS: LazyLock<Route> =
    LazyLock::new(|| route!(probes::show_metrics).in_group(Group::Probe));

static SERVED: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// Adds all routes: the API's under both of its prefixes, and those that other vendors' clients
/// expect at the root.
pub fn configure(config: &mut ServiceConfig, metrics: MetricsAt) {
    config.app_data(web::Data::new(Description(SERVED.clone())));
    mount(ROUTES.iter(), config);
    if metrics == MetricsAt::Here {
        configure_metrics(config);
    }
    config.default_service(web::to(no_such_route));
}

/// Adds only the route of metrics.
pub fn configure_metrics(config: &mut ServiceConfig) {
    mount([&*METRICS], config);
}

/// The groups of routes that the middleware treats differently.
#[must_use]
pub fn groups() -> Groups {
    let routes = ROUTES.iter().chain([&*METRICS]);
    Groups::of(
        routes.flat_map(|route| route.paths.iter().map(|served| (&*served.path, route.group))),
    )
}

/// The description of all routes, as an OpenAPI 3.1 document.
#[must_use]
pub fn document() -> Value {
    openapi::document(ROUTES.iter().chain([&*METRICS]))
}

#[rustfmt::skip]
fn others() -> Vec<Route> {
    vec![
        route!(analytics::query_analytics).in_group(Group::Analytics),
        route!(user::balance::get_balance),
        route!(user::consent::get_consent),
        route!(user::consent::set_consent),
        route!(user::consent::list_consent_history),
        route!(user::earnings::list_earnings),
        route!(user::claim::claim_earnings),
        route!(user::stream::stream_earnings),
        route!(user::link::link_user),
        route!(user::link::issue_link_proof),
        route!(contributions::list_contributions),
        route!(contributions::upload::upload_contribution),
        route!(contributions::get_contribution),
        route!(contributions::change_contribution),
        route!(contributions::delete_contribution),
        route!(contributions::preview_contribution),
        route!(marketplace::browse::browse_listings),
        route!(marketplace::sell::create_listing),
        route!(marketplace::browse::get_listing),
        route!(marketplace::sell::change_listing),
        route!(marketplace::purchase::purchase_listing),
        route!(marketplace::purchase::rate_listing),
        route!(marketplace::download::download_listing),
        route!(marketplace::purchase::list_purchases),
        route!(marketplace::purchase::get_purchase),
        route!(marketplace::download::download_purchase),
        route!(marketplace::download::get_file),
        route!(admin::contributions::list_contribution_queue),
        route!(admin::contributions::review_contribution),
        route!(admin::projects::list_projects),
        route!(admin::projects::create_project),
        route!(admin::projects::get_project),
        route!(admin::projects::change_project),
        route!(admin::keys::list_keys),
        route!(admin::keys::issue_key),
        route!(admin::keys::get_key),
        route!(admin::keys::revoke_key),
        route!(admin::keys::roll_key),
        route!(admin::budget::fund_budget),
        route!(admin::budget::mint),
        route!(admin::actors::list_actor_kinds),
        route!(admin::actors::list_actors),
        route!(admin::actors::get_actor),
        route!(admin::actors::list_actor_journal),
        route!(admin::actors::snapshot_actor),
        route!(admin::actors::passivate_actor),
        route!(admin::ledger::audit_ledger),
        route!(admin::ledger::show_journal),
        route!(description::show_openapi).in_group(Group::Analytics)
            .alias("/v1/openapi.json", "show_versioned_openapi"),
        route!(compatibility::show_segment_settings).in_group(Group::Analytics),
        route!(probes::check_health).in_group(Group::Probe),
        route!(probes::check_readiness).in_group(Group::Probe),
        route!(receipts::show_receipt_keys),
        route!(error_pages::show_error_page),
        route!(compatibility::list_feature_flags).in_group(Group::Ingest)
            .alias("/decide/", "list_feature_flags_of_decide").with_or_without_slash(),
        route!(compatibility::show_remote_config).in_group(Group::Analytics),
    ]
}

/// The routes that take events, which one handler serves.
#[rustfmt::skip]
fn taking_events() -> Vec<Route> {
    use Dialect::{PostHog, Priv, Segment};
    vec![
        takes("/v1/events", Priv(PrivRoute::Events), "ingest_events", "Stores events, each once, and pays for them"),
        takes("/v1/identify", Priv(PrivRoute::Identify), "ingest_identify", "Stores traits of a user")
            .alias_with("/v1/i", "segment_i", events::ingest(Segment(SegmentRoute::Identify))),
        takes("/v1/page", Priv(PrivRoute::Page), "ingest_page", "Stores page views")
            .alias_with("/v1/p", "segment_p", events::ingest(Segment(SegmentRoute::Page))),
        takes("/v1/batch", Segment(SegmentRoute::Batch), "segment_batch", "Segment's batch: events of all types")
            .alias("/v1/b", "segment_b")
            .alias("/v1/import", "segment_import"),
        takes("/v1/track", Segment(SegmentRoute::Track), "segment_track", "Segment's track")
            .alias("/v1/t", "segment_t"),
        takes("/v1/screen", Segment(SegmentRoute::Screen), "segment_screen", "Segment's screen: answered as dropped")
            .alias("/v1/s", "segment_s"),
        takes("/v1/group", Segment(SegmentRoute::Group), "segment_group", "Segment's group: answered as dropped")
            .alias("/v1/g", "segment_g"),
        takes("/v1/alias", Segment(SegmentRoute::Alias), "segment_alias", "Segment's alias: answered as dropped")
            .alias("/v1/a", "segment_a"),
        takes("/e/", PostHog(PostHogRoute::Capture), "posthog_e", "PostHog's capture")
            .alias("/capture/", "posthog_capture")
            .alias("/i/v0/e/", "posthog_i_v0_e")
            .with_or_without_slash(),
        takes("/batch/", PostHog(PostHogRoute::Batch), "posthog_batch", "PostHog's batch")
            .with_or_without_slash(),
        takes("/i/v1/analytics/events", PostHog(PostHogRoute::V1), "posthog_v1", "PostHog's new capture, with a verdict for each event")
            .with_or_without_slash(),
    ]
}

fn takes(path: &str, dialect: Dialect, operation_id: &str, summary: &str) -> Route {
    let operation = openapi::events::operation(dialect, operation_id, summary);
    Route::new(path, Method::POST, operation, events::ingest(dialect)).in_group(Group::Ingest)
}
