//! Every route, in one place.

use actix_web::web::{self, ServiceConfig, delete, get, patch, post, put};
use actix_web::{Resource, Route};

use crate::edge::{no_such_route, only};
use crate::error::show_error_page;
use crate::handlers::{admin, analytics, compatibility, events, probes, receipts, user};
use crate::ingest::{Dialect, PostHogRoute, PrivRoute, SegmentRoute};
use crate::openapi::show_openapi;

/// Where metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// With everything else.
    Here,
    /// On an address of their own.
    TheirOwnAddress,
}

/// Adds the route of metrics only.
pub fn configure_metrics(config: &mut ServiceConfig) {
    config.service(read("/metrics", get().to(probes::show_metrics)));
}

/// Adds all routes: the contract's under both of its spellings, and those that other vendors'
/// clients expect at the root.
pub fn configure(config: &mut ServiceConfig, metrics: MetricsAt) {
    for prefix in ["/v1", "/api/v1"] {
        config.service(
            web::scope(prefix).configure(versioned).default_service(web::to(no_such_route)),
        );
    }
    config
        .service(read("/health", get().to(probes::check_health)))
        .service(read("/ready", get().to(probes::check_readiness)))
        .service(read("/.well-known/jwks.json", get().to(receipts::show_receipt_keys)))
        .service(read("/openapi.json", get().to(show_openapi)))
        .service(read("/docs/errors/{code}", get().to(show_error_page)));
    if metrics == MetricsAt::Here {
        configure_metrics(config);
    }
    for (path, route) in [
        ("/e", PostHogRoute::Capture),
        ("/capture", PostHogRoute::Capture),
        ("/i/v0/e", PostHogRoute::Capture),
        ("/batch", PostHogRoute::Batch),
        ("/i/v1/analytics/events", PostHogRoute::V1),
    ] {
        config.service(takes_events(path, Dialect::PostHog(route)));
        config.service(takes_events(&format!("{path}/"), Dialect::PostHog(route)));
    }
    for path in ["/flags", "/flags/", "/decide", "/decide/"] {
        config.service(write(path, post().to(compatibility::list_feature_flags)));
    }
    config
        .service(read("/array/{key}/config", get().to(compatibility::show_remote_config)))
        .default_service(web::to(no_such_route));
}

fn versioned(config: &mut ServiceConfig) {
    ingest(config);
    config.service(read("/analytics", get().to(analytics::query_analytics)));
    config.service(web::scope("/user").configure(users));
    config.service(web::scope("/contributions").configure(contributions));
    config.service(web::scope("/marketplace").configure(marketplace));
    config.service(web::scope("/admin").configure(operators));
    config
        .service(read("/openapi.json", get().to(show_openapi)))
        .service(read("/projects/{key}/settings", get().to(compatibility::show_segment_settings)));
}

fn ingest(config: &mut ServiceConfig) {
    for (path, route) in [
        ("/events", PrivRoute::Events),
        ("/identify", PrivRoute::Identify),
        ("/page", PrivRoute::Page),
    ] {
        config.service(takes_events(path, Dialect::Priv(route)));
    }
    for (path, route) in [
        ("/batch", SegmentRoute::Batch),
        ("/b", SegmentRoute::Batch),
        ("/import", SegmentRoute::Batch),
        ("/track", SegmentRoute::Track),
        ("/t", SegmentRoute::Track),
        ("/i", SegmentRoute::Identify),
        ("/p", SegmentRoute::Page),
        ("/screen", SegmentRoute::Screen),
        ("/s", SegmentRoute::Screen),
        ("/group", SegmentRoute::Group),
        ("/g", SegmentRoute::Group),
        ("/alias", SegmentRoute::Alias),
        ("/a", SegmentRoute::Alias),
    ] {
        config.service(takes_events(path, Dialect::Segment(route)));
    }
}

