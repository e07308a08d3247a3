//! The system of one environment: what was minted, the treasury, the pool; and what operators did that
//! concerns nobody else's stream.

use crate::entity::{EntityId, Kind};
use crate::id::{ProjectId, TransferId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Answer, Completed, Context, Decision, Machine, OutgoingMessage, ReplyToken};
use crate::market::Fees;
use crate::message::{Message, NotTaken, PartId, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{
    Asked, Inbox, OpenTransfer, Outbox, accepted, forget, is_good, offer, refused,
};
use crate::time::Timestamp;

/// The state of the system in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// All that was ever minted.
    pub minted: Micros,
    /// All that was ever burned.
    pub burned: Micros,
    /// The protocol's own money.
    pub treasury: Micros,
    /// Pays rewards that no project pays.
    pub pool: Micros,
    /// What stakers are owed.
    pub stakers: Micros,
    /// What it has sent.
    pub outbox: Outbox,
    /// What it has taken in.
    pub inbox: Inbox,
}

/// Where minted money goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MintTo {
    /// The treasury.
    Treasury,
    /// The pool.
    Pool,
    /// A user, by way of the treasury.
    User(EntityId),
}

/// What the system can be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make money.
    Mint {
        /// How much.
        amount: Micros,
        /// For whom.
        to: MintTo,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Box<str>,
    },
    /// Fill a project's reward budget from the treasury.
    FundBudget {
        /// Whose.
        project: EntityId,
        /// How much.
        amount: Micros,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Give a new project its id. A repeat of the request gets the same id.
    NameProject {
        /// The project's name, for the record.
        name: Box<str>,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Write down what an operator did.
    NoteOperatorAction {
        /// Who.
        by: Box<str>,
        /// What, to whom.
        action: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// From another entity.
    Message {
        /// Who wrote.
        from: EntityId,
        /// What.
        message: Message,
    },
}

/// What happened to the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Money was made.
    Minted {
        /// How much.
        amount: Micros,
        /// Into which account: treasury or pool.
        into: AccountClass,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Box<str>,
    },
    /// An operator did something.
    OperatorActed {
        /// Who.
        by: Box<str>,
        /// What, to whom.
        action: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// The treasury or the pool sent something.
    TransferOpened {
        /// Out of which account.
        out_of: AccountClass,
        /// What.
        open: OpenTransfer,
    },
    /// It arrived.
    TransferSettled {
        /// Which.
        transfer: TransferId,
    },
    /// It did not.
    TransferReturned {
        /// Which.
        transfer: TransferId,
        /// Into which account it went back.
        into: AccountClass,
        /// How much.
        amount: Micros,
    },
    /// Fees came in.
    TransferAccepted {
        /// Who sent them.
        from: EntityId,
        /// How much, and how it is split.
        transfer: Transfer,
    },
    /// The payer has settled what came in.
    TransferForgotten {
        /// Which.
        transfer: TransferId,
    },
}

/// What the system answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`Command::Mint`].
    Minted {
        /// How much.
        amount: Micros,
        /// Minted in all, after it.
        minted: Micros,
    },
    /// To [`Command::FundBudget`].
    Funded {
        /// How much arrived.
        amount: Micros,
        /// What the treasury has left.
        treasury: Micros,
    },
    /// To [`Command::NameProject`].
    ProjectNamed(ProjectId),
    /// To [`Command::NoteOperatorAction`].
    Noted,
    /// What was sent was not taken, and came back.
    NotTaken,
}

/// Why the system says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The treasury has less.
    #[error("the treasury has {available} PRIV")]
    TreasuryTooSmall {
        /// What it has.
        available: Micros,
    },
    /// More than can ever be.
    #[error("no more can be minted than {} micros in all", u64::MAX)]
    TooMuch,
    /// Too many transfers are under way.
    #[error("too much is under way")]
    TooMuchUnderWay,
    /// The same request is being carried out.
    #[error("the first request is under way")]
    UnderWay,
}

