//! Measures how fast the journal is, and sled beside it, on this machine's disk, in one run.
//!
//! `cargo run --release -p priv-journal --example journal_rate -- [FOLDER] [MILLION_RECORDS]`
//!
//! Records have 96 bytes of content, appended by two threads. The folder is made and removed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use priv_domain::{EntityId, Environment, Kind, Position, Timestamp, Version};
use priv_journal::disk::{Disk, MemoryDisk, RealDisk};
use priv_journal::{
    AppendError, Draft, FileJournal, Journal, JournalStats, Options, VerifyOnOpen, verify,
};

const RECORD_BYTES: usize = 96;
const THREADS: u64 = 2;
const SLED_BATCH: u64 = 1000;
const SLED_SHARE: u64 = 10;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().unwrap_or_else(|| "journal-rate.tmp".into()).into();
    let records: u64 = arguments.next().map_or(Ok(2), |n| n.parse())? * 1_000_000;
    if folder.exists() {
        return Err(format!("{} exists already", folder.display()).into());
    }
    let measured = measure(&folder, records);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path, records: u64) -> Outcome<()> {
    let real: Arc<dyn Disk> = Arc::new(RealDisk);
    let patient = Options { max_queued_bytes: 512 << 20, archive: false, ..Options::default() };

    let memory: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    run("memory, appending only", &memory, Path::new("/memory"), &patient, records, Wait::AtEnd)?;
    run("disk, waiting at the end", &real, &folder.join("a"), &patient, records, Wait::AtEnd)?;
    let usual = Options { archive: false, ..Options::default() };
    run("disk, 64 MiB queue", &real, &folder.join("b"), &usual, records, Wait::AtEnd)?;
    run("disk, 1,000 at a time", &real, &folder.join("c"), &usual, records, Wait::Each(1000))?;
    run("disk, one at a time", &real, &folder.join("d"), &usual, 20_000, Wait::Each(1))?;
    check(&real, &folder.join("a"))?;
    archive(&real, &folder.join("a"))?;
    sled_rate(&folder.join("sled"), records / SLED_SHARE)
}

/// How often a thread waits for its records to be durable.
#[derive(Clone, Copy)]
enum Wait {
    AtEnd,
    Each(u64),
}

fn run(
    name: &str,
    disk: &Arc<dyn Disk>,
    dir: &Path,
    options: &Options,
    records: u64,
    wait: Wait,
) -> Outcome<()> {
    let on_fatal = Box::new(|error: &_| panic!("{error}"));
    let journal = FileJournal::open(Arc::clone(disk), dir, options.clone(), None, on_fatal)?;
    let start = Instant::now();
    let full: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let journal = &journal;
                scope.spawn(move || append(journal, number, records / THREADS, wait))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("appending does not panic")).sum()
    });
    let appended = start.elapsed().as_secs_f64();
    journal.when_durable(journal.appended()).wait()?;
    let durable = start.elapsed().as_secs_f64();
    let JournalStats { groups, group_records, sync, .. } = journal.stats();
    println!(
        "journal, {name:25}: appended {:>9.0}/s, durable {:>9.0}/s; full {full}; {groups} groups, \
         {} records on average, sync p50 {} us, p99 {} us, max {} us",
        records as f64 / appended,
        records as f64 / durable,
        group_records.mean,
        sync.p50_micros,
        sync.p99_micros,
        sync.max_micros,
    );
    Ok(())
}

