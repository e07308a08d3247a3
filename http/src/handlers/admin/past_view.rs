//! Shows operators an entity's past.

use priv_actors::inspect::{AnyEvents, PastEntry, PastRawEvents};
use priv_domain::entity::Kind;
use priv_domain::{EntityId, ExchangeId, RawEvent, listing, project, system, user};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::masking::{Unmask, amount, exchange_view, payer_text, transfer_view};
use crate::wire::time::Rfc3339;

/// A record of an entity's stream.
#[derive(Serialize, ToSchema)]
#[schema(as = JournalEntry)]
pub(crate) struct EntryView {
    position: u64,
    version: u64,
    at: Rfc3339,
    /// What happened. Each object has the event's name as `event`; its other members depend on
    /// that.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Value>,
    /// The raw events, if there are any: all of them if unmasked, else only their number as
    /// `masked_events`; `erased` if they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    personal: Option<Value>,
}

/// A record, with personal data masked or not.
pub(crate) fn entry_view(entry: &PastEntry, unmask: Unmask) -> EntryView {
    let events = match &entry.events {
        AnyEvents::User(events) => events.iter().map(|event| user_event(event, unmask)).collect(),
        AnyEvents::Project(events) => events.iter().map(project_event).collect(),
        AnyEvents::System(events) => events.iter().map(system_event).collect(),
        AnyEvents::Listing(events) => events.iter().map(listing_event).collect(),
    };
    let personal = match &entry.raw_events {
        PastRawEvents::None => None,
        PastRawEvents::Erased => Some(json!("erased")),
        PastRawEvents::Present(raw) => Some(match unmask {
            Unmask::No => json!({ "masked_events": raw.len() }),
            Unmask::Yes => raw.iter().map(raw_event).collect(),
        }),
    };
    EntryView {
        position: entry.position.get(),
        version: entry.version.get(),
        at: Rfc3339(entry.at),
        events,
        personal,
    }
}

fn raw_event(event: &RawEvent) -> Value {
    let object = |text: &Option<String>| {
        text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok())
    };
    json!({
        "event_id": event.id,
        "event_type": event.event_type.as_str(),
        "timestamp": Rfc3339(event.timestamp),
        "event_name": event.name,
        "user_id": event.user_id,
        "anonymous_id": event.anonymous_id,
        "session_id": event.session_id,
        "page_url": event.page_url,
        "page_title": event.page_title,
        "referrer": event.referrer,
        "properties": object(&event.properties),
        "context": object(&event.context),
    })
}

fn user_event(event: &user::Event, unmask: Unmask) -> Value {
    use user::Event;
    match event {
        Event::EventsRecorded { project, events, earned } => json!({
            "event": "events_recorded",
            "project": project.to_string(),
            "count": events.len(),
            "earned_priv": amount(*earned),
        }),
        Event::PrivacyControlSeen => json!({ "event": "privacy_control_seen" }),
        Event::ConsentChanged(record) => json!({
            "event": "consent_changed",
            "version": record.version,
            "analytics": record.preferences.analytics,
            "marketing": record.preferences.marketing,
            "data_sharing": record.preferences.data_sharing,
            "personalization": record.preferences.personalization,
            "source": record.source.as_deref().map(|source| unmask.text(source)),
        }),
        Event::ClaimOpened(claim) => {
            let parts = claim.parts.iter().map(|part| {
                json!({ "payer": payer_text(part.payer), "amount_priv": amount(part.amount) })
            });
            json!({
                "event": "claim_opened",
                "claim": claim.id.to_string(),
                "parts": parts.collect::<Vec<_>>(),
            })
        }
        Event::ClaimPartUnfunded { part } => json!({
            "event": "claim_part_unfunded",
            "claim": part.claim.to_string(),
            "part": part.part,
        }),
        Event::ClaimClosed { claim } => {
            json!({ "event": "claim_closed", "claim": claim.to_string() })
        }
        Event::TransferAccepted { from, transfer } => accepted(from, transfer_view(transfer)),
        Event::ExchangeOpened(open) => opened(exchange_view(&open.exchange)),
        Event::ExchangeSettled { id } => named("transfer_settled", *id),
        Event::ExchangeReturned { id, .. } => named("transfer_returned", *id),
        Event::ExchangeRefused { id, .. } => named("transfer_refused", *id),
        Event::ExchangeForgotten { id } => named("transfer_forgotten", *id),
        Event::WalletBound { .. } => json!({ "event": "wallet_bound" }),
        Event::ContributionAdded { id, contribution } => json!({
            "event": "contribution_added",
            "contribution": id.to_string(),
            "content_type": contribution.media_type.as_str(),
            "size": contribution.size,
        }),
        Event::ContributionReviewed { id, decision, reward, by, reason } => json!({
            "event": "contribution_reviewed",
            "contribution": id.to_string(),
            "status": decision.status().as_str(),
            "reward_priv": amount(*reward),
            "by": by,
            "reason": reason,
        }),
        Event::ContributionUsesChanged { id, uses, reward } => json!({
            "event": "contribution_uses_changed",
            "contribution": id.to_string(),
            "consent_ai_training": uses.ai_training,
            "consent_research": uses.research,
            "consent_commercial": uses.commercial,
            "reward_priv": amount(*reward),
        }),
        Event::ContributionDeleted { id, .. } => {
            json!({ "event": "contribution_deleted", "contribution": id.to_string() })
        }
    }
}

