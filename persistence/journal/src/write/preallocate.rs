//! Spare segments, made ahead of time so that nobody waits while zeros are written.

use std::path::Path;

use crate::format::segment::spare_path_of;
use crate::write::shared::Shared;
use crate::write::shelf::Spare;

/// Makes spares until the journal stops. After a failure, as on a full disk, it keeps trying;
/// meanwhile the queue refuses records that would need the next segment.
pub(crate) fn run(shared: &Shared) {
    let mut number = 0;
    let mut pause = None;
    while shared.queue.wants_spare(pause) {
        number += 1;
        match prepare(shared, &spare_path_of(&shared.dir, number)) {
            Ok(()) => {
                if pause.take().is_some() {
                    tracing::info!("the next segment is prepared: there is room again");
                }
            }
            Err(error) => {
                if pause.is_none() {
                    tracing::warn!(
                        dir = %shared.dir.display(),
                        %error,
                        "cannot prepare the next segment; the journal takes what still fits, then \
                         refuses, and keeps trying",
                    );
                }
                pause = Some(shared.options.retry);
            }
        }
    }
}

fn prepare(shared: &Shared, path: &Path) -> std::io::Result<()> {
    let file = shared.disk.create(path, shared.options.segment_bytes)?;
    shared.shelf.put(Spare { path: path.into(), file });
    shared.queue.add_spare();
    Ok(())
}
