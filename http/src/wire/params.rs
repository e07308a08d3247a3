//! Parameters that many routes share: `params(IdempotencyHeader, …)`.

use utoipa::{IntoParams, ToSchema};

use super::schemas::{
    ActorKind, ContributionIdText, EnvironmentName, KeyIdText, ListingIdText, ProjectIdText,
    PurchaseIdText,
};

/// On every call that changes something.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct IdempotencyHeader {
    /// The client's name for one intent. The same key with the same body gives the first answer
    /// again, with `Idempotent-Replayed: true`; with another body it is IDEMPOTENCY_MISMATCH.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]*$")]
    idempotency_key: Option<String>,
}

/// Where a signed-in person may call; keys have an environment of their own.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct EnvironmentHeader {
    /// The environment in which a signed-in person acts; `live` unless it is said.
    #[param(rename = "X-Priv-Environment", inline)]
    environment: Option<EnvironmentName>,
}

/// Whom a secret key means: exactly one of the three. A signed-in person is themselves, and these
/// are not looked at.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct UserQuery {
    /// With a secret key: a person's UUID, or the project's own id of a user.
    #[param(min_length = 1, max_length = 255, pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$")]
    user_id: Option<String>,
    /// With a secret key: a wallet that is linked to someone.
    #[param(pattern = "^0x[0-9a-fA-F]{40}$")]
    wallet_address: Option<String>,
    /// With a secret key: a visitor of the project.
    #[param(min_length = 1, max_length = 255, pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$")]
    anonymous_id: Option<String>,
}

/// `…/projects/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct ProjectPath {
    /// The project.
    #[param(inline)]
    id: ProjectIdText,
}

/// `…/projects/{id}/keys/{key}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct KeyPath {
    /// The project.
    #[param(inline)]
    id: ProjectIdText,
    /// The key's id.
    #[param(inline)]
    key: KeyIdText,
}

/// `…/actors/{kind}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct KindPath {
    /// What kind of actor.
    #[param(inline)]
    kind: ActorKind,
}

/// `…/actors/{kind}/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct ActorPath {
    /// What kind of actor.
    #[param(inline)]
    kind: ActorKind,
    /// The entity: a project's id, `system`, a person's id, or a project's user as it is listed.
    #[param(min_length = 1, max_length = 600)]
    id: String,
}

/// `…/contributions/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct ContributionPath {
    /// The contribution.
    #[param(inline)]
    id: ContributionIdText,
}

/// `…/listings/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct ListingPath {
    /// The listing.
    #[param(inline)]
    id: ListingIdText,
}

/// `…/purchases/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct PurchasePath {
    /// The purchase.
    #[param(inline)]
    id: PurchaseIdText,
}

/// What all routes that take events understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it stands for its parameters")]
pub(crate) struct IngestParams {
    /// List what was accepted too, not only what was not.
    #[param(inline)]
    verbose: Option<Flag>,
    /// Give the verdicts and store nothing.
    #[param(inline)]
    dry_run: Option<Flag>,
}

/// Yes or no in a query.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for its schema")]
pub(crate) enum Flag {
    #[schema(rename = "1")]
    One,
    #[schema(rename = "true")]
    True,
    #[schema(rename = "0")]
    Zero,
    #[schema(rename = "false")]
    False,
}
