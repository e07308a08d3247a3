//! The contract that every place for blobs keeps.

use std::fs;
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};

use futures_util::TryStreamExt;
use tokio::runtime::Builder;

use super::support::{
    Rig, assert_missing, content, erase, erase_orphans, keep, listed, noise, stage,
};
use crate::store::UPLOADS_AT_ONCE;
use crate::{BlobError, ContentHash, Kept, MediaType};

#[tokio::test]
async fn what_is_kept_is_read_back_under_its_hash() {
    for rig in Rig::all() {
        let store = rig.open();
        // Sizes around that of a buffer, and of the parts of a multipart upload.
        for length in [1, 1_000, 262_143, 262_144, 262_145, 8 << 20, (8 << 20) + 1, 30 << 20] {
            let bytes = noise(length);
            let (hash, kept) = keep(&store, &bytes).await;
            assert_eq!(hash, ContentHash::of(&bytes), "{}", rig.name);
            assert_eq!(kept, Kept::New);
            assert_eq!(store.size_of(hash).await.expect("it is there"), length as u64);
            assert!(content(&store, hash).await == bytes, "{}: {length} bytes", rig.name);
            let again = rig.open();
            assert!(content(&again, hash).await == bytes, "{}: at the next start", rig.name);
        }
        assert_eq!(listed(&store).await.len(), 8);
        assert!(rig.staged().is_empty());
    }
}

#[tokio::test]
async fn content_is_known_by_its_bytes() {
    for rig in Rig::all() {
        let store = rig.open();
        let png = [&b"\x89PNG\r\n\x1A\n"[..], &noise(70_000)].concat();
        let staged = stage(&store, &png).await;
        assert_eq!(staged.content().resolve("video/mp4"), Ok(MediaType::Png));
        let text = "für ".repeat(200_000).into_bytes();
        let staged = stage(&store, &text).await;
        assert_eq!(staged.content().resolve("application/json"), Ok(MediaType::Text));
        // The last byte is not text.
        let staged = stage(&store, &[&text[..], b"\xFC"].concat()).await;
        assert_eq!(staged.content().resolve("text/plain"), Err("application/octet-stream"));
    }
}

#[tokio::test]
async fn an_upload_cut_off_anywhere_leaves_nothing() {
    for rig in Rig::all() {
        let store = rig.open();
        let bytes = noise(700_000);
        for cut in [0, 1, 262_143, 262_144, 262_145, 524_288, 700_000] {
            let mut upload = store.begin(1 << 20).await.expect("there is a slot");
            for piece in bytes[..cut].chunks(65_536) {
                upload.write(piece).await.expect("the disk takes it");
            }
            assert_eq!(rig.staged().len(), 1, "{}: it is under way", rig.name);
            drop(upload);
            assert!(rig.staged().is_empty(), "{}: cut at {cut}", rig.name);
        }
        let upload = store.begin(1 << 20).await.expect("there is a slot");
        upload.abort();
        stage(&store, &bytes).await.discard();
        drop(stage(&store, &bytes).await);
        assert!(rig.staged().is_empty());
        assert!(listed(&store).await.is_empty());
    }
}

