//! Places elsewhere: an object store in memory and, where one is named, a real S3 server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::memory::InMemory;

use super::Rig;
use crate::objects::Objects;
use crate::remote::Remote;
use crate::{BlobStore, S3Options};

/// An S3 server to run the suite against as well, `http://127.0.0.1:9000`; its bucket is `blobs`.
const S3_ENDPOINT: &str = "PRIV_TEST_S3_ENDPOINT";

pub(super) fn rigs() -> Vec<Rig> {
    let mut rigs = vec![memory()];
    rigs.extend(std::env::var(S3_ENDPOINT).ok().map(s3));
    rigs
}

fn memory() -> Rig {
    let objects = Arc::<InMemory>::default();
    Rig::new("memory", move |folder| {
        let objects = Objects::Remote(Remote::new(Arc::clone(&objects) as _));
        BlobStore::over(objects, folder)
    })
}

fn s3(endpoint: String) -> Rig {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("test/{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let options = S3Options {
        endpoint: Some(endpoint),
        bucket: "blobs".into(),
        region: "us-east-1".into(),
        access_key: "test-access".into(),
        secret_key: "test-secret".into(),
        prefix,
        allow_http: true,
    };
    Rig::new("s3", move |folder| BlobStore::s3(&options, folder))
}
