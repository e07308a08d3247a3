//! Schemas that many routes share. They describe only: nothing of these types is ever made.

use utoipa::ToSchema;

/// `T` in the envelope of what succeeds, as `envelope` writes it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) struct Success<T> {
    data: T,
}

/// The two worlds: `pk_test_` and `sk_test_` keys live in `test`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum Environment {
    Live,
    Test,
}

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
    /// A claim's id; sorts by the time at which it was made.
    ClaimIdText as ClaimId, "^clm_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "clm_01JZ7Q4T3N8V6X2C5B9M0K1H7R";
}
