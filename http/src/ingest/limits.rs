//! The limits of a body and of its events.

/// The most bytes of a decompressed body, enforced by the reader of bodies.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// The most events in one body.
pub const MAX_EVENTS: usize = 2_500;
/// The most bytes of an event's properties (or traits), as JSON text; also of its context.
pub const MAX_PROPERTIES_BYTES: usize = 32 * 1024;
/// The most bytes of an id of any kind.
pub const MAX_ID_BYTES: usize = 255;
/// The most characters of an event's name.
pub const MAX_NAME_CHARS: usize = 200;
/// The deepest nesting of arrays and objects in properties and context. With the three levels
/// around them, a body stays within 64.
pub const MAX_DEPTH: usize = 60;
/// The most bytes of a page's address, title or referrer. Longer ones are cut, not refused.
pub const MAX_PAGE_FIELD_BYTES: usize = 4 * 1024;
/// The most bytes of a context that a batch gives once for all its events. It is copied to each of
/// them, so a large one would turn a small body into a huge one; a larger one is left out.
pub const MAX_SHARED_CONTEXT_BYTES: usize = 2 * 1024;
