//! Access to S3 and to servers with its interface.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::error::BlobError;

/// A request fails after so long without a byte. Its whole time is not limited: a download is as
/// slow as its reader.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);
/// Retries end after so long: a client is waiting for the answer.
const RETRY_FOR: Duration = Duration::from_secs(60);
const RETRIES: usize = 5;

/// The address of a bucket, and the credentials for it.
#[derive(Clone)]
pub struct S3Options {
    /// The URL of the server; `None` for Amazon's own.
    pub endpoint: Option<String>,
    /// The bucket, addressed by path. It must exist.
    pub bucket: String,
    /// The bucket's region; servers other than Amazon's mostly take any.
    pub region: String,
    /// The access key's id.
    pub access_key: String,
    /// The access key's secret.
    pub secret_key: String,
    /// A prefix of all names, so that several installations can share a bucket; may be empty.
    pub prefix: String,
    /// Whether the endpoint may be `http`, for a server on the same machine.
    pub allow_http: bool,
}

/// Leaves the secret out.
impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("prefix", &self.prefix)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

impl S3Options {
    pub(crate) fn open(&self) -> Result<Arc<dyn ObjectStore>, BlobError> {
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
        Ok(Arc::new(PrefixStore::new(builder.build()?, Key::from(self.prefix.as_str()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> S3Options {
        S3Options {
            endpoint: None,
            bucket: "blobs".into(),
            region: "eu-central-1".into(),
            access_key: "AKIA".into(),
            secret_key: "hunter2".into(),
            prefix: "priv/live".into(),
            allow_http: false,
        }
    }

    #[test]
    fn a_bucket_opens_without_a_network_and_twice() {
        for _ in 0..2 {
            options().open().expect("the options are whole");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let printed = format!("{:?}", options());
        assert!(printed.contains("AKIA") && !printed.contains("hunter2"), "{printed}");
    }
}
