//! A user: what they agreed to, what they have earned, what they can spend.

use std::sync::Arc;

use crate::consent::{ConsentPolicy, ConsentRecord, PreferenceChange};
use crate::contribution::{self, Contribution};
use crate::earning::{DayEarnings, Payer, Terms};
use crate::entity::EntityId;
use crate::event::{EventKey, EventType, RawEvent};
use crate::id::{ClaimId, ContributionId, ListingId, ProjectId, PurchaseId, TransferId};
use crate::ledger::{AccountClass, Posting};
use crate::listing::ListingSummary;
use crate::machine::{Context, Decision, Machine, OutgoingMessage};
use crate::market::Purchase;
use crate::message::{Message, NotSold, NotTaken, PartId, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{Inbox, OpenTransfer, Outbox};
use crate::time::Timestamp;

mod bookkeeping;
mod claim;
mod contribute;
mod link;
mod market;
mod purchase;
mod record_events;
mod seen;
mod sell;
mod set_consent;
mod transfers;

pub use claim::{ClaimPart, OpenClaim};
pub use contribute::{Judgement, NewContribution};
pub use market::{MAX_CONTRIBUTIONS, MAX_LISTED, MAX_LISTINGS, MAX_PURCHASES, Market, OwnListing};
pub use purchase::{NewPurchase, SeenTerms};
pub use seen::{DEDUPLICATION_DAYS, MAX_SEEN, SeenEvents};
pub use sell::{ListingChange, NewListing};

/// Linked users that a person's state names at most: the latest.
pub const MAX_LINKED: usize = 100;

/// Claims that one user may have open at once.
pub const MAX_OPEN_CLAIMS: usize = 16;

/// The state of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// What is in force; `None` if they were never asked.
    pub consent: Option<Box<ConsentRecord>>,
    /// When a browser of theirs first sent Global Privacy Control.
    pub privacy_control_since: Option<Timestamp>,
    /// What they have earned, by project, in the order in which the projects came.
    pub accruals: Vec<Accrual>,
    /// What they can spend.
    pub available: Micros,
    /// Ids of recent events.
    pub seen: SeenEvents,
    /// Claims that payers have not all answered.
    pub claims: Vec<OpenClaim>,
    /// What they have sent.
    pub outbox: Outbox,
    /// What they have taken in.
    pub inbox: Inbox,
    /// Facts that few users have.
    pub links: Option<Box<Links>>,
    /// What they have contributed, offer and bought.
    pub market: Option<Box<Market>>,
}

/// How a user is tied to others, and to a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The person whom this user became. Such a user earns nothing more.
    pub became: Option<EntityId>,
    /// Keys of the users who became this person, oldest first.
    pub absorbed: Vec<Box<str>>,
    /// The wallet that they proved to hold.
    pub wallet: Option<[u8; 20]>,
}

/// What a user has earned with one payer. Present from the first stored event of a project on, so
/// it also says which projects may look the user up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrual {
    /// Who pays it.
    pub payer: Payer,
    /// Earned and not yet funded.
    pub pending: Micros,
    /// Earned and funded.
    pub claimed: Micros,
    /// Against the daily cap.
    pub today: DayEarnings,
}

impl Accrual {
    fn new(payer: Payer) -> Self {
        Self { payer, pending: Micros::ZERO, claimed: Micros::ZERO, today: DayEarnings::default() }
    }
}

