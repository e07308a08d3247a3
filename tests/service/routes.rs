//! The contract's routes as a table, for tests that walk all of them.

use ureq::http::Method;

use super::app::TestApp;
use super::caller::Caller;
use super::story::{Project, encoded, page_view, send_new};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anyone: health, readiness, metrics.
    Nobody,
    /// An API key, publishable or secret.
    Key,
    /// A person, or a secret key that names a user.
    PersonOrSecretKey,
    /// A person.
    Person,
    /// An operator.
    Operator,
}

/// What a route does with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// It has none.
    None,
    /// JSON, which may be left out.
    Optional,
    /// JSON.
    Json,
    /// Events, whatever the content type says.
    Events,
}

/// One route of the contract.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    method: &'static str,
    path: &'static str,
    /// Who may call it.
    pub(crate) needs: Needs,
    /// What it does with a body.
    pub(crate) body: Body,
}

const fn get(path: &'static str, needs: Needs) -> Route {
    Route { method: "GET", path, needs, body: Body::None }
}

const fn post(path: &'static str, needs: Needs, body: Body) -> Route {
    Route { method: "POST", path, needs, body }
}

/// All of them.
pub(crate) const ROUTES: &[Route] = &[
    get("/health", Needs::Nobody),
    get("/ready", Needs::Nobody),
    get("/metrics", Needs::Nobody),
    post("/v1/events", Needs::Key, Body::Events),
    post("/v1/identify", Needs::Key, Body::Events),
    post("/v1/page", Needs::Key, Body::Events),
    post("/v1/batch", Needs::Key, Body::Events),
    post("/v1/track", Needs::Key, Body::Events),
    post("/v1/t", Needs::Key, Body::Events),
    post("/v1/i", Needs::Key, Body::Events),
    post("/v1/p", Needs::Key, Body::Events),
    post("/v1/b", Needs::Key, Body::Events),
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
    post("/v1/user/link/proof", Needs::PersonOrSecretKey, Body::Json),
    get("/v1/contributions", Needs::Person),
    get("/v1/contributions/contrib_01ARZ3NDEKTSV4RRFFQ69G5FAV", Needs::Person),
    Route {
        method: "DELETE",
        path: "/v1/contributions/contrib_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        needs: Needs::Person,
        body: Body::None,
    },
    post("/v1/marketplace/wallet/listings", Needs::Person, Body::Json),
    get("/v1/marketplace/wallet/listings", Needs::Nobody),
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
    /// Its method.
    pub(crate) fn method(&self) -> Method {
        self.method.parse().expect("the table names methods correctly")
    }

    /// Its path in this world.
    pub(crate) fn path(&self, world: &World) -> String {
        self.path
            .replace("{project}", &world.project.id)
            .replace("{key}", &world.key_id)
            .replace("{user}", &encoded(&world.user))
    }

    /// Whether another entry of the table has this path and `method`.
    pub(crate) fn also_takes(&self, method: &Method) -> bool {
        let same_path = |other: &&Self| other.path == self.path;
        ROUTES.iter().filter(same_path).any(|other| other.method == method.as_str())
    }
}

/// A service with something in it that must stay as it is.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) project: Project,
    /// The id of a key of the project.
    pub(crate) key_id: String,
    /// A person with events and pending rewards.
    pub(crate) user: String,
}

impl World {
    /// A project with a budget, and a person who has earned with it.
    pub(crate) fn new() -> Self {
        let app = TestApp::start();
        let project = app.funded_project();
        let (user, _) = app.sharing_person();
        send_new(&app.key(&project.pk_live), &[page_view(&user, "p", "https://shop.example/")]);
        let keys = app.operator().get(&format!("/v1/admin/projects/{}/keys", project.id));
        let key_id = super::story::items(keys.ok())[0]["key_id"].as_str();
        let key_id = key_id.unwrap_or_else(|| panic!("no key_id in {keys}")).to_owned();
        Self { app, project, key_id, user }
    }

    /// Someone with every right to call `route`.
    pub(crate) fn entitled(&self, route: &Route) -> Caller {
        match route.needs {
            Needs::Nobody => self.app.anonymous(),
            Needs::Key => self.app.key(&self.project.pk_live),
            Needs::PersonOrSecretKey | Needs::Person => self.app.person(&self.user),
            Needs::Operator => self.app.operator(),
        }
    }

    /// Runs what must be refused, and makes sure that it has changed nothing.
    #[track_caller]
    pub(crate) fn unchanged_by(&self, refused: impl FnOnce(&Self)) {
        let appended = self.app.appended_at_rest();
        let audit = self.app.assert_balanced();
        refused(self);
        assert_eq!(self.app.appended_at_rest(), appended, "a refused call was journaled");
        assert_eq!(self.app.assert_balanced(), audit, "a refused call moved money");
    }
}
