//! How much is taken.

/// Most bytes of a decompressed body; the reader of bodies enforces it.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Most events in one body.
pub const MAX_EVENTS: usize = 2_500;
/// Most bytes of an event's properties (or traits), as JSON text. The same for its context.
pub const MAX_PROPERTIES_BYTES: usize = 32 * 1024;
/// Most bytes of an id of any kind.
pub const MAX_ID_BYTES: usize = 255;
/// Most characters of an event's name.
pub const MAX_NAME_CHARS: usize = 200;
/// Most levels of arrays and objects in properties and context; with the three around them a body
/// stays within 64.
pub const MAX_DEPTH: usize = 60;
/// Most bytes of a page's address, title or referrer. Longer ones are cut, not refused.
pub const MAX_PAGE_FIELD_BYTES: usize = 4 * 1024;
/// Most bytes of a context that a batch gives once for all of its events. It is copied to each, so
/// a large one would turn a small body into a huge one; past this it is left out.
pub const MAX_SHARED_CONTEXT_BYTES: usize = 2 * 1024;