fn project_event(event: &project::Event) -> Value {
    use project::Event;
    match event {
        Event::Created { settings, keys } => json!({
            "event": "project_created",
            "name": settings.name,
            "keys": keys.iter().map(|key| key.id.to_string()).collect::<Vec<_>>(),
        }),
        Event::Changed { settings, by, reason } => json!({
            "event": "project_changed",
            "plan": settings.plan.as_str(),
            "consent_policy": settings.consent_policy.as_str(),
            "by": by,
            "reason": reason,
        }),
        Event::KeyIssued { key, by, reason } => json!({
            "event": "key_issued",
            "key": key.id.to_string(),
            "by": by,
            "reason": reason,
        }),
        Event::KeyEnds { key, at, by, reason } => json!({
            "event": "key_ends",
            "key": key.to_string(),
            "at": Rfc3339(*at),
            "by": by,
            "reason": reason,
        }),
        Event::RequestAnswered { .. } => json!({ "event": "request_answered" }),
        Event::TransferAccepted { from, transfer } => accepted(from, transfer_view(transfer)),
        Event::TransferOpened(open) => opened(transfer_view(&open.exchange)),
        Event::TransferSettled { id } => named("transfer_settled", *id),
        Event::TransferReturned { id, .. } => named("transfer_returned", *id),
        Event::TransferRefused { id, .. } => named("transfer_refused", *id),
        Event::TransferForgotten { id } => named("transfer_forgotten", *id),
    }
}

fn system_event(event: &system::Event) -> Value {
    use system::Event;
    match event {
        Event::Minted { amount: minted, into, by, reason } => json!({
            "event": "minted",
            "amount_priv": amount(*minted),
            "into": into.as_str(),
            "by": by,
            "reason": reason,
        }),
        Event::MintReversed { amount: reversed } => json!({
            "event": "mint_reversed",
            "amount_priv": amount(*reversed),
        }),
        Event::OperatorActed { by, action, reason } => json!({
            "event": "operator_acted",
            "by": by,
            "action": action,
            "reason": reason,
        }),
        Event::TransferOpened { open, .. } => opened(transfer_view(&open.exchange)),
        Event::TransferSettled { id } => named("transfer_settled", *id),
        Event::TransferReturned { id, .. } => named("transfer_returned", *id),
        Event::TransferAccepted { from, transfer } => accepted(from, transfer_view(transfer)),
        Event::TransferRefused { id, .. } => named("transfer_refused", *id),
        Event::TransferForgotten { id } => named("transfer_forgotten", *id),
    }
}

fn listing_event(event: &listing::Event) -> Value {
    use listing::Event;
    match event {
        Event::ExchangeAccepted { from, exchange } => accepted(from, exchange_view(exchange)),
        Event::TransferOpened(open) => opened(transfer_view(&open.exchange)),
        Event::TransferSettled { id } => named("transfer_settled", *id),
        Event::TransferReturned { id, .. } => named("transfer_returned", *id),
        Event::ExchangeRefused { id, .. } => named("transfer_refused", *id),
        Event::ExchangeForgotten { id } => named("transfer_forgotten", *id),
    }
}

fn accepted(from: &EntityId, mut view: Value) -> Value {
    view["event"] = json!("transfer_accepted");
    view["from"] = match from.kind {
        Kind::User => json!("user"),
        Kind::Project | Kind::System | Kind::Listing => json!(from.to_string()),
    };
    view
}

fn opened(mut view: Value) -> Value {
    view["event"] = json!("transfer_opened");
    view
}

fn named(event: &str, id: ExchangeId) -> Value {
    json!({ "event": event, "transfer": id.to_string() })
}