fn users(config: &mut ServiceConfig) {
    config
        .service(read("/balance", get().to(user::balance::get_balance)))
        .service(
            web::resource("/consent")
                .route(get().to(user::consent::get_consent))
                .route(post().to(user::consent::set_consent))
                .default_service(only("GET, POST")),
        )
        .service(read("/consent/history", get().to(user::consent::list_consent_history)))
        .service(read("/earnings", get().to(user::earnings::list_earnings)))
        .service(write("/earnings/claim", post().to(user::claim::claim_earnings)))
        .service(read("/earnings/stream", get().to(user::stream::stream_earnings)))
        .service(write("/link", post().to(user::link::link_user)))
        .service(write("/link/proof", post().to(user::link::issue_link_proof)));
}

fn contributions(config: &mut ServiceConfig) {
    use crate::handlers::contributions as handlers;
    config
        .service(read("", get().to(handlers::list_contributions)))
        .service(write("/upload", post().to(handlers::upload::upload_contribution)))
        .service(
            web::resource("/{id}")
                .route(get().to(handlers::get_contribution))
                .route(delete().to(handlers::delete_contribution))
                .default_service(only("GET, DELETE")),
        )
        .service(read("/{id}/preview", get().to(handlers::preview_contribution)));
}

fn marketplace(config: &mut ServiceConfig) {
    use crate::handlers::marketplace::{browse, download, purchase, sell};
    config
        .service(
            web::resource("/wallet/listings")
                .route(get().to(browse::browse_listings))
                .route(post().to(sell::create_listing))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/wallet/listings/{id}")
                .route(get().to(browse::get_listing))
                .route(put().to(sell::change_listing))
                .default_service(only("GET, PUT")),
        )
        .service(write("/wallet/listings/{id}/purchase", post().to(purchase::purchase_listing)))
        .service(write("/wallet/listings/{id}/rating", post().to(purchase::rate_listing)))
        .service(read("/wallet/listings/{id}/download", get().to(download::download_listing)))
        .service(read("/wallet/purchases", get().to(purchase::list_purchases)))
        .service(read("/files/{link}", get().to(download::get_file)));
}

fn operators(config: &mut ServiceConfig) {
    use admin::{actors, budget, contributions, keys, ledger, projects};
    config
        .service(read("/contributions", get().to(contributions::list_contribution_queue)))
        .service(write("/contributions/{id}/review", post().to(contributions::review_contribution)))
        .service(
            web::resource("/projects")
                .route(get().to(projects::list_projects))
                .route(post().to(projects::create_project))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/projects/{id}")
                .route(get().to(projects::get_project))
                .route(patch().to(projects::change_project))
                .default_service(only("GET, PATCH")),
        )
        .service(
            web::resource("/projects/{id}/keys")
                .route(get().to(keys::list_keys))
                .route(post().to(keys::issue_key))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/projects/{id}/keys/{key}")
                .route(get().to(keys::get_key))
                .route(delete().to(keys::revoke_key))
                .default_service(only("GET, DELETE")),
        )
        .service(write("/projects/{id}/keys/{key}/roll", post().to(keys::roll_key)))
        .service(write("/projects/{id}/budget", post().to(budget::fund_budget)))
        .service(write("/mint", post().to(budget::mint)))
        .service(read("/actors", get().to(actors::list_actor_kinds)))
        .service(read("/actors/{kind}", get().to(actors::list_actors)))
        .service(read("/actors/{kind}/{id}", get().to(actors::get_actor)))
        .service(read("/actors/{kind}/{id}/journal", get().to(actors::list_actor_journal)))
        .service(write("/actors/{kind}/{id}/snapshot", post().to(actors::snapshot_actor)))
        .service(write("/actors/{kind}/{id}/passivate", post().to(actors::passivate_actor)))
        .service(read("/ledger/audit", get().to(ledger::audit_ledger)))
        .service(read("/journal", get().to(ledger::show_journal)));
}

fn takes_events(path: &str, dialect: Dialect) -> Resource {
    let handler = move |request, payload: web::Payload, key, idempotency, state| {
        events::ingest(dialect, request, payload.into_inner(), key, idempotency, state)
    };
    web::resource(path).route(post().to(handler)).default_service(only("POST"))
}

/// A resource that can only be read.
fn read(path: &str, route: Route) -> Resource {
    web::resource(path).route(route).default_service(only("GET"))
}

/// A resource that is only posted to.
fn write(path: &str, route: Route) -> Resource {
    web::resource(path).route(route).default_service(only("POST"))
}
