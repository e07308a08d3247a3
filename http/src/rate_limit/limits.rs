//! Plans, and the rate limits that come with them.

use priv_domain::project::Plan;

/// The text names no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be free, pro or enterprise")]
pub struct NotAPlan;

/// The plan of a name.
///
/// # Errors
/// There is none.
pub fn plan_named(name: &str) -> Result<Plan, NotAPlan> {
    let plans = [Plan::Free, Plan::Pro, Plan::Enterprise];
    plans.into_iter().find(|plan| plan.as_str() == name).ok_or(NotAPlan)
}

/// How many requests a caller may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// In one UTC second; up to 2^24 - 1, and as many as they like if none is given.
    pub per_second: Option<u32>,
    /// In one UTC day; up to 2^40 - 1, and as many as they like if none is given.
    pub per_day: Option<u64>,
}

impl Limits {
    /// The free plan's.
    pub const FREE: Self = Self { per_second: Some(10), per_day: Some(10_000) };
    /// The pro plan's.
    pub const PRO: Self = Self { per_second: Some(100), per_day: Some(1_000_000) };
    /// A plan's, where nothing else was agreed.
    #[must_use]
    pub const fn of(plan: Plan) -> Self {
        match plan {
            Plan::Free => Self::FREE,
            Plan::Pro => Self::PRO,
            Plan::Enterprise => Self::NONE,
        }
    }

    /// None at all.
    pub const NONE: Self = Self { per_second: None, per_day: None };
}
