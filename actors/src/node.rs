//! All of it in one process: journal, store, projector, directories.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_rt::{Arbiter, ArbiterHandle};
use priv_domain::entity::{EntityId, Kind};
use priv_domain::listing::Listing;
use priv_domain::machine::{Command, Entity, Machine, OutgoingMessage};
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;
use priv_domain::{Position, RequestTag, Timestamp};
use priv_journal::disk::Disk;
use priv_journal::{FatalError, FileJournal, Journal, OpenError};
use priv_store::codec::{Persistent, ReplyOf};
use priv_store::data_dir::{DataDir, DataDirError, JOURNAL};
use priv_store::projector::Projection;
use priv_store::recovery::{RecoveryError, recover};
use priv_store::snapshots::Snapshot;
use priv_store::{Store, StoreError};
use tokio::sync::oneshot;

use crate::ask::{Answered, Ask, AskError, Origin, Response, send_when_durable};
use crate::clock::{Clock, Ids};
use crate::directory::{Directory, Full};
use crate::entity_actor::ActorMessage;
use crate::housekeeping::Housekeeper;
use crate::passivation::{self, Passivated};
use crate::projecting::{GROUPS_QUEUED, project_groups};
use crate::purchasing::RecentTerms;
use crate::shell::{Shell, ShellContext};

/// Milliseconds in a tick, by which the last use of actors is told apart.
const TICK_MILLIS: i64 = 16;

/// How long a full mailbox is tried again before the caller is told to come later.
const PATIENCE: Duration = Duration::from_millis(200);
pub(crate) const TRY_AGAIN: Duration = Duration::from_millis(2);

/// A machine whose entities have actors.
pub trait Resident: Persistent + Unpin {
    /// How long messages that can wait do at most.
    const FLUSH_AFTER: Duration;

    /// Where its actors are.
    fn directory(node: &Node) -> &Directory<Self>;
}

impl Resident for User {
    const FLUSH_AFTER: Duration = Duration::from_secs(2);

    fn directory(node: &Node) -> &Directory<Self> {
        &node.users
    }
}

impl Resident for Project {
    const FLUSH_AFTER: Duration = Duration::from_millis(100);

    fn directory(node: &Node) -> &Directory<Self> {
        &node.projects
    }
}

impl Resident for System {
    const FLUSH_AFTER: Duration = Duration::from_millis(100);

    fn directory(node: &Node) -> &Directory<Self> {
        &node.systems
    }
}

impl Resident for Listing {
    const FLUSH_AFTER: Duration = Duration::from_secs(1);

    fn directory(node: &Node) -> &Directory<Self> {
        &node.listings
    }
}

/// Why a command is refused.
type Refusal<C> = <<C as Command>::Machine as Machine>::Refusal;

/// How a node is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where the journal is, on the disk that it is given.
    pub journal_dir: PathBuf,
    /// Threads that actors run on.
    pub arbiters: usize,
    /// Memory for resident actors, in bytes. Above it the least recently used go.
    pub resident_bytes: u64,
    /// Actors that were not used for this long go.
    pub idle: Duration,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
    /// sled's cache, in bytes.
    pub store_cache_bytes: u64,
    /// The journal's.
    pub journal: priv_journal::Options,
}

impl Options {
    /// The defaults for a data directory.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            journal_dir: data_dir.join(JOURNAL),
            data_dir,
            arbiters: std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2)),
            resident_bytes: 512 << 20,
            idle: Duration::from_secs(300),
            checkpoint_every: Duration::from_secs(60),
            store_cache_bytes: 64 << 20,
            journal: priv_journal::Options::default(),
        }
    }
}

/// Why a node can't start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data directory can't be had.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The journal can't be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// What is made from the journal can't be brought up to date.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The system gives no random numbers or no threads.
    #[error("the system gives no random numbers or threads: {0}")]
    System(String),
}

/// What to do when the process can't go on: it must end, and recovery decides.
pub type OnFatal = Arc<dyn Fn(&dyn std::error::Error) + Send + Sync>;

