//! MPEG audio (ISO/IEC 11172-3). It has no magic number; it is recognised by a frame whose length
//! leads to another frame.

use std::io::{self, Read, Seek};

use super::headers::Headers;
use super::{Content, MediaType};

/// ID3v2 tags before the sound that are skipped, at most.
const MAX_TAGS: usize = 8;
/// Bytes between the tags and the first frame, at most: encoders pad their tags by more than they
/// say.
const MAX_PADDING: u64 = 1_024;

/// The parts of a frame's head that matter here.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Version, layer and sample rate, which all frames of a file share.
    kind: u16,
    length: u64,
}

pub(super) fn detect(file: &mut (impl Read + Seek), size: u64) -> io::Result<Option<Content>> {
    let mut headers = Headers::of(file);
    let sound = after_tags(&mut headers)?;
    if sound == 0 {
        return Ok(frames(&mut headers, 0, size)?.then_some(Content::Media(MediaType::Mp3)));
    }
    // Other types of sound have the same tags.
    match headers.read::<4>(sound)? {
        Some([b'f', b'L', b'a', b'C']) => return Ok(Some(Content::Other("audio/flac"))),
        // ADTS has the sync word of MPEG audio, with a layer that MPEG audio doesn't have.
        Some([0xFF, byte, ..]) if byte & 0xF6 == 0xF0 => {
            return Ok(Some(Content::Other("audio/aac")));
        }
        Some(_) | None => {}
    }
    for at in sound..sound.saturating_add(MAX_PADDING) {
        let Some([0xFF]) = headers.read(at)? else { continue };
        if frames(&mut headers, at, size)? {
            return Ok(Some(Content::Media(MediaType::Mp3)));
        }
    }
    Ok(None)
}

/// The offset at which the ID3v2 tags end.
fn after_tags(headers: &mut Headers<'_, impl Read + Seek>) -> io::Result<u64> {
    let mut at = 0_u64;
    for _ in 0..MAX_TAGS {
        let Some([b'I', b'D', b'3', _, _, flags, length @ ..]) = headers.read::<10>(at)? else {
            break;
        };
        // Seven bits a byte, so that no tag looks like a frame.
        let length = length.iter().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7F));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        at = at.saturating_add(10 + length + footer);
    }
    Ok(at)
}

/// Whether there is a frame at the offset, followed by another of its kind or the end of the file.
fn frames(headers: &mut Headers<'_, impl Read + Seek>, at: u64, size: u64) -> io::Result<bool> {
    let Some(first) = headers.read(at)?.and_then(frame) else { return Ok(false) };
    let after = at.saturating_add(first.length);
    if after >= size {
        return Ok(after == size);
    }
    let second = headers.read(after)?;
    // An ID3v1 tag comes last.
    let tag = second.is_some_and(|bytes| bytes.starts_with(b"TAG"));
    Ok(tag || second.and_then(frame).is_some_and(|second| second.kind == first.kind))
}

fn frame(head: [u8; 4]) -> Option<Frame> {
    let [sync, flags, rates, _] = head;
    if sync != 0xFF || flags & 0xE0 != 0xE0 {
        return None;
    }
    let version = flags >> 3 & 3;
    let layer = 4 - (flags >> 1 & 3);
    let lowered = match version {
        3 => 0, // MPEG 1
        2 => 1, // MPEG 2: half its rates
        0 => 2, // MPEG 2.5: a quarter
        _ => return None,
    };
    let kbits: [u64; 14] = match (version, layer) {
        (_, 4) => return None,
        (3, 1) => [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        (3, 2) => [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        (3, _) => [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        (_, 1) => [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        (_, _) => [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    };
    // Index 0 is a rate that only the encoder knows; 15 is not allowed.
    let bits = 1_000 * kbits.get(usize::from(rates >> 4).checked_sub(1)?)?;
    let rate = [44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))? >> lowered;
    let padding = u64::from(rates >> 1 & 1);
    let length = match (layer, lowered) {
        (1, _) => 4 * (12 * bits / rate + padding),
        (2, _) | (3, 0) => 144 * bits / rate + padding,
        (_, _) => 72 * bits / rate + padding,
    };
    let kind = u16::from(flags & 0xFE) << 8 | u16::from(rates & 0x0C);
    Some(Frame { kind, length })
}
