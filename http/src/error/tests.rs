use actix_web::body::to_bytes;
use expect_test::expect;
use serde_json::Value;

use super::*;

#[test]
fn every_code_has_its_status_and_a_page_that_names_it() {
    let table = [
        ("INVALID_API_KEY", 401),
        ("UNAUTHORIZED", 401),
        ("FORBIDDEN", 403),
        ("RATE_LIMITED", 429),
        ("INVALID_REQUEST", 400),
        ("VALIDATION_ERROR", 400),
        ("NOT_FOUND", 404),
        ("SERVER_ERROR", 500),
        ("INSUFFICIENT_BALANCE", 402),
        ("METHOD_NOT_ALLOWED", 405),
        ("CONFLICT", 409),
        ("PAYLOAD_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("IDEMPOTENCY_MISMATCH", 422),
        ("OVERLOADED", 503),
    ];
    assert_eq!(ErrorCode::ALL.len(), table.len());
    for (name, status) in table {
        let code = ErrorCode::from_name(name).expect("the code is in the table");
        assert_eq!(code.status().as_u16(), status, "{name}");
        assert!(code.page().starts_with(&format!("# {name}\n\nHTTP status {status}: ")), "{name}");
    }
}

#[test]
fn the_envelope_carries_what_the_contract_says() {
    let error = ApiError::validation(vec![
        Detail::new("events[3].timestamp", "must be RFC 3339"),
        Detail::new("title", "is too short"),
    ]);
    let body = write_error_body(&error, Some("req-1"), "http://localhost:8080");
    expect![[r#"{"success":false,"error":{"code":"VALIDATION_ERROR","message":"Request validation failed","request_id":"req-1","doc_url":"http://localhost:8080/docs/errors/VALIDATION_ERROR","details":[{"path":"events[3].timestamp","issue":"must be RFC 3339"},{"path":"title","issue":"is too short"}]}}"#]]
    .assert_eq(std::str::from_utf8(&body).expect("JSON is UTF-8"));
}

#[test]
fn amounts_in_an_error_are_exact_numbers() {
    let error = ApiError::insufficient_balance(Micros::new(u64::MAX), Micros::new(1));
    let body = write_error_body(&error, None, "");
    expect![[r#"{"success":false,"error":{"code":"INSUFFICIENT_BALANCE","message":"This takes 18446744073709.551615 PRIV; 0.000001 PRIV is available","doc_url":"/docs/errors/INSUFFICIENT_BALANCE","required_priv":18446744073709.551615,"available_priv":0.000001}}"#]]
    .assert_eq(std::str::from_utf8(&body).expect("JSON is UTF-8"));
}

#[test]
fn waiting_is_announced_wherever_waiting_helps() {
    for error in [
        ApiError::new(ErrorCode::Overloaded),
        ApiError::overloaded(0),
        ApiError::new(ErrorCode::RateLimited),
        ApiError::rate_limited(0),
    ] {
        let response = error.error_response();
        assert_eq!(response.headers().get("retry-after").map(|v| v.as_bytes()), Some(&b"1"[..]));
    }
    let response = ApiError::rate_limited(3600).error_response();
    assert_eq!(response.headers().get("retry-after").map(|v| v.as_bytes()), Some(&b"3600"[..]));
}

#[actix_web::test]
async fn a_failure_tells_the_client_nothing_of_its_cause() {
    let cause = std::io::Error::other("disk /dev/sda1 is full");
    let body = to_bytes(ApiError::server_error(&cause).error_response().into_body()).await;
    let body: Value = serde_json::from_slice(&body.expect("the body is in memory")).expect("JSON");
    assert_eq!(body["error"]["code"], "SERVER_ERROR");
    assert_eq!(body["error"]["message"], "Internal server error");
}
