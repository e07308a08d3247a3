//! The record of operators' actions that belong to no other entity's stream.

use super::{Event, System};
use crate::context::Context;
use crate::id::ProjectId;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::reply::Noted;

/// Gives a new project its id. A repeat of the request gets the same id.
#[derive(Clone, Debug)]
pub struct NameProject {
    /// The new project's name, for the record.
    pub name: Box<str>,
    /// The operator who makes it.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
    pub reason: Option<Box<str>>,
}

/// The reply to [`NameProject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectNamed {
    /// The new project's id.
    pub id: ProjectId,
}

/// Records what an operator did.
#[derive(Clone, Debug)]
pub struct NoteOperatorAction {
    /// The operator who acted.
    pub by: Box<str>,
    /// What they did, and to whom, for people to read.
    pub action: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn bank() -> UnderTest<System> {
        UnderTest::new(system())
    }

    fn name() -> NameProject {
        NameProject { name: "Shop".into(), by: "op".into(), reason: None }
    }

    fn note() -> NoteOperatorAction {
        let reason = Some("asked".into());
        NoteOperatorAction { by: "op".into(), action: "revoke key_1".into(), reason }
    }

    #[test]
    fn a_project_is_named_by_an_id_that_is_new() {
        let mut bank = bank();
        let id = ProjectId::new(fresh(1));
        let before = (*bank).clone();
        let step = bank.ask(name());
        let action = format!("create project {id}, Shop").into();
        assert_eq!(step.events, [Event::OperatorActed { by: "op".into(), action, reason: None }]);
        assert_eq!(step.answer, Answer::Now(ProjectNamed { id }));
        assert_eq!(*bank, before, "for the record only");
    }

    #[test]
    fn what_an_operator_did_is_written_down() {
        let mut bank = bank();
        let before = (*bank).clone();
        let step = bank.ask(note());
        let NoteOperatorAction { by, action, reason } = note();
        assert_eq!(step.events, [Event::OperatorActed { by, action, reason }]);
        assert_eq!(step.answer, Answer::Now(Noted));
        assert_eq!(*bank, before, "for the record only");
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(bank(), &name());
        check_repeats(bank(), &note());
    }
}
