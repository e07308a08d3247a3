//! Letting actors go, many at a time.
//!
//! An actor that goes hands its snapshot over and reads no more messages. When the snapshots of all
//! that go together are kept, in one write, each loses its place in the directory and is told so:
//! messages that came meanwhile it passes on. If they can't be kept the actors stay as they were.
//!
//! The one who lets them go does the writing, and not the actors' threads: what the store keeps in
//! memory would take the places of actors that went, all over the heap, and hold on to its pages.

use priv_domain::{EntityId, Position};
use tokio::sync::oneshot;

use super::delivery::{Resident, Residents, TRY_AGAIN};
use super::directory::Full;
use crate::entity::message::{ActorMessage, Departure};
use crate::host::Stopping;

/// Actors that go together.
const AT_ONCE: usize = 2_048;
/// Memory of actors that go together, in bytes: their snapshots are in memory at the same time.
const BYTES_AT_ONCE: u64 = 8 << 20;

/// What became of a wish to passivate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passivated {
    /// It went.
    Gone,
    /// It is in use, or waits for others.
    InUse,
}

/// Lets those go who were not used after a moment and whom nobody needs.
pub(crate) async fn passivate_unused<M: Resident>(residents: &Residents, unused_since: u32) {
    let unused = M::directory(residents).unused(unused_since);
    let mut asked = Vec::new();
    for group in groups(&unused) {
        // These make their snapshots while those before them are kept.
        let next = ask_to_go::<M>(residents, group, unused_since).await;
        let last = std::mem::replace(&mut asked, next);
        if let_go::<M>(residents, last).await.is_err() {
            return;
        }
    }
    // Where this fails the process is stopping.
    let _ = let_go::<M>(residents, asked).await;
    if !unused.is_empty() {
        M::directory(residents).give_memory_back();
    }
}

/// Lets one go.
pub(crate) async fn passivate<M: Resident>(
    residents: &Residents,
    id: &EntityId,
) -> Result<Passivated, Stopping> {
    let asked = ask_to_go::<M>(residents, &[(id.clone(), 0)], u32::MAX).await;
    let stays = let_go::<M>(residents, asked).await?;
    Ok(if stays > 0 { Passivated::InUse } else { Passivated::Gone })
}

fn groups(unused: &[(EntityId, u32)]) -> impl Iterator<Item = &[(EntityId, u32)]> {
    let mut rest = unused;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(AT_ONCE).take_while(|(_, size)| {
            let before = bytes;
            bytes += u64::from(*size);
            before == 0 || bytes <= BYTES_AT_ONCE
        });
        let (group, others) = rest.split_at(fits.count());
        rest = others;
        (!group.is_empty()).then_some(group)
    })
}

async fn ask_to_go<M: Resident>(
    residents: &Residents,
    group: &[(EntityId, u32)],
    unused_since: u32,
) -> Vec<oneshot::Receiver<Departure>> {
    let mut asked = Vec::with_capacity(group.len());
    for (id, _) in group {
        let (reply, departure) = oneshot::channel();
        let mut actor_message = ActorMessage::Passivate { unused_since, reply };
        // One that has gone since is not activated for this: its answer is that nobody answers.
        while let Err(Full(full)) = M::directory(residents).post_if_resident(id, actor_message) {
            actor_message = full;
            tokio::time::sleep(TRY_AGAIN).await;
        }
        asked.push(departure);
    }
    asked
}

/// Keeps the snapshots of those who can go, and tells them. Returns how many stay.
async fn let_go<M: Resident>(
    residents: &Residents,
    asked: Vec<oneshot::Receiver<Departure>>,
) -> Result<usize, Stopping> {
    let mut stay = 0;
    let mut leaving = Vec::with_capacity(asked.len());
    let mut snapshots = Vec::with_capacity(asked.len());
    let mut last = Position::ZERO;
    for departure in asked {
        match departure.await {
            Ok(Departure::Leaving(mut one)) => {
                last = last.max(one.position);
                snapshots.extend(one.snapshot.take());
                leaving.push(one);
            }
            Ok(Departure::InUse) => stay += 1,
            Ok(Departure::Gone) | Err(_) => {}
        }
    }
    if leaving.is_empty() {
        return Ok(stay);
    }
    let host = residents.host();
    host.keep_snapshots(&snapshots, last).await?;
    for one in leaving {
        host.add_resident_bytes(one.tracker.set_bytes(0));
        M::directory(residents).retire(&one.id, &one.tracker);
        // It holds its end until it hears; unless its thread has stopped.
        let _ = one.gone.send(());
    }
    Ok(stay)
}

#[cfg(test)]
mod tests {
    use priv_domain::{Environment, UserRef};

    use super::*;

    fn sizes_of_groups(sizes: &[u32]) -> Vec<usize> {
        let id = EntityId::user(Environment::Live, &UserRef::Person("someone".into()));
        let unused: Vec<_> = sizes.iter().map(|size| (id.clone(), *size)).collect();
        groups(&unused).map(<[_]>::len).collect()
    }

    #[test]
    fn groups_are_bounded_in_number_and_bytes_and_leave_nobody_out() {
        assert!(sizes_of_groups(&[]).is_empty());
        assert_eq!(sizes_of_groups(&[1_000; 5_000]), [2_048, 2_048, 904]);
        let mib = 1 << 20;
        assert_eq!(sizes_of_groups(&[3 * mib, 5 * mib, 1, 20 * mib, 7 * mib]), [2, 1, 1, 1]);
    }
}
