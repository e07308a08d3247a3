//! The context that an entity's actor runs in: a mailbox, what must end before the next message is
//! read, and timers.
//!
//! actix's own `Context` does the same, with room in place for three futures and two waits, twice:
//! about 400 bytes, where most of a million actors have none. Here an actor's whole task takes 256
//! bytes, which the test below holds on to.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::dev::channel::channel;
use actix::dev::{Envelope, Mailbox, ToEnvelope};
use actix::fut::ActorFuture;
use actix::{
    Actor, ActorContext, ActorState, Addr, AsyncContext, Handler, Message, SpawnHandle, WeakAddr,
};
use actix_rt::ArbiterHandle;

type Work<A> = Pin<Box<dyn ActorFuture<A, Output = ()>>>;

/// What an actor can ask of its surroundings.
pub(crate) struct LeanContext<A: Actor<Context = Self>> {
    address: WeakAddr<A>,
    /// Must end before the next message is read; the newest first.
    waits: Vec<Work<A>>,
    /// Goes on beside messages, but not while something is waited for.
    works: Vec<(SpawnHandle, Work<A>)>,
    last_handle: SpawnHandle,
    state: ActorState,
}

/// An actor in its context: the future that its task runs.
struct Run<A: Actor<Context = LeanContext<A>> + Unpin> {
    actor: A,
    context: LeanContext<A>,
    mailbox: Mailbox<A>,
}

/// Starts an actor on an arbiter's thread, with a mailbox that holds so many messages.
pub(crate) fn start<A>(arbiter: &ArbiterHandle, mailbox: usize, actor: A) -> Addr<A>
where
    A: Actor<Context = LeanContext<A>> + Unpin + Send,
{
    let (sender, receiver) = channel(mailbox);
    let address = Addr::new(sender);
    let weak = address.downgrade();
    // Where the arbiter has stopped the receiver is dropped, and senders hear that it is closed.
    arbiter.spawn_fn(move || {
        let context = LeanContext {
            address: weak,
            waits: Vec::new(),
            works: Vec::new(),
            last_handle: SpawnHandle::default(),
            state: ActorState::Started,
        };
        drop(actix_rt::spawn(Run { actor, context, mailbox: Mailbox::new(receiver) }));
    });
    address
}

impl<A: Actor<Context = Self>> ActorContext for LeanContext<A> {
    fn stop(&mut self) {
        if self.state.alive() {
            self.state = ActorState::Stopping;
        }
    }

    fn terminate(&mut self) {
        self.state = ActorState::Stopped;
    }

    fn state(&self) -> ActorState {
        self.state
    }
}

impl<A: Actor<Context = Self>> AsyncContext<A> for LeanContext<A> {
    /// Where nobody else can reach the actor any more, it can't reach itself either: then the
    /// address is closed.
    fn address(&self) -> Addr<A> {
        self.address.upgrade().unwrap_or_else(|| Addr::new(channel(1).0))
    }

    fn spawn<F>(&mut self, work: F) -> SpawnHandle
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        self.last_handle = self.last_handle.next();
        self.works.push((self.last_handle, Box::pin(work)));
        self.last_handle
    }

    fn wait<F>(&mut self, work: F)
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        self.waits.push(Box::pin(work));
    }

    fn waiting(&self) -> bool {
        !self.waits.is_empty() || !self.state.alive()
    }

    /// Says whether it was there; work that is just being done ends by itself.
    fn cancel_future(&mut self, handle: SpawnHandle) -> bool {
        let before = self.works.len();
        self.works.retain(|(known, _)| *known != handle);
        self.works.len() < before
    }
}

impl<A, M> ToEnvelope<A, M> for LeanContext<A>
where
    A: Actor<Context = Self> + Handler<M>,
    M: Message<Result: Send> + Send + 'static,
{
    fn pack(message: M, reply: Option<tokio::sync::oneshot::Sender<M::Result>>) -> Envelope<A> {
        Envelope::new(message, reply)
    }
}

