//! What lasts.
//!
//! The [`journal`] is the truth: what actors decided, in one order, on disk before anyone hears of
//! it. Everything else is made from it and can be made again: [`snapshots`] of entities, and
//! [`lists`] that the [`projector`] keeps, both in sled ([`store`]). [`recovery`] brings them up to
//! date at start, [`mod@verify`] checks them, [`history`] looks into an entity's past.
//!
//! What is left out: the rules (`priv-domain`) and who runs them (`priv-actors`).

pub mod any_entity;
pub mod blobs;
pub mod codec;
pub mod data_dir;
pub mod disk;
pub mod history;
pub mod journal;
pub mod listing_index;
pub mod lists;
pub mod project_index;
pub mod projector;
pub mod recovery;
pub mod snapshots;
pub mod store;
pub mod verify;

pub use any_entity::AnyEntity;
pub use journal::{Journal, Record};
pub use store::{Store, StoreError};
