//! Texts that are one of a few words. The words are those of the type that they stand for: what is
//! read, what is told where another was sent, and what the document lists come from one place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use priv_domain::Environment;
use priv_domain::contribution::{ContributionType, ReviewStatus};
use priv_domain::entity::Kind;
use priv_domain::market::{Category, License, ListingStatus};
use priv_domain::project::Scope;
use serde::Deserialize;
use serde::de::{Deserializer, EnumAccess, Error, VariantAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::schema::doc_text;

/// A type that is written as one of a few words.
pub(crate) trait Word: Copy + Sized + 'static {
    /// What its schema is called.
    const NAME: &'static str;
    /// The lines of its schema's description.
    const DOC: &'static [&'static str];

    /// All of them, in the order in which they are listed.
    fn all() -> Vec<Self>;

    /// As it is written.
    fn word(self) -> &'static str;

    /// The one that is written so.
    ///
    /// # Errors
    /// What it must be.
    fn named(word: &str) -> Result<Self, Cow<'static, str>> {
        let found = Self::all().into_iter().find(|known| known.word() == word);
        found.ok_or_else(|| must_be::<Self>().into())
    }

    /// Its schema.
    fn described() -> RefOr<Schema> {
        let words = Self::all().into_iter().map(Self::word);
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.enum_values(Some(words)).description(doc_text(Self::DOC)).into()
    }
}

/// What a word must be.
pub(crate) fn must_be<W: Word>() -> String {
    let words: Vec<&str> = W::all().into_iter().map(W::word).collect();
    match words.as_slice() {
        [one, other] => format!("must be {one} or {other}"),
        _ => format!("must be one of {}", words.join(", ")),
    }
}

/// What a [`Word`] can be used for: answers, bodies, parameters, and schemas.
macro_rules! use_word {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::wire::words::Word::word(*self))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <Self as $crate::wire::words::Word>::described()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::wire::words::Word>::NAME.into()
            }
        }

        impl $crate::wire::param::Param for $name {
            fn read(text: &str) -> Result<Self, std::borrow::Cow<'static, str>> {
                <Self as $crate::wire::words::Word>::named(text)
            }

            fn schema(_: &mut $crate::wire::schema::Schemas) -> serde_json::Value {
                let schema = <Self as utoipa::PartialSchema>::schema();
                serde_json::to_value(schema).expect("a schema is JSON")
            }
        }
    };
}

/// A word in a body is checked with the other members.
macro_rules! checked_word {
    ($name:ty) => {
        impl $crate::wire::member::Member for $name {
            type Sent = Box<str>;

            fn check(
                sent: Box<str>,
                at: &$crate::wire::issues::At<'_>,
                issues: &mut $crate::wire::issues::Issues,
            ) -> Option<Self> {
                let read = <Self as $crate::wire::words::Word>::named(&sent);
                read.map_err(|issue| issues.note(at, issue)).ok()
            }

            fn schema(schemas: &mut $crate::wire::schema::Schemas) -> serde_json::Value {
                schemas.reference::<Self>()
            }
        }
    };
}

/// A word in a body is a matter of the JSON's type: another is refused at once, in the parser's
/// words.
macro_rules! typed_word {
    ($name:ty) => {
        impl $crate::wire::member::Member for $name {
            type Sent = $crate::wire::words::Typed<Self>;

            fn check(
                sent: Self::Sent,
                _: &$crate::wire::issues::At<'_>,
                _: &mut $crate::wire::issues::Issues,
            ) -> Option<Self> {
                Some(sent.0)
            }

            fn schema(schemas: &mut $crate::wire::schema::Schemas) -> serde_json::Value {
                schemas.reference::<Self>()
            }
        }
    };
}

/// Words of the domain's types: `Name(Type) as "schema" of all`.
macro_rules! domain_words {
    ($($(#[doc = $doc:literal])* $name:ident($inner:ty) as $shown:literal of $all:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl Word for $name {
            const NAME: &'static str = $shown;
            const DOC: &'static [&'static str] = &[$($doc),*];

            fn all() -> Vec<Self> {
                $all.into_iter().map(Self).collect()
            }

            fn word(self) -> &'static str {
                self.0.as_str()
            }
        }

        use_word!($name);
        checked_word!($name);
    )*};
}

/// An enum of words that only the wire knows: `checked enum Name as "schema" { Variant = "word" }`. A
/// `typed` one differs in how bodies are refused; a `shown` one is in answers and queries only.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        $kind:ident $vis:vis enum $name:ident as $shown:literal {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $crate::wire::words::Word for $name {
            const NAME: &'static str = $shown;
            const DOC: &'static [&'static str] = &[$($doc),*];

            fn all() -> Vec<Self> {
                vec![$(Self::$variant),*]
            }

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::wire::words::Listed for $name {
            const WORDS: &'static [&'static str] = &[$($word),*];
        }

        $crate::wire::words::use_word!($name);
        $crate::wire::words::words!(@$kind $name);
    };
    (@checked $name:ty) => { $crate::wire::words::checked_word!($name); };
    (@shown $name:ty) => {};
    (@typed $name:ty) => { $crate::wire::words::typed_word!($name); };
}

pub(crate) use {checked_word, typed_word, use_word, words};

/// A word type whose words are known when it is compiled.
pub(crate) trait Listed: Word {
    /// All of them.
    const WORDS: &'static [&'static str];
}

/// A word as the parser reads the variant of an enum.
pub(crate) struct Typed<W>(pub(crate) W);

impl<'de, W: Listed> Deserialize<'de> for Typed<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum(W::NAME, W::WORDS, TypedVisitor(PhantomData)).map(Self)
    }
}

struct TypedVisitor<W>(PhantomData<W>);

impl<'de, W: Listed> Visitor<'de> for TypedVisitor<W> {
    type Value = W;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", W::WORDS.join(", "))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<W, A::Error> {
        let (word, variant) = data.variant::<String>()?;
        variant.unit_variant()?;
        W::named(&word).map_err(|_| A::Error::unknown_variant(&word, W::WORDS))
    }
}

domain_words! {
    /// The two environments: `pk_test_` and `sk_test_` keys live in `test`.
    EnvironmentName(Environment) as "Environment" of Environment::ALL;
    /// The kinds of actors.
    ActorKind(Kind) as "ActorKind" of Kind::ALL;
    /// What a contribution is.
    ContributionTypeName(ContributionType) as "ContributionType" of ContributionType::ALL;
    /// How far a contribution has come.
    ReviewStatusName(ReviewStatus) as "ReviewStatus" of ReviewStatus::ALL;
    /// What a listing is of.
    CategoryName(Category) as "Category" of
        ContributionType::ALL.map(Category::One).into_iter().chain([Category::Mixed]);
    /// What a buyer may do with what they bought.
    LicenseName(License) as "License" of License::ALL;
    /// Whether a listing is for sale.
    ListingStatusName(ListingStatus) as "ListingStatus" of ListingStatus::ALL;
    /// What a secret key may.
    ScopeName(Scope) as "Scope" of Scope::ALL;
}
