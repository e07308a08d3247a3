//! Finds the type of content from its own bytes.
//!
//! The type that a client declares decides only if the bytes allow two answers: a container that
//! does not say whether it has pictures or only sound, and text that is also JSON. Nothing is
//! unpacked or decoded here, and no more is read than a bounded number of headers.

mod boxes;
mod ebml;
mod headers;
mod mp3;
mod ogg;
mod text;

use std::io::{self, Read, Seek, SeekFrom};

pub(crate) use text::TextCheck;

/// Bytes at the beginning that are searched for a magic number.
const HEAD_BYTES: u64 = 8 << 10;

/// A media type that a contribution may have.
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

/// The type of some content, as far as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A media type that is certain, whatever is declared.
    Media(MediaType),
    /// A container that does not say whether there are pictures to its sound.
    AudioOrVideo {
        /// The type if the client declares sound.
        audio: MediaType,
        /// The type if the client declares anything else.
        video: MediaType,
    },
    /// UTF-8 without control characters.
    Text {
        /// Whether the text is also JSON.
        syntax: Syntax,
    },
    /// A type that no contribution may have, with its MIME type as far as it can be told.
    Other(&'static str),
}

/// The syntax of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The text is one JSON value, of bounded depth.
    Json,
    /// The text is not JSON.
    Plain,
}

impl MediaType {
    /// Every media type, in the order of the variants.
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

    /// The MIME type, as the API writes it.
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

    /// The media type with this MIME type, written as [`MediaType::as_str`] writes it.
    #[must_use]
    pub fn parse(mime: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media| media.as_str() == mime)
    }
}

impl Content {
    /// Decides the media type. `declared` is the MIME type that the client gives, or just `audio/`
    /// or `video/`; it counts only if the content allows it.
    ///
    /// # Errors
    /// The MIME type of the content, if no contribution may have it.
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

/// Whether content is text throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texture {
    Text,
    Binary,
}

/// Finds the type of a file of `size` bytes, given whether it is text throughout.
pub(crate) fn detect(
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
        // Checked before any magic number: "BM", "MZ" and "ID3" begin sentences too, and no
        // picture, sound or archive is free of control characters.
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

/// The MIME type of content that no contribution may have, for the message of the refusal.
fn other(head: &[u8]) -> &'static str {
    const UNKNOWN: &str = "application/octet-stream";
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return "text/plain; charset=utf-16";
    }
    if head.starts_with(b"#!AMR") {
        return "audio/amr";
    }
    match infer::get(head) {
        // `infer` looks at fewer bytes than we do. To refuse content under the name of a type that
        // we accept would explain nothing; and it is no text, which was checked first.
        Some(kind) if MediaType::parse(kind.mime_type()).is_some() => UNKNOWN,
        Some(kind) if kind.mime_type().starts_with("text/") => UNKNOWN,
        Some(kind) => kind.mime_type(),
        None => UNKNOWN,
    }
}
