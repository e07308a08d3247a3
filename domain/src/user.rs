//! A user: consent, earnings, balance, and what they have in the marketplace.

use crate::consent::ConsentRecord;
use crate::context::Context;
use crate::contribution::{self, Contribution};
use crate::earning::{DayEarnings, Payer};
use crate::entity::EntityId;
use crate::event::{EventKey, EventType};
use crate::exchange::{Exchange, Inbox, OpenExchange, Outbox, Sendable};
use crate::id::{ClaimId, ContributionId, ExchangeId, ListingId, ProjectId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Decision, Machine};
use crate::message::{Message, NotSold, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::reconciliation::TransferStep;
use crate::time::Timestamp;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

mod accepting;
mod balance_history;
mod bookkeeping;
mod change_uses;
mod claim;
mod consent;
mod contribute;
mod delete_contribution;
mod exchanges;
mod link;
mod market;
mod opening;
mod publish;
mod purchase;
mod rate;
mod record_events;
mod review;
mod seen;
mod wallet;

pub use balance_history::UserMoney;
pub use change_uses::{ChangeUses, UsesChange, UsesChanged};
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

/// The most linked users that a person's state names: the latest ones.
pub const MAX_LINKED: usize = 100;

/// The most claims that one user may have open at once.
pub const MAX_OPEN_CLAIMS: usize = 16;

/// The state of a user, whom their entity's name identifies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The consent record in force; `None` if they were never asked.
    pub consent: Option<Box<ConsentRecord>>,
    /// The time at which a browser of theirs first sent Global Privacy Control; after a link, the
    /// later one of both users. `None` if no browser ever sent it.
    pub privacy_control_since: Option<Timestamp>,
    /// Their earnings, one item for each payer, in the order in which the payers came.
    pub accruals: Vec<Accrual>,
    /// The balance that they can spend, in micros.
    pub available: Micros,
    /// The ids of recent events, by which repeats are recognised.
    pub seen: SeenEvents,
    /// Claims that not all payers have answered yet.
    pub claims: Vec<OpenClaim>,
    /// The links, orders and proposals that they have sent and that have not ended.
    pub outbox: Outbox<Exchange>,
    /// The exchanges that it has decided on and whose openers have not ended them.
    pub inbox: Inbox,
    /// Ties to other users and to a wallet; `None` if there are none.
    pub links: Option<Box<Links>>,
    /// Contributions, listings and purchases; `None` if there never were any.
    pub market: Option<Box<Market>>,
}

/// The ties of a user to others, and to a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The person whom this user became; such a user earns nothing more. `None` for all others.
    pub became: Option<EntityId>,
    /// Keys of the users who became this person, oldest first; at most [`MAX_LINKED`].
    pub absorbed: Vec<Box<str>>,
    /// The address of the wallet that they last proved to hold.
    pub wallet: Option<[u8; 20]>,
}

/// What a user has earned with one payer. There is one from the first stored event of a project on,
/// so it also tells which projects may look the user up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrual {
    /// The payer that owes it.
    pub payer: Payer,
    /// Earned and not yet funded, in micros.
    pub pending: Micros,
    /// Earned and funded, in micros.
    pub claimed: Micros,
    /// The day's part, counted against the daily cap.
    pub today: DayEarnings,
}

impl Accrual {
    fn new(payer: Payer) -> Self {
        Self { payer, pending: Micros::ZERO, claimed: Micros::ZERO, today: DayEarnings::default() }
    }
}

