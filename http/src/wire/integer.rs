//! Whole numbers in JSON.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A whole number, also where it is written as `5.0`: JSON has one kind of numbers, and JSON Schema
/// takes it for an integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
        // Beyond 2^53 a float is not exact any more; nothing here counts as far.
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
