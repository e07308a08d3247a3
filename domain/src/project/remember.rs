//! Remembering the answer to a request over many users.

use super::{Event, Project};
use crate::answers::RequestTag;
use crate::context::Context;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::reply::Noted;

/// Remembers the answer to a request over many users. It is kept in a list on disk, not in memory:
/// there may be many, and large ones.
#[derive(Clone, Debug)]
pub struct RememberAnswer {
    /// The tag of the request.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn remember() -> RememberAnswer {
        RememberAnswer { tag: tag(7), body: "{}".into() }
    }

    #[test]
    fn what_was_answered_goes_to_a_list_not_to_memory() {
        let mut shop = UnderTest::<Project>::new(project(1));
        let before = (*shop).clone();
        let step = shop.ask(remember());
        assert_eq!(step.events, [Event::RequestAnswered { tag: tag(7), body: "{}".into() }]);
        assert_eq!(step.answer, Answer::Now(Noted));
        assert_eq!(*shop, before);
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(UnderTest::new(project(1)), &remember());
    }
}
