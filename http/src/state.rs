//! What handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web;
use dashmap::DashMap;
use priv_actors::{Node, QueryError};
use priv_blobs::{BlobError, BlobStore, ContentHash};
use priv_domain::{KeyId, Micros, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::auth::proof::LinkProofs;
use crate::auth::{KeyInfo, KeyLookup};
use crate::download::signed_url::FileLinks;
use crate::error::ApiError;
use crate::idempotency::answers::Answers;
use crate::middleware::RequestCounts;
use crate::rate_limit::Limits;
use crate::receipt::ReceiptKey;

/// From which the key of pseudonyms is derived; a change gives every seller another name.
const PSEUDONYM_CONTEXT: &str = "priv-protocol seller pseudonym v1";

/// What the HTTP interface is configured with, beside the edge.
#[derive(Clone, Debug)]
pub struct StateOptions {
    /// The least that can be claimed.
    pub claim_minimum: Micros,
    /// 32 random bytes of this installation, kept across restarts: signs link proofs, and makes
    /// the keys of a repeated request the same again.
    pub server_secret: [u8; 32],
    /// Who judges contributions.
    pub review: Review,
}

/// Who judges contributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Review {
    /// People, all of them.
    #[default]
    Manual,
    /// Automatic checks where they can: content of an allowed type that nobody else has is taken.
    Automatic,
}

/// What handlers share.
pub struct AppState {
    /// The actors.
    pub node: Arc<Node>,
    /// Contributed content.
    pub(crate) blobs: BlobStore,
    pub(crate) file_links: FileLinks,
    pub(crate) receipts: ReceiptKey,
    /// By which sellers get the names that they are known by.
    pub(crate) pseudonym_key: [u8; 32],
    /// Requests by status, for metrics.
    pub(crate) counts: Arc<RequestCounts>,
    pub(crate) options: StateOptions,
    pub(crate) link_proofs: LinkProofs,
    /// What requests over many users were answered.
    pub(crate) answers: Answers,
    draining: AtomicBool,
    /// Analytics are read by a few at a time: each may read much.
    analytics: Semaphore,
    key_use: Arc<KeyUse>,
}

/// When each key was used last, since the start; one entry a key that exists.
#[derive(Debug, Default)]
pub struct KeyUse(DashMap<KeyId, Timestamp>);

impl KeyUse {
    /// Notes a use, to the minute.
    fn note(&self, key: KeyId, at: Timestamp) {
        let is_fresh = |known: Timestamp| at.millis_since(known) < 60_000;
        if self.0.get(&key).is_none_or(|known| !is_fresh(*known)) {
            self.0.insert(key, at);
        }
    }
}

impl AppState {
    /// Over a running node.
    #[must_use]
    pub fn new(
        node: Arc<Node>,
        blobs: BlobStore,
        counts: Arc<RequestCounts>,
        key_use: Arc<KeyUse>,
        options: StateOptions,
    ) -> Self {
        let link_proofs = LinkProofs::new(&options.server_secret);
        let file_links = FileLinks::new(&options.server_secret);
        let receipts = ReceiptKey::of(&options.server_secret);
        let pseudonym_key = blake3::derive_key(PSEUDONYM_CONTEXT, &options.server_secret);
        let analytics = Semaphore::new(4);
        let answers = Answers::of(Arc::clone(&node));
        let draining = AtomicBool::new(false);
        Self {
            node,
            blobs,
            file_links,
            receipts,
            pseudonym_key,
            counts,
            options,
            link_proofs,
            answers,
            draining,
            analytics,
            key_use,
        }
    }

    /// From now on the service is not ready: it finishes what it has.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether it is finishing.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// A turn to read analytics, once there is one.
    pub(crate) async fn analytics_turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.analytics.acquire().await.map_err(|error| ApiError::server_error(&error))
    }

    /// When a key was used last, since the start.
    pub(crate) fn last_used(&self, key: KeyId) -> Option<Timestamp> {
        self.key_use.0.get(&key).map(|at| *at)
    }

    /// Waits until the lists hold all that was answered before.
    pub(crate) async fn up_to_date(&self) {
        self.node.when_projected(self.node.durable()).await;
    }

    /// Reads lists where blocking is allowed.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, ApiError> {
        Ok(web::block(read).await.map_err(|error| ApiError::server_error(&error))??)
    }

    /// Erases a content that nothing refers to any more. Under its lock, so that none comes
    /// meanwhile that does.
    pub(crate) async fn erase_if_unneeded(&self, hash: ContentHash) -> Result<(), ApiError> {
        let lock = self.blobs.lock(hash).await;
        let needed = self.node.is_content_needed(*hash.as_bytes()).await;
        if needed.map_err(|error| ApiError::server_error(&error))? {
            return Ok(());
        }
        match self.blobs.erase(&lock).await {
            Ok(()) | Err(BlobError::NotFound(_)) => Ok(()),
            Err(error) => Err(ApiError::server_error(&error)),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.node.clock().now()
    }
}

/// Finds keys among the projects that the projector has seen.
pub struct ProjectKeys {
    /// Where projects are known.
    pub node: Arc<Node>,
    /// Where uses are noted.
    pub key_use: Arc<KeyUse>,
}

impl KeyLookup for ProjectKeys {
    fn find(&self, sha256: &[u8; 32]) -> Option<Arc<KeyInfo>> {
        let (facts, index) = self.node.project_of_key(sha256)?;
        let key = &facts.keys[index];
        self.key_use.note(key.id, self.node.clock().now());
        let settings = &facts.settings;
        let plan = Limits::of(settings.plan);
        Some(Arc::new(KeyInfo {
            id: key.id,
            project: facts.id,
            environment: facts.environment,
            role: key.role,
            scopes: key.scopes,
            limits: Limits {
                per_second: settings.requests_per_second.or(plan.per_second),
                per_day: settings.requests_per_day.map(u64::from).or(plan.per_day),
            },
            serves_analytics: settings.publishable_reads_analytics,
            expires_at: key.ends_at,
            revoked: false,
        }))
    }
}
