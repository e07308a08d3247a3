//! The stored form of values; the only user of bincode.
//!
//! The fields of a stored type and the tags of a stored enum stand in one place each, in
//! `codec/*.rs`. Their order and the tags are the format: they are never reused or reordered. What
//! is new goes to the end with a new [`FORMAT`], and `get` learns to read the old one. Golden bytes
//! in the tests hold the format still.

mod leaf;
mod market;
mod project;
pub(crate) mod raw_event;
mod shared;
mod system;
mod user;

#[cfg(test)]
mod tests;

use bincode::config::{self, Configuration};
use bincode::de::read::SliceReader;
use bincode::de::{Decode, DecoderImpl};
use bincode::enc::write::Writer;
use bincode::enc::{Encode, EncoderImpl};
use bincode::error::{DecodeError as BincodeDecodeError, EncodeError};
use priv_domain::machine::Machine;
use priv_domain::reply::AnyReply;

/// The format that is written. This release reads it and all formats before it.
///
/// Format 2 added the marketplace to a user's state, and listings; format 3 that the uses of a
/// contribution change; format 4 that refusals are remembered, and nothing that has ended.
pub const FORMAT: u16 = 4;

/// A value with a stored form: in the journal, in snapshots and in views.
pub trait Stored: Sized {
    /// Appends the value's bytes.
    fn put(&self, out: &mut Output);

    /// Reads what `put` wrote.
    ///
    /// # Errors
    /// The bytes are not of this type.
    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError>;
}

/// The reason why bytes are not a value.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The format is of a later release.
    #[error(
        "format {0} is newer than this release reads ({FORMAT}); use the release that wrote it"
    )]
    NewerFormat(u16),
    /// The tag is none of the enum's.
    #[error("{what} has no variant {tag}")]
    UnknownTag {
        /// The name of the enum.
        what: &'static str,
        /// The tag that was read.
        tag: u32,
    },
    /// The value ends before the bytes do.
    #[error("{0} bytes are left over")]
    LeftOver(usize),
    /// The bytes are too few, or not text where text should be.
    #[error("{0}")]
    Malformed(String),
}

impl From<BincodeDecodeError> for DecodeError {
    fn from(error: BincodeDecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The capacity to begin with, in bytes: most values take no more.
const USUAL_BYTES: usize = 256;

/// Encodes a value, in [`FORMAT`].
pub fn encode<T: Stored>(value: &T) -> Vec<u8> {
    encode_into(value, Vec::with_capacity(USUAL_BYTES))
}

/// Encodes a value in [`FORMAT`], and appends it to `bytes`.
pub fn encode_into<T: Stored>(value: &T, bytes: Vec<u8>) -> Vec<u8> {
    let mut out = Output { encoder: EncoderImpl::new(Bytes(bytes), config::standard()) };
    value.put(&mut out);
    out.encoder.into_writer().0
}

/// Decodes a value, which must take all of `bytes`.
///
/// # Errors
/// The bytes are not of this type, or the format is of a later release.
pub fn decode<T: Stored>(format: u16, bytes: &[u8]) -> Result<T, DecodeError> {
    decode_by(format, bytes, T::get)
}

fn decode_by<T>(
    format: u16,
    bytes: &[u8],
    get: impl FnOnce(&mut Input<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    if format > FORMAT {
        return Err(DecodeError::NewerFormat(format));
    }
    let reader = Counted { reader: SliceReader::new(bytes), left: bytes.len() };
    let mut input = Input { decoder: DecoderImpl::new(reader, config::standard(), ()), format };
    let value = get(&mut input)?;
    match bincode::de::Decoder::reader(&mut input.decoder).left {
        0 => Ok(value),
        left => Err(DecodeError::LeftOver(left)),
    }
}

/// The writer of a value's bytes.
pub struct Output {
    encoder: EncoderImpl<Bytes, Configuration>,
}

impl Output {
    fn leaf<T: Encode + ?Sized>(&mut self, value: &T) {
        value.encode(&mut self.encoder).expect("writing to memory and plain values cannot fail");
    }
}

/// The reader of a value's bytes.
pub struct Input<'a> {
    decoder: DecoderImpl<Counted<'a>, Configuration, ()>,
    /// The format in which they were written.
    format: u16,
}

impl Input<'_> {
    fn leaf<T: Decode<()>>(&mut self) -> Result<T, DecodeError> {
        Ok(T::decode(&mut self.decoder)?)
    }

    /// Reads the number of items that follow. It is at most the number of bytes left, so a forged
    /// count allocates nothing.
    fn count(&mut self) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.leaf::<u64>()?).unwrap_or(usize::MAX);
        let left = bincode::de::Decoder::reader(&mut self.decoder).left;
        if count > left {
            return Err(DecodeError::Malformed(format!("{count} items in {left} bytes")));
        }
        Ok(count)
    }

    /// Reads a text, with the number of its bytes in front, and makes `T` of it.
    fn text<T: for<'t> From<&'t str>>(&mut self) -> Result<T, DecodeError> {
        let count = self.count()?;
        let reader = bincode::de::Decoder::reader(&mut self.decoder);
        let bytes = bincode::de::read::Reader::peek_read(reader, count);
        let text = std::str::from_utf8(bytes.expect("`count` checks that they are there"))
            .map_err(|error| DecodeError::Malformed(error.to_string()))?;
        let value = T::from(text);
        bincode::de::read::Reader::consume(reader, count);
        Ok(value)
    }

    /// Skips a text, or anything else with the number of its bytes in front.
    fn skip_text(&mut self) -> Result<(), DecodeError> {
        let bytes = self.count()?;
        let reader = bincode::de::Decoder::reader(&mut self.decoder);
        bincode::de::read::Reader::consume(reader, bytes);
        Ok(())
    }

    /// Skips a text that may be absent.
    fn skip_optional_text(&mut self) -> Result<(), DecodeError> {
        match bool::get(self)? {
            true => self.skip_text(),
            false => Ok(()),
        }
    }
}

