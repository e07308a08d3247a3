//! OpenAPI links from an id in an answer to the operations that take this id. They guide people,
//! and the fuzzer too, which would otherwise guess ids in vain.

use serde_json::{Value, json};

/// A link from an operation's answer to the operations that take an id in it.
struct Link {
    from: &'static str,
    status: &'static str,
    /// The path parameters of those operations, and where in the answer or request their values
    /// are.
    parameters: &'static [(&'static str, &'static str)],
    to: &'static [&'static str],
}

const fn link(
    from: &'static str,
    status: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    to: &'static [&'static str],
) -> Link {
    Link { from, status, parameters, to }
}

const OF_PROJECT: [&str; 5] =
    ["get_project", "change_project", "list_keys", "issue_key", "fund_budget"];
const OF_KEY: [&str; 3] = ["get_key", "roll_key", "revoke_key"];
const OF_CONTRIBUTION: [&str; 5] = [
    "get_contribution",
    "change_contribution",
    "preview_contribution",
    "delete_contribution",
    "review_contribution",
];
const OF_ACTOR: [&str; 4] =
    ["get_actor", "list_actor_journal", "snapshot_actor", "passivate_actor"];
const OF_PURCHASE: [&str; 2] = ["download_listing", "rate_listing"];

const PURCHASE: [&str; 2] = ["get_purchase", "download_purchase"];

const SAME_PROJECT: (&str, &str) = ("id", "$request.path.id");

#[rustfmt::skip]
const LINKS: [Link; 17] = [
    link("upload_contribution", "201", &[("id", "$response.body#/data/contribution_id")], &OF_CONTRIBUTION),
    link("list_contributions", "200", &[("id", "$response.body#/data/contributions/0/contribution_id")], &OF_CONTRIBUTION),
    link("list_contribution_queue", "200", &[("id", "$response.body#/data/contributions/0/contribution_id")], &["review_contribution"]),
    link("create_listing", "201", &[("id", "$response.body#/data/id")], &["get_listing", "change_listing", "purchase_listing"]),
    link("browse_listings", "200", &[("id", "$response.body#/data/listings/0/id")], &["get_listing", "purchase_listing"]),
    link("purchase_listing", "200", &[("id", "$response.body#/data/listing_id")], &OF_PURCHASE),
    link("purchase_listing", "201", &[("id", "$response.body#/data/listing_id")], &OF_PURCHASE),
    link("list_purchases", "200", &[("id", "$response.body#/data/purchases/0/listing_id")], &OF_PURCHASE),
    link("list_purchases", "200", &[("id", "$response.body#/data/purchases/0/purchase_id")], &PURCHASE),
    link("create_project", "201", &[("id", "$response.body#/data/project_id")], &OF_PROJECT),
    link("list_projects", "200", &[("id", "$response.body#/data/projects/0/project_id")], &OF_PROJECT),
    link("issue_key", "201", &[SAME_PROJECT, ("key", "$response.body#/data/key_id")], &OF_KEY),
    link("roll_key", "201", &[SAME_PROJECT, ("key", "$response.body#/data/key_id")], &OF_KEY),
    link("list_keys", "200", &[SAME_PROJECT, ("key", "$response.body#/data/keys/0/key_id")], &["get_key"]),
    link("list_actor_kinds", "200", &[("kind", "$response.body#/data/kinds/0/kind")], &["list_actors"]),
    link("list_actors", "200", &[("kind", "$request.path.kind"), ("id", "$response.body#/data/actors/0/id")], &OF_ACTOR),
    link("get_actor", "200", &[("kind", "$request.path.kind"), ("id", "$request.path.id")], &["list_actor_journal"]),
];

/// Adds the links to the answers from which they start.
pub(super) fn add(document: &mut Value) {
    for Link { from, status, parameters, to } in LINKS {
        let operation = operation(document, from).expect("a link starts from an operation");
        let response = operation["responses"].get_mut(status).expect("it can be answered so");
        let parameters: serde_json::Map<String, Value> =
            parameters.iter().map(|(name, from)| ((*name).to_owned(), json!(from))).collect();
        for target in to {
            response["links"][*target] =
                json!({ "operationId": *target, "parameters": &parameters });
        }
    }
}

fn operation<'a>(document: &'a mut Value, id: &str) -> Option<&'a mut Value> {
    let items = document["paths"].as_object_mut()?.values_mut();
    items
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut())
        .find(|operation| operation["operationId"] == id)
}
