//! What goes back.

use expect_test::expect;

use super::*;
use priv_domain::Micros;

fn mixed() -> Vec<EventAnswer<'static>> {
    let taken = |id: &'static str, taken| EventAnswer { id: Some(id.into()), result: Ok(taken) };
    vec![
        taken("uuid-1", Taken::Accepted),
        taken("uuid-2", Taken::Duplicate),
        taken("uuid-3", Taken::Later),
        EventAnswer {
            id: Some("uuid-4".into()),
            result: Err((Verdict::Dropped, "consent_missing".into(), "no \"consent\"".into())),
        },
        EventAnswer {
            id: None,
            result: Err((Verdict::Rejected, "not_an_object".into(), "not an object".into())),
        },
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
fn what_is_refused_here_is_answered_as_it_is() {
    let batch = parse(br#"[{"event":"x","uuid":"uuid-1"}]"#, POSTHOG, RECEIVED).expect("a batch");
    let refused = batch.events[0].as_ref().expect_err("nobody is named");
    expect![[r#"{"results":{"uuid-1":{"result":"drop","details":"missing_user"}}}"#]]
        .assert_eq(&capture_v1_answer(&[refused.into()]));
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
