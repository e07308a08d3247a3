//! Checks of a table: guards in their order, bounds, and repeated requests.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::names::{other_body, tag};
use super::under_test::{Holder, Step, UnderTest};
use crate::answers::RequestTag;
use crate::context::Context;
use crate::machine::{Answer, Command, Decided, Decision, Handled, Machine};
use crate::reply::{AnyReply, ReplyToken};

/// The refusal of a command, if it is refused.
pub(crate) fn refusal<C: Command + Clone>(
    (entity, command): &(UnderTest<C::Machine>, C),
) -> Option<<C::Machine as Machine>::Refusal>
where
    C::Machine: Holder,
{
    command.clone().decide(&entity.entity.machine, &entity.context()).err()
}

/// Checks guards, one a row and in their order: the break that a guard is there for, and its
/// refusal. A sound state is not refused, each break alone shows its refusal, and a break together
/// with all that follow shows the first one's. Later breaks are made first, so that an earlier one
/// may undo what excludes it.
pub(crate) fn check_guards<S: Clone, R: Debug + PartialEq>(
    sound: &S,
    refusal: impl Fn(&S) -> Option<R>,
    guards: &[(fn(&mut S), R)],
) {
    assert_eq!(refusal(sound), None, "what is sound is not refused");
    let mut all = sound.clone();
    for (place, (make, expected)) in guards.iter().enumerate().rev() {
        make(&mut all);
        assert_eq!(refusal(&all).as_ref(), Some(expected), "guard {place} and those that follow");
    }
    // The last break was alone just now.
    for (place, (make, expected)) in guards.iter().enumerate().rev().skip(1) {
        let mut alone = sound.clone();
        make(&mut alone);
        assert_eq!(refusal(&alone).as_ref(), Some(expected), "guard {place} alone");
    }
}

/// Checks bounds, one a row: a change to a sound state, and the refusal, if there is one.
pub(crate) fn check_edges<S: Clone, R: Debug + PartialEq>(
    sound: &S,
    refusal: impl Fn(&S) -> Option<R>,
    rows: &[(fn(&mut S), Option<R>)],
) {
    for (place, (change, expected)) in rows.iter().enumerate() {
        let mut state = sound.clone();
        change(&mut state);
        assert_eq!(refusal(&state), *expected, "row {place}");
    }
}

/// A command whose reply is like no other's.
#[derive(Clone, Debug)]
struct OtherCommand<M>(PhantomData<fn() -> M>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct OtherReply;

impl<M: Machine> Command for OtherCommand<M> {
    type Machine = M;
    type Reply = OtherReply;

    fn decide(self, _: &M, _: &Context<'_>) -> Decided<Self> {
        Ok(Decision::reply(OtherReply))
    }
}

/// Checks a repeat of a request that was answered: it gets the same reply and changes nothing; its
/// key with another body or for another command is a mismatch.
pub(crate) fn check_replays<C: Command + Clone>(
    entity: &mut UnderTest<C::Machine>,
    request: RequestTag,
    command: &C,
    reply: &C::Reply,
) where
    C::Machine: Holder,
    C::Reply: PartialEq,
{
    let before = entity.entity.clone();
    let mut repeat = |request| {
        entity.request = Some(request);
        entity.handle(command.clone())
    };
    let again = repeat(request);
    assert!(matches!(&again, Handled::Replayed(again) if again == reply), "{again:?}");
    let other = repeat(other_body(request));
    assert!(matches!(other, Handled::Mismatch), "{other:?}");
    entity.request = Some(request);
    let other = entity.handle(OtherCommand(PhantomData));
    assert!(matches!(other, Handled::Mismatch), "{other:?}");
    assert_eq!(entity.entity, before, "a repeat changes nothing");
}

/// Checks a command that is answered at once, and its repeats.
pub(crate) fn check_repeats<C: Command + Clone>(mut entity: UnderTest<C::Machine>, command: &C)
where
    C::Machine: Holder,
    C::Reply: PartialEq,
{
    entity.request = Some(tag(1));
    let step = entity.ask(command.clone());
    let Answer::Now(reply) = step.answer else { panic!("answered at once: {step:?}") };
    assert_eq!(step.remembered, Some((tag(1), AnyReply::new(reply.clone()))));
    check_replays(&mut entity, tag(1), command, &reply);
}

/// Checks a command that is answered later, and its repeats. While it is under way a repeat is
/// refused, whatever its body; after a good end it gets the reply; after a bad end it is tried
/// again.
pub(crate) fn check_repeats_later<C: Command + Clone>(
    entity: &UnderTest<C::Machine>,
    command: &C,
    under_way: &<C::Machine as Machine>::Refusal,
    good_end: impl FnOnce(&mut UnderTest<C::Machine>) -> Step<C::Machine>,
    bad_end: Option<fn(&mut UnderTest<C::Machine>) -> Step<C::Machine>>,
) where
    C::Machine: Holder,
    C::Reply: PartialEq,
    <C::Machine as Machine>::Refusal: PartialEq,
{
    let mut entity = entity.clone();
    entity.request = Some(tag(1));
    let token = ReplyToken(entity.context().fresh);
    let step = entity.ask(command.clone());
    assert!(matches!(step.answer, Answer::Later(later) if later == token), "{:?}", step.answer);
    assert_eq!(step.remembered, None, "nothing is answered yet");
    let before = entity.entity.clone();
    for request in [tag(1), other_body(tag(1))] {
        entity.request = Some(request);
        let again = entity.handle(command.clone());
        assert!(matches!(&again, Handled::Refused(why) if why == under_way), "{again:?}");
    }
    assert_eq!(entity.entity, before, "a refusal changes nothing");
    if let Some(bad_end) = bad_end {
        let mut entity = entity.clone();
        let step = bad_end(&mut entity);
        assert!(matches!(step.completed, Some((ended, Err(_))) if ended == token), "{step:?}");
        assert_eq!(step.remembered, None, "a refusal is not remembered");
        entity.request = Some(tag(1));
        assert!(matches!(entity.ask(command.clone()).answer, Answer::Later(_)), "tried again");
    }
    let step = good_end(&mut entity);
    let Some((ended, Ok(reply))) = &step.completed else { panic!("no good end: {step:?}") };
    assert_eq!(*ended, token);
    assert_eq!(step.remembered, Some((tag(1), reply.clone())));
    let reply = reply.get::<C::Reply>().expect("the command's reply").clone();
    check_replays(&mut entity, tag(1), command, &reply);
}
