//! Reading it back: one record, all of them, and whether each byte is what was written. Nothing here
//! writes to a journal that is in use.

pub(crate) mod catalog;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod scan;
pub(crate) mod verify;
