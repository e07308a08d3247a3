//! A route, served and described from one declaration.
//!
//! Path, method and description are in the handler's `#[utoipa::path]`, from where `route!` takes
//! them. The table of all routes is in `router.rs`.

pub(crate) mod mount;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{FromRequest, Responder, web};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::describe::{Arguments, Draft, Outcome};
use crate::middleware::Group;

/// Makes the framework's route. Called once for each worker and each place where it is mounted.
pub(crate) type Handler = Arc<dyn Fn() -> actix_web::Route + Send + Sync>;

/// A route and all paths by which it is served.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Its description, under its own path.
    pub(crate) description: Draft,
    pub(crate) group: Group,
    /// Its own path, then its aliases.
    pub(crate) paths: Vec<ServedPath>,
    /// Whether each path is served with and without a slash at its end.
    slash_is_optional: bool,
}

/// A path by which a route is served.
pub(crate) struct ServedPath {
    pub(crate) path: String,
    /// The id of an alias's operation; `None` for a route's own path.
    pub(crate) operation_id: Option<&'static str>,
    handler: Handler,
}

/// Makes the route of a handler with `#[utoipa::path]`: `route!(user::balance::get_balance)`.
macro_rules! route {
    ($($handler:ident)::+) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler)::+))]
        struct Described;
        let described = <Described as utoipa::OpenApi>::openapi();
        $crate::route::Route::of(described, $($handler)::+)
    }};
}

pub(crate) use route;

/// Makes the framework call a handler, wherever it is mounted.
fn handled_by<F, Args>(handler: F) -> Handler
where
    F: actix_web::Handler<Args> + Send + Sync,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    Arc::new(move || web::to(handler.clone()))
}

impl Route {
    /// Makes a route of a handler, whose only operation is in `described`.
    pub(crate) fn of<F, Args>(described: OpenApi, handler: F) -> Self
    where
        F: actix_web::Handler<Args> + Send + Sync,
        F::Output: Responder + Outcome + 'static,
        Args: FromRequest + Arguments + 'static,
    {
        let path = described.paths.paths.into_iter().next();
        let (path, item) = path.expect("a handler has a path");
        let operations = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        let operation = operations.into_iter().find_map(|(method, one)| Some((method, one?)));
        let (method, operation) = operation.expect("a handler has a method");
        let operation = serde_json::to_value(operation).expect("a description is JSON");
        let mut route = Self::new(&path, method, operation, handler);
        let components = described.components.unwrap_or_default();
        route.description.schemas.add(components.schemas);
        route
    }

    /// Makes a route of a handler; `operation` states what the types of its arguments don't.
    pub(crate) fn new<F, Args>(path: &str, method: Method, operation: Value, handler: F) -> Self
    where
        F: actix_web::Handler<Args> + Send + Sync,
        F::Output: Responder + Outcome + 'static,
        Args: FromRequest + Arguments + 'static,
    {
        let mut description = Draft::of(operation);
        Args::describe(&mut description);
        description.fails_with(F::Output::FAILURES);
        let handler = handled_by(handler);
        Self {
            method,
            description,
            group: Group::Other,
            paths: vec![ServedPath { path: path.to_owned(), operation_id: None, handler }],
            slash_is_optional: false,
        }
    }

    /// Puts the route into the group by which the middleware treats it.
    pub(crate) fn in_group(self, group: Group) -> Self {
        Self { group, ..self }
    }

    /// Serves the route by another path too, where its operation has an id of its own.
    pub(crate) fn alias(self, path: &str, operation_id: &'static str) -> Self {
        let handler = Arc::clone(&self.paths[0].handler);
        self.served_by(path, operation_id, handler)
    }

    /// Serves another handler by another path, described as this route is.
    pub(crate) fn alias_with<F, Args>(
        self,
        path: &str,
        operation_id: &'static str,
        handler: F,
    ) -> Self
    where
        F: actix_web::Handler<Args> + Send + Sync,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.served_by(path, operation_id, handled_by(handler))
    }

    fn served_by(mut self, path: &str, operation_id: &'static str, handler: Handler) -> Self {
        let operation_id = Some(operation_id);
        self.paths.push(ServedPath { path: path.to_owned(), operation_id, handler });
        self
    }

    /// Serves each of its paths with and without a slash at the end, and describes it as it is
    /// written.
    pub(crate) fn with_or_without_slash(self) -> Self {
        Self { slash_is_optional: true, ..self }
    }
}
