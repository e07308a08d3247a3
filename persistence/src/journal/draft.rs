//! A record before it has a position.

use priv_domain::{EntityId, Position, Timestamp, Version};

/// A record to append. Borrows everything: appending copies it once, into the group being filled.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Whose stream it belongs to.
    pub entity: &'a EntityId,
    /// Its place in that stream.
    pub version: Version,
    /// Where the same entity's previous record stands; zero if this is its first.
    pub previous: Position,
    /// When it was decided.
    pub at: Timestamp,
    /// The format of the parts, for the codec.
    pub format: u16,
    /// What replay needs. Stays for ever.
    pub core: &'a [u8],
    /// What is about a person, and can be taken out later.
    pub personal: Option<&'a [u8]>,
}
