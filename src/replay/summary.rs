//! Reads the service's answers and adds them up.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use priv_domain::Micros;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ReplayError;

/// The service's answer to one batch.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    accepted: u64,
    duplicates: u64,
    dropped: u64,
    rejected: u64,
    /// Kept as text: a float can't hold every amount.
    earned_priv: Box<RawValue>,
    #[serde(default)]
    results: Vec<Verdict>,
}

/// The result of one event that was not simply accepted.
#[derive(Debug, Deserialize)]
pub(super) struct Verdict {
    /// Its place in the batch.
    pub(super) index: usize,
    result: String,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    data: Answer,
}

impl Answer {
    /// Reads the answer in `body` to a batch of `events` events.
    ///
    /// # Errors
    /// Says how the answer differs from the documented form.
    pub(super) fn parse(body: &str, events: usize) -> Result<Self, String> {
        let Envelope { data } = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let counts = [data.accepted, data.duplicates, data.dropped, data.rejected];
        let judged = counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        if judged != u64::try_from(events).ok() {
            return Err(format!("its counts do not add up to the {events} events that were sent"));
        }
        Ok(data)
    }

    /// The verdicts on events that were rejected.
    pub(super) fn rejections(&self) -> impl Iterator<Item = &Verdict> {
        self.results.iter().filter(|verdict| verdict.result == "rejected")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "{} {code}", self.result)?;
        self.message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

/// The sum of all answers, and of the rows that never got one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Rows of the file.
    pub(super) rows: u64,
    /// Events that were stored now.
    pub(super) accepted: u64,
    /// Events that had been stored before.
    pub(super) duplicates: u64,
    /// Events that were not stored for a reason other than a mistake, such as consent, by the
    /// reason's code.
    pub(super) dropped: BTreeMap<String, u64>,
    /// Events that were not stored because they are wrong.
    pub(super) rejected: u64,
    /// Rows that make no event.
    pub(super) bad_rows: u64,
    /// The sum that the accepted events earned, exactly.
    pub(super) earned: Micros,
    /// Requests that had to be sent again.
    pub(super) retries: u64,
    /// Time from the first request to the last answer.
    pub(super) elapsed: Duration,
}

impl Summary {
    /// Adds an answer to the sum.
    ///
    /// # Errors
    /// Says what is wrong with the answer's amount; then nothing is added.
    pub(super) fn add(&mut self, answer: &Answer) -> Result<(), String> {
        let earned = answer.earned_priv.get();
        let earned: Micros = earned.parse().map_err(|error| format!("earned_priv {error}"))?;
        self.earned =
            self.earned.checked_add(earned).ok_or("the sum of earned_priv is too large")?;
        self.accepted += answer.accepted;
        self.duplicates += answer.duplicates;
        self.rejected += answer.rejected;
        let mut unnamed = answer.dropped;
        for verdict in answer.results.iter().filter(|verdict| verdict.result == "dropped") {
            let code = verdict.code.clone().unwrap_or_else(|| "no code".into());
            *self.dropped.entry(code).or_default() += 1;
            unnamed = unnamed.saturating_sub(1);
        }
        if unnamed > 0 {
            *self.dropped.entry("no code".into()).or_default() += unnamed;
        }
        Ok(())
    }

    /// Events that got an answer.
    fn answered(&self) -> u64 {
        self.accepted + self.duplicates + self.dropped.values().sum::<u64>() + self.rejected
    }

    fn unsent(&self) -> u64 {
        self.rows.saturating_sub(self.answered() + self.bad_rows)
    }

