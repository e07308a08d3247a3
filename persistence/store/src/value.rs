//! Values in sled: the number of their format (2 bytes, most significant first), then their bytes.

use crate::codec::{self, FORMAT, Stored};
use crate::error::StoreError;

/// Reads a value of sled.
pub(crate) fn read_value<T: Stored>(bytes: &[u8]) -> Result<T, StoreError> {
    let (format, value) =
        bytes.split_first_chunk::<2>().ok_or(StoreError::Damaged { what: "value" })?;
    Ok(codec::decode(u16::from_be_bytes(*format), value)?)
}

/// Makes the bytes that [`read_value`] reads.
pub(crate) fn write_value<T: Stored>(value: &T) -> Vec<u8> {
    codec::encode_into(value, FORMAT.to_be_bytes().to_vec())
}
