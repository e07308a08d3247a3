//! Tests of whose a store is.

use std::fs;

use super::support::{Rig, keep, listed};
use crate::{Adopt, Claim, ClaimError, ContentHash, Installation, mark_folder};

fn installation(digit: &str) -> Installation {
    Installation::parse(&digit.repeat(64)).expect("it has 64 digits")
}

/// Claims the store for an installation whose journal knows these contents.
async fn claim(
    rig: &Rig,
    me: &Installation,
    adopt: Option<Adopt>,
    known: &[ContentHash],
) -> Result<Claim, ClaimError> {
    rig.open().claim(me, adopt.as_ref(), async |hash| known.contains(&hash)).await
}

#[tokio::test]
async fn an_empty_store_is_ours_from_then_on_and_nobody_elses() {
    for rig in Rig::all() {
        let (me, other) = (installation("a"), installation("b"));
        assert_eq!(claim(&rig, &me, None, &[]).await.expect("it is empty"), Claim::New);
        let (hash, _) = keep(&rig.open(), b"sold").await;
        assert_eq!(claim(&rig, &me, None, &[]).await.expect("it is ours"), Claim::Ours);
        for adopt in [None, Some(Adopt::Unmarked), Some(Adopt::Of(other.clone()))] {
            // Knowing its content gives no right to it: a restored copy does.
            let refused = claim(&rig, &other, adopt, &[hash]).await.expect_err("it is not theirs");
            let is_right = matches!(&refused, ClaimError::OfAnother(owner) if *owner == me);
            assert!(is_right, "{}: {refused}", rig.name);
        }
        let adopt = Some(Adopt::Of(me.clone()));
        let adopted = claim(&rig, &other, adopt, &[]).await.expect("it was named");
        assert_eq!(adopted, Claim::Adopted);
        assert_eq!(claim(&rig, &other, None, &[]).await.expect("it is theirs"), Claim::Ours);
        let refused = claim(&rig, &me, None, &[hash]).await;
        assert!(matches!(refused, Err(ClaimError::OfAnother(_))), "{}: {refused:?}", rig.name);
        assert_eq!(listed(&rig.open()).await, [hash]);
    }
}

#[tokio::test]
async fn an_unmarked_store_is_adopted_only_by_who_knows_something_in_it() {
    for rig in Rig::all() {
        let (me, other) = (installation("a"), installation("b"));
        let store = rig.open();
        let (known, _) = keep(&store, b"known").await;
        keep(&store, b"an orphan").await;
        let refused = claim(&rig, &other, None, &[]).await;
        assert!(matches!(refused, Err(ClaimError::Unmarked)), "{}: {refused:?}", rig.name);
        let adopt = Some(Adopt::Of(me.clone()));
        let refused = claim(&rig, &other, adopt, &[]).await;
        assert!(matches!(refused, Err(ClaimError::Unmarked)), "{}: {refused:?}", rig.name);
        let adopted = claim(&rig, &me, None, &[known]).await.expect("it knows one");
        assert_eq!(adopted, Claim::Adopted, "{}", rig.name);
        let refused = claim(&rig, &other, Some(Adopt::Unmarked), &[known]).await;
        assert!(matches!(refused, Err(ClaimError::OfAnother(_))), "{}: {refused:?}", rig.name);
        assert_eq!(listed(&store).await.len(), 2);
    }
}

#[tokio::test]
async fn an_unmarked_store_is_adopted_where_an_operator_says_so() {
    for rig in Rig::all() {
        keep(&rig.open(), b"of an older release").await;
        let adopt = Some(Adopt::Unmarked);
        let adopted = claim(&rig, &installation("a"), adopt, &[]).await.expect("it was named");
        assert_eq!(adopted, Claim::Adopted, "{}", rig.name);
    }
}

#[tokio::test]
async fn a_marker_in_a_folder_is_durable_text_and_a_damaged_one_is_refused() {
    let rig = Rig::local();
    let me = installation("a");
    mark_folder(rig.folder(), &me).expect("it can be written");
    let (hash, _) = keep(&rig.open(), b"restored").await;
    assert_eq!(claim(&rig, &me, None, &[]).await.expect("it is ours"), Claim::Ours);
    let path = rig.folder().join("installation");
    assert_eq!(fs::read_to_string(&path).expect("it is text"), format!("{me}\n"));
    for damaged in [&b""[..], b"\xFF", b"aaaa\n"] {
        fs::write(&path, damaged).expect("it can be written");
        for adopt in [None, Some(Adopt::Unmarked), Some(Adopt::Of(me.clone()))] {
            let refused = claim(&rig, &me, adopt, &[hash]).await;
            assert!(matches!(refused, Err(ClaimError::NotAMarker)), "{refused:?}");
        }
    }
}
