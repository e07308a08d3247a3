//! What the data of a balance's event is: JSON in a text, which a derived schema can't say.

use serde_json::{Value, json};

/// Adds it to the event's schema.
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
