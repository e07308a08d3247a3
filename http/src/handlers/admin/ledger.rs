//! `/v1/admin/ledger/audit` and `/v1/admin/journal`: whether the money adds up, and how the journal
//! does.

use actix_web::{HttpResponse, web};
use priv_domain::ledger::{AccountClass, TrialBalance};
use serde::Serialize;
use utoipa::ToSchema;

use super::EnvironmentQuery;
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::amount::SignedAmount;
use crate::wire::envelope::{Success, ok};
use crate::wire::ids::HashText;
use crate::wire::words::EnvironmentName;

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerAudit)]
struct AuditView {
    environment: EnvironmentName,
    accounts: AccountsView,
    in_flight: SignedAmount,
    minted: SignedAmount,
    burned: SignedAmount,
    /// What all accounts and open transfers hold, plus what was burned, less what was minted.
    /// Always 0: any other value is an error in the ledger.
    difference_priv: SignedAmount,
    /// Transfers whose two ends don't fit, at most 100, oldest first. Always empty: any other value
    /// is an error in the ledger.
    unreconciled: Vec<UnreconciledView>,
    as_of_position: u64,
}

/// A transfer whose two ends don't fit.
#[derive(Serialize, ToSchema)]
#[schema(as = UnreconciledTransfer)]
struct UnreconciledView {
    transfer_id: String,
    /// `settled_unaccepted`: its payer settled what its payee never accepted.
    /// `returned_accepted`: its payer took back what its payee accepted. `accepted_otherwise`: it
    /// was accepted while it was not open, twice, by another, or with another amount.
    mismatch: &'static str,
    amount_priv: SignedAmount,
}

/// The most unreconciled transfers that are shown.
const SHOWN: usize = 100;

/// The sum of all accounts of each class.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountClasses)]
struct AccountsView {
    treasury: SignedAmount,
    pool: SignedAmount,
    stakers: SignedAmount,
    project_budgets: SignedAmount,
    user_balances: SignedAmount,
    listings: SignedAmount,
    unclaimed_sales: SignedAmount,
}

impl From<&TrialBalance> for AccountsView {
    fn from(sums: &TrialBalance) -> Self {
        let of = |class| SignedAmount(sums.of(class));
        Self {
            treasury: of(AccountClass::Treasury),
            pool: of(AccountClass::Pool),
            stakers: of(AccountClass::Stakers),
            project_budgets: of(AccountClass::Budget),
            user_balances: of(AccountClass::User),
            listings: of(AccountClass::Listing),
            unclaimed_sales: of(AccountClass::Proceeds),
        }
    }
}

/// The sum of each class of accounts, and whether the ledger balances
#[utoipa::path(get, path = "/v1/admin/ledger/audit", tag = "Operators",
    responses((status = 200, body = Success<AuditView>)))]
pub(crate) async fn audit_ledger(
    _operator: OperatorCaller,
    environment: QueryParams<EnvironmentQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let environment = environment.0.environment();
    let position = state.node.durable();
    state.node.when_projected(position).await?;
    let sums = state.node.ledger(environment);
    let node = state.node.clone();
    let found = state.blocking(move || node.unreconciled(environment, SHOWN)).await?;
    let unreconciled = found.into_iter().map(|found| UnreconciledView {
        transfer_id: found.id.to_string(),
        mismatch: found.mismatch.as_str(),
        amount_priv: SignedAmount(found.amount.get().into()),
    });
    Ok(ok(&AuditView {
        environment: environment.into(),
        accounts: AccountsView::from(&sums),
        in_flight: SignedAmount(sums.of(AccountClass::InFlight)),
        minted: SignedAmount(-sums.of(AccountClass::Minted)),
        burned: SignedAmount(sums.of(AccountClass::Burned)),
        difference_priv: SignedAmount(sums.difference()),
        unreconciled: unreconciled.collect(),
        as_of_position: position.get(),
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Journal)]
struct JournalView {
    appended: u64,
    durable: u64,
    projected: u64,
    checkpointed: u64,
    chain_head: HashText,
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

/// The journal's progress, the sizes of its groups, and how long syncs take
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
        chain_head: HashText(stats.chain_head),
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
