//! Pages of lists, and cursors that stay valid while a list grows.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::integer::{self, Count, Int, Positive};
use super::member::OrDefault;
use super::param::{Param, query};
use super::schema::Schemas;

query! {
    /// The part of a list that is wanted.
    pub(crate) struct PageQuery {
        /// The number of the page, from 1; 1 if left out.
        page: OrDefault<PageNumber>,
        /// The most items on a page.
        limit: OrDefault<Limit>,
        /// A `next_cursor` of an earlier answer: returns what follows it. Takes precedence over
        /// `page`.
        cursor: Option<Cursor>,
    }
}

/// The number of a page, from 1; 1 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageNumber(u32);

/// The most items on a page, 1 to 100; 20 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(u32);

/// A place in a list, as an answer gave it. Places sort as texts in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(String);

/// How large a list is, and which page of it this is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    total: usize,
    page: u32,
    limit: u32,
    total_pages: usize,
}

const MAX_LIMIT: u32 = 100;

impl Default for PageNumber {
    fn default() -> Self {
        Self(1)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl Param for PageNumber {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        Positive::read(text).map(|Int(page)| Self(page))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        with_default(<Positive as Param>::schema(schemas), Self::default().0)
    }
}

impl Param for Limit {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        match Count::read(text)? {
            Int(limit @ 1..=MAX_LIMIT) => Ok(Self(limit)),
            Int(_) => Err(format!("must be between 1 and {MAX_LIMIT}").into()),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        with_default(integer::schema::<u32>(1, MAX_LIMIT.into()), Self::default().0)
    }
}

impl Param for Cursor {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let place = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            text.strip_prefix('1').map(str::to_owned)
        };
        place().map(Self).ok_or("must be a next_cursor as it was given".into())
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string" })
    }
}

fn with_default(mut schema: Value, default: u32) -> Value {
    schema["default"] = json!(default);
    schema
}

impl Limit {
    pub(crate) fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Cursor {
    /// The place after which the wanted part begins.
    pub(crate) fn place(&self) -> &str {
        &self.0
    }
}

impl PageQuery {
    /// The most items on a page.
    pub(crate) fn limit(&self) -> usize {
        self.limit.0.get()
    }

    /// The place after which the part begins; `None` if no cursor was sent.
    pub(crate) fn after(&self) -> Option<&str> {
        self.cursor.as_ref().map(Cursor::place)
    }

    /// The wanted part of `all`, its place in the whole, and the cursor of what follows. `all` must
    /// be in the order of the texts that `place` gives.
    pub(crate) fn part_of<T>(
        &self,
        all: Vec<T>,
        place: impl Fn(&T) -> String,
    ) -> (Vec<T>, Pagination, Option<String>) {
        let total = all.len();
        let skipped = match self.after() {
            Some(after) => all.iter().take_while(|item| *place(item) <= *after).count(),
            None => {
                let pages_before = usize::try_from(self.page.0.0 - 1).unwrap_or(0);
                pages_before.saturating_mul(self.limit())
            }
        };
        let has_more = total > skipped.saturating_add(self.limit());
        let part: Vec<T> = all.into_iter().skip(skipped).take(self.limit()).collect();
        let next = part.last().filter(|_| has_more).map(|last| cursor(&place(last)));
        (part, self.pagination(total), next)
    }

    fn pagination(&self, total: usize) -> Pagination {
        let total_pages = total.div_ceil(self.limit());
        Pagination { total, page: self.page.0.0, limit: self.limit.0.0, total_pages }
    }
}

/// The cursor that stands for a place.
pub(crate) fn cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("1{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::param::read_query;

    fn wanted(page: u32, cursor: Option<String>) -> PageQuery {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        read_query(&format!("page={page}&limit=10{cursor}")).expect("within bounds")
    }

    #[test]
    fn pages_and_cursors_cut_the_same_list() {
        let all = || (10..35).map(|n| n.to_string()).collect::<Vec<_>>();
        let (first, pagination, next) = wanted(1, None).part_of(all(), Clone::clone);
        assert_eq!((first.len(), pagination.total, pagination.total_pages), (10, 25, 3));
        let (second, _, next) = wanted(1, next).part_of(all(), Clone::clone);
        assert_eq!(second, wanted(2, None).part_of(all(), Clone::clone).0);
        let (third, _, next) = wanted(1, next).part_of(all(), Clone::clone);
        assert_eq!((third.len(), next), (5, None));
        assert_eq!([first, second, third].concat(), all());
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let table = [
            ("page=0&limit=101&cursor=not%20ours", "page, limit, cursor"),
            ("page=x&limit=-1", "page, limit"),
            ("page=4294967296", "page"),
            ("", ""),
        ];
        for (query, wrong) in table {
            let read = read_query::<PageQuery>(query);
            let details = read.err().map(|error| error.details().to_vec()).unwrap_or_default();
            let paths: Vec<_> = details.iter().map(|detail| detail.path.as_str()).collect();
            assert_eq!(paths.join(", "), wrong, "{query}");
        }
    }
}
