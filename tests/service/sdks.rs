//! Unmodified SDKs of other vendors, pointed at this service: every call arrives once, even while
//! the service limits them or is killed.
//!
//! They are installed by `tests/sdks/install`, at pinned versions, into `PRIV_SDK_CACHE`
//! (`target/sdks`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::app::{TestApp, wait_for};
use super::story::{Project, analytics_path};

/// Number of calls that each script makes: an identify, 100 tracks, a page.
const CALLS: u64 = 102;

/// The time that a script may take, retries included.
const PATIENCE: Duration = Duration::from_secs(150);

/// A script of `tests/sdks`.
struct Sdk {
    program: &'static str,
    script: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

/// The protocol that a script uses.
#[derive(Clone, Copy)]
struct Pace {
    flush_at: u32,
    between_ms: u32,
}

const USUAL: Pace = Pace { flush_at: 15, between_ms: 0 };
/// More requests than a limited project may make in a second.
const HASTY: Pace = Pace { flush_at: 4, between_ms: 0 };
/// Long enough for the service to be killed meanwhile.
const SLOW: Pace = Pace { flush_at: 5, between_ms: 20 };

#[test]
fn analytics_node_delivers_everything_once() {
    delivers_everything_once(&Sdk {
        program: "node",
        script: "analytics-node.mjs",
        variables: &[],
    });
}

#[test]
fn segment_analytics_python_delivers_everything_once() {
    delivers_everything_once(&Sdk {
        program: "venv/bin/python",
        script: "analytics-python.py",
        variables: &[],
    });
}

#[test]
fn posthog_node_delivers_everything_once() {
    delivers_everything_once(&Sdk { program: "node", script: "posthog-node.mjs", variables: &[] });
}

#[test]
fn posthog_node_delivers_everything_once_by_its_newer_route() {
    delivers_everything_once(&Sdk {
        program: "node",
        script: "posthog-node.mjs",
        variables: &[("POSTHOG_CAPTURE_MODE", "v1")],
    });
}

fn delivers_everything_once(sdk: &Sdk) {
    let cache = install();
    let mut app = TestApp::stopped(&[]);
    app.fix_port();
    app.resume();
    let project =
        |app: &TestApp, plan: &str| app.project(json!({"plan": plan, "consent_policy": "opt_out"}));

    let plain = project(&app, "enterprise");
    sdk.start(&cache, &app, &plain, USUAL).finish();
    assert_delivered(&app, &plain, "as usual");

    let limits = json!({"requests_per_second": 2});
    let limited =
        app.project(json!({"plan": "free", "limits": limits, "consent_policy": "opt_out"}));
    sdk.start(&cache, &app, &limited, HASTY).finish();
    assert_delivered(&app, &limited, "through 429");
    let metrics = app.anonymous().get("/metrics");
    let metrics = String::from_utf8_lossy(&metrics.body);
    let refused = metrics.lines().find(|line| line.contains("\"429\"")).unwrap_or_default();
    assert!(!refused.is_empty() && !refused.ends_with(" 0"), "nothing was limited: {metrics}");

    let killed = app.project(json!({"consent_policy": "opt_out"}));
    let visit = sdk.start(&cache, &app, &killed, SLOW);
    wait_for("the visit to be under way", PATIENCE, || (total(&app, &killed) >= 20).then_some(()));
    app.kill9();
    app.resume();
    visit.finish();
    assert_delivered(&app, &killed, "across a kill");
}

#[track_caller]
fn assert_delivered(app: &TestApp, project: &Project, how: &str) {
    let answer = app.key(&project.sk_live).get(&analytics_path());
    let data = answer.ok();
    let by_type = json!({"track": 100, "page_view": 1, "identify": 1});
    assert_eq!(data["events_by_type"], by_type, "{how}");
    assert_eq!(data["total_events"], CALLS, "{how}");
    assert_eq!(data["unique_users"], 1, "{how}");
    let pages = json!([{"page_url": "https://shop.example/home", "views": 1}]);
    assert_eq!(data["top_pages"], pages, "{how}");
}

fn total(app: &TestApp, project: &Project) -> u64 {
    let answer = app.key(&project.sk_live).get(&analytics_path());
    answer.ok()["total_events"].as_u64().unwrap_or_default()
}

impl Sdk {
    fn start(&self, cache: &Path, app: &TestApp, project: &Project, pace: Pace) -> Visit {
        let own = cache.join(self.program);
        let program = if own.exists() { own } else { PathBuf::from(self.program) };
        let log = app.scratch().join(format!("{}-{}.log", self.script, project.id));
        let output = File::create(&log).expect("the log can be written");
        let errors = output.try_clone().expect("a file can be cloned");
        let child = Command::new(program)
            .arg(self.script)
            .current_dir(cache)
            .env("PRIV_URL", app.anonymous().base())
            .env("PRIV_KEY", &project.pk_live)
            .env("PRIV_FLUSH_AT", pace.flush_at.to_string())
            .env("PRIV_PACE_MS", pace.between_ms.to_string())
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .envs(self.variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .expect("the SDK's program was found before");
        Visit { child, log }
    }
}

/// A running script; it is killed if nobody waits for its end.
struct Visit {
    child: Child,
    log: PathBuf,
}

impl Visit {
    #[track_caller]
    fn finish(mut self) {
        let status = wait_for("the SDK to deliver everything", PATIENCE, || {
            self.child.try_wait().expect("a child can be waited for")
        });
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        println!("{said}");
        assert!(status.success(), "{status}: {said}");
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Installs the SDKs if that has not been done, and returns their folder.
fn install() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for program in ["node", "npm", "python3"] {
        let found = Command::new(program).arg("--version").output();
        let found = found.is_ok_and(|output| output.status.success());
        assert!(found, "`{program}` is needed to try the SDKs and is not to be found");
    }
    let named = std::env::var_os("PRIV_SDK_CACHE").map(PathBuf::from);
    let cache = root.join(named.unwrap_or_else(|| root.join("target/sdks")));
    fs::create_dir_all(&cache).expect("the cache can be made");
    // One at a time: each test is a process of its own.
    let lock = File::create(cache.join("lock")).expect("the cache can be written");
    lock.lock().expect("a lock can be waited for");
    let output = Command::new(root.join("tests/sdks/install")).arg(&cache).output();
    let output = output.expect("the setup script can be run");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "tests/sdks/install: {}", String::from_utf8_lossy(&said));
    cache
}
