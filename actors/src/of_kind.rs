//! From an entity's kind to its machine.

/// Evaluates `$body` with `$M` as the machine of a kind.
macro_rules! of_kind {
    ($kind:expr, $M:ident => $body:expr) => {
        match $kind {
            ::priv_domain::entity::Kind::User => {
                type $M = ::priv_domain::user::User;
                $body
            }
            ::priv_domain::entity::Kind::Project => {
                type $M = ::priv_domain::project::Project;
                $body
            }
            ::priv_domain::entity::Kind::System => {
                type $M = ::priv_domain::system::System;
                $body
            }
            ::priv_domain::entity::Kind::Listing => {
                type $M = ::priv_domain::listing::Listing;
                $body
            }
        }
    };
}

pub(crate) use of_kind;
