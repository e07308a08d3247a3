//! The outermost layer of a body: a list of events, an object around one, or one event.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{EventFields, EventKey, Fields, Known, Name};
use super::limits::MAX_EVENTS;
use super::unreadable::Unreadable;

/// A body, taken apart.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    /// The known fields of the outermost object; empty if the body is a list.
    pub(super) fields: EventFields<'a>,
    /// The items of the list, or else the outermost object itself.
    pub(super) items: Vec<Item<'a>>,
    is_one_event: bool,
}

/// An item of a list of events.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub(super) enum Item<'a> {
    /// A JSON object, with its known fields.
    Event(EventFields<'a>),
    /// A JSON value of any other type.
    Other,
}

impl<'a> Envelope<'a> {
    /// Takes the text of a body apart.
    pub(super) fn read(text: &'a str) -> Result<Self, Unreadable> {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_ascii().is_empty() {
            return Err(Unreadable::Empty);
        }
        // In a list of events, an item that is not an object fails the fast way if no Rust value
        // can hold it (1e999, a text with half a surrogate pair). The items are then read one by
        // one.
        let root = read_root(text, Places::InPassing)
            .or_else(|_| read_root(text, Places::Apart))
            .map_err(|error| Unreadable::NotJson { problem: error.to_string() })?;
        let Root { fields, list, other } = root;
        match list {
            List::Of { count, .. } if count > MAX_EVENTS => Err(Unreadable::TooMany { count }),
            List::Of { items, .. } => Ok(Self { fields, items, is_one_event: false }),
            List::Malformed => Err(Unreadable::NotAList),
            List::Absent if other || !looks_like_an_event(&fields) => Err(Unreadable::NoEvent),
            List::Absent => {
                let items = vec![Item::Event(fields.clone())];
                Ok(Self { fields, items, is_one_event: true })
            }
        }
    }

    /// The context that a body gives once for all its events.
    pub(super) fn shared_context(&self) -> Option<&'a RawValue> {
        if self.is_one_event { None } else { self.fields.get(EventKey::Context) }
    }
}

/// Whether an object has any field by which events are recognised. If not, its list of events most
/// likely has another name.
fn looks_like_an_event(fields: &EventFields<'_>) -> bool {
    use EventKey as Key;
    let telling = [
        Key::EventType,
        Key::Type,
        Key::EventName,
        Key::Event,
        Key::Name,
        Key::UserId,
        Key::AnonymousId,
        Key::DistinctId,
        Key::Properties,
        Key::Traits,
        Key::PageUrl,
        Key::Url,
    ];
    fields.first(telling).is_some()
}

/// How the items of a list are read.
#[derive(Clone, Copy)]
enum Places {
    /// Field by field, in one pass over the body.
    InPassing,
    /// Skipped as a whole first, then each read on its own.
    Apart,
}

struct Root<'a> {
    fields: EventFields<'a>,
    list: List<'a>,
    other: bool,
}

enum List<'a> {
    Absent,
    Malformed,
    Of { items: Vec<Item<'a>>, count: usize },
}

impl<'a> List<'a> {
    fn room(&self) -> usize {
        match self {
            Self::Absent | Self::Malformed => MAX_EVENTS,
            Self::Of { count, .. } => MAX_EVENTS.saturating_sub(*count),
        }
    }

    /// Joins two lists of one body, one after the other; no event is lost.
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Malformed, _) | (_, Self::Malformed) => Self::Malformed,
            (Self::Absent, list) | (list, Self::Absent) => list,
            (Self::Of { mut items, count }, Self::Of { items: more, count: n }) => {
                items.extend(more);
                Self::Of { items, count: count + n }
            }
        }
    }
}

fn read_root(text: &str, places: Places) -> Result<Root<'_>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let root = json.deserialize_any(RootVisitor(places))?;
    json.end()?;
    Ok(root)
}

/// A visitor's methods for all values that are neither objects nor lists.
macro_rules! otherwise {
    ($made:expr) => {
        otherwise!($made, null: $made);
    };
    ($made:expr,null: $null:expr) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($null)
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($made)
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($made)
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($made)
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($made)
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($made)
        }
    };
}

struct RootVisitor(Places);

impl<'de> Visitor<'de> for RootVisitor {
    type Value = Root<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Root<'de>, A::Error> {
        let list = ListSeed { places: self.0, room: MAX_EVENTS }.visit_seq(seq)?;
        Ok(Root { fields: Fields::none(), list, other: false })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Root<'de>, A::Error> {
        let mut fields = Fields::none();
        let mut list = List::Absent;
        while let Some(key) = map.next_key_seed(Name::<RootKey>(PhantomData))? {
            match key {
                Some(RootKey::List) => {
                    let seed = ListSeed { places: self.0, room: list.room() };
                    list = list.and(map.next_value_seed(seed)?);
                }
                Some(RootKey::Field(key)) => fields.take(Some(key), &mut map)?,
                None => fields.take(None, &mut map)?,
            }
        }
        Ok(Root { fields, list, other: false })
    }

    otherwise!(neither_object_nor_list());
}

fn neither_object_nor_list<'a>() -> Root<'a> {
    Root { fields: Fields::none(), list: List::Absent, other: true }
}

/// The field names that count in the outermost object.
#[derive(Clone, Copy)]
enum RootKey {
    List,
    Field(EventKey),
}

impl Known for RootKey {
    fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"events" | b"batch" => Some(Self::List),
            _ => EventKey::of(name).map(Self::Field),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::List => 0,
            Self::Field(key) => 1 + key.index(),
        }
    }
}

#[derive(Clone, Copy)]
struct ListSeed {
    places: Places,
    /// How many more events are kept; those beyond are only counted.
    room: usize,
}

impl<'de> DeserializeSeed<'de> for ListSeed {
    type Value = List<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<List<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ListSeed {
    type Value = List<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<'de>, A::Error> {
        let mut items = Vec::new();
        let mut count = 0;
        while count < self.room {
            let item = match self.places {
                Places::InPassing => seq.next_element_seed(ItemSeed)?,
                Places::Apart => seq.next_element::<&RawValue>()?.map(Item::apart),
            };
            let Some(item) = item else { break };
            items.push(item);
            count += 1;
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(List::Of { items, count })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::Malformed)
    }

    otherwise!(List::Malformed, null: List::Absent);
}

impl<'a> Item<'a> {
    fn apart(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).map_or(Self::Other, Self::Event)
    }
}

struct ItemSeed;

impl<'de> DeserializeSeed<'de> for ItemSeed {
    type Value = Item<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed {
    type Value = Item<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item<'de>, A::Error> {
        Fields::read(map).map(Item::Event)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Item::Other)
    }

    otherwise!(Item::Other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lists_in_one_body_are_counted_but_not_kept() {
        let list = format!(r#""batch":[{}]"#, vec!["{}"; MAX_EVENTS].join(","));
        let body = format!("{{{}}}", vec![list; 20].join(","));
        for places in [Places::InPassing, Places::Apart] {
            let root = read_root(&body, places).expect("JSON");
            let List::Of { items, count } = root.list else { panic!("no list") };
            assert_eq!((items.len(), count), (MAX_EVENTS, 20 * MAX_EVENTS));
        }
    }
}
