//! Writing a record: the queue, the sequencer, the preallocation of segments and the archiver, with
//! a thread for each of the last three. Beside them the two that write while no journal runs:
//! recovery and erasure.

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
