//! What is wrong with what was sent: every place that is, by its path.

use std::fmt;

use crate::error::{ApiError, Detail};

/// Places that are named at most: a list of thousands may be wrong throughout.
const MAX_NAMED: usize = 20;

/// What is wrong, in the order in which it was found.
#[derive(Debug, Default)]
pub(crate) struct Issues(Vec<Detail>);

impl Issues {
    /// Notes what is wrong with one place, as a phrase: `must be 1 to 5`.
    pub(crate) fn note(&mut self, at: &At<'_>, issue: impl Into<String>) {
        if self.0.len() < MAX_NAMED {
            self.0.push(Detail::new(at.to_string(), issue));
        }
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// VALIDATION_ERROR with all that is.
    pub(crate) fn unless_any<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            Some(_) | None => Err(ApiError::validation(self.0)),
        }
    }
}

/// A place in what was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'a> {
    /// The whole.
    Root,
    /// A member of an object, or a parameter.
    Member(&'a At<'a>, &'static str),
    /// An item of a list.
    Item(&'a At<'a>, usize),
}

/// `limits.rates.track`, `tags[2]`; nothing for the whole.
impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(of, name) => write!(f, "{of}.{name}"),
            Self::Item(of, index) => write!(f, "{of}[{index}]"),
        }
    }
}
