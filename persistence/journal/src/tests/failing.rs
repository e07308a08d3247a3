//! Tests of writes and syncs that fail, disks that are full, and taps that panic.

use std::sync::{Arc, Mutex};

use priv_domain::Position;

use super::support::{Calls, Rig, append_next, assert_holds, eventually, fill, sample, small};
use crate::disk::{Fault, FaultyDisk, Kept};
use crate::{AppendError, FatalError, FileJournal, Journal, JournalStopped};

fn open_watched(disk: &FaultyDisk) -> (FileJournal, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&said);
    let on_fatal = Box::new(move |error: &FatalError| {
        hear.lock().expect("no test thread panicked").push(error.to_string());
    });
    let dir = Rig::on(disk.clone()).dir;
    let journal = FileJournal::open(Arc::new(disk.clone()), &dir, small(), None, on_fatal);
    (journal.expect("the disk is well so far"), said)
}

#[test]
fn a_failed_write_or_sync_stops_the_journal_and_acknowledges_nothing() {
    let faults = [
        (Fault::FailWrite { after: 0 }, "cannot write to"),
        (Fault::ShortWrite { after: 0 }, "cannot write to"),
        (Fault::FailSync { after: 0 }, "cannot sync"),
        (Fault::Stop { at: 0 }, "cannot write to"),
        (Fault::Stop { at: 1 }, "cannot write to"),
        (Fault::Stop { at: 2 }, "cannot sync"),
    ];
    for (fault, says) in faults {
        let disk = FaultyDisk::new();
        let (journal, said) = open_watched(&disk);
        fill(&journal, 10);
        // The fault must not hit the preparation of the spare.
        eventually(|| Rig::on(disk.clone()).files(".tmp").len() == 1);
        disk.inject(fault);
        let position = append_next(&journal);
        assert_eq!(journal.when_durable(position).wait(), Err(JournalStopped::Failed), "{fault:?}");
        let later = journal.append(sample(12).draft());
        assert_eq!(later, Err(AppendError::Stopped(JournalStopped::Failed)));
        assert_eq!(journal.when_durable(position).wait(), Err(JournalStopped::Failed));
        assert_eq!(journal.when_durable(Position::new(10)).wait(), Ok(()));
        assert_holds(&journal, 10);
        journal.shutdown();
        let said = said.lock().expect("no test thread panicked");
        assert!(said.len() == 1 && said[0].contains(says), "{fault:?}: {said:?}");
        for kept in [Kept::Nothing, Kept::Everything, Kept::Some(3)] {
            let journal = Rig::on(disk.power_cut(kept)).open();
            let durable = journal.durable().get();
            assert!(durable == 10 || durable == 11, "{fault:?}, {kept:?}: {durable}");
            assert_holds(&journal, durable);
        }
    }
}

#[test]
fn what_a_start_finds_in_the_cache_after_a_failed_sync_is_made_durable() {
    let disk = FaultyDisk::new();
    let (journal, _) = open_watched(&disk);
    fill(&journal, 10);
    eventually(|| Rig::on(disk.clone()).files(".tmp").len() == 1);
    disk.inject(Fault::FailSync { after: 0 });
    let position = append_next(&journal);
    assert_eq!(journal.when_durable(position).wait(), Err(JournalStopped::Failed));
    drop(journal);
    // The process starts again; the machine has not. Its cache shows the group, as clean pages.
    let journal = Rig::on(disk.clone()).open();
    let told = journal.durable();
    assert_eq!(told, position);
    drop(journal);
    let journal = Rig::on(disk.power_cut(Kept::Nothing)).open();
    assert_holds(&journal, told.get());
}

#[test]
fn a_full_disk_is_an_answer_and_passes() {
    let disk = FaultyDisk::new();
    let (journal, said) = open_watched(&disk);
    disk.inject(Fault::Full { free: 1000 });
    let refused = loop {
        let next = sample(journal.appended().get() + 1);
        match journal.append(next.draft()) {
            Ok(position) => {
                journal.when_durable(position).wait().expect("what is accepted has a place");
            }
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Full);
    assert_eq!(journal.append(sample(1).draft()), Err(AppendError::Full), "and stays so");
    let full = journal.appended().get();
    assert_holds(&journal, full);
    disk.inject(Fault::Roomy);
    fill(&journal, full + 200);
    assert_holds(&journal, full + 200);
    assert!(said.lock().expect("no test thread panicked").is_empty(), "it never stopped");
}

#[test]
fn a_full_disk_does_not_keep_a_journal_from_starting() {
    let disk = FaultyDisk::new();
    let rig = Rig::on(disk.clone());
    fill(&rig.open(), 100);
    disk.inject(Fault::Full { free: 0 });
    let journal = rig.open();
    assert_holds(&journal, 100);
    disk.inject(Fault::Roomy);
    fill(&journal, 300);
}

#[test]
fn a_tap_that_panics_stops_the_journal() {
    let rig = Rig::memory();
    let fatal = Calls::default();
    let count = fatal.clone();
    let journal = FileJournal::open(
        Arc::clone(&rig.disk),
        &rig.dir,
        small(),
        Some(Box::new(|group| assert!(group.last() < Position::new(5), "I am the tap"))),
        Box::new(move |error| {
            assert!(error.to_string().contains("I am the tap"), "{error}");
            count.add();
        }),
    );
    let journal = journal.expect("memory does not fail");
    eventually(|| journal.append(sample(1).draft()).is_err());
    eventually(|| fatal.count() == 1);
    let stopped = journal.append(sample(1).draft());
    assert_eq!(stopped, Err(AppendError::Stopped(JournalStopped::Failed)));
}
