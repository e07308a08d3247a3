//! Tests of what survives the loss of sled's data, a move to another machine, and a restart on the
//! same day.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::app::TestApp;
use super::damage::{files_below, used_bytes};
use super::server::Server;
use super::story::{
    Project, actor_path, analytics_path, page_view, send_new, settled, track, tracks,
};

/// A service that was used until it holds data of every kind.
pub(crate) struct Past {
    pub(crate) project: Project,
    people: Vec<String>,
}

impl Past {
    /// Uses the service until it holds data of every kind.
    pub(crate) fn lived_in(app: &TestApp) -> Self {
        let project = app.funded_project();
        let key = app.key(&project.pk_live);
        let people: Vec<String> = (0..5).map(|_| app.sharing_person().0).collect();
        for (n, sub) in people.iter().enumerate() {
            send_new(&key, &tracks(sub, "e", 20 + n));
            send_new(&key, &[page_view(sub, "p", &format!("https://shop.example/{n}"))]);
            let person = app.person(sub);
            if n % 2 == 0 {
                let claim = json!({"amount_priv": 0.015});
                person.keyed("c").post("/v1/user/earnings/claim", &claim).created();
            }
            person.post("/v1/user/consent", &json!({"marketing": n % 2 == 1})).ok();
        }
        let secret = app.key(&project.sk_live);
        let consent = json!({"user_id": "local", "analytics": true, "data_sharing": true});
        secret.post("/v1/user/consent", &consent).ok();
        send_new(&secret, &tracks("local", "e", 3));
        let test = app.key(&project.pk_test);
        send_new(&test, &[track("local", "t")]);
        Self { project, people }
    }

    /// The answers that everyone gets to every question.
    #[track_caller]
    pub(crate) fn answers(&self, app: &TestApp) -> Vec<(String, Value)> {
        let operator = app.operator();
        let project = &self.project;
        let mut asked = Vec::new();
        for sub in &self.people {
            let person = app.person(sub);
            for path in ["balance", "consent", "consent/history", "earnings"] {
                asked.push((person.clone(), format!("/v1/user/{path}")));
            }
            asked.push((operator.clone(), actor_path(sub)));
        }
        let local = project.user("local");
        asked.push((operator.clone(), actor_path(&local)));
        asked.push((operator.clone(), format!("{}/journal", actor_path(&local))));
        asked.push((operator.clone(), format!("/v1/admin/actors/project/{}", project.id)));
        asked.push((operator.clone(), "/v1/admin/actors/system/main".to_owned()));
        asked.push((operator.clone(), format!("/v1/admin/projects/{}", project.id)));
        asked.push((operator.clone(), format!("/v1/admin/projects/{}/keys", project.id)));
        asked.push((operator.clone(), "/v1/admin/projects".to_owned()));
        asked.push((operator.clone(), "/v1/admin/ledger/audit".to_owned()));
        asked.push((operator, "/v1/admin/ledger/audit?environment=test".to_owned()));
        for key in [&project.pk_live, &project.sk_live, &project.pk_test, &project.sk_test] {
            asked.push((app.key(key), analytics_path()));
        }
        let balance = "/v1/user/balance?user_id=local".to_owned();
        asked.push((app.key(&project.sk_live), balance.clone()));
        asked.push((app.key(&project.sk_test), balance));
        let ask = |(caller, path): (super::caller::Caller, String)| {
            let answer = settled(caller.get(&path).ok().clone());
            (path, answer)
        };
        asked.into_iter().map(ask).collect()
    }
}

#[track_caller]
pub(crate) fn assert_same(before: &[(String, Value)], after: &[(String, Value)]) {
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after);
    }
}

#[test]
fn losing_sled_changes_no_answer() {
    let mut app = TestApp::start();
    let past = Past::lived_in(&app);
    app.appended_at_rest();
    let before = past.answers(&app);
    app.restart();
    assert_same(&before, &past.answers(&app));
    app.stop();
    app.delete_sled();
    app.resume();
    assert_same(&before, &past.answers(&app));
    app.kill9();
    app.delete_sled();
    app.resume();
    assert_same(&before, &past.answers(&app));
    app.stop();
    app.assert_verified();
}

