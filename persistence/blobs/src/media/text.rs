//! Checks whether content is text while it comes in, and whether it is JSON once it is complete.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings};

use super::{Content, Syntax, Texture};

/// The API's limit for text, in bytes; larger content is not parsed as JSON.
const MAX_JSON_BYTES: u64 = 10_000_000;

/// Checks whether bytes are UTF-8 without control characters, however they are cut into pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TextCheck {
    /// The beginning of a character that the next piece continues.
    begun: [u8; 4],
    begun_bytes: usize,
    broken: bool,
}

impl TextCheck {
    pub(crate) fn add(&mut self, mut piece: &[u8]) {
        while self.begun_bytes > 0 && !self.broken {
            let Some((first, rest)) = piece.split_first() else { return };
            self.begun[self.begun_bytes] = *first;
            piece = rest;
            let begun = self.begun;
            let length = self.begun_bytes + 1;
            self.begun_bytes = 0;
            self.whole(&begun[..length]);
        }
        if !self.broken {
            self.whole(piece);
        }
    }

    pub(crate) fn finish(self) -> Texture {
        if self.broken || self.begun_bytes > 0 { Texture::Binary } else { Texture::Text }
    }

    /// Checks bytes that begin with a whole character, and keeps the incomplete one at their end.
    fn whole(&mut self, bytes: &[u8]) {
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                if error.error_len().is_some() {
                    self.broken = true;
                    return;
                }
                self.begun[..rest.len()].copy_from_slice(rest);
                self.begun_bytes = rest.len();
                str::from_utf8(valid).unwrap_or_default()
            }
        };
        self.broken |= text.chars().any(is_control);
    }
}

/// Whether a character is a control character that texts don't have. U+0085 ends a line on some
/// machines.
fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\x0C' | '\u{85}')
}

/// Finds the type of a text from its beginning and its syntax. Markup and scripts count as text:
/// only a browser that is told so runs them, and the service says `text/plain` and `nosniff`.
pub(super) fn detect(head: &[u8], file: &mut (impl Read + Seek), size: u64) -> io::Result<Content> {
    let document = infer::get(head).map(|kind| kind.mime_type()).filter(|mime| {
        matches!(*mime, "application/pdf" | "application/rtf" | "application/postscript")
    });
    if let Some(mime) = document {
        return Ok(Content::Other(mime));
    }
    let json = size <= MAX_JSON_BYTES && is_json(file)?;
    Ok(Content::Text { syntax: if json { Syntax::Json } else { Syntax::Plain } })
}

/// Whether the file is one JSON value. Its parts are skipped as they come, so that memory does not
/// grow with the file; its depth is limited by the reader (128).
fn is_json(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let settings = ReaderSettings { track_path: false, ..ReaderSettings::default() };
    let mut reader = JsonStreamReader::new_custom(BufReader::new(file), settings);
    let read = reader.skip_value().and_then(|()| reader.consume_trailing_whitespace());
    match read {
        Ok(()) => Ok(true),
        Err(ReaderError::IoError { error, .. }) if error.kind() != ErrorKind::InvalidData => {
            Err(error)
        }
        Err(_) => Ok(false),
    }
}
