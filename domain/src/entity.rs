//! Entities, each with an actor and a stream of its own, and their names.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::id::{ListingId, ProjectId};

/// The two environments, which share nothing: no users, balances, listings or analytics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// Real users and money that counts.
    #[default]
    Live,
    /// Data for testing and development.
    Test,
}

impl Environment {
    /// Both environments, live first.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// The environment's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// The kind of an entity, which says what machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A user who earns: a person, or a user whom only one project knows.
    User,
    /// A project with its keys, settings and reward budget.
    Project,
    /// The system of an environment: minted, burned, treasury, pool and stakers.
    System,
    /// An offer of contributions for sale, with its sales.
    Listing,
}

impl Kind {
    /// All kinds, in an order that never changes: the store numbers them by it.
    pub const ALL: [Self; 4] = [Self::User, Self::Project, Self::System, Self::Listing];

    /// The kind's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
            Self::System => "system",
            Self::Listing => "listing",
        }
    }
}

/// The name of an entity: environment, kind, and a key that is unique within both.
///
/// Cheap to clone: the key is shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityId {
    /// The environment that it is in.
    pub environment: Environment,
    /// The kind, which says how to read the key.
    pub kind: Kind,
    /// A user's [`UserRef`] as text, a project's or a listing's id, or `main` for the system.
    pub key: Arc<str>,
}

/// Directories and the projector hash ids all the time: with everything short in one number, it
/// takes half of what a derived hash would.
impl Hash for EntityId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u16((self.environment as u16) << 8 | self.kind as u16);
        state.write(self.key.as_bytes());
    }
}

impl EntityId {
    /// Longest key, in bytes.
    pub const MAX_KEY_BYTES: usize = 600;

    /// The name of a user.
    #[must_use]
    pub fn user(environment: Environment, user: &UserRef) -> Self {
        Self { environment, kind: Kind::User, key: user.to_string().into() }
    }

    /// The name of a project.
    #[must_use]
    pub fn project(environment: Environment, project: ProjectId) -> Self {
        Self { environment, kind: Kind::Project, key: project.to_string().into() }
    }

    /// The one system entity of an environment.
    #[must_use]
    pub fn system(environment: Environment) -> Self {
        Self { environment, kind: Kind::System, key: "main".into() }
    }

    /// The name of a listing.
    #[must_use]
    pub fn listing(environment: Environment, listing: ListingId) -> Self {
        Self { environment, kind: Kind::Listing, key: listing.to_string().into() }
    }

    /// The id of the project that this entity is; `None` if it is of another kind.
    #[must_use]
    pub fn as_project(&self) -> Option<ProjectId> {
        match self.kind {
            Kind::Project => self.key.parse().ok(),
            Kind::User | Kind::System | Kind::Listing => None,
        }
    }

    /// The id of the listing that this entity is; `None` if it is of another kind.
    #[must_use]
    pub fn as_listing(&self) -> Option<ListingId> {
        match self.kind {
            Kind::Listing => self.key.parse().ok(),
            Kind::User | Kind::System | Kind::Project => None,
        }
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.environment.as_str(), self.kind.as_str(), self.key)
    }
}

/// The identity of a user. User `42` of two projects are two users; a person is the same in every
/// project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserRef {
    /// A person, by the `sub` of their token.
    Person(Arc<str>),
    /// A user by the id that only one project gave.
    ProjectUser(ProjectId, Arc<str>),
    /// A visitor whom a project has not identified, by an anonymous id.
    Anonymous(ProjectId, Arc<str>),
}

impl UserRef {
    /// The project whose user this is; `None` for a person.
    #[must_use]
    pub fn project(&self) -> Option<ProjectId> {
        match self {
            Self::Person(_) => None,
            Self::ProjectUser(project, _) | Self::Anonymous(project, _) => Some(*project),
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(sub) => f.write_str(sub),
            Self::ProjectUser(project, id) => write!(f, "{project}/u/{id}"),
            Self::Anonymous(project, id) => write!(f, "{project}/a/{id}"),
        }
    }
}

impl FromStr for UserRef {
    type Err = std::convert::Infallible;

    /// Reads what `Display` wrote. Any text without the form of a project's user is a person;
    /// tokens whose `sub` has that form are refused where they are verified.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '/');
        let project = parts.next().and_then(|id| id.parse::<ProjectId>().ok());
        Ok(match (project, parts.next(), parts.next()) {
            (Some(project), Some("u"), Some(id)) => Self::ProjectUser(project, id.into()),
            (Some(project), Some("a"), Some(id)) => Self::Anonymous(project, id.into()),
            _ => Self::Person(text.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_two_projects_never_meet_and_names_are_read_back() {
        let (one, two) = (ProjectId::new(1), ProjectId::new(2));
        let users = [
            UserRef::Person("6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d".into()),
            UserRef::Person("42".into()),
            UserRef::ProjectUser(one, "42".into()),
            UserRef::ProjectUser(two, "42".into()),
            UserRef::ProjectUser(one, "a/42".into()),
            UserRef::Anonymous(one, "42".into()),
            UserRef::Anonymous(one, "".into()),
        ];
        for (i, user) in users.iter().enumerate() {
            assert_eq!(user.to_string().parse::<UserRef>(), Ok(user.clone()));
            for other in &users[i + 1..] {
                assert_ne!(user.to_string(), other.to_string());
            }
        }
    }
}
