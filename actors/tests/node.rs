//! Nodes on disks that fail, with actors that come and go.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use priv_actors::inspect::InspectError;
use priv_actors::purchasing::{PurchaseError, Wanted};
use priv_actors::{AskError, Clock, ManualClock, Node, NodeError, Options, Passivated};
use priv_domain::consent::{ConsentPolicy, PreferenceChange};
use priv_domain::earning::{Budget, DEFAULT_DAILY_CAP, Rates, Terms};
use priv_domain::project::{CreateProject, Settings};
use priv_domain::system::{FundBudget, Mint, MintTo};
use priv_domain::user::{
    ClaimEarnings, NewEvent, RecordEvents, Refusal, SetConsent, User, Verdict,
};
use priv_domain::{
    EntityId, Environment, EventKey, EventType, ListingId, Micros, ProjectId, RawEvent, RequestTag,
    Timestamp, UserRef,
};
use priv_journal::disk::{Disk, Fault, FaultyDisk, Kept, MemoryDisk};
use tempfile::TempDir;

const PROJECT: ProjectId = ProjectId::new(7);

/// A node over a disk in memory and a store in a folder of its own.
struct Running {
    node: Arc<Node>,
    fatal: Arc<AtomicUsize>,
    _dir: TempDir,
}

fn start(disk: Arc<dyn Disk>) -> Running {
    start_with(disk, |_| ())
}

fn start_with(disk: Arc<dyn Disk>, change: impl FnOnce(&mut Options)) -> Running {
    start_on(disk, Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000))), change)
}

fn start_on(
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    change: impl FnOnce(&mut Options),
) -> Running {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut options = Options::new(dir.path().to_owned());
    options.journal_dir = Path::new("/journal").to_owned();
    options.journal.segment_bytes = 1 << 20;
    options.journal.max_record_bytes = 1 << 18;
    options.journal.retry = Duration::from_millis(5);
    change(&mut options);
    let fatal = Arc::new(AtomicUsize::new(0));
    let seen = fatal.clone();
    let on_fatal = Arc::new(move |_: &dyn std::error::Error| {
        seen.fetch_add(1, Ordering::SeqCst);
    });
    let node = Node::start(options, disk, clock, on_fatal).expect("the node starts");
    Running { node, fatal, _dir: dir }
}

fn user(name: &str) -> EntityId {
    EntityId::user(Environment::Live, &UserRef::Person(name.into()))
}

fn share() -> SetConsent {
    let change = PreferenceChange {
        analytics: Some(true),
        data_sharing: Some(true),
        ..PreferenceChange::default()
    };
    SetConsent { change, source: None, policy_version: None }
}

fn events(keys: std::ops::Range<u128>) -> RecordEvents {
    let event = |key| NewEvent {
        key: EventKey(key),
        consent_given: Some(true),
        raw: Arc::new(RawEvent {
            id: format!("e-{key}"),
            event_type: EventType::Track,
            timestamp: Timestamp::EPOCH,
            name: None,
            user_id: Some("someone".into()),
            anonymous_id: None,
            session_id: None,
            page_url: None,
            page_title: None,
            referrer: None,
            properties: None,
            context: None,
        }),
    };
    RecordEvents {
        project: PROJECT,
        policy: ConsentPolicy::OptIn,
        terms: Terms {
            rates: Rates::default(),
            daily_cap: DEFAULT_DAILY_CAP,
            budget: Budget::Open,
        },
        privacy_control: false,
        events: keys.map(event).collect(),
        dry_run: false,
    }
}

async fn fund(node: &Arc<Node>, amount: u64) {
    let project = EntityId::project(Environment::Live, PROJECT);
    let create = CreateProject { settings: Settings::default(), keys: Vec::new() };
    node.ask(&project, create, None).await.expect("a new project");
    let system = EntityId::system(Environment::Live);
    let amount = Micros::new(amount);
    let (by, reason) = ("test".into(), "test".into());
    let mint = Mint { amount, to: MintTo::Treasury, by, reason };
    node.ask(&system, mint, None).await.expect("minted");
    let by = "test".into();
    let fill = FundBudget { project, amount, by, reason: None };
    node.ask(&system, fill, None).await.expect("funded");
}

