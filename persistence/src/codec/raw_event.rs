//! Raw events: the personal part of a record.

use priv_domain::RawEvent;

use super::stored_struct;

stored_struct!(RawEvent {
    id,
    event_type,
    timestamp,
    name,
    user_id,
    anonymous_id,
    session_id,
    page_url,
    page_title,
    referrer,
    properties,
    context,
});
