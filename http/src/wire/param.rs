//! Parameters of queries and fields of forms: read from text, within the bounds of their types.
//!
//! `query!` declares parameters that are read together, so that all that are wrong are named.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::issues::{At, Issues};
use super::member::OrDefault;
use super::schema::{Schemas, doc_text};
use crate::error::ApiError;

/// A type of values that are sent as text.
pub(crate) trait Param: Sized {
    /// The issue that is reported if the value is missing but required.
    fn missing() -> Cow<'static, str> {
        "is required".into()
    }

    /// Reads the value from its text.
    ///
    /// # Errors
    /// What the value must be, as a phrase: `must be a whole number`.
    fn read(text: &str) -> Result<Self, Cow<'static, str>>;

    /// The schema of the type.
    fn schema(schemas: &mut Schemas) -> Value;
}

/// A parameter, with the rule for leaving it out.
pub(crate) trait Field: Sized {
    /// Whether the parameter must be sent.
    const IS_REQUIRED: bool;

    /// Reads the parameter; `None` is one that was left out.
    ///
    /// # Errors
    /// What the parameter must be, as a phrase.
    fn of(sent: Option<&str>) -> Result<Self, Cow<'static, str>>;

    /// The schema of the values that are sent.
    fn schema(schemas: &mut Schemas) -> Value;
}

/// A parameter that must be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Required<T>(pub(crate) T);

impl<T: Param> Field for Required<T> {
    const IS_REQUIRED: bool = true;

    fn of(sent: Option<&str>) -> Result<Self, Cow<'static, str>> {
        sent.map_or_else(|| Err(T::missing()), T::read).map(Self)
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T: Param> Field for Option<T> {
    const IS_REQUIRED: bool = false;

    fn of(sent: Option<&str>) -> Result<Self, Cow<'static, str>> {
        sent.map(T::read).transpose()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T: Param + Default> Field for OrDefault<T> {
    const IS_REQUIRED: bool = false;

    fn of(sent: Option<&str>) -> Result<Self, Cow<'static, str>> {
        sent.map_or_else(|| Ok(T::default()), T::read).map(Self)
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl Param for String {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        Ok(text.to_owned())
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string" })
    }
}

/// A yes or no in a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flag {
    /// `0`, `false`, or left out.
    #[default]
    No,
    /// `1` or `true`.
    Yes,
}

impl Param for Flag {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "1" | "true" => Ok(Self::Yes),
            "0" | "false" => Ok(Self::No),
            _ => Err("must be 1 or 0".into()),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({
            "type": "string",
            "enum": ["1", "true", "0", "false"],
            "description": "Yes or no in a query.",
        })
    }
}

/// The parameters that were sent and are known, each once.
pub(crate) struct Sent<'a>(Vec<(&'static str, Cow<'a, str>)>);

/// Parameters that are read together, as one struct.
pub(crate) trait Params: Sized {
    /// The names of all parameters.
    fn names() -> Vec<&'static str>;

    /// Whether unknown parameters are refused.
    const IS_STRICT: bool;

    /// Reads all parameters, and notes what is wrong; `None` if something is.
    fn read(sent: &Sent<'_>, issues: &mut Issues) -> Option<Self>;

    /// The descriptions of all parameters, for the document.
    fn describe(schemas: &mut Schemas) -> Vec<Value>;
}

impl<'a> Sent<'a> {
    /// The parameters of a form, whose reader has refused unknown fields.
    pub(crate) fn in_form<T: Params>(fields: &'a BTreeMap<String, String>) -> Self {
        let sent = T::names().into_iter().filter_map(|name| {
            let value = fields.get(name)?;
            Some((name, Cow::Borrowed(value.as_str())))
        });
        Self(sent.collect())
    }

    /// The parameters of a query: the first of each known name counts, unknown ones are ignored.
    fn first_of<T: Params>(query: &'a str) -> Self {
        let names = T::names();
        let mut sent = Self(Vec::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Some(known) = names.iter().copied().find(|known| *known == name)
                && sent.get(known).is_none()
            {
                sent.0.push((known, value));
            }
        }
        sent
    }

    fn get(&self, name: &str) -> Option<&str> {
        let sent = self.0.iter().find(|(known, _)| *known == name);
        sent.map(|(_, value)| value.as_ref())
    }

