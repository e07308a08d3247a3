//! Tests with torn, truncated, flipped and reordered bytes.

use std::path::Path;

use priv_domain::Position;

use super::support::{Rig, archiving, assert_holds, eventually, fill, small};
use crate::format::group::{GROUP_MAGIC, PAGE_BYTES};
use crate::{
    Corruption, Damage, FileJournal, Journal, OpenError, VerifyError, VerifyReport, verify,
};

fn refuses(rig: &Rig) -> Result<FileJournal, Corruption> {
    match rig.try_open(small(), None) {
        Ok(journal) => Ok(journal),
        Err(OpenError::Corrupt(corruption)) => Err(corruption),
        Err(error) => panic!("{error}"),
    }
}

fn verifies(rig: &Rig) -> Result<VerifyReport, Corruption> {
    match verify(&*rig.disk, &rig.dir) {
        Ok(report) => Ok(report),
        Err(VerifyError::Corrupt(corruption)) => Err(corruption),
        Err(error) => panic!("{error}"),
    }
}

/// The offsets at which the groups of a segment begin.
fn groups(bytes: &[u8]) -> Vec<usize> {
    let magic = GROUP_MAGIC.to_le_bytes();
    (0..bytes.len()).step_by(PAGE_BYTES).filter(|at| bytes[*at..].starts_with(&magic)).collect()
}

/// Checks that opening and `verify` both find the damage, in the same place, and that nothing on
/// the disk changes.
fn assert_found(rig: &Rig, path: &Path) -> Corruption {
    let before = rig.bytes(path);
    let verified = verifies(rig).expect_err("verify finds it");
    let opened = refuses(rig).expect_err("a start finds it");
    assert_eq!(verified, opened);
    assert_eq!(rig.bytes(path), before, "a refused start changes nothing");
    let text = opened.to_string();
    assert!(text.contains("privd restore") && text.contains("byte"), "{text}");
    opened
}

#[test]
fn a_flipped_byte_anywhere_in_a_closed_segment_is_found_with_its_place() {
    let rig = Rig::memory();
    fill(&rig.open(), 300);
    let path = rig.files(".seg")[1].clone();
    let good = rig.bytes(&path);
    for at in (0..good.len()).step_by(331).chain([good.len() - 1]) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        rig.overwrite(&path, &bad);
        let found = assert_found(&rig, &path);
        assert_eq!(found.file, path, "byte {at}");
        let far = (found.offset).abs_diff(at as u64);
        let longest = small().group_bytes as u64 + 10_000;
        assert!(far <= longest, "byte {at} was looked for at {}", found.offset);
    }
    rig.overwrite(&path, &good);
    assert_holds(&rig.open(), 300);
}

#[test]
fn a_flipped_byte_anywhere_in_an_archived_segment_is_found() {
    let rig = Rig::memory();
    let journal = rig.open_with(archiving());
    fill(&journal, 300);
    eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
    drop(journal);
    let path = rig.files(".seg.zst")[1].clone();
    let good = rig.bytes(&path);
    for at in (0..good.len()).step_by(173).chain(good.len() - 200..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        rig.overwrite(&path, &bad);
        assert_eq!(assert_found(&rig, &path).file, path, "byte {at}");
    }
    rig.overwrite(&path, &good[..good.len() - 1]);
    assert_eq!(assert_found(&rig, &path).damage, Damage::ArchiveIndex);
}

