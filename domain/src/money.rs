//! Amounts of PRIV, as whole micros.

use std::fmt;

/// Micros in one PRIV.
pub const MICROS_PER_PRIV: u64 = 1_000_000;

/// An amount of PRIV in micros (millionths); never negative.
///
/// Arithmetic is checked: a sum that does not fit is `None`, and the caller refuses the command.
/// The whole range is about 18 million million PRIV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(u64);

impl Micros {
    /// No money at all.
    pub const ZERO: Self = Self(0);

    /// Takes a number of micros.
    #[must_use]
    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    /// Makes an amount of whole PRIV; `None` if it does not fit.
    #[must_use]
    pub const fn from_priv(whole: u64) -> Option<Self> {
        match whole.checked_mul(MICROS_PER_PRIV) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The number of micros.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether the amount is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` if it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The difference; `None` if `other` is more.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The sum, held at the top of the range: for sums that are shown, or that are known to fit.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or zero if `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Adds an amount to this account, in `apply`: the decision has made sure that it fits.
    ///
    /// # Panics
    /// It does not fit: the journal and the rules disagree, and nobody may go on from there.
    pub const fn credit(&mut self, amount: Self) {
        self.0 = self.0.checked_add(amount.0).expect("an account holds what was decided");
    }

    /// Takes an amount out of this account, in `apply`: the decision has made sure that it is
    /// there.
    ///
    /// # Panics
    /// It is not there: the journal and the rules disagree, and nobody may go on from there.
    pub const fn debit(&mut self, amount: Self) {
        self.0 = self.0.checked_sub(amount.0).expect("an account has what was decided");
    }

    /// This amount times `percent` / 100, rounded down to a whole micro; `None` if it does not fit.
    #[must_use]
    pub const fn percent_floor(self, percent: u32) -> Option<Self> {
        match self.0.checked_mul(percent as u64) {
            Some(hundredths) => Some(Self(hundredths / 100)),
            None => None,
        }
    }
}

impl fmt::Display for Micros {
    /// Writes PRIV with only the decimals that are needed: `1`, `0.05`, `12.000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / MICROS_PER_PRIV, self.0 % MICROS_PER_PRIV);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{part:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// The reason why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAmount {
    /// The text is not a plain decimal number.
    #[error("must be a number of PRIV")]
    NotANumber,
    /// The number is below zero.
    #[error("must not be negative")]
    Negative,
    /// The number has a fraction of a micro.
    #[error("must have at most 6 decimals")]
    TooFine,
    /// The number does not fit, see [`Micros`].
    #[error("is too large")]
    TooLarge,
}

impl std::str::FromStr for Micros {
    type Err = NotAnAmount;

