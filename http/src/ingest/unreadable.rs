//! Bodies out of which nothing could be read.

use super::limits::MAX_EVENTS;

/// Nothing could be read out of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No body at all.
    #[error("the body is empty; send {SHAPES}")]
    Empty,
    /// Not text.
    #[error(
        "the body is not UTF-8 (byte {at}); send JSON text in UTF-8, or name its compression in Content-Encoding"
    )]
    NotUtf8 {
        /// Where the first wrong byte is.
        at: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON: {problem}; send {SHAPES}")]
    NotJson {
        /// What the parser said, with line and column.
        problem: String,
    },
    /// JSON, but nothing that looks like an event.
    #[error("the body holds no event; send {SHAPES}")]
    NoEvent,
    /// `events` or `batch` is something else than a list.
    #[error("`events` and `batch` must be arrays of event objects")]
    NotAList,
    /// A form (`data=…`) that could not be decoded.
    #[error("the form field `data` could not be decoded: {0}")]
    Form(&'static str),
    /// More than [`MAX_EVENTS`]. Answered as too large, not as malformed.
    #[error(
        "{count} events in one body; at most {MAX_EVENTS} are taken, send them in smaller batches"
    )]
    TooMany {
        /// How many there were.
        count: usize,
    },
}

const SHAPES: &str = r#"{"events":[…]}, {"batch":[…]}, an array of events or one event object"#;
