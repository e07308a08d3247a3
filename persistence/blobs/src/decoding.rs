//! The bound on photos that are turned into previews at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Photos that are decoded at a time; each takes up to `photo::MAX_MEMORY` and the file itself.
const DECODING_AT_ONCE: usize = 1;
/// Photos that wait to be decoded, or are being decoded, at most.
const WAITING_AT_ONCE: usize = 32;

/// Limits how many photos are being turned into previews.
#[derive(Debug)]
pub(crate) struct Decoding {
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) running: Arc<Semaphore>,
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(WAITING_AT_ONCE)),
            running: Arc::new(Semaphore::new(DECODING_AT_ONCE)),
        }
    }
}
