//! The handlers, a module for each resource. Each says who may call and what is read, asks an actor
//! or a list, and turns the answer into a view.

pub(crate) mod admin;
pub(crate) mod analytics;
pub(crate) mod compatibility;
pub(crate) mod contributions;
pub(crate) mod description;
pub(crate) mod error_pages;
pub(crate) mod events;
pub(crate) mod marketplace;
pub(crate) mod probes;
pub(crate) mod receipts;
pub(crate) mod user;
