//! Replays nine years of real actions of 1,300 people as events: every row is stored once, and each
//! person is paid the amount of an independent sum.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::json;

use super::app::TestApp;
use super::caller::Caller;
use super::story::{PRIV, Project, TRACK, encoded, micros};

/// The file and the columns that are used here.
const FILE: &str = "activity.csv.gz";

/// A user's daily cap, in micros.
const CAP: i64 = 10 * PRIV;

/// Clients that give consent and read balances at the same time.
const CLIENTS: usize = 4;

#[test]
fn every_row_is_stored_once_and_paid_as_an_independent_sum_says() {
    let Some(file) = find_file() else { return };
    let rows_by_user = count_rows(&file);
    let rows: usize = rows_by_user.values().sum();
    println!("{rows} rows of {} users", rows_by_user.len());
    let app = TestApp::start_with(&[("RUST_LOG", "warn")]);
    let project = app.funded_project();
    let users: Vec<User<'_>> = rows_by_user
        .iter()
        .enumerate()
        .map(|(n, (id, rows))| User { id, rows: *rows, shares: n % 3 != 0 })
        .collect();
    for_each(&users, &app.key(&project.sk_live), |secret, user| {
        let consent = json!({"user_id": user.id, "analytics": true, "data_sharing": user.shares});
        secret.post("/v1/user/consent", &consent).ok();
    });

    // An event counts on the day on which it comes in: a run across midnight has two caps.
    let day = || jiff::Timestamp::now().strftime("%F").to_string();
    let first_day = day();
    replay(&app, &file, &project);
    let days = if day() == first_day { 1 } else { 2 };
    check(&app, &project, &users, rows, days);
    replay(&app, &file, &project);
    check(&app, &project, &users, rows, days);
}

struct User<'a> {
    id: &'a str,
    rows: usize,
    shares: bool,
}

impl User<'_> {
    /// The sums that may be pending if the rows came in on so many days, in micros.
    fn expected(&self, days: i64) -> std::ops::RangeInclusive<i64> {
        let all = if self.shares { self.rows as i64 * TRACK } else { 0 };
        all.min(CAP)..=all.min(CAP * days)
    }
}

fn check(app: &TestApp, project: &Project, users: &[User<'_>], rows: usize, days: i64) {
    for_each(users, &app.key(&project.sk_live), |secret, user| {
        let balance = secret.get(&format!("/v1/user/balance?user_id={}", encoded(user.id)));
        let pending = micros(&balance.ok()["pending_rewards"]);
        let expected = user.expected(days);
        assert!(expected.contains(&pending), "{} earned {pending}, not {expected:?}", user.id);
    });
    let key = app.key(&project.pk_live);
    let all = key.get("/v1/analytics?start_date=2017-01-01&end_date=2026-12-31");
    assert_eq!(all.ok()["total_events"], rows);
    assert_eq!(all.ok()["unique_users"], users.len());
    assert_eq!(all.ok()["events_by_type"], json!({"track": rows, "page_view": 0, "identify": 0}));
    let by_day = all.ok()["events_by_day"].as_array().expect("days are a list");
    let counted: u64 = by_day.iter().filter_map(|day| day["count"].as_u64()).sum();
    assert_eq!(counted, rows as u64);
    app.assert_balanced();
}

fn replay(app: &TestApp, file: &Path, project: &Project) {
    let url = app.anonymous().base().to_owned();
    let file = file.to_string_lossy();
    let arguments = ["replay", &file, "--url", &url, "--key", &project.pk_live, "--batch", "500"];
    let ran = app.run(&arguments);
    assert!(ran.status.success(), "replay: {}\n{}", ran.status, ran.text);
}

/// Calls `ask` for every user, from several connections.
fn for_each(users: &[User<'_>], caller: &Caller, ask: impl Fn(&Caller, &User<'_>) + Sync) {
    let share = users.len().div_ceil(CLIENTS);
    std::thread::scope(|scope| {
        for users in users.chunks(share) {
            let (caller, ask) = (caller.on_its_own_connection(), &ask);
            scope.spawn(move || users.iter().for_each(|user| ask(&caller, user)));
        }
    });
}

fn count_rows(file: &Path) -> BTreeMap<String, usize> {
    let file = File::open(file).expect("the file can be read");
    let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
    let headers = reader.headers().expect("the file has a first line");
    let user = headers.iter().position(|name| name == "user").expect("there is a column `user`");
    let mut rows = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("each row has all columns");
        *rows.entry(record[user].to_owned()).or_insert(0) += 1;
    }
    rows
}

/// The path of the file. If it is absent and not required, says so and returns `None`.
fn find_file() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let named = std::env::var_os("PRIV_TEST_DATA").map(PathBuf::from);
    let found = named.into_iter().chain([beside]).map(|dir| dir.join(FILE)).find(|f| f.is_file());
    if found.is_none() {
        let required = std::env::var_os("PRIV_REQUIRE_TEST_DATA").is_some_and(|v| v == "1");
        assert!(!required, "{FILE} is neither in PRIV_TEST_DATA nor in ../shared/data");
        println!("skipped: {FILE} is neither in PRIV_TEST_DATA nor in ../shared/data");
    }
    found
}
