//! Shows operators an entity's state, with personal fields masked.

use priv_domain::AnyEntity;
use priv_domain::UserRef;
use priv_domain::contribution::ReviewStatus;
use priv_domain::exchange::{Exchange, Inbox, Outbox};
use priv_domain::listing::Listing;
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::{Market, User};
use serde_json::{Value, json};

use super::masking::{Unmask, amount, exchange_view, payer_text, transfer_view};
use crate::auth::wallet::Address;
use crate::wire::time::{Rfc3339, day_text};

/// The state, without what operators have no use for.
pub(crate) fn state_view(entity: &AnyEntity, unmask: Unmask) -> Value {
    let (mut state, answers) = match entity {
        AnyEntity::User(user) => (user_view(&user.machine, unmask), user.answers.len()),
        AnyEntity::Project(project) => (project_view(&project.machine), project.answers.len()),
        AnyEntity::System(system) => (system_view(&system.machine), system.answers.len()),
        AnyEntity::Listing(listing) => (listing_view(&listing.machine), listing.answers.len()),
    };
    state["remembered_answers"] = json!(answers);
    state
}

fn user_view(user: &User, unmask: Unmask) -> Value {
    let consent = user.consent.as_ref().map(|record| {
        json!({
            "version": record.version,
            "analytics": record.preferences.analytics,
            "marketing": record.preferences.marketing,
            "data_sharing": record.preferences.data_sharing,
            "personalization": record.preferences.personalization,
            "at": Rfc3339(record.at),
            "source": record.source.as_deref().map(|text| unmask.text(text)),
            "policy_version": record.policy_version,
        })
    });
    let accruals = user.accruals.iter().map(|accrual| {
        json!({
            "payer": payer_text(accrual.payer),
            "pending_priv": amount(accrual.pending),
            "claimed_priv": amount(accrual.claimed),
            "day": day_text(accrual.today.day),
            "earned_on_day_priv": amount(accrual.today.earned),
        })
    });
    let claims = user.claims.iter().map(|claim| {
        let parts = claim.parts.iter().map(|part| {
            json!({
                "payer": payer_text(part.payer),
                "amount_priv": amount(part.amount),
                "funded_priv": part.funded.map(amount),
            })
        });
        json!({ "claim_id": claim.id.to_string(), "parts": parts.collect::<Vec<_>>() })
    });
    let seen: Vec<Value> = user
        .seen
        .by_day()
        .map(|(day, keys)| json!({ "day": day_text(day), "events": keys.len() }))
        .collect();
    let links = user.links.as_ref();
    json!({
        "consent": consent,
        "privacy_control_since": user.privacy_control_since.map(Rfc3339),
        "available_priv": amount(user.available),
        "pending_priv": amount(user.pending()),
        "earned_total_priv": amount(user.earned_total()),
        "accruals": accruals.collect::<Vec<_>>(),
        "open_claims": claims.collect::<Vec<_>>(),
        "recent_events": seen,
        "open_transfers": exchanges_view(&user.outbox),
        "unsettled_transfers": inbox_view(&user.inbox),
        "market": user.market.as_deref().map(market_view),
        "became": user.became().map(|person| unmask.text(&person.key)),
        "absorbed": links.map(|links| {
            links.absorbed.iter().map(|key| linked(key, unmask)).collect::<Vec<_>>()
        }),
        "wallet_address": links
            .and_then(|links| links.wallet)
            .map(|wallet| unmask.text(&Address(wallet).to_string())),
    })
}

/// A user's part in the marketplace: how much there is, and of what.
fn market_view(market: &Market) -> Value {
    let of = |status| {
        market.contributions.values().filter(|contribution| contribution.status == status).count()
    };
    let contributions: serde_json::Map<String, Value> = ReviewStatus::ALL
        .into_iter()
        .map(|status| (status.as_str().to_owned(), json!(of(status))))
        .collect();
    let listings = market.listings.iter().take(SHOWN).map(|(id, own)| {
        json!({
            "listing": id.to_string(),
            "status": own.status.as_str(),
            "contributions": own.contributions.len(),
        })
    });
    let purchases = market.purchases.iter().take(SHOWN).map(|(id, purchase)| {
        json!({
            "listing": id.to_string(),
            "purchase": purchase.order.purchase.to_string(),
            "price_priv": amount(purchase.price),
        })
    });
    json!({
        "contributions": contributions,
        "listings": listings.collect::<Vec<_>>(),
        "purchases": purchases.collect::<Vec<_>>(),
    })
}

