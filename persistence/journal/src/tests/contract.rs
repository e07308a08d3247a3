//! The contract that every journal keeps, on every disk.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use priv_domain::Position;

use super::support::{Rig, append_next, archiving, assert_holds, eventually, fill, sample, small};
use crate::disk::MemoryDisk;
use crate::{AppendError, Journal, JournalStopped, MemoryJournal, Options, verify};

#[test]
fn what_is_appended_is_read_back_in_order_across_segments_and_starts() {
    for rig in Rig::all() {
        let mut last = 0;
        for more in [1, 300, 7, 250] {
            let journal = rig.open();
            assert_holds(&journal, last);
            last += more;
            fill(&journal, last);
            assert_holds(&journal, last);
        }
        assert!(rig.files(".seg").len() > 2, "{}: it takes several segments", rig.name);
        let report = verify(&*rig.disk, &rig.dir).expect("it is whole");
        assert_eq!((report.records, report.last), (last, Position::new(last)));
        assert_eq!(report.torn, None);
    }
}

#[test]
fn archived_records_are_read_back_alike() {
    for rig in Rig::all() {
        let journal = rig.open_with(archiving());
        fill(&journal, 600);
        eventually(|| journal.stats().archived_segments + 1 == journal.stats().segments);
        assert_holds(&journal, 600);
        let stats = journal.stats();
        assert!(stats.archived_segments > 2);
        drop(journal);
        let journal = rig.open_with(archiving());
        assert_holds(&journal, 600);
        assert_eq!(journal.stats().chain_head, stats.chain_head);
        assert_eq!(rig.files(".seg").len(), 1, "{}: the originals are gone", rig.name);
    }
}

#[test]
fn a_start_that_checks_only_the_ends_reads_the_same() {
    for options in [small(), archiving()] {
        let rig = Rig::memory();
        fill(&rig.open_with(options.clone()), 500);
        let quick = Options { verify_on_open: crate::VerifyOnOpen::Ends, ..options };
        let journal = rig.open_with(quick);
        assert_holds(&journal, 500);
        fill(&journal, 600);
    }
}

#[test]
fn a_batch_lies_in_one_group() {
    for rig in Rig::all() {
        let groups = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&groups);
        let journal = rig.open_tapped(Box::new(move |group| {
            let records: Vec<_> = group.records().map(|view| view.to_record()).collect();
            assert_eq!(records.len(), group.count() as usize);
            seen.lock().expect("no test thread panicked").push((
                group.first(),
                group.last(),
                records,
            ));
        }));
        let mut dice = super::support::Dice(5);
        let mut batches = Vec::new();
        while journal.appended().get() < 400 {
            let first = journal.appended().get() + 1;
            let samples: Vec<_> = (first..first + 1 + dice.below(9)).map(sample).collect();
            let drafts: Vec<_> = samples.iter().map(super::support::Sample::draft).collect();
            eventually(|| match journal.append_all(&drafts) {
                Ok(last) => {
                    batches.push((Position::new(first), last));
                    true
                }
                Err(AppendError::Full) => false,
                Err(error) => panic!("{error}"),
            });
        }
        assert_eq!(journal.append_all(&[]), Ok(journal.appended()));
        let last = journal.appended();
        journal.shutdown();
        let groups = groups.lock().expect("no test thread panicked");
        for (first, last) in batches {
            let whole = groups.iter().any(|(from, to, _)| *from <= first && last <= *to);
            assert!(whole, "{}: {first}..={last} is split", rig.name);
        }
        let mut next = 1;
        for record in groups.iter().flat_map(|(_, _, records)| records) {
            assert_eq!(*record, sample(next).record(), "the tap sees every record, once, in order");
            next += 1;
        }
        assert_eq!(Position::new(next - 1), last);
    }
}

#[test]
fn what_is_not_there_is_none() {
    for rig in Rig::all() {
        let journal = rig.open();
        assert_eq!(journal.read(Position::new(1)).expect("it can be read"), None);
        assert_eq!(journal.scan(Position::new(1)).count(), 0);
        fill(&journal, 3);
        for position in [0, 4, u64::MAX] {
            let record = journal.read(Position::new(position)).expect("it can be read");
            assert_eq!(record, None);
        }
        assert_eq!(journal.scan(Position::new(3)).count(), 1);
        assert_eq!(journal.scan(Position::new(4)).count(), 0);
    }
}

