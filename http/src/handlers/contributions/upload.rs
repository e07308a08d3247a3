//! `POST /contributions/upload`: streamed to disk while it is hashed.

use crate::wire::schemas::{ContributionTypeName, Success};
use actix_web::{HttpRequest, HttpResponse, web};
use priv_actors::AskError;
use priv_blobs::{ContentHash, Staged};
use priv_domain::contribution::{ContributionType, MediaType, Originality, ReviewDecision, Uses};
use priv_domain::user::{Contribute, Contributed, Judgement};
use priv_domain::{ContributionId, EntityId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::download::range::blob_error;
use crate::error::refusal::with_origin;
use crate::error::{ApiError, Detail};
use crate::extract::caller::PersonCaller;
use crate::extract::idempotency::{IdempotencyKey, fingerprint};
use crate::extract::multipart::{Fields, Form, Part};
use crate::request_tag::request_tag;
use crate::state::{AppState, Review};
use crate::wire::amount::Priv;
use crate::wire::envelope::created;
use crate::wire::json::check_json_text;

const FIELDS: &[&str] = &[
    "contribution_type",
    "consent_ai_training",
    "consent_research",
    "consent_commercial",
    "metadata",
];

/// Bytes that the metadata may have at most.
const MAX_METADATA_BYTES: usize = 16 << 10;

#[derive(Serialize, ToSchema)]
#[schema(as = UploadedContribution)]
struct UploadView {
    contribution_id: String,
    file_hash: String,
    storage_path: String,
    estimated_reward: Priv,
    status: &'static str,
}

/// The form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for its schema")]
struct UploadForm {
    /// The content. Its own first bytes say what it is, whatever is declared.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    #[schema(value_type = ContributionTypeName)]
    contribution_type: String,
    /// Adds a quarter of the base reward.
    #[schema(value_type = bool, required = false)]
    consent_ai_training: Option<bool>,
    /// Adds 15 %.
    #[schema(value_type = bool, required = false)]
    consent_research: Option<bool>,
    /// Adds 20 %; without it, it can't be listed.
    #[schema(value_type = bool, required = false)]
    consent_commercial: Option<bool>,
    /// A JSON object, as text, of at most 16 KiB.
    #[schema(value_type = Object, required = false)]
    metadata: Option<String>,
}

/// The fields of the form, checked.
struct About {
    contribution_type: ContributionType,
    uses: Uses,
    metadata: Option<Box<str>>,
}

/// Takes a contribution: streamed to disk while it is hashed
///
/// Photos up to 50 MiB (1 PRIV), videos up to 500 MiB (5), voices up to 100 MiB (2), texts up to
/// 10 MiB (0.5). A broken upload leaves nothing behind.
#[utoipa::path(post, path = "/v1/contributions/upload", tag = "Contributions",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Success<UploadView>),
        (status = 409, description = "CONFLICT `duplicate_content`, with the `contribution_id` of the first.")))]
pub(crate) async fn upload_contribution(
    request: HttpRequest,
    payload: web::Payload,
    caller: PersonCaller,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut form = Form::of(&request, payload, FIELDS)?;
    let mut file: Option<(Staged, String)> = None;
    let fields = loop {
        match form.next().await? {
            Part::End(fields) => break fields,
            Part::File(_) if file.is_some() => {
                return Err(ApiError::invalid_field("file", "must be given once"));
            }
            Part::File(mut part) => {
                let largest = ContributionType::Video.max_bytes();
                let mut upload =
                    state.blobs.begin(largest).await.map_err(|error| blob_error(&error))?;
                while let Some(bytes) = part.next().await? {
                    upload.write(&bytes).await.map_err(|error| blob_error(&error))?;
                }
                let staged = upload.finish().await.map_err(|error| blob_error(&error))?;
                file = Some((staged, part.declared));
            }
        }
    };
    let about = check(&fields)?;
    let (staged, declared) = file.ok_or_else(|| ApiError::invalid_field("file", "is required"))?;
    let media_type = media_type_of(&staged, &declared, about.contribution_type)?;
    let said = format!("{}\n{fields:?}", staged.hash());
    let tag = request_tag(&request, &idempotency, fingerprint(said.as_bytes()))?;
    let owner = EntityId::user(caller.environment, &caller.user());
    // Not cancelled by a client that hangs up: content and entry belong together.
    let worked = actix_rt::spawn(contribute(state, owner, staged, media_type, about, tag));
    worked.await.map_err(|error| ApiError::server_error(&error))?
}

