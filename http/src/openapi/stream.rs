//! Describes the data of a balance event: JSON in a text, for which no schema can be derived.

use serde_json::{Value, json};

/// Adds the description to the schema of the event.
pub(super) fn add_content(document: &mut Value) {
    let amount = json!({ "$ref": "#/components/schemas/Amount" });
    document["components"]["schemas"]["BalanceEvent"]["properties"]["data"]["contentSchema"] = json!({
        "type": "object",
        "required": ["pending_rewards", "priv_balance", "earned_total"],
        "properties": {
            "pending_rewards": amount,
            "priv_balance": amount,
            "earned_total": amount,
        },
    });
}