#[test]
fn a_full_queue_is_an_answer_and_passes() {
    for rig in Rig::all() {
        let (release, held) = mpsc::channel::<()>();
        let (tapped, at_tap) = mpsc::channel();
        // The segment is so large that the queue is full first.
        let options = Options { segment_bytes: 1 << 20, max_queued_bytes: 64 << 10, ..small() };
        let tap = move |_| {
            // The test may have ended.
            tapped.send(()).unwrap_or_default();
            held.recv().unwrap_or_default();
        };
        let journal = rig.try_open(options, Some(Box::new(tap))).expect("the disk is well");
        // Dropped before the journal, or a failure here would wait for the tap for ever.
        let release = release;
        append_next(&journal);
        at_tap.recv().expect("the first group is handed on");
        let mut bytes = 0;
        let refused = loop {
            assert!(bytes < 64 << 10, "{}: the queue has no bound", rig.name);
            let next = sample(journal.appended().get() + 1);
            match journal.append(next.draft()) {
                Ok(_) => bytes += next.draft().core.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(refused, AppendError::Full);
        assert!(bytes > 20 << 10, "{}: only {bytes} bytes are queued", rig.name);
        let full = journal.appended().get();
        assert_eq!(journal.durable(), Position::new(1), "nobody writes while the tap holds on");
        drop(release);
        fill(&journal, full + 50);
        assert_holds(&journal, full + 50);
        assert_eq!(journal.stats().queued_bytes, 0);
    }
}

#[test]
fn what_can_never_fit_is_refused() {
    let rig = Rig::memory();
    let journal = rig.open();
    let one = sample(1);
    let huge = vec![0; small().max_record_bytes];
    let too_large = crate::Draft { core: &huge, ..one.draft() };
    let refused = journal.append(too_large).expect_err("it is too large");
    assert!(matches!(refused, AppendError::TooLarge { .. }), "{refused}");
    let large = crate::Draft { core: &huge[..30 << 10], ..one.draft() };
    let batch = [large; 3];
    let refused = journal.append_all(&batch).expect_err("a group must fit into a segment");
    assert!(matches!(refused, AppendError::TooLarge { .. }), "{refused}");
    assert_eq!(journal.appended(), Position::ZERO);
    fill(&journal, 100);
    assert_holds(&journal, 100);
}

#[test]
fn shutting_down_syncs_what_is_queued_and_refuses_the_rest() {
    for rig in Rig::all() {
        let journal = rig.open();
        let mut waits = Vec::new();
        for _ in 0..100 {
            waits.push(journal.when_durable(append_next(&journal)));
        }
        let never = journal.when_durable(Position::new(101));
        journal.shutdown();
        for wait in waits {
            assert_eq!(wait.wait(), Ok(()));
        }
        assert_eq!(never.wait(), Err(JournalStopped::ShutDown));
        let refused = journal.append(sample(101).draft());
        assert_eq!(refused, Err(AppendError::Stopped(JournalStopped::ShutDown)));
        assert_holds(&journal, 100);
        journal.shutdown();
    }
}

#[test]
fn those_who_wait_are_woken_before_the_tap_is_called() {
    let rig = Rig::memory();
    let (woken, was_woken) = mpsc::channel();
    let (tapped, was_tapped) = mpsc::channel();
    let journal = rig.open_tapped(Box::new(move |_| {
        // It would never return if the waiter were woken only afterwards.
        tapped.send(was_woken.recv()).expect("the test waits for it");
    }));
    let position = append_next(&journal);
    journal.when_durable(position).wait().expect("the disk is well");
    woken.send(()).expect("the tap waits for it");
    assert_eq!(was_tapped.recv(), Ok(Ok(())));
}

#[test]
fn many_threads_get_each_position_once() {
    let rig = Rig::memory();
    let journal = rig.open_with(Options { max_queued_bytes: 4 << 20, ..small() });
    let one = sample(1);
    let mut positions: Vec<u64> = std::thread::scope(|scope| {
        let append = || {
            let mut mine = Vec::new();
            while mine.len() < 2000 {
                match journal.append(one.draft()) {
                    Ok(position) => mine.push(position.get()),
                    Err(AppendError::Full) => std::thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(mine.is_sorted());
            mine
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(append)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it does not panic")).collect()
    });
    positions.sort_unstable();
    assert_eq!(positions, (1..=8000).collect::<Vec<_>>());
    journal.when_durable(Position::new(8000)).wait().expect("the disk is well");
    let records: Vec<_> =
        journal.scan(Position::ZERO).map(|record| record.expect("whole")).collect();
    assert!(records.iter().map(|record| record.position.get()).eq(1..=8000));
    let stats = journal.stats();
    assert_eq!((stats.appended.get(), stats.durable.get()), (8000, 8000));
    assert!(stats.groups > 0 && stats.group_records.max >= stats.group_records.mean);
}

#[test]
fn the_journal_in_memory_keeps_the_contract_too() {
    let disk = MemoryDisk::new();
    let journal: Arc<dyn Journal> =
        Arc::new(MemoryJournal::open(&disk, None).expect("memory does not fail"));
    fill(&*journal, 300);
    assert_holds(&*journal, 300);
    drop(journal);
    let journal = MemoryJournal::open(&disk, None).expect("memory does not fail");
    fill(&journal, 400);
    assert_holds(&journal, 400);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for options in [
        Options { segment_bytes: 64 * 1024 + 1, ..small() },
        Options { max_record_bytes: 64 << 10, ..small() },
        Options { max_queued_bytes: 1 << 10, ..small() },
    ] {
        let refused = Rig::memory().try_open(options, None).expect_err("they contradict");
        assert!(matches!(refused, crate::OpenError::Options(_)), "{refused}");
    }
}

#[test]
fn an_empty_segment_that_is_too_small_now_is_replaced() {
    let rig = Rig::memory();
    let tiny = Options { segment_bytes: 8 << 10, max_record_bytes: 2 << 10, ..small() };
    drop(rig.open_with(tiny));
    let journal = rig.open();
    let one = sample(1);
    let large = vec![3; 20 << 10];
    let draft = crate::Draft { core: &large, ..one.draft() };
    let mut position = Position::ZERO;
    eventually(|| journal.append(draft).map(|appended| position = appended).is_ok());
    journal.when_durable(position).wait().expect("the disk is well");
    for journal in [journal, rig.open()] {
        let record = journal.read(position).expect("it can be read").expect("it is there");
        assert_eq!(record.core, large);
        assert_eq!(journal.stats().segments, 1);
    }
}
