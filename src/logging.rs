//! The log, structured and on standard error.

use priv_http::middleware::with_request_id;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
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
        None | Some("pretty") => {
            let lines = lines.map_event_format(|inner| WithRequest { inner, shape: Shape::Pretty });
            log.with(lines).init();
        }
        Some("json") => {
            let lines = lines.json();
            let lines = lines.map_event_format(|inner| WithRequest { inner, shape: Shape::Json });
            log.with(lines).init();
        }
        Some(value) => return Err(bad("PRIV_LOG", value, "must be pretty or json")),
    }
    // A panic's message may be about a person; its location is not.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
    Ok(())
}

/// The shape of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Text that ends in fields, as `name=value`.
    Pretty,
    /// A JSON object.
    Json,
}

/// Adds the id of the request that a line is about, at its end.
struct WithRequest<F> {
    inner: F,
    shape: Shape,
}

impl<S, N, F> FormatEvent<S, N> for WithRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        with_request_id(|id| {
            let Some(id) = id else { return self.inner.format_event(context, writer, event) };
            let mut line = String::new();
            self.inner.format_event(context, Writer::new(&mut line), event)?;
            let line = line.trim_end();
            match self.shape {
                Shape::Pretty => writeln!(writer, "{line} request_id={id}"),
                Shape::Json => {
                    let members = line.strip_suffix('}').unwrap_or(line);
                    writeln!(writer, "{members},\"request_id\":\"{id}\"}}")
                }
            }
        })
    }
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

    /// The lines that are written within a request, and after it.
    fn lines(shape: Shape) -> Vec<String> {
        #[derive(Clone, Default)]
        struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().expect("not poisoned").write(bytes)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let registry = tracing_subscriber::registry();
        let dispatch: tracing::Dispatch = match shape {
            Shape::Pretty => {
                let layer = layer.map_event_format(|inner| WithRequest { inner, shape });
                registry.with(layer).into()
            }
            Shape::Json => {
                let layer = layer.json().map_event_format(|inner| WithRequest { inner, shape });
                registry.with(layer).into()
            }
        };
        tracing::dispatcher::with_default(&dispatch, || {
            let id = "req-7".parse().expect("a header value");
            let work = async {
                tracing::warn!(cause = "a", "first");
                tokio::task::yield_now().await;
                tracing::warn!(cause = "b", "second");
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime").block_on(priv_http::middleware::in_request(&id, work));
            tracing::warn!(cause = "c", "third");
        });
        let text = String::from_utf8(lines.0.lock().expect("not poisoned").clone());
        text.expect("UTF-8").lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_tell_the_request_that_they_are_about_even_after_a_wait() {
        let pretty = lines(Shape::Pretty);
        let ends = [
            "first cause=\"a\" request_id=req-7",
            "second cause=\"b\" request_id=req-7",
            "third cause=\"c\"",
        ];
        assert_eq!(pretty.len(), ends.len());
        for (line, end) in pretty.iter().zip(ends) {
            assert!(line.ends_with(end), "{line}");
        }
        let json: Vec<serde_json::Value> = lines(Shape::Json)
            .iter()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect();
        let ids: Vec<_> = json.iter().map(|line| line["request_id"].as_str()).collect();
        assert_eq!(ids, [Some("req-7"), Some("req-7"), None]);
        assert_eq!(json[1]["fields"]["message"], "second");
    }
}
