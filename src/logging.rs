//! The log, structured and on standard error.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, Settings, bad};

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,sled=warn,actix_server=warn";

/// Starts logging as the settings say.
pub(crate) fn start(settings: &Settings) -> Result<(), ConfigError> {
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref())?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let log = tracing_subscriber::registry().with(filter);
    match settings.log.as_deref() {
        None | Some("pretty") => log.with(lines).init(),
        Some("json") => log.with(lines.json()).init(),
        Some(value) => return Err(bad("PRIV_LOG", value, "must be pretty or json")),
    }
    // A panic's message may be about a person; its location is not.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
    Ok(())
}

/// Reads a filter: levels, each for all or for one module.
fn filter(text: Option<&str>) -> Result<Targets, ConfigError> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_FILTER);
    text.parse().map_err(|_| bad("RUST_LOG", text, "must be like info,priv_http=debug,sled=warn"))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_filter_has_a_level_for_all_and_others_for_modules() {
        for default in [None, Some("")] {
            let filter = filter(default).expect("the default is a filter");
            assert!(filter.would_enable("priv_http::middleware", &Level::INFO));
            assert!(!filter.would_enable("priv_http::middleware", &Level::DEBUG));
            assert!(!filter.would_enable("sled::pagecache", &Level::INFO));
        }
        let filter = filter(Some("warn,priv_http=debug")).expect("it is a filter");
        assert!(filter.would_enable("priv_http::middleware", &Level::DEBUG));
        assert!(!filter.would_enable("priv_journal", &Level::INFO));
    }

    #[test]
    fn what_is_no_filter_is_refused_by_name() {
        let refused = filter(Some("priv_http=loud")).expect_err("there is no such level");
        let refused = refused.to_string();
        assert!(refused.contains("RUST_LOG") && refused.contains("priv_http=loud"), "{refused}");
    }
}
