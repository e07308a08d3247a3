//! What operators do that concerns nobody else's stream, for the record.

use super::{Event, System};
use crate::id::ProjectId;
use crate::machine::{Answer, Command, Context, Decided, Decision, Noted};

/// Gives a new project its id. A repeat of the request gets the same id.
#[derive(Clone, Debug)]
pub struct NameProject {
    /// The project's name, for the record.
    pub name: Box<str>,
    /// The operator who makes it.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

/// The reply to [`NameProject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectNamed {
    /// The new project's id.
    pub id: ProjectId,
}

/// Writes down what an operator did.
#[derive(Clone, Debug)]
pub struct NoteOperatorAction {
    /// The operator.
    pub by: Box<str>,
    /// What they did, and to whom.
    pub action: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

impl Command for NameProject {
    type Machine = System;
    type Reply = ProjectNamed;

    fn decide(self, _: &System, context: &Context<'_>) -> Decided<Self> {
        let Self { name, by, reason } = self;
        let id = ProjectId::new(context.fresh);
        let action = format!("create project {id}, {name}").into();
        let events = vec![Event::OperatorActed { by, action, reason }];
        Ok(Decision::of(events, Answer::Now(ProjectNamed { id })))
    }
}

impl Command for NoteOperatorAction {
    type Machine = System;
    type Reply = Noted;

    fn decide(self, _: &System, _: &Context<'_>) -> Decided<Self> {
        let Self { by, action, reason } = self;
        Ok(Decision::of(vec![Event::OperatorActed { by, action, reason }], Answer::Now(Noted)))
    }
}
