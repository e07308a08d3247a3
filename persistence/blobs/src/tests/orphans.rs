//! Tests of orphans: what is erased, when, and what never is.

use std::fs;
use std::pin::pin;

use super::support::{Rig, assert_missing, erase_orphans, keep, listed, stage};
use crate::{BlobStore, ContentHash, Orphans};

const DAY: u64 = 24 * 60 * 60;
const NOW: u64 = 1_700_000_000;

/// Keeps so many contents, and returns their hashes.
async fn keep_some(store: &BlobStore, count: u32) -> Vec<ContentHash> {
    let mut hashes = Vec::new();
    for number in 0..count {
        hashes.push(keep(store, &number.to_le_bytes()).await.0);
    }
    hashes
}

async fn collect(rig: &Rig, now_secs: u64, referenced: &[ContentHash]) -> Orphans {
    let again = rig.open();
    let collected = again.collect_orphans(now_secs, async |hash| referenced.contains(&hash)).await;
    collected.unwrap_or_else(|error| panic!("{}: {error}", rig.name))
}

#[tokio::test]
async fn orphans_are_erased_after_a_week_and_nothing_else_is() {
    for rig in Rig::all() {
        let store = rig.open();
        let hashes = keep_some(&store, 20).await;
        let (referenced, orphans) = hashes.split_at(13);
        let waiting = Orphans::Collected { erased: 0, waiting: 7 };
        for now in [NOW, NOW + DAY, NOW + 7 * DAY - 1] {
            assert_eq!(collect(&rig, now, referenced).await, waiting, "{}", rig.name);
        }
        assert_eq!(listed(&store).await.len(), 20);
        // One that is referred to meanwhile begins anew.
        let more = [referenced, &orphans[..1]].concat();
        let six = Orphans::Collected { erased: 0, waiting: 6 };
        assert_eq!(collect(&rig, NOW + 2 * DAY, &more).await, six, "{}", rig.name);
        let erased = Orphans::Collected { erased: 6, waiting: 1 };
        assert_eq!(collect(&rig, NOW + 7 * DAY, referenced).await, erased, "{}", rig.name);
        for orphan in &orphans[1..] {
            assert_missing(store.size_of(*orphan).await, *orphan);
        }
        let mut left = more;
        left.sort_unstable();
        assert_eq!(listed(&store).await, left, "{}", rig.name);
        let last = Orphans::Collected { erased: 1, waiting: 0 };
        assert_eq!(collect(&rig, NOW + 14 * DAY, referenced).await, last, "{}", rig.name);
        let none = Orphans::Collected { erased: 0, waiting: 0 };
        assert_eq!(collect(&rig, NOW + 99 * DAY, referenced).await, none, "{}", rig.name);
    }
}

/// A journal that knows almost nothing of what is there is the wrong one.
#[tokio::test]
async fn more_orphans_than_crashes_leave_are_not_touched() {
    for rig in Rig::all() {
        let store = rig.open();
        let hashes = keep_some(&store, 203).await;
        for now in [NOW, NOW + 8 * DAY, NOW + 99 * DAY] {
            for known in [0, 101] {
                let too_many = Orphans::TooMany { orphans: 203 - known, contents: 203 };
                assert_eq!(collect(&rig, now, &hashes[..known]).await, too_many, "{}", rig.name);
            }
        }
        assert_eq!(listed(&store).await.len(), 203);
        let waiting = Orphans::Collected { erased: 0, waiting: 101 };
        let half = &hashes[..102];
        assert_eq!(collect(&rig, NOW + 100 * DAY, half).await, waiting, "{}", rig.name);
    }
}

#[tokio::test]
async fn notes_of_a_wrong_clock_or_damaged_ones_erase_nothing() {
    let rig = Rig::local();
    let store = rig.open();
    keep_some(&store, 3).await;
    let waiting = Orphans::Collected { erased: 0, waiting: 3 };
    assert_eq!(collect(&rig, NOW + 999 * DAY, &[]).await, waiting);
    assert_eq!(collect(&rig, NOW, &[]).await, waiting, "the clock was ahead");
    assert_eq!(collect(&rig, NOW + 6 * DAY, &[]).await, waiting);
    let notes = rig.folder().join("orphans");
    fs::write(&notes, b"\xFF\xFEnotes\nbafkrei 1\n").expect("they can be written");
    assert_eq!(collect(&rig, NOW + 8 * DAY, &[]).await, waiting);
    let erased = Orphans::Collected { erased: 3, waiting: 0 };
    assert_eq!(collect(&rig, NOW + 15 * DAY, &[]).await, erased);
}

/// Content that was kept and is about to be referred to is not an orphan.
#[tokio::test]
async fn an_orphan_that_is_about_to_be_referred_to_is_waited_for() {
    for rig in Rig::all() {
        let store = rig.open();
        let staged = stage(&store, b"about to be").await;
        let hash = staged.hash();
        let lock = store.lock(hash).await;
        staged.keep(&lock).await.expect("it is kept");
        let journal = std::cell::Cell::new(false);
        let mut scan = pin!(erase_orphans(&store, async |_| journal.get()));
        // It runs as far as it gets without the lock: the content is listed, its lock waited for.
        let listing = async {
            while store.locks.waiting(hash) < 2 {
                tokio::task::yield_now().await;
            }
            journal.set(true);
            drop(lock);
        };
        futures_util::future::join(scan.as_mut(), listing).await;
        assert_eq!(listed(&store).await, [hash]);
    }
}
