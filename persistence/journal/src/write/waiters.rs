//! Waiting for a position: a counter that only grows, and the wakers of those who wait for it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use parking_lot::Mutex;
use priv_domain::Position;

use crate::error::JournalStopped;

/// A position that only grows, and those who wait for it.
///
/// An advance wakes those whose position has been reached, and nobody else: with thousands of
/// requests waiting for different groups, waking all of them for each would be most of the work.
#[derive(Debug, Default)]
pub struct Progress {
    reached: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    stopped: Option<JournalStopped>,
    next_waker: u64,
    /// By position, then by a number that makes the key unique.
    wakers: BTreeMap<(u64, u64), Waker>,
}

impl Progress {
    /// At `reached`, with nobody waiting.
    #[must_use]
    pub fn new(reached: Position) -> Self {
        Self { reached: AtomicU64::new(reached.get()), waiting: Mutex::default() }
    }

    /// The position that it has reached.
    #[must_use]
    pub fn reached(&self) -> Position {
        Position::new(self.reached.load(Ordering::Acquire))
    }

    /// Moves to a later position and wakes those who waited for it or for one before.
    pub fn advance(&self, to: Position) {
        self.reached.store(to.get(), Ordering::Release);
        let woken = {
            let mut waiting = self.waiting.lock();
            let later = waiting.wakers.split_off(&(to.get().saturating_add(1), 0));
            std::mem::replace(&mut waiting.wakers, later)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Stops for good: everyone who still waits gets an error. The first reason is kept.
    pub fn stop(&self, why: JournalStopped) {
        let woken = {
            let mut waiting = self.waiting.lock();
            waiting.stopped.get_or_insert(why);
            std::mem::take(&mut waiting.wakers)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Completes when it has reached `position`.
    pub fn when(self: &Arc<Self>, position: Position) -> WhenDurable {
        WhenDurable { progress: Arc::clone(self), position: position.get(), waker_id: None }
    }

    fn has_reached(&self, position: u64) -> bool {
        self.reached.load(Ordering::Acquire) >= position
    }
}

/// Completes when a position is durable, or never will be.
#[must_use = "nothing may leave the process before this completes"]
pub struct WhenDurable {
    progress: Arc<Progress>,
    position: u64,
    waker_id: Option<u64>,
}

impl WhenDurable {
    /// Blocks the thread until the position is durable.
    ///
    /// # Errors
    /// [`JournalStopped`] if the position was not durable when the journal stopped.
    pub fn wait(mut self) -> Result<(), JournalStopped> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl Future for WhenDurable {
    type Output = Result<(), JournalStopped>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.progress.has_reached(self.position) {
            return Poll::Ready(Ok(()));
        }
        let progress = Arc::clone(&self.progress);
        let mut waiting = progress.waiting.lock();
        // Checked again under the lock: an advance after this check finds the waker.
        if progress.has_reached(self.position) {
            return Poll::Ready(Ok(()));
        }
        if let Some(why) = waiting.stopped {
            return Poll::Ready(Err(why));
        }
        let waker_id = *self.waker_id.get_or_insert_with(|| {
            waiting.next_waker += 1;
            waiting.next_waker
        });
        waiting
            .wakers
            .entry((self.position, waker_id))
            .and_modify(|waker| waker.clone_from(context.waker()))
            .or_insert_with(|| context.waker().clone());
        Poll::Pending
    }
}

impl Drop for WhenDurable {
    fn drop(&mut self) {
        if let Some(waker_id) = self.waker_id {
            let forgotten = self.progress.waiting.lock().wakers.remove(&(self.position, waker_id));
            // Outside the lock: dropping a waker runs code of its maker.
            drop(forgotten);
        }
    }
}

impl fmt::Debug for WhenDurable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhenDurable").field("position", &self.position).finish_non_exhaustive()
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
