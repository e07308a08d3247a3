//! The answers to requests about many users. Many entities do what such a request asks for; its
//! project remembers the whole answer, once all is done.

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::web;
use parking_lot::Mutex;
use priv_actors::Node;
use priv_domain::project::RememberAnswer;
use priv_domain::{EntityId, RequestTag};

use crate::error::ApiError;

/// Finds the answers that projects remember, and knows the requests that are being carried out.
pub(crate) struct Answers {
    node: Arc<Node>,
    /// The keys of the tags of requests that are being carried out.
    running: Mutex<HashSet<u128>>,
}

/// What is to be done with a request.
pub(crate) enum Begun<'a> {
    /// It was carried out before, with this answer.
    Before(Box<str>),
    /// It must be carried out now.
    Now(Turn<'a>),
}

/// Held while a request is carried out, so that a repeat is refused meanwhile.
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
    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { node, running: Mutex::default() }
    }

    /// Begins a request, unless it was carried out before.
    ///
    /// # Errors
    /// CONFLICT `request_in_flight` while the request is being carried out, IDEMPOTENCY_MISMATCH if
    /// its key was used for another request, SERVER_ERROR.
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
    /// Ends the request: from now on, repeats get this answer.
    ///
    /// # Errors
    /// SERVER_ERROR or OVERLOADED, as with any question to an actor.
    pub(crate) async fn end_with(self, body: &str, project: &EntityId) -> Result<(), ApiError> {
        let command = RememberAnswer { tag: self.tag, body: body.into() };
        let node = &self.answers.node;
        let kept = node.ask(project, command, None).await?;
        node.when_projected(kept.position).await?;
        Ok(())
    }
}
