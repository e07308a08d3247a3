//! Collects what is wrong with a request: every place, by its path.

use std::fmt;

use crate::error::{ApiError, Detail};

/// The most places that are named: a list of thousands may be wrong throughout.
const MAX_NAMED: usize = 20;

/// The places that are wrong, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Issues(Vec<Detail>);

impl Issues {
    /// Notes what is wrong with one place, as a phrase: `must be 1 to 5`.
    pub(crate) fn note(&mut self, at: &At<'_>, issue: impl Into<String>) {
        if self.0.len() < MAX_NAMED {
            self.0.push(Detail::new(at.to_string(), issue));
        }
    }

    /// Returns what was read, if nothing is wrong.
    ///
    /// # Errors
    /// VALIDATION_ERROR with the places that are wrong.
    pub(crate) fn unless_any<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            Some(_) | None => Err(ApiError::validation(self.0)),
        }
    }
}

/// A place in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'a> {
    /// The whole body or query.
    Root,
    /// A member of an object, or a parameter of the query.
    Member(&'a At<'a>, &'static str),
    /// An item of a list, by its index from 0.
    Item(&'a At<'a>, usize),
}

/// Written as `limits.rates.track` or `tags[2]`; the whole is empty.
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
