//! A user: what they agreed to, what they have earned, what they can spend.

use crate::consent::ConsentRecord;
use crate::contribution::{self, Contribution};
use crate::earning::{DayEarnings, Payer};
use crate::entity::EntityId;
use crate::event::{EventKey, EventType};
use crate::exchange::{Exchange, Inbox, OpenExchange, Outbox, Sendable};
use crate::id::{ClaimId, ContributionId, ExchangeId, ListingId, ProjectId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Context, Decision, Machine, OutgoingMessage};
use crate::message::{Message, NotSold, NotTaken};
use crate::money::Micros;
use crate::time::Timestamp;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

mod balance_history;
mod bookkeeping;
mod claim;
mod consent;
mod contribute;
mod delete_contribution;
mod exchanges;
mod link;
mod market;
mod publish;
mod purchase;
mod rate;
mod record_events;
mod review;
mod seen;
mod wallet;

pub use balance_history::UserMoney;
pub use claim::{ClaimEarnings, ClaimPart, Claimed, OpenClaim};
pub use consent::SetConsent;
pub use contribute::{Contribute, Contributed, Judgement};
pub use delete_contribution::{DeleteContribution, Deleted};
pub use link::{BecomePerson, Linked};
pub use market::{MAX_CONTRIBUTIONS, MAX_LISTED, MAX_LISTINGS, MAX_PURCHASES, Market, OwnListing};
pub use publish::{ChangeListing, CreateListing};
pub use purchase::{Bought, PurchaseListing, Purchased};
pub use rate::{RateListing, Rated};
pub use record_events::{NewEvent, RecordEvents, Recorded, Verdict};
pub use review::{ReviewContribution, Reviewed};
pub use seen::{DEDUPLICATION_DAYS, MAX_SEEN, SeenEvents};
pub use wallet::{BindWallet, WalletBound};

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
    pub outbox: Outbox<Exchange>,
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
    /// Money came in.
    TransferAccepted {
        /// Who sent it.
        from: EntityId,
        /// The transfer, as its payer opened it.
        transfer: Transfer,
    },
    /// A transfer or a proposal was sent.
    ExchangeOpened(OpenExchange),
    /// Its receiver accepted it.
    ExchangeSettled {
        /// Names the exchange.
        id: ExchangeId,
    },
    /// Its receiver refused it.
    ExchangeReturned {
        /// Names the exchange.
        id: ExchangeId,
        /// The money that came back, in micros.
        amount: Micros,
    },
    /// Whoever sent what was accepted has settled it.
    ExchangeForgotten {
        /// Names the exchange.
        id: ExchangeId,
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
        decision: contribution::ReviewDecision,
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
    /// The first request with the same idempotency key is under way, or something else that has to
    /// end first.
    #[error("the first request is under way")]
    RequestUnderWay,
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
    /// The listing did not take what was sent to it; all of it came back.
    #[error("the listing did not take it: {0:?}")]
    NotTaken(NotTaken),
    /// The person did not take what their user sent them; all of it came back.
    #[error("the person did not take it")]
    LinkNotTaken,
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

    /// Earned in all, if so much more were; `None` where that is more than can be counted.
    fn earned_total_with(&self, more: Micros) -> Option<Micros> {
        self.accruals.iter().try_fold(more, |sum, accrual| {
            sum.checked_add(accrual.pending)?.checked_add(accrual.claimed)
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
    type Event = Event;
    type Refusal = Refusal;

    fn receive(&self, from: EntityId, message: Message, context: &Context<'_>) -> Decision<Self> {
        exchanges::receive(self, from, message, context)
    }

    fn can_defer(&self, message: &Message) -> bool {
        matches!(message, Message::Forget { .. })
    }

    fn decide_deferred(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        exchanges::decide_deferred(self, messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::EventsRecorded { project, events, earned } => {
                record_events::apply(self, *project, events, *earned, at);
            }
            Event::PrivacyControlSeen => self.privacy_control_since = Some(at),
            Event::ConsentChanged(record) => self.consent = Some(record.clone()),
            Event::ClaimOpened(claim) => claim::apply_opened(self, claim),
            Event::ClaimPartUnfunded { part } => claim::apply_unfunded(self, *part),
            Event::ClaimClosed { claim } => claim::apply_closed(self, *claim),
            Event::TransferAccepted { from, transfer } => {
                exchanges::apply_accepted(self, from, transfer, at);
            }
            Event::ExchangeOpened(open) => exchanges::apply_opened(self, open),
            Event::ExchangeSettled { id } => exchanges::apply_settled(self, *id),
            Event::ExchangeReturned { id, amount } => {
                exchanges::apply_returned(self, *id, *amount);
            }
            Event::ExchangeForgotten { id } => self.inbox.forget(*id, at),
            Event::WalletBound { address } => self.links_mut().wallet = Some(*address),
            Event::ContributionAdded { id, contribution } => {
                self.market_mut().contributions.insert(*id, contribution.clone());
            }
            Event::ContributionReviewed { id, decision, reward, .. } => {
                review::apply(self, *id, *decision, *reward);
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
                    Purpose::ToUser(UserPurpose::Proceeds(_)) => AccountClass::Proceeds,
                    Purpose::ToUser(
                        UserPurpose::Claim(_) | UserPurpose::Grant | UserPurpose::Link(_),
                    )
                    | Purpose::Budget
                    | Purpose::Fees(_)
                    | Purpose::Order(_) => AccountClass::User,
                };
                (AccountClass::InFlight, account, transfer.amount)
            }
            Event::ClaimOpened(claim) => {
                (AccountClass::Proceeds, AccountClass::User, claim.funded_at_once())
            }
            Event::ExchangeOpened(open) => {
                (AccountClass::User, AccountClass::InFlight, open.exchange.amount())
            }
            Event::ExchangeReturned { amount, .. } => {
                (AccountClass::InFlight, AccountClass::User, *amount)
            }
            Event::EventsRecorded { .. }
            | Event::PrivacyControlSeen
            | Event::ConsentChanged(_)
            | Event::ClaimPartUnfunded { .. }
            | Event::ClaimClosed { .. }
            | Event::ExchangeSettled { .. }
            | Event::ExchangeForgotten { .. }
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
