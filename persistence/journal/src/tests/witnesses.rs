//! Tests of journals whose past is known from outside.

use std::path::PathBuf;

use priv_domain::Position;

use super::support::{Rig, archiving, eventually, fill, small};
use crate::format::group::{GROUP_MAGIC, PAGE_BYTES};
use crate::{ChainHash, ChainPoint, FileJournal, Journal, OpenError, Options, Witness};

/// Fills a journal with 300 records, and returns where its chain was now and then.
fn heads(journal: &FileJournal) -> Vec<ChainPoint> {
    let mut heads = vec![journal.head()];
    for last in (10..=300).step_by(10) {
        fill(journal, last);
        heads.push(journal.head());
        assert!(journal.head().position >= Position::new(last));
    }
    heads
}

fn open_knowing(rig: &Rig, witness: impl Into<Witness>) -> Result<FileJournal, OpenError> {
    rig.try_open(Options { witnesses: vec![witness.into()], ..small() }, None)
}

fn everything(rig: &Rig) -> Vec<(PathBuf, Vec<u8>)> {
    rig.files(".seg").into_iter().map(|path| (path.clone(), rig.bytes(&path))).collect()
}

#[test]
fn a_journal_that_holds_what_is_known_opens() {
    for options in [small(), archiving()] {
        let rig = Rig::memory();
        let journal = rig.open_with(options.clone());
        let heads = heads(&journal);
        if options.archive {
            eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
        }
        drop(journal);
        for head in heads {
            open_knowing(&rig, head).unwrap_or_else(|error| panic!("{head:?}: {error}"));
            open_knowing(&rig, head.position).expect("the position is there");
        }
    }
}

#[test]
fn a_journal_without_its_end_is_refused_and_not_touched() {
    let rig = Rig::memory();
    let journal = rig.open();
    let head = heads(&journal).pop().expect("a head");
    drop(journal);
    let path = rig.files(".seg").pop().expect("a segment");
    let good = rig.bytes(&path);
    let magic = GROUP_MAGIC.to_le_bytes();
    let mut pages = (0..good.len()).step_by(PAGE_BYTES);
    let last = pages.rfind(|at| good[*at..].starts_with(&magic)).expect("a group");
    let mut zeroed = good.clone();
    zeroed[last..].fill(0);
    let mut torn = good.clone();
    torn[last + 40] ^= 1;
    for bad in [zeroed, torn, good[..last].to_vec()] {
        rig.overwrite(&path, &bad);
        let before = everything(&rig);
        for witness in [Witness::from(head), Witness::from(head.position)] {
            let refused = open_knowing(&rig, witness).expect_err("records are missing");
            let OpenError::Lost { end, known, .. } = &refused else { panic!("{refused}") };
            assert!(*end < head.position && *known == head.position, "{refused}");
            assert_eq!(everything(&rig), before, "a refused start changes nothing");
        }
    }
    rig.overwrite(&path, &good);
    open_knowing(&rig, head).expect("it is whole again");
}

#[test]
fn a_new_journal_in_the_place_of_a_known_one_is_refused_and_not_begun() {
    let rig = Rig::memory();
    let refused = open_knowing(&rig, Position::new(7)).expect_err("seven records are missing");
    assert!(matches!(refused, OpenError::Lost { end: Position::ZERO, .. }), "{refused}");
    assert_eq!(everything(&rig), []);
    open_knowing(&rig, Position::ZERO).expect("nothing is known");
}

#[test]
fn another_journal_in_the_place_of_a_known_one_is_refused() {
    for options in [small(), archiving()] {
        let (known, other) = (Rig::memory(), Rig::memory());
        let known = heads(&known.open());
        let journal = other.open_with(options.clone());
        let heads = heads(&journal);
        if options.archive {
            eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
        }
        drop(journal);
        let flipped = |head: &ChainPoint| {
            let mut hash = *head.hash.as_bytes();
            hash[31] ^= 1;
            ChainPoint { hash: ChainHash::new(hash), ..*head }
        };
        let wrong = known.into_iter().chain(heads.iter().map(flipped)).skip(1);
        for head in wrong.filter(|head| head.position > Position::ZERO) {
            let refused = open_knowing(&other, head).expect_err("it has another chain");
            assert!(matches!(refused, OpenError::Another { .. }), "{head:?}: {refused}");
        }
    }
}
