//! Bodies from which nothing could be read.

use super::limits::MAX_EVENTS;

/// Why nothing could be read from a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body has no bytes.
    #[error("the body is empty; send {SHAPES}")]
    Empty,
    /// The body is not UTF-8.
    #[error(
        "the body is not UTF-8 (byte {at}); send JSON text in UTF-8, or name its compression in Content-Encoding"
    )]
    NotUtf8 {
        /// The offset of the first wrong byte.
        at: usize,
    },
    /// The body is UTF-8, but not JSON.
    #[error("the body is not JSON: {problem}; send {SHAPES}")]
    NotJson {
        /// The parser's message, with line and column.
        problem: String,
    },
    /// The body is JSON, but has nothing that looks like an event.
    #[error("the body holds no event; send {SHAPES}")]
    NoEvent,
    /// `events` or `batch` is not a list.
    #[error("`events` and `batch` must be arrays of event objects")]
    NotAList,
    /// The body is a form (`data=…`) that could not be decoded.
    #[error("the form field `data` could not be decoded: {0}")]
    Form(&'static str),
    /// The body has more than [`MAX_EVENTS`] events. It is answered as too large, not as malformed.
    #[error(
        "{count} events in one body; at most {MAX_EVENTS} are taken, send them in smaller batches"
    )]
    TooMany {
        /// The number of events in the body.
        count: usize,
    },
}

const SHAPES: &str = r#"{"events":[…]}, {"batch":[…]}, an array of events or one event object"#;
