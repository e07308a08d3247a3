//! The sandbox: a demo project with a budget, a demo person who shares their data, and commands to
//! paste.
//!
//! Everything is made through the public API.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::Access;
use crate::config::Settings;
use crate::secrets;
use crate::token::signed_token;

/// Seconds until the printed token expires: ten years.
const TOKEN_SECS: u64 = 10 * 365 * 86_400;

/// The person, project and keys that the sandbox made for itself.
#[derive(Debug, Deserialize, Serialize)]
struct Demo {
    person: String,
    project_id: String,
    pk_live: String,
    sk_live: String,
}

/// Makes the demo if it is missing, and prints the commands to paste.
pub(crate) async fn introduce(
    settings: &Settings,
    access: &Access,
    address: SocketAddr,
) -> Result<(), Box<dyn Error>> {
    let path = settings.data_dir().join(secrets::SANDBOX);
    let secret = access.jwt_secret.clone().ok_or("a sandbox has a secret")?;
    let admin_token = access.admin_token.clone().ok_or("a sandbox has a token")?;
    let base = format!("http://{address}");
    let demo = match secrets::read(&path)? {
        Some(text) => {
            serde_json::from_str(&text).map_err(|_| secrets::SecretError::Damaged(path.clone()))?
        }
        None => {
            let person = random_uuid()?;
            let token = signed_token(&secret, &person, None, TOKEN_SECS, settings)?;
            let maker = Maker { base: base.clone(), admin_token: admin_token.clone(), token };
            let made = actix_web::web::block(move || {
                maker.make(&person, path).map_err(|error| error.to_string())
            });
            made.await??
        }
    };
    let token = signed_token(&secret, &demo.person, None, TOKEN_SECS, settings)?;
    print(&base, &demo, &token, &admin_token)?;
    Ok(())
}

struct Maker {
    base: String,
    admin_token: String,
    token: String,
}

impl Maker {
    fn make(&self, person: &str, path: PathBuf) -> Result<Demo, Box<dyn Error>> {
        let project = self.operator(
            "/v1/admin/projects",
            &json!({ "name": "Sandbox", "plan": "enterprise", "consent_policy": "opt_in" }),
        )?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let demo = Demo {
            person: person.to_owned(),
            project_id: text(&project["project_id"]),
            pk_live: text(&project["keys"]["pk_live"]),
            sk_live: text(&project["keys"]["sk_live"]),
        };
        let mint = json!({ "amount_priv": 1_000_000, "to": "treasury", "reason": "sandbox" });
        self.operator("/v1/admin/mint", &mint)?;
        let budget = json!({ "amount_priv": 10_000, "reason": "sandbox" });
        self.operator(&format!("/v1/admin/projects/{}/budget", demo.project_id), &budget)?;
        let consent = json!({ "analytics": true, "data_sharing": true, "source": "sandbox" });
        self.post("/v1/user/consent", &self.token, &consent)?;
        // Written last: after a crash everything is made again, and the unfinished half stays
        // unused.
        secrets::write(&path, &serde_json::to_string(&demo)?)?;
        Ok(demo)
    }

    fn operator(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        self.post(path, &self.admin_token, body)
    }

    fn post(&self, path: &str, bearer: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        let mut response = ureq::post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {bearer}"))
            .header("content-type", "application/json")
            .send(body.to_string())?;
        let text = response.body_mut().read_to_string()?;
        let mut answer: Value = serde_json::from_str(&text)?;
        Ok(answer["data"].take())
    }
}

fn random_uuid() -> Result<String, Box<dyn Error>> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}

fn print(base: &str, demo: &Demo, token: &str, admin_token: &str) -> Result<(), std::io::Error> {
    let track = |name: &str| {
        json!({
            "event_type": "track",
            "event_name": name,
            "user_id": demo.person,
            "consent_given": true,
        })
    };
    let events: Vec<Value> = (1..=20).map(|n| track(&format!("Step {n}"))).collect();
    let body = json!({ "events": events });
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "This is a sandbox: it made its own secrets, a project with a budget, and a person who \
         shares their data.\nPaste:\n"
    )?;
    writeln!(
        out,
        "BASE='{base}'\nPK='{}'\nSK='{}'\nTOKEN='{token}'\nADMIN='{admin_token}'\n",
        demo.pk_live, demo.sk_live
    )?;
    writeln!(out, "# An app sends events; each earns.")?;
    writeln!(
        out,
        "curl -s $BASE/v1/events -H \"Authorization: Bearer $PK\" \
         -H 'Content-Type: application/json' -d '{body}'\n"
    )?;
    writeln!(out, "# The person sees the pending reward grow,")?;
    writeln!(out, "curl -s $BASE/v1/user/balance -H \"Authorization: Bearer $TOKEN\"\n")?;
    writeln!(out, "# claims it,")?;
    writeln!(
        out,
        "curl -s -X POST $BASE/v1/user/earnings/claim -H \"Authorization: Bearer $TOKEN\"\n"
    )?;
    writeln!(out, "# and has it.")?;
    writeln!(out, "curl -s $BASE/v1/user/balance -H \"Authorization: Bearer $TOKEN\"\n")?;
    writeln!(out, "# An operator looks at the ledger.")?;
    writeln!(out, "curl -s $BASE/v1/admin/ledger/audit -H \"Authorization: Bearer $ADMIN\"\n")?;
    out.flush()
}