    /// Reads a JSON number of PRIV exactly, without a float on the way. An exponent is allowed
    /// (`1e-3`), and so are zeros past the sixth decimal.
    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| NotAnAmount::NotANumber)?)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = !whole.is_empty()
            && (!mantissa.contains('.') || !fraction.is_empty())
            && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if !is_number {
            return Err(NotAnAmount::NotANumber);
        }
        let digits: String = [whole, fraction].concat();
        let digits = digits.trim_start_matches('0');
        let trimmed = digits.trim_end_matches('0');
        if trimmed.is_empty() {
            return Ok(Self::ZERO);
        }
        if negative {
            return Err(NotAnAmount::Negative);
        }
        let too_large = |_| NotAnAmount::TooLarge;
        let dropped =
            i64::try_from(digits.len().saturating_sub(trimmed.len())).map_err(too_large)?;
        let decimals = i64::try_from(fraction.len()).map_err(too_large)?;
        // value = trimmed × 10^power micros
        let power =
            i64::from(exponent).saturating_sub(decimals).saturating_add(dropped).saturating_add(6);
        if power < 0 {
            return Err(NotAnAmount::TooFine);
        }
        let power = u32::try_from(power).map_err(too_large)?;
        let scale = 10u64.checked_pow(power).ok_or(NotAnAmount::TooLarge)?;
        let value: u64 = trimmed.parse().map_err(|_| NotAnAmount::TooLarge)?;
        value.checked_mul(scale).map(Self).ok_or(NotAnAmount::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_refused() {
        let table = [
            ("1", Ok(1_000_000)),
            ("0.000001", Ok(1)),
            ("0.1", Ok(100_000)),
            ("1e-3", Ok(1_000)),
            ("1.50E1", Ok(15_000_000)),
            ("0.0010000000000", Ok(1_000)),
            ("18446744073709.551615", Ok(u64::MAX)),
            ("0", Ok(0)),
            ("-0.0", Ok(0)),
            ("0.0000001", Err(NotAnAmount::TooFine)),
            ("1e-7", Err(NotAnAmount::TooFine)),
            ("-1", Err(NotAnAmount::Negative)),
            ("18446744073709.551616", Err(NotAnAmount::TooLarge)),
            ("1e400", Err(NotAnAmount::TooLarge)),
            ("1e99999999999", Err(NotAnAmount::NotANumber)),
            ("", Err(NotAnAmount::NotANumber)),
            (".5", Err(NotAnAmount::NotANumber)),
            ("1.", Err(NotAnAmount::NotANumber)),
            ("1.2.3", Err(NotAnAmount::NotANumber)),
            ("NaN", Err(NotAnAmount::NotANumber)),
            ("+1", Err(NotAnAmount::NotANumber)),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Micros>().map(Micros::get), expected, "{text:?}");
        }
    }

    #[test]
    fn sums_that_do_not_fit_are_refused_or_held_at_the_end() {
        const MAX: u64 = u64::MAX;
        // Two amounts; their sum and difference, where they fit.
        let rows = [
            (0, 0, Some(0), Some(0)),
            (3, 2, Some(5), Some(1)),
            (2, 3, Some(5), None),
            (MAX - 1, 1, Some(MAX), Some(MAX - 2)),
            (MAX, 0, Some(MAX), Some(MAX)),
            (MAX, 1, None, Some(MAX - 1)),
            (MAX, MAX, None, Some(0)),
        ];
        for (one, other, sum, difference) in rows {
            let (one, other) = (Micros::new(one), Micros::new(other));
            assert_eq!(one.checked_add(other).map(Micros::get), sum, "{one:?} {other:?}");
            assert_eq!(one.checked_sub(other).map(Micros::get), difference, "{one:?} {other:?}");
            assert_eq!(one.saturating_add(other).get(), sum.unwrap_or(MAX));
            assert_eq!(one.saturating_sub(other).get(), difference.unwrap_or(0));
            let changed = |change: fn(&mut Micros, Micros)| {
                let mut account = one;
                let fits = std::panic::catch_unwind(move || {
                    change(&mut account, other);
                    account.get()
                });
                fits.ok()
            };
            assert_eq!(changed(Micros::credit), sum, "an account holds no more");
            assert_eq!(changed(Micros::debit), difference, "an account has no less");
        }
    }

    #[test]
    fn a_part_is_rounded_down() {
        // Micros and percent; the part.
        let rows = [
            (0, 100, Some(0)),
            (99, 1, Some(0)),
            (100, 1, Some(1)),
            (199, 1, Some(1)),
            (7, 100, Some(7)),
            (7, 150, Some(10)),
            (u64::MAX, 1, Some(u64::MAX / 100)),
            (u64::MAX, 2, None),
        ];
        for (amount, percent, expected) in rows {
            let part = Micros::new(amount).percent_floor(percent);
            assert_eq!(part.map(Micros::get), expected, "{percent} % of {amount}");
        }
    }

    #[test]
    fn whole_priv_fit_up_to_the_range() {
        let whole = u64::MAX / MICROS_PER_PRIV;
        assert_eq!(Micros::from_priv(whole), Some(Micros::new(whole * MICROS_PER_PRIV)));
        assert_eq!(Micros::from_priv(whole + 1), None);
        assert!(Micros::ZERO.is_zero() && !Micros::new(1).is_zero());
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_is_read_back(micros: u64) {
            let amount = Micros::new(micros);
            proptest::prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}
