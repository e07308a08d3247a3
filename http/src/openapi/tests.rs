use std::collections::BTreeSet;

use actix_web::introspection::IntrospectionTree;
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, web};
use expect_test::expect_file;
use serde_json::Value;

use crate::router::{MetricsAt, configure, document};

/// `METHOD /path` of a route, without `/api` and without a slash at the end.
fn route(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    format!("{} {path}", method.to_ascii_uppercase())
}

/// The routes that the router serves.
async fn served() -> BTreeSet<String> {
    async fn report(tree: web::Data<IntrospectionTree>) -> String {
        tree.report_as_json()
    }
    let app = App::new()
        .configure(|config| configure(config, MetricsAt::Here))
        .route("/report", web::get().to(report));
    let service = init_service(app).await;
    let body = call_and_read_body(&service, TestRequest::get().uri("/report").to_request()).await;
    let report: Value = serde_json::from_slice(&body).expect("a report is JSON");
    let mut routes = BTreeSet::new();
    for item in report.as_array().expect("a list of routes") {
        let path = item["full_path"].as_str().expect("a path");
        for method in item["methods"].as_array().expect("methods") {
            routes.insert(route(method.as_str().expect("a method"), path));
        }
    }
    assert!(routes.remove("GET /report"));
    routes
}

/// The routes that the document describes.
fn described() -> BTreeSet<String> {
    let document = document();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for name in item.as_object().expect("operations").keys() {
            if !["servers", "parameters"].contains(&name.as_str()) {
                routes.insert(route(name, path));
            }
        }
    }
    routes
}

#[actix_web::test]
async fn what_is_served_is_described() {
    let (served, described) = (served().await, described());
    let only = |one: &BTreeSet<String>, other| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(only(&served, &described), [""; 0], "served and not described");
    assert_eq!(only(&described, &served), [""; 0], "described and not served");
}

#[test]
fn no_two_operations_have_one_id() {
    let document = document();
    let mut ids = Vec::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            if let Some(id) = operation["operationId"].as_str() {
                ids.push(id);
            }
        }
    }
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "two operations have one id: {ids:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let place = reference.strip_prefix('#').expect("within the document");
                    assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
                }
                members.values().for_each(|member| check(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    check(&document, &document);
}

/// Where a description expects a list, an object or a word, `null` has no meaning.
#[test]
fn nothing_is_null() {
    fn check(value: &Value, place: &str) {
        match value {
            Value::Null => panic!("{place} is null"),
            Value::Object(members) => {
                let described = members.iter().filter(|(name, _)| *name != "examples");
                described.for_each(|(name, member)| check(member, &format!("{place}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, place)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    check(&document(), "");
}

/// With `UPDATE_EXPECT=1`, writes the copy anew.
#[test]
fn the_copy_in_docs_is_this_document() {
    let copy = expect_file!["../../../docs/openapi.json"];
    copy.assert_eq(&format!("{:#}\n", document()));
}
