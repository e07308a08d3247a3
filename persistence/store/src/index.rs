//! What is looked up at each request, in memory: projects and their keys, and listings. The projector
//! keeps it up to date.

pub mod listings;
pub mod projects;
