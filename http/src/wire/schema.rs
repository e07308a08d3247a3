//! Schemas as JSON, and changes that are common to all of them.

use serde_json::{Value, json};
use utoipa::ToSchema;

/// Schemas by name, for references.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Vec<(String, Value)>);

impl Schemas {
    /// Adds the schema of a type with a name of its own, and returns a reference to it.
    pub(crate) fn reference<T: ToSchema>(&mut self) -> Value {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        self.add(schemas);
        reference(&T::name())
    }

    /// Adds a schema under this name, and returns a reference to it.
    pub(crate) fn named(&mut self, name: &str, schema: Value) -> Value {
        self.0.push((name.to_owned(), schema));
        reference(name)
    }

    /// Adds schemas that utoipa derived, under their names.
    pub(crate) fn add(
        &mut self,
        derived: impl IntoIterator<Item = (String, impl serde::Serialize)>,
    ) {
        let as_json = |schema| serde_json::to_value(schema).expect("a schema is JSON");
        self.0.extend(derived.into_iter().map(|(name, schema)| (name, as_json(schema))));
    }

    /// All schemas that were added; a name may occur several times.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, Value)> {
        self.0.iter()
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A schema that accepts `null` besides.
pub(crate) fn or_null(mut schema: Value) -> Value {
    if let Some(one) = schema["type"].as_str()
        && schema.get("enum").is_none()
    {
        schema["type"] = json!([one, "null"]);
        return schema;
    }
    json!({ "oneOf": [schema, { "type": "null" }] })
}

/// Describes a schema with the text of a doc comment.
pub(crate) fn described(mut schema: Value, doc: &[&str]) -> Value {
    if let Some(text) = doc_text(doc) {
        let described = match schema.pointer_mut("/oneOf/0") {
            Some(first) if first.get("$ref").is_some() => first,
            Some(_) | None => &mut schema,
        };
        described["description"] = json!(text);
    }
    schema
}

/// The text of a doc comment; `None` if it has no lines.
pub(crate) fn doc_text(doc: &[&str]) -> Option<String> {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
