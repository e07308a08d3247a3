//! The messages that an actor's mailbox holds.

use std::sync::Arc;

use priv_domain::message::Message;
use priv_domain::message::OutgoingMessage;
use priv_domain::{EntityId, Position};
use priv_store::codec::Persistent;
use priv_store::snapshots::Snapshot;
use tokio::sync::oneshot;

use super::shell::{Shell, ShellContext};
use super::tracker::Tracker;

/// What an actor is sent.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) enum ActorMessage<M: Persistent + Unpin> {
    /// A command whose answer somebody waits for; where it is dropped, they hear that the process
    /// stops.
    Ask(AskShell<M>),
    /// A message from another entity.
    FromEntity { from: EntityId, message: Message },
    /// A look at the shell.
    Look(Look<M>),
    /// For a snapshot of what has changed; nothing where nothing has.
    Snapshot(oneshot::Sender<Option<(Snapshot, Position)>>),
    /// Go, if you have not been used after this moment.
    Passivate { unused_since: u32, reply: oneshot::Sender<Departure> },
}

/// Asks a shell, and returns the messages to send. Each command has a reply of its own, so who waits
/// for it is inside.
pub(crate) type AskShell<M> =
    Box<dyn FnOnce(&mut Shell<M>, ShellContext<'_>) -> Vec<OutgoingMessage> + Send>;

/// A look at a shell.
pub(crate) type Look<M> = Box<dyn FnOnce(&mut Shell<M>) + Send>;

/// What an actor says that is asked to go.
pub(crate) enum Departure {
    /// It stays.
    InUse,
    /// It had gone already.
    Gone,
    /// It goes once this is kept.
    Leaving(Leaving),
}

/// An actor that reads no more messages until it is told that it has gone, or that it stays after
/// all: when this is dropped.
pub(crate) struct Leaving {
    pub(crate) id: EntityId,
    pub(crate) tracker: Arc<Tracker>,
    /// `None` where the one that is kept is its state.
    pub(crate) snapshot: Option<Snapshot>,
    /// Must be on disk before the snapshot is kept.
    pub(crate) position: Position,
    pub(crate) gone: oneshot::Sender<()>,
}
