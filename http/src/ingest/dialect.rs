//! The families of clients that are understood, and the routes that they use.

/// The clients in whose form a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PRIV's own clients; names may be in snake or camel case.
    Priv(PrivRoute),
    /// Clients of Segment's HTTP API.
    Segment(SegmentRoute),
    /// Clients of PostHog's capture API.
    PostHog(PostHogRoute),
}

/// PRIV's own routes for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivRoute {
    /// `/events`: each event must say its type.
    Events,
    /// `/identify`: the type is `identify` unless the event says otherwise; `user_id` is required.
    Identify,
    /// `/page`: the type is `page_view` unless the event says otherwise.
    Page,
}

/// Segment's routes. The long and the one-letter form of a path are the same route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentRoute {
    /// `/v1/batch`, `/v1/b`
    Batch,
    /// `/v1/track`, `/v1/t`
    Track,
    /// `/v1/identify`, `/v1/i`
    Identify,
    /// `/v1/page`, `/v1/p`
    Page,
    /// `/v1/screen`, `/v1/s`
    Screen,
    /// `/v1/group`, `/v1/g`
    Group,
    /// `/v1/alias`, `/v1/a`
    Alias,
}

/// PostHog's routes. All are read alike; answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostHogRoute {
    /// `/e/`, `/capture/`, `/i/v0/e/`, `/track/`
    Capture,
    /// `/batch/`
    Batch,
    /// `/i/v1/analytics/events`
    V1,
}
