//! Metrics, gathered when they are asked for from what the node counts anyway.

use priv_domain::Environment;
use priv_domain::ledger::AccountClass;
use prometheus::core::{AtomicF64, GenericGauge};
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

use crate::state::AppState;

/// All metrics in Prometheus' text format.
///
/// # Errors
/// A metric is registered twice, which is a mistake in the code.
pub fn text(state: &AppState) -> Result<String, prometheus::Error> {
    let page = Page { registry: Registry::new() };
    requests(&page, state)?;
    actors(&page, state)?;
    journal(&page, state)?;
    ledger(&page, state)?;
    TextEncoder::new().encode_to_string(&page.registry.gather())
}

struct Page {
    registry: Registry,
}

impl Page {
    fn one(&self, name: &str, help: &str, value: f64) -> Result<(), prometheus::Error> {
        let gauge = GenericGauge::<AtomicF64>::new(name, help)?;
        gauge.set(value);
        self.registry.register(Box::new(gauge))
    }

    fn labelled(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<GaugeVec, prometheus::Error> {
        let gauges = GaugeVec::new(Opts::new(name, help), labels)?;
        self.registry.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus has floats only; none of it is decided on"
)]
fn float(value: u64) -> f64 {
    value as f64
}

fn requests(page: &Page, state: &AppState) -> Result<(), prometheus::Error> {
    let total = page.labelled("priv_http_requests_total", "Requests answered", &["status"])?;
    let mut all = 0;
    for (status, count) in state.counts.by_status() {
        total.with_label_values(&[&status.to_string()]).set(float(count));
        all += count;
    }
    let micros = float(state.counts.micros());
    page.one("priv_http_request_seconds_sum", "Time that requests took", micros / 1e6)?;
    page.one("priv_http_request_seconds_count", "Requests that were timed", float(all))
}

fn actors(page: &Page, state: &AppState) -> Result<(), prometheus::Error> {
    let resident = page.labelled("priv_actors_resident", "Actors in memory", &["kind"])?;
    let activations = page.labelled("priv_actor_activations_total", "Actors started", &["kind"])?;
    let passivations =
        page.labelled("priv_actor_passivations_total", "Actors let go", &["kind"])?;
    for (kind, count, (started, gone)) in state.node.actor_counts() {
        let kind = &[kind.as_str()];
        resident.with_label_values(kind).set(float(u64::try_from(count).unwrap_or(u64::MAX)));
        activations.with_label_values(kind).set(float(started));
        passivations.with_label_values(kind).set(float(gone));
    }
    let bytes = float(state.node.resident_bytes());
    page.one("priv_actors_bytes", "Memory of actors, about", bytes)
}

fn journal(page: &Page, state: &AppState) -> Result<(), prometheus::Error> {
    let stats = state.node.journal_stats();
    page.one("priv_journal_appended", "Last position given out", float(stats.appended))?;
    page.one("priv_journal_durable", "Last position on disk", float(stats.durable))?;
    page.one("priv_journal_projected", "Last position in the lists", float(stats.projected))?;
    page.one("priv_journal_checkpointed", "Position of the checkpoint", float(stats.checkpointed))?;
    page.one("priv_journal_groups_total", "Groups written", float(stats.groups))?;
    page.one("priv_journal_bytes", "Bytes on disk", float(stats.bytes_on_disk))?;
    page.one("priv_journal_segments", "Segments on disk", float(stats.segments))?;
    let sync = page.labelled("priv_journal_sync_seconds", "Recent syncs", &["quantile"])?;
    for (quantile, micros) in [
        ("0.5", stats.sync_p50_micros),
        ("0.99", stats.sync_p99_micros),
        ("1", stats.sync_max_micros),
    ] {
        sync.with_label_values(&[quantile]).set(float(micros) / 1e6);
    }
    Ok(())
}

fn ledger(page: &Page, state: &AppState) -> Result<(), prometheus::Error> {
    let micros =
        page.labelled("priv_ledger_micros", "Sums by account class", &["environment", "account"])?;
    let difference =
        page.labelled("priv_ledger_difference_micros", "0, or an alarm", &["environment"])?;
    let unreconciled = page.labelled(
        "priv_unreconciled_transfers",
        "Transfers whose two ends don't fit, 100 at most: 0, or an alarm",
        &["environment"],
    )?;
    for environment in Environment::ALL {
        // A store that can't be read ends the process elsewhere.
        let found = state.node.unreconciled(environment, 100).map_or(0, |found| found.len());
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        unreconciled.with_label_values(&[environment.as_str()]).set(found.into());
        let sums = state.node.ledger(environment);
        #[expect(clippy::cast_precision_loss, reason = "shown only")]
        let shown = |micros: i128| micros as f64;
        for class in AccountClass::ALL {
            let labels = &[environment.as_str(), class.as_str()];
            micros.with_label_values(labels).set(shown(sums.of(class)));
        }
        difference.with_label_values(&[environment.as_str()]).set(shown(sums.difference()));
    }
    Ok(())
}