    /// Reads one parameter, and notes what is wrong with it; `None` if something is.
    pub(crate) fn read<T: Field>(&self, name: &'static str, issues: &mut Issues) -> Option<T> {
        let read = T::of(self.get(name));
        read.map_err(|issue| issues.note(&At::Member(&At::Root, name), issue)).ok()
    }
}

/// Reads a query string, without its `?`, in which each name may occur once.
///
/// # Errors
/// VALIDATION_ERROR naming the parameters that are wrong, repeated, or unknown to a strict type.
pub(crate) fn read_query<T: Params>(query: &str) -> Result<T, ApiError> {
    let names = T::names();
    let mut sent = Sent(Vec::new());
    let mut issues = Issues::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match names.iter().copied().find(|known| *known == name) {
            Some(known) if sent.get(known).is_some() => {
                let issue = format!("duplicate field `{known}`");
                return Err(ApiError::invalid_field("query", issue));
            }
            Some(known) => sent.0.push((known, value)),
            None if T::IS_STRICT => {
                let issue = format!("is not known here, {}", expected(&names));
                return Err(ApiError::invalid_field(name, issue));
            }
            None => {}
        }
    }
    let read = T::read(&sent, &mut issues);
    issues.unless_any(read)
}

/// Reads a query string, without its `?`, which may have parameters of others. If a name occurs
/// several times, the first counts.
///
/// # Errors
/// VALIDATION_ERROR naming the parameters that are wrong.
pub(crate) fn read_lenient_query<T: Params>(query: &str) -> Result<T, ApiError> {
    let mut issues = Issues::default();
    let read = T::read(&Sent::first_of::<T>(query), &mut issues);
    issues.unless_any(read)
}

/// The known names, in the words that the JSON parser uses for unknown members.
fn expected(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [only] => format!("expected {only}"),
        [one, other] => format!("expected {one} or {other}"),
        _ => format!("expected one of {}", quoted.join(", ")),
    }
}

/// The description of a parameter, for the document.
pub(crate) fn describe<T: Field>(name: &str, doc: &[&str], schemas: &mut Schemas) -> Value {
    let mut parameter = json!({
        "name": name,
        "in": "query",
        "required": T::IS_REQUIRED,
        "schema": T::schema(schemas),
    });
    if let Some(text) = doc_text(doc) {
        parameter["description"] = json!(text);
    }
    parameter
}

impl<A: Params, B: Params> Params for (A, B) {
    fn names() -> Vec<&'static str> {
        [A::names(), B::names()].concat()
    }

    const IS_STRICT: bool = A::IS_STRICT || B::IS_STRICT;

    fn read(sent: &Sent<'_>, issues: &mut Issues) -> Option<Self> {
        let (one, other) = (A::read(sent, issues), B::read(sent, issues));
        Some((one?, other?))
    }

    fn describe(schemas: &mut Schemas) -> Vec<Value> {
        [A::describe(schemas), B::describe(schemas)].concat()
    }
}

/// Declares parameters of a query. `struct Name: strict` refuses all others. `as "name"` after a
/// member gives its name in the query. `rules |issues| { … }` checks what no bounds say, as in
/// `body!`.
macro_rules! query {
    (@strict) => { false };
    (@strict strict) => { true };
    (@rules ($all:ident $($member:ident)*)) => {};
    (@rules ($all:ident $($member:ident)*) |$issues:ident| $rules:block) => {{
        #[allow(unused_variables, reason = "a rule names what it is about")]
        let ($issues, $($member),*) = (&mut *$all, $(&$member),*);
        $rules
    }};
    (@name $member:ident) => { stringify!($member) };
    (@name $member:ident $name:literal) => { $name };
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $struct:ident $(: $strict:ident)? {
            $($(#[doc = $member_doc:literal])* $member:ident: $type:ty $(as $name:literal)?,)*
        }
        $(rules |$issues:ident| $rules:block)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        $vis struct $struct {
            $($(#[doc = $member_doc])* $vis $member: $type,)*
        }

        impl $crate::wire::param::Params for $struct {
            fn names() -> Vec<&'static str> {
                vec![$($crate::wire::param::query!(@name $member $($name)?)),*]
            }

            const IS_STRICT: bool = $crate::wire::param::query!(@strict $($strict)?);

            fn read(
                sent: &$crate::wire::param::Sent<'_>,
                issues: &mut $crate::wire::issues::Issues,
            ) -> Option<Self> {
                $(let $member: Option<$type> =
                    sent.read($crate::wire::param::query!(@name $member $($name)?), issues);)*
                $crate::wire::param::query!(
                    @rules (issues $($member)*) $(|$issues| $rules)?
                );
                Some(Self { $($member: $member?,)* })
            }

            fn describe(
                schemas: &mut $crate::wire::schema::Schemas,
            ) -> Vec<serde_json::Value> {
                vec![$(
                    $crate::wire::param::describe::<$type>(
                        $crate::wire::param::query!(@name $member $($name)?),
                        &[$($member_doc),*],
                        schemas,
                    )
                ),*]
            }
        }
    };
}

pub(crate) use query;
