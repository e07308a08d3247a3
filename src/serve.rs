//! The service: wiring its parts together, starting, and stopping in order.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use actix_web::{App, HttpServer, middleware, web};
use priv_actors::{Node, Options, QueryError, SystemClock};
use priv_domain::Day;
use priv_http::auth::{Authenticator, Jwks, JwksSource, OperatorToken, TokenRules, TokenVerifier};
use priv_http::middleware::{AccessLog, Edge, EdgeConfig};
use priv_http::rate_limit::{DayCount, RateLimiter};
use priv_http::router::{MetricsAt, groups};
use priv_http::state::{KeyUse, ProjectKeys};
use priv_http::{AppState, StateOptions};
use priv_journal::disk::RealDisk;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::access::Access;
use crate::causes::Causes;
use crate::config::Settings;
use crate::{content, sandbox, secrets};

#[cfg(test)]
mod tests;

/// Seconds that requests have to finish once the service is stopping.
const FINISH_SECS: u64 = 10;

/// Time between two writes of the day's request counts to the store.
const KEEP_COUNTS_EVERY: Duration = Duration::from_secs(1);

/// Serves until it is told to stop.
pub(crate) fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    let access = Access::of(&settings)?;
    actix_web::rt::System::new().block_on(serve(settings, access))
}

async fn serve(settings: Settings, access: Access) -> Result<(), Box<dyn Error>> {
    let edge_config = edge_config(&settings)?;
    let counts_of_requests = edge_config.counts.clone();
    let claim_minimum = settings.claim_minimum()?;
    // Refused before anything is opened.
    settings.s3()?;
    let tokens = token_verifier(&settings, &access)?;
    let node = start_node(&settings)?;
    let limiter = Arc::new(RateLimiter::default());
    load_counts(&node, &limiter)?;
    let server_secret = secrets::server_secret(&settings.data_dir())?;
    let key_use = Arc::<KeyUse>::default();
    let blobs = content::open(&settings, &node).await?;
    let options = StateOptions { claim_minimum, server_secret, review: settings.review()? };
    let (used, counted) = (key_use.clone(), counts_of_requests);
    let state = web::Data::new(AppState::new(node.clone(), blobs, counted, used, options));
    let operator = access.admin_token.as_deref().map(OperatorToken::new);
    let keys = Arc::new(ProjectKeys { node: node.clone(), key_use });
    let authenticator = Authenticator::new(keys, Some(tokens), operator);
    let clock = node.clone();
    let clock = Arc::new(move || clock.clock().now());
    let edge = Edge::new(edge_config, groups(), authenticator, limiter.clone(), clock);

    let metrics = match settings.metrics_listen {
        Some(_) => MetricsAt::TheirOwnAddress,
        None => MetricsAt::Here,
    };
    let main_state = state.clone();
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(main_state.clone())
            .configure(|config| priv_http::configure(config, metrics))
            .wrap(middleware::Compress::default())
            .wrap(edge.clone())
    })
    .disable_signals()
    .shutdown_timeout(FINISH_SECS);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let server = server.bind(settings.listen())?;
    let address = server.addrs().first().copied().unwrap_or_else(|| settings.listen());
    let server = server.run();
    let handle = server.handle();
    let mut running = actix_web::rt::spawn(server);
    let metrics_handle = serve_metrics(&settings, &state)?;
    let mut counts = actix_web::rt::spawn(keep_counts(node.clone(), limiter.clone()));

    if access.is_sandbox {
        sandbox::introduce(&settings, &access, address).await?;
    }
    // Before anyone knows that it is ready, and may tell it to stop.
    let signals = Signals::listen()?;
    announce(address)?;
    wait_for_the_end(&mut running, &mut counts, signals).await?;

    tracing::info!("stopping");
    state.drain();
    handle.stop(true).await;
    if let Some(metrics) = metrics_handle {
        metrics.stop(false).await;
    }
    counts.abort();
    write_counts(&node, &limiter);
    node.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

fn edge_config(settings: &Settings) -> Result<EdgeConfig, Box<dyn Error>> {
    Ok(EdgeConfig {
        allowed_origins: settings.allowed_origins()?,
        public_url: settings.public_url.clone(),
        trusted_proxies: settings.trusted_proxies.unwrap_or(0),
        person_limits: settings.user_limits()?,
        anonymous_limits: settings.anonymous_limits()?,
        person_ids: settings.person_ids()?,
        access_log: AccessLog::On,
        counts: Arc::default(),
    })
}

