//! A request's way through the edge.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::{Method, header};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::access_log::Line;
use super::address::{client_address, client_scheme};
use super::config::{Clock, EdgeConfig, Shared};
use super::context::RequestContext;
use super::cors;
use super::current::in_request;
use super::group::{Group, Groups};
use super::request_id::RequestIds;
use super::response::{Finished, finish};
use super::translate::translate;
use crate::auth::{Authenticator, Principal};
use crate::error::{ApiError, ErrorCode};
use crate::rate_limit::RateLimiter;

/// The middleware. Cheap to clone: make one and give it to every worker.
#[derive(Clone)]
pub struct Edge(Arc<Shared>);

impl Edge {
    /// Makes an edge of these parts. The limiter is shared so that somebody else can store its day
    /// counts.
    #[must_use]
    pub fn new(
        config: EdgeConfig,
        groups: Groups,
        authenticator: Authenticator,
        limiter: Arc<RateLimiter>,
        clock: Clock,
    ) -> Self {
        let request_ids = RequestIds::default();
        Self(Arc::new(Shared { config, groups, authenticator, limiter, clock, request_ids }))
    }
}

impl<S, B> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(EdgeService { inner: Rc::new(inner), shared: Arc::clone(&self.0) }))
    }
}

/// The middleware around one worker's routes.
pub struct EdgeService<S> {
    inner: Rc<S>,
    shared: Arc<Shared>,
}

impl<S, B> Service<ServiceRequest> for EdgeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, shared) = (Rc::clone(&self.inner), Arc::clone(&self.shared));
        Box::pin(async move {
            let started = Instant::now();
            let method = request.method().clone();
            let context = Rc::new(look_at(shared, &request).await);
            let answer = in_request(&context.request_id, async {
                let answer = match before_routing(&context, &request) {
                    Some(response) => Ok(request.into_response(response)),
                    None => call_inner(&*inner, request, &context).await,
                };
                finish_answer(&context, answer)
            });
            let answer = answer.await;
            log_answer(&context, &answer, &method, started);
            answer
        })
    }
}

/// Reads everything that the headers tell.
async fn look_at(shared: Arc<Shared>, request: &ServiceRequest) -> RequestContext {
    let received_at = (shared.clock)();
    let headers = request.headers();
    let group = shared.groups.group_of(request.path());
    let request_id = shared.request_ids.of(headers, received_at);
    let address = client_address(request.peer_addr(), headers, shared.config.trusted_proxies);
    let query_key = if group.takes_key_elsewhere(request.method()) {
        key_in_query(request.query_string())
    } else {
        None
    };
    let query_key = query_key.as_deref();
    let identity = shared.authenticator.identify(headers, query_key, address, received_at).await;
    RequestContext {
        scheme: client_scheme(headers, shared.config.trusted_proxies),
        host: headers.get(header::HOST).cloned(),
        origin: headers.get(header::ORIGIN).cloned(),
        charge: Cell::new(None),
        shared,
        request_id,
        group,
        address,
        identity,
        received_at,
    }
}

fn key_in_query(query: &str) -> Option<Cow<'_, str>> {
    if query.is_empty() {
        return None;
    }
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key").map(|(_, key)| key)
}

/// The answer, if it is known without calling a route.
fn before_routing(context: &RequestContext, request: &ServiceRequest) -> Option<HttpResponse> {
    let (method, headers) = (request.method(), request.headers());
    if cors::is_preflight(method, headers) {
        let allowed = &context.shared.config.allowed_origins;
        let answer = cors::answer_preflight(context.group, headers, allowed);
        return Some(answer.unwrap_or_else(|refusal| refusal.error_response()));
    }
    let is_key_awaited = context.group.takes_key_elsewhere(method)
        && matches!(context.principal(), Principal::Anonymous(_));
    if context.group == Group::Probe || is_key_awaited {
        return None;
    }
    context.charge_principal().err().map(|refusal| refusal.error_response())
}

async fn call_inner<S, B>(
    inner: &S,
    mut request: ServiceRequest,
    context: &Rc<RequestContext>,
) -> Result<ServiceResponse<BoxBody>, Finished>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(Rc::clone(context));
    // Routes only have GET; the connection remembers to send no body.
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let routed = async { inner.call(request).await };
    match AssertUnwindSafe(routed).catch_unwind().await {
        Ok(Ok(response)) => Ok(response.map_into_boxed_body()),
        Ok(Err(error)) => Err(Finished::new(context, &translate(&error))),
        Err(_panic) => {
            // The panic's own text was written by the panic hook.
            tracing::error!("a handler panicked");
            Err(Finished::new(context, &ApiError::new(ErrorCode::ServerError)))
        }
    }
}

fn finish_answer(
    context: &RequestContext,
    answer: Result<ServiceResponse<BoxBody>, Finished>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (request, response) = answer?.into_parts();
    Ok(ServiceResponse::new(request, finish(context, response)))
}

fn log_answer(
    context: &RequestContext,
    answer: &Result<ServiceResponse<BoxBody>, Error>,
    method: &Method,
    started: Instant,
) {
    let status = match answer {
        Ok(response) => response.status(),
        Err(finished) => finished.as_response_error().status_code(),
    };
    context.shared.config.counts.add(status, started.elapsed());
    let route = || answer.as_ref().ok().and_then(|response| response.request().match_pattern());
    Line { method, status, started }.write(context, route);
}
