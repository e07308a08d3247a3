use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use priv_domain::Environment;
use priv_domain::id::KeyId;

use super::*;

const DAY: i64 = 86_400;
/// The time at which tests begin, 2024-06-01T00:00:00Z, in Unix seconds.
const START: i64 = 1_717_200_000;

fn at_millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(START * 1_000 + millis)
}

fn at(secs: i64) -> Timestamp {
    at_millis(secs * 1_000)
}

fn client(n: u32) -> Subject {
    Subject::Address(AddressBlock::V4(n.to_be_bytes()))
}

fn limits(per_second: u32, per_day: u64) -> Limits {
    Limits { per_second: Some(per_second), per_day: Some(per_day) }
}

fn told(decision: &Decision) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    decision.add_headers(&mut headers);
    let mut told: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()))
        .collect();
    told.sort();
    told
}

/// Limit, remaining requests, and the reset in seconds after the start.
fn short(decision: &Decision) -> (i64, i64, i64) {
    let told = told(decision);
    let number = |name: &str| {
        let (_, value) = told.iter().find(|(n, _)| n == name).expect("it is on every answer");
        value.parse::<i64>().expect("a number")
    };
    let reset = number("x-ratelimit-reset") - START;
    (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), reset)
}

#[test]
fn a_second_and_a_day_are_counted_and_begin_anew() {
    let limiter = RateLimiter::default();
    let limits = limits(2, 5);
    // time in milliseconds, seconds to wait if refused, then what is shown
    let table = [
        (0, None, (2, 1, 1)),
        (999, None, (2, 0, 1)),
        (999, Some(1), (2, 0, 1)),
        (1_000, None, (2, 1, 2)),
        (1_500, None, (2, 0, 2)),
        (1_999, Some(1), (2, 0, 2)),
        (3_000, None, (5, 0, DAY)),
        (3_001, Some(86_397), (5, 0, DAY)),
        (4_000, Some(86_396), (5, 0, DAY)),
        ((DAY - 1) * 1_000, Some(1), (5, 0, DAY)),
        (DAY * 1_000, None, (2, 1, DAY + 1)),
        (DAY * 1_000 + 1, None, (2, 0, DAY + 1)),
        (DAY * 1_000 + 2, Some(1), (2, 0, DAY + 1)),
    ];
    for (millis, wait, shown) in table {
        let decision = limiter.charge(&client(1), limits, at_millis(millis));
        assert_eq!(
            decision.retry_after_secs(),
            wait.map(|secs: i64| secs.unsigned_abs()),
            "{millis}"
        );
        assert_eq!(short(&decision), shown, "{millis}");
    }
}

#[test]
fn callers_do_not_share_their_counts() {
    let limiter = RateLimiter::default();
    let person = |sub: &str, environment| Subject::Person { sub: Arc::from(sub), environment };
    let callers = [
        client(1),
        client(2),
        Subject::Key(KeyId::new(1)),
        Subject::Key(KeyId::new(2)),
        person("a", Environment::Live),
        person("a", Environment::Test),
        person("b", Environment::Live),
    ];
    for caller in &callers {
        assert_eq!(limiter.charge(caller, limits(1, 9), at(0)).retry_after_secs(), None);
    }
    for caller in &callers {
        assert_eq!(limiter.charge(caller, limits(1, 9), at(0)).retry_after_secs(), Some(1));
        assert_eq!(Subject::from_bytes(&caller.to_bytes()).as_ref(), Some(caller));
    }
    for bytes in [&b""[..], b"k", b"4123", b"6123", b"x", b"p\xff"] {
        assert_eq!(Subject::from_bytes(bytes), None);
    }
}

#[test]
fn what_is_refused_does_not_count_against_the_day() {
    let limiter = RateLimiter::default();
    for _ in 0..100 {
        limiter.charge(&client(1), limits(1, 50), at(0));
    }
    assert_eq!(limiter.dirty_day_counts().first().map(|count| count.count), Some(1));
}

#[test]
fn looking_costs_nothing() {
    let limiter = RateLimiter::default();
    for _ in 0..100 {
        assert_eq!(short(&limiter.look(&client(1), limits(1, 50), at(0))), (1, 1, 1));
    }
    assert_eq!(limiter.charge(&client(1), limits(1, 50), at(0)).retry_after_secs(), None);
    assert_eq!(short(&limiter.look(&client(1), limits(1, 50), at(0))), (1, 0, 1));
}

