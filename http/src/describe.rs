//! What the types of a handler say of its operation: who may call it, what it reads, and how it can
//! fail. They are asked when the handler is put into the table of routes, so that the document says
//! what the code does, and none of it is written twice.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::error::{ApiError, ErrorCode, Fault, NotFound, Overloaded};
use crate::wire::member::Member;
use crate::wire::param::Params;
use crate::wire::schema::Schemas;

/// A description of an operation that is being made.
pub(crate) struct Draft {
    /// The OpenAPI operation object.
    pub(crate) operation: Value,
    /// Schemas that it refers to.
    pub(crate) schemas: Schemas,
    /// The codes with which it can fail.
    pub(crate) failures: BTreeSet<ErrorCode>,
    /// Headers that its answers have where it succeeds, beside those of all answers.
    pub(crate) headers: Vec<&'static str>,
}

/// The type of an argument of a handler.
pub(crate) trait Argument {
    /// Says what it reads and how it can refuse.
    fn describe(draft: &mut Draft);
}

/// The types of all arguments of a handler.
pub(crate) trait Arguments {
    /// Lets each say its own.
    fn describe(draft: &mut Draft);
}

/// The type of an error that a handler returns.
pub(crate) trait Failure {
    /// The codes that it can have, beside those that the handler's attribute names.
    const CODES: &'static [ErrorCode];
}

/// The type of what a handler returns.
pub(crate) trait Outcome {
    /// The codes with which it can fail.
    const FAILURES: &'static [ErrorCode];
}

impl Draft {
    /// Begins with what is already said of the operation.
    pub(crate) fn of(operation: Value) -> Self {
        Self {
            operation,
            schemas: Schemas::default(),
            failures: BTreeSet::new(),
            headers: Vec::new(),
        }
    }

    /// It can fail with these codes.
    pub(crate) fn fails_with(&mut self, codes: &[ErrorCode]) {
        self.failures.extend(codes);
    }

    /// Someone with this credential may call it; several are alternatives.
    pub(crate) fn allows(&mut self, scheme: &str, scopes: &[&str]) {
        self.push("security", json!({ scheme: scopes }));
    }

    /// Anyone may call it without a credential.
    pub(crate) fn allows_anyone(&mut self) {
        self.push("security", json!({}));
    }

    /// It reads this parameter.
    pub(crate) fn reads_parameter(&mut self, parameter: Value) {
        self.push("parameters", parameter);
    }

    /// It reads these parameters of the query.
    pub(crate) fn reads_query<P: Params>(&mut self) {
        for parameter in P::describe(&mut self.schemas) {
            self.reads_parameter(parameter);
        }
    }

    /// It reads a JSON body.
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
    /// It must be there.
    Required,
    /// It may be left out.
    Optional,
}

impl Argument for HttpRequest {
    fn describe(_: &mut Draft) {}
}

impl<T: ?Sized> Argument for web::Data<T> {
    fn describe(_: &mut Draft) {}
}

/// The body as it comes: what it is stands in the handler's attribute.
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

/// What it names may not be there.
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

/// Whoever asks an actor or a list can meet a fault or a full queue.
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
