//! Mounts routes in the framework.
//!
//! The framework tries its resources one after the other, so those whose paths begin alike are put
//! under one scope: a request is compared with the scopes, and then with what is in its own.

use std::future::ready;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Scope};

use super::{Handler, Route};
use crate::error::ApiError;

/// The prefix of the API's paths.
const VERSION: &str = "/v1";

/// Both prefixes under which the API is served.
const PREFIXES: [&str; 2] = [VERSION, "/api/v1"];

/// Serves these routes: those of the API under both of its prefixes, others at the root.
pub(crate) fn mount<'a>(routes: impl IntoIterator<Item = &'a Route>, config: &mut ServiceConfig) {
    let resources = resources(routes);
    let is_versioned = |served: &&Served<'_>| rest_of(&served.path, VERSION).is_some();
    let (versioned, others): (Vec<_>, Vec<_>) = resources.iter().partition(is_versioned);
    if !versioned.is_empty() {
        for prefix in PREFIXES {
            config.service(versioned_scope(prefix, &versioned));
        }
    }
    for served in others {
        config.service(served.at(&served.path));
    }
}

/// Answers requests for which there is no route.
///
/// # Errors
/// NOT_FOUND, always.
pub(crate) async fn no_such_route() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("There is no such route: they are all under /v1"))
}

/// A path and all its routes, one for each method.
struct Served<'a> {
    path: String,
    routes: Vec<(&'a Method, &'a Handler)>,
}

/// The routes by path, in the order in which paths occur first.
fn resources<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Vec<Served<'a>> {
    let mut resources: Vec<Served<'a>> = Vec::new();
    for route in routes {
        for served in &route.paths {
            let twin = route.slash_is_optional.then(|| twin(&served.path));
            for path in [Some(served.path.clone()), twin].into_iter().flatten() {
                let entry = (&route.method, &served.handler);
                match resources.iter_mut().find(|known| known.path == path) {
                    Some(known) => known.routes.push(entry),
                    None => resources.push(Served { path, routes: vec![entry] }),
                }
            }
        }
    }
    resources
}

/// The same path with a slash at its end, or without it if it has one.
fn twin(path: &str) -> String {
    path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned)
}

fn versioned_scope(prefix: &str, versioned: &[&Served<'_>]) -> Scope {
    let mut scope = web::scope(prefix);
    for branch in branches(versioned) {
        scope = match branch.served.as_slice() {
            [only] => scope.service(only.at(below(only, VERSION))),
            several => {
                let prefix = format!("{VERSION}{}", branch.name);
                let inner = web::scope(branch.name);
                let inner = several
                    .iter()
                    .fold(inner, |inner, served| inner.service(served.at(below(served, &prefix))));
                scope.service(inner)
            }
        };
    }
    scope.default_service(web::to(no_such_route))
}

/// Paths that begin with the same segment.
struct Branch<'a> {
    /// Their first segment after the version, with its slash: `/user`.
    name: &'a str,
    served: Vec<&'a Served<'a>>,
}

fn branches<'a>(versioned: &[&'a Served<'a>]) -> Vec<Branch<'a>> {
    let mut branches: Vec<Branch<'a>> = Vec::new();
    for served in versioned {
        let path = below(served, VERSION);
        let end = path.get(1..).and_then(|path| path.find('/')).map_or(path.len(), |at| at + 1);
        let name = &path[..end];
        match branches.iter_mut().find(|known| known.name == name) {
            Some(known) => known.served.push(served),
            None => branches.push(Branch { name, served: vec![served] }),
        }
    }
    branches
}

/// The rest of a path that begins with `prefix`.
fn below<'a>(served: &'a Served<'_>, prefix: &str) -> &'a str {
    rest_of(&served.path, prefix).unwrap_or(&served.path)
}

/// The rest of a path, if its first segments are `prefix`.
fn rest_of<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Served<'_> {
    /// The framework's resource, with its methods; all others are METHOD_NOT_ALLOWED.
    fn at(&self, path: &str) -> Resource {
        let mut resource = web::resource(path);
        for (method, handler) in &self.routes {
            resource = resource.route(handler().method((*method).clone()));
        }
        let allow = self.allow();
        let refuse =
            move || ready(Err::<HttpResponse, _>(ApiError::method_not_allowed(allow.clone())));
        resource.default_service(web::route().to(refuse))
    }

    /// The value of `Allow`, such as `GET, POST`.
    fn allow(&self) -> String {
        let order = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let has = |method: &&Method| self.routes.iter().any(|(known, _)| known == method);
        let names: Vec<&str> = order.iter().filter(has).map(Method::as_str).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::http::header;
    use actix_web::test::{TestRequest, call_service, init_service};
    use serde_json::Value;

    use super::*;

    fn route(method: Method, path: &str) -> Route {
        Route::new(path, method, Value::Null, async || HttpResponse::Ok().finish())
    }

    #[actix_web::test]
    async fn a_route_is_served_by_all_of_its_paths_and_its_methods_only() {
        let routes = [
            route(Method::POST, "/v1/things").alias("/v1/t", "also_things"),
            route(Method::GET, "/v1/things"),
            route(Method::DELETE, "/v1/things/{id}"),
            route(Method::GET, "/v1/things/{id}"),
            route(Method::POST, "/e/").with_or_without_slash(),
        ];
        let app = App::new().configure(|config| mount(&routes, config));
        let app = init_service(app.default_service(web::to(no_such_route))).await;
        // method, path, status, Allow
        let table = [
            ("GET", "/v1/things", 200, None),
            ("POST", "/v1/things", 200, None),
            ("GET", "/api/v1/things", 200, None),
            ("DELETE", "/api/v1/things/7", 200, None),
            ("POST", "/v1/t", 200, None),
            ("POST", "/e", 200, None),
            ("POST", "/e/", 200, None),
            ("PUT", "/v1/things", 405, Some("GET, POST")),
            ("PATCH", "/v1/things/7", 405, Some("GET, DELETE")),
            ("GET", "/v1/t", 405, Some("POST")),
            ("GET", "/e", 405, Some("POST")),
            ("GET", "/v1/things/", 404, None),
            ("GET", "/v1/things/7/8", 404, None),
            ("GET", "/v1/thing", 404, None),
            ("GET", "/things", 404, None),
            ("POST", "/api/e", 404, None),
        ];
        for (method, path, status, allow) in table {
            let method = method.parse().expect("a method");
            let request = TestRequest::default().method(method).uri(path).to_request();
            let answer = call_service(&app, request).await;
            let told = answer.headers().get(header::ALLOW).and_then(|value| value.to_str().ok());
            assert_eq!((answer.status().as_u16(), told), (status, allow), "{path}");
        }
    }
}
