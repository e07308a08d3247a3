//! The client of a bucket.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::S3Options;
use crate::error::BlobError;
use crate::objects::Objects;
use crate::remote::Remote;

/// A request fails after so long without a byte. Its whole time is not limited: a download is as
/// slow as its reader.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);
/// Retries end after so long: a client is waiting for the answer.
const RETRY_FOR: Duration = Duration::from_secs(60);
const RETRIES: usize = 5;

impl S3Options {
    pub(crate) fn open(&self) -> Result<Objects, BlobError> {
        // The client uses the process's provider of cryptography, which exists only if somebody
        // installed one. One that somebody else installed will do as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = ClientOptions::new()
            .with_allow_http(self.allow_http)
            .with_connect_timeout(CONNECT)
            .with_read_timeout(SILENCE)
            .with_timeout_disabled();
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: RETRY_FOR,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key)
            .with_secret_access_key(&self.secret_key)
            // Objects are deleted one by one, which every such server supports.
            .with_disable_bulk_delete(true)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = PrefixStore::new(builder.build()?, Key::from(self.prefix.as_str()));
        Ok(Objects::Remote(Remote::new(Arc::new(store))))
    }
}
