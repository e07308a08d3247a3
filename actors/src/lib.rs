//! Who owns which state, and how they talk.
//!
//! Each entity has one actor while it is in use: `entity` is a plain struct over the domain's
//! machine, the [`shell::Shell`], inside a thin actix actor. `residents` is a directory per kind,
//! which finds the actor, activates it from its snapshot, and lets it go when it is idle or memory
//! is short. Below them is the `host`: journal, store, clock, memory and threads, which know no
//! actor. A [`Node`] is all of it in one process, with what is asked of it from outside.
//!
//! What is left out: the rules (`priv-domain`), files (`priv-journal`, `priv-store`), content
//! (`priv-blobs`), HTTP (`priv-http`).

pub mod ask;
pub mod clock;
mod entity;
mod host;
pub mod inspect;
pub mod node;
mod of_kind;
mod options;
mod projecting;
pub mod purchasing;
pub mod queries;
mod recent_terms;
mod residents;
mod threads;

pub use ask::{Answered, AskError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use entity::shell;
pub use host::OnFatal;
pub use node::{Node, NodeError};
pub use options::{FaultPoints, Options};
pub use queries::{KnownProject, ProjectorStopped, QueryError};
pub use residents::delivery::Resident;
pub use residents::directory::{DirectoryStats, ResidentActor};
pub use residents::passivation::Passivated;