/// What a user can be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Store and pay a request's events.
    RecordEvents(RecordEvents),
    /// Agree to some purposes, or no longer.
    SetConsent {
        /// Which.
        change: PreferenceChange,
        /// Where the person was asked; at most 64 bytes, checked at the edge.
        source: Option<Box<str>>,
        /// Which text; at most 64 bytes, checked at the edge.
        policy_version: Option<Box<str>>,
    },
    /// Have what was earned paid out.
    ClaimEarnings {
        /// How much; all of it where `None`.
        amount: Option<Micros>,
        /// The least that may be claimed.
        minimum: Micros,
    },
    /// Become a person: give them what this user has.
    BecomePerson {
        /// The person.
        person: EntityId,
    },
    /// Hold a wallet whose key signed for it.
    BindWallet {
        /// Its address.
        address: [u8; 20],
    },
    /// Have an upload as a contribution.
    Contribute(Box<NewContribution>),
    /// Judge a contribution.
    ReviewContribution {
        /// Which.
        id: ContributionId,
        /// How.
        decision: contribution::Decision,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Have a contribution no more.
    DeleteContribution {
        /// Which.
        id: ContributionId,
    },
    /// Offer contributions for sale.
    CreateListing(Box<NewListing>),
    /// Change what is offered.
    ChangeListing(Box<ListingChange>),
    /// Buy a listing.
    Purchase(Box<NewPurchase>),
    /// Rate what was bought.
    RateListing {
        /// Which listing.
        listing: ListingId,
        /// 1 to 5, checked at the edge.
        stars: u8,
        /// At most 1,000 characters, checked at the edge.
        comment: Option<Box<str>>,
    },
    /// From another entity.
    Message {
        /// Who wrote.
        from: EntityId,
        /// What.
        message: Message,
    },
}

/// A request's events for one user, from one project.
#[derive(Clone, Debug)]
pub struct RecordEvents {
    /// Who sends.
    pub project: ProjectId,
    /// What holds where the user was never asked.
    pub policy: ConsentPolicy,
    /// What the project pays.
    pub terms: Terms,
    /// Whether the request carried `Sec-GPC: 1`.
    pub privacy_control: bool,
    /// The events in the order in which they were sent.
    pub events: Vec<NewEvent>,
    /// Decide only: nothing is stored.
    pub dry_run: bool,
}

/// An event that is offered.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its identity.
    pub key: EventKey,
    /// What the client says about consent.
    pub consent_given: Option<bool>,
    /// All of it. Shared: who sent it keeps it until it is known where it belongs.
    pub raw: Arc<RawEvent>,
}

/// What happened to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Events were stored, and earned.
    EventsRecorded {
        /// Who sent them.
        project: ProjectId,
        /// The identity, type and time of each, in order.
        events: Vec<(EventKey, EventType, Timestamp)>,
        /// What they earned together.
        earned: Micros,
    },
    /// Global Privacy Control was seen for the first time.
    PrivacyControlSeen,
    /// The user agreed to something, or no longer.
    ConsentChanged(Box<ConsentRecord>),
    /// A claim was begun.
    ClaimOpened(OpenClaim),
    /// A payer funds nothing of a claim.
    ClaimPartUnfunded {
        /// Which.
        part: PartId,
    },
    /// All payers have answered.
    ClaimClosed {
        /// The claim.
        claim: ClaimId,
    },
    /// Something came in.
    TransferAccepted {
        /// Who sent it.
        from: EntityId,
        /// What.
        transfer: Transfer,
    },
    /// Something was sent.
    TransferOpened(OpenTransfer),
    /// It arrived.
    TransferSettled {
        /// Which.
        transfer: TransferId,
    },
    /// It did not.
    TransferReturned {
        /// Which.
        transfer: TransferId,
        /// What came back.
        amount: Micros,
    },
    /// The payer has settled what came in.
    TransferForgotten {
        /// Which.
        transfer: TransferId,
    },
    /// A wallet's holder proved to be this user.
    WalletBound {
        /// Its address.
        address: [u8; 20],
    },
    /// A contribution came.
    ContributionAdded {
        /// Names it.
        id: ContributionId,
        /// As it is.
        contribution: Contribution,
    },
    /// A contribution was judged; approval earns its reward.
    ContributionReviewed {
        /// Which.
        id: ContributionId,
        /// How.
        decision: contribution::Decision,
        /// What it earned.
        reward: Micros,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A contribution went.
    ContributionDeleted {
        /// Which.
        id: ContributionId,
        /// Of its content.
        sha256: [u8; 32],
    },
}