/// What happened to a user, as it decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A project's events were stored, and earned.
    EventsRecorded {
        /// The project that sent them.
        project: ProjectId,
        /// The identity, type and time of each event, in the order of the request.
        events: Vec<(EventKey, EventType, Timestamp)>,
        /// The reward for all of them together, in micros.
        earned: Micros,
    },
    /// A browser of theirs sent Global Privacy Control for the first time.
    PrivacyControlSeen,
    /// The user changed their consent, or took over that of a user who became them.
    ConsentChanged(Box<ConsentRecord>),
    /// A claim was opened; what needs no payer's answer is funded.
    ClaimOpened(OpenClaim),
    /// A payer has nothing for its part of a claim.
    ClaimPartUnfunded {
        /// The part that is not funded.
        part: PartId,
    },
    /// All payers of a claim have answered.
    ClaimClosed {
        /// The claim that ends.
        claim: ClaimId,
    },
    /// Money from another entity was accepted.
    TransferAccepted {
        /// The entity that sent it.
        from: EntityId,
        /// The transfer, as its payer opened it.
        transfer: Transfer,
    },
    /// A transfer or a proposal was opened.
    ExchangeOpened(OpenExchange),
    /// The receiver of an exchange accepted it.
    ExchangeSettled {
        /// The exchange that ended.
        id: ExchangeId,
    },
    /// The receiver of an exchange refused it, and what it moved came back.
    ExchangeReturned {
        /// The exchange that ended.
        id: ExchangeId,
        /// The money that came back, in micros.
        amount: Micros,
    },
    /// A transfer to the user was refused. That is remembered until its opener has heard it, so that a
    /// repeat is not accepted.
    ExchangeRefused {
        /// The exchange that was refused.
        id: ExchangeId,
        /// The entity that sent it.
        from: EntityId,
        /// The reason.
        why: NotTaken,
    },
    /// The opener of a transfer to the user has ended it.
    ExchangeForgotten {
        /// The transfer that may be forgotten.
        id: ExchangeId,
    },
    /// The user proved to hold a wallet.
    WalletBound {
        /// The address of the wallet.
        address: [u8; 20],
    },
    /// An upload became a contribution.
    ContributionAdded {
        /// The id of the contribution.
        id: ContributionId,
        /// The contribution, before any judgement.
        contribution: Contribution,
    },
    /// A contribution was judged; approval earns its reward.
    ContributionReviewed {
        /// The contribution that was judged.
        id: ContributionId,
        /// The judgement, which sets its status.
        decision: contribution::ReviewDecision,
        /// The reward that was earned, in micros; 0 unless it was approved.
        reward: Micros,
        /// The operator who judged, or the name of the automatic checks.
        by: Box<str>,
        /// The reason that was given, if one was.
        reason: Option<Box<str>>,
    },
    /// The contributor changed what a contribution that nobody has judged may be used for.
    ContributionUsesChanged {
        /// The contribution.
        id: ContributionId,
        /// What it may be used for now.
        uses: contribution::Uses,
        /// What approval earns now, in micros.
        reward: Micros,
    },
    /// A contribution was deleted.
    ContributionDeleted {
        /// The contribution that is gone.
        id: ContributionId,
        /// SHA-256 of its content.
        sha256: [u8; 32],
    },
}

/// The events that change nothing that a user has or has earned, as a pattern.
macro_rules! without_money {
    () => {
        Event::PrivacyControlSeen
            | Event::ConsentChanged(_)
            | Event::ClaimPartUnfunded { .. }
            | Event::ClaimClosed { .. }
            | Event::ExchangeSettled { .. }
            | Event::ExchangeRefused { .. }
            | Event::ExchangeForgotten { .. }
            | Event::WalletBound { .. }
            | Event::ContributionAdded { .. }
            | Event::ContributionUsesChanged { .. }
            | Event::ContributionDeleted { .. }
    };
}
use without_money;

