//! The way of a message to an entity's actor, whatever the entity's kind.

#![expect(
    clippy::result_large_err,
    reason = "what was not taken goes back whole; boxing it would cost each message an allocation"
)]

use std::sync::{Arc, Weak};
use std::time::Duration;

use priv_domain::EntityId;
use priv_domain::listing::Listing;
use priv_domain::message::OutgoingMessage;
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;

use super::directory::{Directory, Full};
use crate::entity::actor::{Hosted, Surroundings};
use crate::entity::message::ActorMessage;
use crate::host::Host;
use crate::of_kind::of_kind;

/// How long a full mailbox is tried again before the caller is told to come later.
const PATIENCE: Duration = Duration::from_millis(200);
/// Time between tries.
pub(crate) const TRY_AGAIN: Duration = Duration::from_millis(2);

/// All resident actors of a process.
pub struct Residents {
    pub(crate) users: Directory<User>,
    pub(crate) projects: Directory<Project>,
    pub(crate) systems: Directory<System>,
    pub(crate) listings: Directory<Listing>,
    host: Host,
    /// For actors, which hold on to their surroundings.
    me: Weak<Self>,
}

/// A machine whose actors have a directory.
pub trait Resident: Hosted {
    /// Where its actors are.
    fn directory(residents: &Residents) -> &Directory<Self>;
}

impl Hosted for User {
    const FLUSH_AFTER: Duration = Duration::from_secs(2);
}

impl Hosted for Project {
    const FLUSH_AFTER: Duration = Duration::from_millis(100);
}

impl Hosted for System {
    const FLUSH_AFTER: Duration = Duration::from_millis(100);
}

impl Hosted for Listing {
    const FLUSH_AFTER: Duration = Duration::from_secs(1);
}

impl Resident for User {
    fn directory(residents: &Residents) -> &Directory<Self> {
        &residents.users
    }
}

impl Resident for Project {
    fn directory(residents: &Residents) -> &Directory<Self> {
        &residents.projects
    }
}

impl Resident for System {
    fn directory(residents: &Residents) -> &Directory<Self> {
        &residents.systems
    }
}

impl Resident for Listing {
    fn directory(residents: &Residents) -> &Directory<Self> {
        &residents.listings
    }
}

impl Residents {
    pub(crate) fn new(host: Host) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            users: Directory::default(),
            projects: Directory::default(),
            systems: Directory::default(),
            listings: Directory::default(),
            host,
            me: me.clone(),
        })
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    fn me(&self) -> Arc<Self> {
        self.me.upgrade().expect("whoever calls holds it")
    }

    fn post<M: Resident>(
        &self,
        id: &EntityId,
        actor_message: ActorMessage<M>,
    ) -> Result<(), Full<M>> {
        M::directory(self).post(&self.host, || self.me(), id, actor_message)
    }

    /// Puts a message into the mailbox of an entity's actor. A full one is tried again for 200 ms:
    /// nobody above tries again, since waiting longer would only keep more requests in a memory
    /// that is short.
    ///
    /// # Errors
    /// Gives the message back where there is no room.
    pub(crate) async fn post_patiently<M: Resident>(
        &self,
        id: &EntityId,
        actor_message: ActorMessage<M>,
    ) -> Result<(), Full<M>> {
        let Err(mut full) = self.post(id, actor_message) else { return Ok(()) };
        for _ in 0..PATIENCE.as_millis() / TRY_AGAIN.as_millis() {
            tokio::time::sleep(TRY_AGAIN).await;
            let Err(again) = self.post(id, full.0) else { return Ok(()) };
            full = again;
        }
        Err(full)
    }

    /// Puts a message into the mailbox of an entity's actor, at once or as soon as there is room:
    /// what is on its way is bounded by what payers may have open. Call on an actor's thread.
    pub(crate) fn post_until_taken<M: Resident>(
        &self,
        id: EntityId,
        actor_message: ActorMessage<M>,
    ) {
        let Err(Full(mut actor_message)) = self.post(&id, actor_message) else { return };
        let residents = self.me();
        actix_rt::spawn(async move {
            tokio::time::sleep(TRY_AGAIN).await;
            while let Err(Full(full)) = residents.post(&id, actor_message) {
                actor_message = full;
                tokio::time::sleep(TRY_AGAIN).await;
            }
        });
    }

    /// Activates an entity that has something to do: whoever is activated sends again what is due.
    pub(crate) fn wake(&self, id: EntityId) {
        let residents = self.me();
        let woken = self.host.thread(&id).clone().spawn_fn(move || {
            of_kind!(id.kind, M => {
                residents.post_until_taken::<M>(id, ActorMessage::Look(Box::new(|_| ())));
            });
        });
        if !woken {
            tracing::error!("an arbiter has stopped: what is due is sent after the next start");
        }
    }
}

impl<M: Resident> Surroundings<M> for Residents {
    fn host(&self) -> &Host {
        &self.host
    }

    fn send(&self, from: &EntityId, outgoing: OutgoingMessage) {
        let OutgoingMessage { to, message } = outgoing;
        let from = from.clone();
        of_kind!(to.kind, To => {
            self.post_until_taken::<To>(to, ActorMessage::FromEntity { from, message });
        });
    }

    fn forward(&self, id: EntityId, actor_message: ActorMessage<M>) {
        self.post_until_taken(id, actor_message);
    }
}
