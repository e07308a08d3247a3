//! A model of a client's own history, by which it can predict every answer.
//!
//! Each client is the only one to act for its person. The only thing that it can't know is the
//! effect of a call whose answer never came; it repeats that call, with the same identity, before
//! it does anything else. So the model is exact, and every difference from it is a lost or a
//! doubled effect.

use serde_json::{Value, json};
use ureq::http::Method;

use super::app::TestApp;
use super::caller::{Answer, Caller};
use super::story::{PRIV, TRACK, Verdicts, micros, priv_of, track};
use super::tokens;

/// The smallest claim, in micros.
const MINIMUM: i64 = 10_000;

/// Events in one batch at most.
const BATCH: usize = 20;

/// Event ids in one check of what is stored, at most.
const CHECK: usize = 1_000;

/// The call was not answered, so its effect is unknown.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The server is gone.
    Gone,
    /// The server asks the client to try again.
    Later,
}

/// A call that a person's client makes.
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

/// Whether a call is new, or may have had its effect before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    First,
    Again,
}

/// One person, and what their client knows.
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

/// A person's connections to the running server.
pub(crate) struct Line {
    person: Caller,
    key: Caller,
}

impl Person {
    /// A new person, whose choices follow from the seed.
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

    /// Connects to the server that is running now.
    pub(crate) fn line(&self, app: &TestApp, publishable_key: &str) -> Line {
        Line { person: app.person(&self.sub), key: app.key(publishable_key) }
    }

    /// The number of events that are known to be stored.
    pub(crate) fn stored(&self) -> usize {
        self.stored.len()
    }

    /// Makes one call after the other until the server is gone.
    pub(crate) fn act_until_gone(&mut self, line: &Line) {
        loop {
            match self.act(line) {
                Ok(()) | Err(Unanswered::Later) => {}
                Err(Unanswered::Gone) => return,
            }
        }
    }

    /// Finds out the effect of the last call, and compares everything that is known with the
    /// server's state.
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

    /// Repeats every event and every claim: the server must know all of them.
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

    /// Repeats a call that was acknowledged before.
    fn repeat(&mut self, line: &Line) -> Result<(), Unanswered> {
        let from = self.random.usize(..self.stored.len());
        let ids = &self.stored[from..self.stored.len().min(from + BATCH)];
        let answer = line.events(&self.sub, ids)?;
        assert_eq!(Verdicts::of(&answer), Verdicts::duplicates(ids.len()), "sent again: {answer}");
        Ok(())
    }

    /// Sends the open call, and adds its outcome to the model.
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
            // The batch was stored as a whole or not at all.
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

/// Mints between two kills at most: one entity remembers the answers to all of them.
const MINTS: usize = 40;

/// An operator who mints, and who knows how much was minted.
#[derive(Default)]
pub(crate) struct Minter {
    mints: u64,
    open: bool,
}

impl Minter {
    /// Mints single PRIV, then watches the ledger, until the server is gone.
    pub(crate) fn act_until_gone(&mut self, operator: &Caller) {
        for turn in 0.. {
            let done = if turn < MINTS { self.mint(operator) } else { watch_ledger(operator) };
            match done {
                Ok(()) | Err(Unanswered::Later) => {}
                Err(Unanswered::Gone) => return,
            }
        }
    }

    /// Finds out the effect of the last call, and compares the minted sum with the ledger.
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

/// Checks that the books balance, even while all clients are acting.
fn watch_ledger(operator: &Caller) -> Result<(), Unanswered> {
    let answer = answered(operator.try_send(&Method::GET, "/v1/admin/ledger/audit", None))?;
    assert_eq!(micros(&answer.ok()["difference_priv"]), 0, "{answer}");
    assert_eq!(answer.ok()["unreconciled"], serde_json::json!([]), "{answer}");
    Ok(())
}

/// Whether an answer tells nothing about the effect: a mailbox is full, or the call is under way.
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
