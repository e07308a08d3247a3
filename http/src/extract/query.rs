//! Query strings; a refusal names each parameter that is wrong.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::wire::param::{Params, read_query};

/// The query string, read as a `T`.
#[derive(Debug)]
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<T: Params> FromRequest for QueryParams<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_query(request.query_string()).map(Self))
    }
}

impl<T: Params> Argument for QueryParams<T> {
    fn describe(draft: &mut Draft) {
        draft.reads_query::<T>();
        draft.fails_with(&[ErrorCode::ValidationError]);
    }
}
