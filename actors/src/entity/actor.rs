//! The actor around a shell: a mailbox, timers, and the two ends of a life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Handler};
use priv_domain::message::Message;
use priv_domain::message::OutgoingMessage;
use priv_domain::{EntityId, Position, Timestamp};
use priv_store::codec::Persistent;
use priv_store::snapshots::Snapshot;
use tokio::sync::oneshot;

use super::context::LeanContext;
use super::message::{ActorMessage, Departure, Leaving};
use super::shell::{Shell, ShellContext};
use super::tracker::Tracker;
use crate::host::Host;

/// Messages that one actor's mailbox holds.
pub(crate) const MAILBOX: usize = 1_024;

/// How soon one is woken at the soonest: also how long it waits where the journal had no room, or
/// where a clock that tests hold stands still.
const WAKE_AGAIN: Duration = Duration::from_millis(20);

/// How long a message waits that the journal had no room for.
const MESSAGE_AGAIN: Duration = Duration::from_millis(20);

/// Memory of an actor without the lists of its state, in bytes: shell, mailbox, task, place in the
/// directory, about 850; and its part of what the process holds besides, as the memory benchmark
/// measures it, so that the budget is one of the process's memory.
const ACTOR_BYTES: usize = 1_260;

/// Memory of an actor that has not told yet: a little more than a user who was touched once takes,
/// so that those who were let in at the budget's edge stay within it.
pub(crate) const NEW_ACTOR_BYTES: u32 = 1_500;

/// A machine whose entities have actors.
pub trait Hosted: Persistent + Unpin {
    /// How long messages that can wait do at most.
    const FLUSH_AFTER: Duration;
}

/// What an actor reaches outside itself.
pub(crate) trait Surroundings<M: Hosted>: Send + Sync {
    /// Journal, store, clock and memory.
    fn host(&self) -> &Host;

    /// Sends a message on its way to another entity, until it is taken.
    fn send(&self, from: &EntityId, outgoing: OutgoingMessage);

    /// Brings a message to whoever has an entity now. Called on an actor's thread.
    fn forward(&self, id: EntityId, actor_message: ActorMessage<M>);
}

/// The actor of one entity.
pub(crate) struct EntityActor<M: Hosted> {
    id: EntityId,
    surroundings: Arc<dyn Surroundings<M>>,
    tracker: Arc<Tracker>,
    life: Life<M>,
    flush_is_due: bool,
    wake_is_due: bool,
    /// Messages that wait until the journal has room.
    messages_in_hand: u32,
}

enum Life<M: Hosted> {
    /// Its snapshot could not be read; the process is being stopped.
    Broken,
    Active(Box<Shell<M>>),
    /// Another one has, or will have, taken its place: what still comes is passed on.
    Retired,
}

impl<M: Hosted> EntityActor<M> {
    pub(crate) fn new(
        id: EntityId,
        surroundings: Arc<dyn Surroundings<M>>,
        tracker: Arc<Tracker>,
    ) -> Self {
        Self {
            id,
            surroundings,
            tracker,
            life: Life::Broken,
            flush_is_due: false,
            wake_is_due: false,
            messages_in_hand: 0,
        }
    }

