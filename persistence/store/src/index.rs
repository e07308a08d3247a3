//! Indexes in memory that requests look into: projects with their keys, and listings. The projector
//! keeps them up to date.

pub mod listings;
pub mod projects;
