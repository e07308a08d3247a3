//! Segments that were made ahead of time, until they are used.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::DiskFile;

/// A segment without a position: zeros, all durable.
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
}

/// The spares that are ready and not in use yet.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<VecDeque<Spare>>);

impl Shelf {
    /// Takes the spare that was claimed from the queue.
    pub(crate) fn take(&self) -> Option<Spare> {
        self.0.lock().pop_front()
    }

    /// Puts a spare behind those that are there.
    pub(crate) fn put(&self, spare: Spare) {
        self.0.lock().push_back(spare);
    }
}