/// A running node.
pub struct Node {
    pub(crate) users: Directory<User>,
    pub(crate) projects: Directory<Project>,
    pub(crate) systems: Directory<System>,
    pub(crate) listings: Directory<Listing>,
    journal: Arc<dyn Journal>,
    store: Store,
    projection: Projection,
    clock: Arc<dyn Clock>,
    ids: Ids,
    /// Persistent alive here.
    arbiters: Vec<Arbiter>,
    arbiter_handles: Vec<ArbiterHandle>,
    started: Timestamp,
    resident: AtomicI64,
    refuses: AtomicBool,
    options: Options,
    on_fatal: OnFatal,
    housekeeper: Housekeeper,
    recent_terms: RecentTerms,
    _data_dir: DataDir,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("options", &self.options).finish_non_exhaustive()
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
        let ids = Ids::new().map_err(|error| NodeError::System(error.to_string()))?;
        let (groups, queue) = sync_channel(GROUPS_QUEUED);
        let fatal = on_fatal.clone();
        let journal = FileJournal::open(
            disk,
            &options.journal_dir,
            options.journal.clone(),
            // The projector's end closes the channel only when the process stops.
            Some(Box::new(move |group| drop(groups.send(group)))),
            Box::new(move |error: &FatalError| fatal(error)),
        )?;
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let recovered = recover(data_dir.path(), journal.as_ref(), options.store_cache_bytes)?;
        let fatal = on_fatal.clone();
        let projector = recovered.projector;
        let seen = recovered.projection.clone();
        let store = recovered.store.clone();
        let fatal: OnFatal = Arc::new(move |error| {
            // Whatever it could not read or write there is made again at the next start.
            if let Err(error) = store.distrust() {
                tracing::error!(%error, "cannot note that the store is broken: remove its folder");
            }
            fatal(error);
        });
        spawn("projector", move || project_groups(projector, &seen, &queue, &fatal))?;
        let (housekeeper, housekeeping) = Housekeeper::new();
        let arbiters: Vec<Arbiter> = (0..options.arbiters.max(1)).map(|_| Arbiter::new()).collect();
        let node = Arc::new(Self {
            users: Directory::default(),
            projects: Directory::default(),
            systems: Directory::default(),
            listings: Directory::default(),
            journal,
            store: recovered.store,
            projection: recovered.projection,
            started: clock.now(),
            clock,
            ids,
            arbiter_handles: arbiters.iter().map(Arbiter::handle).collect(),
            arbiters,
            resident: AtomicI64::new(0),
            refuses: AtomicBool::new(false),
            options,
            on_fatal,
            housekeeper,
            recent_terms: RecentTerms::default(),
            _data_dir: data_dir,
        });
        for id in recovered.with_pending_work {
            node.wake(id);
        }
        let weak = Arc::downgrade(&node);
        let thread = spawn("housekeeper", move || housekeeping.run(&weak))?;
        node.housekeeper.is_run_by(thread);
        Ok(node)
    }

    /// Asks an entity to do something. The answer, of the command's own type, comes when all that
    /// it depends on is durable.
    ///
    /// # Errors
    /// See [`AskError`]; [`AskError::Mismatch`] also where the idempotency key was used for another
    /// command.
    pub async fn ask<C>(
        self: &Arc<Self>,
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
        self.post_patiently::<C::Machine>(id, ActorMessage::Ask(ask))
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
        self: &Arc<Self>,
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
        self: &Arc<Self>,
        id: &EntityId,
        look: impl FnOnce(&mut Shell<M>) -> T + Send + 'static,
    ) -> Result<Answered<T>, AskError<M::Refusal>> {
        let (responder, response) = oneshot::channel();
        let node = self.clone();
        let look = Box::new(move |shell: &mut Shell<M>| {
            let seen = (look(shell), shell.position());
            send_when_durable(node.journal(), shell.position(), responder, seen);
        });
        self.post_patiently::<M>(id, ActorMessage::Look(look))
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
        self: &Arc<Self>,
        id: &EntityId,
        look: impl FnOnce(&Entity<M>) -> T + Send + 'static,
    ) -> Result<Answered<T>, AskError<M::Refusal>> {
        let (responder, response) = oneshot::channel();
        let look = Box::new(move |shell: &mut Shell<M>| {
            // Whoever has gone away is told nothing.
            let _ = responder.send((look(shell.entity()), shell.position()));
        });
        self.post_patiently::<M>(id, ActorMessage::Look(look))
            .await
            .map_err(|Full(_)| AskError::Overloaded)?;
        let (reply, position) = response.await.map_err(|_| AskError::Stopping)?;
        Ok(Answered { reply, origin: Origin::Fresh, position })
    }

    async fn post_patiently<M: Resident>(
        self: &Arc<Self>,
        id: &EntityId,
        actor_message: ActorMessage<M>,
    ) -> Result<(), Full<M>> {
        let mut full = match M::directory(self).post(self, id, actor_message) {
            Ok(()) => return Ok(()),
            Err(full) => full,
        };
        let tries = PATIENCE.as_millis() / TRY_AGAIN.as_millis();
        for _ in 0..tries {
            tokio::time::sleep(TRY_AGAIN).await;
            full = match M::directory(self).post(self, id, full.0) {
                Ok(()) => return Ok(()),
                Err(full) => full,
            };
        }
        Err(full)
    }

    /// Sends a message on its way. Where the mailbox is full it is tried again until it is not:
    /// what is on its way is bounded by what payers may have open.
    pub(crate) fn send(self: &Arc<Self>, from: EntityId, outgoing: OutgoingMessage) {
        let OutgoingMessage { to, message } = outgoing;
        match to.kind {
            Kind::User => self.forward::<User>(to, ActorMessage::FromEntity { from, message }),
            Kind::Project => {
                self.forward::<Project>(to, ActorMessage::FromEntity { from, message })
            }
            Kind::System => self.forward::<System>(to, ActorMessage::FromEntity { from, message }),
            Kind::Listing => {
                self.forward::<Listing>(to, ActorMessage::FromEntity { from, message })
            }
        }
    }

    /// Brings a message to whoever has an entity now. Call on an arbiter.
    pub(crate) fn forward<M: Resident>(
        self: &Arc<Self>,
        id: EntityId,
        actor_message: ActorMessage<M>,
    ) {
        let Err(Full(actor_message)) = M::directory(self).post(self, &id, actor_message) else {
            return;
        };
        let node = self.clone();
        actix_rt::spawn(async move { node.post_until_taken(&id, actor_message).await });
    }

    pub(crate) async fn post_until_taken<M: Resident>(
        self: &Arc<Self>,
        id: &EntityId,
        mut actor_message: ActorMessage<M>,
    ) {
        while let Err(Full(full)) = M::directory(self).post(self, id, actor_message) {
            actor_message = full;
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    fn wake(self: &Arc<Self>, id: EntityId) {
        let node = self.clone();
        let arbiter = self.arbiter(&id);
        // Being looked at is enough: whoever is activated sends again what is due.
        let woken = match id.kind {
            Kind::User => arbiter.spawn_fn(move || {
                node.forward::<User>(id, ActorMessage::Look(Box::new(|_| ())));
            }),
            Kind::Project => arbiter.spawn_fn(move || {
                node.forward::<Project>(id, ActorMessage::Look(Box::new(|_| ())));
            }),
            Kind::System => arbiter.spawn_fn(move || {
                node.forward::<System>(id, ActorMessage::Look(Box::new(|_| ())));
            }),
            Kind::Listing => arbiter.spawn_fn(move || {
                node.forward::<Listing>(id, ActorMessage::Look(Box::new(|_| ())));
            }),
        };
        if !woken {
            tracing::error!("an arbiter has stopped: what is due is sent after the next start");
        }
    }

    /// Lets an entity's actor go now, if nobody uses it and it waits for nobody.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn passivate<M: Resident>(
        self: &Arc<Self>,
        id: &EntityId,
    ) -> Result<Passivated, AskError<M::Refusal>> {
        passivation::passivate::<M>(self, id).await.map_err(|_| AskError::Stopping)
    }

    /// Keeps a snapshot of an entity now.
    ///
    /// # Errors
    /// [`AskError::Overloaded`] or [`AskError::Stopping`].
    pub async fn snapshot<M: Resident>(
        self: &Arc<Self>,
        id: &EntityId,
    ) -> Result<(), AskError<M::Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.post_patiently::<M>(id, ActorMessage::Snapshot(reply))
            .await
            .map_err(|Full(_)| AskError::Overloaded)?;
        if let Some((snapshot, position)) = answer.await.map_err(|_| AskError::Stopping)? {
            self.journal.when_durable(position).await.map_err(|_| AskError::Stopping)?;
            if !self.keep_snapshots(std::slice::from_ref(&snapshot)) {
                return Err(AskError::Stopping);
            }
            M::directory(self).kept(&snapshot);
        }
        Ok(())
    }

    /// Brings the store up to date, and notes up to where it is.
    pub async fn checkpoint(self: &Arc<Self>) {
        crate::housekeeping::checkpoint(self).await;
    }

    /// Stops: snapshots what has changed, closes the store and then the journal. Nothing may be
    /// asked of the node meanwhile.
    ///
    /// # Errors
    /// The store could not be closed; then it is rebuilt at the next start. Nothing is lost.
    pub async fn stop(self: &Arc<Self>) -> Result<(), StoreError> {
        let housekeeper = self.housekeeper.stop();
        // It may be in the middle of a checkpoint: nothing may be written once the store is closed.
        let _ = tokio::task::spawn_blocking(move || housekeeper.map(JoinHandle::join)).await;
        self.checkpoint().await;
        self.projection.when_projected(self.journal.durable()).await;
        self.journal.shutdown();
        self.store.set_checkpoint(self.store.checkpoint()?)?;
        let closed = self.store.clone().close();
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        closed
    }

    pub(crate) fn load<M: Resident>(&self, id: &EntityId) -> Result<Entity<M>, StoreError> {
        Ok(self.store.snapshots.get(id)?.unwrap_or_default())
    }

    /// Keeps snapshots whose positions are durable. Says whether it could.
    pub(crate) fn keep_snapshots(&self, snapshots: &[Snapshot]) -> bool {
        match self.store.snapshots.put_all(snapshots) {
            Ok(()) => true,
            Err(error) => {
                self.store_is_broken(&error);
                false
            }
        }
    }

    /// The store can't be used: the process ends, and the next start rebuilds it.
    pub(crate) fn store_is_broken(&self, error: &StoreError) {
        if let Err(error) = self.store.distrust() {
            tracing::error!(%error, "cannot note that the store is broken: remove its folder");
        }
        (self.on_fatal)(error);
    }

    pub(crate) fn refuses(&self) -> &AtomicBool {
        &self.refuses
    }

    /// Whether what is asked can be written: the journal had room the last time.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        !self.refuses.load(Ordering::Relaxed)
    }

    pub(crate) fn actor_panicked(&self) {
        (self.on_fatal)(&std::io::Error::other("an actor panicked"));
    }

    pub(crate) fn fresh(&self, now: Timestamp) -> u128 {
        self.ids.fresh(now)
    }

    /// A new ULID's bits.
    #[must_use]
    pub fn fresh_id(&self) -> u128 {
        self.fresh(self.clock.now())
    }

    /// Time since the start, in ticks of 16 ms.
    pub(crate) fn ticks(&self) -> u32 {
        u32::try_from(self.clock.now().millis_since(self.started) / TICK_MILLIS).unwrap_or(0)
    }

    pub(crate) fn ticks_of(duration: Duration) -> u32 {
        let millis = u128::try_from(TICK_MILLIS).unwrap_or(1);
        u32::try_from(duration.as_millis() / millis).unwrap_or(u32::MAX)
    }

    pub(crate) fn arbiter(&self, id: &EntityId) -> &ArbiterHandle {
        let mut hasher = std::hash::DefaultHasher::new();
        id.hash(&mut hasher);
        let handles = &self.arbiter_handles;
        &handles[usize::try_from(hasher.finish() >> 32).unwrap_or(0) % handles.len()]
    }

    pub(crate) fn add_resident_bytes(&self, change: i64) {
        let before = self.resident.fetch_add(change, Ordering::Relaxed);
        // Early, so that actors have gone before others are refused.
        if change > 0 && self.over(before + change, 7, 8) {
            self.housekeeper.memory_is_short();
        }
    }

    /// Memory of resident actors, in bytes, about.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        u64::try_from(self.resident.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Takes memory for another actor; `false` where the budget has no more. A sixty-fourth is left
    /// for those to grow who are there.
    pub(crate) fn takes_room(&self, bytes: u32) -> bool {
        let taken = self.resident.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |resident| {
            let after = resident + i64::from(bytes);
            (!self.over(after, 63, 64)).then_some(after)
        });
        if taken.map_or(true, |before| self.over(before + i64::from(bytes), 7, 8)) {
            self.housekeeper.memory_is_short();
        }
        taken.is_ok()
    }

    fn over(&self, bytes: i64, times: u64, per: u64) -> bool {
        let budget = self.options.resident_bytes.saturating_mul(times) / per;
        u64::try_from(bytes).is_ok_and(|bytes| bytes > budget)
    }

    /// The journal.
    #[must_use]
    pub(crate) fn journal(&self) -> &dyn Journal {
        self.journal.as_ref()
    }

    /// The last position on disk.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.journal.durable()
    }

    /// Completes when a position is on disk; `false` if it never will be.
    pub async fn when_durable(&self, position: Position) -> bool {
        self.journal.when_durable(position).await.is_ok()
    }

    /// The store.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What the projector has made.
    #[must_use]
    pub(crate) fn projection(&self) -> &Projection {
        &self.projection
    }

    pub(crate) fn recent_terms(&self) -> &RecentTerms {
        &self.recent_terms
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// How it is run.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }
}

pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, NodeError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| NodeError::System(error.to_string()))
}
