//! Takes events in, in whatever dialect they come.
//!
//! A request's events are grouped by user, and each user's go to their actor as one command. The
//! answer leaves when all of them are on disk.

mod collect;
mod store;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, web};
use priv_actors::ask::Origin;
use priv_domain::EntityId;
use serde_json::json;

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::extract::body::{BodyLimits, read_body};
use crate::extract::caller::IngestKey;
use crate::idempotency::answers::Begun;
use crate::idempotency::{Idempotency, fingerprint, with_origin};
use crate::ingest::{
    Arrival, CAPTURE_ANSWER, Dialect, Listed, PostHogRoute, Unreadable, capture_v1_answer,
    events_answer, moment, parse,
};
use crate::middleware::RequestContext;
use crate::state::AppState;
use crate::wire::depth::{MAX_DEPTH, nests_too_deep};
use crate::wire::member::OrDefault;
use crate::wire::param::{Flag, query, read_lenient_query};
use collect::Collected;
use store::Stored;

/// The arguments of the handler of events.
pub(crate) type Arguments =
    (HttpRequest, web::Payload, IngestKey, Idempotency, SentOptions, web::Data<AppState>);

/// The handler of `POST /events` and its relatives, for bodies in this dialect.
pub(crate) fn ingest(
    dialect: Dialect,
) -> impl Handler<Arguments, Output = Result<HttpResponse, ApiError>> + Send + Sync {
    move |request, payload: web::Payload, key, idempotency, options, state| {
        take(dialect, request, payload.into_inner(), key, idempotency, options, state)
    }
}

async fn take(
    dialect: Dialect,
    request: HttpRequest,
    payload: Payload,
    ingest_key: IngestKey,
    idempotency: Idempotency,
    options: SentOptions,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let context = RequestContext::of(&request)?;
    context.check_address()?;
    let bytes = read_body(&request, payload, BodyLimits::EVENTS).await?;
    let parsed = parse(&bytes, dialect, arrival(&request, &context));
    // Who calls is checked before what is wrong with the body.
    let named = parsed.as_ref().ok().and_then(|batch| batch.write_key.as_deref());
    let key = ingest_key.resolve(named)?;
    let batch = parsed.map_err(|unreadable| unreadable_body(&unreadable))?;
    if batch.events.iter().all(Result::is_err) && nests_too_deep(&bytes) {
        return Err(ApiError::invalid_request(format!(
            "The body is nested more than {MAX_DEPTH} levels deep: flatten it"
        )));
    }

    let options = options.read(dialect)?;
    let tag = idempotency.tag_of_project(key.project, key.environment, || fingerprint(&bytes));
    let turn = match tag {
        Some(tag) if !options.dry_run => match state.answers.begin(tag).await? {
            Begun::Before(body) => {
                return Ok(with_origin(json_answer(body.into()), Origin::Replayed));
            }
            Begun::Now(turn) => Some(turn),
        },
        Some(_) | None => None,
    };
    let collected = Collected::new(batch, &key, &context, tag);
    let stored =
        store::store(&state, &key, collected, options.privacy_control, options.dry_run).await?;
    let body = options.answer(&stored);
    // What was not stored for lack of room must be sent again, so that answer must not be repeated.
    if let Some(turn) = turn.filter(|_| !stored.is_overloaded()) {
        turn.end_with(&body, &EntityId::project(key.environment, key.project)).await?;
    }
    Ok(json_answer(body))
}

/// When the request came, and when it was sent, if a header or the query says so.
fn arrival(request: &HttpRequest, context: &RequestContext) -> Arrival {
    let header = request.headers().get("posthog-request-timestamp");
    let in_header = header.and_then(|value| value.to_str().ok()).and_then(moment);
    let in_query = || {
        let mut query = form_urlencoded::parse(request.query_string().as_bytes());
        let (_, text) = query.find(|(name, _)| name == "_")?;
        moment(&text)
    };
    Arrival { received: context.received_at(), sent: in_header.or_else(in_query) }
}

fn unreadable_body(unreadable: &Unreadable) -> ApiError {
    match unreadable {
        Unreadable::TooMany { .. } => {
            ApiError::new(ErrorCode::PayloadTooLarge).with_message(unreadable.to_string())
        }
        Unreadable::Empty
        | Unreadable::NotUtf8 { .. }
        | Unreadable::NotJson { .. }
        | Unreadable::NoEvent
        | Unreadable::NotAList
        | Unreadable::Form(_) => ApiError::invalid_request(unreadable.to_string()),
    }
}

query! {
    /// The query of the routes that take events.
    struct IngestQuery {
        /// Lists accepted events too, not only the others.
        verbose: OrDefault<Flag>,
        /// Returns the verdicts without storing anything.
        dry_run: OrDefault<Flag>,
    }
}

/// What the request says besides its events. It is read after the key, since who calls is checked
/// before what is wrong.
pub(crate) struct SentOptions {
    query: String,
    privacy_control: bool,
}

impl FromRequest for SentOptions {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            query: request.query_string().to_owned(),
            privacy_control: request.headers().get("sec-gpc").is_some_and(|v| v == "1"),
        }))
    }
}

impl Argument for SentOptions {
    fn describe(draft: &mut Draft) {
        draft.reads_query::<IngestQuery>();
        draft.reads_parameter(json!({
            "name": "Sec-GPC",
            "in": "header",
            "required": false,
            "description": "`1` refuses `data_sharing` and `marketing`, unless the user has a \
                newer record.",
            "schema": { "type": "string" },
        }));
        draft.fails_with(&[ErrorCode::ValidationError]);
    }
}

impl SentOptions {
    /// Refuses values that can't be read: a dry run with a typing error must not store events.
    fn read(self, dialect: Dialect) -> Result<IngestOptions, ApiError> {
        let IngestQuery { verbose, dry_run } = read_lenient_query(&self.query)?;
        Ok(IngestOptions {
            dialect,
            listed: match verbose.0 {
                Flag::Yes => Listed::All,
                Flag::No => Listed::Exceptions,
            },
            dry_run: dry_run.0 == Flag::Yes,
            privacy_control: self.privacy_control,
        })
    }
}

/// What the request wants besides having its events stored.
struct IngestOptions {
    dialect: Dialect,
    listed: Listed,
    dry_run: bool,
    privacy_control: bool,
}

impl IngestOptions {
    fn answer(&self, stored: &Stored) -> String {
        match self.dialect {
            Dialect::Priv(_) | Dialect::Segment(_) => {
                events_answer(&stored.outcomes, stored.earned, self.listed)
            }
            Dialect::PostHog(PostHogRoute::V1) => capture_v1_answer(&stored.outcomes),
            Dialect::PostHog(PostHogRoute::Capture | PostHogRoute::Batch) => {
                CAPTURE_ANSWER.to_owned()
            }
        }
    }
}

fn json_answer(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body)
}
