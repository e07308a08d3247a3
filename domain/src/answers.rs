//! The answers that an entity remembers by idempotency key, so that a repeat gets the first answer.

use std::collections::HashMap;

use crate::reply::AnyReply;
use crate::time::{DAY_MILLIS, Timestamp};

/// How long an answer is kept at least, in milliseconds: one day.
pub const KEPT_MILLIS: i64 = DAY_MILLIS;

/// The most answers that one entity remembers. With this many, none of them past its time, a
/// request with a new idempotency key is turned away ([`Recall::Full`]).
pub const MAX_ANSWERS: usize = 10_000;

/// The number of answers from which on those past their time are dropped, each time the number has
/// doubled.
const SWEEP_FROM: usize = 64;

/// A request's idempotency key and the body that came with it, both as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestTag {
    /// Hash of caller, environment, method, path, query and the client's idempotency key.
    pub key: u128,
    /// Hash of the body: tells a repeat from another request under the same key.
    pub fingerprint: u128,
}

/// An answer that was given, with the request that it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered<M> {
    /// Hash of the body that was answered.
    pub fingerprint: u128,
    /// The time of the decision: the answer may be dropped [`KEPT_MILLIS`] after it.
    pub at: Timestamp,
    /// The reply to the command that was asked.
    pub reply: AnyReply<M>,
}

/// The answers of one entity. An empty one takes one word of memory.
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

/// The result of looking up an idempotency key.
#[derive(Debug, PartialEq, Eq)]
pub enum Recall<'a, M> {
    /// The key has not been used, or is no longer remembered.
    New,
    /// The key was used with the same body and got this reply.
    Same(&'a AnyReply<M>),
    /// The key was used with another body.
    OtherBody,
    /// The key has not been used, but there is no room to remember another answer.
    Full,
}

impl<M> Answers<M> {
    /// Looks up a request's idempotency key. An answer that is past its time and not yet dropped
    /// still counts.
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

    /// Remembers an answer. Answers past their time are dropped when there are many.
    pub fn remember(&mut self, tag: RequestTag, reply: AnyReply<M>, at: Timestamp) {
        let by_key = self.by_key.get_or_insert_default();
        if by_key.len() >= SWEEP_FROM && by_key.len().is_power_of_two()
            || by_key.len() >= MAX_ANSWERS
        {
            by_key.retain(|_, known| !past(known, at));
        }
        by_key.insert(tag.key, Remembered { fingerprint: tag.fingerprint, at, reply });
    }

    /// All remembered answers by key, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &Remembered<M>)> {
        self.by_key.iter().flat_map(|by_key| by_key.iter().map(|(key, known)| (*key, known)))
    }

    /// The number of remembered answers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.as_ref().map_or(0, |by_key| by_key.len())
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that the answers take on the heap, in bytes, roughly.
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
        // The number past their time; the number remembered once one more comes.
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
