//! Answers of requests over many users. What such a request does is done by many entities; its
//! project remembers the answer as a whole, once all is done.

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::web;
use parking_lot::Mutex;
use priv_actors::Node;
use priv_domain::project::RememberAnswer;
use priv_domain::{EntityId, RequestTag};

use crate::error::ApiError;

/// The answers that projects remember, and the requests that are being carried out.
pub(crate) struct Answers {
    node: Arc<Node>,
    /// By the key of their tags.
    running: Mutex<HashSet<u128>>,
}

/// What is known of a request.
pub(crate) enum Begun<'a> {
    /// It was carried out before, and answered so.
    Before(Box<str>),
    /// It is to be carried out now.
    Now(Turn<'a>),
}

/// Held while a request is carried out, so that a second one is told to wait.
pub(crate) struct Turn<'a> {
    answers: &'a Answers,
    tag: RequestTag,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.answers.running.lock().remove(&self.tag.key);
    }
}

impl Answers {
    /// Over a running node.
    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { node, running: Mutex::default() }
    }

    /// Begins a request, if it was not carried out before.
    ///
    /// # Errors
    /// CONFLICT `request_in_flight` while it is being carried out, IDEMPOTENCY_MISMATCH where its key
    /// was used for another, SERVER_ERROR.
    pub(crate) async fn begin(&self, tag: RequestTag) -> Result<Begun<'_>, ApiError> {
        if !self.running.lock().insert(tag.key) {
            return Err(ApiError::request_in_flight());
        }
        let turn = Turn { answers: self, tag };
        let node = Arc::clone(&self.node);
        let look = move || node.answer(tag.key, node.clock().now());
        let known = web::block(look).await.map_err(|error| ApiError::server_error(&error))??;
        match known {
            None => Ok(Begun::Now(turn)),
            Some((fingerprint, body)) if fingerprint == tag.fingerprint => {
                Ok(Begun::Before(body.into()))
            }
            Some(_) => Err(ApiError::idempotency_mismatch()),
        }
    }
}

impl Turn<'_> {
    /// Ends the request with its answer, which from now on is given again.
    ///
    /// # Errors
    /// As whoever asks an actor.
    pub(crate) async fn end_with(self, body: &str, project: &EntityId) -> Result<(), ApiError> {
        let command = RememberAnswer { tag: self.tag, body: body.into() };
        let node = &self.answers.node;
        let kept = node.ask(project, command, None).await?;
        node.when_projected(kept.position).await;
        Ok(())
    }
}
