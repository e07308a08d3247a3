//! `GET /user/earnings`: a line for each project and UTC day.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use priv_domain::earning::Payer;
use priv_domain::user::User;
use priv_domain::views::DayEntry;
use priv_domain::{ContributionId, Day, Entity, ListingId, Micros, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Unknown, user_in_reach};
use crate::error::{ApiError, Detail};
use crate::extract::caller::{Read, UserCaller};
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::ok;
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::schemas::{Success, day_or_time};
use crate::wire::time::{Rfc3339, day_text, parse_date, parse_time};

/// The query of `GET /user/earnings`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EarningsQuery {
    /// The first day, in UTC.
    #[param(schema_with = day_or_time)]
    from: Option<String>,
    /// The last day, in UTC.
    #[param(schema_with = day_or_time)]
    to: Option<String>,
    /// Only what comes from there.
    #[param(inline, value_type = Option<Source>)]
    source: Option<String>,
    /// Only what is in this state.
    #[param(inline, value_type = Option<Status>)]
    status: Option<String>,
    /// Which page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<String>,
    /// How many a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

/// Where earnings come from.
#[derive(ToSchema)]
#[schema(as = EarningSource, rename_all = "snake_case")]
#[expect(dead_code, reason = "it stands for its schema")]
enum Source {
    Events,
    Contributions,
    Labeling,
    Sales,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Earnings)]
struct EarningsView {
    entries: Vec<EntryView>,
    totals: Totals,
    pagination: Pagination,
    next_cursor: Option<String>,
}

/// By source, over all entries that the query picks.
#[derive(Serialize, ToSchema)]
#[schema(as = EarningTotals)]
struct Totals {
    events: Priv,
    contributions: Priv,
    labeling: Priv,
    sales: Priv,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Earning)]
struct EntryView {
    id: String,
    #[schema(value_type = Source)]
    source: &'static str,
    /// The project, or `pool`.
    reference: String,
    amount_priv: Priv,
    claimed_priv: Priv,
    status: Status,
    created_at: Rfc3339,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EarningStatus)]
enum Status {
    Pending,
    Claimed,
}

/// A line with what of it was claimed.
struct Line {
    entry: DayEntry,
    claimed: Micros,
}

impl Line {
    fn status(&self) -> Status {
        if self.claimed < self.entry.amount { Status::Pending } else { Status::Claimed }
    }

    /// Newest first, then by payer.
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

/// What it was earned with: the project, the contribution or the listing.
fn reference(entry: &DayEntry) -> String {
    match entry.payer {
        Payer::Project(project) => project.to_string(),
        Payer::Pool => ContributionId::new(entry.reference).to_string(),
        Payer::Sales => ListingId::new(entry.reference).to_string(),
    }
}

fn source(payer: Payer) -> &'static str {
    match payer {
        Payer::Project(_) => "events",
        Payer::Pool => "contributions",
        Payer::Sales => "sales",
    }
}

/// What a person has earned, newest first
///
/// What events have earned is one entry for each project and UTC day.
#[utoipa::path(get, path = "/v1/user/earnings", tag = "User",
    responses((status = 200, body = Success<EarningsView>)))]
pub(crate) async fn list_earnings(
    caller: UserCaller<Read>,
    query: QueryParams<EarningsQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::check(&query.0)?;
    let id = user_in_reach(&state, &caller, None, Unknown::NotFound).await?;
    let claimed = |user: &Entity<User>| -> HashMap<Payer, Micros> {
        user.machine.accruals.iter().map(|accrual| (accrual.payer, accrual.claimed)).collect()
    };
    let seen = state.node.read_durable(&id, claimed).await?;
    state.node.when_projected(seen.position).await;
    let node = state.node.clone();
    let entries = state.blocking(move || node.earnings(&id)).await?;
    let mut lines = settle(entries, seen.reply);
    lines.retain(|line| wanted.picks(line));
    lines.sort_by_key(Line::place);
    let totals = totals(&lines);
    let (lines, pagination, next_cursor) = wanted.page.part_of(lines, Line::place);
    let entries = lines.iter().map(Line::view).collect();
    Ok(ok(&EarningsView { entries, totals, pagination, next_cursor }))
}

/// What was claimed of each payer goes to its oldest days first. `entries` are in order of days.
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
    let of = |name: &str| {
        let amounts = lines.iter().filter(|line| source(line.entry.payer) == name);
        let sum = amounts.fold(Micros::ZERO, |sum, line| sum.saturating_add(line.entry.amount));
        Priv::from(sum)
    };
    Totals {
        events: of("events"),
        contributions: of("contributions"),
        labeling: of("labeling"),
        sales: of("sales"),
    }
}

/// A checked query.
struct Wanted {
    from: Option<Day>,
    to: Option<Day>,
    source: Option<String>,
    status: Option<Status>,
    page: crate::wire::pagination::Wanted,
}

impl Wanted {
    fn check(query: &EarningsQuery) -> Result<Self, ApiError> {
        let mut details = Vec::new();
        let mut day = |path: &str, text: &Option<String>| {
            let day = text.as_deref().map(parse_day);
            if day == Some(None) {
                details.push(Detail::new(path, "must be a date as YYYY-MM-DD or a time"));
            }
            day.flatten()
        };
        let (from, to) = (day("from", &query.from), day("to", &query.to));
        let source = query.source.clone();
        let sources = ["events", "contributions", "labeling", "sales"];
        if source.as_deref().is_some_and(|source| !sources.contains(&source)) {
            let issue = "must be one of events, contributions, labeling, sales";
            details.push(Detail::new("source", issue));
        }
        let status = match query.status.as_deref() {
            None => None,
            Some("pending") => Some(Status::Pending),
            Some("claimed") => Some(Status::Claimed),
            Some(_) => {
                details.push(Detail::new("status", "must be pending or claimed"));
                None
            }
        };
        if !details.is_empty() {
            return Err(ApiError::validation(details));
        }
        let page = PageQuery::read(&query.page, &query.limit, &query.cursor)?.check()?;
        Ok(Self { from, to, source, status, page })
    }

    fn picks(&self, line: &Line) -> bool {
        let day = line.entry.day;
        self.from.is_none_or(|from| from <= day)
            && self.to.is_none_or(|to| day <= to)
            && self.source.as_deref().is_none_or(|wanted| wanted == source(line.entry.payer))
            && self.status.is_none_or(|status| status == line.status())
    }
}

fn parse_day(text: &str) -> Option<Day> {
    let at = match parse_date(text) {
        Some(date) => {
            let start = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
            Timestamp::from_millis(start.as_millisecond())
        }
        None => parse_time(text)?,
    };
    Some(at.day())
}

#[cfg(test)]
mod tests {
    use priv_domain::ProjectId;

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
