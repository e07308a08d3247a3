//! All of it in one process: journal, store, projector, directories.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use actix_rt::Arbiter;
use priv_domain::entity::EntityId;
use priv_domain::machine::{Command, Entity, Machine};
use priv_domain::{Position, RequestTag};
use priv_journal::disk::Disk;
use priv_journal::{FatalError, FileJournal, Journal, OpenError};
use priv_store::codec::ReplyOf;
use priv_store::data_dir::{DataDir, DataDirError};
use priv_store::projector::Projection;
use priv_store::recovery::{RecoveryError, recover};
use priv_store::store::FOLDER;
use priv_store::witness::CHECKPOINT;
use priv_store::{Store, StoreError};
use tokio::sync::oneshot;

use crate::ask::{Answered, Ask, AskError, Origin, Response, send_when_durable};
use crate::clock::{Clock, Ids};
use crate::entity::message::ActorMessage;
use crate::entity::shell::{Shell, ShellContext};
use crate::host::{Host, OnFatal, Parts};
use crate::options::Options;
use crate::projecting::{GROUPS_QUEUED, project_groups};
use crate::recent_terms::RecentTerms;
use crate::residents::checkpoint::checkpoint;
use crate::residents::delivery::{Resident, Residents};
use crate::residents::directory::Full;
use crate::residents::housekeeping::Housekeeper;
use crate::residents::passivation::{self, Passivated};
use crate::threads::{spawn, watch};

/// Why a command is refused.
type Refusal<C> = <<C as Command>::Machine as Machine>::Refusal;

/// Why a node can't start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data directory can't be had.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The journal can't be opened.
    #[error(transparent)]
    Journal(OpenError),
    /// The journal has lost records that were acknowledged, or is another one.
    #[error(
        "what was acknowledged is not in the journal: restore a backup into a new directory, or give the journal's own files back; only if you know what is lost and accept it, remove `{FOLDER}` and `{CHECKPOINT}` from {data_dir}, and it goes on with what is there",
        data_dir = data_dir.display()
    )]
    JournalLost {
        /// The data directory.
        data_dir: PathBuf,
        /// What the journal found.
        source: OpenError,
    },
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is made from the journal can't be brought up to date.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The system gives no random numbers or no threads.
    #[error("the system gives no random numbers or threads: {0}")]
    System(String),
}

impl From<std::io::Error> for NodeError {
    fn from(no_thread: std::io::Error) -> Self {
        Self::System(no_thread.to_string())
    }
}

impl NodeError {
    fn of_journal(error: OpenError, data_dir: &Path) -> Self {
        match error {
            OpenError::Lost { .. } | OpenError::Another { .. } => {
                Self::JournalLost { data_dir: data_dir.to_owned(), source: error }
            }
            OpenError::Options(_) | OpenError::Io { .. } | OpenError::Corrupt(_) => {
                Self::Journal(error)
            }
        }
    }
}

/// A running node.
pub struct Node {
    residents: Arc<Residents>,
    /// The threads that actors run on.
    arbiters: Vec<Arbiter>,
    housekeeper: Housekeeper,
    recent_terms: RecentTerms,
    /// Set once the arbiters may end.
    stopping: Arc<AtomicBool>,
    /// Set once the process must end.
    failed: Arc<AtomicBool>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("options", self.options()).finish_non_exhaustive()
    }
}

