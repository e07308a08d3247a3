//! What a client knows about its own history, so that it can predict every answer.
//!
//! Each client is the only one to act for its person. A call whose answer never came is the only
//! thing that it doesn't know; it asks again, with the same identity, before it does anything else.
//! So the model is exact, and every difference from it is a lost or a doubled effect.

use serde_json::{Value, json};
use ureq::http::Method;

use super::app::TestApp;
use super::caller::{Answer, Caller};
use super::story::{PRIV, TRACK, Verdicts, micros, priv_of, track};
use super::tokens;

/// The least that can be claimed, in micros.
const MINIMUM: i64 = 10_000;

/// Most events in one batch.
const BATCH: usize = 20;

/// Most ids in one check of what is stored.
const CHECK: usize = 1_000;

/// The call was not answered: whether it had an effect is not known.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The server is gone.
    Gone,
    /// The server asks to try again.
    Later,
}

/// Something that a person's client asks for.
#[derive(Clone, Debug)]
enum Call {
    Events { ids: Vec<String> },
    Consent { key: String, sharing: bool },
    Claim { key: String, amount: Option<i64> },
}

/// A claim that was acknowledged.
struct PaidClaim {
    key: String,
    asked: Option<i64>,
    id: Value,
    paid: i64,
}

/// Whether a call may have had its effect before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    First,
    Again,
}

/// One person and what is known about them.
pub(crate) struct Person {
    sub: String,
    random: fastrand::Rng,
    calls: u64,
    stored: Vec<String>,
    checked: usize,
    earned: i64,
    claims: Vec<PaidClaim>,
    consents: u64,
    sharing: bool,
    open: Option<Call>,
}

/// A person's way to the running server.
pub(crate) struct Line {
    person: Caller,
    key: Caller,
}

impl Person {
    /// Someone new, whose choices follow from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            sub: tokens::person_id(&mut random),
            random,
            calls: 0,
            stored: Vec::new(),
            checked: 0,
            earned: 0,
            claims: Vec::new(),
            consents: 0,
            sharing: false,
            open: None,
        }
    }

    /// A way to the server as it runs now.
    pub(crate) fn line(&self, app: &TestApp, publishable_key: &str) -> Line {
        Line { person: app.person(&self.sub), key: app.key(publishable_key) }
    }

    /// How many events are known to be stored.
    pub(crate) fn stored(&self) -> usize {
        self.stored.len()
    }

    /// Does one thing after the other until the server is gone.
    pub(crate) fn act_until_gone(&mut self, line: &Line) {
        loop {
            match self.act(line) {
                Ok(()) | Err(Unanswered::Later) => {}
                Err(Unanswered::Gone) => return,
            }
        }
    }

    /// Finds out what became of the last call, and compares all that is known with what is so.
    pub(crate) fn settle_and_check(&mut self, line: &Line) {
        while self.open.is_some() {
            match self.finish(line, Attempt::Again) {
                Ok(()) | Err(Unanswered::Later) => {}
                Err(Unanswered::Gone) => panic!("nobody killed the server"),
            }
        }
        let answer = line.person.get("/v1/user/balance");
        let balance = answer.ok();
        let found =
            [&balance["priv_balance"], &balance["pending_rewards"], &balance["earned_total"]];
        let expected = [self.claimed(), self.pending(), self.earned];
        assert_eq!(found.map(micros), expected, "balance, pending, earned of {}", self.sub);
        assert_eq!(balance["data_sharing_enabled"], self.sharing, "{answer}");
        let consent = line.person.get("/v1/user/consent");
        if self.consents > 0 {
            assert_eq!(consent.ok()["version"], self.consents, "consents of {}", self.sub);
        }
        self.check_events(line, self.checked);
        self.checked = self.stored.len();
    }

    /// Asks for every event and every claim again: all are known.
    pub(crate) fn check_everything(&mut self, line: &Line) {
        self.settle_and_check(line);
        self.check_events(line, 0);
        for claim in &self.claims {
            let answer = line.claim(&claim.key, claim.asked).expect("nobody killed the server");
            assert!(answer.is_replayed(), "paid again: {answer}");
            assert_eq!(answer.created()["claim_id"], claim.id, "{answer}");
        }
    }

    fn check_events(&self, line: &Line, from: usize) {
        for ids in self.stored[from..].chunks(CHECK) {
            let answer = line.events(&self.sub, ids).expect("nobody killed the server");
            let expected = Verdicts::duplicates(ids.len());
            assert_eq!(Verdicts::of(&answer), expected, "an acknowledged event was lost: {answer}");
        }
    }

    fn act(&mut self, line: &Line) -> Result<(), Unanswered> {
        if self.open.is_some() {
            return self.finish(line, Attempt::Again);
        }
        self.calls += 1;
        let key = format!("{}-{}", self.sub, self.calls);
        let call = match self.random.u8(..10) {
            0 => Call::Consent { key, sharing: !self.sharing },
            1 if self.pending() >= MINIMUM => Call::Claim { key, amount: None },
            2 if self.pending() >= MINIMUM => {
                Call::Claim { key, amount: Some(self.random.i64(MINIMUM..=self.pending())) }
            }
            3 if !self.stored.is_empty() => return self.repeat(line),
            _ => {
                let count = self.random.usize(1..=BATCH);
                Call::Events { ids: (0..count).map(|n| format!("{key}-{n}")).collect() }
            }
        };
        self.open = Some(call);
        self.finish(line, Attempt::First)
    }

    /// Sends something again that was acknowledged before.
    fn repeat(&mut self, line: &Line) -> Result<(), Unanswered> {
        let from = self.random.usize(..self.stored.len());
        let ids = &self.stored[from..self.stored.len().min(from + BATCH)];
        let answer = line.events(&self.sub, ids)?;
        assert_eq!(Verdicts::of(&answer), Verdicts::duplicates(ids.len()), "sent again: {answer}");
        Ok(())
    }

    /// Sends the open call, and takes what it came to into the model.
    fn finish(&mut self, line: &Line, attempt: Attempt) -> Result<(), Unanswered> {
        let Some(call) = self.open.clone() else { return Ok(()) };
        match call {
            Call::Events { ids } => {
                let answer = line.events(&self.sub, &ids)?;
                self.take_events(ids, &answer, attempt);
            }
            Call::Consent { key, sharing } => {
                let answer = line.consent(&key, sharing)?;
                self.consents += 1;
                self.sharing = sharing;
                assert_eq!(
                    answer.ok()["version"],
                    self.consents,
                    "consents of {}: {answer}",
                    self.sub
                );
            }
            Call::Claim { key, amount } => {
                let answer = line.claim(&key, amount)?;
                let paid = micros(&answer.created()["claimed_priv"]);
                assert_eq!(paid, amount.unwrap_or(self.pending()), "{attempt:?}: {answer}");
                let id = answer.created()["claim_id"].clone();
                self.claims.push(PaidClaim { key, asked: amount, id, paid });
            }
        }
        self.open = None;
        Ok(())
    }

    fn take_events(&mut self, ids: Vec<String>, answer: &Answer, attempt: Attempt) {
        let worth = if self.sharing { TRACK * ids.len() as i64 } else { 0 };
        let verdicts = Verdicts::of(answer);
        if attempt == Attempt::Again && verdicts.duplicates > 0 {
            // Stored as a whole or not at all.
            assert_eq!(verdicts, Verdicts::duplicates(ids.len()), "half a batch: {answer}");
        } else {
            assert_eq!(verdicts, Verdicts::accepted(ids.len()), "{attempt:?}: {answer}");
            assert_eq!(micros(&answer.ok()["earned_priv"]), worth, "{answer}");
        }
        self.earned += worth;
        self.stored.extend(ids);
    }

    fn claimed(&self) -> i64 {
        self.claims.iter().map(|claim| claim.paid).sum()
    }

    fn pending(&self) -> i64 {
        self.earned - self.claimed()
    }
}

