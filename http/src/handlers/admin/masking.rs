//! Shared by operators' views: masks personal data, and shows money and transfers.

use priv_domain::earning::Payer;
use priv_domain::entity::Kind;
use priv_domain::exchange::Exchange;
use priv_domain::proposal::Content;
use priv_domain::transfer::{Purpose, Transfer, UserPurpose};
use priv_domain::{EntityId, ExchangeId, Micros};
use serde_json::{Value, json};

use crate::wire::amount::Amount;

/// Whether personal data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmask {
    /// It is shown; who looked has been recorded.
    Yes,
    /// It is replaced by `***`.
    No,
}

impl Unmask {
    /// Shows or masks a text that is personal.
    pub(crate) fn text(self, text: &str) -> Value {
        match self {
            Self::Yes => json!(text),
            Self::No => json!("***"),
        }
    }
}

pub(crate) fn amount(micros: Micros) -> Value {
    json!(Amount(micros))
}

pub(crate) fn payer_text(payer: Payer) -> String {
    match payer {
        Payer::Project(project) => project.to_string(),
        Payer::Pool => "pool".to_owned(),
        Payer::Sales => "sales".to_owned(),
    }
}

/// A transfer or a proposal, shown as a transfer; a proposal's amount is 0. The receiver is named
/// unless it is a user.
pub(crate) fn exchange_view(exchange: &Exchange) -> Value {
    match exchange {
        Exchange::Transfer(transfer) => transfer_view(transfer),
        Exchange::Proposal(proposal) => {
            let purpose = match &proposal.content {
                Content::Publish(_) => json!("publish"),
                Content::Change(_) => json!("change"),
                Content::Rate(rating) => json!({ "rating": rating.purchase.to_string() }),
            };
            sent_view(proposal.id, &proposal.to, Micros::ZERO, purpose)
        }
    }
}

/// A transfer. The receiver is named unless it is a user.
pub(crate) fn transfer_view(transfer: &Transfer) -> Value {
    let purpose = match &transfer.purpose {
        Purpose::ToUser(UserPurpose::Claim(part)) => {
            json!({ "claim": part.claim.to_string(), "part": part.part })
        }
        Purpose::ToUser(UserPurpose::Grant) => json!("grant"),
        Purpose::ToUser(UserPurpose::Link(_)) => json!("link"),
        Purpose::ToUser(UserPurpose::Proceeds(proceeds)) => {
            json!({ "proceeds_of_sales": proceeds.sales })
        }
        Purpose::Budget => json!("budget"),
        Purpose::Fees(fees) => json!({
            "burned_priv": amount(fees.burned),
            "stakers_priv": amount(fees.stakers),
            "treasury_priv": amount(fees.treasury),
        }),
        Purpose::Order(order) => json!({ "purchase": order.purchase.to_string() }),
    };
    sent_view(transfer.id, &transfer.to, transfer.amount, purpose)
}

fn sent_view(id: ExchangeId, to: &EntityId, sent: Micros, purpose: Value) -> Value {
    let to = match to.kind {
        Kind::User => "user".to_owned(),
        Kind::Project | Kind::System | Kind::Listing => to.to_string(),
    };
    json!({
        "transfer": id.to_string(),
        "to": to,
        "amount_priv": amount(sent),
        "purpose": purpose,
    })
}