    /// Fails unless every row made an event that the service stored or dropped for a good reason.
    pub(super) fn check(&self) -> Result<(), ReplayError> {
        let (bad_rows, rejected, unsent) = (self.bad_rows, self.rejected, self.unsent());
        if bad_rows + rejected + unsent == 0 {
            return Ok(());
        }
        Err(ReplayError::Incomplete { bad_rows, rejected, unsent })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        writeln!(f, "rows         {}", self.rows)?;
        writeln!(f, "accepted     {}", self.accepted)?;
        writeln!(f, "duplicates   {}", self.duplicates)?;
        writeln!(f, "dropped      {}", self.dropped.values().sum::<u64>())?;
        for (code, count) in &self.dropped {
            writeln!(f, "  {code}  {count}")?;
        }
        writeln!(f, "rejected     {}", self.rejected)?;
        writeln!(f, "unreadable   {}", self.bad_rows)?;
        writeln!(f, "not sent     {}", self.unsent())?;
        writeln!(f, "earned_priv  {}", self.earned)?;
        writeln!(f, "sent again   {} requests", self.retries)?;
        writeln!(f, "seconds      {seconds:.2}")?;
        writeln!(f, "events/s     {:.0}", self.answered() as f64 / seconds.max(1e-6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(counts: [u64; 4], earned: &str, results: &str) -> String {
        let [accepted, duplicates, dropped, rejected] = counts;
        format!(
            r#"{{"success":true,"data":{{"accepted":{accepted},"duplicates":{duplicates},
            "dropped":{dropped},"rejected":{rejected},"earned_priv":{earned},
            "results":[{results}]}}}}"#
        )
    }

    fn sum(earned: &[&str]) -> Result<Micros, String> {
        let mut summary = Summary::default();
        for earned in earned {
            summary.add(&Answer::parse(&body([1, 0, 0, 0], earned, ""), 1)?)?;
        }
        Ok(summary.earned)
    }

    #[test]
    fn money_is_summed_exactly() {
        // As floats, the first gives 0.30000000000000004 and the second loses its last micro.
        assert_eq!(sum(&["0.1", "0.2"]), Ok(Micros::new(300_000)));
        assert_eq!(sum(&["9007199254.740993", "0.000001"]), Ok(Micros::new(9_007_199_254_740_994)));
        assert_eq!(sum(&["0.001"; 1000]), Ok(Micros::new(1_000_000)));
        assert_eq!(sum(&["0", "1e-3"]), Ok(Micros::new(1_000)));
    }

    #[test]
    fn an_amount_that_is_none_is_refused() {
        for earned in ["-1", "0.0000001", "\"1\"", "null", "18446744073709.551616"] {
            assert!(sum(&[earned]).is_err(), "{earned}");
        }
        assert!(sum(&["18446744073709.551615", "0.000001"]).is_err());
    }

    #[test]
    fn what_was_dropped_is_counted_by_code() {
        let results = r#"{"index":0,"id":"e","result":"dropped","code":"consent_missing"},
            {"index":2,"id":"e","result":"duplicate"},
            {"index":3,"id":"e","result":"dropped","code":"consent_withdrawn","message":"no"},
            {"index":5,"id":"e","result":"dropped","code":"consent_missing"}"#;
        let answer = Answer::parse(&body([1, 1, 4, 0], "0.001", results), 6).expect("it adds up");
        let mut summary = Summary { rows: 6, ..Summary::default() };
        summary.add(&answer).expect("the amount is one");
        let expected = [("consent_missing", 2), ("consent_withdrawn", 1), ("no code", 1)];
        assert_eq!(summary.dropped, expected.map(|(code, n)| (code.to_owned(), n)).into());
        summary.check().expect("dropped is no failure");
    }

    #[test]
    fn an_answer_that_counts_other_than_what_was_sent_is_refused() {
        assert!(Answer::parse(&body([2, 0, 0, 0], "0", ""), 3).is_err());
        assert!(Answer::parse(&body([2, 1, 1, 0], "0", ""), 3).is_err());
        assert!(Answer::parse(r#"{"success":true}"#, 0).is_err());
    }

    #[test]
    fn rejected_unreadable_and_unsent_rows_are_each_a_failure() {
        let whole = Summary { rows: 3, accepted: 2, duplicates: 1, ..Summary::default() };
        whole.check().expect("all are in");
        for lacking in [
            Summary { accepted: 1, rejected: 1, ..whole.clone() },
            Summary { accepted: 1, bad_rows: 1, ..whole.clone() },
            Summary { rows: 4, ..whole },
        ] {
            assert!(lacking.check().is_err(), "{lacking}");
        }
    }
}
