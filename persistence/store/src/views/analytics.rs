//! Analytics: counts of events by project, quarter of an hour and type, of page views by page, and
//! the visitors.
//!
//! Time zones differ by whole quarters of an hour, so the days of any zone are sums of buckets.

use std::ops::Range;

use priv_domain::entity::Environment;
use priv_domain::views::{AnalyticsCell, Visitor};
use priv_domain::{EventType, ProjectId, Timestamp};

use super::Views;
use super::keys::{ANALYTICS_PAGES, ANALYTICS_TOTALS, ANALYTICS_VISITORS, project_prefix};
use crate::error::StoreError;
use crate::value::read_value;

/// The length of a bucket, in seconds: a quarter of an hour.
const BUCKET_SECONDS: i64 = 900;

/// The most bytes of a page's address that tell it from others; the rest is cut off.
pub(crate) const MAX_PAGE_BYTES: usize = 1_024;

/// A quarter of an hour, counted from 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bucket(pub(crate) u32);

impl Bucket {
    /// The bucket of a moment, held at the ends of the range.
    pub(crate) fn of(at: Timestamp) -> Self {
        let bucket = at.as_millis().div_euclid(BUCKET_SECONDS * 1_000);
        Self(u32::try_from(bucket.max(0)).unwrap_or(u32::MAX))
    }

    /// The first moment of the bucket.
    fn start(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * BUCKET_SECONDS * 1_000)
    }
}

pub(crate) fn type_byte(event_type: EventType) -> u8 {
    match event_type {
        EventType::Track => 0,
        EventType::PageView => 1,
        EventType::Identify => 2,
    }
}

fn read_type(byte: u8) -> Option<EventType> {
    EventType::ALL.into_iter().find(|event_type| type_byte(*event_type) == byte)
}

pub(crate) fn cell_key(
    list: u8,
    environment: Environment,
    project: ProjectId,
    bucket: Bucket,
    what: &[u8],
) -> Vec<u8> {
    let mut key = project_prefix(list, environment, project);
    key.extend(bucket.0.to_be_bytes());
    key.reserve_exact(what.len());
    key.extend(what);
    key
}

impl Views {
    /// The number of events by bucket and type, oldest bucket first, in the buckets from the one of
    /// `range.start` up to and without the one of `range.end`.
    ///
    /// # Errors
    /// sled failed, or a key or a value can't be read.
    pub fn event_counts(
        &self,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<EventType>, StoreError>> {
        self.cells(ANALYTICS_TOTALS, environment, project, range, |what| match what {
            [event_type] => read_type(*event_type),
            _ => None,
        })
    }

    /// The number of page views by bucket and page, with the same range as [`Self::event_counts`].
    ///
    /// # Errors
    /// sled failed, or a key or a value can't be read.
    pub fn page_counts(
        &self,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<String>, StoreError>> {
        self.cells(ANALYTICS_PAGES, environment, project, range, |what| {
            Some(String::from_utf8_lossy(what).into_owned())
        })
    }

    /// The visitors by bucket and event type, with the same range as [`Self::event_counts`]. The
    /// count is always 1.
    ///
    /// # Errors
    /// sled failed, or a key or a value can't be read.
    pub fn visitors(
        &self,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<(EventType, Visitor)>, StoreError>> {
        self.cells(ANALYTICS_VISITORS, environment, project, range, |what| {
            let (event_type, visitor) = what.split_first()?;
            Some((read_type(*event_type)?, visitor.try_into().ok()?))
        })
    }

    fn cells<T>(
        &self,
        list: u8,
        environment: Environment,
        project: ProjectId,
        range: Range<Timestamp>,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> impl Iterator<Item = Result<AnalyticsCell<T>, StoreError>> {
        let key = |at| cell_key(list, environment, project, Bucket::of(at), &[]);
        let prefix = project_prefix(list, environment, project).len();
        self.tree.range(key(range.start)..key(range.end)).map(move |item| {
            let (key, value) = item?;
            let damaged = || StoreError::Damaged { what: "analytics key" };
            let (bucket, what) = key[prefix..].split_first_chunk::<4>().ok_or_else(damaged)?;
            let start = Bucket(u32::from_be_bytes(*bucket)).start();
            let what = read(what).ok_or_else(damaged)?;
            let count = if value.is_empty() { 1 } else { read_value(&value)? };
            Ok(AnalyticsCell { start, what, count })
        })
    }
}