#[test]
fn a_second_process_on_the_same_data_is_refused_at_once() {
    let app = TestApp::start();
    let mut second = Server::spawn(app.command(&[]), &app.scratch().join("second.log"));
    let status = second.wait(Duration::from_secs(10)).expect("it is refused at once");
    assert!(!status.success(), "{status}");
    let said = fs::read_to_string(app.scratch().join("second.log")).expect("it said why");
    let data_dir = app.data_dir().to_string_lossy().into_owned();
    assert!(said.contains(&data_dir) || said.contains("in use"), "{said}");
    app.operator().get("/v1/admin/ledger/audit").ok();
}

#[test]
fn a_backup_of_the_running_service_is_restored_elsewhere() {
    let app = TestApp::start();
    let past = Past::lived_in(&app);
    app.appended_at_rest();
    let before = past.answers(&app);
    let backup = app.scratch().join("backup");
    let made = app.run(&["backup", &backup.to_string_lossy()]);
    assert!(made.status.success(), "backup: {}", made.text);
    // Later events are not in the backup.
    send_new(&app.key(&past.project.pk_live), &tracks(&past.people[0], "later", 5));

    let mut elsewhere = TestApp::stopped(&[]);
    let restored = elsewhere.run(&["restore", &backup.to_string_lossy()]);
    assert!(restored.status.success(), "restore: {}", restored.text);
    elsewhere.assert_verified();
    elsewhere.resume();
    assert_same(&before, &past.answers(&elsewhere));
    send_new(&elsewhere.key(&past.project.pk_live), &tracks(&past.people[0], "later", 5));
    elsewhere.assert_balanced();

    elsewhere.stop();
    let again = elsewhere.run(&["restore", &backup.to_string_lossy()]);
    assert!(!again.status.success(), "it must not restore over what is there: {}", again.text);
}

#[test]
fn a_backup_that_was_changed_is_not_restored() {
    let app = TestApp::start();
    Past::lived_in(&app);
    let backup = app.scratch().join("backup");
    let made = app.run(&["backup", &backup.to_string_lossy()]);
    assert!(made.status.success(), "backup: {}", made.text);
    let largest = files_below(&backup).into_iter().max_by_key(|file| {
        let bytes = fs::read(file).expect("the file can be read");
        used_bytes(&bytes)
    });
    let largest = largest.expect("a backup has files");
    let mut bytes = fs::read(&largest).expect("the file can be read");
    let at = used_bytes(&bytes) / 2;
    bytes[at] ^= 0x01;
    fs::write(&largest, bytes).expect("the file can be written");
    let elsewhere = TestApp::stopped(&[]);
    let restored = elsewhere.run(&["restore", &backup.to_string_lossy()]);
    assert!(!restored.status.success(), "{largest:?} was changed at {at}: {}", restored.text);
}

#[test]
fn the_days_requests_are_counted_on_after_a_restart_and_a_kill() {
    let mut app = TestApp::start();
    let limits = json!({"requests_per_second": 1000, "requests_per_day": 30});
    let project = app.project(json!({"plan": "free", "limits": limits}));
    let day = || jiff::Timestamp::now().strftime("%F").to_string();
    let today = day();
    let path = analytics_path();
    let ask = |app: &TestApp, times: usize| {
        (0..times).map(|_| app.key(&project.pk_live).get(&path).status).collect::<Vec<_>>()
    };
    assert_eq!(ask(&app, 10), [200; 10]);
    app.restart();
    assert_eq!(ask(&app, 10), [200; 10]);
    let before_kill = app.key(&project.pk_live).get(&path);
    assert_eq!(before_kill.header("x-ratelimit-limit"), Some("30"), "the day is nearer");
    assert_eq!(before_kill.header("x-ratelimit-remaining"), Some("9"));
    app.restart();
    assert_eq!(ask(&app, 9), [200; 9]);
    let answer = app.key(&project.pk_live).get(&path);
    if day() == today {
        answer.refused(429, "RATE_LIMITED");
        let wait: u64 = answer.header("retry-after").unwrap_or_default().parse().expect("seconds");
        assert!(wait <= 86_400, "until the day ends: {answer}");
        app.kill9();
        app.resume();
        // A kill may lose the counts since the last write, but nothing before it.
        let after_kill = ask(&app, 20);
        assert!(after_kill.contains(&429), "{after_kill:?}");
    }
}
