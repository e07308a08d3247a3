//! The signal that wakes the archiver, or stops it.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes the archiver when a segment was closed, and stops it.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct BellState {
    rung: bool,
    stopped: bool,
}

impl Bell {
    /// Says that a segment was closed.
    pub(crate) fn ring(&self) {
        self.state.lock().rung = true;
        self.rung.notify_all();
    }

    /// Says that nothing more is to be archived.
    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.rung.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// Waits until a segment was closed, or for `at_most`; false once stopped.
    pub(crate) fn wait(&self, at_most: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        while !state.rung && !state.stopped {
            match at_most {
                None => self.rung.wait(&mut state),
                Some(pause) => {
                    if self.rung.wait_for(&mut state, pause).timed_out() {
                        break;
                    }
                }
            }
        }
        state.rung = false;
        !state.stopped
    }
}
