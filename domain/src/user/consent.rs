//! Agreeing to purposes, or no longer.

use super::{Event, Refusal, User};
use crate::consent::{ConsentRecord, PreferenceChange};
use crate::machine::{Answer, Command, Context, Decided, Decision};

/// Agrees to some purposes, or no longer; those that the change does not name stay as they are.
/// The reply is the record that is in force from then on.
#[derive(Clone, Debug)]
pub struct SetConsent {
    /// The purposes that change.
    pub change: PreferenceChange,
    /// Where the person was asked; at most 64 bytes, checked at the edge.
    pub source: Option<Box<str>>,
    /// The text that they were shown; at most 64 bytes, checked at the edge.
    pub policy_version: Option<Box<str>>,
}

impl Command for SetConsent {
    type Machine = User;
    type Reply = ConsentRecord;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { change, source, policy_version } = self;
        if user.became().is_some() {
            return Err(Refusal::BecamePerson);
        }
        // A repeat of what is in force is a new version all the same: the person said it again,
        // now.
        let before = user.consent.as_deref();
        let record = ConsentRecord::following(before, change, source, policy_version, context.now);
        let events = vec![Event::ConsentChanged(Box::new(record.clone()))];
        Ok(Decision::of(events, Answer::Now(record)))
    }
}
