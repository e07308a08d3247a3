//! Errors of handlers that can fail in one way only: the type names the code, and the document
//! takes it from there.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use super::ApiError;

macro_rules! narrow_errors {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(ApiError);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl ResponseError for $name {
            fn status_code(&self) -> StatusCode {
                self.0.status_code()
            }

            fn error_response(&self) -> HttpResponse {
                self.0.error_response()
            }
        }

        impl From<$name> for ApiError {
            fn from(error: $name) -> Self {
                error.0
            }
        }
    )*};
}

narrow_errors! {
    /// The service failed: SERVER_ERROR.
    Fault;
    /// What was asked for does not exist: NOT_FOUND.
    NotFound;
    /// The service can't do it at the moment: OVERLOADED.
    Overloaded;
}

impl Fault {
    /// Logs the error with its causes; the client learns nothing of them.
    #[must_use]
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        Self(ApiError::server_error(error))
    }
}

impl NotFound {
    /// The message says what does not exist.
    #[must_use]
    pub fn new(message: &'static str) -> Self {
        Self(ApiError::not_found(message))
    }
}

impl Overloaded {
    /// The message says why. Clients are told to try again after a second.
    #[must_use]
    pub fn new(message: &'static str) -> Self {
        Self(ApiError::overloaded(1).with_message(message))
    }
}
