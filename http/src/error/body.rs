//! The error envelope on the wire.

use actix_web::web::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::ApiError;

/// Writes the whole body. `base_url` is the scheme and host that `doc_url` begins with; empty gives
/// a path only.
pub(crate) fn write_error_body(
    error: &ApiError,
    request_id: Option<&str>,
    base_url: &str,
) -> Bytes {
    let mut buffer = Vec::with_capacity(320);
    buffer.extend_from_slice(br#"{"success":false,"error":"#);
    let members = Members { error, request_id, base_url };
    serde_json::to_writer(&mut buffer, &members)
        .expect("strings and ready-made JSON go into a Vec without failing");
    buffer.push(b'}');
    Bytes::from(buffer)
}

struct Members<'a> {
    error: &'a ApiError,
    request_id: Option<&'a str>,
    base_url: &'a str,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = &self.error.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", parts.code.as_str())?;
        map.serialize_entry("message", &parts.message)?;
        if let Some(reason) = &parts.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(request_id) = self.request_id {
            map.serialize_entry("request_id", request_id)?;
        }
        let doc_url = format_args!("{}/docs/errors/{}", self.base_url, parts.code.as_str());
        map.serialize_entry("doc_url", &doc_url)?;
        for (name, value) in &parts.members {
            map.serialize_entry(name, value)?;
        }
        if !parts.details.is_empty() {
            map.serialize_entry("details", &parts.details)?;
        }
        map.end()
    }
}
