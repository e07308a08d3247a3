//! Settings, from flags first, then environment variables, then the TOML file. The doc comments of
//! the fields are the help text of `privd --help`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use priv_blobs::S3Options;
use priv_domain::Micros;
use priv_http::Review;
use priv_http::auth::PersonIds;
use priv_http::middleware::AllowedOrigins;
use priv_http::rate_limit::{Limits, plan_named};
use serde::Deserialize;

use crate::replay::ReplayArgs;

/// PRIV Protocol in one process: people earn for the data they agree to share.
#[derive(Parser)]
#[command(name = "privd", version, about)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The subcommands; without one, `privd` serves.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start the service (the default).
    Serve,
    /// Ask the service with these settings whether it is ready; if not, exit with 1.
    Ready,
    /// Print a JWT, signed with the HS256 secret.
    Token {
        /// The id of the person, the token's `sub`.
        #[arg(long)]
        sub: String,
        /// The token's role: `operator` for an operator, none for a person.
        #[arg(long)]
        role: Option<String>,
        /// Seconds until the token expires.
        #[arg(long, default_value_t = 86_400)]
        secs: u64,
    },
    /// Check the data directory: journal chain, snapshots against replay, ledger.
    Verify,
    /// Copy the data directory, also of a running service, and check the copy.
    Backup {
        /// A new or empty folder.
        to: PathBuf,
    },
    /// Make a data directory from a backup, and check it.
    Restore {
        /// The folder of the backup.
        from: PathBuf,
    },
    /// Check the signature of a receipt without the service, and print its facts.
    VerifyReceipt {
        /// The receipt, or `-` to read it from standard input.
        receipt: String,
        /// A file with the public keys (`/.well-known/jwks.json`). [default: the data directory's]
        #[arg(long)]
        jwks: Option<PathBuf>,
    },
    /// Print the OpenAPI document of the interface.
    Openapi,
    /// Replay a CSV of actions as events.
    Replay(ReplayArgs),
}