fn token_verifier(settings: &Settings, access: &Access) -> Result<TokenVerifier, Box<dyn Error>> {
    let jwks = settings.jwks.as_deref().map(|text| {
        let jwks = Jwks::new(JwksSource::parse(text));
        match jwks.refresh() {
            Ok(_) => Ok(jwks),
            Err(error) => Err(format!("PRIV_JWKS is {text}: {}", Causes(&error))),
        }
    });
    let rules = TokenRules {
        issuer: settings.jwt_issuer.clone(),
        audience: settings.jwt_audience.clone().unwrap_or_else(|| "authenticated".to_owned()),
    };
    let secret = access.jwt_secret.as_ref().map(|secret| secret.as_bytes());
    Ok(TokenVerifier::new(secret, jwks.transpose()?, rules))
}

fn start_node(settings: &Settings) -> Result<Arc<Node>, Box<dyn Error>> {
    let mut options = Options::new(settings.data_dir());
    if let Some(bytes) = settings.resident_bytes {
        options.resident_bytes = bytes;
    }
    if let Some(secs) = settings.idle_secs {
        options.idle = Duration::from_secs(secs);
    }
    if let Some(secs) = settings.checkpoint_secs {
        options.checkpoint_every = Duration::from_secs(secs);
    }
    if let Some(bytes) = settings.store_cache_bytes {
        options.store_cache_bytes = bytes;
    }
    if let Some(bytes) = settings.journal_segment_bytes {
        options.journal.segment_bytes = bytes;
        // A segment must have room for several of the largest records.
        let fits = usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        options.journal.max_record_bytes = options.journal.max_record_bytes.min(fits);
    }
    if let Some(arbiters) = settings.arbiters {
        options.arbiters = arbiters;
    }
    let on_fatal = Arc::new(|error: &dyn Error| {
        tracing::error!(%error, "the process can't go on: recovery decides at the next start");
        eprintln!("privd: fatal: {error}");
        std::process::exit(70);
    });
    Ok(Node::start(options, Arc::new(RealDisk), Arc::new(SystemClock), on_fatal)?)
}

fn serve_metrics(
    settings: &Settings,
    state: &web::Data<AppState>,
) -> Result<Option<ServerHandle>, Box<dyn Error>> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    let state = state.clone();
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).configure(priv_http::router::configure_metrics)
    })
    .disable_signals()
    .workers(1)
    .bind(address)?
    .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Some(handle))
}

/// Prints the line that tells other programs that the service is ready, and its address.
fn announce(address: SocketAddr) -> Result<(), std::io::Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}

/// The signals that tell the service to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }
}

async fn wait_for_the_end(
    running: &mut JoinHandle<std::io::Result<()>>,
    counts: &mut JoinHandle<()>,
    mut signals: Signals,
) -> Result<(), Box<dyn Error>> {
    tokio::select! {
        _ = signals.terminate.recv() => Ok(()),
        _ = signals.interrupt.recv() => Ok(()),
        ended = running => {
            ended??;
            Err("the server ended by itself".into())
        }
        ended = counts => {
            ended?;
            Err("the keeping of request counts ended by itself".into())
        }
    }
}

fn load_counts(node: &Node, limiter: &RateLimiter) -> Result<(), Box<dyn Error>> {
    limiter.load(kept_counts(node)?, node.clock().now());
    Ok(())
}

/// Reads the day's request counts from the store, and removes those of other days.
fn kept_counts(node: &Node) -> Result<Vec<DayCount>, QueryError> {
    let today = node.clock().now().day();
    let mut counts = Vec::new();
    for (subject, (day, count)) in node.loose()? {
        match Day::new(day) == today {
            true => counts.push(DayCount { subject, day: today, count }),
            false => node.remove_loose(&subject)?,
        }
    }
    Ok(counts)
}

async fn keep_counts(node: Arc<Node>, limiter: Arc<RateLimiter>) {
    let mut day = node.clock().now().day();
    loop {
        tokio::time::sleep(KEEP_COUNTS_EVERY).await;
        if node.clock().now().day() != day {
            day = node.clock().now().day();
            let node = node.clone();
            let purged = web::block(move || kept_counts(&node).map(drop)).await;
            if !matches!(purged, Ok(Ok(()))) {
                tracing::warn!("yesterday's request counts can't be removed");
            }
        }
        let (node, limiter) = (node.clone(), limiter.clone());
        let written = web::block(move || write_counts(&node, &limiter)).await;
        if written.is_err() {
            return;
        }
    }
}

fn write_counts(node: &Node, limiter: &RateLimiter) {
    for DayCount { subject, day, count } in limiter.dirty_day_counts() {
        if let Err(error) = node.put_loose(&subject, &(day.get(), count)) {
            tracing::warn!(%error, "the day's request counts can't be kept");
            return;
        }
    }
}
