//! Threads of the node: whichever of them dies takes the process with it, since nobody would do its
//! work any more, and nobody would notice.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use actix_rt::Arbiter;

use crate::host::OnFatal;

/// Why a thread did not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThreadError {
    /// Its work panicked.
    #[error("the thread {thread} panicked: {said}")]
    Panicked {
        /// The thread's name.
        thread: &'static str,
        /// The panic's message.
        said: String,
    },
    /// A thread of actors ended while the node was running.
    #[error("a thread that actors run on ended")]
    ArbiterEnded,
}

/// Runs work on a thread of its own. What the work owns is dropped before its failure is reported,
/// so that those who wait for it hear of it.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn spawn<E: Error + 'static>(
    thread: &'static str,
    on_fatal: OnFatal,
    work: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(thread.to_owned()).spawn(move || {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => on_fatal(&error),
            Err(panic) => {
                on_fatal(&ThreadError::Panicked { thread, said: what_it_said(&*panic) });
            }
        }
    })
}

fn what_it_said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Reports the end of an arbiter's thread until `stopping` is set.
pub(crate) fn watch(arbiter: &Arbiter, stopping: Arc<AtomicBool>, on_fatal: OnFatal) {
    let watched = Watched { stopping, on_fatal };
    // Its task is never done; it is dropped with the thread's runtime. An arbiter that has ended
    // already drops it at once.
    arbiter.spawn(async move {
        let _watched = watched;
        std::future::pending::<()>().await;
    });
}

struct Watched {
    stopping: Arc<AtomicBool>,
    on_fatal: OnFatal,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.stopping.load(Ordering::SeqCst) {
            (self.on_fatal)(&ThreadError::ArbiterEnded);
        }
    }
}