/// What a user answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`Command::RecordEvents`].
    Recorded(Recorded),
    /// To [`Command::SetConsent`].
    Consent(Box<ConsentRecord>),
    /// To [`Command::ClaimEarnings`].
    Claimed(Claimed),
    /// To [`Command::BecomePerson`].
    Linked(Linked),
    /// To [`Command::BindWallet`].
    WalletBound,
    /// To a message; nobody reads it.
    Noted,
    /// To [`Command::Contribute`].
    Contributed(Box<(ContributionId, Contribution)>),
    /// To [`Command::ReviewContribution`].
    Reviewed {
        /// Which.
        id: ContributionId,
        /// How far it has come.
        status: contribution::ReviewStatus,
        /// What approval earned.
        reward: Micros,
    },
    /// To [`Command::DeleteContribution`].
    Deleted {
        /// Which.
        id: ContributionId,
        /// Of its content: to be erased, where nobody else has it.
        sha256: [u8; 32],
    },
    /// To [`Command::CreateListing`] and [`Command::ChangeListing`].
    Listing(Box<ListingSummary>),
    /// To [`Command::Purchase`].
    Purchased {
        /// Which listing.
        listing: ListingId,
        /// As it was bought.
        purchase: Box<Purchase>,
        /// Whether it was bought by this request.
        bought: Bought,
    },
    /// To [`Command::RateListing`].
    Rated {
        /// Which purchase.
        purchase: PurchaseId,
        /// How.
        stars: u8,
    },
    /// What was sent was not taken, and came back.
    NotTaken(NotTaken),
}

/// Whether a purchase is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bought {
    /// It was paid for now.
    Now,
    /// It was paid for before, and is not paid for again.
    Before,
}

/// What became of a request's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// One verdict an event, in order.
    pub verdicts: Vec<Verdict>,
    /// What they earned together.
    pub earned: Micros,
    /// The person whom this user became: events with [`Verdict::Elsewhere`] are theirs.
    pub became: Option<EntityId>,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Stored.
    Accepted {
        /// What it earned; may be nothing.
        earned: Micros,
    },
    /// Stored before; nothing changes.
    Duplicate,
    /// Not stored: the user has said no.
    ConsentWithdrawn,
    /// Not stored: the user has not been asked.
    ConsentMissing,
    /// Not stored: more events than are remembered came from this user within the window in which
    /// repeats are recognised.
    TooMany,
    /// Not for this user: they became a person.
    Elsewhere,
}

/// The end of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The claim.
    pub claim: ClaimId,
    /// What was paid out.
    pub claimed: Micros,
    /// What payers could not cover; it stays pending.
    pub unfunded: Micros,
    /// The balance after it.
    pub balance: Micros,
    /// What is pending after it.
    pub pending: Micros,
    /// What was earned in all.
    pub earned_total: Micros,
    /// When.
    pub at: Timestamp,
}

/// The end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The balance that moved.
    pub moved_balance: Micros,
    /// The pending rewards that moved.
    pub moved_pending: Micros,
}

