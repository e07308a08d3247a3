//! Path parameters. A text that can't be an id is answered like an id that does not exist.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use priv_domain::entity::Kind;
use priv_domain::{ContributionId, EntityId, KeyId, ListingId, ProjectId, PurchaseId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::PartialSchema;

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::wire::ids::{
    ContributionIdText, KeyIdText, ListingIdText, ProjectIdText, PurchaseIdText,
};
use crate::wire::words::ActorKind;

/// The parameters of the path, read as a `T`.
#[derive(Clone, Debug)]
pub(crate) struct InPath<T>(pub(crate) T);

/// A type that is read from the parameters of a path.
pub(crate) trait PathParams: Sized {
    /// The parameters as texts, in the order of the path.
    type Sent: DeserializeOwned;

    /// NOT_FOUND, naming what does not exist.
    fn missing() -> ApiError;

    /// Reads the parameters.
    ///
    /// # Errors
    /// NOT_FOUND if a text can't be an id.
    fn read(sent: Self::Sent) -> Result<Self, ApiError>;

    /// The name, description and schema of each parameter.
    fn describe() -> Vec<(&'static str, &'static str, Value)>;
}

/// The key in `…/projects/{id}/keys/{key}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyInPath {
    /// The project that the path names, whether or not it has the key.
    pub(crate) project: ProjectId,
    pub(crate) key: KeyId,
}

/// The entity in `…/actors/{kind}/{id}`.
#[derive(Clone, Debug)]
pub(crate) struct ActorInPath {
    /// The kind of the entity.
    pub(crate) kind: Kind,
    /// The key of the entity's id.
    pub(crate) key: Box<str>,
}

impl<T: PathParams> FromRequest for InPath<T>
where
    T::Sent: 'static,
{
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let sent = web::Path::<T::Sent>::from_request(request, payload).into_inner();
        let sent = sent.map_err(|_| ApiError::not_found("Nothing has an address of this form"));
        ready(sent.and_then(|sent| T::read(sent.into_inner())).map(Self))
    }
}

impl<T: PathParams> Argument for InPath<T> {
    fn describe(draft: &mut Draft) {
        for (name, description, schema) in T::describe() {
            draft.reads_parameter(json!({
                "name": name,
                "in": "path",
                "required": true,
                "description": description,
                "schema": schema,
            }));
        }
        draft.fails_with(&[ErrorCode::NotFound]);
    }
}

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).expect("a schema is JSON")
}

/// Implements [`PathParams`] for the ids of paths that name one thing.
macro_rules! ids_in_paths {
    ($($id:ty, $text:ty, $description:literal, $missing:literal;)*) => {$(
        impl PathParams for $id {
            type Sent = String;

            fn missing() -> ApiError {
                ApiError::not_found($missing)
            }

            fn read(sent: String) -> Result<Self, ApiError> {
                sent.parse().map_err(|_| Self::missing())
            }

            fn describe() -> Vec<(&'static str, &'static str, Value)> {
                vec![("id", $description, schema::<$text>())]
            }
        }
    )*};
}

ids_in_paths! {
    ProjectId, ProjectIdText, "The project.", "There is no such project";
    ContributionId, ContributionIdText, "The contribution.", "There is no such contribution";
    ListingId, ListingIdText, "The listing.", "There is no such listing";
    PurchaseId, PurchaseIdText, "The purchase.", "There is no such purchase of yours";
}

impl PathParams for KeyInPath {
    type Sent = (String, String);

    fn missing() -> ApiError {
        ApiError::not_found("The project has no such key")
    }

    fn read((project, key): (String, String)) -> Result<Self, ApiError> {
        let project = PathParams::read(project)?;
        let key = key.parse().map_err(|_| Self::missing())?;
        Ok(Self { project, key })
    }

    fn describe() -> Vec<(&'static str, &'static str, Value)> {
        vec![
            ("id", "The project.", schema::<ProjectIdText>()),
            ("key", "The key's id.", schema::<KeyIdText>()),
        ]
    }
}

impl PathParams for Kind {
    type Sent = String;

    fn missing() -> ApiError {
        ApiError::not_found("Kinds of actors are user, project, system and listing")
    }

    fn read(sent: String) -> Result<Self, ApiError> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == sent);
        kind.ok_or_else(Self::missing)
    }

    fn describe() -> Vec<(&'static str, &'static str, Value)> {
        vec![("kind", "What kind of actor.", schema::<ActorKind>())]
    }
}

impl PathParams for ActorInPath {
    type Sent = (String, String);

    fn missing() -> ApiError {
        ApiError::not_found("There is no such actor")
    }

    fn read((kind, key): (String, String)) -> Result<Self, ApiError> {
        let kind = PathParams::read(kind)?;
        let is_fit = (1..=EntityId::MAX_KEY_BYTES).contains(&key.len())
            && !key.chars().any(char::is_control);
        match is_fit {
            true => Ok(Self { kind, key: key.into() }),
            false => Err(Self::missing()),
        }
    }

    fn describe() -> Vec<(&'static str, &'static str, Value)> {
        let id = "The entity: a project's or a listing's id, `system`, a person's id, or a project's user as it \
                  is listed.";
        let key = json!({ "type": "string", "minLength": 1, "maxLength": EntityId::MAX_KEY_BYTES });
        vec![("kind", "What kind of actor.", schema::<ActorKind>()), ("id", id, key)]
    }
}
