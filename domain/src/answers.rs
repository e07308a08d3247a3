//! What an entity has answered, by idempotency key: a repeat gives the first answer.

use std::collections::HashMap;

use crate::machine::AnyReply;
use crate::time::{DAY_MILLIS, Timestamp};

/// Milliseconds for which an answer is kept at least.
pub const KEPT_MILLIS: i64 = DAY_MILLIS;

/// Answers that one entity remembers at most.
pub const MAX_ANSWERS: usize = 10_000;

/// Answers above which those past their time are dropped when a new one comes.
const SWEEP_FROM: usize = 64;

/// A request's idempotency key, and what the request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestTag {
    /// Hash of principal, method, route and the client's key.
    pub key: u128,
    /// Hash of the body.
    pub fingerprint: u128,
}

/// An answer, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered<M> {
    /// Hash of the body that was answered.
    pub fingerprint: u128,
    /// When.
    pub at: Timestamp,
    /// With what.
    pub reply: AnyReply<M>,
}

/// The answers of one entity. Empty, it takes one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers<M> {
    // Boxed: most entities remember nothing, and there are millions of them.
    #[expect(clippy::box_collection, reason = "one word where a map takes six")]
    by_key: Option<Box<HashMap<u128, Remembered<M>>>>,
}

impl<M> Default for Answers<M> {
    fn default() -> Self {
        Self { by_key: None }
    }
}

/// What is known of an idempotency key.
#[derive(Debug, PartialEq, Eq)]
pub enum Recall<'a, M> {
    /// Nothing.
    New,
    /// It was answered with this.
    Same(&'a AnyReply<M>),
    /// It was used for another body.
    OtherBody,
    /// Nothing, and there is no room to remember it.
    Full,
}

impl<M> Answers<M> {
    /// Looks a key up.
    #[must_use]
    pub fn recall(&self, tag: RequestTag, now: Timestamp) -> Recall<'_, M> {
        let Some(by_key) = &self.by_key else { return Recall::New };
        match by_key.get(&tag.key) {
            Some(known) if known.fingerprint == tag.fingerprint => Recall::Same(&known.reply),
            Some(_) => Recall::OtherBody,
            None if by_key.len() >= MAX_ANSWERS && !by_key.values().any(|a| past(a, now)) => {
                Recall::Full
            }
            None => Recall::New,
        }
    }

    /// Remembers an answer. What is past its time goes when there are many.
    pub fn remember(&mut self, tag: RequestTag, reply: AnyReply<M>, at: Timestamp) {
        let by_key = self.by_key.get_or_insert_default();
        if by_key.len() >= SWEEP_FROM && by_key.len().is_power_of_two()
            || by_key.len() >= MAX_ANSWERS
        {
            by_key.retain(|_, known| !past(known, at));
        }
        by_key.insert(tag.key, Remembered { fingerprint: tag.fingerprint, at, reply });
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Remembered<M>)> {
        self.by_key.iter().flat_map(|by_key| by_key.iter().map(|(key, known)| (*key, known)))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.as_ref().map_or(0, |by_key| by_key.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.len().saturating_mul(size_of::<(u128, Remembered<M>)>().saturating_add(8))
    }
}

impl<M> FromIterator<(u128, Remembered<M>)> for Answers<M> {
    fn from_iter<I: IntoIterator<Item = (u128, Remembered<M>)>>(items: I) -> Self {
        let by_key: HashMap<_, _> = items.into_iter().collect();
        Self { by_key: (!by_key.is_empty()).then(|| Box::new(by_key)) }
    }
}

fn past<M>(known: &Remembered<M>, now: Timestamp) -> bool {
    now.millis_since(known.at) > KEPT_MILLIS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;

    fn tag(key: u128) -> RequestTag {
        RequestTag { key, fingerprint: 7 }
    }

    #[test]
    fn a_repeat_gives_the_first_answer_and_another_body_is_noticed() {
        let mut answers = Answers::<System>::default();
        let now = Timestamp::from_millis(1);
        assert_eq!(answers.recall(tag(1), now), Recall::New);
        let first = AnyReply::new("first");
        answers.remember(tag(1), first.clone(), now);
        assert_eq!(answers.recall(tag(1), now), Recall::Same(&first));
        assert_eq!(answers.recall(RequestTag { key: 1, fingerprint: 8 }, now), Recall::OtherBody);
    }

    #[test]
    fn a_full_memory_refuses_new_keys_until_old_ones_are_past_their_time() {
        let mut answers = Answers::<System>::default();
        let start = Timestamp::from_millis(1);
        let done = AnyReply::new(());
        for key in 0..u128::try_from(MAX_ANSWERS).expect("fits") {
            answers.remember(tag(key), done.clone(), start);
        }
        assert_eq!(answers.len(), MAX_ANSWERS);
        let within = start.plus_millis(KEPT_MILLIS);
        assert_eq!(answers.recall(tag(u128::MAX), within), Recall::Full);
        assert_eq!(answers.recall(tag(3), within), Recall::Same(&done));
        let after = within.plus_millis(1);
        assert_eq!(answers.recall(tag(u128::MAX), after), Recall::New);
        answers.remember(tag(u128::MAX), done, after);
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn what_is_past_its_time_goes_each_time_the_number_has_doubled() {
        let after = Timestamp::from_millis(KEPT_MILLIS + 1);
        // How many are past their time; how many are remembered when one more comes.
        let rows = [(1, 2), (2, 3), (63, 64), (64, 1), (65, 66), (127, 128), (128, 1), (129, 130)];
        for (past, expected) in rows {
            let mut answers = Answers::<System>::default();
            for key in 0..past {
                answers.remember(tag(key), AnyReply::new(()), Timestamp::EPOCH);
            }
            answers.remember(tag(u128::MAX), AnyReply::new(()), after);
            assert_eq!(answers.len(), expected, "{past}");
        }
    }

    #[test]
    fn what_is_remembered_is_read_back_and_counted() {
        let mut answers = Answers::<System>::default();
        assert!(answers.is_empty() && answers.heap_bytes() == 0);
        let reply = AnyReply::new("first");
        for key in [1, 2] {
            answers.remember(tag(key), reply.clone(), Timestamp::EPOCH);
        }
        assert!(!answers.is_empty());
        let (fingerprint, at) = (tag(1).fingerprint, Timestamp::EPOCH);
        let known = Remembered { fingerprint, at, reply };
        let mut read: Vec<_> = answers.iter().collect();
        read.sort_by_key(|(key, _)| *key);
        assert_eq!(read, [(1, &known), (2, &known)]);
        let copy: Answers<System> =
            read.into_iter().map(|(key, known)| (key, known.clone())).collect();
        assert_eq!(copy, answers);
        assert_eq!(
            Answers::<System>::from_iter([]),
            Answers::default(),
            "empty, it takes no memory"
        );
        let one: Answers<System> = [(1, known)].into_iter().collect();
        assert!(one.heap_bytes() > 1 && answers.heap_bytes() == 2 * one.heap_bytes());
    }
}
