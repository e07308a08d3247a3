//! Members of JSON bodies: read by their JSON type, then checked against their type's bounds.
//!
//! `body!` declares a body. From its members and their types follow what the handler gets, what is
//! checked, what a client is told, and how the body is described.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, Visitor};
use serde_json::{Value, json};

use super::issues::{At, Issues};
use super::schema::{Schemas, or_null};

/// A type of values in JSON bodies.
pub(crate) trait Member: Sized {
    /// The type as which it is read first. A value of another JSON type is refused at once and
    /// alone; then the bounds of all members are checked, so that all that are wrong are named.
    type Sent: DeserializeOwned;

    /// Whether the member may be left out.
    const PRESENCE: Presence = Presence::AtOnce;

    /// Checks a value that was sent, and notes what is wrong with it; `None` if something is.
    fn check(sent: Self::Sent, at: &At<'_>, issues: &mut Issues) -> Option<Self>;

    /// The value of a member that was left out; `None` if that is wrong, or has been noted as
    /// wrong.
    fn left_out(_at: &At<'_>, _issues: &mut Issues) -> Option<Self> {
        None
    }

    /// The type's schema, or a reference to it.
    fn schema(schemas: &mut Schemas) -> Value;
}

/// Whether a member may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// No; a body without it is refused at once, for this alone.
    AtOnce,
    /// No; that it is missing is reported with everything else that is wrong.
    Checked,
    /// Yes; it then has the value of `Member::left_out`.
    Optional,
}

/// A member that must be there; that it is missing is reported with everything else that is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needed<T>(pub(crate) T);

/// A member that may be left out, but can't be `null`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

/// A member that has its type's default if it is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OrDefault<T>(pub(crate) T);

/// A text that is described as a `T`, but only parsed by the handler, where it counts.
#[derive(Clone, Debug)]
pub(crate) struct Unread<T> {
    /// The text, as it was sent.
    pub(crate) text: String,
    described_as: PhantomData<T>,
}

impl<T: Member> Member for Unread<T> {
    type Sent = String;