fn listing_view(listing: &Listing) -> Value {
    let offer = listing.offer.as_deref().map(|offer| {
        let contents = offer.contents.iter().map(|contents| {
            json!({
                "number": contents.number,
                "sales": contents.sales,
                "files": contents.files.len(),
            })
        });
        json!({
            "status": offer.status.as_str(),
            "version": offer.version,
            "terms_version": offer.terms_version,
            "title": offer.title,
            "price_priv": amount(offer.price),
            "license": offer.license.as_str(),
            "max_sales": offer.max_sales,
            "contents": contents.collect::<Vec<_>>(),
            "created_at": Rfc3339(offer.created_at),
            "updated_at": Rfc3339(offer.updated_at),
        })
    });
    json!({
        "offer": offer,
        "sales": listing.sales,
        "sold_out": listing.is_sold_out(),
        "ratings": listing.ratings.len(),
        "due_to_seller_priv": amount(listing.due.proceeds),
        "due_fees_priv": amount(listing.due.fees.total()),
        "in_flight_priv": amount(listing.outbox.in_flight()),
        "open_transfers": outbox_view(&listing.outbox),
        "unsettled_transfers": inbox_view(&listing.inbox),
    })
}

/// A linked user: the project is shown, the user's id is personal.
fn linked(key: &str, unmask: Unmask) -> Value {
    let Ok(user) = key.parse::<UserRef>();
    match (unmask, user.project()) {
        (Unmask::No, Some(project)) => json!(format!("{project}/***")),
        (Unmask::No, None) | (Unmask::Yes, _) => unmask.text(key),
    }
}

fn project_view(project: &Project) -> Value {
    let settings = &project.settings;
    let keys = project.keys.iter().map(|key| {
        json!({
            "key_id": key.id.to_string(),
            "last_four": key.last_four,
            "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
            "created_at": Rfc3339(key.created_at),
            "ends_at": key.ends_at.map(Rfc3339),
        })
    });
    json!({
        "created_at": project.created_at.map(Rfc3339),
        "name": settings.name,
        "plan": settings.plan.as_str(),
        "consent_policy": settings.consent_policy.as_str(),
        "daily_cap_priv": amount(settings.daily_cap),
        "rates": {
            "track": amount(settings.rates.track),
            "page_view": amount(settings.rates.page_view),
            "identify": amount(settings.rates.identify),
        },
        "requests_per_second": settings.requests_per_second,
        "requests_per_day": settings.requests_per_day,
        "publishable_reads_analytics": settings.publishable_reads_analytics,
        "keys": keys.collect::<Vec<_>>(),
        "available_priv": amount(project.available),
        "in_flight_priv": amount(project.outbox.in_flight()),
        "open_transfers": outbox_view(&project.outbox),
        "unsettled_transfers": inbox_view(&project.inbox),
    })
}

fn system_view(system: &System) -> Value {
    json!({
        "minted_priv": amount(system.minted),
        "burned_priv": amount(system.burned),
        "treasury_priv": amount(system.treasury),
        "pool_priv": amount(system.pool),
        "stakers_priv": amount(system.stakers),
        "in_flight_priv": amount(system.outbox.in_flight()),
        "open_transfers": outbox_view(&system.outbox),
        "unsettled_transfers": inbox_view(&system.inbox),
    })
}

/// The most transfers that are shown of one entity.
const SHOWN: usize = 100;

fn exchanges_view(outbox: &Outbox<Exchange>) -> Value {
    outbox.iter().take(SHOWN).map(|open| exchange_view(&open.exchange)).collect()
}

fn outbox_view(outbox: &Outbox) -> Value {
    outbox.iter().take(SHOWN).map(|open| transfer_view(&open.exchange)).collect()
}

fn inbox_view(inbox: &Inbox) -> Value {
    inbox.iter().take(SHOWN).map(|received| json!(received.id.to_string())).collect()
}