#[actix_rt::test]
async fn messages_and_passivations_at_once_lose_nothing() {
    let environment = start(Arc::new(MemoryDisk::new()));
    let node = &environment.node;
    let asked = (0..400u128).map(|n| {
        let node = node.clone();
        async move {
            let id = user(&format!("u{}", n % 4));
            if n % 7 == 0 {
                node.passivate::<User>(&id).await.expect("asked");
            }
            node.ask(&id, events(n * 10..n * 10 + 3), None).await.expect("stored")
        }
    });
    for answered in futures_util::future::join_all(asked).await {
        assert!(answered.reply.verdicts.iter().all(|v| matches!(v, Verdict::Accepted { .. })));
    }
    for name in ["u0", "u1", "u2", "u3"] {
        let id = user(name);
        assert_eq!(node.passivate::<User>(&id).await, Ok(Passivated::Gone));
        let seen = node
            .read_durable::<User, _>(&id, |user| (user.version.get(), user.machine.seen.clone()));
        let (version, seen) = seen.await.expect("is there").reply;
        assert_eq!(
            (version, seen.count(Timestamp::from_millis(1_700_000_000_000).day())),
            (100, 300)
        );
    }
    node.stop().await.expect("closes");
}

#[actix_rt::test]
async fn an_actor_that_somebody_waits_for_stays() {
    let environment = start(Arc::new(MemoryDisk::new()));
    let id = user("ann");
    environment.node.ask(&id, share(), None).await.expect("agreed");
    environment.node.ask(&id, events(0..20), None).await.expect("stored");
    // The project that is to pay does not exist, so its actor answers that there is nothing.
    let claim = ClaimEarnings { amount: None, minimum: Micros::new(1) };
    let answered = environment.node.ask(&id, claim, None).await.expect("claimed");
    let claimed = answered.reply;
    assert_eq!((claimed.claimed.get(), claimed.unfunded.get()), (0, 20_000));
    assert_eq!(environment.node.passivate::<User>(&id).await, Ok(Passivated::Gone));
}

