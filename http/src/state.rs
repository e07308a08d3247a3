//! The state that handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web;
use dashmap::DashMap;
use priv_actors::inspect::InspectError;
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

/// The context from which the key of pseudonyms is derived; changing it renames every seller.
const PSEUDONYM_CONTEXT: &str = "priv-protocol seller pseudonym v1";

/// The configuration of the HTTP interface, besides the edge's.
#[derive(Clone, Debug)]
pub struct StateOptions {
    /// The least amount that can be claimed.
    pub claim_minimum: Micros,
    /// 32 random bytes of this installation, stored across restarts. They sign link proofs, file
    /// links and receipts, name sellers, and make the same keys again for a repeated request.
    pub server_secret: [u8; 32],
    /// The way in which contributions are reviewed.
    pub review: Review,
}

/// The way in which contributions are reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Review {
    /// People review all of them.
    #[default]
    Manual,
    /// Automatic checks approve content of an allowed type that nobody else has; people review the
    /// rest.
    Automatic,
}

/// The state that handlers share.
pub struct AppState {
    /// The node, which runs the actors.
    pub node: Arc<Node>,
    /// The store of contributed content.
    pub(crate) blobs: BlobStore,
    pub(crate) file_links: FileLinks,
    pub(crate) receipts: ReceiptKey,
    /// The key with which sellers' pseudonyms are made.
    pub(crate) pseudonym_key: [u8; 32],
    /// The counts of requests by status, for metrics.
    pub(crate) counts: Arc<RequestCounts>,
    pub(crate) options: StateOptions,
    pub(crate) link_proofs: LinkProofs,
    /// The answers of requests about many users.
    pub(crate) answers: Answers,
    draining: AtomicBool,
    /// Lets a few requests read analytics at a time, since each may read much.
    analytics: Semaphore,
    key_use: Arc<KeyUse>,
}

/// When each key was last used since the start, with an entry for each such key.
#[derive(Debug, Default)]
pub struct KeyUse(DashMap<KeyId, Timestamp>);

impl KeyUse {
    /// Notes a use, with an accuracy of a minute.
    fn note(&self, key: KeyId, at: Timestamp) {
        let is_fresh = |known: Timestamp| at.millis_since(known) < 60_000;
        if self.0.get(&key).is_none_or(|known| !is_fresh(*known)) {
            self.0.insert(key, at);
        }
    }
}

impl AppState {
    /// Makes the state over a running node.
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

    /// Makes the service report that it is not ready, while it finishes its requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether [`drain`](Self::drain) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Waits for a turn to read analytics.
    pub(crate) async fn analytics_turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.analytics.acquire().await.map_err(|error| ApiError::server_error(&error))
    }

    /// When a key was last used, to the minute; `None` if not since the start.
    pub(crate) fn last_used(&self, key: KeyId) -> Option<Timestamp> {
        self.key_use.0.get(&key).map(|at| *at)
    }

    /// Waits until lists contain everything that was answered before this call.
    pub(crate) async fn up_to_date(&self) -> Result<(), ApiError> {
        Ok(self.node.when_projected(self.node.durable()).await?)
    }

    /// Reads lists on a thread that may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, ApiError> {
        Ok(web::block(read).await.map_err(|error| ApiError::server_error(&error))??)
    }

    /// Erases content that nothing refers to any more. Holds the content's lock, so that no
    /// reference can be made meanwhile.
    pub(crate) async fn erase_if_unneeded(&self, hash: ContentHash) -> Result<(), ApiError> {
        let lock = self.blobs.lock(hash).await;
        let needed = self.node.is_content_needed(*hash.as_bytes()).await;
        match needed {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(InspectError::Busy) => return Err(ApiError::overloaded(1)),
            Err(error) => return Err(ApiError::server_error(&error)),
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

/// Finds keys among the projects that the projector knows, and notes when they are used.
pub struct ProjectKeys {
    /// The node that knows the projects.
    pub node: Arc<Node>,
    /// The uses of keys.
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
