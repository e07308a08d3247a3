//! The error table: one row a code.

use actix_web::http::StatusCode;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $status:ident, $message:literal;)*) => {
        /// What went wrong, for programs to go by. Each has a page of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// The whole table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status it goes with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What is said where nothing more exact is known.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            /// Its page, in Markdown. A code without a page does not compile.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(
                        concat!("../../../docs/errors/", $text, ".md")
                    ),)*
                }
            }
        }
    };
}

error_codes! {
    /// No key, or one that is not in force, where a key will do.
    InvalidApiKey, "INVALID_API_KEY", UNAUTHORIZED, "The provided API key is invalid";
    /// A signed-in person is needed.
    Unauthorized, "UNAUTHORIZED", UNAUTHORIZED, "User authentication required";
    /// The caller is known and may not do this.
    Forbidden, "FORBIDDEN", FORBIDDEN, "Insufficient permissions for this resource";
    /// The second's or the day's requests are used up.
    RateLimited, "RATE_LIMITED", TOO_MANY_REQUESTS, "Too many requests";
    /// Nothing of the request could be read.
    InvalidRequest, "INVALID_REQUEST", BAD_REQUEST, "Malformed request body";
    /// A field is not what it must be.
    ValidationError, "VALIDATION_ERROR", BAD_REQUEST, "Request validation failed";
    /// No such route or thing, for this caller.
    NotFound, "NOT_FOUND", NOT_FOUND, "Resource not found";
    /// Our fault.
    ServerError, "SERVER_ERROR", INTERNAL_SERVER_ERROR, "Internal server error";
    /// The payer holds too little.
    InsufficientBalance, "INSUFFICIENT_BALANCE", PAYMENT_REQUIRED, "Not enough PRIV for this";
    /// The path exists, the method does not go with it.
    MethodNotAllowed, "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED,
        "The method is not allowed for this resource";
    /// The state of things stands against it; `reason` says what.
    Conflict, "CONFLICT", CONFLICT, "The resource is not in a state that allows this";
    /// Larger than the route takes.
    PayloadTooLarge, "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "The request body is too large";
    /// A type or an encoding that the route does not read.
    UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE,
        "The body's type or encoding is not supported here";
    /// The same idempotency key with another body.
    IdempotencyMismatch, "IDEMPOTENCY_MISMATCH", UNPROCESSABLE_ENTITY,
        "This Idempotency-Key was used with another body";
    /// A queue is full, or the service is starting or stopping.
    Overloaded, "OVERLOADED", SERVICE_UNAVAILABLE, "The service is at its limit at the moment";
}

impl ErrorCode {
    /// The code of a name as in `doc_url`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// The least wait to announce, for the codes that always announce one.
    pub(super) fn retry_after_secs(self) -> Option<u64> {
        matches!(self, Self::RateLimited | Self::Overloaded).then_some(1)
    }
}
