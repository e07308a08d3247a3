//! The state that the threads of a journal share.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;
use crate::error::{FatalError, JournalStopped};
use crate::options::{OnFatal, Options};
use crate::read::catalog::Catalog;
use crate::stats::Recent;
use crate::write::bell::Bell;
use crate::write::queue::Queue;
use crate::write::shelf::Shelf;
use crate::write::waiters::Progress;

/// The state that the threads of a journal share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) queue: Queue,
    pub(crate) progress: Arc<Progress>,
    pub(crate) catalog: Catalog,
    pub(crate) recent: Mutex<Recent>,
    pub(crate) shelf: Shelf,
    pub(crate) bell: Bell,
    pub(crate) on_fatal: OnFatal,
}

impl Shared {
    /// Stops everything: records that are not durable yet will not be acknowledged.
    pub(crate) fn fail(&self, error: &FatalError) {
        tracing::error!(error = error as &dyn std::error::Error, "the journal stopped");
        self.queue.stop(JournalStopped::Failed);
        self.bell.stop();
        self.progress.stop(JournalStopped::Failed);
        (self.on_fatal)(error);
    }
}
