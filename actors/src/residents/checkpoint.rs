//! Bringing the store up to date, so that the next start reads less of the journal.

use std::time::Instant;

use priv_domain::listing::Listing;
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;
use priv_domain::{EntityId, Position};
use tokio::sync::oneshot;

use super::delivery::{Resident, Residents, TRY_AGAIN};
use super::directory::Full;
use crate::entity::message::ActorMessage;
use crate::host::Stopping;

/// Snapshots that are asked for at once.
const SNAPSHOTS_AT_ONCE: usize = 512;

/// Keeps snapshots of all that changed, waits for the projector, and notes the position up to
/// which the store then holds everything.
pub(crate) async fn checkpoint(residents: &Residents) {
    let began = Instant::now();
    let host = residents.host();
    // What is durable now is in the state of an actor, or in a snapshot that one left.
    let point = host.journal.head();
    if keep_all_changed(residents).await.is_err() {
        return;
    }
    if host.projection.when_projected(point.position).await.is_err() {
        return;
    }
    match host.store.set_checkpoint(&point) {
        Ok(()) => tracing::debug!(
            position = point.position.get(),
            millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "checkpoint"
        ),
        Err(error) => host.store_is_broken(&error),
    }
}

async fn keep_all_changed(residents: &Residents) -> Result<(), Stopping> {
    keep_changed::<User>(residents).await?;
    keep_changed::<Project>(residents).await?;
    keep_changed::<System>(residents).await?;
    keep_changed::<Listing>(residents).await
}

async fn keep_changed<M: Resident>(residents: &Residents) -> Result<(), Stopping> {
    for ids in M::directory(residents).changed().chunks(SNAPSHOTS_AT_ONCE) {
        keep_some::<M>(residents, ids).await?;
    }
    Ok(())
}

async fn keep_some<M: Resident>(residents: &Residents, ids: &[EntityId]) -> Result<(), Stopping> {
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        let (reply, answer) = oneshot::channel();
        let mut actor_message = ActorMessage::Snapshot(reply);
        // One that has gone since has kept its own, and is not activated for this.
        while let Err(Full(full)) = M::directory(residents).post_if_resident(id, actor_message) {
            actor_message = full;
            tokio::time::sleep(TRY_AGAIN).await;
        }
        asked.push(answer);
    }
    let mut snapshots = Vec::with_capacity(asked.len());
    let mut last = Position::ZERO;
    for answer in asked {
        // One that has gone since has kept its own.
        if let Ok(Some((snapshot, position))) = answer.await {
            last = last.max(position);
            snapshots.push(snapshot);
        }
    }
    residents.host().keep_snapshots(&snapshots, last).await?;
    for snapshot in &snapshots {
        M::directory(residents).kept(snapshot);
    }
    Ok(())
}
