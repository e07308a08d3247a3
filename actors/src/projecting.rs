//! The projector's thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError};

use priv_persistence::journal::Group;
use priv_persistence::projector::{ProjectError, Projector};

use crate::node::OnFatal;

/// Groups that wait for the projector at most; then the journal waits too.
pub(crate) const GROUPS_QUEUED: usize = 256;

/// Groups between two commits at most.
const GROUPS_A_COMMIT: usize = 256;

/// Takes durable groups in until the journal has ended.
pub(crate) fn project_groups(
    mut projector: Projector,
    queue: &Receiver<Arc<Group>>,
    on_fatal: &OnFatal,
) {
    loop {
        match project_some(&mut projector, queue) {
            Ok(()) => {}
            Err(Ended::Closed) => return,
            Err(Ended::Failed(error)) => {
                on_fatal(&error);
                return;
            }
        }
    }
}

enum Ended {
    Closed,
    Failed(ProjectError),
}

fn project_some(projector: &mut Projector, queue: &Receiver<Arc<Group>>) -> Result<(), Ended> {
    let first = queue.recv().map_err(|RecvError| Ended::Closed)?;
    let more = queue.try_iter().take(GROUPS_A_COMMIT);
    for group in std::iter::once(first).chain(more) {
        for record in group.records() {
            projector.project(&record).map_err(Ended::Failed)?;
        }
    }
    projector.commit().map_err(|error| Ended::Failed(error.into()))
}
