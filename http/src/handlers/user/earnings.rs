//! `GET /user/earnings`: an entry for each UTC day and each project, contribution or listing.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use priv_domain::earning::Payer;
use priv_domain::user::User;
use priv_domain::views::DayEntry;
use priv_domain::{ContributionId, Entity, ListingId, Micros};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Unknown, user_in_reach};
use crate::error::ApiError;
use crate::extract::caller::{Read, UserCaller};
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, ok};
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::param::query;
use crate::wire::time::{DayOrTime, Rfc3339, day_text};
use crate::wire::words::words;

query! {
    /// The query of `GET /user/earnings`, besides that of a list.
    pub(crate) struct EarningsQuery {
        /// The first day, in UTC, or a time in it.
        from: Option<DayOrTime>,
        /// The last day, in UTC, or a time in it; included.
        to: Option<DayOrTime>,
        /// Only earnings from this source.
        source: Option<Source>,
        /// Only entries with this status.
        status: Option<Status>,
    }
}

words! {
    /// What earnings come from.
    shown pub(crate) enum Source as "EarningSource" {
        Events = "events",
        Contributions = "contributions",
        Labeling = "labeling",
        Sales = "sales",
    }
}

words! {
    shown pub(crate) enum Status as "EarningStatus" {
        Pending = "pending",
        Claimed = "claimed",
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Earnings)]
struct EarningsView {
    entries: Vec<EntryView>,
    totals: Totals,
    pagination: Pagination,
    next_cursor: Option<String>,
}

/// The sum of each source, over all entries that the query picks, on every page.
#[derive(Serialize, ToSchema)]
#[schema(as = EarningTotals)]
struct Totals {
    events: Amount,
    contributions: Amount,
    labeling: Amount,
    sales: Amount,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Earning)]
struct EntryView {
    id: String,
    source: Source,
    /// The id of what earned it: a project, a contribution or a listing.
    reference: String,
    amount_priv: Amount,
    claimed_priv: Amount,
    status: Status,
    created_at: Rfc3339,
}

/// An entry, and how much of it was claimed.
struct Line {
    entry: DayEntry,
    claimed: Micros,
}

impl Line {
    fn status(&self) -> Status {
        if self.claimed < self.entry.amount { Status::Pending } else { Status::Claimed }
    }

    /// A sort key: newest day first, then by reference.
    fn place(&self) -> String {
        let newest_first = i64::MAX - self.entry.day.get();
        format!("{newest_first:020}{}", reference(&self.entry))
    }

    fn view(&self) -> EntryView {
        let reference = reference(&self.entry);
        EntryView {
            id: format!("{reference}:{}", day_text(self.entry.day)),
            source: source(self.entry.payer),
            reference,
            amount_priv: self.entry.amount.into(),
            claimed_priv: self.claimed.into(),
            status: self.status(),
            created_at: Rfc3339(self.entry.since),
        }
    }
}

/// The id of the project, the contribution or the listing that earned it.
fn reference(entry: &DayEntry) -> String {
    match entry.payer {
        Payer::Project(project) => project.to_string(),
        Payer::Pool => ContributionId::new(entry.reference).to_string(),
        Payer::Sales => ListingId::new(entry.reference).to_string(),
    }
}

fn source(payer: Payer) -> Source {
    match payer {
        Payer::Project(_) => Source::Events,
        Payer::Pool => Source::Contributions,
        Payer::Sales => Source::Sales,
    }
}

/// A user's earnings, newest first
///
/// The events of a project and a UTC day are one entry.
#[utoipa::path(get, path = "/v1/user/earnings", tag = "User",
    responses((status = 200, body = Success<EarningsView>)))]
pub(crate) async fn list_earnings(
    caller: UserCaller<Read>,
    query: QueryParams<(EarningsQuery, PageQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (wanted, page) = query.0;
    let id = user_in_reach(&state, &caller, None, Unknown::NotFound).await?;
    let claimed = |user: &Entity<User>| -> HashMap<Payer, Micros> {
        user.machine.accruals.iter().map(|accrual| (accrual.payer, accrual.claimed)).collect()
    };
    let seen = state.node.read_durable(&id, claimed).await?;
    state.node.when_projected(seen.position).await?;
    let node = state.node.clone();
    let entries = state.blocking(move || node.earnings(&id)).await?;
    let mut lines = settle(entries, seen.reply);
    lines.retain(|line| wanted.picks(line));
    lines.sort_by_key(Line::place);
    let totals = totals(&lines);
    let (lines, pagination, next_cursor) = page.part_of(lines, Line::place);
    let entries = lines.iter().map(Line::view).collect();
    Ok(ok(&EarningsView { entries, totals, pagination, next_cursor }))
}

/// Assigns what was claimed of each payer to its oldest days first. `entries` must be sorted by
/// day.
fn settle(entries: Vec<DayEntry>, mut claimed: HashMap<Payer, Micros>) -> Vec<Line> {
    let lines = entries.into_iter().map(|entry| {
        let left = claimed.entry(entry.payer).or_default();
        let claimed = entry.amount.min(*left);
        *left = left.saturating_sub(claimed);
        Line { entry, claimed }
    });
    lines.collect()
}

fn totals(lines: &[Line]) -> Totals {
    let of = |wanted: Source| {
        let amounts = lines.iter().filter(|line| source(line.entry.payer) == wanted);
        let sum = amounts.fold(Micros::ZERO, |sum, line| sum.saturating_add(line.entry.amount));
        Amount::from(sum)
    };
    Totals {
        events: of(Source::Events),
        contributions: of(Source::Contributions),
        labeling: of(Source::Labeling),
        sales: of(Source::Sales),
    }
}

impl EarningsQuery {
    fn picks(&self, line: &Line) -> bool {
        let day = line.entry.day;
        self.from.is_none_or(|DayOrTime(from)| from <= day)
            && self.to.is_none_or(|DayOrTime(to)| day <= to)
            && self.source.is_none_or(|wanted| wanted == source(line.entry.payer))
            && self.status.is_none_or(|status| status == line.status())
    }
}

#[cfg(test)]
mod tests {
    use priv_domain::{Day, ProjectId};

    use super::*;

    fn entry(day: i64, project: u128, amount: u64) -> DayEntry {
        let payer = Payer::Project(ProjectId::new(project));
        let (day, amount) = (Day::new(day), Micros::new(amount));
        DayEntry { day, payer, reference: 0, amount, since: day.start() }
    }

    #[test]
    fn what_was_claimed_goes_to_the_oldest_days_of_its_payer() {
        let entries = vec![entry(1, 7, 100), entry(1, 8, 50), entry(2, 7, 100), entry(3, 7, 100)];
        let claimed = HashMap::from([(Payer::Project(ProjectId::new(7)), Micros::new(150))]);
        let lines = settle(entries, claimed);
        let claimed: Vec<u64> = lines.iter().map(|line| line.claimed.get()).collect();
        assert_eq!(claimed, [100, 0, 50, 0]);
        let statuses: Vec<bool> =
            lines.iter().map(|line| line.status() == Status::Claimed).collect();
        assert_eq!(statuses, [true, false, false, false]);
    }
}
