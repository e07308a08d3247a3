//! The state that is made from the journal and can be made again: deleting it loses nothing.
//!
//! - [`codec`]: the stored form of values, in the journal and here; the only user of bincode.
//! - [`snapshots`] of entities and [`views`] over many of them, both in sled, which [`store`]
//!   opens.
//! - [`index`]: projects, keys and listings in memory, for each request to look up.
//! - [`projector`] keeps views and indexes up to date from durable records.
//! - [`recovery`] brings all of it up to the journal's end at a start, [`witness`] knows whether
//!   that end has been lost, [`mod@verify`] checks everything, [`history`] replays an entity's past,
//!   and [`data_dir`] locks the directory.
//!
//! Left out: the order and durability of records (`priv-journal`), contributed content
//! (`priv-blobs`), the rules (`priv-domain`), and who runs them (`priv-actors`).

pub mod any_entity;
pub mod codec;
pub mod data_dir;
mod error;
pub mod history;
pub mod index;
pub mod projector;
pub mod recovery;
pub mod snapshots;
pub mod store;
mod value;
pub mod verify;
pub mod views;
pub mod witness;

pub use error::StoreError;
pub use store::Store;
