//! Query strings, with the parameter named in a refusal.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, Detail, ErrorCode};
use crate::wire::json::{missing_field, phrase};

/// The query string as a `T`.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> FromRequest for QueryParams<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse_query(request.query_string()).map(Self))
    }
}

impl<T: IntoParams> Argument for QueryParams<T> {
    fn describe(draft: &mut Draft) {
        draft.reads::<T>();
        draft.fails_with(&[ErrorCode::ValidationError]);
    }
}

/// Reads a query string (without its `?`) as a `T`.
///
/// # Errors
/// VALIDATION_ERROR naming the parameter.
pub fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|located| {
        let issue = located.inner().to_string();
        let detail = match (missing_field(&issue), located.path().to_string()) {
            (Some(field), _) => Detail::new(field, "is required"),
            (None, path) if path == "." => Detail::new("query", phrase(&issue)),
            (None, path) => Detail::new(path, phrase(&issue)),
        };
        ApiError::validation(vec![detail])
    })
}
