//! What the middleware knows of a request, for handlers that ask for nothing else.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::middleware::RequestContext;

/// What the middleware knows of the request.
pub(crate) struct Context(pub(crate) Rc<RequestContext>);

/// The request was charged to the client's address, whatever credential it has.
pub(crate) struct ChargedToAddress;

impl FromRequest for Context {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(RequestContext::of(request).map(Self))
    }
}

impl FromRequest for ChargedToAddress {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let charged = RequestContext::of(request).and_then(|context| context.charge_address());
        ready(charged.map(|()| Self))
    }
}

impl Argument for Context {
    fn describe(draft: &mut Draft) {
        draft.fails_with(&[ErrorCode::ServerError]);
    }
}

impl Argument for ChargedToAddress {
    fn describe(draft: &mut Draft) {
        draft.fails_with(&[ErrorCode::ServerError]);
    }
}
