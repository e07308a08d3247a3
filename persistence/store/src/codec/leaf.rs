//! The stored forms of plain values and containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DecodeError, Input, Output, Stored};

macro_rules! leaves {
    ($($ty:ty),*) => {
        $(impl Stored for $ty {
            fn put(&self, out: &mut Output) {
                out.leaf(self);
            }

            fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
                input.leaf()
            }
        })*
    };
}

leaves!(bool, u8, u16, u32, u64, i64, i128, [u8; 16], [u8; 20], [u8; 32]);

/// 16 bytes, most significant first, so that ids sort by their bytes.
impl Stored for u128 {
    fn put(&self, out: &mut Output) {
        self.to_be_bytes().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        <[u8; 16]>::get(input).map(Self::from_be_bytes)
    }
}

fn put_text(text: &str, out: &mut Output) {
    out.leaf(text);
}

impl Stored for String {
    fn put(&self, out: &mut Output) {
        put_text(self, out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.text()
    }
}

impl Stored for Box<str> {
    fn put(&self, out: &mut Output) {
        put_text(self, out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.text()
    }
}

impl Stored for Arc<str> {
    fn put(&self, out: &mut Output) {
        put_text(self, out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.text()
    }
}

impl<T: Stored> Stored for Arc<[T]> {
    fn put(&self, out: &mut Output) {
        put_list(self.len(), self.iter(), out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Vec::get(input).map(Into::into)
    }
}

/// In the order of the keys, so that equal maps have equal bytes.
impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn put(&self, out: &mut Output) {
        out.leaf(&(self.len() as u64));
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        get_list(input)
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn put(&self, out: &mut Output) {
        put_list(self.len(), self.iter(), out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        get_list(input)
    }
}

/// Appends the number of items, then the items.
pub(super) fn put_list<'a, T: Stored + 'a>(
    count: usize,
    items: impl Iterator<Item = &'a T>,
    out: &mut Output,
) {
    out.leaf(&(count as u64));
    items.for_each(|item| item.put(out));
}

/// Reads what [`put_list`] wrote, into any container.
pub(super) fn get_list<T: Stored, L: FromIterator<T>>(
    input: &mut Input<'_>,
) -> Result<L, DecodeError> {
    (0..input.count()?).map(|_| T::get(input)).collect()
}

impl<T: Stored> Stored for Option<T> {
    fn put(&self, out: &mut Output) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(match bool::get(input)? {
            true => Some(T::get(input)?),
            false => None,
        })
    }
}

impl<T: Stored> Stored for Arc<T> {
    fn put(&self, out: &mut Output) {
        self.as_ref().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        T::get(input).map(Self::new)
    }
}

impl<T: Stored> Stored for Box<T> {
    fn put(&self, out: &mut Output) {
        self.as_ref().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        T::get(input).map(Self::new)
    }
}

macro_rules! tuples {
    ($(($($item:ident: $index:tt),*)),*) => {
        $(impl<$($item: Stored),*> Stored for ($($item,)*) {
            fn put(&self, out: &mut Output) {
                $(self.$index.put(out);)*
            }

            fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
                Ok(($($item::get(input)?,)*))
            }
        })*
    };
}

tuples!((A: 0, B: 1), (A: 0, B: 1, C: 2));