impl System {
    fn account_mut(&mut self, class: AccountClass) -> Option<&mut Micros> {
        match class {
            AccountClass::Treasury => Some(&mut self.treasury),
            AccountClass::Pool => Some(&mut self.pool),
            AccountClass::Stakers => Some(&mut self.stakers),
            AccountClass::Burned => Some(&mut self.burned),
            AccountClass::Minted
            | AccountClass::Budget
            | AccountClass::User
            | AccountClass::Listing
            | AccountClass::Proceeds
            | AccountClass::InFlight => None,
        }
    }

    fn change(&mut self, class: AccountClass, change: impl FnOnce(Micros) -> Micros) {
        if let Some(account) = self.account_mut(class) {
            *account = change(*account);
        }
    }

    fn is_under_way(&self, context: &Context<'_>) -> bool {
        let Some(tag) = context.request else { return false };
        let asked = self.outbox.iter().filter_map(|open| open.asked?.request);
        asked.into_iter().any(|request| request.key == tag.key)
    }

    fn mint(
        &self,
        amount: Micros,
        to: MintTo,
        by: Box<str>,
        reason: Box<str>,
        context: &Context<'_>,
    ) -> Result<Decision<Self>, Refusal> {
        if self.is_under_way(context) {
            return Err(Refusal::UnderWay);
        }
        // All money was minted once, so no account can ever hold more than fits.
        let minted = self.minted.checked_add(amount).ok_or(Refusal::TooMuch)?;
        let into = match to {
            MintTo::Treasury | MintTo::User(_) => AccountClass::Treasury,
            MintTo::Pool => AccountClass::Pool,
        };
        let event = Event::Minted { amount, into, by, reason };
        match to {
            MintTo::Treasury | MintTo::Pool => {
                Ok(Decision::of(vec![event], Answer::Now(Reply::Minted { amount, minted })))
            }
            MintTo::User(user) => {
                let (opened, message, reply_token) =
                    self.send(user, amount, Purpose::Grant, context)?;
                let events = vec![event, opened];
                Ok(Decision::of(events, Answer::Later(reply_token)).sending(vec![message]))
            }
        }
    }

    fn fund_budget(
        &self,
        project: EntityId,
        amount: Micros,
        by: Box<str>,
        reason: Option<Box<str>>,
        context: &Context<'_>,
    ) -> Result<Decision<Self>, Refusal> {
        if self.is_under_way(context) {
            return Err(Refusal::UnderWay);
        }
        if amount > self.treasury {
            return Err(Refusal::TreasuryTooSmall { available: self.treasury });
        }
        let action = format!("fund the budget of {project} with {amount} PRIV").into();
        let (opened, message, reply_token) =
            self.send(project, amount, Purpose::Budget, context)?;
        let events = vec![Event::OperatorActed { by, action, reason }, opened];
        Ok(Decision::of(events, Answer::Later(reply_token)).sending(vec![message]))
    }

    fn send(
        &self,
        to: EntityId,
        amount: Micros,
        purpose: Purpose,
        context: &Context<'_>,
    ) -> Result<(Event, OutgoingMessage, ReplyToken), Refusal> {
        if self.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let reply_token = ReplyToken(context.fresh);
        let transfer = Transfer { id: TransferId::new(context.fresh), to, amount, purpose };
        let message = offer(&transfer);
        let asked = Some(Asked { reply_token, request: context.request });
        let open = OpenTransfer { transfer, asked };
        Ok((Event::TransferOpened { out_of: AccountClass::Treasury, open }, message, reply_token))
    }

    fn read_message(
        &self,
        from: EntityId,
        message: Message,
        context: &Context<'_>,
    ) -> Decision<Self> {
        match message {
            Message::Accepted { transfer, .. } => {
                let (events, messages) = self.settle(&[(from, message)]);
                let mut decision = Decision::of(events, Answer::Nothing).sending(messages);
                decision.completed =
                    self.outbox.get(transfer).and_then(|open| self.completed(open));
                decision
            }
            Message::Refused { transfer, .. } => self.take_back(transfer),
            Message::Fund { part, amount } => self.fund(from, part, amount, context),
            Message::Offer(transfer) => self.take(from, transfer, context),
            Message::Forget { .. } => {
                let (events, messages) = self.settle(&[(from, message)]);
                Decision::of(events, Answer::Nothing).sending(messages)
            }
            Message::Unfunded { .. } => Decision::nothing(),
        }
    }

