//! What views of operators share: who is hidden in them, and how money and transfers are shown.

use priv_domain::earning::Payer;
use priv_domain::entity::Kind;
use priv_domain::exchange::Exchange;
use priv_domain::proposal::Content;
use priv_domain::transfer::{Purpose, Transfer, UserPurpose};
use priv_domain::{EntityId, ExchangeId, Micros};
use serde_json::{Value, json};

use crate::wire::amount::Amount;

/// Whether personal fields are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmask {
    /// They are; somebody wrote down who looked.
    Yes,
    /// They are not.
    No,
}

impl Unmask {
    /// A personal text.
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

/// A transfer or a proposal, which is shown as a transfer of nothing; whoever gets it is named only
/// where it is no person.
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

/// A transfer; whoever gets it is named only where it is no person.
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
