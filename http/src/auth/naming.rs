//! Resolves an id to a user: a person, or a user of one project only.

use std::str::FromStr;
use std::sync::Arc;

use priv_domain::UserRef;
use priv_domain::id::ProjectId;
use serde::Deserialize;
use uuid::Uuid;

use super::wallet::Address;
use crate::error::ApiError;

/// The longest user id, in bytes: as long as any id of an event.
pub const MAX_USER_ID_BYTES: usize = 255;

/// The rule by which a user id names a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonIds {
    /// UUIDs do, which is what Supabase's subjects are.
    #[default]
    Uuid,
    /// All user ids do: for a single team's installation.
    Any,
}

/// Why a text is not a valid user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUserId {
    /// It has no characters.
    #[error("must not be empty")]
    Empty,
    /// It has more than 255 bytes.
    #[error("must have at most 255 bytes")]
    TooLong,
    /// It has control characters, such as line breaks.
    #[error("must have no control characters")]
    ControlCharacters,
    /// It has the form in which this service names the users of projects.
    #[error("must not have the form of another project's user")]
    Reserved,
}

/// The id in lower-case letters if it is a UUID, which some systems print in capitals; else `None`.
#[must_use]
pub fn as_uuid(id: &str) -> Option<String> {
    (id.len() == 36 && Uuid::try_parse(id).is_ok()).then(|| id.to_ascii_lowercase())
}

/// Checks a user id.
///
/// # Errors
/// [`NotAUserId`].
pub fn check_user_id(id: &str) -> Result<(), NotAUserId> {
    if id.is_empty() {
        return Err(NotAUserId::Empty);
    }
    if id.len() > MAX_USER_ID_BYTES {
        return Err(NotAUserId::TooLong);
    }
    if id.chars().any(char::is_control) {
        return Err(NotAUserId::ControlCharacters);
    }
    Ok(())
}

/// Checks a user id that is to name a person.
pub(super) fn check_person_id(id: &str) -> Result<(), NotAUserId> {
    check_user_id(id)?;
    let Ok(user) = UserRef::from_str(id);
    match user {
        UserRef::Person(_) => Ok(()),
        UserRef::ProjectUser(..) | UserRef::Anonymous(..) => Err(NotAUserId::Reserved),
    }
}

/// The user whom a project means by a `user_id`.
///
/// UUIDs are compared in lower-case letters, since some systems print them in capitals.
///
/// # Errors
/// [`NotAUserId`].
pub fn user_of(
    user_id: &str,
    project: ProjectId,
    person_ids: PersonIds,
) -> Result<UserRef, NotAUserId> {
    if let Some(uuid) = as_uuid(user_id) {
        return Ok(UserRef::Person(uuid.into()));
    }
    match person_ids {
        PersonIds::Any => {
            check_person_id(user_id)?;
            Ok(UserRef::Person(user_id.into()))
        }
        PersonIds::Uuid => {
            check_user_id(user_id)?;
            Ok(UserRef::ProjectUser(project, user_id.into()))
        }
    }
}

/// The user for whom a secret key acts, as the query or the body names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UserNaming {
    /// A person's id, or the project's own id of a user.
    pub user_id: Option<String>,
    /// The address of a wallet that is linked to a user.
    pub wallet_address: Option<String>,
    /// The project's anonymous id of a visitor.
    pub anonymous_id: Option<String>,
}

/// The user that a [`UserNaming`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedUser {
    /// A user named by an id.
    User(UserRef),
    /// The user to whom this wallet is linked.
    Wallet(Address),
}

