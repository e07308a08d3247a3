//! Contributed content that is not this installation's, or that seems to be nobody's, stays.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::app::TestApp;
use super::damage::files_below;
use super::market::upload_text;

const ADOPT: &str = "PRIV_ADOPT_CONTENT";

/// A service that was used and stopped, and the contributed content that it left.
struct Used {
    app: TestApp,
    content: BTreeMap<PathBuf, Vec<u8>>,
}

impl Used {
    fn stopped() -> Self {
        let mut app = TestApp::start();
        let (sub, _) = app.sharing_person();
        for text in ["one", "two", "three"] {
            upload_text(&app.person(&sub), &format!("{text} of the contributed contents"));
        }
        app.stop();
        let content = content_of(&app);
        assert_eq!(content.len(), 3);
        Self { app, content }
    }

    fn marker(&self) -> PathBuf {
        self.app.data_dir().join("blobs/installation")
    }

    fn forget_the_journal(&self) {
        self.app.delete_sled();
        fs::remove_file(self.app.data_dir().join("state.checkpoint")).expect("it can be removed");
        fs::remove_dir_all(self.app.data_dir().join("journal")).expect("it can be removed");
    }

    #[track_caller]
    fn assert_refused(&mut self, says: &str) {
        let logged = self.app.log().len();
        self.app.try_resume().expect_err("the content may be another's");
        let said = self.app.log()[logged..].to_owned();
        assert!(said.contains(says) && said.contains("nothing was touched"), "{said}");
        self.assert_untouched();
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert!(content_of(&self.app) == self.content, "content was touched");
    }
}

fn content_of(app: &TestApp) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(&app.data_dir().join("blobs/blobs"));
    files.into_iter().map(|file| (file.clone(), fs::read(file).expect("it can be read"))).collect()
}

#[test]
fn content_of_another_installation_is_not_touched_until_it_is_adopted() {
    let mut used = Used::stopped();
    let other = "0123456789abcdef".repeat(4);
    fs::write(used.marker(), &other).expect("it can be written");
    used.assert_refused(&format!("{ADOPT}={other}"));
    used.app.set(ADOPT, "unmarked");
    used.assert_refused(&other);
    used.app.set(ADOPT, &other);
    used.app.resume();
    used.app.stop();
    used.app.set(ADOPT, "");
    used.app.resume();
    used.assert_untouched();
}

#[test]
fn content_of_an_older_release_is_adopted_by_the_journal_that_knows_it_only() {
    let mut used = Used::stopped();
    fs::remove_file(used.marker()).expect("it can be removed");
    used.app.resume();
    assert!(used.marker().exists());
    used.app.stop();

    fs::remove_file(used.marker()).expect("it can be removed");
    used.forget_the_journal();
    used.assert_refused(&format!("{ADOPT}=unmarked"));
    used.app.set(ADOPT, "unmarked");
    used.app.resume();
    used.assert_untouched();
}

#[test]
fn content_that_the_journal_does_not_refer_to_stays_for_a_week() {
    let mut used = Used::stopped();
    used.forget_the_journal();
    used.app.resume();
    used.app.restart();
    used.assert_untouched();
    let notes = fs::read_to_string(used.app.data_dir().join("blobs/orphans"));
    assert_eq!(notes.expect("they are noted").lines().count(), 3);
    used.app.stop();
    let week_ago = jiff::Timestamp::now().as_second() - 8 * 24 * 60 * 60;
    let path = used.app.data_dir().join("blobs/orphans");
    let text = fs::read_to_string(&path).expect("they are noted");
    let older = |line: &str| Some(format!("{} {week_ago}\n", line.split_once(' ')?.0));
    fs::write(&path, text.lines().filter_map(older).collect::<String>()).expect("written");
    used.app.resume();
    assert!(content_of(&used.app).is_empty(), "their week is over");
}

/// A drill with the settings of production: the restored directory reaches the same content.
#[test]
fn a_restored_copy_does_not_touch_the_content_of_the_original() {
    let mut used = Used::stopped();
    let backup = used.app.scratch().join("backup");
    let made = used.app.run(&["backup", &backup.to_string_lossy()]);
    assert!(made.status.success(), "backup: {}", made.text);
    assert!(!backup.join("installation").exists() && !backup.join("blobs/installation").exists());

    let mut drill = TestApp::stopped(&[]);
    let restored = drill.run(&["restore", &backup.to_string_lossy()]);
    assert!(restored.status.success(), "restore: {}", restored.text);
    // With the content that came with the backup it is on its own.
    drill.resume();
    drill.stop();
    let copies = content_of(&drill);
    assert!(copies.values().eq(used.content.values()), "the content came with the backup");

    fs::remove_dir_all(drill.data_dir().join("blobs")).expect("it can be removed");
    symlink(used.app.data_dir().join("blobs"), drill.data_dir().join("blobs")).expect("linked");
    let logged = drill.log().len();
    drill.try_resume().expect_err("the content is the original's");
    assert!(drill.log()[logged..].contains("nothing was touched"), "{}", &drill.log()[logged..]);
    used.assert_untouched();
    used.app.resume();
    used.assert_untouched();
}
