//! Access to S3 and to servers with its interface.

#[cfg(feature = "s3")]
mod open;

use std::fmt;

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
    /// Whether this build can reach S3.
    pub const IN_THIS_BUILD: bool = cfg!(feature = "s3");

    #[cfg(not(feature = "s3"))]
    pub(crate) fn open(&self) -> Result<crate::objects::Objects, crate::error::BlobError> {
        let message = "this build keeps content in a folder only: build it with `--features s3`";
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, message).into())
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

    #[cfg(feature = "s3")]
    #[test]
    fn a_bucket_opens_without_a_network_and_twice() {
        for _ in 0..2 {
            options().open().expect("the options are whole");
        }
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn a_build_without_s3_says_how_to_build_with_it() {
        let refused = options().open().expect_err("there is nothing to reach it with");
        let why = std::error::Error::source(&refused).expect("it has a cause").to_string();
        assert!(why.contains("--features s3"), "{why}");
    }

    #[test]
    fn the_secret_is_not_printed() {
        let printed = format!("{:?}", options());
        assert!(printed.contains("AKIA") && !printed.contains("hunter2"), "{printed}");
    }
}
