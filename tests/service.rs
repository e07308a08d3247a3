//! Whole-service tests: the real `privd` on a port of its own over a temporary directory, driven
//! as its clients drive it.
//!
//! One binary, so that the server is linked against one harness only. What a test needs of the
//! service beyond the wire (its process, its files, its log) goes through `service::app::TestApp`.

mod service {
    mod app;
    mod bad_bodies;
    mod bad_input;
    mod caller;
    mod claims;
    mod consent_race;
    mod damage;
    mod forged;
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