    /// Takes fees in; nothing else is for the system.
    fn take(&self, from: EntityId, transfer: Transfer, context: &Context<'_>) -> Decision<Self> {
        let id = transfer.id;
        if self.inbox.has(id) {
            return Decision::nothing().sending(vec![accepted(id, from)]);
        }
        let why = match &transfer.purpose {
            Purpose::Fees(fees) if fees.total() == transfer.amount => {
                if self.inbox.is_full() {
                    Some(NotTaken::Busy)
                } else {
                    (!is_good(id, context.now)).then_some(NotTaken::NotAwaited)
                }
            }
            Purpose::Fees(_)
            | Purpose::Claim(_)
            | Purpose::Budget
            | Purpose::Grant
            | Purpose::Link(_)
            | Purpose::Publish(_)
            | Purpose::Change(_)
            | Purpose::Purchase(_)
            | Purpose::Proceeds(_)
            | Purpose::Rating(_) => Some(NotTaken::NoSuchPayee),
        };
        if let Some(why) = why {
            return Decision::nothing().sending(vec![refused(id, from, why)]);
        }
        let messages = vec![accepted(id, from.clone())];
        let events = vec![Event::TransferAccepted { from, transfer }];
        Decision::of(events, Answer::Nothing).sending(messages)
    }

    /// Funds a part of a claim from the pool, as far as it goes.
    fn fund(
        &self,
        claimant: EntityId,
        part: PartId,
        asked: Micros,
        context: &Context<'_>,
    ) -> Decision<Self> {
        if let Some(open) = self.outbox.funding(part) {
            return Decision::nothing().sending(vec![offer(&open.transfer)]);
        }
        let amount = asked.min(self.pool);
        if amount.is_zero() || self.outbox.is_full() {
            let message = Message::Unfunded { part };
            return Decision::nothing().sending(vec![OutgoingMessage { to: claimant, message }]);
        }
        let id = TransferId::new(context.fresh);
        let transfer = Transfer { id, to: claimant, amount, purpose: Purpose::Claim(part) };
        let messages = vec![offer(&transfer)];
        let open = OpenTransfer { transfer, asked: None };
        let events = vec![Event::TransferOpened { out_of: AccountClass::Pool, open }];
        Decision::of(events, Answer::Nothing).sending(messages)
    }

    fn completed(&self, open: &OpenTransfer) -> Option<Completed<Reply>> {
        let asked = open.asked?;
        let amount = open.transfer.amount;
        let reply = match open.transfer.to.kind {
            Kind::Project => Reply::Funded { amount, treasury: self.treasury },
            Kind::User | Kind::System | Kind::Listing => {
                Reply::Minted { amount, minted: self.minted }
            }
        };
        Some(Completed { reply_token: asked.reply_token, request: asked.request, reply })
    }

    fn settle(&self, messages: &[(EntityId, Message)]) -> (Vec<Event>, Vec<OutgoingMessage>) {
        let mut events = Vec::new();
        let mut answers = Vec::new();
        for (from, message) in messages {
            match message {
                Message::Accepted { transfer, .. } => {
                    if self.outbox.get(*transfer).is_some() {
                        events.push(Event::TransferSettled { transfer: *transfer });
                    }
                    answers.push(forget(*transfer, from.clone()));
                }
                Message::Forget { transfer } if self.inbox.waits_for(*transfer) => {
                    events.push(Event::TransferForgotten { transfer: *transfer });
                }
                Message::Forget { .. }
                | Message::Fund { .. }
                | Message::Unfunded { .. }
                | Message::Offer(_)
                | Message::Refused { .. } => {}
            }
        }
        (events, answers)
    }

    fn take_back(&self, transfer: TransferId) -> Decision<Self> {
        let Some(open) = self.outbox.get(transfer) else { return Decision::nothing() };
        let amount = open.transfer.amount;
        let into = out_of(open);
        let events = vec![Event::TransferReturned { transfer, into, amount }];
        let mut decision = Decision::of(events, Answer::Nothing);
        decision.completed = open.asked.map(|asked| Completed {
            reply_token: asked.reply_token,
            // What failed is not remembered: a repeat tries again.
            request: None,
            reply: Reply::NotTaken,
        });
        decision
    }
}

