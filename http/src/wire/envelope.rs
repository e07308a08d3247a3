//! The envelope of successful answers: `{"success":true,"data":…}`.
//!
//! Data is serialised straight into the body's buffer, without a tree in between.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;

/// An answer's data, in the envelope.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<T> {
    success: bool,
    data: T,
}

impl<T> Success<T> {
    /// Puts data into the envelope.
    pub(crate) fn of(data: T) -> Self {
        Self { success: true, data }
    }
}

/// Answers 200 with the data in the envelope.
#[must_use]
pub fn ok(data: &impl Serialize) -> HttpResponse {
    answer(StatusCode::OK, None, data)
}

/// Answers 201 with the data in the envelope, and the new resource's path in `Location`.
#[must_use]
pub fn created(location: &str, data: &impl Serialize) -> HttpResponse {
    answer(StatusCode::CREATED, Some(location), data)
}

/// The bytes of the envelope, for answers that are stored and given again.
///
/// # Errors
/// `data` can't be written as JSON, for instance a map whose keys are not texts.
pub fn write(data: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut buffer = Vec::with_capacity(256);
    serde_json::to_writer(&mut buffer, &Success::of(data))?;
    Ok(buffer)
}

fn answer(status: StatusCode, location: Option<&str>, data: &impl Serialize) -> HttpResponse {
    let body = match write(data) {
        Ok(body) => body,
        Err(error) => return HttpResponse::from_error(ApiError::server_error(&error)),
    };
    let mut response = HttpResponse::build(status);
    response.content_type("application/json");
    if let Some(location) = location {
        response.insert_header((header::LOCATION, location));
    }
    response.body(body)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn what_is_created_says_where_it_is() {
        let response = created("/v1/things/1", &serde_json::json!({"id": 1}));
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers().get("location").map(|value| value.as_bytes());
        assert_eq!(location, Some(&b"/v1/things/1"[..]));
        let body = to_bytes(response.into_body()).await.expect("the body is in memory");
        assert_eq!(body, r#"{"success":true,"data":{"id":1}}"#);
    }

    #[actix_web::test]
    async fn data_that_can_not_be_json_is_our_failure_and_not_half_an_answer() {
        let response = ok(&std::collections::HashMap::from([(vec![1u8], 1)]));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
