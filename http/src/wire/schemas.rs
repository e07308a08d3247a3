//! Schemas that many routes share. They describe only: nothing of these types is ever made.

use utoipa::ToSchema;
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};

/// `T` in the envelope of what succeeds, as `envelope` writes it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct Success<T> {
    data: T,
}

/// The two environments: `pk_test_` and `sk_test_` keys live in `test`.
#[derive(ToSchema)]
#[schema(as = Environment, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum EnvironmentName {
    Live,
    Test,
}

/// The kinds of actors.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum ActorKind {
    User,
    Project,
    System,
    Listing,
}

/// What a contribution is.
#[derive(ToSchema)]
#[schema(as = ContributionType, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum ContributionTypeName {
    Photo,
    Video,
    Voice,
    Text,
}

/// How far a contribution has come.
#[derive(ToSchema)]
#[schema(as = ReviewStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum ReviewStatusName {
    Pending,
    Approved,
    Rejected,
}

/// A judgement.
#[derive(ToSchema)]
#[schema(as = ReviewDecision, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum DecisionName {
    Approved,
    Rejected,
}

/// What a listing is of.
#[derive(ToSchema)]
#[schema(as = Category, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum CategoryName {
    Photo,
    Video,
    Voice,
    Text,
    Mixed,
}

/// An order of listings.
#[derive(ToSchema)]
#[schema(as = ListingSort, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum SortName {
    Newest,
    Oldest,
    PriceLow,
    PriceHigh,
    MostSales,
    HighestRated,
}

/// What a buyer may do with what they bought.
#[derive(ToSchema)]
#[schema(as = License, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum LicenseName {
    SingleUse,
    Limited,
    Unlimited,
    Exclusive,
}

/// Whether a listing is for sale.
#[derive(ToSchema)]
#[schema(as = ListingStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum ListingStatusName {
    Active,
    Paused,
    Delisted,
}

/// Which side of a purchase.
#[derive(ToSchema)]
#[schema(as = PurchaseRole, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum RoleName {
    Buyer,
    Seller,
}

/// How files are given.
#[derive(ToSchema)]
#[schema(as = DownloadFormat, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum FormatName {
    Json,
    Zip,
}

/// What a secret key may.
#[derive(ToSchema)]
#[schema(as = Scope)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum ScopeName {
    #[schema(rename = "events:write")]
    EventsWrite,
    #[schema(rename = "events:read")]
    EventsRead,
    #[schema(rename = "users:read")]
    UsersRead,
    #[schema(rename = "users:write")]
    UsersWrite,
    #[schema(rename = "analytics:read")]
    AnalyticsRead,
    #[schema(rename = "billing:manage")]
    BillingManage,
}

/// An amount of PRIV that is not 0.
#[derive(ToSchema)]
#[schema(
    value_type = f64,
    minimum = 0.000_001f64,
    maximum = 18_446_744_073_709f64,
    multiple_of = 0.000_001f64,
    examples(json!(1.25))
)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct PositiveAmount(f64);

/// What a listing can cost.
#[derive(ToSchema)]
#[schema(
    as = Price,
    value_type = f64,
    minimum = 0.01f64,
    maximum = 18_446_744_073_709f64,
    multiple_of = 0.000_001f64,
    examples(json!(1.25))
)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct PriceAmount(f64);

/// The body of a new listing; `rules` says what it is.
#[derive(ToSchema)]
pub(crate) struct NewListingBody;

/// A tag of a listing.
#[derive(ToSchema)]
#[schema(as = Tag, value_type = String, min_length = 1, max_length = 50, pattern = r"\S")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct TagText(String);

/// An amount of PRIV that can be below 0.
#[derive(ToSchema)]
#[schema(value_type = f64, multiple_of = 0.000_001f64, examples(json!(-1.25)))]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct SignedAmount(f64);

/// Why, for the record.
#[derive(ToSchema)]
#[schema(as = Reason, value_type = String, min_length = 1, max_length = 500, pattern = r"\S")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct ReasonText(String);

/// A name, without control characters.
#[derive(ToSchema)]
#[schema(
    as = Name,
    value_type = String,
    min_length = 1,
    max_length = 200,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"
)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct NameText(String);

macro_rules! id_texts {
    ($($(#[$doc:meta])* $name:ident as $shown:ident, $pattern:literal, $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[schema(as = $shown, value_type = String, pattern = $pattern, examples($example))]
        #[expect(dead_code, reason = "it stands for its schema")]
        pub(crate) struct $name(String);
    )*};
}

id_texts! {
    /// A project's id; sorts by the time at which it was made.
    ProjectIdText as ProjectId, "^proj_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "proj_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
    /// A key's id; not its secret.
    KeyIdText as KeyId, "^key_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "key_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
    /// A contribution's id; sorts by the time at which it came.
    ContributionIdText as ContributionId, "^contrib_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "contrib_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
    /// A listing's id; sorts by the time at which it was made.
    ListingIdText as ListingId, "^listing_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "listing_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
    /// A purchase's id; sorts by the time at which it was made.
    PurchaseIdText as PurchaseId, "^pur_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "pur_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
    /// 32 bytes in hexadecimal.
    HashText as Hash, "^[0-9a-f]{64}$",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    /// A claim's id; sorts by the time at which it was made.
    ClaimIdText as ClaimId, "^clm_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "clm_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
}

/// A parameter that takes a day, or a moment in it.
pub(crate) fn day_or_time() -> Schema {
    OneOfBuilder::new().item(text(KnownFormat::Date)).item(text(KnownFormat::DateTime)).into()
}

/// A parameter that takes a position in the journal, or a moment.
pub(crate) fn position_or_time() -> Schema {
    let position =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(usize::MAX));
    OneOfBuilder::new().item(position).item(text(KnownFormat::DateTime)).into()
}

fn text(format: KnownFormat) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(format);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format))
}
