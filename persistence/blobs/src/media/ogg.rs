//! Ogg (RFC 3533), told apart by the codecs that its streams begin with.

use super::{Content, MediaType};

const PAGE_HEAD: usize = 27;
const BEGINS_STREAM: u8 = 0x02;

const VIDEO: [&[u8]; 4] = [b"\x80theora", b"\x01video", b"BBCD\0", b"OVP80"];
const AUDIO: [&[u8]; 5] = [b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x7FFLAC", b"fLaC"];

/// Finds the type by the codecs. All streams begin before any of them continues, so the beginning
/// of the file names all codecs.
pub(super) fn detect(head: &[u8]) -> Option<Content> {
    if !head.starts_with(b"OggS") {
        return None;
    }
    let mut found = Content::Other("application/ogg");
    let mut rest = head;
    while let Some((page, packet, after)) = page(rest) {
        if page.get(5)? & BEGINS_STREAM == 0 {
            break;
        }
        if VIDEO.iter().any(|codec| packet.starts_with(codec)) {
            return Some(Content::Other("video/ogg"));
        }
        if AUDIO.iter().any(|codec| packet.starts_with(codec)) {
            found = Content::Media(MediaType::Ogg);
        }
        rest = after;
    }
    Some(found)
}

/// The head of the first page, its body, and the bytes after it.
fn page(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let head = bytes.get(..PAGE_HEAD).filter(|head| head.starts_with(b"OggS"))?;
    let segments = usize::from(*head.last()?);
    let body = bytes.get(PAGE_HEAD + segments..)?;
    let lengths = bytes.get(PAGE_HEAD..PAGE_HEAD + segments)?;
    let length = lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
    // A page may be longer than the bytes at hand; the name of its codec is not.
    let (packet, after) = body.split_at(length.min(body.len()));
    Some((head, packet, after))
}