#[test]
fn a_flipped_byte_with_good_groups_after_it_is_corruption_and_in_the_last_group_is_torn() {
    let rig = Rig::memory();
    let journal = rig.open();
    for last in 1..=12 {
        // Each record is waited for, so each is a group.
        fill(&journal, last);
    }
    drop(journal);
    let path = rig.files(".seg")[0].clone();
    let good = rig.bytes(&path);
    let starts = groups(&good);
    assert_eq!(starts.len(), 12);
    for at in (0..starts[11]).step_by(61) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        rig.overwrite(&path, &bad);
        let found = assert_found(&rig, &path);
        let group = starts.iter().rposition(|start| *start <= at);
        assert_eq!(found.position.get(), group.map_or(1, |group| group as u64 + 1), "byte {at}");
    }
    let end = good.iter().rposition(|byte| *byte != 0).expect("it has bytes");
    for at in (starts[11]..=end).step_by(13) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        rig.overwrite(&path, &bad);
        let torn = verifies(&rig).expect("the end may be torn").torn.expect("and it is");
        assert_eq!((torn.file.as_path(), torn.offset), (path.as_path(), starts[11] as u64));
        assert_holds(&refuses(&rig).expect("it is cut"), 11);
        assert!(rig.bytes(&path)[starts[11]..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_segment_cut_short_keeps_its_whole_groups() {
    let rig = Rig::memory();
    let journal = rig.open();
    for last in 1..=12 {
        fill(&journal, last);
    }
    drop(journal);
    let path = rig.files(".seg")[0].clone();
    let good = rig.bytes(&path);
    let starts = groups(&good);
    for length in (PAGE_BYTES..good.len()).step_by(509) {
        rig.overwrite(&path, &good[..length]);
        let whole = starts.iter().filter(|start| **start + PAGE_BYTES <= length).count();
        let journal = refuses(&rig).expect("a short file is a torn one");
        assert_eq!(journal.durable().get(), whole as u64, "{length} bytes");
        fill(&journal, 30);
        assert_holds(&journal, 30);
        drop(journal);
        for extra in rig.files(".seg").iter().skip(1) {
            rig.disk.remove(extra).expect("it is there");
        }
    }
    rig.overwrite(&path, &good[..PAGE_BYTES - 1]);
    assert_eq!(assert_found(&rig, &path).damage, Damage::SegmentHeader);
}

#[test]
fn groups_in_another_order_are_corruption() {
    let rig = Rig::memory();
    let journal = rig.open();
    for last in 1..=10 {
        fill(&journal, last);
    }
    drop(journal);
    let path = rig.files(".seg")[0].clone();
    let good = rig.bytes(&path);
    let starts = groups(&good);
    for (one, other) in [(0, 1), (3, 7), (8, 9)] {
        let mut bad = good.clone();
        let (one, other) = (starts[one], starts[other]);
        let (head, tail) = bad.split_at_mut(other);
        head[one..one + PAGE_BYTES].swap_with_slice(&mut tail[..PAGE_BYTES]);
        rig.overwrite(&path, &bad);
        let found = assert_found(&rig, &path);
        assert_eq!((found.offset, found.damage), (one as u64, Damage::Order));
    }
}

#[test]
fn a_change_with_its_checksums_made_right_is_found_by_the_chain() {
    let rig = Rig::memory();
    fill(&rig.open(), 1);
    let path = rig.files(".seg")[0].clone();
    let good = rig.bytes(&path);
    let record = PAGE_BYTES + crate::format::group::HEADER_BYTES;
    let length = u32::from_le_bytes(good[record..record + 4].try_into().expect("four")) as usize;
    // Version, time, format, environment, the end: anything that someone might want to change.
    for at in [24, 40, 48, 50, length - 1] {
        let mut bad = good.clone();
        bad[record + at] ^= 3;
        crate::format::record::stamp(&mut bad[record..record + length]);
        rig.overwrite(&path, &bad);
        let found = assert_found(&rig, &path);
        assert_eq!((found.damage, found.position), (Damage::Chain, Position::new(1)), "byte {at}");
    }
}

#[test]
fn a_missing_segment_is_found() {
    for options in [small(), archiving()] {
        let rig = Rig::memory();
        let journal = rig.open_with(options.clone());
        fill(&journal, 500);
        eventually(|| {
            !options.archive || journal.stats().archived_segments + 1 == journal.stats().segments
        });
        drop(journal);
        let ending = if options.archive { ".seg.zst" } else { ".seg" };
        let segments = rig.files(ending);
        let missing = [0, 1, segments.len() - 1];
        for path in missing.map(|at| &segments[at]) {
            let bytes = rig.bytes(path);
            rig.disk.remove(path).expect("it is there");
            if options.archive || path != segments.last().expect("there are some") {
                assert_eq!(verifies(&rig).expect_err("one is missing").damage, Damage::Missing);
                assert_eq!(refuses(&rig).expect_err("one is missing").damage, Damage::Missing);
            }
            rig.disk.create(path, 0).expect("there is room");
            rig.overwrite(path, &bytes);
        }
        assert_holds(&rig.open(), 500);
    }
}

#[test]
fn a_lost_active_segment_is_noticed_if_what_is_before_it_is_archived() {
    let rig = Rig::memory();
    let journal = rig.open_with(archiving());
    fill(&journal, 300);
    eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
    drop(journal);
    rig.disk.remove(&rig.files(".seg")[0]).expect("it is there");
    assert_eq!(refuses(&rig).expect_err("it is missing").damage, Damage::Missing);
}

#[test]
fn bytes_of_a_journal_inside_a_record_are_not_taken_for_groups() {
    // A client sends, as its data, pages of another journal; then the header of the group that
    // holds them is lost in a power cut.
    let other = Rig::memory();
    fill(&other.open(), 60);
    let foreign = other.bytes(&other.files(".seg")[0]);
    let rig = Rig::memory();
    let journal = rig.open();
    fill(&journal, 1);
    let one = super::support::sample(1);
    let start = rig.bytes(&rig.files(".seg")[0]);
    let after = groups(&start)[0] + PAGE_BYTES;
    // Aligned to pages like real groups.
    let head = crate::format::group::HEADER_BYTES + crate::format::record::HEAD_BYTES;
    let filler = PAGE_BYTES - head - one.draft().entity.key.len();
    let core = [vec![1; filler], foreign[PAGE_BYTES..9 * PAGE_BYTES].to_vec()].concat();
    let draft = crate::Draft { core: &core, ..one.draft() };
    let position = journal.append(draft).expect("it fits");
    journal.when_durable(position).wait().expect("the disk is well");
    drop(journal);
    let path = rig.files(".seg")[0].clone();
    let mut bytes = rig.bytes(&path);
    assert!(groups(&bytes).len() > 3, "the foreign groups lie on pages");
    bytes[after..after + 512].fill(0);
    rig.overwrite(&path, &bytes);
    assert_holds(&refuses(&rig).expect("it is torn, not damaged"), 1);
}