impl<A: Actor<Context = LeanContext<A>> + Unpin> Future for Run<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let Self { actor, context, mailbox } = self.get_mut();
        if context.state == ActorState::Started {
            context.state = ActorState::Running;
            actor.started(context);
        }
        while context.state.alive() {
            while let Some(mut work) = context.waits.pop() {
                let waits_before = context.waits.len();
                if work.as_mut().poll(actor, context, task).is_pending() {
                    // Below what it may have begun to wait for itself.
                    context.waits.insert(waits_before, work);
                    if context.waits.len() == waits_before + 1 {
                        return Poll::Pending;
                    }
                }
            }
            mailbox.poll(actor, context, task);
            if !context.waits.is_empty() {
                continue;
            }
            let mut works = std::mem::take(&mut context.works);
            works.retain_mut(|(_, work)| work.as_mut().poll(actor, context, task).is_pending());
            let has_more = !context.works.is_empty() || !context.waits.is_empty();
            works.append(&mut context.works);
            context.works = works;
            if !has_more {
                break;
            }
        }
        if context.works.is_empty() {
            context.works = Vec::new();
        }
        let is_needed = mailbox.connected() || !context.works.is_empty();
        if context.state.alive() && is_needed { Poll::Pending } else { Poll::Ready(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix::ActorFutureExt;
    use actix::fut::{ready, wrap_future};
    use actix_rt::Arbiter;
    use priv_domain::user::User;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::sync::oneshot;

    use super::super::actor::EntityActor;
    use super::*;

    /// Says what happens to it.
    struct Recorder(UnboundedSender<String>);

    #[derive(Message)]
    #[rtype(result = "()")]
    enum Do {
        Say(&'static str),
        WaitFor(oneshot::Receiver<()>),
        SayLater(Duration),
        Stop,
    }

    impl Recorder {
        fn say(&self, what: &str) {
            let _ = self.0.send(what.to_owned());
        }
    }

    impl Drop for Recorder {
        fn drop(&mut self) {
            self.say("gone");
        }
    }

    impl Actor for Recorder {
        type Context = LeanContext<Self>;

        fn started(&mut self, _: &mut Self::Context) {
            self.say("started");
        }
    }

    impl Handler<Do> for Recorder {
        type Result = ();

        fn handle(&mut self, message: Do, context: &mut Self::Context) {
            match message {
                Do::Say(what) => self.say(what),
                Do::WaitFor(end) => {
                    context.wait(wrap_future::<_, Self>(end).then(|_, actor, _| {
                        actor.say("waited");
                        ready(())
                    }))
                }
                Do::SayLater(after) => {
                    context.run_later(after, |actor, context| {
                        actor.say("later");
                        assert!(!context.address().connected());
                    });
                }
                Do::Stop => context.stop(),
            }
        }
    }

    fn recorder(mailbox: usize) -> (Arbiter, Addr<Recorder>, UnboundedReceiver<String>) {
        let arbiter = Arbiter::new();
        let (sender, heard) = unbounded_channel();
        let address = start(&arbiter.handle(), mailbox, Recorder(sender));
        (arbiter, address, heard)
    }

    async fn hears(heard: &mut UnboundedReceiver<String>, expected: &[&str]) {
        for what in expected {
            assert_eq!(heard.recv().await.as_deref(), Some(*what));
        }
    }

    #[actix_rt::test]
    async fn messages_wait_for_what_the_actor_waits_for() {
        let (_arbiter, address, mut heard) = recorder(8);
        let (first_ends, first) = oneshot::channel();
        let (second_ends, second) = oneshot::channel();
        for message in [Do::WaitFor(first), Do::Say("one"), Do::WaitFor(second), Do::Say("two")] {
            address.do_send(message);
        }
        hears(&mut heard, &["started"]).await;
        first_ends.send(()).expect("it waits");
        hears(&mut heard, &["waited", "one"]).await;
        second_ends.send(()).expect("it waits");
        hears(&mut heard, &["waited", "two"]).await;
    }

    #[actix_rt::test]
    async fn an_actor_whom_nobody_can_reach_ends_when_its_timers_have() {
        let (_arbiter, address, mut heard) = recorder(8);
        address.do_send(Do::SayLater(Duration::from_millis(1)));
        drop(address);
        hears(&mut heard, &["started", "later", "gone"]).await;
    }

    #[actix_rt::test]
    async fn a_stopped_actor_reads_nothing_more_and_its_mailbox_is_closed() {
        let (_arbiter, address, mut heard) = recorder(8);
        for message in [Do::Stop, Do::Say("unread")] {
            address.do_send(message);
        }
        hears(&mut heard, &["started", "gone"]).await;
        // The mailbox goes right after the actor.
        while address.connected() {
            tokio::task::yield_now().await;
        }
    }

    #[actix_rt::test]
    async fn a_full_mailbox_says_so() {
        let (_arbiter, address, mut heard) = recorder(2);
        let (ends, end) = oneshot::channel();
        address.do_send(Do::WaitFor(end));
        hears(&mut heard, &["started"]).await;
        let taken = (0..10).take_while(|_| address.try_send(Do::Say("one")).is_ok()).count();
        assert!((1..10).contains(&taken), "{taken} were taken");
        ends.send(()).expect("it waits");
        hears(&mut heard, &["waited"]).await;
        for _ in 0..taken {
            hears(&mut heard, &["one"]).await;
        }
    }

    /// tokio puts 96 bytes around a future, and rounds up to 128.
    #[test]
    fn the_task_of_a_user_takes_256_bytes() {
        assert!(size_of::<Run<EntityActor<User>>>() <= 160);
    }
}
