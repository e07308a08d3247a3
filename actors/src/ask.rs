//! What is asked of an entity, and what comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use priv_domain::machine::{Command, Machine};
use priv_domain::{Position, RequestTag};
use priv_journal::{Journal, WhenDurable};
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

impl<R> Answered<R> {
    /// Whether it was made for this request.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.origin == Origin::Fresh
    }
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

impl<R> AskError<R> {
    /// The same error where nothing can be refused, because nothing was asked: a state was read.
    #[must_use]
    pub fn without_refusal<S>(self) -> AskError<S> {
        match self {
            Self::Refused(_) | Self::Fault => AskError::Fault,
            Self::Mismatch => AskError::Mismatch,
            Self::Overloaded => AskError::Overloaded,
            Self::TooLarge => AskError::TooLarge,
            Self::Stopping => AskError::Stopping,
        }
    }
}

/// How the one who asks for an `R` hears.
pub(crate) type Responder<M, R> = oneshot::Sender<Response<M, R>>;

/// Sends `value` when `position` is durable; never, if it never will be.
///
/// The one who waits is woken once, by the journal, and not once more before it by the actor.
pub(crate) fn send_when_durable<T: Send + 'static>(
    journal: &dyn Journal,
    position: Position,
    sender: oneshot::Sender<T>,
    value: T,
) {
    if journal.durable() >= position {
        // Whoever has gone away is told nothing.
        let _ = sender.send(value);
        return;
    }
    let durable = journal.when_durable(position);
    let delivery = Delivery(Mutex::new(Some((durable, sender, value))));
    Arc::new(delivery).try_now();
}

/// Something to send, and what it waits for.
struct Delivery<T>(Mutex<Option<(WhenDurable, oneshot::Sender<T>, T)>>);

impl<T: Send + 'static> Delivery<T> {
    fn try_now(self: Arc<Self>) {
        let mut pending = self.0.lock();
        let Some((mut durable, sender, value)) = pending.take() else { return };
        let waker = Waker::from(self.clone());
        match Pin::new(&mut durable).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(())) => drop(sender.send(value)),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => *pending = Some((durable, sender, value)),
        }
    }
}

impl<T: Send + 'static> Wake for Delivery<T> {
    fn wake(self: Arc<Self>) {
        self.try_now();
    }
}

/// What an actor answers, and where its last record stands.
pub(crate) struct Response<M: Machine, R> {
    pub(crate) outcome: Result<(R, Origin), AskError<M::Refusal>>,
    pub(crate) position: Position,
}

/// A command with the one who waits for its answer.
pub(crate) struct Ask<C: Command> {
    pub(crate) command: C,
    pub(crate) request: Option<RequestTag>,
    pub(crate) responder: Responder<C::Machine, C::Reply>,
}