    fn check(text: String, _: &At<'_>, _: &mut Issues) -> Option<Self> {
        Some(Self { text, described_as: PhantomData })
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Member> Member for Needed<T> {
    type Sent = T::Sent;

    const PRESENCE: Presence = Presence::Checked;

    fn check(sent: T::Sent, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        T::check(sent, at, issues).map(Self)
    }

    fn left_out(at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        issues.note(at, "is required");
        None
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T: Member> Member for Maybe<T> {
    type Sent = T::Sent;

    const PRESENCE: Presence = Presence::Optional;

    fn check(sent: T::Sent, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        T::check(sent, at, issues).map(|value| Self(Some(value)))
    }

    fn left_out(_: &At<'_>, _: &mut Issues) -> Option<Self> {
        Some(Self(None))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T: Member + Default> Member for OrDefault<T> {
    type Sent = T::Sent;

    const PRESENCE: Presence = Presence::Optional;

    fn check(sent: T::Sent, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        T::check(sent, at, issues).map(Self)
    }

    fn left_out(_: &At<'_>, _: &mut Issues) -> Option<Self> {
        Some(Self::default())
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

/// A member that may be left out, or be `null`.
impl<T: Member> Member for Option<T> {
    type Sent = Option<T::Sent>;

    const PRESENCE: Presence = Presence::Optional;

    fn check(sent: Option<T::Sent>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        match sent {
            Some(sent) => T::check(sent, at, issues).map(Some),
            None => Some(None),
        }
    }

    fn left_out(_: &At<'_>, _: &mut Issues) -> Option<Self> {
        Some(None)
    }

    fn schema(schemas: &mut Schemas) -> Value {
        or_null(T::schema(schemas))
    }
}

/// Declares members that may be any value of their JSON type.
macro_rules! unbounded {
    ($($type:ty, $json_type:literal;)*) => {$(
        impl Member for $type {
            type Sent = Self;

            fn check(sent: Self, _: &At<'_>, _: &mut Issues) -> Option<Self> {
                Some(sent)
            }

            fn schema(_: &mut Schemas) -> Value {
                json!({ "type": $json_type })
            }
        }
    )*};
}

unbounded! {
    bool, "boolean";
    String, "string";
    Box<str>, "string";
}

/// Reads the name of a member, which must be one of these.
pub(crate) struct MemberName(pub(crate) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        let known = self.0.iter().copied().find(|known| *known == name);
        known.ok_or_else(|| E::unknown_field(name, self.0))
    }
}

/// Reads a member's value into its place.
pub(crate) fn take<'de, T, A>(
    place: &mut Option<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error>
where
    T: Deserialize<'de>,
    A: serde::de::MapAccess<'de>,
{
    match place {
        Some(_) => Err(A::Error::duplicate_field(name)),
        None => {
            *place = Some(map.next_value()?);
            Ok(())
        }
    }
}

/// Checks a member, which was sent or not.
pub(crate) fn check<T: Member>(
    sent: Option<T::Sent>,
    at: &At<'_>,
    issues: &mut Issues,
) -> Option<T> {
    match sent {
        Some(sent) => T::check(sent, at, issues),
        None => T::left_out(at, issues),
    }
}

/// Declares a JSON body, or an object in one. Unknown members are refused. `struct Name: default`
/// has a default, which is the value of a body with no members.
///
/// `rules |at, issues| { … }` at the end checks what no member's own bounds say: each member is
/// bound to its name as an `&Option`, which is `None` if the member itself is wrong. `says { … }`
/// after them describes such rules, as members of the schema.
macro_rules! body {
    (@default ($name:ident $($member:ident)*)) => {};
    (@default ($name:ident $($member:ident)*) default) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $($member: Default::default(),)* }
            }
        }
    };
    (@rules ($here:ident $all:ident $($member:ident)*)) => {};
    (@rules ($here:ident $all:ident $($member:ident)*)
        |$at:ident, $issues:ident| $rules:block) => {{
        #[allow(unused_variables, reason = "a rule names what it is about")]
        let ($at, $issues, $($member),*) = ($here, &mut *$all, $(&$member),*);
        $rules
    }};
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident $(: $default:ident)? {
            $($(#[doc = $member_doc:literal])* $member:ident: $type:ty,)*
        }
        $(rules |$at:ident, $issues:ident| $rules:block)?
        $(says $said:tt)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        $vis struct $name {
            $($(#[doc = $member_doc])* $vis $member: $type,)*
        }

        $crate::wire::member::body!(@default ($name $($member)*) $($default)?);

        const _: () = {
            use serde::de::{Deserializer, Error, MapAccess, Visitor};
            use $crate::wire::issues::{At, Issues};
            use $crate::wire::member::{self, Member, MemberName, Presence};
            use $crate::wire::schema::{Schemas, described};

            const MEMBERS: &[&str] = &[$(stringify!($member)),*];

            #[derive(Default)]
            pub(crate) struct Sent {
                $($member: Option<<$type as Member>::Sent>,)*
            }

            impl<'de> serde::Deserialize<'de> for Sent {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_map(Object)
                }
            }

            struct Object;

            impl<'de> Visitor<'de> for Object {
                type Value = Sent;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent, A::Error> {
                    let mut sent = Sent::default();
                    while let Some(name) = map.next_key_seed(MemberName(MEMBERS))? {
                        $(if name == stringify!($member) {
                            member::take(&mut sent.$member, stringify!($member), &mut map)?;
                        })*
                    }
                    $(if <$type as Member>::PRESENCE == Presence::AtOnce && sent.$member.is_none() {
                        return Err(A::Error::missing_field(stringify!($member)));
                    })*
                    Ok(sent)
                }
            }

            impl Member for $name {
                type Sent = Sent;

                fn check(sent: Sent, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
                    $(let $member: Option<$type> =
                        member::check(sent.$member, &At::Member(at, stringify!($member)), issues);)*
                    $crate::wire::member::body!(
                        @rules (at issues $($member)*) $(|$at, $issues| $rules)?
                    );
                    Some(Self { $($member: $member?,)* })
                }

                fn schema(schemas: &mut Schemas) -> serde_json::Value {
                    let mut object = serde_json::json!({
                        "type": "object",
                        "additionalProperties": false,
                    });
                    let mut required: Vec<&str> = Vec::new();
                    $(
                        let schema = <$type as Member>::schema(schemas);
                        object["properties"][stringify!($member)] =
                            described(schema, &[$($member_doc),*]);
                        if <$type as Member>::PRESENCE != Presence::Optional {
                            required.push(stringify!($member));
                        }
                    )*
                    if !required.is_empty() {
                        object["required"] = required.into();
                    }
                    $(if let serde_json::Value::Object(said) = serde_json::json!($said) {
                        said.into_iter().for_each(|(member, value)| object[member] = value);
                    })?
                    schemas.named(stringify!($name), described(object, &[$($doc),*]))
                }
            }
        };
    };
}

pub(crate) use body;
