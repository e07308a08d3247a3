//! The marketplace: what is for sale, selling, buying, and what was bought.

pub(crate) mod browse;
pub(crate) mod download;
pub(crate) mod purchase;
pub(crate) mod sell;
mod view;
