//! API keys: a key's role and scopes say what its holder may do. Only hashes of keys are kept.

use super::{Event, MAX_KEYS, Project, Refusal};
use crate::context::Context;
use crate::id::KeyId;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::time::Timestamp;

/// The role of a key: where it may be kept, and so how far it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// For browsers and apps: sends events, reads its project's analytics, browses listings.
    Publishable,
    /// For servers only: may do what its scopes say.
    Secret,
}

/// One right of a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Its holder may send events.
    EventsWrite,
    /// Its holder may read events.
    EventsRead,
    /// Its holder may look users up.
    UsersRead,
    /// Its holder may act for users.
    UsersWrite,
    /// Its holder may read analytics.
    AnalyticsRead,
    /// Its holder may manage billing.
    BillingManage,
}

impl Scope {
    /// All scopes, in the order in which they are declared.
    pub const ALL: [Self; 6] = [
        Self::EventsWrite,
        Self::EventsRead,
        Self::UsersRead,
        Self::UsersWrite,
        Self::AnalyticsRead,
        Self::BillingManage,
    ];

    /// The scope's name in the API.
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
    /// The set of all scopes.
    pub const ALL: Self = Self(63);

    /// Makes a set of the bits that [`Self::bits`] gives; unknown bits are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// One bit for each scope, as they are stored.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether a scope is in it.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes in the set, in the order in which they are declared.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// An API key as it is kept: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The id by which operators name it.
    pub id: KeyId,
    /// The role, which says where the key may be kept and how far it is trusted.
    pub role: KeyRole,
    /// The scopes of a secret key. A publishable key has all, and is limited by its role.
    pub scopes: Scopes,
    /// SHA-256 of the secret, by which a key in a request is found.
    pub sha256: [u8; 32],
    /// The last four characters of the secret, by which people tell keys apart.
    pub last_four: Box<str>,
    /// The time at which it was made.
    pub created_at: Timestamp,
    /// The time from which it is refused; `None` if it does not end.
    pub ends_at: Option<Timestamp>,
}

/// Issues a key. The reply is the key as it is kept.
#[derive(Clone, Debug)]
pub struct IssueKey {
    /// The new key, without its secret.
    pub key: ApiKey,
    /// The operator who issues it.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
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

/// Issues a key in place of another, which still works for a while. The reply is the new key.
#[derive(Clone, Debug)]
pub struct RollKey {
    /// The key that is replaced.
    pub old: KeyId,
    /// The new key, without its secret; its role and scopes are taken from the old one.
    pub new: ApiKey,
    /// The time until which the old key works, unless it ends sooner.
    pub old_until: Timestamp,
    /// The operator who rolls it.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
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

/// Revokes a key: it is refused from now on.
#[derive(Clone, Debug)]
pub struct RevokeKey {
    /// The key to revoke.
    pub key: KeyId,
    /// The operator who revokes it.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
    pub reason: Option<Box<str>>,
}

/// The reply to [`RevokeKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEnded {
    /// The key that was revoked.
    pub key: KeyId,
    /// The time from which it is refused.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn key(n: u8) -> ApiKey {
        ApiKey {
            id: KeyId::new(n.into()),
            role: KeyRole::Secret,
            scopes: Scopes::ALL,
            sha256: [n; 32],
            last_four: "abcd".into(),
            created_at: NOW,
            ends_at: None,
        }
    }

    fn issue() -> IssueKey {
        IssueKey { key: key(9), by: "op".into(), reason: Some("asked".into()) }
    }

    fn in_an_hour() -> Timestamp {
        NOW.plus_millis(3_600_000)
    }

    fn roll() -> RollKey {
        let (old, new, old_until) = (KeyId::new(1), key(9), in_an_hour());
        RollKey { old, new, old_until, by: "op".into(), reason: Some("asked".into()) }
    }

    fn revoke() -> RevokeKey {
        RevokeKey { key: KeyId::new(1), by: "op".into(), reason: Some("asked".into()) }
    }

    /// A project with key 1, which may send and read events.
    fn shop() -> UnderTest<Project> {
        UnderTest::<Project>::new(project(1)).with(|shop| {
            shop.created_at = Some(NOW);
            let scopes = [Scope::EventsWrite, Scope::EventsRead].into_iter().collect();
            shop.keys.push(ApiKey { scopes, ..key(1) });
        })
    }

    fn keys_until(project: &mut Project, count: usize) {
        let more = key(200);
        project.keys.resize(count, more);
    }

    fn ends(project: &Project) -> Option<Timestamp> {
        project.key(KeyId::new(1)).expect("it has the key").ends_at
    }

    #[test]
    fn guards_of_a_new_key_refuse_in_their_order() {
        check_guards(
            &(shop(), issue()),
            refusal,
            &[
                (|(shop, _)| shop.created_at = None, Refusal::NoSuchProject),
                (|(shop, _)| keys_until(shop, MAX_KEYS), Refusal::TooManyKeys),
                (|(shop, _)| shop.keys[0].sha256 = [9; 32], Refusal::Exists),
            ],
        );
        check_edges(
            &(shop(), issue()),
            refusal,
            &[
                (|(shop, _)| keys_until(shop, MAX_KEYS - 1), None),
                (|(shop, _)| keys_until(shop, MAX_KEYS + 1), Some(Refusal::TooManyKeys)),
            ],
        );
    }