    fn shell_context(host: &Host) -> ShellContext<'_> {
        let now = host.clock.now();
        let (journal, refuses) = (host.journal.as_ref(), host.refuses());
        ShellContext { now, fresh: host.fresh_id(now), journal, refuses }
    }

    fn send(&self, messages: Vec<OutgoingMessage>) {
        for outgoing in messages {
            self.surroundings.send(&self.id, outgoing);
        }
    }

    fn with_shell(
        &mut self,
        ctx: &mut LeanContext<Self>,
        work: impl FnOnce(&mut Shell<M>, ShellContext<'_>) -> Vec<OutgoingMessage>,
    ) {
        let Life::Active(shell) = &mut self.life else { return };
        let began = Instant::now();
        self.tracker.set_version(shell.entity().version.next());
        let messages = work(shell, Self::shell_context(self.surroundings.host()));
        self.tracker.set_version(shell.entity().version);
        self.tracker.set_held(shell.is_held());
        let bytes = u32::try_from(shell.heap_bytes() + ACTOR_BYTES).unwrap_or(u32::MAX);
        self.surroundings.host().add_resident_bytes(self.tracker.set_bytes(bytes));
        let flush = shell.waiting() > 0;
        let wakes_at = shell.wakes_at();
        self.tracker.took_micros(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        self.send(messages);
        if flush {
            self.flush_later(ctx);
        }
        if let Some(at) = wakes_at {
            self.wake_later(at, ctx);
        }
    }

    fn wake_later(&mut self, at: Timestamp, ctx: &mut LeanContext<Self>) {
        if std::mem::replace(&mut self.wake_is_due, true) {
            return;
        }
        let millis = at.millis_since(self.surroundings.host().clock.now());
        let after = Duration::from_millis(u64::try_from(millis).unwrap_or(0)).max(WAKE_AGAIN);
        ctx.run_later(after, |actor, ctx| {
            actor.wake_is_due = false;
            actor.with_shell(ctx, |shell, context| shell.wake(context));
        });
    }

    fn flush_later(&mut self, ctx: &mut LeanContext<Self>) {
        if !std::mem::replace(&mut self.flush_is_due, true) {
            ctx.run_later(M::FLUSH_AFTER, |actor, ctx| {
                actor.flush_is_due = false;
                actor.with_shell(ctx, |shell, context| shell.flush(context));
            });
        }
    }

    fn message(&mut self, from: EntityId, message: Message, ctx: &mut LeanContext<Self>) {
        let mut again = None;
        self.with_shell(ctx, |shell, context| match shell.receive(from, message, context) {
            Ok(messages) => messages,
            Err(unread) => {
                again = Some(unread);
                Vec::new()
            }
        });
        if let Some((from, message)) = again.map(|unread| *unread) {
            self.messages_in_hand += 1;
            ctx.run_later(MESSAGE_AGAIN, move |actor, ctx| {
                actor.messages_in_hand -= 1;
                actor.message(from, message, ctx);
            });
        }
    }

    fn snapshot(&mut self, reply: oneshot::Sender<Option<(Snapshot, Position)>>) {
        let snapshot = match &self.life {
            Life::Active(shell) if self.tracker.is_changed() => {
                Some((Snapshot::of(&self.id, shell.entity()), shell.position()))
            }
            Life::Active(_) | Life::Broken | Life::Retired => None,
        };
        // The housekeeper asks; if it has gone the process is stopping.
        let _ = reply.send(snapshot);
    }

    fn passivate(
        &mut self,
        unused_since: u32,
        reply: oneshot::Sender<Departure>,
        ctx: &mut LeanContext<Self>,
    ) {
        let used = self.tracker.last_used_ticks() > unused_since || self.tracker.queued() > 0;
        if !used {
            self.with_shell(ctx, |shell, context| {
                shell.drop_closed_listeners();
                shell.flush(context)
            });
        }
        // Who asked has gone only if the process is stopping; then whatever is dropped, stays.
        let Life::Active(shell) = &self.life else {
            let _ = reply.send(Departure::Gone);
            return;
        };
        let in_hand = self.messages_in_hand > 0 || shell.waiting() > 0 || shell.is_asking();
        let waits = shell.wakes_at().is_some() || !shell.outstanding().is_empty();
        if used || in_hand || shell.is_held() || waits {
            let _ = reply.send(Departure::InUse);
            return;
        }
        let (gone, goes) = oneshot::channel();
        let leaving = Leaving {
            id: self.id.clone(),
            tracker: self.tracker.clone(),
            snapshot: self.tracker.is_changed().then(|| Snapshot::of(&self.id, shell.entity())),
            position: shell.position(),
            gone,
        };
        let _ = reply.send(Departure::Leaving(leaving));
        // What comes waits in the mailbox until the snapshot is kept; then it is forwarded.
        ctx.wait(wrap_future::<_, Self>(goes).map(|goes, actor, _| {
            if goes.is_ok() {
                actor.life = Life::Retired;
            }
        }));
    }
}

/// An actor that panics has a state that nobody knows, and the journal may be ahead of its
/// snapshot: the process ends, and recovery decides.
impl<M: Hosted> Drop for EntityActor<M> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.surroundings.host().actor_panicked();
        }
    }
}

impl<M: Hosted> Actor for EntityActor<M> {
    type Context = LeanContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        match self.surroundings.host().load::<M>(&self.id) {
            Ok(entity) => {
                self.tracker.set_version(entity.version);
                self.tracker.kept(entity.version);
                self.life = Life::Active(Box::new(Shell::new(self.id.clone(), entity)));
            }
            Err(error) => return self.surroundings.host().store_is_broken(&error),
        }
        self.with_shell(ctx, |shell, _| shell.outstanding());
    }
}

impl<M: Hosted> Handler<ActorMessage<M>> for EntityActor<M> {
    type Result = ();

    fn handle(&mut self, actor_message: ActorMessage<M>, ctx: &mut Self::Context) {
        self.tracker.taken();
        match (&self.life, actor_message) {
            (Life::Retired, ActorMessage::Passivate { reply, .. }) => {
                drop(reply.send(Departure::Gone));
            }
            (Life::Retired, ActorMessage::Snapshot(reply)) => drop(reply.send(None)),
            (Life::Retired, actor_message) => {
                self.surroundings.forward(self.id.clone(), actor_message)
            }
            (Life::Broken, _) => {}
            (Life::Active(_), ActorMessage::Ask(ask)) => {
                self.with_shell(ctx, ask);
            }
            (Life::Active(_), ActorMessage::FromEntity { from, message }) => {
                self.message(from, message, ctx)
            }
            (Life::Active(_), ActorMessage::Look(look)) => self.with_shell(ctx, |shell, _| {
                look(shell);
                Vec::new()
            }),
            (Life::Active(_), ActorMessage::Snapshot(reply)) => self.snapshot(reply),
            (Life::Active(_), ActorMessage::Passivate { unused_since, reply }) => {
                self.passivate(unused_since, reply, ctx);
            }
        }
    }
}
