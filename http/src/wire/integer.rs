//! Whole numbers with bounds.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde_json::{Value, json};

use super::issues::{At, Issues};
use super::member::Member;
use super::param::Param;
use super::schema::Schemas;

/// A whole number, which may be written as `5.0`: JSON has one kind of number, and JSON Schema
/// accepts it as an integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole<T>(pub(crate) T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor(PhantomData)).map(Self)
    }
}

struct WholeVisitor<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for WholeVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of at most {} bits", size_of::<T>() * 8)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        // Above 2^53 a float is not exact; no number here is that large.
        let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
        match is_whole {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is whole, not negative, and at most 2^53"
            )]
            true => self.visit_u64(number as u64),
            false => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Int<T, const MIN: u64, const MAX: u64>(pub(crate) T);

/// A whole number from 0 to 2^32 - 1.
pub(crate) type Count = Int<u32, 0, { u32::MAX as u64 }>;

/// A whole number from 1 to 2^32 - 1.
pub(crate) type Positive = Int<u32, 1, { u32::MAX as u64 }>;

impl<T: Unsigned, const MIN: u64, const MAX: u64> Int<T, MIN, MAX> {
    fn of(number: T) -> Result<Self, String> {
        match (MIN..=MAX).contains(&number.into()) {
            true => Ok(Self(number)),
            false if MAX == T::LARGEST => Err(format!("must be {MIN} or more")),
            false if MIN == 0 => Err(format!("must be at most {MAX}")),
            false => Err(format!("must be {MIN} to {MAX}")),
        }
    }
}

/// The schema of a whole number from `min` to `max`.
pub(crate) fn schema<T: Unsigned>(min: u64, max: u64) -> Value {
    json!({ "type": "integer", "format": T::FORMAT, "minimum": min, "maximum": max })
}

/// An unsigned integer type.
pub(crate) trait Unsigned: Copy + Into<u64> + TryFrom<u64> + FromStr {
    /// The name of its format in a schema.
    const FORMAT: &'static str;
    /// The largest value of the type.
    const LARGEST: u64;
}

impl Unsigned for u8 {
    const FORMAT: &'static str = "uint8";
    const LARGEST: u64 = Self::MAX as u64;
}

impl Unsigned for u32 {
    const FORMAT: &'static str = "uint32";
    const LARGEST: u64 = Self::MAX as u64;
}

impl<T: Unsigned, const MIN: u64, const MAX: u64> Member for Int<T, MIN, MAX> {
    type Sent = Whole<T>;

    fn check(Whole(sent): Whole<T>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        Self::of(sent).map_err(|issue| issues.note(at, issue)).ok()
    }

    fn schema(_: &mut Schemas) -> Value {
        schema::<T>(MIN, MAX)
    }
}

impl<T: Unsigned, const MIN: u64, const MAX: u64> Param for Int<T, MIN, MAX> {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let number = text.parse().map_err(|_| "must be a whole number")?;
        Self::of(number).map_err(Into::into)
    }

    fn schema(_: &mut Schemas) -> Value {
        schema::<T>(MIN, MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let table = [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("2.55e2", Some(255)),
            ("0.0", Some(0)),
            ("5.5", None),
            ("-1", None),
            ("-1.0", None),
            ("256", None),
            ("256.0", None),
            ("1e300", None),
            ("\"5\"", None),
            ("null", None),
        ];
        for (text, expected) in table {
            let read = serde_json::from_str::<Whole<u8>>(text).ok().map(|Whole(number)| number);
            assert_eq!(read, expected, "{text}");
        }
    }
}
