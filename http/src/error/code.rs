//! The error table, a row for each code.

use actix_web::http::StatusCode;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $status:ident, $message:literal;)*) => {
        /// The code of an error, by which programs tell what went wrong. Each has a page of its
        /// own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it is on the wire, such as `NOT_FOUND`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status of all errors with this code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The message of errors about which nothing more exact is known.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            /// The page about the code, in Markdown. A code without a page does not compile.
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
    /// The route takes a key, and there is none or none in force.
    InvalidApiKey, "INVALID_API_KEY", UNAUTHORIZED, "The provided API key is invalid";
    /// A signed-in person is needed.
    Unauthorized, "UNAUTHORIZED", UNAUTHORIZED, "User authentication required";
    /// The caller is known and may not do this.
    Forbidden, "FORBIDDEN", FORBIDDEN, "Insufficient permissions for this resource";
    /// The requests of this second or this day are used up.
    RateLimited, "RATE_LIMITED", TOO_MANY_REQUESTS, "Too many requests";
    /// Nothing of the request could be read.
    InvalidRequest, "INVALID_REQUEST", BAD_REQUEST, "Malformed request body";
    /// A field is not as it must be.
    ValidationError, "VALIDATION_ERROR", BAD_REQUEST, "Request validation failed";
    /// There is no such route or thing, for this caller.
    NotFound, "NOT_FOUND", NOT_FOUND, "Resource not found";
    /// The service failed; the request may be fine.
    ServerError, "SERVER_ERROR", INTERNAL_SERVER_ERROR, "Internal server error";
    /// The payer holds too little.
    InsufficientBalance, "INSUFFICIENT_BALANCE", PAYMENT_REQUIRED, "Not enough PRIV for this";
    /// The path exists, but not with this method.
    MethodNotAllowed, "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED,
        "The method is not allowed for this resource";
    /// The state of the resource does not allow it; `reason` says why.
    Conflict, "CONFLICT", CONFLICT, "The resource is not in a state that allows this";
    /// The request is larger than the route allows.
    PayloadTooLarge, "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "The request body is too large";
    /// The route does not read this type or encoding.
    UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE,
        "The body's type or encoding is not supported here";
    /// The idempotency key came with another body before.
    IdempotencyMismatch, "IDEMPOTENCY_MISMATCH", UNPROCESSABLE_ENTITY,
        "This Idempotency-Key was used with another body";
    /// A queue is full, or the service is starting or stopping.
    Overloaded, "OVERLOADED", SERVICE_UNAVAILABLE, "The service is at its limit at the moment";
}

impl ErrorCode {
    /// The code with this name, as in `doc_url`; `None` if there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// The `Retry-After` that is announced at least, in seconds, for the codes that always announce
    /// one.
    pub(super) fn retry_after_secs(self) -> Option<u64> {
        matches!(self, Self::RateLimited | Self::Overloaded).then_some(1)
    }
}