struct Bytes(Vec<u8>);

impl Writer for Bytes {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A reader that knows how many bytes are left.
struct Counted<'a> {
    reader: SliceReader<'a>,
    left: usize,
}

impl bincode::de::read::Reader for Counted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), BincodeDecodeError> {
        self.reader.read(bytes)?;
        self.left = self.left.saturating_sub(bytes.len());
        Ok(())
    }

    fn peek_read(&mut self, n: usize) -> Option<&[u8]> {
        self.reader.peek_read(n)
    }

    fn consume(&mut self, n: usize) {
        self.reader.consume(n);
        self.left = self.left.saturating_sub(n);
    }
}

/// Stores a struct as its fields, in this order.
macro_rules! stored_struct {
    ($ty:ty { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Stored for $ty {
            fn put(&self, out: &mut $crate::codec::Output) {
                let Self { $($field),* } = self;
                $($crate::codec::Stored::put($field, out);)*
            }

            fn get(
                input: &mut $crate::codec::Input<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                $(let $field = $crate::codec::Stored::get(input)?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}

/// Stores an enum as the tag of its variant, then the variant's fields in this order.
macro_rules! stored_enum {
    ($ty:ty, $name:literal {
        $($tag:literal => $variant:ident $({ $($field:ident),* $(,)? })? $(( $($item:ident),* ))?),* $(,)?
    }) => {
        impl $crate::codec::Stored for $ty {
            fn put(&self, out: &mut $crate::codec::Output) {
                match self {
                    $(Self::$variant $({ $($field),* })? $(( $($item),* ))? => {
                        let tag: u32 = $tag;
                        $crate::codec::Stored::put(&tag, out);
                        $($($crate::codec::Stored::put($field, out);)*)?
                        $($($crate::codec::Stored::put($item, out);)*)?
                    })*
                }
            }

            fn get(
                input: &mut $crate::codec::Input<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let tag: u32 = $crate::codec::Stored::get(input)?;
                match tag {
                    $($tag => {
                        $($(let $field = $crate::codec::Stored::get(input)?;)*)?
                        $($(let $item = $crate::codec::Stored::get(input)?;)*)?
                        Ok(Self::$variant $({ $($field),* })? $(( $($item),* ))?)
                    })*
                    tag => Err($crate::codec::DecodeError::UnknownTag { what: $name, tag }),
                }
            }
        }
    };
}

/// Stores a newtype as the value in it.
macro_rules! stored_newtype {
    ($($ty:ty: $inner:ty, $read:path, $make:path;)*) => {
        $(impl $crate::codec::Stored for $ty {
            fn put(&self, out: &mut $crate::codec::Output) {
                let inner: $inner = $read(*self);
                $crate::codec::Stored::put(&inner, out);
            }

            fn get(
                input: &mut $crate::codec::Input<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                <$inner as $crate::codec::Stored>::get(input).map($make)
            }
        })*
    };
}

/// A machine with a stored form: state, events and replies.
pub trait Persistent: Machine<Event: Stored> + Stored {
    /// Appends a reply: its tag, then what it says.
    fn put_reply(reply: &AnyReply<Self>, out: &mut Output);

    /// Reads what `put_reply` wrote.
    ///
    /// # Errors
    /// The bytes are not a reply of this machine.
    fn get_reply(input: &mut Input<'_>) -> Result<AnyReply<Self>, DecodeError>;
}

/// A reply that has a tag among those of `M`, so that it can be remembered.
pub trait ReplyOf<M>: Stored {}

/// The one list of a machine's replies: their tags. A command whose reply is not in it can't be
/// asked (its reply is no [`ReplyOf`] its machine). Tags are never reused.
macro_rules! stored_replies {
    ($machine:ty, $name:literal { $($tag:literal => $reply:ty),* $(,)? }) => {
        $(impl $crate::codec::ReplyOf<$machine> for $reply {})*

        impl $crate::codec::Persistent for $machine {
            fn put_reply(
                reply: &priv_domain::reply::AnyReply<Self>,
                out: &mut $crate::codec::Output,
            ) {
                $(if let Some(reply) = reply.get::<$reply>() {
                    let tag: u32 = $tag;
                    $crate::codec::Stored::put(&tag, out);
                    return $crate::codec::Stored::put(reply, out);
                })*
                unreachable!("only replies that have a tag are asked for: {reply:?}")
            }

            fn get_reply(
                input: &mut $crate::codec::Input<'_>,
            ) -> Result<priv_domain::reply::AnyReply<Self>, $crate::codec::DecodeError> {
                let tag: u32 = $crate::codec::Stored::get(input)?;
                match tag {
                    $($tag => {
                        let reply: $reply = $crate::codec::Stored::get(input)?;
                        Ok(priv_domain::reply::AnyReply::new(reply))
                    })*
                    tag => Err($crate::codec::DecodeError::UnknownTag { what: $name, tag }),
                }
            }
        }
    };
}

pub(crate) use stored_struct;
use {stored_enum, stored_newtype, stored_replies};
