//! Tests of power cuts at any step, which leave any part of what was not synced.
//!
//! Each round runs a seeded workload until the disk stops at a seeded step, takes the disk as a
//! power cut leaves it, and opens the journal again on that. The seed is in every failure.

use std::fmt::Write as _;

use priv_domain::Position;

use super::support::{Dice, Rig, Sample, sample};
use crate::disk::{Fault, FaultyDisk, Kept};
use crate::{AppendError, Journal, OpenError, Options, verify};

const SEEDS: u64 = 150;
const ROUNDS: u64 = 4;

/// The acknowledgements that a client received.
#[derive(Debug, Default)]
struct Told {
    /// The last position that was acknowledged.
    acknowledged: u64,
    /// The first and last position of each batch.
    batches: Vec<(u64, u64)>,
}

fn options(dice: &mut Dice) -> Options {
    Options { archive: dice.below(2) == 0, ..super::support::small() }
}

/// Appends until everything stops, waiting now and then so that groups have different sizes.
fn work(disk: &FaultyDisk, journal: &dyn Journal, dice: &mut Dice, told: &mut Told) {
    loop {
        let first = journal.appended().get() + 1;
        let samples: Vec<Sample> = (first..first + 1 + dice.below(6)).map(sample).collect();
        let drafts: Vec<_> = samples.iter().map(Sample::draft).collect();
        match journal.append_all(&drafts) {
            Ok(last) => {
                told.batches.push((first, last.get()));
                if dice.below(3) == 0 && journal.when_durable(last).wait().is_err() {
                    return;
                }
            }
            // The disk may have stopped while the next segment was being prepared.
            Err(AppendError::Full) if disk.has_stopped() => return,
            Err(AppendError::Full) => std::thread::yield_now(),
            Err(AppendError::Stopped(_)) => return,
            Err(error) => panic!("{error}"),
        }
        // Whoever asked for these was answered.
        told.acknowledged = told.acknowledged.max(journal.durable().get());
    }
}

/// What is wrong with a journal, given what was acknowledged; empty if nothing is.
fn wrongs(rig: &Rig, options: Options, told: &Told) -> Result<u64, String> {
    let journal = match rig.try_open(options, None) {
        Ok(journal) => journal,
        Err(error) => return Err(error.to_string()),
    };
    let mut wrong = String::new();
    let last = journal.durable().get();
    if last < told.acknowledged {
        write!(wrong, "{last} is left of {} acknowledged. ", told.acknowledged).expect("memory");
    }
    for (from, to) in &told.batches {
        if (*from..*to).contains(&last) {
            write!(wrong, "{from}..={to} is half there. ").expect("memory");
        }
    }
    let mut next = 1;
    for record in journal.scan(Position::ZERO) {
        match record {
            Ok(record) if record == sample(next).record() => next += 1,
            other => {
                write!(wrong, "instead of {next}: {other:?}. ").expect("memory");
                break;
            }
        }
    }
    if next != last + 1 {
        write!(wrong, "the scan ends before {next}, durable is {last}. ").expect("memory");
    }
    drop(journal);
    if let Err(error) = verify(&*rig.disk, &rig.dir) {
        write!(wrong, "{error}").expect("memory");
    }
    if wrong.is_empty() { Ok(last) } else { Err(wrong) }
}

/// One life of a disk with several power cuts, some of them while a journal starts.
fn live(seed: u64, lie: bool) -> Result<(), String> {
    let mut dice = Dice(seed);
    let mut disk = FaultyDisk::new();
    let mut told = Told::default();
    for round in 0..ROUNDS {
        let rig = Rig::on(disk.clone());
        if lie {
            disk.inject(Fault::LyingSync);
        }
        let steps = if dice.below(4) == 0 { dice.below(12) } else { 20 + dice.below(300) };
        disk.inject(Fault::Stop { at: u32::try_from(steps).expect("a few hundred") });
        match rig.try_open(options(&mut dice), None) {
            Ok(journal) => {
                told.acknowledged = told.acknowledged.max(journal.durable().get());
                work(&disk, &journal, &mut dice, &mut told);
                journal.shutdown();
                told.acknowledged = told.acknowledged.max(journal.durable().get());
            }
            Err(OpenError::Io { .. }) => {}
            Err(error) => return Err(format!("round {round}: {error}")),
        }
        let kept = match dice.below(6) {
            0 => Kept::Nothing,
            1 => Kept::Everything,
            _ => Kept::Some(dice.below(u64::MAX)),
        };
        disk = disk.power_cut(if lie { Kept::Nothing } else { kept });
        let rig = Rig::on(disk.clone());
        match wrongs(&rig, options(&mut dice), &told) {
            Ok(last) => told = Told { acknowledged: last, batches: Vec::new() },
            Err(wrong) => return Err(format!("round {round}, {kept:?}: {wrong}")),
        }
    }
    Ok(())
}

#[test]
fn everything_acknowledged_survives_any_power_cut_whole_and_in_order() {
    for seed in 0..SEEDS {
        if let Err(wrong) = live(seed, false) {
            panic!("seed {seed}: {wrong}");
        }
    }
}

#[test]
fn the_same_test_fails_if_the_sync_is_taken_out() {
    let lost = (0..20).filter(|seed| live(*seed, true).is_err()).count();
    assert!(lost >= 18, "a sync that does nothing was noticed in {lost} of 20 lives only");
}

#[test]
fn remains_of_a_large_torn_group_are_never_taken_for_damage() {
    for seed in 0..300 {
        let disk = FaultyDisk::new();
        let large = vec![9; 30 << 10];
        let mut kept = Dice(seed);
        let mut disk = cut_at_the_sync(&disk, &large, &mut kept);
        for small in [100, 5000, 1] {
            disk = cut_at_the_sync(&disk, &large[..small], &mut kept);
        }
        let found = verify(&disk, &Rig::on(disk.clone()).dir);
        assert!(found.is_ok(), "seed {seed}: {found:?}");
    }
}

/// Opens, appends one record, and loses power when that is written but not synced.
fn cut_at_the_sync(disk: &FaultyDisk, core: &[u8], kept: &mut Dice) -> FaultyDisk {
    let rig = Rig::on(disk.clone());
    let journal = rig.open();
    super::support::eventually(|| rig.files(".tmp").len() == 1);
    disk.inject(Fault::Stop { at: 2 });
    let one = sample(1);
    let position = journal.append(crate::Draft { core, ..one.draft() }).expect("it fits");
    assert!(journal.when_durable(position).wait().is_err());
    drop(journal);
    disk.power_cut(Kept::Some(kept.below(u64::MAX)))
}
