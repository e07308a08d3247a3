//! What content is, by its own bytes.
//!
//! What a client declares decides only where the bytes allow two answers: a container of sound or
//! pictures that does not say which, and text that is also JSON. Nothing is unpacked or decoded
//! here, and no more is read than a bounded number of headers.

mod boxes;
mod ebml;
mod headers;
mod mp3;
mod ogg;
mod text;

use std::io::{self, Read, Seek, SeekFrom};

pub(super) use text::TextCheck;

/// How much of the beginning is looked at for a magic number.
const HEAD_BYTES: u64 = 8 << 10;

/// A type that a contribution may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/webp`
    Webp,
    /// `image/heic`
    Heic,
    /// `image/heif`
    Heif,
    /// `video/mp4`
    Mp4,
    /// `video/webm`
    Webm,
    /// `video/quicktime`
    QuickTime,
    /// `video/x-msvideo`
    Avi,
    /// `audio/mpeg`
    Mp3,
    /// `audio/wav`
    Wav,
    /// `audio/webm`
    WebmAudio,
    /// `audio/ogg`
    Ogg,
    /// `audio/mp4`
    Mp4Audio,
    /// `text/plain`, in UTF-8
    Text,
    /// `application/json`
    Json,
}

/// What some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// This, whatever is declared.
    Media(MediaType),
    /// A container that does not say whether there is a picture to its sound.
    AudioOrVideo {
        /// What it is if it is said to be sound.
        audio: MediaType,
        /// What it is otherwise.
        video: MediaType,
    },
    /// UTF-8 without control characters.
    Text {
        /// What else it is.
        syntax: Syntax,
    },
    /// Nothing that a contribution may be; its MIME type as well as it can be told.
    Other(&'static str),
}

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// It is one JSON value, of bounded depth.
    Json,
    /// It is not.
    Plain,
}

impl MediaType {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Heic,
        Self::Heif,
        Self::Mp4,
        Self::Webm,
        Self::QuickTime,
        Self::Avi,
        Self::Mp3,
        Self::Wav,
        Self::WebmAudio,
        Self::Ogg,
        Self::Mp4Audio,
        Self::Text,
        Self::Json,
    ];

    /// The MIME type, as the contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
            Self::Heif => "image/heif",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::QuickTime => "video/quicktime",
            Self::Avi => "video/x-msvideo",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::WebmAudio => "audio/webm",
            Self::Ogg => "audio/ogg",
            Self::Mp4Audio => "audio/mp4",
            Self::Text => "text/plain",
            Self::Json => "application/json",
        }
    }

    /// The type that [`MediaType::as_str`] writes so.
    #[must_use]
    pub fn parse(mime: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media| media.as_str() == mime)
    }
}

impl Content {
    /// What it is, where `declared` is the MIME type that the client says, or no more than
    /// `audio/` or `video/`. The declared type is heard only where the content allows it.
    ///
    /// # Errors
    /// The MIME type of what it really is, if no contribution may be that.
    pub fn resolve(&self, declared: &str) -> Result<MediaType, &'static str> {
        let declares = |start: &str| {
            declared.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start))
        };
        match *self {
            Self::Media(media) => Ok(media),
            Self::AudioOrVideo { audio, .. } if declares("audio/") => Ok(audio),
            Self::AudioOrVideo { video, .. } => Ok(video),
            Self::Text { syntax: Syntax::Json } if declares(MediaType::Json.as_str()) => {
                Ok(MediaType::Json)
            }
            Self::Text { syntax: Syntax::Json | Syntax::Plain } => Ok(MediaType::Text),
            Self::Other(mime) => Err(mime),
        }
    }
}

/// Whether all of some bytes are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texture {
    Text,
    Binary,
}

/// Looks at a file of this size, whose bytes are text throughout or not.
pub(super) fn detect(
    file: &mut (impl Read + Seek),
    size: u64,
    texture: Texture,
) -> io::Result<Content> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(Content::Other("application/x-empty"));
    }
    match texture {
        // Before any magic number: "BM", "MZ" and "ID3" begin sentences too, and no picture,
        // sound or archive is free of control characters.
        Texture::Text => text::detect(&head, file, size),
        Texture::Binary => binary(&head, file, size),
    }
}

fn binary(head: &[u8], file: &mut (impl Read + Seek), size: u64) -> io::Result<Content> {
    let riff = head.starts_with(b"RIFF").then(|| head.get(8..12)).flatten();
    Ok(if head.starts_with(b"\xFF\xD8\xFF") {
        Content::Media(MediaType::Jpeg)
    } else if head.starts_with(b"\x89PNG\r\n\x1A\n") {
        Content::Media(MediaType::Png)
    } else if riff == Some(b"WEBP") {
        Content::Media(MediaType::Webp)
    } else if riff == Some(b"WAVE") {
        Content::Media(MediaType::Wav)
    } else if riff == Some(b"AVI ") {
        Content::Media(MediaType::Avi)
    } else if let Some(content) = boxes::detect(head, file, size)? {
        content
    } else if let Some(content) = ebml::detect(head, file, size)? {
        content
    } else if let Some(content) = ogg::detect(head) {
        content
    } else if let Some(content) = mp3::detect(file, size)? {
        content
    } else {
        Content::Other(other(head))
    })
}

/// What else it is, for whoever is told why it is refused.
fn other(head: &[u8]) -> &'static str {
    const UNKNOWN: &str = "application/octet-stream";
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return "text/plain; charset=utf-16";
    }
    if head.starts_with(b"#!AMR") {
        return "audio/amr";
    }
    match infer::get(head) {
        // Two bytes were enough for it, and were not for us: a name that we would accept, for what
        // we don't, explains nothing. Nor is it text, which was looked for first.
        Some(kind) if MediaType::parse(kind.mime_type()).is_some() => UNKNOWN,
        Some(kind) if kind.mime_type().starts_with("text/") => UNKNOWN,
        Some(kind) => kind.mime_type(),
        None => UNKNOWN,
    }
}
