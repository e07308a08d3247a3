//! Reading records back, and checking that each byte is what was written. Nothing here changes the
//! journal that it reads.

pub(crate) mod catalog;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod scan;
pub(crate) mod verify;
