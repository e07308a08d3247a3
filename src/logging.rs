//! The log, structured and on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Settings, bad};

/// Starts logging as the settings say.
pub(crate) fn start(settings: &Settings) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sled=warn,actix_server=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log.as_deref() {
        None | Some("pretty") => log.init(),
        Some("json") => log.json().init(),
        Some(value) => return Err(bad("PRIV_LOG", value, "must be pretty or json")),
    }
    // A panic's message may be about a person; its location is not.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
    Ok(())
}