impl Node {
    /// Recovers a data directory and wakes those who wait for others. Call inside an actix system.
    /// Blocks until it is recovered.
    ///
    /// # Errors
    /// See [`NodeError`]; each says what to do.
    pub fn start(
        options: Options,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        on_fatal: OnFatal,
    ) -> Result<Arc<Self>, NodeError> {
        let data_dir = DataDir::lock(&options.data_dir)?;
        let failed = Arc::new(AtomicBool::new(false));
        let on_fatal = noting(failed.clone(), on_fatal);
        let ids = Ids::new().map_err(|error| NodeError::System(error.to_string()))?;
        let (groups, queue) = sync_channel(GROUPS_QUEUED);
        // The store comes first: it knows what the journal must hold.
        let cache_bytes = options.store_cache_bytes;
        let (store, found) = Store::open(data_dir.path(), cache_bytes)?;
        let witnesses = store.witnesses()?;
        let fatal = on_fatal.clone();
        let journal = FileJournal::open(
            disk,
            &options.journal_dir,
            priv_journal::Options { witnesses, ..options.journal.clone() },
            // The projector's end closes the channel only when the process stops.
            Some(Box::new(move |group| drop(groups.send(group)))),
            Box::new(move |error: &FatalError| fatal(error)),
        );
        let journal: Arc<dyn Journal> =
            Arc::new(journal.map_err(|error| NodeError::of_journal(error, data_dir.path()))?);
        let recovered = recover(data_dir.path(), journal.as_ref(), (store, found), cache_bytes)?;
        let projector = recovered.projector;
        let seen = recovered.projection.clone();
        let faults = options.faults.clone();
        let fatal = distrusting(recovered.store.clone(), on_fatal.clone());
        spawn("projector", fatal, move || project_groups(projector, &seen, &queue, &faults))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let arbiters: Vec<Arbiter> = (0..options.arbiters.max(1)).map(|_| Arbiter::new()).collect();
        for arbiter in &arbiters {
            watch(arbiter, stopping.clone(), on_fatal.clone());
        }
        let fatal = on_fatal.clone();
        let residents = Residents::new(Host::new(Parts {
            data_dir,
            journal,
            store: recovered.store,
            projection: recovered.projection,
            clock,
            ids,
            options,
            on_fatal,
            threads: arbiters.iter().map(Arbiter::handle).collect(),
        }));
        for id in recovered.with_pending_work {
            residents.wake(id);
        }
        let (housekeeper, housekeeping) =
            Housekeeper::new(residents.host().memory_is_short.clone());
        let weak = Arc::downgrade(&residents);
        housekeeper.is_run_by(spawn("housekeeper", fatal, move || housekeeping.run(&weak))?);
        Ok(Arc::new(Self {
            residents,
            arbiters,
            housekeeper,
            recent_terms: RecentTerms::default(),
            stopping,
            failed,
        }))
    }

