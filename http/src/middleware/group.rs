//! Groups routes that the middleware treats alike. A request's group follows from its path, before
//! routing.

use actix_web::http::Method;

/// How the middleware treats a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Events, from our own and compatible clients: open to every origin; the key may be in the
    /// query or the body.
    Ingest,
    /// Analytics, and the API's description: open to every origin.
    Analytics,
    /// Health and metrics: never rate-limited, so that a busy service is not taken for a dead one.
    Probe,
    /// All others: open to the configured origins only.
    Other,
}

impl Group {
    /// Whether pages of every origin may call it.
    pub(super) fn is_public(self) -> bool {
        match self {
            Self::Ingest | Self::Analytics => true,
            Self::Probe | Self::Other => false,
        }
    }

    /// Whether the key may be in `?key=` or in the body.
    pub(super) fn takes_key_elsewhere(self, method: &Method) -> bool {
        self == Self::Ingest && *method != Method::OPTIONS
    }
}

/// The groups of all paths.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// Paths without parameters, sorted.
    exact: Vec<(Box<str>, Group)>,
    /// The beginnings of paths with parameters, up to the first parameter.
    prefixes: Vec<(Box<str>, Group)>,
}

impl Groups {
    /// Takes each route's path, with its parameters in braces, and its group. All other paths are
    /// [`Group::Other`].
    #[must_use]
    pub fn of<'a>(routes: impl IntoIterator<Item = (&'a str, Group)>) -> Self {
        let mut groups = Self::default();
        for (path, group) in routes.into_iter().filter(|(_, group)| *group != Group::Other) {
            match path.split_once('{') {
                Some((prefix, _)) => groups.prefixes.push((prefix.into(), group)),
                None => groups.exact.push((without_slash(path).into(), group)),
            }
        }
        groups.exact.sort_by(|one, other| one.0.cmp(&other.0));
        groups
    }

    pub(super) fn group_of(&self, path: &str) -> Group {
        let path = without_slash(path);
        let path =
            path.strip_prefix("/api").filter(|rest| rest.starts_with("/v1/")).unwrap_or(path);
        if let Ok(found) = self.exact.binary_search_by(|(known, _)| (**known).cmp(path)) {
            return self.exact[found].1;
        }
        let prefix = self.prefixes.iter().find(|(prefix, _)| path.starts_with(&**prefix));
        prefix.map_or(Group::Other, |(_, group)| *group)
    }
}

/// A slash at the end makes no difference.
fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let groups = Groups::of([
            ("/v1/events", Group::Ingest),
            ("/v1/b", Group::Ingest),
            ("/v1/user/balance", Group::Other),
            ("/batch/", Group::Ingest),
            ("/i/v0/e/", Group::Ingest),
            ("/v1/analytics", Group::Analytics),
            ("/openapi.json", Group::Analytics),
            ("/v1/projects/{key}/settings", Group::Analytics),
            ("/health", Group::Probe),
        ]);
        let table = [
            ("/v1/events", Group::Ingest),
            ("/api/v1/events", Group::Ingest),
            ("/v1/events/", Group::Ingest),
            ("/v1/b", Group::Ingest),
            ("/batch", Group::Ingest),
            ("/batch/", Group::Ingest),
            ("/i/v0/e/", Group::Ingest),
            ("/api/batch/", Group::Other),
            ("/v1/analytics", Group::Analytics),
            ("/api/v1/analytics", Group::Analytics),
            ("/openapi.json", Group::Analytics),
            ("/v1/projects/pk_live_x/settings", Group::Analytics),
            ("/api/v1/projects/pk_live_x/settings", Group::Analytics),
            ("/v1/user/events", Group::Other),
            ("/v1/user/balance", Group::Other),
            ("/v1/eventsx", Group::Other),
            ("/v1events", Group::Other),
            ("/v2/events", Group::Other),
            ("/events", Group::Other),
            ("/v1/health", Group::Other),
            ("/health", Group::Probe),
            ("/", Group::Other),
            ("", Group::Other),
        ];
        for (path, expected) in table {
            assert_eq!(groups.group_of(path), expected, "{path}");
        }
    }
}
