//! The API's routes as a table, for tests that walk through all of them.

use serde_json::json;
use ureq::http::Method;

use super::app::TestApp;
use super::caller::Caller;
use super::market;
use super::story::{PRIV, Project, encoded, page_view, send_new};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anyone: health, readiness, metrics, and public data.
    Nobody,
    /// Anyone who has the link.
    Link,
    /// An API key, publishable or secret.
    Key,
    /// A person, or a secret key that names a user.
    PersonOrSecretKey,
    /// A secret key that names a user.
    SecretKey,
    /// A signed-in person only.
    Person,
    /// Nobody but an operator.
    Operator,
}

/// The body that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The route takes no body.
    None,
    /// A JSON body, which may be left out.
    Optional,
    /// A JSON body, which is required.
    Json,
    /// Events, whatever the content type says.
    Events,
    /// A form with a file; `market.rs` sends bad ones.
    Form,
}

/// One route of the API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    method: &'static str,
    path: &'static str,
    /// Who may call it.
    pub(crate) needs: Needs,
    /// The body that it takes.
    pub(crate) body: Body,
}

const fn get(path: &'static str, needs: Needs) -> Route {
    Route { method: "GET", path, needs, body: Body::None }
}

const fn post(path: &'static str, needs: Needs, body: Body) -> Route {
    Route { method: "POST", path, needs, body }
}

