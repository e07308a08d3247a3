//! Files that were changed behind the service's back: what can be rebuilt is rebuilt, and any other
//! damage is found and located.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::app::{TestApp, wait_for};
use super::recovery::{Past, assert_same};
use super::story::{Project, send_new, track};

/// The size of segments in bytes: small, so that some are closed soon.
const SMALL_SEGMENTS: (&str, &str) = ("PRIV_JOURNAL_SEGMENT_BYTES", "1048576");

#[test]
fn a_broken_sled_is_rebuilt() {
    let mut app = TestApp::start();
    let past = Past::lived_in(&app);
    app.appended_at_rest();
    let before = past.answers(&app);
    app.stop();
    for file in files_below(&app.data_dir().join("state")) {
        let mut bytes = fs::read(&file).expect("the file can be read");
        bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x55);
        fs::write(&file, bytes).expect("the file can be written");
    }
    app.resume();
    assert_same(&before, &past.answers(&app));
}

#[test]
fn a_torn_tail_is_cut_back_and_said() {
    let mut app = TestApp::start();
    let past = Past::lived_in(&app);
    app.appended_at_rest();
    let before = past.answers(&app);
    app.kill9();
    let (last, _) = segments(&app).pop().expect("there is a segment");
    let mut bytes = fs::read(&last).expect("the segment can be read");
    // Groups begin on pages, and are filled up with zeros.
    let used = used_bytes(&bytes).next_multiple_of(4_096);
    // Looks as if part of one more group had been written when the power went.
    let mut random = fastrand::Rng::with_seed(11);
    let torn: Vec<u8> = (0..200).map(|_| random.u8(1..)).collect();
    bytes.resize(bytes.len().max(used + torn.len()), 0);
    bytes[used..used + torn.len()].copy_from_slice(&torn);
    fs::write(&last, bytes).expect("the segment can be written");
    app.resume();
    assert_same(&before, &past.answers(&app));
    app.stop();
    app.assert_verified();
}

#[test]
fn a_journal_that_lost_its_end_is_refused_until_an_operator_accepts_it() {
    // Who stops it notes where the journal ends. After a kill, the store knows it.
    for (stop, is_noted) in [(TestApp::stop as fn(&mut TestApp), true), (TestApp::kill9, false)] {
        let mut app = TestApp::start();
        Past::lived_in(&app);
        app.appended_at_rest();
        stop(&mut app);
        let (last, _) = segments(&app).pop().expect("there is a segment");
        let mut bytes = fs::read(&last).expect("the segment can be read");
        // The last group is torn: by itself it looks as if it had never been synced.
        let used = used_bytes(&bytes);
        bytes[used - 60] ^= 0x10;
        fs::write(&last, &bytes).expect("the segment can be written");

        let logged = app.log().len();
        let refused = app.try_resume().expect_err("acknowledged records are missing");
        assert!(!refused.0.success(), "{refused:?}");
        let said = app.log()[logged..].to_owned();
        let data_dir = app.data_dir().to_string_lossy().into_owned();
        let name = "state.checkpoint";
        for part in ["acknowledged records are missing", "backup", name, &data_dir] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
        assert!(!app.run(&["verify"]).status.success());
        assert!(fs::read(&last).expect("it is there") == bytes, "the tail was touched");

        app.delete_sled();
        if is_noted {
            assert!(app.try_resume().is_err(), "what was on disk when it stopped is missing");
        }
        fs::remove_file(app.data_dir().join(name)).expect("it can be removed");
        app.resume();
        app.assert_balanced();
    }
}

#[test]
fn a_flipped_byte_in_a_closed_segment_is_found_with_its_place() {
    let mut app = TestApp::start_with(&[SMALL_SEGMENTS, ("RUST_LOG", "warn")]);
    let project = app.project(json!({"consent_policy": "opt_out"}));
    fill_segments(&app, &project);
    app.stop();
    app.assert_verified();
    let segments = segments(&app);
    let archived = segments.iter().find(|(_, kind)| *kind == Segment::Archived);
    let (archived, _) = archived.expect("an archived segment");
    assert_found(&mut app, archived);
    // The segment is closed and not archived yet, or open; then its middle is in a group that
    // others follow.
    let plain = segments.iter().find(|(_, kind)| *kind == Segment::Plain);
    let (plain, _) = plain.expect("a plain segment");
    assert_found(&mut app, plain);
    app.resume();
    app.assert_balanced();
}

