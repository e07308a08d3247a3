//! `POST /contributions/upload`: streamed to disk while it is hashed.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, web};
use priv_actors::AskError;
use priv_blobs::{ContentHash, Staged};
use priv_domain::contribution::{ContributionType, MediaType, Originality, ReviewDecision, Uses};
use priv_domain::user::{Contribute, Contributed, Judgement};
use priv_domain::{ContributionId, EntityId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::download::range::blob_error;
use crate::error::ApiError;
use crate::extract::caller::PersonCaller;
use crate::extract::multipart::{Form, FormBody, FormFields, Part, read_fields};
use crate::idempotency::{Idempotency, fingerprint, with_origin};
use crate::state::{AppState, Review};
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, created};
use crate::wire::ids::{ContributionIdText, HashText};
use crate::wire::json::check_json_text;
use crate::wire::member::OrDefault;
use crate::wire::param::{Param, Required, query};
use crate::wire::schema::Schemas;
use crate::wire::words::{ContributionTypeName, ReviewStatusName, Word, must_be};

#[derive(Serialize, ToSchema)]
#[schema(as = UploadedContribution)]
struct UploadView {
    contribution_id: ContributionIdText,
    file_hash: HashText,
    storage_path: String,
    estimated_reward: Amount,
    status: ReviewStatusName,
}

query! {
    /// The text fields of the form.
    pub(crate) struct UploadFields {
        contribution_type: Required<UploadType>,
        /// Consent to train AI with it; adds 25 % to the base reward.
        consent_ai_training: OrDefault<Checkbox>,
        /// Consent to research with it; adds 15 %.
        consent_research: OrDefault<Checkbox>,
        /// Consent to commercial use; adds 20 %. Needed to sell the contribution.
        consent_commercial: OrDefault<Checkbox>,
        /// A JSON object as text, of at most 16 KiB, about the contribution.
        metadata: Option<Metadata>,
    }
}

impl FormFields for UploadFields {
    const SCHEMA: (&'static str, &'static str) = ("UploadForm", "The form of an upload.");
    const FILE: &'static str =
        "The content. Its own first bytes say what it is, whatever is declared.";
}

/// The type of the upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadType(ContributionType);

/// A checkbox, as forms send it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checkbox(bool);

/// The contributor's own description: a JSON object as text; `None` if empty.
#[derive(Clone, Debug)]
pub(crate) struct Metadata(Option<Box<str>>);

impl Param for UploadType {
    fn missing() -> Cow<'static, str> {
        must_be::<ContributionTypeName>().into()
    }

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        ContributionTypeName::named(text).map(|ContributionTypeName(named)| Self(named))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.reference::<ContributionTypeName>()
    }
}

impl Param for Checkbox {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "true" | "1" | "on" => Ok(Self(true)),
            "false" | "0" | "off" | "" => Ok(Self(false)),
            _ => Err("must be true or false".into()),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Metadata {
    const MAX_BYTES: usize = 16 << 10;
}

impl Param for Metadata {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        if text.len() > Self::MAX_BYTES {
            return Err("must have at most 16 KiB".into());
        }
        let is_object = text.trim_start().starts_with('{')
            && check_json_text(text.as_bytes()).is_ok()
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        match is_object {
            true => Ok(Self(Some(text.into()))),
            false => Err("must be a JSON object".into()),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "object" })
    }
}

/// The text fields of an upload, checked.
struct About {
    contribution_type: ContributionType,
    uses: Uses,
    metadata: Option<Box<str>>,
}

impl From<UploadFields> for About {
    fn from(fields: UploadFields) -> Self {
        let Required(UploadType(contribution_type)) = fields.contribution_type;
        let ticked = |OrDefault(Checkbox(ticked)): OrDefault<Checkbox>| ticked;
        let uses = Uses {
            ai_training: ticked(fields.consent_ai_training),
            research: ticked(fields.consent_research),
            commercial: ticked(fields.consent_commercial),
        };
        let metadata = fields.metadata.and_then(|Metadata(metadata)| metadata);
        Self { contribution_type, uses, metadata }
    }
}

/// Uploads a contribution: streamed to disk while it is hashed
///
/// Photos up to 50 MiB (1 PRIV), videos up to 500 MiB (5), voices up to 100 MiB (2), texts up to
/// 10 MiB (0.5). A broken upload leaves nothing behind.
#[utoipa::path(post, path = "/v1/contributions/upload", tag = "Contributions",
    responses((status = 201, body = Success<UploadView>),
        (status = 409, description = "CONFLICT `duplicate_content`, with the `contribution_id` of the first.")))]
pub(crate) async fn upload_contribution(
    request: HttpRequest,
    body: FormBody<UploadFields>,
    caller: PersonCaller,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut form = Form::of(&request, body)?;
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
    let about = About::from(read_fields::<UploadFields>(&fields)?);
    let (staged, declared) = file.ok_or_else(|| ApiError::invalid_field("file", "is required"))?;
    let media_type = media_type_of(&staged, &declared, about.contribution_type)?;
    let said = format!("{}\n{fields:?}", staged.hash());
    let tag = idempotency.tag(|| fingerprint(said.as_bytes()));
    let owner = EntityId::user(caller.environment, &caller.user());
    // Not cancelled if the client hangs up: the content and its journal entry belong together.
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
    state.up_to_date().await?;
    let (node, me, sha256) = (state.node.clone(), owner.clone(), *hash.as_bytes());
    let seen = move || {
        let known = node.is_known_elsewhere(&sha256, &me)?;
        Ok((known, node.is_rewarded(me.environment, &sha256)?))
    };
    // As long as the content is locked nobody else is rewarded for it.
    let (known, rewarded_before) = state.blocking(seen).await?;
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
        rewarded_before,
    };
    let answered = state.node.ask(&owner, command, tag).await;
    drop(lock);
    let may_be_needed = match &answered {
        Ok(answered) => answered.is_fresh(),
        // Whether there is an entry is unknown: the next start removes content to which none
        // refers.
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
        contribution_id: (*id).into(),
        file_hash: HashText(hash.to_string()),
        storage_path: format!("ipfs/{}", hash.cid()),
        estimated_reward: contribution.reward.into(),
        status: contribution.status.into(),
    };
    let response = created(&format!("/v1/contributions/{id}"), &view);
    Ok(with_origin(response, answered.origin))
}

/// The judgement of the automatic checks: if they are on, content that nobody else has is approved.
fn judged(state: &AppState, originality: Originality) -> Option<Judgement> {
    match (state.options.review, originality) {
        (Review::Automatic, Originality::New) => Some(Judgement {
            decision: ReviewDecision::Approved,
            reason: "its type is allowed and its content is new".into(),
        }),
        (Review::Automatic, Originality::KnownElsewhere) | (Review::Manual, _) => None,
    }
}

/// The content's actual type, which must be one of the contribution's.
fn media_type_of(
    staged: &Staged,
    declared: &str,
    wanted: ContributionType,
) -> Result<MediaType, ApiError> {
    // Of a container for sound or video, the contribution's type says which it is.
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