impl Line {
    fn events(&self, sub: &str, ids: &[String]) -> Result<Answer, Unanswered> {
        let events: Vec<Value> = ids.iter().map(|id| track(sub, id)).collect();
        answered(self.key.try_post("/v1/events", &json!({"events": events})))
    }

    fn consent(&self, key: &str, sharing: bool) -> Result<Answer, Unanswered> {
        let body = json!({"analytics": true, "data_sharing": sharing});
        answered(self.person.keyed(key).try_post("/v1/user/consent", &body))
    }

    fn claim(&self, key: &str, amount: Option<i64>) -> Result<Answer, Unanswered> {
        let body = amount.map_or(json!({}), |amount| json!({"amount_priv": priv_of(amount)}));
        answered(self.person.keyed(key).try_post("/v1/user/earnings/claim", &body))
    }
}

/// Most mints between two kills: the answers to all of them are remembered by one entity.
const MINTS: usize = 40;

/// An operator who mints, and knows how much.
#[derive(Default)]
pub(crate) struct Minter {
    mints: u64,
    open: bool,
}

impl Minter {
    /// Mints one PRIV after the other, then watches the ledger, until the server is gone.
    pub(crate) fn act_until_gone(&mut self, operator: &Caller) {
        for turn in 0.. {
            let done = if turn < MINTS { self.mint(operator) } else { watch_ledger(operator) };
            match done {
                Ok(()) | Err(Unanswered::Later) => {}
                Err(Unanswered::Gone) => return,
            }
        }
    }

    /// Finds out what became of the last call, and compares what was minted with the ledger.
    pub(crate) fn settle_and_check(&mut self, app: &TestApp, before: i64) {
        while self.open {
            match self.mint(&app.operator()) {
                Ok(()) | Err(Unanswered::Later) => {}
                Err(Unanswered::Gone) => panic!("nobody killed the server"),
            }
        }
        let minted = micros(&app.assert_balanced()["minted"]);
        assert_eq!(minted, before + self.mints as i64 * PRIV, "mints that were acknowledged");
    }

    fn mint(&mut self, operator: &Caller) -> Result<(), Unanswered> {
        self.open = true;
        let body = json!({"amount_priv": 1, "to": "treasury", "reason": "kill test"});
        let operator = operator.keyed(&format!("mint-{}", self.mints));
        answered(operator.try_post("/v1/admin/mint", &body))?.done();
        self.open = false;
        self.mints += 1;
        Ok(())
    }
}

/// The books balance at every moment, also while everyone is at it.
fn watch_ledger(operator: &Caller) -> Result<(), Unanswered> {
    let answer = answered(operator.try_send(&Method::GET, "/v1/admin/ledger/audit", None))?;
    assert_eq!(micros(&answer.ok()["difference_priv"]), 0, "{answer}");
    Ok(())
}

/// Full mailboxes and calls under way are answers that tell nothing about the effect.
fn answered(result: Result<Answer, ureq::Error>) -> Result<Answer, Unanswered> {
    match result {
        Ok(answer) if matches!(answer.status, 409 | 503) => {
            answer.error();
            Err(Unanswered::Later)
        }
        Ok(answer) => Ok(answer),
        Err(_) => Err(Unanswered::Gone),
    }
}