    #[test]
    fn guards_of_a_rolled_key_refuse_in_their_order() {
        check_guards(
            &(shop(), roll()),
            refusal,
            &[
                (|(shop, _)| shop.created_at = None, Refusal::NoSuchProject),
                (|(shop, _)| keys_until(shop, MAX_KEYS), Refusal::TooManyKeys),
                (|(shop, _)| shop.keys[0].sha256 = [9; 32], Refusal::Exists),
                (|(_, roll)| roll.old = KeyId::new(7), Refusal::NoSuchKey),
                (|(shop, _)| shop.keys[0].ends_at = Some(NOW), Refusal::KeyHasEnded),
            ],
        );
        check_edges(
            &(shop(), roll()),
            refusal,
            &[
                (|(shop, _)| shop.keys[0].ends_at = Some(NOW.plus_millis(1)), None),
                (
                    |(shop, _)| shop.keys[0].ends_at = Some(NOW.plus_millis(-1)),
                    Some(Refusal::KeyHasEnded),
                ),
            ],
        );
    }

    #[test]
    fn guards_of_a_revocation_refuse_in_their_order() {
        check_guards(
            &(shop(), revoke()),
            refusal,
            &[
                (|(_, revoke)| revoke.key = KeyId::new(7), Refusal::NoSuchKey),
                (|(shop, _)| shop.keys[0].ends_at = Some(NOW), Refusal::KeyHasEnded),
            ],
        );
        check_edges(
            &(shop(), revoke()),
            refusal,
            &[
                (|(shop, _)| shop.keys[0].ends_at = Some(NOW.plus_millis(1)), None),
                // A project that does not exist has no keys.
                (|(shop, _)| **shop = Project::default(), Some(Refusal::NoSuchKey)),
            ],
        );
    }

    #[test]
    fn a_new_key_is_added() {
        let mut shop = shop();
        let step = shop.ask(issue());
        let (by, reason) = ("op".into(), Some("asked".into()));
        assert_eq!(step.events, [Event::KeyIssued { key: key(9), by, reason }]);
        assert_eq!(step.answer, Answer::Now(key(9)));
        assert_eq!(shop.key(KeyId::new(9)), Some(&key(9)));
        assert_eq!(shop.keys.len(), 2);
    }

    #[test]
    fn a_rolled_key_may_what_the_old_one_may_which_ends_no_later_than_it_would() {
        let soon = NOW.plus_millis(1);
        // The time at which the old key ends anyway; the time at which it ends now.
        let rows = [
            (None, in_an_hour()),
            (Some(soon), soon),
            (Some(in_an_hour()), in_an_hour()),
            (Some(in_an_hour().plus_millis(1)), in_an_hour()),
        ];
        for (before, after) in rows {
            let mut shop = shop().with(|shop| {
                (shop.keys[0].ends_at, shop.keys[0].role) = (before, KeyRole::Publishable);
            });
            let step = shop.ask(roll());
            let scopes = shop.keys[0].scopes;
            let new = ApiKey { role: KeyRole::Publishable, scopes, ..key(9) };
            let by: Box<str> = "op".into();
            let reason: Option<Box<str>> = Some("asked".into());
            let expected = [
                Event::KeyIssued { key: new.clone(), by: by.clone(), reason: reason.clone() },
                Event::KeyEnds { key: KeyId::new(1), at: after, by, reason },
            ];
            assert_eq!(step.events, expected);
            assert_eq!(step.answer, Answer::Now(new.clone()));
            assert_eq!((ends(&shop), shop.key(KeyId::new(9))), (Some(after), Some(&new)));
        }
    }

    #[test]
    fn a_revoked_key_ends_now() {
        for before in [None, Some(in_an_hour())] {
            let mut shop = shop().with(|shop| shop.keys[0].ends_at = before);
            let step = shop.ask(revoke());
            let (id, by, reason) = (KeyId::new(1), "op".into(), Some("asked".into()));
            assert_eq!(step.events, [Event::KeyEnds { key: id, at: NOW, by, reason }]);
            assert_eq!(step.answer, Answer::Now(KeyEnded { key: id, at: NOW }));
            assert_eq!(ends(&shop), Some(NOW));
            assert_eq!(refusal(&(shop, revoke())), Some(Refusal::KeyHasEnded));
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(shop(), &issue());
        check_repeats(shop(), &roll());
        check_repeats(shop(), &revoke());
    }

    #[test]
    fn scopes_are_a_set() {
        for scope in Scope::ALL {
            let one: Scopes = [scope, scope].into_iter().collect();
            assert!(one.iter().eq([scope]), "{scope:?}");
            assert!(Scopes::ALL.has(scope) && !Scopes::default().has(scope));
            assert_eq!(Scopes::from_bits(one.bits()), one);
        }
        assert_eq!(Scopes::from_bits(u8::MAX), Scopes::ALL);
        assert!(Scopes::ALL.iter().eq(Scope::ALL));
        let names = Scope::ALL.map(Scope::as_str);
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), Scope::ALL.len());
    }
}
