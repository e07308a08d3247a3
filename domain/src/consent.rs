//! Consent: the purposes that a person agreed to, and whether events may be stored and shared.

use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// The four purposes of consent, each agreed to or not. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Events may be stored.
    pub analytics: bool,
    /// Their data may be used for marketing.
    pub marketing: bool,
    /// Their events may be shared, and therefore earn.
    pub data_sharing: bool,
    /// Their data may be used to personalise what they see.
    pub personalization: bool,
}

/// A change to some of the four purposes; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreferenceChange {
    /// See [`Preferences::analytics`].
    pub analytics: Option<bool>,
    /// See [`Preferences::marketing`].
    pub marketing: Option<bool>,
    /// See [`Preferences::data_sharing`].
    pub data_sharing: Option<bool>,
    /// See [`Preferences::personalization`].
    pub personalization: Option<bool>,
}

impl PreferenceChange {
    /// The preferences after the change.
    #[must_use]
    pub fn applied_to(self, before: Preferences) -> Preferences {
        Preferences {
            analytics: self.analytics.unwrap_or(before.analytics),
            marketing: self.marketing.unwrap_or(before.marketing),
            data_sharing: self.data_sharing.unwrap_or(before.data_sharing),
            personalization: self.personalization.unwrap_or(before.personalization),
        }
    }
}

/// One version of a person's preferences.
///
/// `hash` covers everything else, including `previous`, the hash of the version before: a chain
/// that a person can keep and check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRecord {
    /// 1, 2, 3 … in the chain of one person.
    pub version: u32,
    /// The preferences from this version on.
    pub preferences: Preferences,
    /// The time at which the person said so.
    pub at: Timestamp,
    /// The place where the person was asked, as the caller names it; `None` if the caller did not.
    pub source: Option<Box<str>>,
    /// The version of the text that the person saw, as the caller names it; `None` if it did not.
    pub policy_version: Option<Box<str>>,
    /// The hash of the version before; zeros in the first.
    pub previous: [u8; 32],
    /// SHA-256 over this version, see [`Self::computed_hash`].
    pub hash: [u8; 32],
}

impl ConsentRecord {
    /// The version that follows `before`: the first one where that is `None`, and then a change to
    /// having agreed to nothing.
    #[must_use]
    pub fn following(
        before: Option<&Self>,
        change: PreferenceChange,
        source: Option<Box<str>>,
        policy_version: Option<Box<str>>,
        at: Timestamp,
    ) -> Self {
        let preferences = change.applied_to(before.map(|r| r.preferences).unwrap_or_default());
        let version = before.map_or(1, |record| record.version.saturating_add(1));
        let previous = before.map_or([0; 32], |record| record.hash);
        let mut record =
            Self { version, preferences, at, source, policy_version, previous, hash: [0; 32] };
        record.hash = record.computed_hash();
        record
    }

    /// Computes SHA-256 over the previous hash and the other fields, each on a line of its own. The
    /// length of a text stands in front of it, so no two records have the same lines.
    #[must_use]
    pub fn computed_hash(&self) -> [u8; 32] {
        let Preferences { analytics, marketing, data_sharing, personalization } = self.preferences;
        let text = |text: &Option<Box<str>>| {
            text.as_ref().map_or_else(|| "-".to_owned(), |t| format!("{}:{t}", t.len()))
        };
        let mut sha = Sha256::new();
        sha.update(self.previous);
        sha.update(format!(
            "priv-consent-1\n{}\n{analytics} {marketing} {data_sharing} {personalization}\n{}\n{}\n{}\n",
            self.version,
            self.at.as_millis(),
            text(&self.source),
            text(&self.policy_version),
        ));
        sha.finalize().into()
    }
}

/// The rule for storing events of a user who has never been asked. An operator
/// sets it for each project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsentPolicy {
    /// Stored only if the event says that consent was given.
    #[default]
    OptIn,
    /// Stored unless the event says that consent was refused.
    OptOut,
}