/// Why a user says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is pending.
    #[error("there is nothing to claim")]
    NothingToClaim,
    /// Too little to claim.
    #[error("the least that can be claimed is {minimum} PRIV")]
    BelowMinimum {
        /// The least.
        minimum: Micros,
    },
    /// More than is pending.
    #[error("only {pending} PRIV is pending")]
    MoreThanPending {
        /// What is pending and not being claimed.
        pending: Micros,
    },
    /// Another claim is under way.
    #[error("a claim is under way")]
    ClaimUnderWay,
    /// Too many claims or transfers are under way.
    #[error("too much is under way for this user")]
    TooMuchUnderWay,
    /// This user is someone else already.
    #[error("this user is linked to another person already")]
    AlreadyLinked,
    /// Linked to the same person before.
    #[error("this user is being linked")]
    LinkUnderWay,
    /// The amounts do not fit.
    #[error("the account can't hold more")]
    TooMuch,
    /// The user has a consent chain at its end.
    #[error("this user became a person; ask the person")]
    BecamePerson,
    /// The same content came before.
    #[error("you have contributed this before")]
    DuplicateContent {
        /// As what.
        first: ContributionId,
    },
    /// There is no room for another.
    #[error("you have the {limit} {what} that one person may have")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// They have no such contribution.
    #[error("there is no such contribution")]
    NoSuchContribution {
        /// Which.
        id: ContributionId,
    },
    /// It was judged otherwise before.
    #[error("the contribution is {} already", .status.as_str())]
    AlreadyReviewed {
        /// How far it has come.
        status: contribution::ReviewStatus,
    },
    /// It is offered for sale.
    #[error("the contribution is in a listing: delist it first")]
    Listed {
        /// Which listing.
        listing: ListingId,
    },
    /// It can't be sold.
    #[error("the contribution is not approved, or may not be used commercially")]
    NotForSale {
        /// Which contribution.
        id: ContributionId,
    },
    /// They have no such listing.
    #[error("there is no such listing")]
    NoSuchListing,
    /// A change to the same listing is under way.
    #[error("a change to this listing is under way")]
    ChangeUnderWay,
    /// The listing stands against it.
    #[error(transparent)]
    NotSold(#[from] NotSold),
    /// Another price than the buyer expects.
    #[error("the price is {price} PRIV")]
    PriceChanged {
        /// What it is.
        price: Micros,
        /// The listing's version.
        version: u32,
    },
    /// Less than the price.
    #[error("the balance is {available} PRIV, the price {price} PRIV")]
    InsufficientBalance {
        /// What they can spend.
        available: Micros,
        /// What it costs.
        price: Micros,
    },
    /// They have not bought it.
    #[error("you have not bought this listing")]
    NotBought,
}

impl User {
    /// Earned and not yet funded, in all.
    #[must_use]
    pub fn pending(&self) -> Micros {
        self.accruals.iter().fold(Micros::ZERO, |sum, a| sum.saturating_add(a.pending))
    }

    /// Earned in all, funded or not.
    #[must_use]
    pub fn earned_total(&self) -> Micros {
        self.accruals.iter().fold(Micros::ZERO, |sum, accrual| {
            sum.saturating_add(accrual.pending).saturating_add(accrual.claimed)
        })
    }

    /// The person whom this user became.
    #[must_use]
    pub fn became(&self) -> Option<&EntityId> {
        self.links.as_ref().and_then(|links| links.became.as_ref())
    }

    /// Whether a project has sent an event for this user that was stored.
    #[must_use]
    pub fn is_known_to(&self, project: ProjectId) -> bool {
        self.accruals.iter().any(|accrual| accrual.payer == Payer::Project(project))
    }

    fn accrual_mut(&mut self, payer: Payer) -> &mut Accrual {
        let index = match self.accruals.iter().position(|a| a.payer == payer) {
            Some(index) => index,
            None => {
                // Most users know one project only: a list that grows by itself begins with four.
                if self.accruals.is_empty() {
                    self.accruals.reserve_exact(1);
                }
                self.accruals.push(Accrual::new(payer));
                self.accruals.len().saturating_sub(1)
            }
        };
        &mut self.accruals[index]
    }

    /// Paid by buyers and not claimed.
    #[must_use]
    pub fn unclaimed_sales(&self) -> Micros {
        let sales = self.accruals.iter().find(|accrual| accrual.payer == Payer::Sales);
        sales.map_or(Micros::ZERO, |accrual| accrual.pending)
    }

    fn market_mut(&mut self) -> &mut Market {
        self.market.get_or_insert_default()
    }

    fn links_mut(&mut self) -> &mut Links {
        self.links.get_or_insert_default()
    }
}

