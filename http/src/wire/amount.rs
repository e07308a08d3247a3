//! Amounts of PRIV in JSON: exact numbers, with no float on the way.

use priv_domain::Micros;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// An amount of PRIV: a number with at most 6 decimals, exact.
///
/// It is taken from the digits as they were sent and written digit by digit. Works in JSON only,
/// and not below `#[serde(flatten)]` or in untagged enums, which turn numbers into floats first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(
    as = Amount,
    value_type = f64,
    description = "An amount of PRIV: a number with at most 6 decimals, exact.",
    minimum = 0,
    maximum = 18_446_744_073_709f64,
    multiple_of = 0.000_001f64,
    examples(json!(1.25))
)]
pub struct Priv(pub Micros);

impl From<Micros> for Priv {
    fn from(amount: Micros) -> Self {
        Self(amount)
    }
}

impl<'de> Deserialize<'de> for Priv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = <&RawValue>::deserialize(deserializer)?;
        digits.get().parse().map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Priv {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?;
        digits.serialize(serializer)
    }
}