#[actix_rt::test]
async fn a_failed_sync_ends_the_process_and_answers_nobody() {
    let disk = FaultyDisk::new();
    let environment = start(Arc::new(disk.clone()));
    environment.node.ask(&user("ann"), share(), None).await.expect("agreed");
    disk.inject(Fault::FailSync { after: 0 });
    let refused = environment.node.ask(&user("ann"), share(), None).await;
    assert_eq!(refused.map(|answered| answered.reply), Err(AskError::Stopping));
    // Said on the journal's own thread, a moment after those who waited were let go.
    let mut tries = 0;
    while environment.fatal.load(Ordering::SeqCst) == 0 {
        tries += 1;
        assert!(tries < 1_000, "it ends loudly");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let later = environment.node.ask(&user("bob"), share(), None).await;
    assert_eq!(later.map(|answered| answered.reply), Err(AskError::Stopping));
}

#[actix_rt::test]
async fn a_full_disk_is_an_answer_and_passes() {
    let disk = FaultyDisk::new();
    let environment = start(Arc::new(disk.clone()));
    disk.inject(Fault::Full { free: 0 });
    let mut key = 0;
    let refusal = loop {
        match environment.node.ask(&user("ann"), events(key..key + 500), None).await {
            Ok(_) => key += 500,
            Err(error) => break error,
        }
        assert!(key < 1_000_000, "the disk never fills up");
    };
    assert_eq!(refusal, AskError::<Refusal>::Overloaded);
    assert!(!environment.node.is_writing());
    disk.inject(Fault::Roomy);
    let mut tries = 0;
    while let Err(error) = environment.node.ask(&user("ann"), events(key..key + 500), None).await {
        assert_eq!(error, AskError::Overloaded);
        tries += 1;
        assert!(tries < 1_000, "room is not noticed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(environment.node.is_writing());
    let ann = user("ann");
    let stored = environment
        .node
        .read_durable::<User, _>(&ann, |user| user.machine.accruals[0].today.events);
    let stored = stored.await.expect("is there").reply;
    assert_eq!(u128::from(stored), key + 500, "all that was acknowledged, and nothing else");
}

/// What a client was told before the power went.
struct Told {
    claimed: u64,
    stored: u128,
}

async fn live_until_the_power_goes(disk: &FaultyDisk) -> Told {
    let environment = start(Arc::new(disk.clone()));
    fund(&environment.node, 1_000_000).await;
    let id = user("ann");
    environment.node.ask(&id, share(), None).await.expect("agreed");
    let mut told = Told { claimed: 0, stored: 0 };
    for round in 0..5u128 {
        let keys = round * 20..round * 20 + 20;
        environment.node.ask(&id, events(keys), None).await.expect("stored");
        told.stored += 20;
        let tag = Some(RequestTag { key: round, fingerprint: 1 });
        let claim = ClaimEarnings { amount: None, minimum: Micros::new(1) };
        let answered = environment.node.ask(&id, claim, tag).await.expect("claimed");
        let claimed = answered.reply;
        told.claimed = claimed.balance.get();
    }
    // More is under way when it happens; nobody was told of it.
    let node = environment.node.clone();
    let under_way = actix_rt::spawn(async move {
        let _ = node.ask(&user("ann"), events(1_000..1_020), None).await;
        let claim = ClaimEarnings { amount: None, minimum: Micros::new(1) };
        let _ = node.ask(&user("ann"), claim, None).await;
    });
    tokio::task::yield_now().await;
    under_way.abort();
    told
}

#[actix_rt::test]
async fn what_was_told_survives_any_power_cut_and_the_money_is_right() {
    for seed in 0..20 {
        let disk = FaultyDisk::new();
        let told = live_until_the_power_goes(&disk).await;
        let after = disk.power_cut(Kept::Some(seed));
        let environment = start(Arc::new(after));
        let id = user("ann");
        let look = |user: &priv_domain::Entity<User>| {
            (user.machine.available.get(), user.machine.seen.clone(), user.machine.earned_total())
        };
        let (available, seen, earned) =
            environment.node.read_durable::<User, _>(&id, look).await.expect("is there").reply;
        assert!(available >= told.claimed, "seed {seed}: {available} of {}", told.claimed);
        assert!((0..told.stored).all(|key| seen.contains(EventKey(key))), "seed {seed}");
        assert!([100_000, 120_000].contains(&earned.get()), "seed {seed}: {earned}");
        environment.node.when_projected(environment.node.durable()).await.expect("projected");
        assert_eq!(environment.node.ledger(Environment::Live).difference(), 0, "seed {seed}");
    }
}

/// The test above has teeth: where the sync is taken out, what was told is lost.
#[actix_rt::test]
async fn without_the_sync_what_was_told_is_lost() {
    let disk = FaultyDisk::new();
    disk.inject(Fault::LyingSync);
    let told = live_until_the_power_goes(&disk).await;
    assert!(told.stored > 0);
    let after = disk.power_cut(Kept::Nothing);
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut options = Options::new(dir.path().to_owned());
    options.journal_dir = Path::new("/journal").to_owned();
    options.journal.segment_bytes = 1 << 20;
    options.journal.max_record_bytes = 1 << 18;
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
    let node = Node::start(options, Arc::new(after), clock, Arc::new(|_| ()));
    let Ok(node) = node else { return };
    let id = user("ann");
    let version = node.read_durable::<User, _>(&id, |user| user.version.get());
    assert_eq!(version.await.expect("is there").reply, 0, "nothing of it was ever on the disk");
}

/// The disk lost what it had said was safe; the store, on another one, knows of it.
#[actix_rt::test]
async fn a_store_that_is_ahead_of_its_journal_is_refused_and_nothing_is_changed() {
    let disk = FaultyDisk::new();
    let environment = start(Arc::new(disk.clone()));
    environment.node.ask(&user("ann"), share(), None).await.expect("consent is set");
    environment.node.ask(&user("ann"), events(0..10), None).await.expect("stored");
    disk.inject(Fault::LyingSync);
    environment.node.ask(&user("ann"), events(10..20), None).await.expect("stored");
    environment.node.stop().await.expect("stops");
    let after = disk.power_cut(Kept::Nothing);
    let segments = || {
        let names = after.list(Path::new("/journal")).expect("can be listed");
        let read = |name: String| {
            let file = after.open(&Path::new("/journal").join(&name)).expect("is there");
            let mut bytes = vec![0; usize::try_from(file.size().expect("has one")).expect("small")];
            file.read_exact_at(&mut bytes, 0).expect("can be read");
            (name, bytes)
        };
        names.into_iter().filter(|name| name.contains(".seg")).map(read).collect::<Vec<_>>()
    };
    let left = segments();
    // With the store, and with the note of its last checkpoint alone.
    for names in [&["state", "state.owner", "state.checkpoint"][..], &["state.checkpoint"][..]] {
        let dir = tempfile::tempdir().expect("temporary directory");
        for name in names {
            copy_all(&environment._dir.path().join(name), &dir.path().join(name));
        }
        let mut options = Options::new(dir.path().to_owned());
        options.journal_dir = Path::new("/journal").to_owned();
        options.journal.segment_bytes = 1 << 20;
        options.journal.max_record_bytes = 1 << 18;
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let node = Node::start(options, Arc::new(after.clone()), clock, Arc::new(|_| ()));
        let refused = node.expect_err("acknowledged records are missing");
        assert!(matches!(refused, NodeError::JournalLost { .. }), "{names:?}: {refused}");
        assert!(segments() == left, "{names:?}: a refused start changes nothing");
        assert!(!dir.path().join("state.set-aside").exists());
    }
}

fn copy_all(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).expect("can be copied");
        return;
    }
    std::fs::create_dir(to).expect("can be made");
    for entry in std::fs::read_dir(from).expect("can be listed") {
        let entry = entry.expect("can be listed");
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

#[actix_rt::test]
async fn residents_stay_within_the_budget() {
    const BUDGET: u64 = 2_000_000;
    let environment = start_with(Arc::new(MemoryDisk::new()), |options| {
        options.resident_bytes = BUDGET;
    });
    for batch in 0..16 {
        let asked = (0..250).map(|n| {
            let node = environment.node.clone();
            async move {
                let id = user(&format!("u{batch}-{n}"));
                while let Err(error) = node.ask(&id, events(0..1), None).await {
                    assert_eq!(error, AskError::Overloaded);
                }
            }
        });
        futures_util::future::join_all(asked).await;
        assert!(
            environment.node.resident_bytes() < BUDGET,
            "{}",
            environment.node.resident_bytes()
        );
    }
    let (_, resident, (started, gone)) = environment.node.actor_counts()[0];
    assert!(started >= 4_000 && gone > 2_000 && resident < 2_000, "{resident} {started} {gone}");
}

#[actix_rt::test]
async fn a_checkpoint_holds_what_was_asked_before_it() {
    let environment = start(Arc::new(MemoryDisk::new()));
    for n in 0..50u128 {
        environment.node.ask(&user(&format!("u{n}")), events(0..2), None).await.expect("stored");
    }
    let durable = environment.node.durable().get();
    environment.node.checkpoint().await;
    assert!(environment.node.journal_stats().checkpointed >= durable);
    for n in 0..50 {
        let now = environment.node.entity_now(&user(&format!("u{n}"))).await.expect("is there");
        assert_eq!(now.snapshot_position, now.position);
    }
}

/// Fails on purpose once it is told to.
#[derive(Clone, Debug, Default)]
struct Trap(Arc<AtomicBool>);

impl Trap {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn spring(&self) {
        assert!(!self.0.load(Ordering::SeqCst), "on purpose");
    }
}

async fn fatal_once(running: &Running) {
    let heard = async {
        while running.fatal.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.expect("it is fatal");
    assert!(running.node.has_failed());
}

#[actix_rt::test]
async fn a_projector_that_panics_is_fatal_and_whoever_waits_for_it_hears() {
    let trap = Trap::default();
    let sprung = trap.clone();
    let environment = start_with(Arc::new(MemoryDisk::new()), |options| {
        options.faults.projecting = Some(Arc::new(move |_| sprung.spring()));
    });
    let node = &environment.node;
    node.ask(&user("ann"), share(), None).await.expect("agreed");
    let before = node.durable();
    node.when_projected(before).await.expect("the projector is well");
    node.checkpoint().await;
    let checkpointed = node.journal_stats().checkpointed;
    assert!(!node.has_failed() && node.has_entity(&user("ann")).await.expect("it is known"));

    trap.set();
    let stored = node.ask(&user("bob"), share(), None).await.expect("the journal is well");
    node.when_projected(stored.position).await.expect_err("it never gets there");
    fatal_once(&environment).await;
    assert_eq!(environment.fatal.load(Ordering::SeqCst), 1);
    node.when_projected(before).await.expect("it got there before");
    let known = node.has_entity(&user("bob")).await;
    assert!(matches!(known, Err(InspectError::Busy)), "a stale answer: {known:?}");
    let needed = node.is_content_needed([0; 32]).await;
    assert!(matches!(needed, Err(InspectError::Busy)), "a stale answer: {needed:?}");
    let listing = ListingId::new(1);
    let wanted = Wanted { listing, expected_price: None, expected_version: None };
    let none = node.purchase(&user("ann"), wanted, None).await;
    assert!(matches!(none, Err(PurchaseError::Ask(AskError::Stopping))), "{none:?}");
    node.checkpoint().await;
    assert_eq!(node.journal_stats().checkpointed, checkpointed, "not past what was projected");
    node.stop().await.expect("nobody waits for what never comes");
}

/// A clock that fails on the housekeeper's thread once it is told to.
#[derive(Debug)]
struct TrappedClock(Trap);

impl Clock for TrappedClock {
    fn now(&self) -> Timestamp {
        if std::thread::current().name() == Some("housekeeper") {
            self.0.spring();
        }
        Timestamp::from_millis(1_700_000_000_000)
    }
}

#[actix_rt::test]
async fn a_housekeeper_that_panics_is_fatal() {
    let trap = Trap::default();
    let disk = Arc::new(MemoryDisk::new());
    let environment = start_on(disk, Arc::new(TrappedClock(trap.clone())), |_| ());
    trap.set();
    fatal_once(&environment).await;
}

#[actix_rt::test]
async fn a_thread_of_actors_that_ends_is_fatal_unless_the_node_stops() {
    let environment = start(Arc::new(MemoryDisk::new()));
    let ends = |_: &priv_domain::Entity<User>| actix_rt::Arbiter::current().stop();
    environment.node.read_latest::<User, _>(&user("ann"), ends).await.expect("it was there");
    fatal_once(&environment).await;

    let environment = start(Arc::new(MemoryDisk::new()));
    environment.node.ask(&user("ann"), share(), None).await.expect("agreed");
    environment.node.stop().await.expect("stops");
    tokio::task::yield_now().await;
    assert!(!environment.node.has_failed());
}