/// A client hangs up while a write waits for the disk, which is busy with something else.
#[test]
fn a_cancelled_write_breaks_the_upload_off() {
    for rig in Rig::all() {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        runtime.expect("there are threads").block_on(async {
            let store = rig.open();
            let mut upload = store.begin(1 << 20).await.expect("there is a slot");
            let bytes = noise(300_000);
            let (release, busy) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || busy.recv());
            {
                let write = pin!(upload.write(&bytes));
                assert!(write.poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            drop(release);
            let next = upload.write(&bytes).await;
            assert!(matches!(next, Err(BlobError::BrokenOff)), "{next:?}");
            let end = upload.finish().await;
            assert!(matches!(end, Err(BlobError::BrokenOff)), "{end:?}");
            assert!(rig.staged().is_empty());
        });
    }
}

#[tokio::test]
async fn an_upload_ends_at_its_limit() {
    for rig in Rig::all() {
        let store = rig.open();
        let bytes = noise(1_000);
        let mut upload = store.begin(1_000).await.expect("there is a slot");
        upload.write(&bytes).await.expect("as much as it may");
        assert_eq!(upload.size(), 1_000);
        let more = upload.write(b"x").await;
        assert!(matches!(more, Err(BlobError::TooLarge { max_bytes: 1_000 })), "{more:?}");
        let end = upload.finish().await;
        assert!(matches!(end, Err(BlobError::BrokenOff)), "{end:?}");
        let mut upload = store.begin(1_000).await.expect("there is a slot");
        upload.write(&bytes).await.expect("as much as it may");
        assert_eq!(upload.finish().await.expect("it is whole").size(), 1_000);
        let mut upload = store.begin(0).await.expect("there is a slot");
        upload.write(b"").await.expect("nothing is not too much");
        assert!(upload.write(b"x").await.is_err());
        drop(upload);
        assert!(rig.staged().is_empty());
        assert!(listed(&store).await.is_empty());
    }
}

#[tokio::test]
async fn the_same_content_is_stored_once() {
    for rig in Rig::all() {
        let store = rig.open();
        let bytes = noise(300_000);
        let (hash, first) = keep(&store, &bytes).await;
        let (same, second) = keep(&store, &bytes).await;
        assert_eq!((same, first, second), (hash, Kept::New, Kept::Already));
        assert_eq!(listed(&store).await, [hash]);
        assert!(rig.staged().is_empty());
        assert!(content(&store, hash).await == bytes);
    }
}

#[tokio::test]
async fn two_uploads_of_the_same_content_at_once_are_both_kept() {
    for rig in Rig::all() {
        let store = rig.open();
        let bytes = noise(600_000);
        let (mut a, mut b) =
            (store.begin(1 << 20).await.expect("a slot"), store.begin(1 << 20).await.expect("two"));
        for piece in bytes.chunks(100_000) {
            a.write(piece).await.expect("the disk takes it");
            b.write(piece).await.expect("the disk takes it");
        }
        let (a, b) = (a.finish().await.expect("whole"), b.finish().await.expect("whole"));
        let hash = a.hash();
        let keep = |staged: crate::Staged| async {
            let lock = store.lock(hash).await;
            staged.keep(&lock).await.expect("it is kept")
        };
        let (a, b) = futures_util::future::join(keep(a), keep(b)).await;
        assert_ne!(a, b, "{}: one of them was first", rig.name);
        assert_eq!(listed(&store).await, [hash]);
        assert!(content(&store, hash).await == bytes);
        assert!(rig.staged().is_empty());
    }
}

#[tokio::test]
async fn a_lock_is_only_good_for_its_own_content() {
    for rig in Rig::all() {
        let store = rig.open();
        let staged = stage(&store, b"mine").await;
        let other = store.lock(ContentHash::of(b"other")).await;
        let kept = staged.keep(&other).await;
        assert!(matches!(kept, Err(BlobError::OtherLock)), "{kept:?}");
        assert!(listed(&store).await.is_empty());
        assert!(rig.staged().is_empty());
    }
}

/// The next holder of the lock finds the work done, even if the one before was cancelled.
#[tokio::test]
async fn a_cancelled_keep_holds_the_lock_until_it_is_done() {
    for rig in Rig::all() {
        let store = rig.open();
        let staged = stage(&store, &noise(300_000)).await;
        let hash = staged.hash();
        {
            let lock = store.lock(hash).await;
            let keep = pin!(staged.keep(&lock));
            assert!(keep.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        let lock = store.lock(hash).await;
        assert_eq!(listed(&store).await, [hash], "{}", rig.name);
        store.erase(&lock).await.expect("it is erased");
        drop(lock);
        assert!(listed(&store).await.is_empty());
        assert!(rig.files().is_empty() || rig.name != "folder");
    }
}

#[tokio::test]
async fn what_is_erased_is_gone() {
    for rig in Rig::all() {
        let store = rig.open();
        let bytes = noise(700_000);
        let (hash, _) = keep(&store, &bytes).await;
        let (other, _) = keep(&store, b"stays").await;
        let reading = store.read(hash, None).await.expect("it is there");
        erase(&store, hash).await;
        assert_missing(store.read(hash, None).await, hash);
        assert_missing(store.read(hash, Some(0..1)).await, hash);
        assert_missing(store.size_of(hash).await, hash);
        assert_eq!(listed(&store).await, [other]);
        erase(&store, hash).await;
        if rig.name == "folder" {
            assert!(reading.bytes().await.expect("who reads, reads on") == bytes);
            assert_eq!(rig.files().len(), 1);
        }
        let (_, kept) = keep(&store, &bytes).await;
        assert_eq!(kept, Kept::New, "{}: it may come back", rig.name);
    }
}

#[tokio::test]
async fn a_range_is_read_alone() {
    for rig in Rig::all() {
        let store = rig.open();
        let bytes = noise(600_000);
        let (hash, _) = keep(&store, &bytes).await;
        let ranges: [(Range<u64>, Range<usize>); 6] = [
            (0..1, 0..1),
            (0..600_000, 0..600_000),
            (599_999..600_000, 599_999..600_000),
            (250_000..530_000, 250_000..530_000),
            (599_000..700_000, 599_000..600_000),
            (1..u64::MAX, 1..600_000),
        ];
        for (asked, right) in ranges {
            let read = store.read(hash, Some(asked.clone())).await.expect("it is there");
            assert_eq!(read.size, 600_000);
            assert_eq!(read.range, right.start as u64..right.end as u64, "{}", rig.name);
            assert!(read.bytes().await.expect("it can be read") == bytes[right], "{asked:?}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "a client may ask for it")]
        for outside in [0..0, 5..5, 7..3, 600_000..600_001, u64::MAX..u64::MAX] {
            let read = store.read(hash, Some(outside)).await;
            assert!(matches!(read, Err(BlobError::OutOfRange { size: 600_000 })), "{read:?}");
        }
    }
}

#[tokio::test]
async fn content_comes_in_small_pieces() {
    for rig in Rig::all() {
        let store = rig.open();
        let (hash, _) = keep(&store, &noise(3_000_000)).await;
        let mut read = store.read(hash, None).await.expect("it is there");
        let mut total = 0;
        while let Some(piece) = read.pieces.try_next().await.expect("it can be read") {
            assert!(rig.name != "folder" || piece.len() <= 256 << 10);
            total += piece.len();
        }
        assert_eq!(total, 3_000_000);
    }
}

#[tokio::test]
async fn a_start_removes_what_uploads_of_a_killed_process_left() {
    let rig = Rig::local();
    let store = rig.open();
    let (hash, _) = keep(&store, b"kept").await;
    let mut upload = store.begin(1 << 20).await.expect("there is a slot");
    upload.write(&noise(300_000)).await.expect("the disk takes it");
    // Like a killed process, it never drops them.
    let staged = stage(&store, b"staged, not kept").await;
    std::mem::forget((upload, staged));
    assert_eq!(rig.staged().len(), 2);
    let again = rig.open();
    assert!(rig.staged().is_empty());
    assert_eq!(listed(&again).await, [hash]);
}

#[tokio::test]
async fn what_is_not_content_is_neither_listed_nor_removed() {
    let rig = Rig::local();
    let store = rig.open();
    let (hash, _) = keep(&store, b"ours").await;
    let blobs = rig.folder().join("blobs");
    fs::write(blobs.join("README"), "a note").expect("it can be written");
    // A hash in the folder of another one.
    fs::create_dir_all(blobs.join("aa")).expect("it can be made");
    fs::write(blobs.join("aa").join(ContentHash::of(b"x").cid()), "x").expect("written");
    assert_eq!(listed(&store).await, [hash]);
    erase_orphans(&store, async |_| false).await;
    assert_eq!(listed(&store).await, []);
    assert!(blobs.join("README").exists() && blobs.join("aa").exists());
}

/// An object without its bytes, as after a power cut on a disk that keeps names before bytes.
#[tokio::test]
async fn content_of_another_length_is_not_taken_for_kept() {
    let rig = Rig::local();
    let store = rig.open();
    let bytes = noise(5_000);
    let (hash, _) = keep(&store, &bytes).await;
    let [file] = &rig.files()[..] else { panic!("one content, one file") };
    fs::write(file, b"").expect("it can be cut");
    assert_eq!(keep(&store, &bytes).await, (hash, Kept::New));
    assert!(content(&store, hash).await == bytes);
}

#[tokio::test]
async fn files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::local();
    keep(&rig.open(), b"private").await;
    let [file] = &rig.files()[..] else { panic!("one content, one file") };
    let mode = fs::metadata(file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn more_uploads_than_may_be_are_told_so() {
    let rig = Rig::local();
    let store = rig.open();
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS_AT_ONCE {
        uploads.push(store.begin(10).await.expect("there is a slot"));
    }
    let more = store.begin(10).await;
    assert!(matches!(more, Err(BlobError::Busy)), "{more:?}");
    let staged = uploads.pop().expect("there are some").finish().await.expect("it is whole");
    assert!(store.begin(10).await.is_err(), "what is staged has its slot still");
    staged.discard();
    store.begin(10).await.expect("a slot is free");
}

#[tokio::test]
async fn a_disk_that_fails_leaves_nothing_behind() {
    let rig = Rig::local();
    let store = rig.open();
    let staged = stage(&store, b"no way in").await;
    let hash = staged.hash();
    // No folder can be made where a file is.
    fs::remove_dir(rig.folder().join("blobs")).expect("nothing is in it");
    fs::write(rig.folder().join("blobs"), "in the way").expect("it can be written");
    let lock = store.lock(hash).await;
    let kept = staged.keep(&lock).await;
    assert!(kept.is_err(), "{kept:?}");
    assert!(rig.staged().is_empty());
    fs::remove_file(rig.folder().join("blobs")).expect("it can be removed");
    let (again, kept) = {
        drop(lock);
        keep(&store, b"no way in").await
    };
    assert_eq!((again, kept), (hash, Kept::New));
}
