//! Opening the store of contributed content: whose it is, and what nobody refers to in it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use priv_actors::Node;
use priv_blobs::{Adopt, BlobStore, Claim, ClaimError, ContentHash, Installation, Orphans};
use priv_store::data_dir::BLOBS;

use crate::config::{ConfigError, Settings};
use crate::secrets::{self, SecretError};

/// The value of `PRIV_ADOPT_CONTENT` for content without an owner's mark.
pub(crate) const UNMARKED: &str = "unmarked";

/// Why contributed content can't be used. Nothing of it was touched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// It belongs to another installation.
    #[error(
        "contributed content in {place} is not this data directory's, whose id is {me} (a restored one has an id of its own). Use another bucket or PRIV_S3_PREFIX; or, if that installation is stopped for good and this one takes its place, start once with PRIV_ADOPT_CONTENT={owner}"
    )]
    OfAnother { place: String, me: Installation, owner: Installation, source: ClaimError },
    /// It may belong to anyone.
    #[error(
        "contributed content in {place} may be another's: is this the right journal? Use another bucket or PRIV_S3_PREFIX; or, if the content is this installation's, start once with PRIV_ADOPT_CONTENT={UNMARKED}"
    )]
    Unmarked { place: String, source: ClaimError },
    /// The place can't be used.
    #[error("contributed content in {place} can't be used")]
    Claim { place: String, source: ClaimError },
}

/// The id of the installation whose data directory this is, made when it is first asked for. A
/// backup leaves it out, so that a restored directory takes nothing over by itself: while both
/// run, neither would know what the other refers to.
pub(crate) fn installation(data_dir: &Path) -> Result<Installation, SecretError> {
    let text = secrets::made_once(data_dir, secrets::INSTALLATION)?;
    Installation::parse(&text).ok_or(SecretError::Damaged(data_dir.join(secrets::INSTALLATION)))
}

/// Opens the store of contributed content, which must be this installation's own, and erases what
/// crashes left there and nothing has referred to for a week.
pub(crate) async fn open(
    settings: &Settings,
    node: &Arc<Node>,
) -> Result<BlobStore, Box<dyn Error>> {
    let folder = settings.data_dir().join(BLOBS);
    let (blobs, place) = match settings.s3()? {
        Some(s3) => {
            let place = format!("the bucket {} with the prefix {:?}", s3.bucket, s3.prefix);
            (BlobStore::s3(&s3, &folder)?, place)
        }
        None => (BlobStore::local(&folder)?, folder.display().to_string()),
    };
    let me = installation(&settings.data_dir())?;
    let adopt = adopt(settings)?;
    let is_known = |hash: ContentHash| is_needed(node, hash, InDoubt::No);
    let claim = match blobs.claim(&me, adopt.as_ref(), is_known).await {
        Ok(claim) => claim,
        Err(source) => return Err(explain(source, place, me).into()),
    };
    match claim {
        Claim::Ours => collect_orphans(&blobs, node).await?,
        Claim::New => {}
        // Whoever else uses it has not been refused yet: not in this start.
        Claim::Adopted => tracing::warn!(%place, "took over contributed content"),
    }
    Ok(blobs)
}

fn explain(source: ClaimError, place: String, me: Installation) -> ContentError {
    match source {
        ClaimError::OfAnother(ref owner) => {
            ContentError::OfAnother { place, me, owner: owner.clone(), source }
        }
        ClaimError::Unmarked => ContentError::Unmarked { place, source },
        ClaimError::NotAMarker | ClaimError::Blobs(_) => ContentError::Claim { place, source },
    }
}

async fn collect_orphans(blobs: &BlobStore, node: &Arc<Node>) -> Result<(), Box<dyn Error>> {
    let now_secs = u64::try_from(node.clock().now().as_millis() / 1_000).unwrap_or(0);
    let is_referenced = |hash: ContentHash| is_needed(node, hash, InDoubt::Yes);
    match blobs.collect_orphans(now_secs, is_referenced).await? {
        Orphans::Collected { erased: 0, waiting: 0 } => {}
        Orphans::Collected { erased, waiting } => {
            tracing::info!(erased, waiting, "contributed content that nothing refers to");
        }
        Orphans::TooMany { orphans, contents } => tracing::error!(
            orphans,
            contents,
            "the journal does not refer to most of the contributed content: nothing was erased; is it the right journal?"
        ),
    }
    Ok(())
}

/// What to answer where it can't be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InDoubt {
    Yes,
    No,
}

fn is_needed(
    node: &Arc<Node>,
    hash: ContentHash,
    in_doubt: InDoubt,
) -> impl Future<Output = bool> + use<> {
    let node = node.clone();
    async move {
        let needed = node.is_content_needed(*hash.as_bytes()).await;
        needed.unwrap_or(in_doubt == InDoubt::Yes)
    }
}

/// The content that an operator wants to be taken over.
fn adopt(settings: &Settings) -> Result<Option<Adopt>, ConfigError> {
    match settings.adopt_content.as_deref() {
        None => Ok(None),
        Some(UNMARKED) => Ok(Some(Adopt::Unmarked)),
        Some(text) => match Installation::parse(text) {
            Some(owner) => Ok(Some(Adopt::Of(owner))),
            None => Err(ConfigError::Value {
                name: "PRIV_ADOPT_CONTENT",
                value: text.to_owned(),
                problem: format!("must be the 64 digits of an installation's id, or {UNMARKED}"),
            }),
        },
    }
}
