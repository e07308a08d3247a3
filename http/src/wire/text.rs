//! Texts with bounds. Lengths are in characters.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::issues::{At, Issues};
use super::member::Member;
use super::param::Param;
use super::schema::Schemas;

/// A text of `MIN` to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<const MIN: usize, const MAX: usize>(pub(crate) Box<str>);

/// A text of `MIN` to `MAX` characters, after the blanks around it have been removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trimmed<const MIN: usize, const MAX: usize>(pub(crate) Box<str>);

/// What the length of a text must be, if it is wrong.
fn wrong_length(text: &str, min: usize, max: usize) -> Option<String> {
    let count = text.chars().count();
    match (min..=max).contains(&count) {
        true => None,
        false if min == 0 => Some(format!("must have at most {max} characters")),
        false => Some(format!("must have {min} to {max} characters")),
    }
}

fn schema(min: usize, max: usize) -> Value {
    let mut schema = json!({ "type": "string", "maxLength": max });
    if min > 0 {
        schema["minLength"] = json!(min);
    }
    schema
}

impl<const MIN: usize, const MAX: usize> Member for Text<MIN, MAX> {
    type Sent = Box<str>;

    fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        match wrong_length(&sent, MIN, MAX) {
            Some(issue) => {
                issues.note(at, issue);
                None
            }
            None => Some(Self(sent)),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        schema(MIN, MAX)
    }
}

impl<const MIN: usize, const MAX: usize> Param for Text<MIN, MAX> {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        match wrong_length(text, MIN, MAX) {
            Some(issue) => Err(issue.into()),
            None => Ok(Self(text.into())),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        schema(MIN, MAX)
    }
}

impl<const MIN: usize, const MAX: usize> Member for Trimmed<MIN, MAX> {
    type Sent = Box<str>;

    fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        let text = sent.trim();
        match wrong_length(text, MIN, MAX) {
            Some(issue) => {
                issues.note(at, issue);
                None
            }
            None => Some(Self(text.into())),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        let mut schema = schema(MIN, MAX);
        schema["pattern"] = match MIN.checked_sub(2) {
            Some(between) => json!(format!(r"^\S[\s\S]{{{between},}}\S$")),
            None => json!(r"\S"),
        };
        schema
    }
}
