//! Tests of archiving that is stopped at every step.

use super::support::{Rig, append_next, archiving, assert_holds, eventually, fill, small};
use crate::disk::{Fault, FaultyDisk, Kept};
use crate::{Journal, verify};

/// A journal with three segments, none of them archived.
fn unarchived() -> (FaultyDisk, u64) {
    let disk = FaultyDisk::new();
    let rig = Rig::on(disk.clone());
    let journal = rig.open();
    fill(&journal, 1);
    while journal.stats().segments < 3 {
        let next = append_next(&journal);
        journal.when_durable(next).wait().expect("the disk is well");
    }
    let last = journal.appended().get();
    drop(journal);
    (disk, last)
}

#[test]
fn archiving_can_be_stopped_at_any_step() {
    let mut seen_unfinished = false;
    let mut seen_both = false;
    for at in 0..80 {
        let (disk, last) = unarchived();
        let rig = Rig::on(disk.clone());
        let journal = rig.open_with(archiving());
        disk.inject(Fault::Stop { at });
        eventually(|| {
            let stats = journal.stats();
            stats.archived_segments + 1 == stats.segments || disk.has_stopped()
        });
        drop(journal);
        for kept in [Kept::Everything, Kept::Nothing, Kept::Some(u64::from(at))] {
            let rig = Rig::on(disk.power_cut(kept));
            let archives = rig.files(".seg.zst").len();
            seen_unfinished |= !rig.files(".zst.tmp").is_empty();
            seen_both |= rig.files(".seg").len() + archives > 3;
            verify(&*rig.disk, &rig.dir).unwrap_or_else(|error| panic!("{at}, {kept:?}: {error}"));
            let journal = rig.open_with(archiving());
            assert_holds(&journal, last);
            eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
            assert_holds(&journal, last);
            fill(&journal, last + 5);
        }
    }
    assert!(seen_unfinished && seen_both, "the steps in between were met");
}

#[test]
fn an_archive_is_read_by_zstd_as_the_segment() {
    let rig = Rig::real();
    fill(&rig.open(), 300);
    let segment = rig.files(".seg")[0].clone();
    let raw = rig.bytes(&segment);
    let journal = rig.open_with(archiving());
    eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
    let archive = rig.files(".seg.zst")[0].clone();
    let packed = std::fs::read(&archive).expect("it is there");
    let unpacked = zstd::decode_all(&packed[..]).expect("it is a zstd file");
    assert_eq!(unpacked, raw[..unpacked.len()]);
    assert!(raw[unpacked.len()..].iter().all(|byte| *byte == 0));
    assert!(packed.len() < unpacked.len());
}

#[test]
fn a_damaged_segment_is_not_archived() {
    let (disk, _) = unarchived();
    let rig = Rig::on(disk.clone());
    let victim = rig.files(".seg")[0].clone();
    let quick = crate::Options { verify_on_open: crate::VerifyOnOpen::Ends, ..archiving() };
    disk.flip(&victim, 9000, 1).expect("it is there");
    let journal = rig.open_with(quick);
    eventually(|| journal.stats().archived_segments == 1);
    drop(journal);
    assert!(rig.files(".seg").contains(&victim), "what is damaged stays as it is");
    assert!(rig.try_open(small(), None).is_err());
}
