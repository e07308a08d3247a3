//! Locks, one for each content.
//!
//! Two people may upload the same bytes, which are stored once. So whoever erases them must know
//! that nobody is about to refer to them: both hold the content's lock, one over "keep, then append
//! the entry", the other over "does anyone refer to it? if not, erase".
//!
//! A fixed number of shards would not do: a lock may be held while an object store takes 500 MB,
//! and other content of the same shard would wait for that; and a task that needs two locks of one
//! shard would wait for itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::content_hash::ContentHash;

/// The locks that are held or waited for; no others are remembered.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: Mutex<HashMap<ContentHash, Weak<AsyncMutex<()>>>>,
}

/// A content's lock, held until the last clone of this is dropped.
///
/// Work that continues when its caller is cancelled holds a clone, so that it is over before the
/// next holder begins.
#[derive(Clone)]
pub struct ContentLock(Arc<Held>);

struct Held {
    // Dropped in this order: the registration checks who is left once the guard is gone.
    _guard: OwnedMutexGuard<()>,
    registration: Registration,
}

/// Someone who holds a lock or waits for it. The last one to be dropped forgets the lock.
struct Registration {
    locks: Arc<Locks>,
    hash: ContentHash,
}

impl Locks {
    pub(crate) async fn lock(self: &Arc<Self>, hash: ContentHash) -> ContentLock {
        let registration = Registration { locks: Arc::clone(self), hash };
        let guard = self.mutex(hash).lock_owned().await;
        ContentLock(Arc::new(Held { _guard: guard, registration }))
    }

    /// The number of those who hold a lock or wait for it.
    #[cfg(test)]
    pub(crate) fn waiting(&self, hash: ContentHash) -> usize {
        self.held.lock().get(&hash).map_or(0, Weak::strong_count)
    }

    fn mutex(&self, hash: ContentHash) -> Arc<AsyncMutex<()>> {
        let mut held = self.held.lock();
        if let Some(mutex) = held.get(&hash).and_then(Weak::upgrade) {
            return mutex;
        }
        let mutex = Arc::new(AsyncMutex::new(()));
        held.insert(hash, Arc::downgrade(&mutex));
        mutex
    }
}

impl ContentLock {
    /// The hash of the content whose lock this is.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.0.registration.hash
    }
}

impl fmt::Debug for ContentLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContentLock").field(&self.hash()).finish()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut held = self.locks.held.lock();
        if held.get(&self.hash).is_some_and(|mutex| mutex.strong_count() == 0) {
            held.remove(&self.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn taken<T>(polled: Poll<T>) -> T {
        match polled {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("the lock is free"),
        }
    }

    #[test]
    fn a_content_has_one_holder_at_a_time_and_others_do_not_wait_for_it() {
        let locks = Arc::new(Locks::default());
        let [a, b] = [b"a", b"b"].map(|content| ContentHash::of(content));
        let first = taken(poll(pin!(locks.lock(a))));
        let other = taken(poll(pin!(locks.lock(b))));
        assert_eq!((first.hash(), other.hash()), (a, b));
        let mut second = pin!(locks.lock(a));
        assert!(poll(second.as_mut()).is_pending());
        let clone = first.clone();
        drop(first);
        assert!(poll(second.as_mut()).is_pending(), "a clone holds it too");
        drop(clone);
        taken(poll(second.as_mut()));
    }

    #[test]
    fn nothing_is_remembered_of_locks_that_nobody_holds() {
        let locks = Arc::new(Locks::default());
        let hash = ContentHash::of(b"a");
        let first = taken(poll(pin!(locks.lock(hash))));
        {
            let mut cancelled = pin!(locks.lock(hash));
            assert!(poll(cancelled.as_mut()).is_pending());
            drop(first);
            assert_eq!(locks.held.lock().len(), 1, "it is waited for");
        }
        assert!(locks.held.lock().is_empty());
        drop(taken(poll(pin!(locks.lock(hash)))));
        assert!(locks.held.lock().is_empty());
    }
}
