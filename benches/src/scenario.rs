//! The scenarios: the requests to send, the answers that must come back, and the targets.

use std::net::SocketAddr;

use clap::ValueEnum;
use serde_json::json;

use crate::client::{person_id, person_token};
use crate::driver::Expect;
use crate::market::Market;
use crate::request::{EVENT, Requests, Spread, USER, get, post};

/// Body of the echo's requests.
const ECHO_BODY: &str = r#"{"message":"hello","count":42,"tags":["a","b"],"ok":true}"#;

/// Events in a batch.
pub(crate) const BATCH: u64 = 100;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The bare echo, with nothing to compare it with.
    Echo,
    /// `GET /health`: what every request costs before it means anything.
    Health,
    /// `GET /v1/user/balance`, each request another person.
    Balance,
    /// `POST /v1/events` with one event, each request another person.
    Event,
    /// `POST /v1/events` with 100 events of one person, as an app's client sends them.
    Batch,
    /// `POST /v1/events` with one event each of 100 people, as a site's server sends them.
    BatchMixed,
    /// `POST /v1/user/earnings/claim` of 0.01 PRIV, each request another person.
    Claim,
    /// `POST …/purchase`, each request another buyer and another listing.
    PurchaseMany,
    /// `POST …/purchase` of the same listing, each request another buyer.
    PurchaseHot,
}

/// The target of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// No target; the scenario is shown for information.
    None,
    /// Requests per second, as a part of the echo's.
    OfEcho(f64),
    /// Events per second, at least this many.
    EventsPerSecond(f64),
}

/// The server, project and people that a scenario's requests are for.
pub(crate) struct Environment<'a> {
    /// The server's address.
    pub(crate) address: SocketAddr,
    /// The project's publishable key.
    pub(crate) key: &'a str,
    /// Tokens of the people, by number.
    pub(crate) tokens: &'a [String],
    /// When the run began, as events say it.
    pub(crate) timestamp: &'a str,
    /// What is for sale, if anything is to be bought.
    pub(crate) market: Option<&'a Market>,
}

impl Environment<'_> {
    fn market(&self) -> &Market {
        self.market.expect("a market is opened where something is bought")
    }
}

impl Scenario {
    /// The scenarios that need `privd`.
    pub(crate) const MEASURED: [Self; 8] = [
        Self::Health,
        Self::Balance,
        Self::Event,
        Self::Batch,
        Self::BatchMixed,
        Self::Claim,
        Self::PurchaseMany,
        Self::PurchaseHot,
    ];

    /// Its name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Echo => "actix-web JSON echo",
            Self::Health => "GET /health",
            Self::Balance => "GET /user/balance",
            Self::Event => "POST /events, 1 event",
            Self::Batch => "POST /events, 100 events of 1 person",
            Self::BatchMixed => "POST /events, 100 events of 100 people",
            Self::Claim => "POST /user/earnings/claim",
            Self::PurchaseMany => "POST …/purchase, many listings",
            Self::PurchaseHot => "POST …/purchase, one hot listing",
        }
    }

    /// The scenario's target.
    pub(crate) fn target(self) -> Target {
        match self {
            Self::Echo | Self::Health | Self::BatchMixed => Target::None,
            Self::Balance => Target::OfEcho(0.7),
            Self::Event => Target::OfEcho(0.5),
            Self::Batch => Target::EventsPerSecond(100_000.0),
            Self::Claim => Target::OfEcho(0.35),
            Self::PurchaseMany | Self::PurchaseHot => Target::OfEcho(0.25),
        }
    }

    /// Events that one request carries.
    pub(crate) fn events(self) -> u64 {
        match self {
            Self::Echo
            | Self::Health
            | Self::Balance
            | Self::Claim
            | Self::PurchaseMany
            | Self::PurchaseHot => 0,
            Self::Event => 1,
            Self::Batch | Self::BatchMixed => BATCH,
        }
    }

    /// The answer that every request must get.
    pub(crate) fn expect(self) -> Expect {
        match self {
            Self::Echo | Self::Health | Self::Balance => Expect::status(&[200]),
            Self::Event | Self::Batch | Self::BatchMixed => Expect::accepted(self.events()),
            Self::Claim | Self::PurchaseMany | Self::PurchaseHot => Expect::status(&[201]),
        }
    }

    /// Whether it needs a market.
    pub(crate) fn buys(self) -> bool {
        match self {
            Self::PurchaseMany | Self::PurchaseHot => true,
            Self::Echo
            | Self::Health
            | Self::Balance
            | Self::Event
            | Self::Batch
            | Self::BatchMixed
            | Self::Claim => false,
        }
    }

    /// The requests of the scenario.
    pub(crate) fn requests(self, environment: &Environment<'_>) -> Requests {
        let claim = r#"{"amount_priv":0.01}"#;
        match self {
            Self::Echo => echo(environment.address),
            Self::Health => Requests::fixed(get(environment.address, "/health", None)),
            Self::Balance => each_person(environment, |token| {
                get(environment.address, "/v1/user/balance", Some(token))
            }),
            Self::Event => events(environment, "single", 1, Spread::OneUser),
            Self::Batch => events(environment, "batch", BATCH, Spread::OneUser),
            Self::BatchMixed => events(environment, "mixed", BATCH, Spread::ManyUsers),
            Self::Claim => each_person(environment, |token| {
                post(environment.address, "/v1/user/earnings/claim", Some(token), claim)
            }),
            Self::PurchaseMany => environment.market().purchases_of_many(environment.address),
            Self::PurchaseHot => environment.market().purchases_of_one(environment.address),
        }
    }
}

