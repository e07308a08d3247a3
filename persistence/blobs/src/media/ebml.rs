//! WebM and Matroska: EBML (RFC 8794), elements with a number and a length of one to eight bytes.
//!
//! The header says which of the two the file is; the tracks, which come before the clusters of
//! sound and pictures, say which kinds there are.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::headers::Headers;
use super::{Content, MediaType};

const HEADER: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_TYPE: u32 = 0x83;

const VIDEO: u8 = 1;
const AUDIO: u8 = 2;

/// An element: its number, and the offsets of its content.
struct Element {
    id: u32,
    content: Range<u64>,
}

pub(super) fn detect(
    head: &[u8],
    file: &mut (impl Read + Seek),
    size: u64,
) -> io::Result<Option<Content>> {
    if !head.starts_with(&HEADER.to_be_bytes()) {
        return Ok(None);
    }
    let mut headers = Headers::of(file);
    let Some(header) = next(&mut headers, &(0..size))? else { return Ok(None) };
    let body = header.content.end..size;
    let webm = match find(&mut headers, header.content, DOC_TYPE)? {
        Some(name) if name.end - name.start >= 4 => {
            headers.read(name.start)?.as_ref() == Some(b"webm")
        }
        Some(_) | None => false,
    };
    if !webm {
        return Ok(Some(Content::Other("video/x-matroska")));
    }
    let content = match find(&mut headers, body, SEGMENT)? {
        Some(segment) => by_tracks(&mut headers, segment)?,
        None => None,
    };
    let unknown = Content::AudioOrVideo { audio: MediaType::WebmAudio, video: MediaType::Webm };
    Ok(Some(content.unwrap_or(unknown)))
}

fn by_tracks(
    headers: &mut Headers<'_, impl Read + Seek>,
    segment: Range<u64>,
) -> io::Result<Option<Content>> {
    let Some(mut tracks) = find(headers, segment, TRACKS)? else { return Ok(None) };
    let mut found = None;
    while let Some(Element { id, content }) = next(headers, &tracks)? {
        tracks.start = content.end;
        if id != TRACK_ENTRY {
            continue;
        }
        let Some(kind) = find(headers, content, TRACK_TYPE)? else { continue };
        // An integer of any number of bytes; the last one holds the value.
        match headers.read(kind.end.saturating_sub(1))? {
            Some([VIDEO]) => return Ok(Some(Content::Media(MediaType::Webm))),
            Some([AUDIO]) => found = Some(Content::Media(MediaType::WebmAudio)),
            Some(_) | None => {}
        }
    }
    Ok(found)
}

/// The content of the first element with that number. The search ends at the first cluster.
fn find(
    headers: &mut Headers<'_, impl Read + Seek>,
    mut within: Range<u64>,
    wanted: u32,
) -> io::Result<Option<Range<u64>>> {
    while let Some(Element { id, content }) = next(headers, &within)? {
        if id == wanted {
            return Ok(Some(content));
        }
        if id == CLUSTER {
            return Ok(None);
        }
        within.start = content.end;
    }
    Ok(None)
}

/// The element at the start of a range, cut where the range ends.
fn next(
    headers: &mut Headers<'_, impl Read + Seek>,
    within: &Range<u64>,
) -> io::Result<Option<Element>> {
    if within.is_empty() {
        return Ok(None);
    }
    let Some((id, id_length)) = number(headers, within.start, Mark::Kept)? else {
        return Ok(None);
    };
    let at = within.start + id_length;
    let Some((length, length_length)) = number(headers, at, Mark::Removed)? else {
        return Ok(None);
    };
    let start = at + length_length;
    // All ones: the length is unknown, so the element extends to the end of the one around it.
    let unknown = (1 << (7 * length_length)) - 1;
    let end = if length == unknown { within.end } else { start.saturating_add(length) };
    let content = start..end.min(within.end);
    let element = u32::try_from(id).ok().map(|id| Element { id, content });
    Ok(element.filter(|element| element.content.start <= element.content.end))
}

/// Whether the bit that marks the length of a number stays in its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Kept,
    Removed,
}

/// A number of variable length, and that length in bytes.
fn number(
    headers: &mut Headers<'_, impl Read + Seek>,
    at: u64,
    mark: Mark,
) -> io::Result<Option<(u64, u64)>> {
    let Some([first]) = headers.read(at)? else { return Ok(None) };
    let zeros = first.leading_zeros();
    if zeros > 7 {
        return Ok(None);
    }
    let mut value = u64::from(match mark {
        Mark::Kept => first,
        Mark::Removed => first & (0x7F >> zeros),
    });
    for more in 1..=u64::from(zeros) {
        let Some([byte]) = headers.read(at + more)? else { return Ok(None) };
        value = value << 8 | u64::from(byte);
    }
    Ok(Some((value, u64::from(zeros) + 1)))
}
