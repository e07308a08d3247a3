//! Amounts of PRIV in JSON: exact numbers, never floats.

use std::borrow::Cow;

use priv_domain::Micros;
use priv_domain::money::{MICROS_PER_PRIV, NotAnAmount};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::issues::{At, Issues};
use super::member::Member;
use super::param::Param;
use super::schema::Schemas;

/// An amount of PRIV: a number with at most 6 decimals, exact.
///
/// It is read from the digits as they were sent, and written digit by digit. Works in JSON only,
/// and not below `#[serde(flatten)]` or in untagged enums, which turn numbers into floats first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(
    value_type = f64,
    description = "An amount of PRIV: a number with at most 6 decimals, exact.",
    minimum = 0,
    maximum = 18_446_744_073_709f64,
    multiple_of = 0.000_001f64,
    examples(json!(1.25))
)]
pub struct Amount(pub Micros);

/// An amount of PRIV that is not 0, with at most 6 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = f64,
    minimum = 0.000_001f64,
    maximum = 18_446_744_073_709f64,
    multiple_of = 0.000_001f64,
    examples(json!(1.25))
)]
pub(crate) struct PositiveAmount(pub(crate) Micros);

/// A price of a listing, in PRIV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = f64,
    minimum = 0.01f64,
    maximum = 18_446_744_073_709f64,
    multiple_of = 0.000_001f64,
    examples(json!(1.25))
)]
pub(crate) struct Price(pub(crate) Micros);

/// An amount of PRIV that can be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = f64, multiple_of = 0.000_001f64, examples(json!(-1.25)))]
pub(crate) struct SignedAmount(pub(crate) i128);

impl From<Micros> for Amount {
    fn from(amount: Micros) -> Self {
        Self(amount)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = <&RawValue>::deserialize(deserializer)?;
        digits.get().parse().map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.get();
        // A float of at most 15 digits is written as the digits that it was made of, and without an
        // exponent if it is not below 0.0001: that takes a fifth of what other amounts do.
        if micros.is_multiple_of(MICROS_PER_PRIV) {
            return serializer.serialize_u64(micros / MICROS_PER_PRIV);
        }
        if (100..10u64.pow(15)).contains(&micros) {
            return serializer.serialize_f64(micros as f64 / MICROS_PER_PRIV as f64);
        }
        write_digits(self.0.to_string(), serializer)
    }
}

impl Serialize for SignedAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let size = Micros::new(u64::try_from(self.0.unsigned_abs()).unwrap_or(u64::MAX));
        let sign = if self.0 < 0 { "-" } else { "" };
        write_digits(format!("{sign}{size}"), serializer)
    }
}

fn write_digits<S: Serializer>(digits: String, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(digits).map_err(S::Error::custom)?.serialize(serializer)
}

impl Member for Amount {
    type Sent = Self;

    fn check(sent: Self, _: &At<'_>, _: &mut Issues) -> Option<Self> {
        Some(sent)
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.reference::<Self>()
    }
}

impl Param for Amount {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        text.parse().map(Self).map_err(|issue: NotAnAmount| issue.to_string().into())
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.reference::<Self>()
    }
}

/// Declares amounts with a lower bound.
macro_rules! at_least {
    ($($name:ident, $least:expr, $issue:literal;)*) => {$(
        impl Member for $name {
            type Sent = Amount;

            fn check(Amount(sent): Amount, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
                if sent < $least {
                    issues.note(at, $issue);
                    return None;
                }
                Some(Self(sent))
            }

            fn schema(schemas: &mut Schemas) -> Value {
                schemas.reference::<Self>()
            }
        }
    )*};
}

at_least! {
    PositiveAmount, Micros::new(1), "must be more than 0";
    Price, Micros::new(10_000), "must be at least 0.01";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn is_written_as_its_digits(micros: u64) {
        let amount = Micros::new(micros);
        let written = serde_json::to_string(&Amount(amount)).expect("JSON");
        assert_eq!(written, amount.to_string());
        assert_eq!(serde_json::from_str::<Amount>(&written).expect("is read"), Amount(amount));
    }

    #[test]
    fn amounts_are_written_as_their_digits_at_every_edge() {
        let powers = (0..=19).map(|power| 10u64.pow(power));
        for edge in powers.chain([0, 123_456, 999_999_999_999_999, 1 << 53, u64::MAX]) {
            for micros in [edge.saturating_sub(1), edge, edge.saturating_add(1)] {
                is_written_as_its_digits(micros);
            }
        }
    }

    proptest! {
        #[test]
        fn amounts_are_written_as_their_digits(micros: u64, fewer in 0u32..60) {
            is_written_as_its_digits(micros >> fewer);
        }
    }
}
