//! A record that has no position yet.

use priv_domain::{EntityId, Position, Timestamp, Version};

/// A record to append. Borrows everything: appending copies it once, into the group being filled.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The entity whose stream it belongs to.
    pub entity: &'a EntityId,
    /// Its place in that stream.
    pub version: Version,
    /// The position of the same entity's previous record; zero if this is its first.
    pub previous: Position,
    /// The time at which its actor decided.
    pub at: Timestamp,
    /// The format of the parts, for the codec.
    pub format: u16,
    /// The part that replay needs. It is never taken out.
    pub core: &'a [u8],
    /// The part that is about a person, which can be taken out later.
    pub personal: Option<&'a [u8]>,
}
