//! `privd` without any settings: a sandbox, or a refusal that says what to set.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::app::TestApp;
use super::server::Server;

#[test]
fn what_the_sandbox_prints_can_be_pasted_and_tells_the_story() {
    let mut app = TestApp::bare();
    app.set("PRIV_LISTEN", "127.0.0.1:0");
    app.resume();
    let printed = app.server().stdout();
    let commands = commands_in(&printed);
    assert!(commands.len() >= 4, "events, pending, claim, balance are to be pasted: {printed:#?}");
    let answers: Vec<(String, Value)> = commands.iter().map(|command| pasted(command)).collect();
    let amount = |value: &Value| value.as_f64();
    let events = answers.iter().position(|(command, _)| command.contains("/events"));
    let (events, claim) = (
        events.expect("events are sent"),
        answers.iter().position(|(c, _)| c.contains("/claim")).expect("something is claimed"),
    );
    assert!(amount(&answers[events].1["data"]["earned_priv"]) > Some(0.0), "{answers:#?}");
    let balances: Vec<&Value> = answers
        .iter()
        .filter(|(command, _)| command.contains("/user/balance"))
        .map(|(_, answer)| &answer["data"])
        .collect();
    let grew = balances.iter().any(|balance| amount(&balance["pending_rewards"]) > Some(0.0));
    assert!(grew, "the pending reward is seen to grow: {answers:#?}");
    let claimed = amount(&answers[claim].1["data"]["claimed_priv"]);
    assert!(claimed > Some(0.0), "{answers:#?}");
    let last = balances.last().expect("a balance is shown");
    assert_eq!(amount(&last["priv_balance"]), claimed, "{answers:#?}");
}

#[test]
fn the_sandbox_keeps_its_secrets_to_itself_and_comes_up_again_with_them() {
    let mut app = TestApp::bare();
    app.set("PRIV_LISTEN", "127.0.0.1:0");
    app.resume();
    let secrets = secrets_in(&app.server().stdout());
    assert!(!secrets.is_empty(), "keys and a token are printed");
    let files: Vec<PathBuf> = std::fs::read_dir(app.data_dir())
        .expect("the data directory can be read")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.is_file() && is_secret(path, &secrets))
        .collect();
    assert!(!files.is_empty(), "the secrets are kept in files");
    for file in files {
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file:?} can be read by others: {mode:o}");
    }
    app.restart();
    for command in commands_in(&app.server().stdout()) {
        pasted(&command);
    }
}

#[test]
fn a_public_address_without_secrets_is_refused_with_what_to_set() {
    let mut app = TestApp::bare();
    app.set("PRIV_LISTEN", "0.0.0.0:0");
    refused_naming(&app, &["PRIV_ADMIN_TOKEN", "PRIV_JWT_SECRET"]);
    app.set("PRIV_ADMIN_TOKEN", super::app::ADMIN_TOKEN);
    refused_naming(&app, &["PRIV_JWT_SECRET"]);
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    for (name, value) in [
        ("PRIV_LISTEN", "nowhere"),
        ("PRIV_USER_PLAN", "gold"),
        ("PRIV_PERSON_IDS", "maybe"),
        ("PRIV_LOG", "loud"),
        ("PRIV_JWKS", "/no/such/file.json"),
        ("PRIV_JOURNAL_SEGMENT_BYTES", "many"),
    ] {
        let app = TestApp::stopped(&[(name, value)]);
        refused_naming(&app, &[value]);
    }
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_bucket_is_refused_by_a_build_without_s3_with_what_to_do() {
    let app = TestApp::stopped(&[
        ("PRIV_S3_BUCKET", "contents"),
        ("PRIV_S3_ACCESS_KEY", "key"),
        ("PRIV_S3_SECRET_KEY", "secret"),
    ]);
    refused_naming(&app, &["PRIV_S3_BUCKET", "contents", "--features s3", "data directory"]);
}

#[test]
fn privd_itself_tells_whether_the_service_is_ready() {
    let mut app = TestApp::stopped(&[]);
    app.fix_port();
    assert!(!app.run(&["ready"]).status.success(), "nothing listens yet");
    app.resume();
    let ready = app.run(&["ready"]);
    assert!(ready.status.success(), "{}", ready.text);
    app.stop();
    assert!(!app.run(&["ready"]).status.success(), "it has stopped");
}

#[track_caller]
fn refused_naming(app: &TestApp, words: &[&str]) {
    let log = app.scratch().join("refusal.log");
    let mut server = Server::spawn(app.command(&[]), &log);
    let status = server.wait(Duration::from_secs(20)).expect("it refuses at once");
    let said = std::fs::read_to_string(log).expect("it said why");
    assert!(!status.success(), "{status}: {said}");
    for word in words {
        assert!(said.contains(word), "{word} is not named: {said}");
    }
}

/// The `curl` commands among the lines, each preceded by the variables that were set before it.
/// Lines that end in a backslash are joined with the next.
fn commands_in(printed: &[String]) -> Vec<String> {
    let text = printed.join("\n").replace("\\\n", " ");
    let (mut variables, mut commands) = (String::new(), Vec::new());
    for line in text.lines().map(|line| line.trim().trim_start_matches("$ ")) {
        let name = line.split('=').next().unwrap_or_default();
        if line.starts_with("curl ") {
            commands.push(format!("{variables}{line}"));
        } else if line.contains('=') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            variables.push_str(line);
            variables.push('\n');
        }
    }
    commands
}

/// Whether a file holds a secret: its name says so, or its content was printed as one.
fn is_secret(file: &Path, secrets: &[String]) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    ["secret", "token"].iter().any(|word| name.contains(word))
        || secrets.iter().any(|secret| text.contains(secret.as_str()))
}

/// Runs a command as a reader would paste it; its answer must be a success.
#[track_caller]
fn pasted(command: &str) -> (String, Value) {
    let output = Command::new("sh").args(["-c", command]).output().expect("there is a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{text}\n{errors}");
    // If curl is asked to print the headers, they come before the body.
    let body = text.find('{').map_or("", |at| &text[at..]);
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{command}\n{text}"));
    assert_eq!(answer["success"], true, "{command}\n{text}");
    (command.to_owned(), answer)
}

/// Keys and tokens among the lines.
fn secrets_in(printed: &[String]) -> Vec<String> {
    let words = printed.iter().flat_map(|line| line.split(|c: char| " '\"".contains(c)));
    let secret = |word: &&str| ["pk_", "sk_", "eyJ"].iter().any(|prefix| word.starts_with(prefix));
    words.filter(secret).map(str::to_owned).collect()
}
