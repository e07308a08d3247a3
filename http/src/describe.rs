//! Describes an operation by the types of its handler: who may call it, what it reads, and how it
//! can fail. The types are asked when the route is made, so that the document says what the code
//! does and nothing is written twice.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::error::{ApiError, ErrorCode, Fault, NotFound, Overloaded};
use crate::wire::member::Member;
use crate::wire::param::Params;
use crate::wire::schema::Schemas;

/// The description of an operation while it is being made.
pub(crate) struct Draft {
    /// The OpenAPI operation object.
    pub(crate) operation: Value,
    /// The schemas that the operation refers to.
    pub(crate) schemas: Schemas,
    /// The codes with which the operation can fail.
    pub(crate) failures: BTreeSet<ErrorCode>,
    /// The headers of its successful answers, beside those of all answers.
    pub(crate) headers: Vec<&'static str>,
}

/// A type that handlers take as an argument.
pub(crate) trait Argument {
    /// Adds what it reads and how it can refuse.
    fn describe(draft: &mut Draft);
}

/// The argument types of a handler.
pub(crate) trait Arguments {
    /// Adds what each of them says.
    fn describe(draft: &mut Draft);
}

/// A type that handlers return as an error.
pub(crate) trait Failure {
    /// The codes that it can have, beside those that the handler's attribute names.
    const CODES: &'static [ErrorCode];
}

/// A type that handlers return.
pub(crate) trait Outcome {
    /// The codes with which it can fail.
    const FAILURES: &'static [ErrorCode];
}

impl Draft {
    /// Begins with an operation object, as the handler's attribute made it.
    pub(crate) fn of(operation: Value) -> Self {
        Self {
            operation,
            schemas: Schemas::default(),
            failures: BTreeSet::new(),
            headers: Vec::new(),
        }
    }

    /// Adds codes with which the operation can fail.
    pub(crate) fn fails_with(&mut self, codes: &[ErrorCode]) {
        self.failures.extend(codes);
    }

    /// Adds a credential with which one may call; several are alternatives.
    pub(crate) fn allows(&mut self, scheme: &str, scopes: &[&str]) {
        self.push("security", json!({ scheme: scopes }));
    }

    /// Allows calls without a credential.
    pub(crate) fn allows_anyone(&mut self) {
        self.push("security", json!({}));
    }

    /// Adds a parameter object of OpenAPI, of a path, a query or a header.
    pub(crate) fn reads_parameter(&mut self, parameter: Value) {
        self.push("parameters", parameter);
    }

    /// Adds the parameters of a query.
    pub(crate) fn reads_query<P: Params>(&mut self) {
        for parameter in P::describe(&mut self.schemas) {
            self.reads_parameter(parameter);
        }
    }

    /// Adds a JSON body.
    pub(crate) fn reads_json<T: Member>(&mut self, presence: Presence) {
        let schema = T::schema(&mut self.schemas);
        let mut body = json!({ "content": { "application/json": { "schema": schema } } });
        if presence == Presence::Required {
            body["required"] = json!(true);
        }
        self.operation["requestBody"] = body;
    }

    fn push(&mut self, member: &str, value: Value) {
        match self.operation.get_mut(member).and_then(Value::as_array_mut) {
            Some(list) => list.push(value),
            None => self.operation[member] = json!([value]),
        }
    }
}

/// Whether a body may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The body must be sent.
    Required,
    /// The body may be left out.
    Optional,
}

impl Argument for HttpRequest {
    fn describe(_: &mut Draft) {}
}

impl<T: ?Sized> Argument for web::Data<T> {
    fn describe(_: &mut Draft) {}
}

/// The body as it arrives; the handler's attribute describes it.
impl Argument for web::Payload {
    fn describe(draft: &mut Draft) {
        draft.fails_with(&[
            ErrorCode::InvalidRequest,
            ErrorCode::ValidationError,
            ErrorCode::PayloadTooLarge,
            ErrorCode::UnsupportedMediaType,
        ]);
    }
}

/// What the path names may not exist.
impl<T> Argument for web::Path<T> {
    fn describe(draft: &mut Draft) {
        draft.fails_with(&[ErrorCode::NotFound]);
    }
}

macro_rules! arguments {
    ($($name:ident)*) => {
        impl<$($name: Argument),*> Arguments for ($($name,)*) {
            fn describe(_draft: &mut Draft) {
                $($name::describe(_draft);)*
            }
        }
    };
}

arguments!();
arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);
arguments!(A B C D E F G);
arguments!(A B C D E F G H);

/// Handlers that ask an actor or a list can meet a fault or a full queue.
impl Failure for ApiError {
    const CODES: &'static [ErrorCode] = &[ErrorCode::ServerError, ErrorCode::Overloaded];
}

impl Failure for Fault {
    const CODES: &'static [ErrorCode] = &[ErrorCode::ServerError];
}

impl Failure for NotFound {
    const CODES: &'static [ErrorCode] = &[ErrorCode::NotFound];
}

impl Failure for Overloaded {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Overloaded];
}

impl Outcome for HttpResponse {
    const FAILURES: &'static [ErrorCode] = &[];
}

impl<E: Failure> Outcome for Result<HttpResponse, E> {
    const FAILURES: &'static [ErrorCode] = E::CODES;
}
