use std::io::Write;

use actix_web::FromRequest;
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use expect_test::expect;
use priv_domain::Micros;

use super::body::{BodyLimits, read_body};
use super::json::{JsonBody, OptionalJsonBody, read_object};
use crate::error::{ApiError, Detail, ErrorCode};
use crate::idempotency::fingerprint;
use crate::wire::amount::Amount;
use crate::wire::depth::{MAX_DEPTH, nests_too_deep};
use crate::wire::integer::Count;
use crate::wire::json::parse_json;
use crate::wire::list::List;
use crate::wire::member::{OrDefault, body};
use crate::wire::param::{Required, query, read_query};
use crate::wire::text::Text;

body! {
    pub(crate) struct Order: default {
        items: OrDefault<List<Item, 0, 5>>,
    }
}

body! {
    pub(crate) struct Item {
        name: Text<1, 5>,
        price_priv: Amount,
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

fn bare_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("into memory")
}

fn brotli(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut bytes, &mut out, &brotli::enc::BrotliEncoderParams::default())
        .expect("into memory");
    out
}

async fn read(encoding: &str, body: Vec<u8>, limits: BodyLimits) -> Result<Bytes, ApiError> {
    let mut request = TestRequest::post().set_payload(body);
    if !encoding.is_empty() {
        request = request.insert_header(("content-encoding", encoding));
    }
    let (request, payload) = request.to_http_parts();
    read_body(&request, payload, limits).await
}

fn code<T>(result: Result<T, ApiError>) -> Result<T, ErrorCode> {
    result.map_err(|error| error.code())
}

#[actix_web::test]
async fn bodies_are_decoded_as_they_say() {
    let text = b"hello".repeat(50);
    let (json, events) = (BodyLimits::JSON, BodyLimits::EVENTS);
    let table = [
        ("", text.clone(), json),
        ("identity", text.clone(), json),
        ("gzip", gzip(&text), json),
        ("X-GZIP", gzip(&text), json),
        ("deflate", zlib(&text), json),
        ("deflate", bare_deflate(&text), json),
        ("zstd", zstd(&text), json),
        ("br", brotli(&text), json),
        ("", gzip(&text), events),
        ("gzip", text.clone(), events),
        ("gzip", gzip(&text), events),
    ];
    for (encoding, body, limits) in table {
        assert_eq!(code(read(encoding, body, limits).await), Ok(text.clone().into()), "{encoding}");
    }
}

#[actix_web::test]
async fn bodies_that_lie_about_their_encoding_are_refused() {
    let refused = [
        ("gzip", b"{}".to_vec(), ErrorCode::InvalidRequest),
        ("gzip", gzip(b"hello")[..12].to_vec(), ErrorCode::InvalidRequest),
        ("zstd", gzip(b"hello"), ErrorCode::InvalidRequest),
        ("br", b"\xff\xff\xff".to_vec(), ErrorCode::InvalidRequest),
        ("compress", b"{}".to_vec(), ErrorCode::UnsupportedMediaType),
        ("gzip, br", gzip(b"hello"), ErrorCode::UnsupportedMediaType),
    ];
    for (encoding, body, expected) in refused {
        assert_eq!(code(read(encoding, body, BodyLimits::JSON).await), Err(expected), "{encoding}");
    }
}

#[actix_web::test]
async fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 256 << 20];
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("zstd", zstd(&zeros)),
        ("br", brotli(&zeros[..64 << 20])),
    ];
    for (encoding, bomb) in bombs {
        assert!(bomb.len() < BodyLimits::EVENTS.wire_bytes, "{encoding} is small on the wire");
        let refused = read(encoding, bomb, BodyLimits::EVENTS).await;
        assert_eq!(code(refused), Err(ErrorCode::PayloadTooLarge), "{encoding}");
    }
}

