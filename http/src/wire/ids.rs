//! Ids on the wire, each with a schema of its own.

use priv_domain::id::{ClaimId, ContributionId, KeyId, ListingId, NotAnId, ProjectId, PurchaseId};
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::issues::{At, Issues};
use super::member::Member;
use super::schema::{Schemas, doc_text};

/// Declares ids, as `Name(Type) as "schema"`. An id is its type's prefix and a ULID.
macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident($inner:ty) as $shown:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl From<$inner> for $name {
            fn from(id: $inner) -> Self {
                Self(id)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let prefix = <$inner>::PREFIX;
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$")))
                    .examples([format!("{prefix}01JZ7Q4T3N8V6X2C5B9M0K1H7R")])
                    .description(doc_text(&[$($doc),*]))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $shown.into()
            }
        }

        impl Member for $name {
            type Sent = Box<str>;

            fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
                let read = sent.parse().map(Self);
                read.map_err(|issue: NotAnId| issues.note(at, issue.to_string())).ok()
            }

            fn schema(schemas: &mut Schemas) -> Value {
                schemas.reference::<Self>()
            }
        }
    )*};
}

ids! {
    /// The id of a project; ids sort by the time at which they were made.
    ProjectIdText(ProjectId) as "ProjectId";
    /// The id of a key, which is not secret.
    KeyIdText(KeyId) as "KeyId";
    /// The id of a contribution; ids sort by the time of the upload.
    ContributionIdText(ContributionId) as "ContributionId";
    /// The id of a listing; ids sort by the time at which they were made.
    ListingIdText(ListingId) as "ListingId";
    /// The id of a claim; ids sort by the time at which they were made.
    ClaimIdText(ClaimId) as "ClaimId";
    /// The id of a purchase; ids sort by the time at which they were made.
    PurchaseIdText(PurchaseId) as "PurchaseId";
}

/// A hash of 32 bytes, in hexadecimal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(
    as = Hash,
    value_type = String,
    pattern = "^[0-9a-f]{64}$",
    examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
)]
pub(crate) struct HashText(pub(crate) String);
