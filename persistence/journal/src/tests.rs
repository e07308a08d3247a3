//! Tests of the journal: one contract for every implementation, and everything that a disk can do
//! to one.

mod archiving;
mod contract;
mod copying;
mod damage;
mod erasing;
mod failing;
mod format;
mod power;
mod support;
mod waiting;
mod witnesses;
