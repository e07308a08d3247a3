//! The road of a record to the disk, one thread each for the sequencer, the preallocation of
//! segments, and the archiver; and the two that write where no journal is running: recovery and
//! erasure.

pub(crate) mod archiver;
pub(crate) mod bell;
pub(crate) mod erase;
pub(crate) mod preallocate;
pub(crate) mod queue;
pub(crate) mod recovery;
pub(crate) mod sequencer;
pub(crate) mod shared;
pub(crate) mod shelf;
pub(crate) mod waiters;
