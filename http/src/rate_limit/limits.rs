//! The plans' rate limits.

use priv_domain::project::Plan;

/// The text is not the name of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be free, pro or enterprise")]
pub struct NotAPlan;

/// The plan with this name.
///
/// # Errors
/// [`NotAPlan`] if there is none.
pub fn plan_named(name: &str) -> Result<Plan, NotAPlan> {
    let plans = [Plan::Free, Plan::Pro, Plan::Enterprise];
    plans.into_iter().find(|plan| plan.as_str() == name).ok_or(NotAPlan)
}

/// How many requests a caller may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The most requests in a UTC second, up to 2^24 - 1; `None` is no limit.
    pub per_second: Option<u32>,
    /// The most requests in a UTC day, up to 2^40 - 1; `None` is no limit.
    pub per_day: Option<u64>,
}

impl Limits {
    /// The limits of the free plan.
    pub const FREE: Self = Self { per_second: Some(10), per_day: Some(10_000) };
    /// The limits of the pro plan.
    pub const PRO: Self = Self { per_second: Some(100), per_day: Some(1_000_000) };
    /// The limits of a plan, unless others were agreed.
    #[must_use]
    pub const fn of(plan: Plan) -> Self {
        match plan {
            Plan::Free => Self::FREE,
            Plan::Pro => Self::PRO,
            Plan::Enterprise => Self::NONE,
        }
    }

    /// No limits at all.
    pub const NONE: Self = Self { per_second: None, per_day: None };
}
