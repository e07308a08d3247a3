use std::collections::BTreeSet;

use actix_web::introspection::IntrospectionTree;
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, web};

use super::*;
use crate::routes::{MetricsAt, configure};

/// `METHOD /path`, one a route; spellings that are one route are taken together.
fn route(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let path = match path.strip_suffix('/').unwrap_or(path) {
        "/v1/openapi.json" => "/openapi.json",
        path => path,
    };
    format!("{} {path}", method.to_ascii_uppercase())
}

/// What the router has.
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

/// What the document has.
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
async fn what_is_described_is_served() {
    let (served, described) = (served().await, described());
    let missing: Vec<_> = described.difference(&served).collect();
    assert!(missing.is_empty(), "described and not served: {missing:#?}");
}