/// Into which accounts fees go.
fn shares(purpose: &Purpose) -> Vec<(AccountClass, Micros)> {
    match purpose {
        Purpose::Fees(Fees { burned, stakers, treasury }) => vec![
            (AccountClass::Burned, *burned),
            (AccountClass::Stakers, *stakers),
            (AccountClass::Treasury, *treasury),
        ],
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Proceeds(_)
        | Purpose::Rating(_) => Vec::new(),
    }
}

/// The account that a transfer of the system's came from.
fn out_of(open: &OpenTransfer) -> AccountClass {
    match open.transfer.purpose {
        Purpose::Claim(_) => AccountClass::Pool,
        Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Proceeds(_)
        | Purpose::Fees(_)
        | Purpose::Rating(_) => AccountClass::Treasury,
    }
}

impl Machine for System {
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, command: Command, context: &Context<'_>) -> Result<Decision<Self>, Refusal> {
        match command {
            Command::Mint { amount, to, by, reason } => self.mint(amount, to, by, reason, context),
            Command::FundBudget { project, amount, by, reason } => {
                self.fund_budget(project, amount, by, reason, context)
            }
            Command::NameProject { name, by, reason } => {
                let id = ProjectId::new(context.fresh);
                let action = format!("create project {id}, {name}").into();
                let events = vec![Event::OperatorActed { by, action, reason }];
                Ok(Decision::of(events, Answer::Now(Reply::ProjectNamed(id))))
            }
            Command::NoteOperatorAction { by, action, reason } => {
                let events = vec![Event::OperatorActed { by, action, reason }];
                Ok(Decision::of(events, Answer::Now(Reply::Noted)))
            }
            Command::Message { from, message } => Ok(self.read_message(from, message, context)),
        }
    }

    fn receive(from: EntityId, message: Message) -> Command {
        Command::Message { from, message }
    }

    fn can_wait(&self, message: &Message) -> bool {
        match message {
            // Where someone waits for the end, it can't wait.
            Message::Accepted { transfer, .. } => {
                self.outbox.get(*transfer).is_none_or(|open| open.asked.is_none())
            }
            Message::Forget { .. } => true,
            Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Offer(_)
            | Message::Refused { .. } => false,
        }
    }

    fn decide_waiting(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        self.settle(messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Minted { amount, into, .. } => {
                self.minted = self.minted.saturating_add(*amount);
                self.change(*into, |held| held.saturating_add(*amount));
            }
            Event::OperatorActed { .. } => {}
            Event::TransferOpened { out_of, open } => {
                self.change(*out_of, |held| held.saturating_sub(open.transfer.amount));
                self.outbox.open(open.clone());
            }
            Event::TransferSettled { transfer } => {
                self.outbox.close(*transfer);
            }
            Event::TransferReturned { transfer, into, amount } => {
                self.outbox.close(*transfer);
                self.change(*into, |held| held.saturating_add(*amount));
            }
            Event::TransferAccepted { from, transfer } => {
                self.inbox.take(transfer.id, from.clone(), false, at);
                for (class, amount) in shares(&transfer.purpose) {
                    self.change(class, |held| held.saturating_add(amount));
                }
            }
            Event::TransferForgotten { transfer } => self.inbox.forget(*transfer, at),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::Minted { amount, into, .. } => (AccountClass::Minted, *into, *amount),
            Event::TransferOpened { out_of, open } => {
                (*out_of, AccountClass::InFlight, open.transfer.amount)
            }
            Event::TransferReturned { into, amount, .. } => {
                (AccountClass::InFlight, *into, *amount)
            }
            Event::TransferAccepted { transfer, .. } => {
                let within =
                    |(class, amount)| Posting::within(me, AccountClass::InFlight, class, amount);
                return shares(&transfer.purpose).into_iter().map(within).collect();
            }
            Event::OperatorActed { .. }
            | Event::TransferSettled { .. }
            | Event::TransferForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn outstanding(&self, _me: &EntityId) -> Vec<OutgoingMessage> {
        self.outbox.offers().chain(self.inbox.acceptances()).collect()
    }

    fn heap_bytes(&self) -> usize {
        self.outbox.heap_bytes().saturating_add(self.inbox.heap_bytes())
    }
}
