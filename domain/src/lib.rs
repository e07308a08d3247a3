//! The rules of PRIV Protocol as pure state machines.
//!
//! Every entity (a user, a project, a listing, the system) is a [`Machine`]. Its [`Command`]s
//! decide: they look at the state and say which events follow, or refuse. `apply` folds an event
//! into the state and cannot refuse. Time and ids come in as arguments; nothing here reads a clock,
//! a disk or a random number, so whatever a machine decides can be replayed.
//!
//! Left out on purpose: how events are stored (`priv-store`), who runs a machine (`priv-actors`),
//! and what a client sees (`priv-http`).

pub mod answers;
pub mod any_entity;
pub mod confirm;
pub mod consent;
pub mod context;
pub mod contribution;
pub mod earning;
pub mod entity;
pub mod event;
pub mod exchange;
pub mod id;
pub mod journal_point;
pub mod ledger;
pub mod listing;
pub mod listing_summary;
pub mod machine;
pub mod market;
pub mod message;
pub mod money;
pub mod project;
pub mod proposal;
pub mod reconciliation;
pub mod reply;
pub mod system;
#[cfg(test)]
mod testing;
pub mod time;
pub mod transfer;
pub mod user;
pub mod views;

pub use answers::RequestTag;
pub use any_entity::AnyEntity;
pub use entity::{EntityId, Environment, Kind, UserRef};
pub use event::{EventKey, EventType, RawEvent};
pub use id::{ClaimId, ContributionId, ExchangeId, KeyId, ListingId, ProjectId, PurchaseId};
pub use journal_point::{Position, Version};
pub use machine::{Command, Entity, Entry, Machine};
pub use money::Micros;
pub use time::{Day, Timestamp};
