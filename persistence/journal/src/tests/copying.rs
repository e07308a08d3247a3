//! Tests of backups made while the journal is written and archived.

use std::sync::atomic::{AtomicBool, Ordering};

use priv_domain::Position;

use super::support::{Rig, append_next, archiving, assert_holds, fill, small};
use crate::{CopyError, Journal, VerifyError, copy, verify};

#[test]
fn a_copy_of_a_live_journal_is_whole_and_can_be_gone_on_with() {
    for rig in Rig::all() {
        let journal = rig.open_with(archiving());
        fill(&journal, 200);
        let done = AtomicBool::new(false);
        let mut copies = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let position = append_next(&journal);
                    if position.get().is_multiple_of(16) {
                        journal.when_durable(position).wait().expect("the disk is well");
                    }
                }
            });
            for number in 0..8 {
                let before = journal.durable();
                let to = rig.dir.with_file_name(format!("copy-{number}"));
                let copied = copy(&*rig.disk, &rig.dir, &to);
                let live = verify(&*rig.disk, &rig.dir);
                // Before anything can panic: otherwise the writer would continue for ever.
                done.store(number == 7 || copied.is_err() || live.is_err(), Ordering::Relaxed);
                let copied = copied.unwrap_or_else(|error| panic!("{}: {error}", rig.name)).copy;
                live.unwrap_or_else(|error| panic!("{}: {error}", rig.name));
                assert_eq!(copied.torn, None);
                assert!(copied.last >= before, "what was durable before is in it");
                copies.push((to, copied.last));
            }
        });
        for (to, last) in copies {
            let there = rig.at(to);
            let journal = there.open_with(small());
            assert_holds(&journal, last.get());
            fill(&journal, last.get() + 20);
        }
    }
}

#[test]
fn a_copy_goes_only_into_a_folder_of_its_own() {
    let rig = Rig::real();
    fill(&rig.open(), 5);
    let refused = copy(&*rig.disk, &rig.dir, &rig.dir).expect_err("it is not empty");
    assert!(matches!(refused, CopyError::NotEmpty(_)), "{refused}");
}

#[test]
fn a_folder_without_a_journal_is_not_taken_for_an_empty_one() {
    let rig = Rig::real();
    rig.disk.create_dir(&rig.dir).expect("it can be made");
    let nothing = verify(&*rig.disk, &rig.dir).expect_err("there is nothing");
    assert!(matches!(nothing, VerifyError::Nothing(_)), "{nothing}");
    let to = rig.dir.with_file_name("copy");
    let nothing = copy(&*rig.disk, &rig.dir, &to).expect_err("there is nothing");
    assert!(matches!(nothing, CopyError::Verify(VerifyError::Nothing(_))), "{nothing}");
}

#[test]
fn a_copy_of_a_damaged_journal_is_refused() {
    let rig = Rig::memory();
    fill(&rig.open(), 300);
    let segment = rig.files(".seg")[0].clone();
    let mut bytes = rig.bytes(&segment);
    bytes[20_000] ^= 4;
    rig.overwrite(&segment, &bytes);
    let to = rig.dir.with_file_name("copy");
    let refused = copy(&*rig.disk, &rig.dir, &to).expect_err("it is damaged");
    let CopyError::Verify(VerifyError::Corrupt(corruption)) = refused else { panic!("{refused}") };
    assert!(corruption.position > Position::ZERO);
}
