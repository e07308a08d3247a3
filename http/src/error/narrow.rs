//! Errors of handlers that can fail in one way only: the type says which, and the document reads it
//! there.

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
    /// SERVER_ERROR.
    Fault;
    /// NOT_FOUND.
    NotFound;
    /// OVERLOADED.
    Overloaded;
}

impl Fault {
    /// Logs the error with its causes; the client hears nothing of it.
    #[must_use]
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        Self(ApiError::server_error(error))
    }
}

impl NotFound {
    /// Says what is not there.
    #[must_use]
    pub fn new(message: &'static str) -> Self {
        Self(ApiError::not_found(message))
    }
}

impl Overloaded {
    /// Says why, and that it is worth another try in a second.
    #[must_use]
    pub fn new(message: &'static str) -> Self {
        Self(ApiError::overloaded(1).with_message(message))
    }
}
