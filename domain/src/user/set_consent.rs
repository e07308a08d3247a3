//! Agreeing to purposes, or no longer.

use super::{Event, Refusal, Reply, User};
use crate::consent::{ConsentRecord, PreferenceChange};
use crate::machine::{Answer, Context, Decision};

pub(super) fn decide(
    user: &User,
    change: PreferenceChange,
    source: Option<Box<str>>,
    policy_version: Option<Box<str>>,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    if user.became().is_some() {
        return Err(Refusal::BecamePerson);
    }
    // A repeat of what is in force is a new version all the same: the person said it again, now.
    let before = user.consent.as_deref();
    let record = ConsentRecord::following(before, change, source, policy_version, context.now);
    let record = Box::new(record);
    let events = vec![Event::ConsentChanged(record.clone())];
    Ok(Decision::of(events, Answer::Now(Reply::Consent(record))))
}