impl ConsentPolicy {
    /// The policy's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptIn => "opt_in",
            Self::OptOut => "opt_out",
        }
    }
}

/// Whether consent allows an event to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageVerdict {
    /// The event may be stored.
    Store,
    /// The user has said no, on record or through the client.
    Withdrawn,
    /// The user has not been asked, and the project's policy stores only what was agreed to.
    Missing,
}

/// Whether an event may be stored. The user's own record overrides what the client says; without a
/// record, `client_says` and the project's policy decide.
#[must_use]
pub fn may_store(
    record: Option<&ConsentRecord>,
    policy: ConsentPolicy,
    client_says: Option<bool>,
) -> StorageVerdict {
    match (record, policy, client_says) {
        (Some(record), _, _) if record.preferences.analytics => StorageVerdict::Store,
        (Some(_), _, _) | (None, ConsentPolicy::OptOut, Some(false)) => StorageVerdict::Withdrawn,
        (None, ConsentPolicy::OptIn, Some(true))
        | (None, ConsentPolicy::OptOut, Some(true) | None) => StorageVerdict::Store,
        (None, ConsentPolicy::OptIn, Some(false) | None) => StorageVerdict::Missing,
    }
}

/// Whether a stored event may be shared, and so earns: only if the user's record says so. A
/// browser's Global Privacy Control counts as a refusal until the user agrees after it was first
/// seen.
#[must_use]
pub fn may_share(record: Option<&ConsentRecord>, privacy_control_since: Option<Timestamp>) -> bool {
    match (record, privacy_control_since) {
        (None, _) => false,
        (Some(record), None) => record.preferences.data_sharing,
        (Some(record), Some(since)) => record.preferences.data_sharing && record.at > since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(analytics: bool, data_sharing: bool, at: i64) -> ConsentRecord {
        let change = PreferenceChange {
            analytics: Some(analytics),
            data_sharing: Some(data_sharing),
            ..Default::default()
        };
        ConsentRecord::following(None, change, None, None, Timestamp::from_millis(at))
    }

    #[test]
    fn the_record_decides_then_the_policy_then_what_the_client_says() {
        use ConsentPolicy::{OptIn, OptOut};
        use StorageVerdict::{Missing, Store, Withdrawn};
        let (yes, no) = (record(true, false, 1), record(false, false, 1));
        let table = [
            (Some(&yes), OptIn, Some(false), Store),
            (Some(&yes), OptIn, None, Store),
            (Some(&no), OptOut, Some(true), Withdrawn),
            (Some(&no), OptIn, Some(true), Withdrawn),
            (None, OptIn, Some(true), Store),
            (None, OptIn, Some(false), Missing),
            (None, OptIn, None, Missing),
            (None, OptOut, Some(true), Store),
            (None, OptOut, None, Store),
            (None, OptOut, Some(false), Withdrawn),
        ];
        for (record, policy, says, expected) in table {
            assert_eq!(may_store(record, policy, says), expected, "{record:?} {policy:?} {says:?}");
        }
    }

    #[test]
    fn privacy_control_refuses_sharing_until_the_user_says_yes_after_it() {
        let at = Timestamp::from_millis;
        assert!(!may_share(None, None));
        assert!(!may_share(Some(&record(true, false, 1)), None));
        assert!(may_share(Some(&record(true, true, 1)), None));
        assert!(!may_share(Some(&record(true, true, 1)), Some(at(1))));
        assert!(may_share(Some(&record(true, true, 2)), Some(at(1))));
    }

    #[test]
    fn versions_form_a_chain_and_any_change_breaks_it() {
        let first = record(true, true, 5);
        let change = PreferenceChange { marketing: Some(true), ..Default::default() };
        let now = Timestamp::from_millis(6);
        let source = Some("app".into());
        let second = ConsentRecord::following(Some(&first), change, source, None, now);
        assert_eq!((second.version, second.previous), (2, first.hash));
        assert!(second.preferences.data_sharing && second.preferences.marketing);
        assert_eq!(second.computed_hash(), second.hash);
        let mut forged = second.clone();
        forged.preferences.marketing = false;
        assert_ne!(forged.computed_hash(), second.hash);
        let mut moved = second;
        (moved.source, moved.policy_version) = (None, Some("app".into()));
        assert_ne!(moved.computed_hash(), moved.hash);
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let all = |value| Preferences {
            analytics: value,
            marketing: value,
            data_sharing: value,
            personalization: value,
        };
        for (before, says) in [(false, true), (true, false)] {
            let (before, says) = (all(before), Some(says));
            let none = PreferenceChange::default();
            let rows = [
                (none, before),
                (
                    PreferenceChange { analytics: says, ..none },
                    Preferences { analytics: !before.analytics, ..before },
                ),
                (
                    PreferenceChange { marketing: says, ..none },
                    Preferences { marketing: !before.marketing, ..before },
                ),
                (
                    PreferenceChange { data_sharing: says, ..none },
                    Preferences { data_sharing: !before.data_sharing, ..before },
                ),
                (
                    PreferenceChange { personalization: says, ..none },
                    Preferences { personalization: !before.personalization, ..before },
                ),
            ];
            for (change, after) in rows {
                assert_eq!(change.applied_to(before), after, "{change:?}");
            }
        }
    }

    /// People keep these hashes, so the text that is hashed can't change.
    #[test]
    fn a_hash_is_of_these_lines() {
        let hash = |source: Option<&str>, policy_version: Option<&str>| {
            let texts = (source.map(Into::into), policy_version.map(Into::into));
            let change = PreferenceChange { analytics: Some(true), ..Default::default() };
            let at = Timestamp::from_millis(12);
            ConsentRecord::following(None, change, texts.0, texts.1, at).hash
        };
        let lines = |texts: &str| -> [u8; 32] {
            let mut sha = Sha256::new();
            sha.update([0; 32]);
            sha.update("priv-consent-1\n1\ntrue false false false\n12\n");
            sha.update(texts);
            sha.finalize().into()
        };
        let rows = [
            (None, None, "-\n-\n"),
            (Some("app"), None, "3:app\n-\n"),
            (None, Some("v2"), "-\n2:v2\n"),
            (Some(""), Some("é"), "0:\n2:é\n"),
        ];
        for (source, policy_version, texts) in rows {
            assert_eq!(hash(source, policy_version), lines(texts), "{source:?} {policy_version:?}");
        }
    }

    #[test]
    fn each_member_of_a_record_is_in_its_hash() {
        let record = record(true, false, 5);
        let rows: [fn(&mut ConsentRecord); 9] = [
            |record| record.version = 2,
            |record| record.preferences.analytics = false,
            |record| record.preferences.marketing = true,
            |record| record.preferences.data_sharing = true,
            |record| record.preferences.personalization = true,
            |record| record.at = Timestamp::from_millis(6),
            |record| record.source = Some("app".into()),
            |record| record.policy_version = Some("2".into()),
            |record| record.previous = [1; 32],
        ];
        for (place, change) in rows.into_iter().enumerate() {
            let mut changed = record.clone();
            change(&mut changed);
            assert_ne!(changed.computed_hash(), record.hash, "row {place}");
        }
        let mut signed = record.clone();
        signed.hash = [9; 32];
        assert_eq!(signed.computed_hash(), record.hash, "but for the hash itself");
    }

    #[test]
    fn the_last_version_stays_the_last() {
        let version = |version| {
            let before = ConsentRecord { version, ..record(true, true, 5) };
            let change = PreferenceChange::default();
            ConsentRecord::following(Some(&before), change, None, None, before.at).version
        };
        assert_eq!(version(u32::MAX - 1), u32::MAX);
        assert_eq!(version(u32::MAX), u32::MAX);
    }

    #[test]
    fn policies_have_their_names() {
        assert_eq!(ConsentPolicy::OptIn.as_str(), "opt_in");
        assert_eq!(ConsentPolicy::OptOut.as_str(), "opt_out");
    }
}
