use actix_web::test::TestRequest;
use expect_test::expect;

use super::*;

#[test]
fn keys_are_short_and_visible() {
    let long = "k".repeat(256);
    let table = [
        ("a", true),
        ("6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d", true),
        (&long[..255], true),
        (&long, false),
        ("", false),
        ("two words", false),
        ("schlüssel", false),
    ];
    let key_of = |request: TestRequest| {
        key_in(request.to_http_request().headers()).map_err(|error| error.code())
    };
    for (key, fits) in table {
        let value = HeaderValue::from_bytes(key.as_bytes()).expect("a header value");
        let read = key_of(TestRequest::post().insert_header((HEADER, value)));
        let expected = if fits { Ok(Some(key.into())) } else { Err(ErrorCode::ValidationError) };
        assert_eq!(read, expected, "{key}");
    }
    assert_eq!(key_of(TestRequest::post()), Ok(None));
    let twice = TestRequest::post().append_header((HEADER, "a")).append_header((HEADER, "b"));
    assert_eq!(key_of(twice), Err(ErrorCode::ValidationError));
}

#[test]
fn a_tag_is_of_caller_route_and_key() {
    let tag = |principal, environment, request: TestRequest, key| {
        tag(principal, environment, &request.to_http_request(), key, fingerprint(b"{}")).key
    };
    let post = |uri| TestRequest::post().uri(uri);
    let first = tag("person a", Environment::Live, post("/v1/user/link"), "k");
    assert_eq!(tag("person a", Environment::Live, post("/api/v1/user/link"), "k"), first);
    let others = [
        tag("person b", Environment::Live, post("/v1/user/link"), "k"),
        tag("person a", Environment::Test, post("/v1/user/link"), "k"),
        tag("person a", Environment::Live, TestRequest::put().uri("/v1/user/link"), "k"),
        tag("person a", Environment::Live, post("/v1/user/consent"), "k"),
        tag("person a", Environment::Live, post("/v1/user/link?user_id=a"), "k"),
        tag("person a", Environment::Live, post("/v1/user/link"), "l"),
    ];
    assert!(!others.contains(&first));
}

/// Tags are stored with answers.
#[test]
fn tags_are_the_same_in_every_version() {
    expect!["af1349b9f5f9a1a6a0404dea36dcc949"].assert_eq(&format!("{:?}", fingerprint(b"")));
    let request = TestRequest::post().uri("/v1/events?verbose=1").to_http_request();
    let tag = tag("project proj_a", Environment::Live, &request, "key", fingerprint(b"[]"));
    let shown = format!("{:032x} {:032x}", tag.key, tag.fingerprint);
    expect!["5cf3fc6c941b977f815540176974e6c9 d53d18c23212ea7b6300594bb89bce60"].assert_eq(&shown);
}
