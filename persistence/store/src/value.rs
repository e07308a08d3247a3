//! Values in sled: the number of their format (2 bytes, most significant first), then their bytes.

use crate::codec::{self, FORMAT, Stored};
use crate::error::StoreError;

/// Reads a value of sled.
pub(crate) fn read_value<T: Stored>(bytes: &[u8]) -> Result<T, StoreError> {
    let (format, value) =
        bytes.split_first_chunk::<2>().ok_or(StoreError::Damaged { what: "value" })?;
    Ok(codec::decode(u16::from_be_bytes(*format), value)?)
}

/// The capacity to begin with, in bytes: counters and lines of earnings take no more.
const USUAL_BYTES: usize = 24;

/// Makes the bytes that [`read_value`] reads.
pub(crate) fn write_value<T: Stored>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend(FORMAT.to_be_bytes());
    codec::encode_into(value, bytes)
}
