//! Texts that are one of a few words. The words come from one place, the type that they stand for:
//! those that are read, that an error names, and that the document lists.

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

/// A type whose values are written as one of a few words.
pub(crate) trait Word: Copy + Sized + 'static {
    /// The name of its schema.
    const NAME: &'static str;
    /// The lines of its schema's description, which are its doc comment.
    const DOC: &'static [&'static str];

    /// All values, in the order in which they are listed.
    fn all() -> Vec<Self>;

    /// The word that stands for the value.
    fn word(self) -> &'static str;

    /// The value that this word stands for.
    ///
    /// # Errors
    /// What the word must be, as a phrase.
    fn named(word: &str) -> Result<Self, Cow<'static, str>> {
        let found = Self::all().into_iter().find(|known| known.word() == word);
        found.ok_or_else(|| must_be::<Self>().into())
    }

    /// The schema, which lists the words.
    fn described() -> RefOr<Schema> {
        let words = Self::all().into_iter().map(Self::word);
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.enum_values(Some(words)).description(doc_text(Self::DOC)).into()
    }
}

/// What a word must be, as a phrase: `must be one of free, pro, enterprise`.
pub(crate) fn must_be<W: Word>() -> String {
    let words: Vec<&str> = W::all().into_iter().map(W::word).collect();
    match words.as_slice() {
        [one, other] => format!("must be {one} or {other}"),
        _ => format!("must be one of {}", words.join(", ")),
    }
}

/// Implements the uses of a [`Word`]: in answers, parameters and schemas.
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

/// Implements a word in a body that is checked together with the other members.
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

/// Implements a word in a body that belongs to the JSON type: another word is refused at once, in
/// the parser's words.
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

/// Declares words of the domain's types, as `Name(Type) as "schema" of all`.
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

/// Declares an enum of words that only the wire knows:
/// `checked enum Name as "schema" { Variant = "word" }`.
/// A `typed` one is refused at once in bodies, as a wrong JSON type is; a `shown` one is for
/// answers and queries only.
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

/// A word type whose words are known at compile time.
pub(crate) trait Listed: Word {
    /// All words, in the order of the variants.
    const WORDS: &'static [&'static str];
}

/// A word, read as the parser reads an enum's variant.
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
    /// One of the two environments; `pk_test_` and `sk_test_` keys act in `test`.
    EnvironmentName(Environment) as "Environment" of Environment::ALL;
    /// The kind of an actor's entity.
    ActorKind(Kind) as "ActorKind" of Kind::ALL;
    /// The type of a contribution.
    ContributionTypeName(ContributionType) as "ContributionType" of ContributionType::ALL;
    /// The state of a contribution's review.
    ReviewStatusName(ReviewStatus) as "ReviewStatus" of ReviewStatus::ALL;
    /// What a listing offers: contributions of one type, or `mixed`.
    CategoryName(Category) as "Category" of
        ContributionType::ALL.map(Category::One).into_iter().chain([Category::Mixed]);
    /// The license: what a buyer may do with a purchase.
    LicenseName(License) as "License" of License::ALL;
    /// Whether a listing is for sale.
    ListingStatusName(ListingStatus) as "ListingStatus" of ListingStatus::ALL;
    /// A right of a secret key.
    ScopeName(Scope) as "Scope" of Scope::ALL;
}
