//! Indexes in memory, which each request looks into: projects with their keys, and listings. The
//! projector keeps them up to date.

pub mod listings;
pub mod projects;