/// Appends records, and returns how often the journal had no room.
fn append(journal: &dyn Journal, thread: u64, records: u64, wait: Wait) -> u64 {
    let entity = EntityId {
        environment: Environment::Live,
        kind: Kind::User,
        key: format!("6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4{thread}").into(),
    };
    let core = [7; RECORD_BYTES];
    let mut full = 0;
    let mut previous = Position::ZERO;
    for number in 1..=records {
        let draft = Draft {
            entity: &entity,
            version: Version::new(number),
            previous,
            at: Timestamp::from_millis(1_700_000_000_000),
            format: 1,
            core: &core,
            personal: None,
        };
        previous = loop {
            match journal.append(draft) {
                Ok(position) => break position,
                Err(AppendError::Full) => {
                    full += 1;
                    let next = journal.durable().next();
                    if next <= journal.appended() {
                        journal.when_durable(next).wait().expect("disk is well");
                    } else {
                        // Nothing is being written, so it is the next segment that is missing.
                        std::thread::yield_now();
                    }
                }
                Err(error) => panic!("{error}"),
            }
        };
        if let Wait::Each(every) = wait
            && number % every == 0
        {
            journal.when_durable(previous).wait().expect("disk is well");
        }
    }
    full
}

fn check(disk: &Arc<dyn Disk>, dir: &Path) -> Outcome<()> {
    let start = Instant::now();
    let report = verify(&**disk, dir)?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "verify: {} records in {} segments, {:.2} GB/s",
        report.records,
        report.segments,
        report.bytes_on_disk as f64 / seconds / 1e9,
    );
    for depth in [VerifyOnOpen::Full, VerifyOnOpen::Ends] {
        let options = Options { archive: false, verify_on_open: depth, ..Options::default() };
        let start = Instant::now();
        let on_fatal = Box::new(|error: &_| panic!("{error}"));
        let journal = FileJournal::open(Arc::clone(disk), dir, options, None, on_fatal)?;
        let opened = start.elapsed().as_secs_f64();
        let mut bytes = 0;
        let start = Instant::now();
        journal.visit(Position::ZERO, |view| bytes += view.core.len())?;
        println!(
            "open, {depth:?}: {:.3} s; then visiting all records: {:.0}/s",
            opened,
            report.records as f64 / start.elapsed().as_secs_f64(),
        );
        assert_eq!(bytes as u64, report.records * RECORD_BYTES as u64);
    }
    Ok(())
}

fn archive(disk: &Arc<dyn Disk>, dir: &Path) -> Outcome<()> {
    let on_fatal = Box::new(|error: &_| panic!("{error}"));
    let start = Instant::now();
    let journal = FileJournal::open(Arc::clone(disk), dir, Options::default(), None, on_fatal)?;
    let before = journal.stats().bytes_on_disk;
    let stats = loop {
        let stats = journal.stats();
        if stats.archived_segments + 1 == stats.segments {
            break stats;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    println!(
        "archive: {} segments in {:.2} s, {} MiB became {} MiB",
        stats.archived_segments,
        start.elapsed().as_secs_f64(),
        before >> 20,
        stats.bytes_on_disk >> 20,
    );
    let start = Instant::now();
    let last = journal.durable().get();
    let reads = 2000;
    for read in 0..reads {
        let position = Position::new(1 + read * 7919 % last);
        journal.read(position)?.ok_or("it is there")?;
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / reads as f64;
    println!("archive: a random read takes {micros:.0} us");
    drop(journal);
    check(disk, dir)
}

fn sled_rate(dir: &Path, records: u64) -> Outcome<()> {
    let sled = sled::open(dir)?;
    let start = Instant::now();
    let mut number = 0_u64;
    let mut slowest = 0.0_f64;
    while number < records {
        let mut batch = sled::Batch::default();
        for _ in 0..SLED_BATCH {
            number += 1;
            batch.insert(&number.to_be_bytes(), &[7; RECORD_BYTES][..]);
        }
        let before = Instant::now();
        sled.apply_batch(batch)?;
        sled.flush()?;
        slowest = slowest.max(before.elapsed().as_secs_f64());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "sled 0.34, batch of {SLED_BATCH} + flush: {:.0}/s, {:.1} ms a batch, slowest {:.1} ms, {} MiB",
        records as f64 / seconds,
        seconds * 1e3 / (records / SLED_BATCH) as f64,
        slowest * 1e3,
        sled.size_on_disk()? >> 20,
    );
    Ok(())
}
