//! The description of the interface: OpenAPI 3.1, served at `/openapi.json`.
//!
//! Each handler says by `#[utoipa::path]` what is its own: path, parameters, body, what it answers
//! when all is well, and refusals that no other has. What is the same for many routes is added
//! here, once, by `finish`: errors of the edge, headers, the envelope of errors. How to describe
//! a new route: `docs/openapi.md`.
//!
//! *Invariant*: a route is described exactly if it is served (`tests.rs` compares this document
//! with the router).

mod events;
mod finish;
mod links;
mod params;
mod rules;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde_json::Value;
use utoipa::{IntoParams, OpenApi};

use crate::error::page;
use crate::handlers::{
    admin, analytics, compatibility, contributions, marketplace, probes, receipts, user,
};
use crate::ingest::Ingested;

pub(crate) use params::{
    ActorPath, ContributionPath, EnvironmentHeader, Flag, IdempotencyHeader, KeyPath, KindPath,
    ListingPath, ProjectPath, UserQuery,
};
pub(crate) use schemas::{
    ActorKind, ClaimIdText, EnvironmentName, HashText, KeyIdText, NameText, NewListingBody,
    PositiveAmount, PriceAmount, ProjectIdText, ReasonText, ScopeName, SignedAmount, Success,
    TagText, day_or_time, position_or_time,
};
pub(crate) use schemas::{
    CategoryName, ContributionIdText, ContributionTypeName, DecisionName, FormatName, LicenseName,
    ListingIdText, ListingStatusName, ReviewStatusName, RoleName, SortName,
};

/// Every described handler. Those of events are in `events.rs`, since they share one handler.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "PRIV Protocol",
        description = include_str!("openapi/introduction.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Events", description = "Events in: stored once, if consent allows it, and paid."),
        (name = "Analytics", description = "What a project's events add up to."),
        (name = "User", description = "A person's consent, earnings and balance: for the person, \
            or for a project's server with a secret key that names a user."),
        (name = "Contributions", description = "What people upload: reviewed, it earns."),
        (name = "Marketplace", description = "Selling and buying contributions."),
        (name = "Service", description = "For whoever runs it."),
        (name = "Compatibility", description = "Unmodified clients of Segment and PostHog."),
        (name = "Operators", description = "Projects, keys, money and the live state."),
    ),
    components(schemas(Ingested)),
    paths(
        analytics::query_analytics,
        user::balance::get_balance,
        user::claim::claim_earnings,
        user::consent::get_consent,
        user::consent::set_consent,
        user::consent::list_consent_history,
        user::earnings::list_earnings,
        user::link::issue_link_proof,
        user::link::link_user,
        user::stream::stream_earnings,
        contributions::delete_contribution,
        contributions::get_contribution,
        contributions::list_contributions,
        contributions::preview_contribution,
        contributions::upload::upload_contribution,
        marketplace::browse::browse_listings,
        marketplace::browse::get_listing,
        marketplace::download::download_listing,
        marketplace::download::get_file,
        marketplace::purchase::list_purchases,
        marketplace::purchase::purchase_listing,
        marketplace::purchase::rate_listing,
        marketplace::sell::change_listing,
        marketplace::sell::create_listing,
        receipts::show_receipt_keys,
        admin::contributions::list_contribution_queue,
        admin::contributions::review_contribution,
        admin::actors::get_actor,
        admin::actors::list_actor_journal,
        admin::actors::list_actor_kinds,
        admin::actors::list_actors,
        admin::actors::passivate_actor,
        admin::actors::snapshot_actor,
        admin::budget::fund_budget,
        admin::budget::mint,
        admin::keys::get_key,
        admin::keys::issue_key,
        admin::keys::list_keys,
        admin::keys::revoke_key,
        admin::keys::roll_key,
        admin::ledger::audit_ledger,
        admin::ledger::show_journal,
        admin::projects::change_project,
        admin::projects::create_project,
        admin::projects::get_project,
        admin::projects::list_projects,
        compatibility::list_feature_flags,
        compatibility::show_remote_config,
        compatibility::show_segment_settings,
        page::show_error_page,
        probes::check_health,
        probes::check_readiness,
        probes::show_metrics,
        show_openapi,
    )
)]
struct Described;

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut document = serde_json::to_value(Described::openapi()).expect("a description is JSON");
    events::add(&mut document);
    rules::add(&mut document);
    links::add(&mut document);
    finish::finish(document)
}

/// What `T` describes, where an operation is written by hand.
fn parameters<T: IntoParams>() -> Vec<Value> {
    let described = T::into_params(|| None);
    described
        .into_iter()
        .map(|parameter| serde_json::to_value(parameter).expect("a description is JSON"))
        .collect()
}

static SERVED: LazyLock<String> = LazyLock::new(|| document().to_string());

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "Service",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(SERVED.as_str())
}
