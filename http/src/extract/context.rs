//! Arguments of handlers that hold, or act on, what the middleware knows of a request.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::middleware::RequestContext;

/// The context that the middleware left with the request.
pub(crate) struct Context(pub(crate) Rc<RequestContext>);

/// Charges the request to the client's address, whatever its credential.
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