/// The echo's requests: one small JSON body.
pub(crate) fn echo(address: SocketAddr) -> Requests {
    Requests::fixed(post(address, "/echo", None, ECHO_BODY))
}

/// People `0..count`, signed in.
pub(crate) fn tokens(count: u64) -> Vec<String> {
    (0..count).map(person_token).collect()
}

/// One request per person that says yes to everything.
pub(crate) fn consents(environment: &Environment<'_>) -> Requests {
    let body = json!({
        "analytics": true, "data_sharing": true, "marketing": true, "personalization": true,
        "source": "benchmark",
    })
    .to_string();
    each_person(environment, |token| {
        post(environment.address, "/v1/user/consent", Some(token), &body)
    })
}

/// One request per person that earns them 10 PRIV: a thousand claims of 0.01.
pub(crate) fn first_earnings(environment: &Environment<'_>) -> Requests {
    events(environment, "prime", BATCH, Spread::OneUser)
}

fn each_person(environment: &Environment<'_>, request: impl Fn(&str) -> Vec<u8>) -> Requests {
    Requests::cycle(environment.tokens.iter().map(|token| request(token)).collect())
}

fn events(environment: &Environment<'_>, prefix: &str, count: u64, spread: Spread) -> Requests {
    let event = json!({
        "event_type": "track",
        "event_name": "checkout_step",
        "event_id": format!("{prefix}-{EVENT}"),
        "user_id": person_id(USER),
        "timestamp": environment.timestamp,
        "page_url": "https://shop.example/checkout",
        "properties": {"step": 3, "plan": "pro"},
        "consent_given": true,
    });
    let batch: Vec<_> = (0..count).map(|_| &event).collect();
    let body = json!({"events": batch}).to_string();
    let request = post(environment.address, "/v1/events", Some(environment.key), &body);
    Requests::patched(request, 0..environment.tokens.len() as u64, spread)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn sent(scenario: Scenario, count: usize) -> Vec<(String, Value)> {
        let tokens = tokens(150);
        let environment = Environment {
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            key: "pk_live_x",
            tokens: &tokens,
            timestamp: "2026-01-01T00:00:00.000Z",
            market: None,
        };
        let mut requests = scenario.requests(&environment);
        let mut out = Vec::new();
        (0..count)
            .map(|_| {
                requests.write_next(&mut out);
                let text = String::from_utf8(out.clone()).expect("text");
                let (head, body) = text.split_once("\r\n\r\n").expect("a head");
                (head.to_owned(), serde_json::from_str(body).unwrap_or_default())
            })
            .collect()
    }

    fn distinct(batches: &[(String, Value)], member: &str) -> usize {
        let events = batches.iter().flat_map(|(_, body)| body["events"].as_array()).flatten();
        events.map(|event| event[member].to_string()).collect::<HashSet<_>>().len()
    }

    #[test]
    fn every_event_of_every_batch_has_an_id_of_its_own() {
        for (scenario, users) in [(Scenario::Batch, 3), (Scenario::BatchMixed, 150)] {
            let batches = sent(scenario, 3);
            assert_eq!(distinct(&batches, "event_id"), 300, "{scenario:?}");
            assert_eq!(distinct(&batches, "user_id"), users, "{scenario:?}");
        }
        assert_eq!(distinct(&sent(Scenario::Event, 200), "event_id"), 200);
    }

    #[test]
    fn consecutive_claims_are_by_different_people() {
        let heads: HashSet<String> =
            sent(Scenario::Claim, 150).into_iter().map(|(head, _)| head).collect();
        assert_eq!(heads.len(), 150);
    }
}
