//! One entity's actor: its state in a shell, its mailbox, its life.

pub(crate) mod actor;
pub(crate) mod context;
pub(crate) mod message;
pub mod shell;
pub(crate) mod tracker;