    /// Asks an entity to do something. The answer, of the command's own type, comes when all that
    /// it depends on is durable.
    ///
    /// # Errors
    /// See [`AskError`]; [`AskError::Mismatch`] also where the idempotency key was used for another
    /// command.
    pub async fn ask<C>(
        &self,
        id: &EntityId,
        command: C,
        request: Option<RequestTag>,
    ) -> Result<Answered<C::Reply>, AskError<Refusal<C>>>
    where
        C: Command<Machine: Resident, Reply: ReplyOf<C::Machine>>,
    {
        let (responder, response) = oneshot::channel();
        let ask = Ask { command, request, responder };
        let ask = Box::new(move |shell: &mut Shell<C::Machine>, context: ShellContext<'_>| {
            shell.ask(ask, context)
        });
        self.residents
            .post_patiently::<C::Machine>(id, ActorMessage::Ask(ask))
            .await
            .map_err(|Full(_)| AskError::Overloaded)?;
        let Response { outcome, position } = response.await.map_err(|_| AskError::Stopping)?;
        let (reply, origin) = outcome?;
        Ok(Answered { reply, origin, position })
    }

    /// Looks at an entity's state. What `look` returns comes when what it saw is durable.
    ///
    /// # Errors
    /// [`AskError::Overloaded`] or [`AskError::Stopping`].
    pub async fn read_durable<M: Resident, T: Send + 'static>(
        &self,
        id: &EntityId,
        look: impl FnOnce(&Entity<M>) -> T + Send + 'static,
    ) -> Result<Answered<T>, AskError<M::Refusal>> {
        self.with_shell_of(id, move |shell| look(shell.entity())).await
    }

    /// Looks at an entity, and may leave a listener.
    ///
    /// # Errors
    /// [`AskError::Overloaded`] or [`AskError::Stopping`].
    pub async fn with_shell_of<M: Resident, T: Send + 'static>(
        &self,
        id: &EntityId,
        look: impl FnOnce(&mut Shell<M>) -> T + Send + 'static,
    ) -> Result<Answered<T>, AskError<M::Refusal>> {
        let (responder, response) = oneshot::channel();
        let journal = self.host().journal.clone();
        let look = Box::new(move |shell: &mut Shell<M>| {
            let seen = (look(shell), shell.position());
            send_when_durable(journal.as_ref(), shell.position(), responder, seen);
        });
        self.residents
            .post_patiently::<M>(id, ActorMessage::Look(look))
            .await
            .map_err(|Full(_)| AskError::Overloaded)?;
        let (reply, position) = response.await.map_err(|_| AskError::Stopping)?;
        Ok(Answered { reply, origin: Origin::Fresh, position })
    }

    /// Looks at an entity's state as it is, durable or not: for what is asked of another entity
    /// next, whose records come after it in the journal. Whoever lets out what it saw waits for its
    /// position first, with [`Self::when_durable`].
    ///
    /// # Errors
    /// [`AskError::Overloaded`] or [`AskError::Stopping`].
    pub async fn read_latest<M: Resident, T: Send + 'static>(
        &self,
        id: &EntityId,
        look: impl FnOnce(&Entity<M>) -> T + Send + 'static,
    ) -> Result<Answered<T>, AskError<M::Refusal>> {
        let (responder, response) = oneshot::channel();
        let look = Box::new(move |shell: &mut Shell<M>| {
            // Whoever has gone away is told nothing.
            let _ = responder.send((look(shell.entity()), shell.position()));
        });
        self.residents
            .post_patiently::<M>(id, ActorMessage::Look(look))
            .await
            .map_err(|Full(_)| AskError::Overloaded)?;
        let (reply, position) = response.await.map_err(|_| AskError::Stopping)?;
        Ok(Answered { reply, origin: Origin::Fresh, position })
    }

    /// Lets an entity's actor go now, if nobody uses it and it waits for nobody.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn passivate<M: Resident>(
        &self,
        id: &EntityId,
    ) -> Result<Passivated, AskError<M::Refusal>> {
        passivation::passivate::<M>(&self.residents, id).await.map_err(|_| AskError::Stopping)
    }

    /// Keeps a snapshot of an entity now.
    ///
    /// # Errors
    /// [`AskError::Overloaded`] or [`AskError::Stopping`].
    pub async fn snapshot<M: Resident>(&self, id: &EntityId) -> Result<(), AskError<M::Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.residents
            .post_patiently::<M>(id, ActorMessage::Snapshot(reply))
            .await
            .map_err(|Full(_)| AskError::Overloaded)?;
        if let Some((snapshot, position)) = answer.await.map_err(|_| AskError::Stopping)? {
            let kept = self.host().keep_snapshots(std::slice::from_ref(&snapshot), position);
            kept.await.map_err(|_| AskError::Stopping)?;
            M::directory(&self.residents).kept(&snapshot);
        }
        Ok(())
    }

    /// Brings the store up to date, and notes up to where it is.
    pub async fn checkpoint(&self) {
        checkpoint(&self.residents).await;
    }

    /// Stops: snapshots what has changed, closes the store and then the journal. Nothing may be
    /// asked of the node meanwhile.
    ///
    /// # Errors
    /// The store could not be closed; then it is rebuilt at the next start. Nothing is lost.
    pub async fn stop(&self) -> Result<(), StoreError> {
        let housekeeper = self.housekeeper.stop();
        // It may be in the middle of a checkpoint: nothing may be written once the store is closed.
        let _ = tokio::task::spawn_blocking(move || housekeeper.map(JoinHandle::join)).await;
        self.checkpoint().await;
        let Host { journal, store, projection, .. } = self.host();
        if projection.when_projected(journal.durable()).await.is_err() {
            tracing::warn!("the projector has stopped: the next start takes in what is missing");
        }
        journal.shutdown();
        let closed = store.clone().close(&journal.head());
        self.stopping.store(true, Ordering::SeqCst);
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        closed
    }

    pub(crate) fn host(&self) -> &Host {
        self.residents.host()
    }

    pub(crate) fn residents(&self) -> &Residents {
        &self.residents
    }

    pub(crate) fn journal(&self) -> &dyn Journal {
        self.host().journal.as_ref()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.host().store
    }

    pub(crate) fn projection(&self) -> &Projection {
        &self.host().projection
    }

    pub(crate) fn recent_terms(&self) -> &RecentTerms {
        &self.recent_terms
    }

    /// Whether what is asked can be written: the journal had room the last time.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        !self.host().refuses().load(Ordering::Relaxed)
    }

    /// Whether a part of the node has failed, so that the process must end.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// A new ULID's bits.
    #[must_use]
    pub fn fresh_id(&self) -> u128 {
        self.host().fresh_id(self.clock().now())
    }

    /// Memory of resident actors, in bytes, about.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.host().resident_bytes()
    }

    /// The last position on disk.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.journal().durable()
    }

    /// Completes when a position is on disk; `false` if it never will be.
    pub async fn when_durable(&self, position: Position) -> bool {
        self.journal().when_durable(position).await.is_ok()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.host().clock.as_ref()
    }

    /// How it is run.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.host().options
    }
}

/// Notes that the node has failed, for those who ask, before the process is ended.
fn noting(failed: Arc<AtomicBool>, on_fatal: OnFatal) -> OnFatal {
    Arc::new(move |error| {
        failed.store(true, Ordering::SeqCst);
        on_fatal(error);
    })
}

/// Has the store rebuilt at the next start: whatever could not be read or written there is made
/// again.
fn distrusting(store: Store, on_fatal: OnFatal) -> OnFatal {
    Arc::new(move |error| {
        if let Err(error) = store.distrust() {
            tracing::error!(%error, "cannot note that the store is broken: remove its folder");
        }
        on_fatal(error);
    })
}
