//! What is asked of an entity, and what comes back.

use priv_domain::machine::Machine;
use priv_domain::{Position, RequestTag};
use tokio::sync::oneshot;

/// An answer that may leave the process: all that it depends on is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<R> {
    /// The answer.
    pub reply: R,
    /// Whether it is the first answer to a repeated request.
    pub origin: Origin,
    /// Where the entity's last record stands: wait for the projector to pass it before reading
    /// lists.
    pub position: Position,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was made for this request.
    Fresh,
    /// It was made for an earlier request with the same idempotency key and body.
    Replayed,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError<R> {
    /// The machine says no.
    #[error("refused: {0:?}")]
    Refused(R),
    /// The idempotency key was used for another body.
    #[error("the idempotency key was used for another body")]
    Mismatch,
    /// A mailbox, the memory for actors or the journal is full: nothing was done, try later.
    #[error("too much is waiting")]
    Overloaded,
    /// It is larger than the journal takes: nothing was done.
    #[error("the request is too large to be stored")]
    TooLarge,
    /// The service is stopping, or the disk has failed. Whether anything was done is unknown.
    #[error("the service is stopping")]
    Stopping,
    /// A fault of ours: nothing was done.
    #[error("the request could not be decided")]
    Fault,
}

/// How the one who asks hears.
pub(crate) type Responder<M> = oneshot::Sender<Response<M>>;

/// What an actor answers, with the position that must be durable before it leaves.
pub(crate) struct Response<M: Machine> {
    pub(crate) outcome: Result<(M::Reply, Origin), AskError<M::Refusal>>,
    pub(crate) position: Position,
}

/// A command with the one who waits for its answer.
pub(crate) struct Ask<M: Machine> {
    pub(crate) command: M::Command,
    pub(crate) request: Option<RequestTag>,
    pub(crate) responder: Responder<M>,
}