/// The reasons for refusing a command to a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is pending that open claims do not ask for already.
    #[error("there is nothing to claim")]
    NothingToClaim,
    /// The claim is for less than the least that may be claimed.
    #[error("the least that can be claimed is {minimum} PRIV")]
    BelowMinimum {
        /// The least that may be claimed, in micros.
        minimum: Micros,
    },
    /// The claim is for more than is pending.
    #[error("only {pending} PRIV is pending")]
    MoreThanPending {
        /// What is pending and not asked for by open claims, in micros.
        pending: Micros,
    },
    /// The first request with the same idempotency key is under way, or something else that has to
    /// end first.
    #[error("the first request is under way")]
    RequestUnderWay,
    /// As many claims or exchanges are under way as may be.
    #[error("too much is under way for this user")]
    TooMuchUnderWay,
    /// The user became another person before.
    #[error("this user is linked to another person already")]
    AlreadyLinked,
    /// The user is becoming this person: the transfer has not ended.
    #[error("this user is being linked")]
    LinkUnderWay,
    /// An amount would be more than can be counted.
    #[error("the account can't hold more")]
    TooMuch,
    /// The user became a person, whom the caller should ask in their place.
    #[error("this user became a person; ask the person")]
    BecamePerson,
    /// The user has a contribution with the same content.
    #[error("you have contributed this before")]
    DuplicateContent {
        /// The contribution that has it.
        first: ContributionId,
    },
    /// The user has as many of something as one user may have.
    #[error("you have the {limit} {what} that one person may have")]
    TooMany {
        /// The plural of what there are too many of, for people to read.
        what: &'static str,
        /// The most that one user may have.
        limit: usize,
    },
    /// The user has no such contribution.
    #[error("there is no such contribution")]
    NoSuchContribution {
        /// The id that was asked for.
        id: ContributionId,
    },
    /// The contribution was judged otherwise before.
    #[error("the contribution is {} already", .status.as_str())]
    AlreadyReviewed {
        /// The status that it has.
        status: contribution::ReviewStatus,
    },
    /// The contribution is in a listing that needs it.
    #[error("the contribution is in a listing: delist it first")]
    Listed {
        /// A listing that needs it.
        listing: ListingId,
    },
    /// The contribution can't be sold: it is not approved, or may not be used commercially.
    #[error("the contribution is not approved, or may not be used commercially")]
    NotForSale {
        /// The contribution that can't be sold.
        id: ContributionId,
    },
    /// The user has no such listing.
    #[error("there is no such listing")]
    NoSuchListing,
    /// A change to the same listing, or a rating of the same purchase, is under way.
    #[error("a change to this listing is under way")]
    ChangeUnderWay,
    /// The listing does not sell, or does not change, for the reason given.
    #[error(transparent)]
    NotSold(#[from] NotSold),
    /// The listing refused what was sent to it for another reason; all of it came back.
    #[error("the listing did not take it: {0:?}")]
    NotTaken(NotTaken),
    /// The person refused what their user sent them; all of it came back.
    #[error("the person did not take it")]
    LinkNotTaken,
    /// The price is not the one that the buyer expects.
    #[error("the price is {price} PRIV")]
    PriceChanged {
        /// The price now, in micros.
        price: Micros,
        /// The listing's version now.
        version: u32,
    },
    /// The balance is less than the price.
    #[error("the balance is {available} PRIV, the price {price} PRIV")]
    InsufficientBalance {
        /// The balance that they can spend, in micros.
        available: Micros,
        /// The price, in micros.
        price: Micros,
    },
    /// The user has not bought the listing.
    #[error("you have not bought this listing")]
    NotBought,
}

impl User {
    /// All that is earned and not yet funded, in micros.
    #[must_use]
    pub fn pending(&self) -> Micros {
        self.accruals.iter().fold(Micros::ZERO, |sum, a| sum.saturating_add(a.pending))
    }

    /// All that was ever earned, funded or not, in micros.
    #[must_use]
    pub fn earned_total(&self) -> Micros {
        self.accruals.iter().fold(Micros::ZERO, |sum, accrual| {
            sum.saturating_add(accrual.pending).saturating_add(accrual.claimed)
        })
    }

    /// All that was ever earned, with `more` on top; `None` if that is more than can be counted.
    fn earned_total_with(&self, more: Micros) -> Option<Micros> {
        self.accruals.iter().try_fold(more, |sum, accrual| {
            sum.checked_add(accrual.pending)?.checked_add(accrual.claimed)
        })
    }

    /// The person whom this user became; `None` for all others.
    #[must_use]
    pub fn became(&self) -> Option<&EntityId> {
        self.links.as_ref().and_then(|links| links.became.as_ref())
    }

