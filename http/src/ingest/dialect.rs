//! Which clients are understood, and by which route they come.

/// Whose words a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Ours, in either spelling.
    Priv(PrivRoute),
    /// Segment's HTTP API.
    Segment(SegmentRoute),
    /// PostHog's capture.
    PostHog(PostHogRoute),
}

/// Our own routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivRoute {
    /// `/events`: each event says its type.
    Events,
    /// `/identify`: `identify` unless the event says otherwise; `user_id` is required.
    Identify,
    /// `/page`: `page_view` unless the event says otherwise.
    Page,
}

/// Segment's routes, long and one-message forms alike.
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

/// PostHog's routes. They are read alike; each has an answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostHogRoute {
    /// `/e/`, `/capture/`, `/i/v0/e/`, `/track/`
    Capture,
    /// `/batch/`
    Batch,
    /// `/i/v1/analytics/events`
    V1,
}
