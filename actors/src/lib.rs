//! Who owns which state, and how they talk.
//!
//! Each entity has one actor while it is in use: [`shell::Shell`], a plain struct over the domain's
//! machine, inside a thin actix actor. A [`directory::Directory`] per kind finds it, activates it
//! from its snapshot, and lets it go when it is idle or memory is short. A [`Node`] is all of it in
//! one process: journal, store, projector, directories, and the housekeeping between them.
//!
//! What is left out: the rules (`priv-domain`), files (`priv-journal`, `priv-store`), content
//! (`priv-blobs`), HTTP (`priv-http`).

pub mod ask;
pub mod clock;
pub mod directory;
mod entity_actor;
mod housekeeping;
pub mod inspect;
mod lean_context;
pub mod node;
mod passivation;
mod projecting;
pub mod purchasing;
pub mod queries;
pub mod shell;
mod tracker;

pub use ask::{Answered, AskError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use node::{Node, NodeError, Options};
pub use passivation::Passivated;
pub use queries::{KnownProject, QueryError};