#[test]
fn the_headers_are_those_of_the_contract_and_of_the_draft() {
    let limiter = RateLimiter::default();
    let decision = limiter.charge(&client(1), Limits::PRO, at(0));
    expect_test::expect![[r#"
        [
            (
                "ratelimit",
                "\"second\";r=99;t=1",
            ),
            (
                "ratelimit-policy",
                "\"second\";q=100;w=1, \"day\";q=1000000;w=86400",
            ),
            (
                "x-ratelimit-limit",
                "100",
            ),
            (
                "x-ratelimit-remaining",
                "99",
            ),
            (
                "x-ratelimit-reset",
                "1717200001",
            ),
        ]
    "#]]
    .assert_debug_eq(&told(&decision));
    let custom = limiter.charge(&client(2), limits(5, 7), at(10));
    let policy = told(&custom).into_iter().find(|(name, _)| name == "ratelimit-policy");
    let expected = r#""second";q=5;w=1, "day";q=7;w=86400"#;
    assert_eq!(policy.map(|(_, value)| value).as_deref(), Some(expected));
    let only_day = Limits { per_second: None, per_day: Some(7) };
    assert_eq!(short(&limiter.charge(&client(3), only_day, at(10))), (7, 6, DAY));
    let unlimited = limiter.charge(&client(4), Limits::NONE, at(10));
    assert_eq!(short(&unlimited), (2_147_483_647, 2_147_483_647, DAY));
    assert_eq!(told(&unlimited).len(), 3);
}

#[test]
fn day_counts_survive_being_handed_out_and_taken_back() {
    let before = RateLimiter::default();
    for second in 0..7 {
        before.charge(&client(1), limits(1, 10), at(second));
    }
    before.charge(&client(2), limits(1, 10), at(0));
    let mut kept = before.dirty_day_counts();
    kept.sort_by_key(|count| count.count);
    assert_eq!(kept.iter().map(|count| count.count).collect::<Vec<_>>(), [1, 7]);
    assert_eq!(before.dirty_day_counts(), [], "nothing has changed since");
    before.charge(&client(1), limits(1, 10), at(8));
    assert_eq!(before.dirty_day_counts().len(), 1, "only what has changed");

    let garbage = DayCount { subject: b"?".to_vec(), day: at(0).day(), count: 1 };
    let yesterday = DayCount { subject: client(3).to_bytes(), day: at(-DAY).day(), count: 10 };
    kept.extend([garbage, yesterday]);
    let after = RateLimiter::default();
    after.load(kept.clone(), at(100));
    after.load(kept, at(100));
    assert_eq!(after.dirty_day_counts(), [], "what was loaded is kept already");
    for (caller, left) in [(1, 2), (2, 8), (3, 9)] {
        let decision = after.charge(&client(caller), limits(100, 10), at(100));
        assert_eq!(short(&decision), (10, left, DAY), "{caller}");
    }
}

#[test]
fn memory_is_bounded_and_busy_callers_are_the_last_to_be_forgotten() {
    let limiter = RateLimiter::with_capacity(64);
    let busy = Subject::Key(KeyId::new(1));
    for second in 0..40 {
        limiter.charge(&busy, limits(1, 40), at(second));
    }
    for n in 0..10_000 {
        limiter.charge(&client(n), limits(9, 9), at(50 + i64::from(n) / 100));
        assert!(limiter.callers.len() <= 64);
        assert_eq!(limiter.callers.len(), limiter.known.load(Ordering::Relaxed));
    }
    let refused = limiter.charge(&busy, limits(1, 40), at(500));
    assert!(refused.retry_after_secs().is_some(), "the busy one is still known");
    assert!(limiter.callers.len() > 48, "room is not made wholesale");
}

#[test]
fn making_room_ends_where_everyone_asks_in_this_very_second() {
    let limiter = RateLimiter::with_capacity(8);
    for n in 0..100 {
        limiter.charge(&client(n), limits(9, 9), at(0));
    }
    assert!(limiter.callers.len() <= 8);
}

#[test]
fn a_clock_reading_from_before_the_boundary_does_not_set_the_count_back() {
    let limiter = RateLimiter::default();
    for _ in 0..3 {
        limiter.charge(&client(1), limits(3, 99), at_millis(1_000));
    }
    let late = limiter.charge(&client(1), limits(3, 99), at_millis(999));
    assert_eq!(late.retry_after_secs(), Some(1));
    assert_eq!(
        limiter.charge(&client(1), limits(3, 99), at_millis(1_001)).retry_after_secs(),
        Some(1)
    );
}

#[test]
fn many_at_once_get_exactly_their_share() {
    let limiter = RateLimiter::default();
    let granted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let decision = limiter.charge(&client(1), limits(20_000, 10_000), at(0));
                    let is_granted = decision.retry_after_secs().is_none();
                    granted.fetch_add(usize::from(is_granted), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(granted.load(Ordering::Relaxed), 10_000);
}
