//! API keys: who holds one may do what its role and scopes say. Only hashes are kept.

use super::{Event, MAX_KEYS, Project, Refusal};
use crate::id::KeyId;
use crate::machine::{Answer, Command, Context, Decided, Decision};
use crate::time::Timestamp;

/// Where a key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// In browsers and apps: ingests events, reads its project's analytics, browses listings.
    Publishable,
    /// On servers only: what its scopes say.
    Secret,
}

/// What a secret key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Send events.
    EventsWrite,
    /// Read events.
    EventsRead,
    /// Look users up.
    UsersRead,
    /// Act for users.
    UsersWrite,
    /// Read analytics.
    AnalyticsRead,
    /// Manage billing.
    BillingManage,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EventsWrite,
        Self::EventsRead,
        Self::UsersRead,
        Self::UsersWrite,
        Self::AnalyticsRead,
        Self::BillingManage,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::EventsRead => "events:read",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::AnalyticsRead => "analytics:read",
            Self::BillingManage => "billing:manage",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::EventsWrite => 1,
            Self::EventsRead => 2,
            Self::UsersRead => 4,
            Self::UsersWrite => 8,
            Self::AnalyticsRead => 16,
            Self::BillingManage => 32,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(63);

    /// From bits as [`Self::bits`] gives them; unknown ones are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// One bit a scope.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether a scope is in it.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes in it.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it.
    pub id: KeyId,
    /// Where it may be.
    pub role: KeyRole,
    /// What it may do; all for a publishable key, whose role limits it.
    pub scopes: Scopes,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// The secret's last four characters, for people to tell keys apart.
    pub last_four: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does; from then on it is refused.
    pub ends_at: Option<Timestamp>,
}

/// Issues a key. The reply is the key as it is kept.
#[derive(Clone, Debug)]
pub struct IssueKey {
    /// The key, without its secret.
    pub key: ApiKey,
    /// The operator who issues it.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

impl Command for IssueKey {
    type Machine = Project;
    type Reply = ApiKey;

    fn decide(self, project: &Project, _: &Context<'_>) -> Decided<Self> {
        let Self { key, by, reason } = self;
        may_add(project, &key)?;
        let reply = key.clone();
        Ok(Decision::of(vec![Event::KeyIssued { key, by, reason }], Answer::Now(reply)))
    }
}

/// Issues a key in the place of another, which works on for a while. The reply is the new key.
#[derive(Clone, Debug)]
pub struct RollKey {
    /// The key that goes.
    pub old: KeyId,
    /// The key that comes: its role and scopes are the old one's.
    pub new: ApiKey,
    /// Until when the old one works.
    pub old_until: Timestamp,
    /// The operator who rolls it.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

impl Command for RollKey {
    type Machine = Project;
    type Reply = ApiKey;

    fn decide(self, project: &Project, context: &Context<'_>) -> Decided<Self> {
        let Self { old, new, old_until, by, reason } = self;
        may_add(project, &new)?;
        let old = live_key(project, old, context.now)?;
        let new = ApiKey { role: old.role, scopes: old.scopes, ..new };
        // A key that ends sooner anyway keeps its end.
        let at = old.ends_at.map_or(old_until, |ends| ends.min(old_until));
        let reply = new.clone();
        let events = vec![
            Event::KeyIssued { key: new, by: by.clone(), reason: reason.clone() },
            Event::KeyEnds { key: old.id, at, by, reason },
        ];
        Ok(Decision::of(events, Answer::Now(reply)))
    }
}

/// Ends a key, now.
#[derive(Clone, Debug)]
pub struct RevokeKey {
    /// The key that ends.
    pub key: KeyId,
    /// The operator who revokes it.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

/// The reply to [`RevokeKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEnded {
    /// The key that ended.
    pub key: KeyId,
    /// The moment from which it is refused.
    pub at: Timestamp,
}

impl Command for RevokeKey {
    type Machine = Project;
    type Reply = KeyEnded;

    fn decide(self, project: &Project, context: &Context<'_>) -> Decided<Self> {
        let Self { key, by, reason } = self;
        live_key(project, key, context.now)?;
        let at = context.now;
        let events = vec![Event::KeyEnds { key, at, by, reason }];
        Ok(Decision::of(events, Answer::Now(KeyEnded { key, at })))
    }
}

fn may_add(project: &Project, key: &ApiKey) -> Result<(), Refusal> {
    match project.exists() {
        false => Err(Refusal::NoSuchProject),
        true if project.keys.len() >= MAX_KEYS => Err(Refusal::TooManyKeys),
        true if project.keys.iter().any(|known| known.sha256 == key.sha256) => Err(Refusal::Exists),
        true => Ok(()),
    }
}

fn live_key(project: &Project, id: KeyId, now: Timestamp) -> Result<&ApiKey, Refusal> {
    let key = project.key(id).ok_or(Refusal::NoSuchKey)?;
    match key.ends_at {
        Some(ends_at) if ends_at <= now => Err(Refusal::KeyHasEnded),
        Some(_) | None => Ok(key),
    }
}

pub(super) fn apply_end(project: &mut Project, id: KeyId, at: Timestamp) {
    if let Some(key) = project.keys.iter_mut().find(|key| key.id == id) {
        key.ends_at = Some(at);
    }
}