/// Every route of the API.
pub(crate) const ROUTES: &[Route] = &[
    get("/health", Needs::Nobody),
    get("/ready", Needs::Nobody),
    get("/metrics", Needs::Nobody),
    get("/openapi.json", Needs::Nobody),
    get("/v1/openapi.json", Needs::Nobody),
    get("/.well-known/jwks.json", Needs::Nobody),
    get("/docs/errors/NOT_FOUND", Needs::Nobody),
    post("/v1/events", Needs::Key, Body::Events),
    post("/v1/identify", Needs::Key, Body::Events),
    post("/v1/page", Needs::Key, Body::Events),
    post("/v1/batch", Needs::Key, Body::Events),
    post("/v1/track", Needs::Key, Body::Events),
    post("/v1/t", Needs::Key, Body::Events),
    post("/v1/i", Needs::Key, Body::Events),
    post("/v1/p", Needs::Key, Body::Events),
    post("/v1/b", Needs::Key, Body::Events),
    post("/v1/a", Needs::Key, Body::Events),
    post("/v1/g", Needs::Key, Body::Events),
    post("/v1/s", Needs::Key, Body::Events),
    post("/v1/screen", Needs::Key, Body::Events),
    post("/v1/group", Needs::Key, Body::Events),
    post("/v1/alias", Needs::Key, Body::Events),
    post("/v1/import", Needs::Key, Body::Events),
    post("/i/v0/e/", Needs::Key, Body::Events),
    post("/capture", Needs::Key, Body::Events),
    post("/batch/", Needs::Key, Body::Events),
    post("/e/", Needs::Key, Body::Events),
    post("/capture/", Needs::Key, Body::Events),
    post("/i/v1/analytics/events", Needs::Key, Body::Events),
    get("/v1/analytics?start_date=2026-01-01&end_date=2026-01-02", Needs::Key),
    get("/v1/user/balance", Needs::PersonOrSecretKey),
    get("/v1/user/consent", Needs::PersonOrSecretKey),
    post("/v1/user/consent", Needs::PersonOrSecretKey, Body::Json),
    get("/v1/user/consent/history", Needs::PersonOrSecretKey),
    get("/v1/user/earnings", Needs::PersonOrSecretKey),
    post("/v1/user/earnings/claim", Needs::PersonOrSecretKey, Body::Optional),
    get("/v1/user/earnings/stream", Needs::PersonOrSecretKey),
    post("/v1/user/link", Needs::Person, Body::Json),
    post("/v1/user/link/proof", Needs::SecretKey, Body::Json),
    post("/v1/contributions/upload", Needs::Person, Body::Form),
    get("/v1/contributions", Needs::Person),
    get("{preview}", Needs::Nobody),
    get("/v1/contributions/contrib_01ARZ3NDEKTSV4RRFFQ69G5FAV", Needs::Person),
    Route {
        method: "PATCH",
        path: "/v1/contributions/contrib_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        needs: Needs::Person,
        body: Body::Json,
    },
    Route {
        method: "DELETE",
        path: "/v1/contributions/contrib_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        needs: Needs::Person,
        body: Body::None,
    },
    post("/v1/marketplace/wallet/listings", Needs::Person, Body::Json),
    get("/v1/marketplace/wallet/listings", Needs::Nobody),
    get("/v1/marketplace/wallet/listings/{listing}", Needs::Nobody),
    Route {
        method: "PUT",
        path: "/v1/marketplace/wallet/listings/{listing}",
        needs: Needs::Person,
        body: Body::Json,
    },
    post(
        "/v1/marketplace/wallet/listings/listing_01ARZ3NDEKTSV4RRFFQ69G5FAV/purchase",
        Needs::Person,
        Body::Optional,
    ),
    post(
        "/v1/marketplace/wallet/listings/listing_01ARZ3NDEKTSV4RRFFQ69G5FAV/rating",
        Needs::Person,
        Body::Json,
    ),
    get(
        "/v1/marketplace/wallet/listings/listing_01ARZ3NDEKTSV4RRFFQ69G5FAV/download",
        Needs::Person,
    ),
    get("/v1/marketplace/wallet/purchases", Needs::Person),
    get("/v1/marketplace/wallet/purchases/pur_01ARZ3NDEKTSV4RRFFQ69G5FAV", Needs::Person),
    get("/v1/marketplace/wallet/purchases/pur_01ARZ3NDEKTSV4RRFFQ69G5FAV/download", Needs::Person),
    get("/v1/marketplace/files/made-up", Needs::Link),
    get("/v1/admin/contributions", Needs::Operator),
    post(
        "/v1/admin/contributions/contrib_01ARZ3NDEKTSV4RRFFQ69G5FAV/review",
        Needs::Operator,
        Body::Json,
    ),
    post("/v1/admin/projects", Needs::Operator, Body::Json),
    get("/v1/admin/projects", Needs::Operator),
    get("/v1/admin/projects/{project}", Needs::Operator),
    Route {
        method: "PATCH",
        path: "/v1/admin/projects/{project}",
        needs: Needs::Operator,
        body: Body::Json,
    },
    get("/v1/admin/projects/{project}/keys", Needs::Operator),
    post("/v1/admin/projects/{project}/keys", Needs::Operator, Body::Json),
    get("/v1/admin/projects/{project}/keys/{key}", Needs::Operator),
    Route {
        method: "DELETE",
        path: "/v1/admin/projects/{project}/keys/{key}",
        needs: Needs::Operator,
        body: Body::None,
    },
    post("/v1/admin/projects/{project}/keys/{key}/roll", Needs::Operator, Body::Optional),
    post("/v1/admin/projects/{project}/budget", Needs::Operator, Body::Json),
    post("/v1/admin/mint", Needs::Operator, Body::Json),
    get("/v1/admin/actors", Needs::Operator),
    get("/v1/admin/actors/user", Needs::Operator),
    get("/v1/admin/actors/user/{user}", Needs::Operator),
    get("/v1/admin/actors/user/{user}/journal", Needs::Operator),
    post("/v1/admin/actors/user/{user}/snapshot", Needs::Operator, Body::None),
    post("/v1/admin/actors/user/{user}/passivate", Needs::Operator, Body::None),
    get("/v1/admin/ledger/audit", Needs::Operator),
    get("/v1/admin/journal", Needs::Operator),
];

impl Route {
    /// The route's HTTP method.
    pub(crate) fn method(&self) -> Method {
        self.method.parse().expect("the table names methods correctly")
    }

    /// The route's path, with ids of things that exist in the service under test.
    pub(crate) fn path(&self, fixture: &Fixture) -> String {
        self.path
            .replace("{project}", &fixture.project.id)
            .replace("{key}", &fixture.key_id)
            .replace("{user}", &encoded(&fixture.user))
            .replace("{listing}", &fixture.listing)
            .replace("{preview}", &fixture.preview)
    }

    /// Whether the route reads JSON.
    pub(crate) fn reads_json(&self) -> bool {
        match self.body {
            Body::Optional | Body::Json | Body::Events => true,
            Body::None | Body::Form => false,
        }
    }

