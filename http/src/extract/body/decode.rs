//! Undoing `Content-Encoding`, with a hard limit on what comes out.

use std::io::Read;

use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;

use super::BodyLimits;
use crate::error::ApiError;

/// Whether gzip is recognised by its first two bytes as well as by the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GzipSniffing {
    /// Only the header `Content-Encoding` counts.
    HeaderOnly,
    /// The bytes decide, whatever the headers say: some clients compress without saying so, and
    /// proxies decompress without taking the header away.
    HeaderOrMagic,
}

/// The compression of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// The largest zstd window, 8 MiB, which RFC 9659 has every decoder support. With a larger one,
/// clients could make us allocate memory at will.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

const BROTLI_BUFFER_BYTES: usize = 8 << 10;

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut found = Self::Identity;
        let values = headers.get_all(header::CONTENT_ENCODING);
        for coding in values.flat_map(|value| value.to_str().unwrap_or("?").split(',')) {
            let coding = match coding.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                "br" => Self::Brotli,
                "zstd" => Self::Zstd,
                _ => return Err(unsupported("This Content-Encoding is not known here")),
            };
            if found != Self::Identity {
                return Err(unsupported("A body may be compressed once only"));
            }
            found = coding;
        }
        Ok(found)
    }

    pub(super) fn decode(self, raw: Bytes, limits: BodyLimits) -> Result<Bytes, ApiError> {
        let by_magic = raw.starts_with(GZIP_MAGIC);
        let encoding = match (limits.gzip, self) {
            (GzipSniffing::HeaderOrMagic, Self::Identity | Self::Gzip) if by_magic => Self::Gzip,
            (GzipSniffing::HeaderOrMagic, Self::Gzip) => Self::Identity,
            (GzipSniffing::HeaderOrMagic | GzipSniffing::HeaderOnly, said) => said,
        };
        let limit = limits.decoded_bytes;
        match encoding {
            Self::Identity if raw.len() > limit => Err(ApiError::payload_too_large(limit)),
            Self::Identity => Ok(raw),
            Self::Gzip => read_within(flate2::bufread::MultiGzDecoder::new(&*raw), &raw, limit),
            Self::Deflate if is_zlib(&raw) => {
                read_within(flate2::bufread::ZlibDecoder::new(&*raw), &raw, limit)
            }
            Self::Deflate => read_within(flate2::bufread::DeflateDecoder::new(&*raw), &raw, limit),
            Self::Brotli => {
                let decoder = brotli_decompressor::Decompressor::new(&*raw, BROTLI_BUFFER_BYTES);
                read_within(decoder, &raw, limit)
            }
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(&*raw)
                    .map_err(|_| not_as_it_says())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| not_as_it_says())?;
                read_within(decoder, &raw, limit)
            }
        }
    }
}

/// `deflate` means zlib, but some clients send the bare stream.
fn is_zlib(raw: &[u8]) -> bool {
    match raw {
        [cmf, flg, ..] => cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]).is_multiple_of(31),
        [] | [_] => false,
    }
}

fn read_within(decoder: impl Read, raw: &[u8], limit: usize) -> Result<Bytes, ApiError> {
    let mut out = Vec::with_capacity(raw.len().saturating_mul(4).min(limit));
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(one_more).read_to_end(&mut out).map_err(|_| not_as_it_says())?;
    if out.len() > limit {
        return Err(ApiError::payload_too_large(limit));
    }
    Ok(Bytes::from(out))
}

fn not_as_it_says() -> ApiError {
    ApiError::invalid_request("The body is not compressed as its Content-Encoding says")
}

fn unsupported(message: &'static str) -> ApiError {
    ApiError::unsupported_media_type(format!("{message}: send gzip, br, zstd, deflate or none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A compressed body that never ends.
    struct Endless {
        given: usize,
    }

    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            assert!(self.given < 1 << 20, "it is still being read");
            out.fill(0);
            self.given += out.len();
            Ok(out.len())
        }
    }

    #[test]
    fn no_more_is_inflated_than_it_takes_to_see_that_it_is_too_much() {
        let mut bomb = Endless { given: 0 };
        let refused = read_within(&mut bomb, &[0; 10], 1_000);
        assert_eq!(refused.map_err(|e| e.code()), Err(crate::error::ErrorCode::PayloadTooLarge));
        assert!(bomb.given <= 2_000, "{} bytes", bomb.given);
    }
}
