//! Tests of a service whose projector dies, in one process: a real one ends with it.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use priv_blobs::BlobStore;
use priv_http::Review;
use priv_journal::disk::MemoryDisk;
use serde_json::{Value, json};

use super::*;

const OPERATOR: &str = "an operator's token of a decent length";

/// The lists that the projector keeps.
const LISTS: [&str; 4] = [
    "/v1/marketplace/wallet/listings",
    "/v1/admin/ledger/audit",
    "/v1/admin/actors/user",
    "/v1/admin/contributions",
];

fn start_failing_node(data_dir: &Path, fails: Arc<AtomicBool>) -> Arc<Node> {
    let mut options = Options::new(data_dir.to_owned());
    options.faults.projecting = Some(Arc::new(move |_| assert!(!fails.load(SeqCst), "on purpose")));
    let disk = Arc::new(MemoryDisk::new());
    Node::start(options, disk, Arc::new(SystemClock), Arc::new(|_| ())).expect("the node starts")
}

#[actix_web::test]
async fn a_dead_projector_is_no_list_and_not_ready() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let fails = Arc::new(AtomicBool::new(false));
    let node = start_failing_node(dir.path(), fails.clone());
    let blobs = BlobStore::local(&dir.path().join("blobs")).expect("the folder is made");
    let key_use = Arc::<KeyUse>::default();
    let options = StateOptions {
        claim_minimum: Settings::default().claim_minimum().expect("the default"),
        server_secret: [7; 32],
        review: Review::Manual,
    };
    let state = AppState::new(node.clone(), blobs, Arc::default(), key_use.clone(), options);
    let keys = Arc::new(ProjectKeys { node: node.clone(), key_use });
    let authenticator = Authenticator::new(keys, None, Some(OperatorToken::new(OPERATOR)));
    let clock = Arc::new(|| priv_actors::Clock::now(&SystemClock));
    let config = edge_config(&Settings::default()).expect("the defaults");
    let edge = Edge::new(config, groups(), authenticator, Arc::default(), clock);
    let app = init_service(
        App::new()
            .app_data(web::Data::new(state))
            .configure(|config| priv_http::configure(config, MetricsAt::Here))
            .wrap(edge),
    )
    .await;
    let credential = ("authorization", format!("Bearer {OPERATOR}"));
    let get = async |path: &str| {
        let mut request = TestRequest::get().uri(path);
        if path.starts_with("/v1/admin") {
            request = request.insert_header(credential.clone());
        }
        let response = call_service(&app, request.to_request()).await;
        let status = response.status();
        (status, read_body_json::<Value, _>(response).await)
    };
    let create = async |name: &str| {
        let request = TestRequest::post()
            .uri("/v1/admin/projects")
            .insert_header(credential.clone())
            .set_json(json!({"name": name}));
        call_service(&app, request.to_request()).await.status()
    };
    assert_eq!(create("before").await, StatusCode::CREATED);
    for path in LISTS.into_iter().chain(["/ready"]) {
        let (status, body) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
    }

    fails.store(true, SeqCst);
    assert_eq!(create("after").await, StatusCode::SERVICE_UNAVAILABLE);
    let heard = async {
        while !node.has_failed() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.expect("it is fatal");
    for path in LISTS.into_iter().chain(["/ready"]) {
        let (status, body) = get(path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {body}");
        assert_eq!(body["error"]["code"], "OVERLOADED", "{path}: {body}");
    }
    let (status, _) = get("/health").await;
    assert_eq!(status, StatusCode::OK);
}
