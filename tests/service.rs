//! Whole-service tests: the real `privd` on a port of its own over a temporary directory, driven as
//! its clients drive it.
//!
//! They are one binary, so that only one harness is linked. Tests reach the service's process, its
//! files and its log through `service::app::TestApp`.

mod service {
    mod app;
    mod bad_bodies;
    mod bad_input;
    mod caller;
    mod claims;
    mod consent_race;
    mod content_owner;
    mod contract;
    mod damage;
    mod forged;
    mod formats;
    mod happy;
    mod hostile_bytes;
    mod idempotency;
    mod keys;
    mod kill;
    mod link;
    mod market;
    mod model;
    mod operators;
    mod rate_limits;
    mod real_input;
    mod recovery;
    mod routes;
    mod sandbox;
    mod sdks;
    mod server;
    mod story;
    mod streams;
    mod tokens;
}
