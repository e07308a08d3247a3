//! `/v1/admin/ledger/audit` and `/v1/admin/journal`

use actix_web::{HttpResponse, web};
use priv_domain::Micros;
use priv_domain::ledger::{AccountClass, TrialBalance};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::EnvironmentQuery;
use crate::auth::OperatorCaller;
use crate::body::QueryParams;
use crate::envelope::ok;
use crate::error::ApiError;
use crate::state::AppState;

#[derive(Serialize)]
struct AuditView {
    environment: &'static str,
    accounts: Accounts,
    in_flight: Box<RawValue>,
    minted: Box<RawValue>,
    burned: Box<RawValue>,
    difference_priv: Box<RawValue>,
    as_of_position: u64,
}

/// What each class of accounts holds.
struct Accounts(TrialBalance);

const HOLDING: [AccountClass; 5] = [
    AccountClass::Treasury,
    AccountClass::Pool,
    AccountClass::Stakers,
    AccountClass::Budget,
    AccountClass::User,
];

impl Serialize for Accounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(HOLDING.len()))?;
        for class in HOLDING {
            map.serialize_entry(class.as_str(), &amount(self.0.of(class)))?;
        }
        map.end()
    }
}

/// Micros as a number of PRIV, with its sign.
fn amount(micros: i128) -> Box<RawValue> {
    let size = Micros::new(u64::try_from(micros.unsigned_abs()).unwrap_or(u64::MAX));
    let sign = if micros < 0 { "-" } else { "" };
    RawValue::from_string(format!("{sign}{size}")).expect("a decimal number is JSON")
}

/// `GET /v1/admin/ledger/audit`
pub(crate) async fn audit_ledger(
    _operator: OperatorCaller,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let world = environment.0.world()?;
    let position = state.node.durable();
    let projection = state.node.projection();
    projection.when_projected(position).await;
    let sums = projection.ledger(world);
    Ok(ok(&AuditView {
        environment: world.as_str(),
        in_flight: amount(sums.of(AccountClass::InFlight)),
        minted: amount(-sums.of(AccountClass::Minted)),
        burned: amount(sums.of(AccountClass::Burned)),
        difference_priv: amount(sums.difference()),
        as_of_position: position.get(),
        accounts: Accounts(sums),
    }))
}

#[derive(Serialize)]
struct JournalView {
    appended: u64,
    durable: u64,
    projected: u64,
    checkpointed: u64,
    chain_head: String,
    groups: u64,
    group_records: Spread,
    group_bytes: Spread,
    sync_micros: Times,
    segments: u64,
    archived_segments: u64,
    bytes_on_disk: u64,
}

#[derive(Serialize)]
struct Spread {
    last: u64,
    mean: u64,
    max: u64,
}

impl From<[u64; 3]> for Spread {
    fn from([last, mean, max]: [u64; 3]) -> Self {
        Self { last, mean, max }
    }
}

#[derive(Serialize)]
struct Times {
    p50: u64,
    p99: u64,
    max: u64,
}

/// `GET /v1/admin/journal`
pub(crate) async fn show_journal(
    _operator: OperatorCaller,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let stats = state.node.journal_stats();
    Ok(ok(&JournalView {
        appended: stats.appended,
        durable: stats.durable,
        projected: stats.projected,
        checkpointed: stats.checkpointed,
        chain_head: stats.chain_head,
        groups: stats.groups,
        group_records: stats.group_records.into(),
        group_bytes: stats.group_bytes.into(),
        sync_micros: Times {
            p50: stats.sync_p50_micros,
            p99: stats.sync_p99_micros,
            max: stats.sync_max_micros,
        },
        segments: stats.segments,
        archived_segments: stats.archived_segments,
        bytes_on_disk: stats.bytes_on_disk,
    }))
}
