//! Remembering what a request over many users was answered.

use super::{Event, Project};
use crate::answers::RequestTag;
use crate::machine::{Answer, Command, Context, Decided, Decision, Noted};

/// Remembers what a request over many users was answered. In a list, not in memory: there may be
/// many, and large ones.
#[derive(Clone, Debug)]
pub struct RememberAnswer {
    /// The request.
    pub tag: RequestTag,
    /// The body of the answer.
    pub body: Box<str>,
}

impl Command for RememberAnswer {
    type Machine = Project;
    type Reply = Noted;

    fn decide(self, _: &Project, _: &Context<'_>) -> Decided<Self> {
        let Self { tag, body } = self;
        Ok(Decision::of(vec![Event::RequestAnswered { tag, body }], Answer::Now(Noted)))
    }
}