    /// Whether another entry of the table has this path and `method`.
    pub(crate) fn also_takes(&self, method: &Method) -> bool {
        let same_path = |other: &&Self| other.path == self.path;
        ROUTES.iter().filter(same_path).any(|other| other.method == method.as_str())
    }
}

/// A service with some state, which refused calls must not change.
pub(crate) struct Fixture {
    pub(crate) app: TestApp,
    pub(crate) project: Project,
    /// The id of a key of the project.
    pub(crate) key_id: String,
    /// A person with events and pending rewards.
    pub(crate) user: String,
    /// A listing of another person.
    listing: String,
    /// The path of the preview of a contribution in it.
    preview: String,
}

impl Fixture {
    /// A project with a budget, and a person who has earned with it.
    pub(crate) fn new() -> Self {
        let app = TestApp::start();
        let project = app.funded_project();
        let (user, _) = app.sharing_person();
        send_new(&app.key(&project.pk_live), &[page_view(&user, "p", "https://shop.example/")]);
        let keys = app.operator().get(&format!("/v1/admin/projects/{}/keys", project.id));
        let key_id = super::story::items(keys.ok())[0]["key_id"].as_str();
        let key_id = key_id.unwrap_or_else(|| panic!("no key_id in {keys}")).to_owned();
        let (_, listing) = market::listing(&app, PRIV, json!({}));
        // The listing's deferred messages are written now, instead of a second later.
        let passivate = format!("/v1/admin/actors/listing/{listing}/passivate");
        app.operator().post(&passivate, &json!({})).ok();
        let shown = app.anonymous().get(&format!("/v1/marketplace/wallet/listings/{listing}"));
        let preview = shown.ok()["preview_samples"][0]["preview_url"].as_str().expect("a link");
        let preview = market::path_of(preview);
        Self { app, project, key_id, user, listing, preview }
    }

    /// A caller with every right to call `route`.
    pub(crate) fn entitled(&self, route: &Route) -> Caller {
        match route.needs {
            Needs::Nobody | Needs::Link => self.app.anonymous(),
            Needs::Key => self.app.key(&self.project.pk_live),
            Needs::PersonOrSecretKey | Needs::Person => self.app.person(&self.user),
            Needs::SecretKey => self.app.key(&self.project.sk_live),
            Needs::Operator => self.app.operator(),
        }
    }

    /// Makes calls that must be refused, and checks that they have changed nothing.
    #[track_caller]
    pub(crate) fn unchanged_by(&self, refused: impl FnOnce(&Self)) {
        let appended = self.app.appended_at_rest();
        let audit = self.app.assert_balanced();
        refused(self);
        assert_eq!(self.app.appended_at_rest(), appended, "a refused call was journaled");
        assert_eq!(self.app.assert_balanced(), audit, "a refused call moved money");
    }
}

/// The routes with a key in their path, for the browser SDKs of other vendors; `sdks.rs` tests
/// them.
const ASKED_BY_SDKS: [&str; 4] =
    ["/array/{key}/config", "/decide/", "/flags/", "/v1/projects/{key}/settings"];

#[test]
fn the_table_has_every_route_of_the_document() {
    let fixture = Fixture::new();
    let document = fixture.app.anonymous().get("/openapi.json");
    let paths = document.json["paths"].as_object().expect("it has paths");
    let is_in_table = |template: &str, method: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        ROUTES.iter().filter(|route| route.method.eq_ignore_ascii_case(method)).any(|route| {
            let path = route.path(&fixture);
            let path = path.split('?').next().unwrap_or_default();
            let same = |(part, own): (&&str, &str)| part.starts_with('{') || *part == own;
            path.split('/').count() == parts.len() && parts.iter().zip(path.split('/')).all(same)
        })
    };
    for (template, operations) in paths {
        if ASKED_BY_SDKS.contains(&template.as_str()) {
            continue;
        }
        let members = operations.as_object().expect("an object").iter();
        // Beside its operations a path may have servers and parameters.
        for (method, _) in members.filter(|(_, member)| member["operationId"].is_string()) {
            assert!(is_in_table(template, method), "{method} {template} is not in the table");
        }
    }
}
