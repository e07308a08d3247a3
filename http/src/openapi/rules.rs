//! Rules between the members of a body, which what is derived from types can't say.

use serde_json::{Value, json};

/// Adds the rules to the schemas.
pub(super) fn add(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    let mut new_listing = schemas["ListingBody"].clone();
    new_listing["description"] = json!("The body of a new listing, which is active.");
    new_listing["required"] = json!(["title", "description", "price_priv", "contribution_ids"]);
    new_listing["properties"]["status"] = json!({ "type": "string", "enum": ["active"] });
    new_listing["oneOf"] = json!([
        {
            "properties": { "license": { "enum": ["limited"] } },
            "required": ["license", "max_sales"],
        },
        {
            "properties": { "license": { "enum": ["single_use", "unlimited", "exclusive"] } },
            "not": { "required": ["max_sales"] },
        },
    ]);
    schemas["NewListingBody"] = new_listing;
    schemas["UploadForm"]["additionalProperties"] = json!(false);
    let amount = json!({ "$ref": "#/components/schemas/Amount" });
    schemas["BalanceEvent"]["properties"]["data"]["contentSchema"] = json!({
        "type": "object",
        "required": ["pending_rewards", "priv_balance", "earned_total"],
        "properties": {
            "pending_rewards": amount,
            "priv_balance": amount,
            "earned_total": amount,
        },
    });
    let purposes = ["analytics", "marketing", "data_sharing", "personalization"];
    schemas["ConsentBody"]["anyOf"] = purposes.map(|name| json!({ "required": [name] })).into();
    schemas["LinkBody"]["anyOf"] = json!([
        { "required": ["proof"] },
        { "required": ["wallet_address", "signature"] },
    ]);
}
