//! Lists: pages, and cursors that stay right while the list grows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Detail};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    page: Option<u32>,
    /// How many a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

/// Which part of a list is wanted, checked.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    page: u32,
    limit: u32,
    after: Option<String>,
}

/// Where a part of a list stands in the whole.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    total: usize,
    page: u32,
    limit: u32,
    total_pages: usize,
}

impl PageQuery {
    /// From parameters as they stand in the query, beside others.
    pub(crate) fn read(
        page: &Option<String>,
        limit: &Option<String>,
        cursor: &Option<String>,
    ) -> Result<Self, ApiError> {
        let number = |path: &str, text: &Option<String>| match text.as_deref().map(str::parse) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(ApiError::invalid_field(path, "must be a whole number")),
        };
        Ok(Self {
            page: number("page", page)?,
            limit: number("limit", limit)?,
            cursor: cursor.clone(),
        })
    }

    /// Checks the bounds, and reads the cursor.
    pub(crate) fn check(&self) -> Result<Wanted, ApiError> {
        let mut details = Vec::new();
        let page = self.page.unwrap_or(1);
        if page == 0 {
            details.push(Detail::new("page", "must be 1 or more"));
        }
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            details.push(Detail::new("limit", "must be between 1 and 100"));
        }
        let after = self.cursor.as_deref().map(read_cursor);
        if after == Some(None) {
            details.push(Detail::new("cursor", "must be a next_cursor as it was given"));
        }
        match details.is_empty() {
            true => Ok(Wanted { page, limit, after: after.flatten() }),
            false => Err(ApiError::validation(details)),
        }
    }
}

impl Wanted {
    /// How many.
    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    /// The place after which the part begins, where a cursor says so.
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The wanted part of `all`, `pagination`, and the cursor of what follows. `place` names an
    /// item's place so that text order is list order, first to last.
    pub(crate) fn part_of<T>(
        &self,
        all: Vec<T>,
        place: impl Fn(&T) -> String,
    ) -> (Vec<T>, Pagination, Option<String>) {
        let total = all.len();
        let skipped = match &self.after {
            Some(after) => all.iter().take_while(|item| place(item) <= *after).count(),
            None => usize::try_from(self.page - 1).unwrap_or(0).saturating_mul(self.limit()),
        };
        let has_more = total > skipped.saturating_add(self.limit());
        let part: Vec<T> = all.into_iter().skip(skipped).take(self.limit()).collect();
        let next = part.last().filter(|_| has_more).map(|last| cursor(&place(last)));
        (part, self.pagination(total), next)
    }

    fn pagination(&self, total: usize) -> Pagination {
        let total_pages = total.div_ceil(self.limit());
        Pagination { total, page: self.page, limit: self.limit, total_pages }
    }
}

/// A cursor for a place.
pub(crate) fn cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("1{place}"))
}

fn read_cursor(cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix('1').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(page: Option<u32>, limit: u32, cursor: Option<String>) -> Wanted {
        PageQuery { page, limit: Some(limit), cursor }.check().expect("within bounds")
    }

    #[test]
    fn pages_and_cursors_cut_the_same_list() {
        let all = || (10..35).map(|n| n.to_string()).collect::<Vec<_>>();
        let (first, pagination, next) = wanted(None, 10, None).part_of(all(), Clone::clone);
        assert_eq!((first.len(), pagination.total, pagination.total_pages), (10, 25, 3));
        let (second, _, next) = wanted(None, 10, next).part_of(all(), Clone::clone);
        assert_eq!(second, wanted(Some(2), 10, None).part_of(all(), Clone::clone).0);
        let (third, _, next) = wanted(None, 10, next).part_of(all(), Clone::clone);
        assert_eq!((third.len(), next), (5, None));
        assert_eq!([first, second, third].concat(), all());
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let query =
            PageQuery { page: Some(0), limit: Some(101), cursor: Some("not ours".to_owned()) };
        let error = query.check().expect_err("all three are wrong");
        let paths: Vec<_> = error.details().iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["page", "limit", "cursor"]);
    }
}