async fn contribute(
    state: web::Data<AppState>,
    owner: EntityId,
    staged: Staged,
    media_type: MediaType,
    about: About,
    tag: Option<priv_domain::RequestTag>,
) -> Result<HttpResponse, ApiError> {
    let (hash, size) = (staged.hash(), staged.size());
    let lock = state.blobs.lock(hash).await;
    state.up_to_date().await;
    let (node, me, sha256) = (state.node.clone(), owner.clone(), *hash.as_bytes());
    let known = state.blocking(move || node.is_known_elsewhere(&sha256, &me)).await?;
    let originality = if known { Originality::KnownElsewhere } else { Originality::New };
    staged.keep(&lock).await.map_err(|error| blob_error(&error))?;
    let command = Contribute {
        id: ContributionId::new(state.node.fresh_id()),
        media_type,
        sha256,
        size,
        uses: about.uses,
        originality,
        judged: judged(&state, originality),
        metadata: about.metadata,
    };
    let answered = state.node.ask(&owner, command, tag).await;
    drop(lock);
    let may_be_needed = match &answered {
        Ok(answered) => answered.is_fresh(),
        // Whether there is an entry is unknown: the next start removes what none refers to.
        Err(AskError::Stopping | AskError::Fault) => true,
        Err(
            AskError::Refused(_) | AskError::Mismatch | AskError::Overloaded | AskError::TooLarge,
        ) => false,
    };
    if !may_be_needed {
        state.erase_if_unneeded(hash).await?;
    }
    let answered = answered?;
    let Contributed { id, contribution } = &answered.reply;
    let hash = ContentHash::new(contribution.sha256);
    let view = UploadView {
        contribution_id: id.to_string(),
        file_hash: hash.to_string(),
        storage_path: format!("ipfs/{}", hash.cid()),
        estimated_reward: contribution.reward.into(),
        status: contribution.status.as_str(),
    };
    let response = created(&format!("/v1/contributions/{id}"), &view);
    Ok(with_origin(response, &answered))
}

/// What the automatic checks say, where they are asked: what nobody else has is taken.
fn judged(state: &AppState, originality: Originality) -> Option<Judgement> {
    match (state.options.review, originality) {
        (Review::Automatic, Originality::New) => Some(Judgement {
            decision: ReviewDecision::Approved,
            reason: "its type is allowed and its content is new".into(),
        }),
        (Review::Automatic, Originality::KnownElsewhere) | (Review::Manual, _) => None,
    }
}

/// The content's own type, which must go with the contribution's.
fn media_type_of(
    staged: &Staged,
    declared: &str,
    wanted: ContributionType,
) -> Result<MediaType, ApiError> {
    // Of a container for sound or pictures, the kind of contribution says which it is.
    let hint = match wanted {
        ContributionType::Voice => "audio/",
        ContributionType::Video => "video/",
        ContributionType::Photo | ContributionType::Text => declared,
    };
    let real = match staged.content().resolve(hint) {
        Ok(media) => media.as_str(),
        Err(other) => other,
    };
    let allowed = MediaType::from_mime(real).filter(|known| known.contribution_type() == wanted);
    let media_type = allowed.ok_or_else(|| {
        let types: Vec<&str> = MediaType::ALL
            .iter()
            .filter(|known| known.contribution_type() == wanted)
            .map(|known| known.as_str())
            .collect();
        ApiError::unsupported_media_type(format!(
            "The file is {real}; a {} must be {}",
            wanted.as_str(),
            types.join(", ")
        ))
    })?;
    if staged.size() == 0 {
        return Err(ApiError::invalid_field("file", "is empty"));
    }
    if staged.size() > wanted.max_bytes() {
        let limit = usize::try_from(wanted.max_bytes()).unwrap_or(usize::MAX);
        return Err(ApiError::payload_too_large(limit));
    }
    Ok(media_type)
}

fn check(fields: &Fields) -> Result<About, ApiError> {
    let mut details = Vec::new();
    let text = |name: &str| fields.get(name).map(String::as_str);
    let contribution_type = text("contribution_type").and_then(ContributionType::from_name);
    if contribution_type.is_none() {
        let issue = "must be one of photo, video, voice, text";
        details.push(Detail::new("contribution_type", issue));
    }
    let mut flag = |name: &str| match text(name) {
        Some("true" | "1" | "on") => true,
        None | Some("false" | "0" | "off" | "") => false,
        Some(_) => {
            details.push(Detail::new(name, "must be true or false"));
            false
        }
    };
    let uses = Uses {
        ai_training: flag("consent_ai_training"),
        research: flag("consent_research"),
        commercial: flag("consent_commercial"),
    };
    let metadata = text("metadata").filter(|text| !text.trim().is_empty());
    if let Some(issue) = metadata.and_then(wrong_metadata) {
        details.push(Detail::new("metadata", issue));
    }
    match (contribution_type, details.is_empty()) {
        (Some(contribution_type), true) => {
            Ok(About { contribution_type, uses, metadata: metadata.map(Into::into) })
        }
        (Some(_) | None, _) => Err(ApiError::validation(details)),
    }
}

fn wrong_metadata(text: &str) -> Option<&'static str> {
    if text.len() > MAX_METADATA_BYTES {
        return Some("must have at most 16 KiB");
    }
    let is_object = text.trim_start().starts_with('{')
        && check_json_text(text.as_bytes()).is_ok()
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    (!is_object).then_some("must be a JSON object")
}
