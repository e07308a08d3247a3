//! Tests of the bodies of answers.

use expect_test::expect;

use super::*;
use priv_domain::Micros;
use priv_domain::user::Verdict;

fn mixed() -> Vec<EventOutcome> {
    let sent = |id: &str, verdict| EventOutcome::Sent { id: id.to_owned(), verdict };
    let refused = |refusal, code, message: &str, id: Option<&str>| {
        let (message, id) = (message.to_owned(), id.map(str::to_owned));
        EventOutcome::Refused(Refused { refusal, code, message, id })
    };
    vec![
        sent("uuid-1", Some(Verdict::Accepted { earned: Micros::new(97_001) })),
        sent("uuid-2", Some(Verdict::Duplicate)),
        sent("uuid-3", None),
        refused(Refusal::Dropped, "consent_missing", "no \"consent\"", Some("uuid-4")),
        refused(Refusal::Rejected, "not_an_object", "not an object", None),
    ]
}

#[test]
fn our_own_answer_counts_all_and_lists_the_exceptions() {
    let earned = Micros::new(97_001);
    expect![[r#"{"success":true,"data":{"accepted":1,"duplicates":1,"dropped":1,"rejected":1,"earned_priv":0.097001,"results":[{"index":1,"id":"uuid-2","result":"duplicate"},{"index":2,"id":"uuid-3","result":"retry"},{"index":3,"id":"uuid-4","result":"dropped","code":"consent_missing","message":"no \"consent\""},{"index":4,"result":"rejected","code":"not_an_object","message":"not an object"}]}}"#]].assert_eq(&events_answer(&mixed(), earned, Listed::Exceptions));
    expect![[r#"{"success":true,"data":{"accepted":1,"duplicates":0,"dropped":0,"rejected":0,"earned_priv":0,"results":[{"index":0,"id":"uuid-1","result":"accepted"}]}}"#]].assert_eq(&events_answer(&mixed()[..1], Micros::ZERO, Listed::All));
    expect![[r#"{"success":true,"data":{"accepted":0,"duplicates":0,"dropped":0,"rejected":0,"earned_priv":0,"results":[]}}"#]].assert_eq(&events_answer(&[], Micros::ZERO, Listed::Exceptions));
}

#[test]
fn the_new_capture_answer_has_a_verdict_for_each_uuid() {
    expect![[r#"{"results":{"uuid-1":{"result":"ok"},"uuid-2":{"result":"ok"},"uuid-3":{"result":"retry","details":"not_persisted"},"uuid-4":{"result":"drop","details":"consent_missing"}}}"#]].assert_eq(&capture_v1_answer(&mixed()));
    expect![[r#"{"results":{}}"#]].assert_eq(&capture_v1_answer(&[]));
}

#[test]
fn what_a_user_says_of_an_event_is_told() {
    let verdicts =
        [Verdict::ConsentWithdrawn, Verdict::ConsentMissing, Verdict::TooMany, Verdict::Elsewhere];
    let told = verdicts.map(|verdict| {
        let event = EventOutcome::Sent { id: "a".to_owned(), verdict: Some(verdict) };
        let ours = events_answer(std::slice::from_ref(&event), Micros::ZERO, Listed::Exceptions);
        let ours: serde_json::Value = serde_json::from_str(&ours).expect("JSON");
        format!("{} {}\n", ours["data"]["results"][0], capture_v1_answer(&[event]))
    });
    expect![[r#"
        {"code":"consent_withdrawn","id":"a","index":0,"message":"The user has refused analytics","result":"dropped"} {"results":{"a":{"result":"drop","details":"consent_withdrawn"}}}
        {"code":"consent_missing","id":"a","index":0,"message":"The user has not been asked, and the event does not say that consent was given","result":"dropped"} {"results":{"a":{"result":"drop","details":"consent_missing"}}}
        {"code":"too_many_events","id":"a","index":0,"message":"This user has sent more events in three days than repeats are recognised among","result":"rejected"} {"results":{"a":{"result":"drop","details":"too_many_events"}}}
        {"id":"a","index":0,"result":"retry"} {"results":{"a":{"result":"retry","details":"not_persisted"}}}
    "#]].assert_eq(&told.concat());
}

#[test]
fn what_is_refused_here_is_answered_as_it_is() {
    let batch = parse(br#"[{"event":"x","uuid":"uuid-1"}]"#, POSTHOG, RECEIVED).expect("a batch");
    let refused = batch.events[0].as_ref().expect_err("nobody is named");
    expect![[r#"{"results":{"uuid-1":{"result":"drop","details":"missing_user"}}}"#]]
        .assert_eq(&capture_v1_answer(&[EventOutcome::Refused(refused.clone())]));
}

#[test]
fn the_fixed_answers_are_json() {
    for answer in [CAPTURE_ANSWER, REMOTE_CONFIG_ANSWER, &flags_answer("id\"quoted")] {
        let json: serde_json::Value = serde_json::from_str(answer).expect("JSON");
        assert!(json.is_object(), "{answer}");
    }
    let settings = segment_settings_answer("pk_live_x", "api.priv.io", "https");
    expect![[r#"{"integrations":{"Segment.io":{"apiHost":"api.priv.io/v1","apiKey":"pk_live_x","protocol":"https"}}}"#]].assert_eq(&settings);
    expect![[r#"{"flags":{},"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false,"supportedCompression":["gzip","gzip-js"],"sessionRecording":false,"requestId":"00000000-0000-4000-8000-000000000000"}"#]].assert_eq(&flags_answer("00000000-0000-4000-8000-000000000000"));
}
