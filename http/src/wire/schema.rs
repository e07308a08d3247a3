//! Schemas as JSON, and what is done to all of them alike.

use serde_json::{Value, json};
use utoipa::ToSchema;

/// Schemas by name, to which others refer.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Vec<(String, Value)>);

impl Schemas {
    /// A reference to the schema of a type that has a name of its own.
    pub(crate) fn reference<T: ToSchema>(&mut self) -> Value {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        self.add(schemas);
        reference(&T::name())
    }

    /// A reference to a schema that gets this name.
    pub(crate) fn named(&mut self, name: &str, schema: Value) -> Value {
        self.0.push((name.to_owned(), schema));
        reference(name)
    }

    /// Adds schemas that were derived.
    pub(crate) fn add(
        &mut self,
        derived: impl IntoIterator<Item = (String, impl serde::Serialize)>,
    ) {
        let as_json = |schema| serde_json::to_value(schema).expect("a schema is JSON");
        self.0.extend(derived.into_iter().map(|(name, schema)| (name, as_json(schema))));
    }

    /// All that were added; a name may come several times.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, Value)> {
        self.0.iter()
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The same, or `null`.
pub(crate) fn or_null(mut schema: Value) -> Value {
    if let Some(one) = schema["type"].as_str()
        && schema.get("enum").is_none()
    {
        schema["type"] = json!([one, "null"]);
        return schema;
    }
    json!({ "oneOf": [schema, { "type": "null" }] })
}

/// With the text of its doc comment.
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

/// The text of a doc comment, if there is one.
pub(crate) fn doc_text(doc: &[&str]) -> Option<String> {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