/// All settings. The names in the file are those of the flags, with underscores.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// A TOML file with the same settings.
    #[arg(long, env = "PRIV_CONFIG", global = true)]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes any. [default: 127.0.0.1:8080]
    #[arg(long, env = "PRIV_LISTEN", global = true)]
    pub(crate) listen: Option<SocketAddr>,
    /// The data directory. [default: ./priv-data]
    #[arg(long, env = "PRIV_DATA_DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// The operators' bearer token.
    #[arg(long, env = "PRIV_ADMIN_TOKEN", global = true, hide_env_values = true)]
    pub(crate) admin_token: Option<String>,
    /// The secret of HS256 tokens.
    #[arg(long, env = "PRIV_JWT_SECRET", global = true, hide_env_values = true)]
    pub(crate) jwt_secret: Option<String>,
    /// File or URL of the key set that ES256, RS256 and EdDSA tokens are checked with.
    #[arg(long, env = "PRIV_JWKS", global = true)]
    pub(crate) jwks: Option<String>,
    /// The issuer that tokens must name (`iss`).
    #[arg(long, env = "PRIV_JWT_ISSUER", global = true)]
    pub(crate) jwt_issuer: Option<String>,
    /// The audience that tokens must name (`aud`). [default: authenticated]
    #[arg(long, env = "PRIV_JWT_AUDIENCE", global = true)]
    pub(crate) jwt_audience: Option<String>,
    /// Origins, separated by commas, whose pages may use the routes of signed-in people.
    #[arg(long, env = "PRIV_ALLOWED_ORIGINS", global = true)]
    pub(crate) allowed_origins: Option<String>,
    /// Rate limits of signed-in people: free, pro or enterprise. [default: free]
    #[arg(long, env = "PRIV_USER_PLAN", global = true)]
    pub(crate) user_plan: Option<String>,
    /// Rate limits of calls without a credential. [default: free]
    #[arg(long, env = "PRIV_ANONYMOUS_PLAN", global = true)]
    pub(crate) anonymous_plan: Option<String>,
    /// User ids that name a person rather than a project's user: uuid or any. [default: uuid]
    #[arg(long, env = "PRIV_PERSON_IDS", global = true)]
    pub(crate) person_ids: Option<String>,
    /// Format of the log: pretty or json; RUST_LOG filters it. [default: pretty]
    #[arg(long, env = "PRIV_LOG", global = true)]
    pub(crate) log: Option<String>,
    /// Serve /metrics on this address and port instead of the main one.
    #[arg(long, env = "PRIV_METRICS_LISTEN", global = true)]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Scheme and host of the links in answers. [default: the request's]
    #[arg(long, env = "PRIV_PUBLIC_URL", global = true)]
    pub(crate) public_url: Option<String>,
    /// Number of proxies in front whose X-Forwarded-For and X-Forwarded-Proto are trusted.
    /// [default: 0]
    #[arg(long, env = "PRIV_TRUSTED_PROXIES", global = true)]
    pub(crate) trusted_proxies: Option<usize>,
    /// The smallest claim, in PRIV. [default: 0.01]
    #[arg(long, env = "PRIV_CLAIM_MINIMUM", global = true)]
    pub(crate) claim_minimum: Option<String>,
    /// Memory for actors, in bytes. [default: 536870912]
    #[arg(long, env = "PRIV_RESIDENT_BYTES", global = true)]
    pub(crate) resident_bytes: Option<u64>,
    /// Seconds without use after which an actor leaves memory. [default: 300]
    #[arg(long, env = "PRIV_IDLE_SECS", global = true)]
    pub(crate) idle_secs: Option<u64>,
    /// Seconds between checkpoints. [default: 60]
    #[arg(long, env = "PRIV_CHECKPOINT_SECS", global = true)]
    pub(crate) checkpoint_secs: Option<u64>,
    /// Memory for the store's cache, in bytes. [default: 67108864]
    #[arg(long, env = "PRIV_STORE_CACHE_BYTES", global = true)]
    pub(crate) store_cache_bytes: Option<u64>,
    /// Size of a journal segment: a multiple of 4096. [default: 67108864]
    #[arg(long, env = "PRIV_JOURNAL_SEGMENT_BYTES", global = true)]
    pub(crate) journal_segment_bytes: Option<u64>,
    /// Threads that answer requests. [default: one per core]
    #[arg(long, env = "PRIV_WORKERS", global = true)]
    pub(crate) workers: Option<usize>,
    /// Threads that actors run on. [default: half as many as cores]
    #[arg(long, env = "PRIV_ARBITERS", global = true)]
    pub(crate) arbiters: Option<usize>,
    /// Who reviews contributions: manual (people) or automatic (checks, where they can). [default:
    /// manual]
    #[arg(long, env = "PRIV_REVIEW", global = true)]
    pub(crate) review: Option<String>,
    /// Keep contributed content in this S3 bucket instead of the data directory.
    #[arg(long, env = "PRIV_S3_BUCKET", global = true)]
    pub(crate) s3_bucket: Option<String>,
    /// The bucket's server, with its scheme. [default: Amazon's]
    #[arg(long, env = "PRIV_S3_ENDPOINT", global = true)]
    pub(crate) s3_endpoint: Option<String>,
    /// The bucket's region. [default: us-east-1]
    #[arg(long, env = "PRIV_S3_REGION", global = true)]
    pub(crate) s3_region: Option<String>,
    /// The id of the access key for the bucket.
    #[arg(long, env = "PRIV_S3_ACCESS_KEY", global = true, hide_env_values = true)]
    pub(crate) s3_access_key: Option<String>,
    /// The secret of the access key for the bucket.
    #[arg(long, env = "PRIV_S3_SECRET_KEY", global = true, hide_env_values = true)]
    pub(crate) s3_secret_key: Option<String>,
    /// Take over contributed content of this installation, by its id, or `unmarked`: content that
    /// is without an owner's mark.
    #[arg(long, env = "PRIV_ADOPT_CONTENT", global = true)]
    pub(crate) adopt_content: Option<String>,
    /// A prefix of all names in the bucket.
    #[arg(long, env = "PRIV_S3_PREFIX", global = true)]
    pub(crate) s3_prefix: Option<String>,
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("cannot read the configuration file {path}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// The file is not valid TOML, or has an unknown name or a value of the wrong type.
    #[error("the configuration file {path} is not valid: {problem}", path = path.display())]
    Parse {
        path: PathBuf,
        /// The parser's message, without the file's text, which may hold secrets.
        problem: String,
    },
    /// A setting has an impossible value.
    #[error("{name} is {value:?}: {problem}")]
    Value {
        /// The setting, named as an environment variable.
        name: &'static str,
        value: String,
        /// What the value must be.
        problem: String,
    },
}

