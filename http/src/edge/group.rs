//! Kinds of routes, as far as the edge treats them differently. Told apart by path, before routing.

use actix_web::http::Method;

/// What the edge does with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Events, ours and those of compatible clients: open to every origin; the key may be in the
    /// query or the body.
    Ingest,
    /// Reading analytics, and the description of the interface: open to every origin.
    Analytics,
    /// Health and metrics: never counted, so that a busy service is not taken for a dead one.
    Probe,
    /// All else: configured origins only.
    Other,
}

impl Group {
    pub(super) fn of(path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        let versioned = path
            .strip_prefix("/v1")
            .or_else(|| path.strip_prefix("/api/v1"))
            .filter(|rest| rest.starts_with('/'));
        match versioned {
            Some(
                "/events" | "/identify" | "/page" | "/batch" | "/track" | "/p" | "/t" | "/i" | "/b"
                | "/screen" | "/s" | "/group" | "/g" | "/alias" | "/a" | "/import",
            ) => Self::Ingest,
            Some("/analytics" | "/openapi.json") => Self::Analytics,
            // What browser clients of others ask for at start.
            Some(path) if path.starts_with("/projects/") => Self::Analytics,
            Some(_) => Self::Other,
            None => match path {
                "/batch"
                | "/e"
                | "/capture"
                | "/i/v0/e"
                | "/i/v1/analytics/events"
                | "/decide"
                | "/flags" => Self::Ingest,
                "/openapi.json" => Self::Analytics,
                path if path.starts_with("/array/") => Self::Analytics,
                "/health" | "/ready" | "/metrics" => Self::Probe,
                _ => Self::Other,
            },
        }
    }

    /// Whether pages of every origin may call it.
    pub(super) fn is_public(self) -> bool {
        match self {
            Self::Ingest | Self::Analytics => true,
            Self::Probe | Self::Other => false,
        }
    }

    /// Whether `?key=` is looked at, and a key may be in the body.
    pub(super) fn takes_key_elsewhere(self, method: &Method) -> bool {
        self == Self::Ingest && *method != Method::OPTIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let table = [
            ("/v1/events", Group::Ingest),
            ("/api/v1/events", Group::Ingest),
            ("/v1/events/", Group::Ingest),
            ("/v1/identify", Group::Ingest),
            ("/v1/b", Group::Ingest),
            ("/batch/", Group::Ingest),
            ("/i/v0/e/", Group::Ingest),
            ("/v1/analytics", Group::Analytics),
            ("/api/v1/analytics", Group::Analytics),
            ("/openapi.json", Group::Analytics),
            ("/v1/openapi.json", Group::Analytics),
            ("/v1/user/events", Group::Other),
            ("/v1/eventsx", Group::Other),
            ("/v1events", Group::Other),
            ("/v2/events", Group::Other),
            ("/events", Group::Other),
            ("/v1/pages", Group::Other),
            ("/v1/health", Group::Other),
            ("/health", Group::Probe),
            ("/metrics", Group::Probe),
            ("/", Group::Other),
            ("", Group::Other),
        ];
        for (path, expected) in table {
            assert_eq!(Group::of(path), expected, "{path}");
        }
    }
}
