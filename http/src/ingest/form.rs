//! PostHog's bodies that are not JSON yet: a form with the JSON in `data`, as text or in Base64.
//!
//! Browsers send it where a request must not cause a preflight, and so do many hand-written
//! clients. JSON that was compressed before it was written in Base64 is decompressed too.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;

use super::limits::MAX_BODY_BYTES;
use super::unreadable::Unreadable;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Base64 with or without padding: clients disagree about it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The JSON in a body; the body itself if it is not a form.
pub(super) fn unwrapped(body: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    let Some(data) = data_field(body) else { return Ok(Cow::Borrowed(body)) };
    // In a form a space is written as a plus sign.
    let spaced: Vec<u8> = data.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    let text: Vec<u8> = percent_decode(&spaced).collect();
    if is_json(&text) {
        return Ok(Cow::Owned(text));
    }
    // Base64 that was not percent-encoded: what was read as a space was a plus sign.
    let code: Vec<u8> = text
        .iter()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .map(|&b| if b == b' ' { b'+' } else { b })
        .collect();
    let plain = BASE64.decode(code).map_err(|_| Unreadable::Form("neither JSON nor Base64"))?;
    let plain = if plain.starts_with(&GZIP_MAGIC) { gunzip(&plain)? } else { plain };
    if is_json(&plain) {
        Ok(Cow::Owned(plain))
    } else {
        Err(Unreadable::Form("the Base64 holds no JSON object or array"))
    }
}

fn data_field(body: &[u8]) -> Option<&[u8]> {
    if is_json(body) {
        return None;
    }
    body.split(|&b| b == b'&').find_map(|pair| pair.strip_prefix(b"data="))
}

fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start(), [b'{' | b'[', ..])
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut plain = Vec::new();
    let limit = MAX_BODY_BYTES as u64 + 1;
    flate2::read::MultiGzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|_| Unreadable::Form("the gzip data in it is broken"))?;
    if plain.len() > MAX_BODY_BYTES {
        return Err(Unreadable::Form("it is larger than 4 MiB when unpacked"));
    }
    Ok(plain)
}
