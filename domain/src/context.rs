//! What a decision knows besides the state: the name, the time, new ids, and who asks.

use crate::answers::RequestTag;
use crate::entity::EntityId;
use crate::reply::ReplyToken;
use crate::time::Timestamp;

/// The number of new ids that each decision has, one after the other. No other decision is given any
/// of them.
pub const FRESH_IDS: u64 = 16;

/// What a decision may know besides the state and the command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The name of the entity that decides.
    pub me: &'a EntityId,
    /// The time of the decision, which is also the time of its record.
    pub now: Timestamp,
    /// A new ULID for the ids that the decision makes, the first of [`FRESH_IDS`].
    pub fresh: u128,
    /// The tag of the request; `None` without an idempotency key, and for a message.
    pub request: Option<RequestTag>,
}

impl Context<'_> {
    /// One of the new ids of the decision.
    ///
    /// # Panics
    /// `n` is [`FRESH_IDS`] or more: another decision may have that id.
    #[must_use]
    pub fn fresh_id(&self, n: u64) -> u128 {
        assert!(n < FRESH_IDS, "a decision makes {FRESH_IDS} ids at most");
        self.fresh.checked_add(n.into()).expect("ids follow one another")
    }
}

/// A request that waits for an exchange to end, remembered across a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The token by which this process finds the waiting request.
    pub reply_token: ReplyToken,
    /// The tag under which the answer is remembered; `None` if the request had no idempotency key.
    pub request: Option<RequestTag>,
}

impl Asked {
    /// The request that is being decided now.
    #[must_use]
    pub fn by(context: &Context<'_>) -> Self {
        Self { reply_token: ReplyToken(context.fresh), request: context.request }
    }
}