const WITHOUT_S3: &str = "this build of privd can't reach S3: build it with `--features s3` \
    (`--features dist` has it), or leave the bucket unset to keep content in the data directory";

macro_rules! or_else {
    ($settings:expr, $file:expr, $($name:ident),* $(,)?) => {
        Settings {
            config: $settings.config,
            $($name: $settings.$name.or($file.$name),)*
        }
    };
}

impl Settings {
    /// Fills the settings that flags and environment leave open from the file.
    pub(crate) fn with_file(self) -> Result<Self, ConfigError> {
        // An empty text counts as not set: an empty secret would let everybody in.
        let set = self.without_empty();
        let Some(path) = set.config.clone() else { return Ok(set) };
        let file = read_file(&path)?.without_empty();
        Ok(or_else!(
            set,
            file,
            listen,
            data_dir,
            admin_token,
            jwt_secret,
            jwks,
            jwt_issuer,
            jwt_audience,
            allowed_origins,
            user_plan,
            anonymous_plan,
            person_ids,
            log,
            metrics_listen,
            public_url,
            trusted_proxies,
            claim_minimum,
            resident_bytes,
            idle_secs,
            checkpoint_secs,
            store_cache_bytes,
            journal_segment_bytes,
            workers,
            arbiters,
            review,
            s3_bucket,
            s3_endpoint,
            s3_region,
            s3_access_key,
            s3_secret_key,
            s3_prefix,
            adopt_content,
        ))
    }

    fn without_empty(mut self) -> Self {
        let texts = [
            &mut self.admin_token,
            &mut self.jwt_secret,
            &mut self.jwks,
            &mut self.jwt_issuer,
            &mut self.jwt_audience,
            &mut self.allowed_origins,
            &mut self.public_url,
            &mut self.user_plan,
            &mut self.anonymous_plan,
            &mut self.person_ids,
            &mut self.log,
            &mut self.claim_minimum,
            &mut self.review,
            &mut self.s3_bucket,
            &mut self.s3_endpoint,
            &mut self.s3_region,
            &mut self.s3_access_key,
            &mut self.s3_secret_key,
            &mut self.s3_prefix,
            &mut self.adopt_content,
        ];
        for text in texts {
            if text.as_deref().is_some_and(str::is_empty) {
                *text = None;
            }
        }
        self
    }

    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| "priv-data".into())
    }

    pub(crate) fn user_limits(&self) -> Result<Limits, ConfigError> {
        limits("PRIV_USER_PLAN", self.user_plan.as_deref())
    }

    pub(crate) fn anonymous_limits(&self) -> Result<Limits, ConfigError> {
        limits("PRIV_ANONYMOUS_PLAN", self.anonymous_plan.as_deref())
    }

    pub(crate) fn person_ids(&self) -> Result<PersonIds, ConfigError> {
        match self.person_ids.as_deref() {
            None | Some("uuid") => Ok(PersonIds::Uuid),
            Some("any") => Ok(PersonIds::Any),
            Some(value) => Err(bad("PRIV_PERSON_IDS", value, "must be uuid or any")),
        }
    }

    pub(crate) fn review(&self) -> Result<Review, ConfigError> {
        match self.review.as_deref() {
            None | Some("manual") => Ok(Review::Manual),
            Some("automatic") => Ok(Review::Automatic),
            Some(value) => Err(bad("PRIV_REVIEW", value, "must be manual or automatic")),
        }
    }

    /// The bucket for contributed content, if there is one.
    pub(crate) fn s3(&self) -> Result<Option<S3Options>, ConfigError> {
        let Some(bucket) = self.s3_bucket.clone() else { return Ok(None) };
        if !S3Options::IN_THIS_BUILD {
            return Err(bad("PRIV_S3_BUCKET", &bucket, WITHOUT_S3));
        }
        let required = |name, value: &Option<String>| {
            value.clone().ok_or_else(|| bad(name, "", "must be set if PRIV_S3_BUCKET is"))
        };
        let endpoint = self.s3_endpoint.clone();
        let allow_http = endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
        Ok(Some(S3Options {
            bucket,
            allow_http,
            endpoint,
            region: self.s3_region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            access_key: required("PRIV_S3_ACCESS_KEY", &self.s3_access_key)?,
            secret_key: required("PRIV_S3_SECRET_KEY", &self.s3_secret_key)?,
            prefix: self.s3_prefix.clone().unwrap_or_default(),
        }))
    }

    pub(crate) fn allowed_origins(&self) -> Result<AllowedOrigins, ConfigError> {
        let text = self.allowed_origins.as_deref().unwrap_or_default();
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        AllowedOrigins::parse(origins)
            .map_err(|why| bad("PRIV_ALLOWED_ORIGINS", text, &why.to_string()))
    }

    pub(crate) fn claim_minimum(&self) -> Result<Micros, ConfigError> {
        let text = self.claim_minimum.as_deref().unwrap_or("0.01");
        text.parse().map_err(|why: priv_domain::money::NotAnAmount| {
            bad("PRIV_CLAIM_MINIMUM", text, &why.to_string())
        })
    }
}

