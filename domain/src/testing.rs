//! The makings of table tests: names, states to begin with, an entity with its clock, and checks of
//! guards in their order and of repeated requests.
//!
//! Whatever a table carries out is checked on the way: a message that comes twice changes nothing
//! the second time, and the postings of every entry agree with what the state holds.

#![expect(clippy::type_complexity, reason = "rows of tables are read, their types are not")]

mod checks;
mod names;
mod states;
mod under_test;

pub(crate) use checks::{check_edges, check_guards, check_repeats, check_repeats_later, refusal};
pub(crate) use names::{
    NOW, asked, contribution_id, exchange_id, fresh, listing, listing_id, micros, other_body,
    person, project, project_id, system, tag,
};
pub(crate) use states::{
    contribution, file, files_of, fill, full_inbox, nearly_full_inbox, offered, order_of, proposal,
    rating, transfer, user,
};
pub(crate) use under_test::UnderTest;
