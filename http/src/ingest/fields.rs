//! Picks the known fields out of a JSON object, in one pass.
//!
//! Values are kept as the text that they have in the body: whatever is wrong with one of them (its
//! type, a number out of range, half a surrogate pair) then concerns that field only, and can't
//! make the whole body unreadable. Of two fields with the same meaning the last wins, as in
//! JavaScript; `null` counts as absent.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A set of field names.
pub(super) trait Known: Copy {
    /// The field with this name; `None` if it is not known.
    fn of(name: &[u8]) -> Option<Self>;
    /// The field's place among the others, from 0.
    fn index(self) -> usize;
}

macro_rules! known {
    ($(#[$doc:meta])* $keys:ident, $fields:ident { $($key:ident = $($name:literal)|+,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $keys { $($key,)+ }

        impl Known for $keys {
            fn of(name: &[u8]) -> Option<Self> {
                match name {
                    $($($name)|+ => Some(Self::$key),)+
                    _ => None,
                }
            }

            fn index(self) -> usize {
                self as usize
            }
        }

        #[doc = concat!("The fields named in [`", stringify!($keys), "`].")]
        pub(super) type $fields<'a> = Fields<'a, $keys, { [$($keys::$key,)+].len() }>;
    };
}

known! {
    /// The known fields of an event, or of the object around a list of events.
    EventKey, EventFields {
        EventType = b"event_type",
        Type = b"type",
        EventName = b"event_name" | b"eventName",
        Event = b"event",
        Name = b"name",
        EventId = b"event_id" | b"eventId",
        MessageId = b"messageId" | b"message_id",
        Uuid = b"uuid",
        Id = b"id",
        UserId = b"user_id" | b"userId",
        AnonymousId = b"anonymous_id" | b"anonymousId",
        SessionId = b"session_id" | b"sessionId",
        Properties = b"properties",
        Traits = b"traits",
        Context = b"context",
        PageUrl = b"page_url" | b"pageUrl",
        PageTitle = b"page_title" | b"pageTitle",
        Referrer = b"referrer",
        Url = b"url",
        Title = b"title",
        Timestamp = b"timestamp",
        OriginalTimestamp = b"originalTimestamp",
        SentAt = b"sentAt" | b"sent_at",
        ConsentGiven = b"consent_given" | b"consentGiven",
        WriteKey = b"writeKey" | b"api_key" | b"token" | b"write_key" | b"apiKey",
        DistinctId = b"distinct_id" | b"$distinct_id",
        Set = b"$set",
        Options = b"options",
        Offset = b"offset",
    }
}

known! {
    /// The known fields among the properties of a page event.
    PageKey, PageFields {
        Url = b"url",
        Title = b"title",
        Referrer = b"referrer",
    }
}

known! {
    /// The known fields of a context.
    ContextKey, ContextFields {
        Consent = b"consent",
    }
}

known! {
    /// The known fields of a PostHog event's properties, and of its `options` (whose names lack the
    /// `$`).
    PropertyKey, PropertyFields {
        DistinctId = b"distinct_id",
        AnonDistinctId = b"$anon_distinct_id",
        DeviceId = b"$device_id",
        SessionId = b"$session_id",
        IsIdentified = b"$is_identified",
        PersonProfile = b"$process_person_profile" | b"process_person_profile",
        Cookieless = b"$cookieless_mode" | b"cookieless_mode",
        IgnoreSentAt = b"$ignore_sent_at" | b"disable_skew_correction",
        Set = b"$set",
        CurrentUrl = b"$current_url",
        Title = b"title" | b"$title",
        Referrer = b"$referrer",
        Token = b"token",
        ConsentGiven = b"consent_given",
    }
}

/// The values of the known fields, as text.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a, K, const N: usize> {
    values: [Option<&'a RawValue>; N],
    known: PhantomData<K>,
}

impl<'a, K: Known, const N: usize> Fields<'a, K, N> {
    /// No field is there.
    pub(super) fn none() -> Self {
        Self { values: [None; N], known: PhantomData }
    }

    /// Reads the fields of an object that was kept as text; none are there if it is not an object.
    pub(super) fn within(object: Option<&'a RawValue>) -> Self {
        object.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_else(Self::none)
    }

    /// A field's value; `None` if it is absent or `null`.
    pub(super) fn get(&self, key: K) -> Option<&'a RawValue> {
        self.values[key.index()]
    }

    /// The value of the first of these fields that is there.
    pub(super) fn first<const M: usize>(&self, keys: [K; M]) -> Option<&'a RawValue> {
        keys.into_iter().find_map(|key| self.get(key))
    }

    /// Reads the remaining members of an object.
    pub(super) fn read<A: MapAccess<'a>>(mut map: A) -> Result<Self, A::Error> {
        let mut fields = Self::none();
        while let Some(key) = map.next_key_seed(Name::<K>(PhantomData))? {
            fields.take(key, &mut map)?;
        }
        Ok(fields)
    }

    /// Reads the value that belongs to `key`; skips it if the key is not known.
    pub(super) fn take<A: MapAccess<'a>>(
        &mut self,
        key: Option<K>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            Some(key) => {
                let value: &RawValue = map.next_value()?;
                if value.get() != "null" {
                    self.values[key.index()] = Some(value);
                }
            }
            None => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de, K: Known, const N: usize> serde::Deserialize<'de> for Fields<'de, K, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<K, const N: usize>(PhantomData<K>);

        impl<'de, K: Known, const N: usize> Visitor<'de> for Object<K, N> {
            type Value = Fields<'de, K, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Fields::read(map)
            }
        }

        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// Reads the name of a field. It is read as bytes, since a name may hold half a surrogate pair,
/// which no `str` can.
pub(super) struct Name<K>(pub(super) PhantomData<K>);

impl<'de, K: Known> DeserializeSeed<'de> for Name<K> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<K: Known> Visitor<'_> for Name<K> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(K::of(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(K::of(name.as_bytes()))
    }
}
