//! The marketplace: browsing, selling, buying, and downloading what was bought.

pub(crate) mod browse;
pub(crate) mod download;
pub(crate) mod purchase;
pub(crate) mod sell;
mod view;
