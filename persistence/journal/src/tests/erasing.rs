//! Tests of erasing personal parts.

use priv_domain::Position;

use super::support::{Rig, archiving, assert_holds, eventually, fill, sample};
use crate::{Journal, Personal, erase_personal, verify};

#[test]
fn a_segment_without_a_persons_parts_still_verifies_and_replays_the_same() {
    let rig = Rig::memory();
    let journal = rig.open();
    fill(&journal, 400);
    let head = journal.stats().chain_head;
    drop(journal);
    let before = verify(&*rig.disk, &rig.dir).expect("it is whole");
    let segment = rig.files(".seg")[0].clone();
    let rewritten = rig.dir.join("rewritten");
    let erased = erase_personal(&*rig.disk, &segment, Position::new(1), &rewritten, &mut |view| {
        view.key == "entity-3" || view.position.get() < 20
    });
    let erased = erased.expect("the segment is whole");
    assert!(erased > 3, "{erased}");
    let gone = (1..20).find_map(|position| match sample(position).record().personal {
        Personal::Present(bytes) if bytes.len() > 64 => Some(bytes),
        Personal::Present(_) | Personal::Absent | Personal::Erased(_) => None,
    });
    let gone = gone.expect("one of them has a long one");
    let holds = |bytes: &[u8]| bytes.windows(gone.len()).any(|window| window == gone);
    assert!(holds(&rig.bytes(&segment)) && !holds(&rig.bytes(&rewritten)));
    rig.disk.rename(&rewritten, &segment).expect("the disk is well");

    let after = verify(&*rig.disk, &rig.dir).expect("the chain still holds");
    assert_eq!((after.head, after.records, after.erased), (before.head, before.records, erased));
    let journal = rig.open_with(archiving());
    assert_eq!(journal.stats().chain_head, head);
    eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
    let mut found = 0;
    for record in journal.scan(Position::ZERO) {
        let record = record.expect("it can be read");
        let written = sample(record.position.get()).record();
        assert_eq!((&record.entity, &record.core), (&written.entity, &written.core));
        match (&record.personal, &written.personal) {
            (Personal::Erased(hash), Personal::Present(bytes)) => {
                assert_eq!(hash, blake3::hash(bytes).as_bytes());
                found += 1;
            }
            (now, then) => assert_eq!(now, then),
        }
    }
    assert_eq!(found, erased);
}

#[test]
fn nothing_chosen_changes_nothing() {
    let rig = Rig::memory();
    fill(&rig.open(), 300);
    let segment = rig.files(".seg")[0].clone();
    let rewritten = rig.dir.join("rewritten");
    let erased = erase_personal(&*rig.disk, &segment, Position::new(1), &rewritten, &mut |_| false);
    assert_eq!(erased.expect("the segment is whole"), 0);
    let (old, new) = (rig.bytes(&segment), rig.bytes(&rewritten));
    assert_eq!(new, old[..new.len()]);
    rig.disk.rename(&rewritten, &segment).expect("the disk is well");
    assert_holds(&rig.open(), 300);
}