#[actix_web::test]
async fn the_limit_itself_passes_and_one_more_does_not() {
    let limits = BodyLimits { wire_bytes: 1000, decoded_bytes: 1000, ..BodyLimits::JSON };
    let (fits, too_large) = (vec![b' '; 1000], vec![b' '; 1001]);
    assert_eq!(read("", fits.clone(), limits).await.map(|body| body.len()).ok(), Some(1000));
    assert_eq!(read("gzip", gzip(&fits), limits).await.map(|body| body.len()).ok(), Some(1000));
    for (encoding, body) in [("", too_large.clone()), ("gzip", gzip(&too_large))] {
        let refused = read(encoding, body, limits).await;
        assert_eq!(code(refused), Err(ErrorCode::PayloadTooLarge), "{encoding}");
    }
    let tight = BodyLimits { wire_bytes: 1000, decoded_bytes: 9000, ..BodyLimits::JSON };
    assert_eq!(code(read("", too_large, tight).await), Err(ErrorCode::PayloadTooLarge), "wire");
    let (request, payload) =
        TestRequest::post().insert_header(("content-length", "1001")).to_http_parts();
    let refused = read_body(&request, payload, limits).await;
    assert_eq!(code(refused), Err(ErrorCode::PayloadTooLarge), "announced");
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn nesting_is_counted_outside_of_strings_only() {
    let table = [
        (nested(MAX_DEPTH), false),
        (nested(MAX_DEPTH + 1), true),
        (format!("[{},{}]", nested(MAX_DEPTH - 1), nested(MAX_DEPTH - 1)), false),
        (format!("\"{}\"", nested(1000).replace(']', "")), false),
        (format!(r#""\"{}""#, "[".repeat(1000)), false),
        (format!(r#""\\",{}"#, nested(MAX_DEPTH + 1)), true),
        (r#"{"a":"#.repeat(MAX_DEPTH + 1), true),
    ];
    for (json, expected) in table {
        assert_eq!(nests_too_deep(json.as_bytes()), expected, "{json}");
    }
}

#[test]
fn refusals_say_what_and_where() {
    let fit = br#"{"items":[{"name":"a","price_priv":1.5}]}"#;
    let order: Order = read_object(fit).expect("an order");
    let items: Vec<_> =
        order.items.0.0.iter().map(|item| (&*item.name.0, item.price_priv.0)).collect();
    assert_eq!(items, [("a", Micros::new(1_500_000))]);
    let deep = nested(65);
    let table: [&[u8]; 18] = [
        b"",
        b" \n",
        b"{",
        b"{\"items\":[}",
        b"{\"items\":[]} x",
        b"\xff{}",
        deep.as_bytes(),
        br#"[1]"#,
        br#"{"items":[{"name":"a","price_priv":1},{"name":"b","price_priv":0.0000001}]}"#,
        br#"{"items":[{"name":"a","price_priv":"1.5"}]}"#,
        br#"{"items":[{"name":"a","price_priv":-1}]}"#,
        br#"{"items":[{"name":1,"price_priv":1}]}"#,
        br#"{"items":[{"price_priv":1}]}"#,
        br#"{"items":[],"extra":1}"#,
        br#"{"items":[{"name":"","price_priv":0},{"name":"long name","price_priv":0}]}"#,
        br#"{"items":{"name":"a","price_priv":0}}"#,
        br#"{"items":[["a",0]]}"#,
        br#"{"items":[],"items":[]}"#,
    ];
    let mut said = String::new();
    for body in table {
        let error = read_object::<Order>(body).expect_err("each of these is wrong");
        said.push_str(&format!("{error:?}\n"));
    }
    expect![[r#"
        INVALID_REQUEST: The body is empty: send a JSON document
        INVALID_REQUEST: The body is empty: send a JSON document
        INVALID_REQUEST: The body breaks off at line 1 column 1
        INVALID_REQUEST: The body is not valid JSON at line 1 column 11
        INVALID_REQUEST: The body is not valid JSON at line 1 column 14
        INVALID_REQUEST: The body is not UTF-8 at byte 0: encode it as UTF-8
        INVALID_REQUEST: The body is nested more than 64 levels deep: flatten it
        VALIDATION_ERROR: must be an object; : must be an object
        VALIDATION_ERROR: items[1].price_priv: must have at most 6 decimals; items[1].price_priv: must have at most 6 decimals
        VALIDATION_ERROR: items[0].price_priv: must be a number of PRIV; items[0].price_priv: must be a number of PRIV
        VALIDATION_ERROR: items[0].price_priv: must not be negative; items[0].price_priv: must not be negative
        VALIDATION_ERROR: items[0].name: invalid type: integer `1`, expected a string; items[0].name: invalid type: integer `1`, expected a string
        VALIDATION_ERROR: items[0].name: is required; items[0].name: is required
        VALIDATION_ERROR: extra: is not known here, expected `items`; extra: is not known here, expected `items`
        VALIDATION_ERROR: Request validation failed; items[0].name: must have 1 to 5 characters; items[1].name: must have 1 to 5 characters
        VALIDATION_ERROR: items: invalid type: map, expected a sequence; items: invalid type: map, expected a sequence
        VALIDATION_ERROR: items[0]: invalid type: sequence, expected an object; items[0]: invalid type: sequence, expected an object
        VALIDATION_ERROR: duplicate field `items`; : duplicate field `items`
    "#]].assert_eq(&said);
}

#[test]
fn money_goes_in_and_out_exactly() {
    for digits in ["0", "1", "0.1", "0.000001", "18446744073709.551615", "123456789.123456"] {
        let amount: Amount = parse_json(digits.as_bytes()).expect("an amount");
        assert_eq!(serde_json::to_string(&amount).expect("JSON"), digits);
    }
    let same = [("1e-3", "0.001"), ("1.50E1", "15"), ("0.1000000000000000000000", "0.1")];
    for (sent, shown) in same {
        let amount: Amount = parse_json(sent.as_bytes()).expect("an amount");
        assert_eq!(serde_json::to_string(&amount).expect("JSON"), shown);
    }
}

async fn json_body(content_type: &str, body: &str) -> Result<JsonBody<Order>, ErrorCode> {
    let (request, mut payload) = TestRequest::post()
        .insert_header(("content-type", content_type))
        .set_payload(body.to_owned())
        .to_http_parts();
    code(JsonBody::<Order>::from_request(&request, &mut payload).await)
}

#[actix_web::test]
async fn only_json_is_taken_for_json() {
    let fit = ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"];
    for content_type in fit {
        let body = json_body(content_type, r#"{"items":[]}"#).await.expect("JSON");
        assert_eq!(body.fingerprint(), fingerprint(br#"{"items":[]}"#));
        assert_ne!(body.fingerprint(), fingerprint(br#"{"items": []}"#));
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "é+json", "+json"] {
        let refused = json_body(content_type, "{}").await.map(|_| ());
        assert_eq!(refused, Err(ErrorCode::UnsupportedMediaType), "{content_type}");
    }
}

#[actix_web::test]
async fn an_optional_body_may_be_left_out_but_not_be_wrong() {
    let (request, mut payload) = TestRequest::post().to_http_parts();
    let OptionalJsonBody(body) =
        OptionalJsonBody::<Order>::from_request(&request, &mut payload).await.expect("nothing");
    assert!(body.value.items.0.0.is_empty());
    let (request, mut payload) = TestRequest::post()
        .insert_header(("content-type", "application/json"))
        .set_payload("[")
        .to_http_parts();
    let refused = OptionalJsonBody::<Order>::from_request(&request, &mut payload).await;
    assert_eq!(code(refused).map(|_| ()), Err(ErrorCode::InvalidRequest));
}

query! {
    pub(crate) struct Paging {
        limit: Required<Count>,
        tag: Option<Text<1, 5>>,
    }
}

#[test]
fn wrong_parameters_are_named() {
    let table = [
        ("", "limit: is required"),
        ("limit=x", "limit: must be a whole number"),
        ("limit=1&limit=2", "query: duplicate field `limit`"),
        ("limit=x&tag=", "limit: must be a whole number, tag: must have 1 to 5 characters"),
    ];
    for (query, expected) in table {
        let refused = read_query::<Paging>(query).err();
        let details = refused.map(|error| error.details().to_vec()).unwrap_or_default();
        let told = |wrong: &Detail| format!("{}: {}", wrong.path, wrong.issue);
        let told: Vec<_> = details.iter().map(told).collect();
        assert_eq!(told.join(", "), expected, "{query}");
    }
    let paging: Paging =
        read_query("limit=7&tag=%C3%A9&other=1").expect("what is not known is no matter");
    assert_eq!((paging.limit.0.0, paging.tag), (7, Some(Text("é".into()))));
}
