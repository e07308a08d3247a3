//! The projector's thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use priv_journal::Group;
use priv_store::projector::{ProjectError, Projection, Projector};

use crate::options::FaultPoints;

/// Groups that wait for the projector at most; then the journal waits too.
pub(crate) const GROUPS_QUEUED: usize = 256;

/// How long the projector gathers groups before it writes, if nobody waits for what it makes: a busy
/// user's line or a busy project's counter is then written once instead of a thousand times.
const GATHER: Duration = Duration::from_millis(500);
/// The same where somebody waits, while more comes without a pause.
const GATHER_AWAITED: Duration = Duration::from_millis(50);
/// Values that are gathered at most: what waits takes memory.
const GATHERED: usize = 10_000;
/// How often it looks meanwhile whether somebody waits.
const LOOK_UP: Duration = Duration::from_millis(1);

/// Takes durable groups in until the journal has ended.
///
/// # Errors
/// A record can't be read, or the store failed: the projector can't go on.
pub(crate) fn project_groups(
    mut projector: Projector,
    projection: &Projection,
    queue: &Receiver<Arc<Group>>,
    faults: &FaultPoints,
) -> Result<(), ProjectError> {
    while let Ok(first) = queue.recv() {
        project_some(&mut projector, projection, first, queue, faults)?;
    }
    Ok(())
}

fn project_some(
    projector: &mut Projector,
    projection: &Projection,
    first: Arc<Group>,
    queue: &Receiver<Arc<Group>>,
    faults: &FaultPoints,
) -> Result<(), ProjectError> {
    let began = Instant::now();
    let mut next = Some(first);
    loop {
        if let Some(group) = next.take() {
            faults.reach_projecting(group.last());
            for record in group.records() {
                projector.project(&record)?;
            }
        }
        let most = if projection.is_awaited() { GATHER_AWAITED } else { GATHER };
        let is_enough = projector.unwritten() >= GATHERED || projector.has_changed_projects();
        if began.elapsed() >= most || is_enough {
            break;
        }
        next = match queue.try_recv() {
            Ok(group) => Some(group),
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) if projection.is_awaited() => break,
            // Asleep it costs nothing, where waiting on the queue would wake it for each group.
            Err(TryRecvError::Empty) => {
                std::thread::sleep(LOOK_UP);
                None
            }
        };
    }
    Ok(projector.commit()?)
}