/// Flips a byte in the middle of the segment; start-up and verify must name the file and an offset.
#[track_caller]
fn assert_found(app: &mut TestApp, segment: &Path) {
    let good = fs::read(segment).expect("the segment can be read");
    let mut bad = good.clone();
    let at = used_bytes(&bad) / 2;
    bad[at] ^= 0x10;
    fs::write(segment, &bad).expect("the segment can be written");
    let name = segment.file_name().expect("a segment has a name").to_string_lossy().into_owned();

    let verify = app.run(&["verify"]);
    assert!(!verify.status.success(), "verify took byte {at} of {name}: {}", verify.text);
    assert_names_place(&verify.text, &name);
    let logged = app.log().len();
    let refused = app.try_resume().expect_err("it must not start on a changed journal");
    assert!(!refused.0.success(), "{refused:?}");
    assert_names_place(&app.log()[logged..], &name);
    fs::write(segment, good).expect("the segment can be written");
}

#[track_caller]
fn assert_names_place(text: &str, name: &str) {
    assert!(text.contains(name), "the file {name} is not named: {text}");
    let after = &text[text.find(name).unwrap_or_default() + name.len()..];
    let place = after.chars().any(|c| c.is_ascii_digit());
    assert!(place && text.contains("byte"), "no byte is named: {text}");
}

#[test]
fn a_missing_segment_is_found() {
    let mut app = TestApp::start_with(&[SMALL_SEGMENTS, ("RUST_LOG", "warn")]);
    let project = app.project(json!({"consent_policy": "opt_out"}));
    fill_segments(&app, &project);
    app.stop();
    let (first, _) = &segments(&app)[0];
    fs::remove_file(first).expect("the segment can be removed");
    let verify = app.run(&["verify"]);
    assert!(!verify.status.success(), "verify did not miss {first:?}: {}", verify.text);
    assert!(app.try_resume().is_err(), "it started without {first:?}");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Plain,
    Archived,
}

/// The journal's segments, oldest first.
fn segments(app: &TestApp) -> Vec<(PathBuf, Segment)> {
    let mut segments: Vec<(PathBuf, Segment)> = files_below(&app.data_dir().join("journal"))
        .into_iter()
        .filter_map(|file| {
            let name = file.to_string_lossy().into_owned();
            let archived = name.ends_with(".seg.zst").then_some(Segment::Archived);
            let kind = archived.or(name.ends_with(".seg").then_some(Segment::Plain));
            kind.map(|kind| (file, kind))
        })
        // A spare segment holds no records.
        // One that is being archived right now may have gone since it was listed.
        .filter(|(file, _)| fs::read(file).is_ok_and(|bytes| used_bytes(&bytes) > 4_096))
        .collect();
    segments.sort_by_key(|(file, _)| file.file_name().map(ToOwned::to_owned));
    segments
}

/// Writes until several segments are closed and one of them is archived.
fn fill_segments(app: &TestApp, project: &Project) {
    let key = app.key(&project.pk_live);
    let mut random = fastrand::Rng::with_seed(7);
    let mut batch = |n: usize| -> Vec<Value> {
        let mut event = |m: usize| {
            let mut event = track(&format!("user-{m}"), &format!("{n}-{m}"));
            // Noise, so that a compressed segment is hardly smaller.
            let noise: String = (0..8_000).map(|_| random.alphanumeric()).collect();
            event["properties"] = json!({"noise": noise});
            event
        };
        (0..50).map(&mut event).collect()
    };
    for n in 0..10 {
        send_new(&key, &batch(n));
    }
    let mut n = 10;
    wait_for("an archived segment", Duration::from_secs(60), || {
        let archived = segments(app).iter().any(|(_, kind)| *kind == Segment::Archived);
        if !archived && n < 20 {
            send_new(&key, &batch(n));
            n += 1;
        }
        archived.then_some(())
    });
    for n in 100..110 {
        send_new(&key, &batch(n)[..3]);
    }
}

/// The number of bytes of a preallocated file that are in use.
pub(crate) fn used_bytes(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
