//! Lists with a least and a most number of items.

use serde_json::{Value, json};

use super::issues::{At, Issues};
use super::member::Member;
use super::schema::Schemas;

/// A list of `MIN` to `MAX` items; with `usize::MAX`, as many as fit into a body.
#[derive(Clone, Debug)]
pub(crate) struct List<T, const MIN: usize, const MAX: usize>(pub(crate) Vec<T>);

impl<T, const MAX: usize> Default for List<T, 0, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Member, const MIN: usize, const MAX: usize> Member for List<T, MIN, MAX> {
    type Sent = Vec<T::Sent>;

    fn check(sent: Vec<T::Sent>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        let is_fit = (MIN..=MAX).contains(&sent.len());
        if !is_fit {
            issues.note(
                at,
                match MIN {
                    0 => format!("must be at most {MAX}"),
                    _ => format!("must be {MIN} to {MAX}"),
                },
            );
        }
        let items: Vec<Option<T>> = sent
            .into_iter()
            .take(MAX)
            .enumerate()
            .map(|(index, sent)| T::check(sent, &At::Item(at, index), issues))
            .collect();
        let items: Option<Vec<T>> = items.into_iter().collect();
        items.filter(|_| is_fit).map(Self)
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let mut schema = json!({ "type": "array", "items": T::schema(schemas) });
        if MAX < usize::MAX {
            schema["maxItems"] = json!(MAX);
        }
        if MIN > 0 {
            schema["minItems"] = json!(MIN);
        }
        schema
    }
}
