//! MP4, QuickTime and HEIF: files of boxes (ISO/IEC 14496-12), each with its length and a name of
//! four letters.
//!
//! The first box, `ftyp`, names the brand. Whether an MP4 has pictures to its sound is told by the
//! handlers of its tracks, in `moov`, which may be the last box of all.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::headers::Headers;
use super::{Content, MediaType};

/// Compatible brands that are looked at, at most.
const MAX_BRANDS: usize = 64;

type Name = [u8; 4];

/// A box, or atom: its name, and the offsets of its content.
struct Atom {
    name: Name,
    content: Range<u64>,
}

/// The kinds of tracks that a movie has.
#[derive(Clone, Copy, Default)]
struct Tracks {
    any: bool,
    video: bool,
    audio: bool,
}

pub(super) fn detect(
    head: &[u8],
    file: &mut (impl Read + Seek),
    size: u64,
) -> io::Result<Option<Content>> {
    let mut headers = Headers::of(file);
    match head.get(4..8) {
        Some(b"ftyp") => {}
        // QuickTime files older than brands.
        Some(b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot") => {
            let old = tracks(&mut headers, size)?.any;
            return Ok(old.then_some(Content::Media(MediaType::QuickTime)));
        }
        Some(_) | None => return Ok(None),
    }
    let Some(major) = head.get(8..12).and_then(|brand| Name::try_from(brand).ok()) else {
        return Ok(None);
    };
    let others = compatible(head);
    if let Some(content) = still(&major, &others) {
        return Ok(Some(content));
    }
    let movie = match &major {
        b"qt  " => Content::Media(MediaType::QuickTime),
        [b'3', b'g', b'2', _] if !is_also_mp4(&others) => Content::Other("video/3gpp2"),
        [b'3', b'g', _, _] if !is_also_mp4(&others) => Content::Other("video/3gpp"),
        _ => mp4(&major, tracks(&mut headers, size)?),
    };
    Ok(Some(movie))
}

/// The other brands that `ftyp` names.
fn compatible(head: &[u8]) -> Vec<Name> {
    let length = head.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let end = usize::try_from(length).map_or(head.len(), |length| length.min(head.len()));
    let brands = head.get(16..end).unwrap_or_default().chunks_exact(4);
    brands.filter_map(|brand| brand.try_into().ok()).take(MAX_BRANDS).collect()
}

/// The type of picture, if the brands are those of a picture.
fn still(major: &Name, others: &[Name]) -> Option<Content> {
    const HEVC: [&Name; 8] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];
    const AV1: [&Name; 2] = [b"avif", b"avis"];
    let names = |brands: &[&Name]| others.iter().any(|other| brands.contains(&other));
    match major {
        brand if HEVC.contains(&brand) => Some(Content::Media(MediaType::Heic)),
        brand if AV1.contains(&brand) => Some(Content::Other("image/avif")),
        b"crx " => Some(Content::Other("image/x-canon-cr3")),
        b"mif1" | b"mif2" | b"msf1" | b"miaf" if names(&AV1) => Some(Content::Other("image/avif")),
        b"mif1" | b"mif2" | b"msf1" | b"miaf" if names(&HEVC) => {
            Some(Content::Media(MediaType::Heic))
        }
        b"mif1" | b"mif2" | b"msf1" | b"miaf" => Some(Content::Media(MediaType::Heif)),
        _ => None,
    }
}

/// Whether the file is an MP4 as well. Some phones give an MP4 a 3GPP brand as its major one.
fn is_also_mp4(others: &[Name]) -> bool {
    others.iter().any(|other| matches!(other, b"isom" | b"iso2" | b"mp41" | b"mp42"))
}

fn mp4(major: &Name, tracks: Tracks) -> Content {
    match tracks {
        Tracks { video: true, .. } => Content::Media(MediaType::Mp4),
        Tracks { audio: true, .. } => Content::Media(MediaType::Mp4Audio),
        Tracks { .. } if matches!(major, b"M4A " | b"M4B " | b"M4P ") => {
            Content::Media(MediaType::Mp4Audio)
        }
        Tracks { .. } => {
            Content::AudioOrVideo { audio: MediaType::Mp4Audio, video: MediaType::Mp4 }
        }
    }
}

/// Finds the kinds of tracks from the handlers in `moov/trak/mdia/hdlr`.
fn tracks(headers: &mut Headers<'_, impl Read + Seek>, size: u64) -> io::Result<Tracks> {
    let mut found = Tracks::default();
    let Some(movie) = find(headers, 0..size, b"moov")? else { return Ok(found) };
    let mut rest = movie;
    while let Some(Atom { name, content }) = next(headers, &rest)? {
        rest.start = content.end;
        if &name != b"trak" {
            continue;
        }
        found.any = true;
        let Some(media) = find(headers, content, b"mdia")? else { continue };
        let Some(handler) = find(headers, media, b"hdlr")? else { continue };
        // The handler's type follows version, flags and a reserved word.
        match headers.read(handler.start.saturating_add(8))?.as_ref() {
            Some(b"vide") => found.video = true,
            Some(b"soun") => found.audio = true,
            Some(_) | None => {}
        }
    }
    Ok(found)
}

/// The content of the first box of that name.
fn find(
    headers: &mut Headers<'_, impl Read + Seek>,
    mut within: Range<u64>,
    wanted: &Name,
) -> io::Result<Option<Range<u64>>> {
    while let Some(Atom { name, content }) = next(headers, &within)? {
        if &name == wanted {
            return Ok(Some(content));
        }
        within.start = content.end;
    }
    Ok(None)
}

/// The box at the start of a range, cut where the range ends.
fn next(
    headers: &mut Headers<'_, impl Read + Seek>,
    within: &Range<u64>,
) -> io::Result<Option<Atom>> {
    let at = within.start;
    if at.saturating_add(8) > within.end {
        return Ok(None);
    }
    let Some([a, b, c, d, name @ ..]) = headers.read::<8>(at)? else { return Ok(None) };
    let (length, head) = match u32::from_be_bytes([a, b, c, d]) {
        // The box extends to the end of the one that contains it.
        0 => (within.end - at, 8),
        1 => match headers.read(at + 8)? {
            Some(long) => (u64::from_be_bytes(long), 16),
            None => return Ok(None),
        },
        short => (u64::from(short), 8),
    };
    if length < head {
        return Ok(None);
    }
    let content = at + head..at.saturating_add(length).min(within.end);
    Ok((content.start <= content.end).then_some(Atom { name, content }))
}
