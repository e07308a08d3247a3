//! Gives each request an id: the client's, if it is fit for headers and logs, else one of ours.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use priv_domain::Timestamp;
use ulid::Ulid;

pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_CHARS: usize = 128;

/// Makes ids that no two requests share, without asking the system for random numbers each time.
#[derive(Default)]
pub(crate) struct RequestIds {
    high: RandomState,
    low: RandomState,
    made: AtomicU64,
}

impl RequestIds {
    /// The id of a request with these headers.
    pub(super) fn of(&self, headers: &HeaderMap, now: Timestamp) -> HeaderValue {
        let mut sent = headers.get_all(&REQUEST_ID);
        match (sent.next(), sent.next()) {
            (Some(id), None) if is_fit(id.as_bytes()) => id.clone(),
            (Some(_) | None, _) => self.make(now),
        }
    }

    fn make(&self, now: Timestamp) -> HeaderValue {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (self.high.hash_one(count), self.low.hash_one(count));
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        let random = (u128::from(high) << 64) | u128::from(low);
        let mut buffer = [0; ulid::ULID_LEN];
        let text = Ulid::from_parts(millis, random).array_to_str(&mut buffer);
        HeaderValue::from_str(text).expect("a ULID is letters and digits")
    }
}

/// Whether an id has only letters, digits and the punctuation of common ids. Quotes, brackets,
/// backslashes and the like are refused, since ids are copied into logs and pages.
fn is_fit(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@#~,".contains(byte);
    (1..=MAX_CHARS).contains(&id.len()) && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use actix_web::test::TestRequest;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_717_200_000_000);

    #[test]
    fn a_fit_id_is_kept_and_any_other_is_replaced() {
        let long = "x".repeat(129);
        let table: [(&[u8], bool); 13] = [
            (b"abc", true),
            (b"6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d", true),
            (b"Root=1-67891233-abcdef012345678912345678", true),
            (b"01J0000000/0+_.:~@", true),
            (&long.as_bytes()[..128], true),
            (long.as_bytes(), false),
            (b"", false),
            (b"two words", false),
            (b"<script>", false),
            (b"a\"b", false),
            (b"a\\nb", false),
            (b"${jndi}", false),
            ("é".as_bytes(), false),
        ];
        let ids = RequestIds::default();
        for (sent, is_kept) in table {
            let value = HeaderValue::from_bytes(sent).expect("a header value");
            let request =
                TestRequest::get().insert_header(("x-request-id", value)).to_http_request();
            let id = ids.of(request.headers(), NOW);
            assert_eq!(id.as_bytes() == sent, is_kept, "{}", sent.escape_ascii());
            assert!(is_fit(id.as_bytes()));
        }
        let twice = TestRequest::get()
            .append_header(("x-request-id", "a"))
            .append_header(("x-request-id", "b"))
            .to_http_request();
        assert_eq!(ids.of(twice.headers(), NOW).len(), ulid::ULID_LEN);
    }

    #[test]
    fn made_ids_differ_and_tell_the_time() {
        let ids = RequestIds::default();
        let made: HashSet<_> = (0..10_000).map(|_| ids.make(NOW)).collect();
        assert_eq!(made.len(), 10_000);
        for id in made {
            let id = Ulid::from_string(id.to_str().expect("ASCII")).expect("a ULID");
            assert_eq!(id.timestamp_ms(), 1_717_200_000_000);
        }
    }
}
