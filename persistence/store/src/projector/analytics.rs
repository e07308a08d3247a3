//! Counting events by project, quarter of an hour, type, page and visitor.

use std::collections::{HashMap, HashSet};

use priv_domain::entity::Environment;
use priv_domain::{EventType, ProjectId};

use crate::codec::raw_event::CountedEvent;
use crate::error::StoreError;
use crate::value::write_value;
use crate::views::Views;
use crate::views::analytics::{Bucket, MAX_PAGE_BYTES, cell_key, type_byte};
use crate::views::keys::{ANALYTICS_PAGES, ANALYTICS_TOTALS, ANALYTICS_VISITORS};

/// The most counts that are kept in memory; with more, those that are written are dropped.
const MAX_COUNTS: usize = 100_000;

/// The most pages of one project that are told apart in a quarter of an hour; all others count as
/// one.
const MAX_PAGES_A_BUCKET: u32 = 2_000;
const OTHER_PAGES: &str = "(other)";

/// Counts since the last write, and recent totals, so that these need not be read again.
#[derive(Debug, Default)]
pub(super) struct AnalyticsCounter {
    totals: HashMap<Vec<u8>, u64>,
    added: HashMap<Vec<u8>, u64>,
    visitors: HashSet<Vec<u8>>,
    /// The number of new pages in a bucket, which is bounded so that nobody fills the store with
    /// made-up ones.
    pages: HashMap<(Environment, ProjectId, Bucket), u32>,
    /// Visitors that were written lately: most return within the quarter of an hour.
    known_visitors: HashSet<Vec<u8>>,
}

impl AnalyticsCounter {
    pub(super) fn count(
        &mut self,
        environment: Environment,
        project: ProjectId,
        event: &CountedEvent,
    ) {
        let bucket = Bucket::of(event.timestamp);
        let type_byte = type_byte(event.event_type);
        let key = |list, what: &[u8]| cell_key(list, environment, project, bucket, what);
        *self.added.entry(key(ANALYTICS_TOTALS, &[type_byte])).or_default() += 1;
        if let (EventType::PageView, Some(page)) = (event.event_type, &event.page_url) {
            let page = &page[..page.floor_char_boundary(MAX_PAGE_BYTES)];
            let mut page_key = key(ANALYTICS_PAGES, page.as_bytes());
            let is_known =
                self.totals.contains_key(&page_key) || self.added.contains_key(&page_key);
            if !is_known {
                let pages = self.pages.entry((environment, project, bucket)).or_default();
                *pages += 1;
                if *pages > MAX_PAGES_A_BUCKET {
                    page_key = key(ANALYTICS_PAGES, OTHER_PAGES.as_bytes());
                }
            }
            *self.added.entry(page_key).or_default() += 1;
        }
        if let Some(visitor) = visitor(event) {
            let mut what = [type_byte; 17];
            what[1..].copy_from_slice(&visitor);
            let key = key(ANALYTICS_VISITORS, &what);
            if !self.known_visitors.contains(&key) {
                self.visitors.insert(key);
            }
        }
    }

    pub(super) fn unwritten(&self) -> usize {
        self.added.len() + self.visitors.len()
    }

    pub(super) fn write(
        &mut self,
        views: &Views,
        batch: &mut sled::Batch,
    ) -> Result<(), StoreError> {
        if self.totals.len() > MAX_COUNTS {
            self.totals.clear();
        }
        if self.pages.len() > MAX_COUNTS {
            self.pages.clear();
        }
        if self.known_visitors.len() > MAX_COUNTS {
            self.known_visitors.clear();
        }
        for (key, added) in self.added.drain() {
            let before = match self.totals.get(&key) {
                Some(total) => *total,
                None => views.value(&key)?.unwrap_or(0),
            };
            let total = before + added;
            batch.insert(key.as_slice(), write_value(&total));
            self.totals.insert(key, total);
        }
        for key in self.visitors.drain() {
            batch.insert(key.as_slice(), &[]);
            self.known_visitors.insert(key);
        }
        Ok(())
    }
}

/// A hash of the user id, or else of the anonymous id; `None` if the event has neither. There is no
/// secret in it: it only makes keys short and evenly spread.
fn visitor(event: &CountedEvent) -> Option<[u8; 16]> {
    let (kind, id) = match (&event.user_id, &event.anonymous_id) {
        (Some(id), _) => (b"u", id),
        (None, Some(id)) => (b"a", id),
        (None, None) => return None,
    };
    let hash = blake3::Hasher::new().update(kind).update(id.as_bytes()).finalize();
    hash.as_bytes().first_chunk().copied()
}
