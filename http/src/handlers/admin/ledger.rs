//! `/v1/admin/ledger/audit` and `/v1/admin/journal`

use actix_web::{HttpResponse, web};
use priv_domain::Micros;
use priv_domain::ledger::{AccountClass, TrialBalance};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::EnvironmentQuery;
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::envelope::ok;
use crate::wire::schemas::{EnvironmentName, HashText, SignedAmount, Success};

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerAudit)]
struct AuditView {
    #[schema(value_type = EnvironmentName)]
    environment: &'static str,
    #[schema(value_type = AccountsView)]
    accounts: Accounts,
    #[schema(value_type = SignedAmount)]
    in_flight: Box<RawValue>,
    #[schema(value_type = SignedAmount)]
    minted: Box<RawValue>,
    #[schema(value_type = SignedAmount)]
    burned: Box<RawValue>,
    /// Accounts and what is in flight, less what was minted and not burned: 0, or an alarm.
    #[schema(value_type = SignedAmount)]
    difference_priv: Box<RawValue>,
    as_of_position: u64,
}

/// What each class of accounts holds.
struct Accounts(TrialBalance);

/// How [`Accounts`] are shown.
#[derive(ToSchema)]
#[schema(as = AccountClasses)]
#[expect(dead_code, reason = "it stands for its schema")]
struct AccountsView {
    treasury: SignedAmount,
    pool: SignedAmount,
    stakers: SignedAmount,
    project_budgets: SignedAmount,
    user_balances: SignedAmount,
    listings: SignedAmount,
    unclaimed_sales: SignedAmount,
}

const HOLDING: [AccountClass; 7] = [
    AccountClass::Treasury,
    AccountClass::Pool,
    AccountClass::Stakers,
    AccountClass::Budget,
    AccountClass::User,
    AccountClass::Listing,
    AccountClass::Proceeds,
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

/// What each class of accounts holds, and whether it adds up
#[utoipa::path(get, path = "/v1/admin/ledger/audit", tag = "Operators",
    responses((status = 200, body = Success<AuditView>)))]
pub(crate) async fn audit_ledger(
    _operator: OperatorCaller,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let environment = environment.0.environment()?;
    let position = state.node.durable();
    state.node.when_projected(position).await;
    let sums = state.node.ledger(environment);
    Ok(ok(&AuditView {
        environment: environment.as_str(),
        in_flight: amount(sums.of(AccountClass::InFlight)),
        minted: amount(-sums.of(AccountClass::Minted)),
        burned: amount(sums.of(AccountClass::Burned)),
        difference_priv: amount(sums.difference()),
        as_of_position: position.get(),
        accounts: Accounts(sums),
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Journal)]
struct JournalView {
    appended: u64,
    durable: u64,
    projected: u64,
    checkpointed: u64,
    #[schema(value_type = HashText)]
    chain_head: String,
    groups: u64,
    group_records: Spread,
    group_bytes: Spread,
    sync_micros: Times,
    segments: u64,
    archived_segments: u64,
    bytes_on_disk: u64,
}

#[derive(Serialize, ToSchema)]
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

#[derive(Serialize, ToSchema)]
struct Times {
    p50: u64,
    p99: u64,
    max: u64,
}

/// How far the journal is, how large its groups are, and how long a sync takes
#[utoipa::path(get, path = "/v1/admin/journal", tag = "Operators",
    responses((status = 200, body = Success<JournalView>)))]
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