impl UserNaming {
    /// Reads the three names from a query string and leaves the rest alone.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let mut naming = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "user_id" => naming.user_id = Some(value.into_owned()),
                "wallet_address" => naming.wallet_address = Some(value.into_owned()),
                "anonymous_id" => naming.anonymous_id = Some(value.into_owned()),
                _ => {}
            }
        }
        naming
    }

    /// Whether it names nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the one user that is named.
    ///
    /// # Errors
    /// VALIDATION_ERROR if nobody is named, more than one is, or an id is not valid.
    pub fn resolve(
        &self,
        project: ProjectId,
        person_ids: PersonIds,
    ) -> Result<NamedUser, ApiError> {
        let bad_id = |field| move |why: NotAUserId| ApiError::invalid_field(field, why.to_string());
        match (&self.user_id, &self.wallet_address, &self.anonymous_id) {
            (Some(id), None, None) => {
                user_of(id, project, person_ids).map(NamedUser::User).map_err(bad_id("user_id"))
            }
            (None, Some(address), None) => address.parse().map(NamedUser::Wallet).map_err(
                |why: super::wallet::NotAnAddress| {
                    ApiError::invalid_field("wallet_address", why.to_string())
                },
            ),
            (None, None, Some(id)) => {
                check_user_id(id).map_err(bad_id("anonymous_id"))?;
                Ok(NamedUser::User(UserRef::Anonymous(project, Arc::from(id.as_str()))))
            }
            (None, None, None) => Err(ApiError::invalid_field(
                "user_id",
                "is required with a secret key (or wallet_address, or anonymous_id)",
            )),
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                Err(ApiError::invalid_field(
                    "user_id",
                    "must be the only one of user_id, wallet_address and anonymous_id",
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: ProjectId = ProjectId::new(7);
    const SOMEONE: &str = "6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d";

    #[test]
    fn an_id_means_a_person_or_a_user_of_the_project() {
        let person = |id: &str| Ok(UserRef::Person(id.into()));
        let own = |id: &str| Ok(UserRef::ProjectUser(PROJECT, id.into()));
        let reserved = format!("{PROJECT}/u/42");
        let long = "x".repeat(256);
        let table = [
            (SOMEONE, PersonIds::Uuid, person(SOMEONE)),
            ("6F1C9D0E-8A53-4B0E-9B1A-0D7A3C1F2E4D", PersonIds::Uuid, person(SOMEONE)),
            (
                "6f1c9d0e8a534b0e9b1a0d7a3c1f2e4d",
                PersonIds::Uuid,
                own("6f1c9d0e8a534b0e9b1a0d7a3c1f2e4d"),
            ),
            ("42", PersonIds::Uuid, own("42")),
            ("42", PersonIds::Any, person("42")),
            (&reserved, PersonIds::Uuid, own(&reserved)),
            (&reserved, PersonIds::Any, Err(NotAUserId::Reserved)),
            ("", PersonIds::Uuid, Err(NotAUserId::Empty)),
            (&long, PersonIds::Uuid, Err(NotAUserId::TooLong)),
            ("a\nb", PersonIds::Any, Err(NotAUserId::ControlCharacters)),
        ];
        for (id, person_ids, expected) in table {
            assert_eq!(user_of(id, PROJECT, person_ids), expected, "{id} {person_ids:?}");
        }
    }

    #[test]
    fn exactly_one_user_is_named() {
        let table = [
            ("user_id=42", Some(NamedUser::User(UserRef::ProjectUser(PROJECT, "42".into())))),
            (
                "page=2&anonymous_id=v%201",
                Some(NamedUser::User(UserRef::Anonymous(PROJECT, "v 1".into()))),
            ),
            (
                "wallet_address=0xde709f2102306220921060314715629080e2fb77",
                "0xde709f2102306220921060314715629080e2fb77".parse().ok().map(NamedUser::Wallet),
            ),
            ("wallet_address=0x12", None),
            ("", None),
            ("anonymous_id=", None),
            ("user_id=42&anonymous_id=v1", None),
        ];
        for (query, expected) in table {
            let named = UserNaming::from_query(query).resolve(PROJECT, PersonIds::Uuid);
            assert_eq!(named.ok(), expected, "{query}");
        }
    }
}
