//! Setting consent: a person agrees to purposes, or withdraws from them.

use super::{Event, Refusal, User};
use crate::consent::{ConsentRecord, PreferenceChange};
use crate::context::Context;
use crate::machine::{Answer, Command, Decided, Decision};

/// Changes some of a person's preferences; the others stay as they are. The reply is the record
/// that is in force from then on.
#[derive(Clone, Debug)]
pub struct SetConsent {
    /// The preferences that change.
    pub change: PreferenceChange,
    /// The place where the person was asked; at most 64 bytes, checked at the edge.
    pub source: Option<Box<str>>,
    /// The version of the text that they were shown; at most 64 bytes, checked at the edge.
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
        // Repeating what is in force makes a new version all the same: the person said it again,
        // now.
        let before = user.consent.as_deref();
        let record = ConsentRecord::following(before, change, source, policy_version, context.now);
        let events = vec![Event::ConsentChanged(Box::new(record.clone()))];
        Ok(Decision::of(events, Answer::Now(record)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Preferences;
    use crate::testing::*;

    fn sharing(data_sharing: Option<bool>) -> SetConsent {
        let change = PreferenceChange { data_sharing, ..PreferenceChange::default() };
        SetConsent { change, source: Some("app".into()), policy_version: Some("2".into()) }
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(user("ada"), sharing(Some(true))),
            refusal,
            &[(|(ada, _)| ada.becomes(person("bob")), Refusal::BecamePerson)],
        );
    }

    #[test]
    fn each_consent_is_a_version_that_follows_the_one_in_force() {
        // The preferences in force, the change; the version that follows, and whether events are
        // shared.
        let rows = [
            (None, sharing(Some(true)), 1, true),
            (None, sharing(None), 1, false),
            (Some(true), sharing(Some(false)), 2, false),
            // Said again, it is a new version.
            (Some(true), sharing(Some(true)), 2, true),
            (Some(true), sharing(None), 2, true),
            (Some(false), sharing(Some(true)), 2, true),
        ];
        for (before, command, version, data_sharing) in rows {
            let mut ada = user("ada");
            before.into_iter().for_each(|everything| ada.consents(everything));
            let (previous, others) = match (&ada.consent, before) {
                (Some(record), Some(everything)) => (record.hash, everything),
                (_, _) => ([0; 32], false),
            };
            ada.now = NOW.plus_millis(7);
            let step = ada.ask(command);
            let [Event::ConsentChanged(record)] = &*step.events else { panic!("{step:?}") };
            let preferences = Preferences {
                analytics: others,
                marketing: others,
                data_sharing,
                personalization: others,
            };
            let expected = ConsentRecord {
                version,
                preferences,
                at: NOW.plus_millis(7),
                source: Some("app".into()),
                policy_version: Some("2".into()),
                previous,
                hash: record.computed_hash(),
            };
            assert_eq!(**record, expected);
            assert_eq!(step.answer, Answer::Now(expected.clone()));
            assert_eq!(ada.consent.as_deref(), Some(&expected), "it is in force");
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(user("ada"), &sharing(Some(true)));
    }
}