fn limits(name: &'static str, plan: Option<&str>) -> Result<Limits, ConfigError> {
    let Some(plan) = plan else { return Ok(Limits::FREE) };
    plan_named(plan).map(Limits::of).map_err(|why| bad(name, plan, &why.to_string()))
}

pub(crate) fn bad(name: &'static str, value: &str, problem: &str) -> ConfigError {
    ConfigError::Value { name, value: value.to_owned(), problem: problem.to_owned() }
}

fn read_file(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| ConfigError::Parse {
        path: path.to_owned(),
        problem: error.message().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_by_hand_wins_over_the_file() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("priv.toml");
        std::fs::write(&path, "idle_secs = 7\nuser_plan = \"pro\"\n").expect("writes");
        let by_hand = Settings { config: Some(path), idle_secs: Some(9), ..Settings::default() };
        let settings = by_hand.with_file().expect("the file is right");
        assert_eq!(settings.idle_secs, Some(9));
        assert_eq!(settings.user_limits().expect("a plan"), Limits::PRO);
    }

    #[test]
    fn an_empty_secret_is_none() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("priv.toml");
        std::fs::write(&path, "jwt_secret = \"\"\nadmin_token = \"\"\n").expect("writes");
        let settings = Settings { config: Some(path), ..Settings::default() };
        let settings = settings.with_file().expect("the file is right");
        assert_eq!((settings.jwt_secret, settings.admin_token), (None, None));
    }

    #[test]
    fn an_unknown_name_in_the_file_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("priv.toml");
        std::fs::write(&path, "idle_seconds = 7\n").expect("writes");
        let settings = Settings { config: Some(path), ..Settings::default() };
        let error = settings.with_file().expect_err("it is a typing error").to_string();
        assert!(error.contains("idle_seconds"), "{error}");
    }

    /// Content that was meant for a bucket must not end in a folder that nobody looks after.
    #[test]
    fn a_bucket_is_refused_by_a_build_that_cannot_reach_it() {
        assert!(Settings::default().s3().expect("nothing is asked for").is_none());
        let bucket = Settings {
            s3_bucket: Some("blobs".into()),
            s3_access_key: Some("key".into()),
            s3_secret_key: Some("secret".into()),
            ..Settings::default()
        };
        match bucket.s3() {
            Ok(options) => assert!(options.is_some() && cfg!(feature = "s3")),
            Err(error) => {
                let error = error.to_string();
                assert!(!cfg!(feature = "s3") && error.contains("--features s3"), "{error}");
            }
        }
    }
}