impl Machine for User {
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, command: Command, context: &Context<'_>) -> Result<Decision<Self>, Refusal> {
        match command {
            Command::RecordEvents(request) => Ok(record_events::decide(self, request, context)),
            Command::SetConsent { change, source, policy_version } => {
                set_consent::decide(self, change, source, policy_version, context)
            }
            Command::ClaimEarnings { amount, minimum } => {
                claim::decide(self, amount, minimum, context)
            }
            Command::BecomePerson { person } => link::become_person(self, person, context),
            Command::BindWallet { address } => link::bind_wallet(self, address),
            Command::Contribute(new) => contribute::add(self, *new, context),
            Command::ReviewContribution { id, decision, by, reason } => {
                contribute::review(self, id, decision, by, reason)
            }
            Command::DeleteContribution { id } => contribute::delete(self, id),
            Command::CreateListing(new) => sell::create(self, *new, context),
            Command::ChangeListing(change) => sell::change(self, *change, context),
            Command::Purchase(new) => purchase::buy(self, *new, context),
            Command::RateListing { listing, stars, comment } => {
                purchase::rate(self, listing, stars, comment, context)
            }
            Command::Message { from, message } => {
                Ok(transfers::decide(self, from, message, context))
            }
        }
    }

    fn receive(from: EntityId, message: Message) -> Command {
        Command::Message { from, message }
    }

    fn can_wait(&self, message: &Message) -> bool {
        matches!(message, Message::Forget { .. })
    }

    fn decide_waiting(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        bookkeeping::decide_waiting(self, messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::EventsRecorded { project, events, earned } => {
                record_events::apply(self, *project, events, *earned, at);
            }
            Event::PrivacyControlSeen => self.privacy_control_since = Some(at),
            Event::ConsentChanged(record) => self.consent = Some(record.clone()),
            Event::ClaimOpened(claim) => claim::apply_opened(self, claim),
            Event::ClaimPartUnfunded { part } => {
                claim::answer_part(self, *part, Micros::ZERO);
            }
            Event::ClaimClosed { claim } => claim::close(self, *claim),
            Event::TransferAccepted { from, transfer } => {
                transfers::apply_accepted(self, from, transfer, at);
            }
            Event::TransferOpened(open) => transfers::apply_opened(self, open),
            Event::TransferSettled { transfer } => transfers::apply_settled(self, *transfer),
            Event::TransferReturned { transfer, amount } => {
                transfers::apply_returned(self, *transfer, *amount);
            }
            Event::TransferForgotten { transfer } => self.inbox.forget(*transfer, at),
            Event::WalletBound { address } => self.links_mut().wallet = Some(*address),
            Event::ContributionAdded { id, contribution } => {
                self.market_mut().contributions.insert(*id, contribution.clone());
            }
            Event::ContributionReviewed { id, decision, reward, .. } => {
                contribute::apply_review(self, *id, *decision, *reward);
            }
            Event::ContributionDeleted { id, .. } => {
                self.market_mut().contributions.remove(id);
            }
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::TransferAccepted { transfer, .. } => {
                let account = match transfer.purpose {
                    Purpose::Proceeds(_) => AccountClass::Proceeds,
                    Purpose::Claim(_)
                    | Purpose::Budget
                    | Purpose::Grant
                    | Purpose::Link(_)
                    | Purpose::Publish(_)
                    | Purpose::Change(_)
                    | Purpose::Purchase(_)
                    | Purpose::Fees(_)
                    | Purpose::Rating(_) => AccountClass::User,
                };
                (AccountClass::InFlight, account, transfer.amount)
            }
            Event::ClaimOpened(claim) => {
                (AccountClass::Proceeds, AccountClass::User, claim.funded_at_once())
            }
            Event::TransferOpened(open) => {
                (AccountClass::User, AccountClass::InFlight, open.transfer.amount)
            }
            Event::TransferReturned { amount, .. } => {
                (AccountClass::InFlight, AccountClass::User, *amount)
            }
            Event::EventsRecorded { .. }
            | Event::PrivacyControlSeen
            | Event::ConsentChanged(_)
            | Event::ClaimPartUnfunded { .. }
            | Event::ClaimClosed { .. }
            | Event::TransferSettled { .. }
            | Event::TransferForgotten { .. }
            | Event::WalletBound { .. }
            | Event::ContributionAdded { .. }
            | Event::ContributionReviewed { .. }
            | Event::ContributionDeleted { .. } => return Vec::new(),
        };
        if amount.is_zero() {
            return Vec::new();
        }
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage> {
        bookkeeping::outstanding(self, me)
    }

    fn heap_bytes(&self) -> usize {
        bookkeeping::heap_bytes(self)
    }
}