    /// Whether an event of this user that the project sent was stored.
    #[must_use]
    pub fn is_known_to(&self, project: ProjectId) -> bool {
        self.accruals.iter().any(|accrual| accrual.payer == Payer::Project(project))
    }

    fn accrual_mut(&mut self, payer: Payer) -> &mut Accrual {
        let index = match self.accruals.iter().position(|a| a.payer == payer) {
            Some(index) => index,
            None => {
                // Most users know one project only, and a list that grows by itself begins with
                // four places.
                if self.accruals.is_empty() {
                    self.accruals.reserve_exact(1);
                }
                self.accruals.push(Accrual::new(payer));
                self.accruals.len().saturating_sub(1)
            }
        };
        &mut self.accruals[index]
    }

    /// What sales brought in and was not claimed, in micros.
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

    fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    fn open_offer(&self, id: ExchangeId) -> Option<Message> {
        self.outbox.get(id).map(|open| open.exchange.message())
    }

    /// A claim says of each of its parts whether it waits for money, and never waits twice.
    fn tells_repeats_apart(&self, offer: &Message) -> bool {
        match offer {
            Message::Offer(transfer) => {
                matches!(transfer.purpose, Purpose::ToUser(UserPurpose::Claim(_)))
            }
            Message::Propose(_)
            | Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Accepted { .. }
            | Message::Refused { .. }
            | Message::Forget { .. }
            | Message::Confirm { .. }
            | Message::Confirmed { .. }
            | Message::Closed { .. } => false,
        }
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
                exchanges::apply_accepted(self, from, transfer);
            }
            Event::ExchangeOpened(open) => exchanges::apply_opened(self, open),
            Event::ExchangeSettled { id } => exchanges::apply_settled(self, *id),
            Event::ExchangeReturned { id, amount } => {
                exchanges::apply_returned(self, *id, *amount);
            }
            Event::ExchangeForgotten { id } => self.inbox.forget(*id),
            Event::ExchangeRefused { id, from, why } => {
                self.inbox.refuse(*id, from.clone(), *why);
            }
            Event::WalletBound { address } => self.links_mut().wallet = Some(*address),
            Event::ContributionAdded { id, contribution } => {
                self.market_mut().contributions.insert(*id, contribution.clone());
            }
            Event::ContributionReviewed { id, decision, reward, .. } => {
                review::apply(self, *id, *decision, *reward);
            }
            Event::ContributionUsesChanged { id, uses, reward } => {
                change_uses::apply(self, *id, *uses, *reward);
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
            // Earned, and only promised: the money moves when it is claimed.
            Event::EventsRecorded { .. } | Event::ContributionReviewed { .. } => return Vec::new(),
            without_money!() => return Vec::new(),
        };
        if amount.is_zero() {
            return Vec::new();
        }
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn transfer_step(event: &Event) -> Option<TransferStep> {
        match event {
            Event::TransferAccepted { from, transfer } => Some(transfer.accepted(from)),
            Event::ExchangeOpened(open) => match &open.exchange {
                Exchange::Transfer(transfer) => Some(transfer.opened()),
                Exchange::Proposal(_) => None,
            },
            Event::ExchangeSettled { id } => Some(TransferStep::Settled { id: *id }),
            Event::ExchangeReturned { id, .. } => Some(TransferStep::Returned { id: *id }),
            Event::PrivacyControlSeen
            | Event::EventsRecorded { .. }
            | Event::ConsentChanged(_)
            | Event::ClaimOpened(_)
            | Event::ClaimPartUnfunded { .. }
            | Event::ClaimClosed { .. }
            | Event::ExchangeRefused { .. }
            | Event::ExchangeForgotten { .. }
            | Event::WalletBound { .. }
            | Event::ContributionAdded { .. }
            | Event::ContributionReviewed { .. }
            | Event::ContributionUsesChanged { .. }
            | Event::ContributionDeleted { .. } => None,
        }
    }

    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage> {
        bookkeeping::outstanding(self, me)
    }

    fn heap_bytes(&self) -> usize {
        bookkeeping::heap_bytes(self)
    }
}
