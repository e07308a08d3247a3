//! The entities that are in memory: how they come, how messages reach them, how they go.

pub(crate) mod checkpoint;
pub(crate) mod delivery;
pub(crate) mod directory;
pub(crate) mod housekeeping;
pub(crate) mod passivation;
