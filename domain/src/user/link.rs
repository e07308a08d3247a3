//! Linking: a project user or an anonymous user becomes a person, and gives them all they have.

use super::accepting::{accepted_event, may_hold};
use super::opening;
use super::{Event, Links, MAX_LINKED, Refusal, User};
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::ExchangeId;
use crate::machine::{Command, Decided, Decision};
use crate::message::NotTaken;
use crate::money::Micros;
use crate::transfer::{LinkedAccrual, LinkedUser, Purpose, Transfer, UserPurpose};

/// Gives all that this user has to a person. The user earns nothing more: events that still come
/// for them are the person's.
#[derive(Clone, Debug)]
pub struct BecomePerson {
    /// The person whom the user becomes.
    pub person: EntityId,
}

/// The reply to [`BecomePerson`], once the person has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The balance that moved, in micros.
    pub moved_balance: Micros,
    /// The pending rewards that moved, in micros.
    pub moved_pending: Micros,
}

impl Command for BecomePerson {
    type Machine = User;
    type Reply = Linked;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { person } = self;
        match user.became() {
            Some(became) if *became != person => return Err(Refusal::AlreadyLinked),
            Some(_) if !user.outbox.is_empty() => return Err(Refusal::LinkUnderWay),
            // Nothing is left to move, so a repeat has no effect.
            Some(_) => {
                let nothing = Linked { moved_balance: Micros::ZERO, moved_pending: Micros::ZERO };
                return Ok(Decision::reply(nothing));
            }
            None => {}
        }
        if !user.claims.is_empty() || !user.outbox.is_empty() {
            return Err(Refusal::RequestUnderWay);
        }
        // Unclaimed sales are money, not a promise, and must be claimed first: a link has no
        // posting that could move them from one account class to another, or back.
        if !user.unclaimed_sales().is_zero() {
            return Err(Refusal::RequestUnderWay);
        }
        let transfer = Transfer {
            id: ExchangeId::new(context.fresh),
            to: person,
            amount: user.available,
            purpose: Purpose::ToUser(UserPurpose::Link(Box::new(all_of(user)))),
        };
        Ok(opening::open(Exchange::Transfer(transfer), context).decision())
    }
}

fn all_of(user: &User) -> LinkedUser {
    let accruals = user.accruals.iter().map(|accrual| LinkedAccrual {
        payer: accrual.payer,
        pending: accrual.pending,
        claimed: accrual.claimed,
        today: accrual.today,
    });
    LinkedUser {
        accruals: accruals.collect(),
        consent: user.consent.as_deref().cloned(),
        privacy_control_since: user.privacy_control_since,
    }
}

pub(super) fn linked(moved_balance: Micros, linked: &LinkedUser) -> Linked {
    let pending = linked.accruals.iter().map(|accrual| accrual.pending);
    Linked { moved_balance, moved_pending: pending.fold(Micros::ZERO, Micros::saturating_add) }
}

/// Decides on what a user brings to the person whom they become. The user's consent holds for a
/// person who was never asked.
pub(super) fn receive_linked(
    person: &User,
    from: &EntityId,
    transfer: &Transfer,
    linked: &LinkedUser,
) -> Result<Decision<User>, NotTaken> {
    may_hold(person)?;
    let earned = linked
        .accruals
        .iter()
        .try_fold(Micros::ZERO, |sum, accrual| {
            sum.checked_add(accrual.pending)?.checked_add(accrual.claimed)
        })
        .and_then(|earned| person.earned_total_with(earned));
    if earned.is_none() {
        return Err(NotTaken::Busy);
    }
    let mut events = vec![accepted_event(from.clone(), transfer.clone())];
    if let (None, Some(record)) = (&person.consent, &linked.consent) {
        events.push(Event::ConsentChanged(Box::new(record.clone())));
    }
    Ok(Decision::because(events))
}

pub(super) fn apply_opened(user: &mut User, person: &EntityId) {
    user.links_mut().became = Some(person.clone());
    user.accruals.clear();
}

pub(super) fn apply_linked(
    person: &mut User,
    from: &EntityId,
    amount: Micros,
    linked: &LinkedUser,
) {
    add_accruals(person, &linked.accruals);
    person.privacy_control_since = person.privacy_control_since.max(linked.privacy_control_since);
    let absorbed = &mut person.links_mut().absorbed;
    if absorbed.len() >= MAX_LINKED {
        absorbed.remove(0);
    }
    absorbed.push(from.key.as_ref().into());
    person.available.credit(amount);
}

pub(super) fn apply_returned(user: &mut User, linked: &LinkedUser) {
    add_accruals(user, &linked.accruals);
    if let Some(links) = &mut user.links {
        links.became = None;
        if **links == Links::default() {
            user.links = None;
        }
    }
}

fn add_accruals(user: &mut User, accruals: &[LinkedAccrual]) {
    for linked in accruals {
        let accrual = user.accrual_mut(linked.payer);
        accrual.pending.credit(linked.pending);
        accrual.claimed.credit(linked.claimed);
        accrual.today = accrual.today.and(linked.today);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::ConsentRecord;
    use crate::context::Asked;
    use crate::earning::{DayEarnings, Payer};
    use crate::exchange::{OpenExchange, accepted, forget, refused};
    use crate::machine::{Answer, Machine};
    use crate::message::{Message, NotSold};
    use crate::reply::{AnyReply, ReplyToken};
    use crate::testing::*;
    use crate::time::Day;

    const PROJECT: Payer = Payer::Project(project_id(1));

    fn bob() -> EntityId {
        person("bob")
    }

    fn become_bob() -> BecomePerson {
        BecomePerson { person: bob() }
    }

    fn accrual(payer: Payer, pending: u64, claimed: u64, day: i64) -> LinkedAccrual {
        let today = DayEarnings { day: Day::new(day), earned: micros(pending), events: 1 };
        LinkedAccrual { payer, pending: micros(pending), claimed: micros(claimed), today }
    }

    /// Ada's earnings: 5 with the pool and 7 with a project, of which 4 are claimed.
    fn earned() -> [LinkedAccrual; 2] {
        [accrual(Payer::Pool, 5, 0, 3), accrual(PROJECT, 3, 4, 3)]
    }

    /// Ada can spend 9.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| {
            ada.available = micros(9);
            add_accruals(ada, &earned());
            ada.consents(true);
            ada.privacy_control_since = Some(NOW);
        })
    }

    /// The transfer of all that Ada has to Bob.
    fn link(id: u128) -> Transfer {
        let linked = LinkedUser {
            accruals: earned().to_vec(),
            consent: ada().consent.as_deref().cloned(),
            privacy_control_since: Some(NOW),
        };
        let purpose = Purpose::ToUser(UserPurpose::Link(Box::new(linked)));
        Transfer { id: ExchangeId::new(id), to: bob(), amount: micros(9), purpose }
    }

    fn accepted_link() -> Message {
        Message::Accepted { exchange: ExchangeId::new(fresh(1)), summary: None }
    }

    fn refused_link(why: NotTaken) -> Message {
        Message::Refused { exchange: ExchangeId::new(fresh(1)), why }
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), become_bob()),
            refusal,
            &[
                (|(ada, _)| ada.becomes(person("eve")), Refusal::AlreadyLinked),
                (
                    |(ada, _)| {
                        ada.becomes(bob());
                        ada.orders(1, tag(1));
                    },
                    Refusal::LinkUnderWay,
                ),
                (|(ada, _)| ada.orders(2, tag(2)), Refusal::RequestUnderWay),
                (|(ada, _)| ada.claims_until(1), Refusal::RequestUnderWay),
                (|(ada, _)| ada.earns(Payer::Sales, 1), Refusal::RequestUnderWay),
            ],
        );
        check_edges(
            &(ada(), become_bob()),
            refusal,
            &[(|(ada, _)| ada.earns(Payer::Sales, 0), None)],
        );
    }

    #[test]
    fn all_that_the_user_has_goes_to_the_person() {
        let mut ada = ada();
        ada.request = Some(tag(1));
        let step = ada.ask(become_bob());
        let token = ReplyToken(fresh(1));
        let asked = Some(Asked { reply_token: token, request: Some(tag(1)) });
        let exchange = Exchange::Transfer(link(fresh(1)));
        assert_eq!(step.events, [Event::ExchangeOpened(OpenExchange { exchange, asked })]);
        assert_eq!(step.messages.len(), 1);
        assert_eq!(step.messages[0].to, bob());
        assert_eq!(step.messages[0].message, Message::Offer(link(fresh(1))));
        assert_eq!(step.answer, Answer::Later(token));
        assert_eq!(ada.became(), Some(&bob()));
        assert_eq!((ada.available, ada.earned_total()), (micros(0), micros(0)));
        assert_eq!(ada.outstanding(&ada.me), step.messages, "offered again after a crash");
    }

    #[test]
    fn a_user_with_nothing_becomes_a_person_as_well() {
        let mut ada = user("ada");
        let step = ada.ask(become_bob());
        let [message] = &*step.messages else { panic!("{step:?}") };
        let purpose = Purpose::ToUser(UserPurpose::Link(Box::default()));
        let id = ExchangeId::new(fresh(1));
        let nothing = Transfer { id, to: bob(), amount: micros(0), purpose };
        assert_eq!(message.message, Message::Offer(nothing));
    }

    #[test]
    fn the_persons_answer_ends_the_link() {
        let linked = Linked { moved_balance: micros(9), moved_pending: micros(8) };
        let not_taken = Err(Refusal::LinkNotTaken);
        // The answer; the end, and whether Ada became Bob.
        let rows = [
            (accepted_link(), Ok(linked), true),
            (refused_link(NotTaken::NotAwaited), not_taken.clone(), false),
            (refused_link(NotTaken::NoSuchPayee), not_taken.clone(), false),
            (refused_link(NotTaken::Busy), not_taken, false),
            // No person answers so; if one did, it would be passed on.
            (
                refused_link(NotTaken::NotSold(NotSold::SoldOut)),
                Err(Refusal::NotSold(NotSold::SoldOut)),
                false,
            ),
        ];
        for (answer, end, is_bob) in rows {
            let mut user = ada();
            user.request = Some(tag(1));
            user.ask(become_bob());
            let step = user.hear(&bob(), answer);
            let id = ExchangeId::new(fresh(1));
            let event = match is_bob {
                true => Event::ExchangeSettled { id },
                false => Event::ExchangeReturned { id, amount: micros(9) },
            };
            assert_eq!((&*step.events, &*step.messages), (&[event][..], &[forget(id, bob())][..]));
            assert_eq!(step.ended::<Linked>(), Some(end.clone()));
            let remembered = end.ok().map(|linked| (tag(1), AnyReply::new(linked)));
            assert_eq!(step.remembered, remembered);
            assert_eq!(user.became(), is_bob.then_some(&bob()));
            assert!(user.outbox.is_empty());
            if !is_bob {
                assert_eq!(*user, *ada(), "all of it came back");
            }
        }
    }

    #[test]
    fn what_came_back_leaves_a_wallet_bound() {
        let mut ada = ada().with(|ada| ada.links_mut().wallet = Some([1; 20]));
        ada.ask(become_bob());
        ada.hear(&bob(), refused_link(NotTaken::Busy));
        assert_eq!(ada.links.as_ref().and_then(|links| links.wallet), Some([1; 20]));
    }

    #[test]
    fn who_became_that_person_before_has_nothing_to_move() {
        let mut ada = ada();
        ada.ask(become_bob());
        ada.hear(&bob(), accepted_link());
        let before = ada.entity.clone();
        let step = ada.ask(become_bob());
        let nothing = Linked { moved_balance: micros(0), moved_pending: micros(0) };
        assert_eq!(step.answer, Answer::Now(nothing));
        assert_eq!((step.events, step.messages), (vec![], vec![]));
        assert_eq!(ada.entity, before);
    }

    #[test]
    fn guards_of_the_person_refuse_in_their_order() {
        fn refused((bob, link): &(UnderTest<User>, Transfer)) -> Option<NotTaken> {
            let Purpose::ToUser(UserPurpose::Link(linked)) = &link.purpose else { panic!() };
            receive_linked(bob, &person("ada"), link, linked).err()
        }
        let sound = (user("bob"), link(fresh(1)));
        check_guards(
            &sound,
            refused,
            &[
                (|(bob, _)| bob.becomes(person("eve")), NotTaken::NoSuchPayee),
                (|(bob, _)| bob.inbox = full_inbox(), NotTaken::Busy),
                (|(bob, _)| bob.earns(Payer::Pool, u64::MAX), NotTaken::Busy),
            ],
        );
        // Ada has earned 12 in all.
        check_edges(
            &sound,
            refused,
            &[
                (|(bob, _)| bob.earns(Payer::Pool, u64::MAX - 12), None),
                (|(bob, _)| bob.earns(Payer::Pool, u64::MAX - 11), Some(NotTaken::Busy)),
                (
                    |(_, link)| {
                        let accruals = vec![accrual(Payer::Pool, u64::MAX, 1, 3)];
                        let linked = LinkedUser { accruals, ..LinkedUser::default() };
                        link.purpose = Purpose::ToUser(UserPurpose::Link(Box::new(linked)));
                    },
                    Some(NotTaken::Busy),
                ),
            ],
        );
    }

    #[test]
    fn the_person_has_what_the_user_had() {
        let day = |day, earned, events| DayEarnings { day: Day::new(day), earned, events };
        // Bob's earnings with the pool before; his earnings with it afterwards.
        let rows = [
            (None, (micros(5), micros(0), day(3, micros(5), 1))),
            (Some((1, 2)), (micros(6), micros(1), day(3, micros(5), 1))),
            (Some((1, 3)), (micros(6), micros(1), day(3, micros(6), 2))),
            (Some((1, 4)), (micros(6), micros(1), day(4, micros(1), 1))),
        ];
        for (before, after) in rows {
            let mut bob = user("bob").with(|bob| {
                bob.available = micros(100);
                if let Some((amount, day)) = before {
                    add_accruals(bob, &[accrual(Payer::Pool, amount, amount, day)]);
                }
            });
            let id = ExchangeId::new(fresh(9));
            let step = bob.hear(&person("ada"), Message::Offer(link(fresh(9))));
            assert_eq!(step.messages, [accepted(id, person("ada"))]);
            let pool = bob.accruals.iter().find(|known| known.payer == Payer::Pool).expect("has");
            assert_eq!((pool.pending, pool.claimed, pool.today), after);
            let project = bob.accruals.iter().find(|known| known.payer == PROJECT).expect("has");
            assert_eq!((project.pending, project.claimed), (micros(3), micros(4)));
            assert_eq!(bob.available, micros(109));
            let links = bob.links.as_deref().expect("linked");
            assert_eq!(links.absorbed, [Box::from(&*person("ada").key)]);
            assert!(bob.inbox.has(id));
        }
    }

    #[test]
    fn what_the_user_had_said_holds_for_a_person_who_was_never_asked() {
        let at = |millis| Some(NOW.plus_millis(millis));
        // Bob's consent before; what holds afterwards: Ada's consent, and since when privacy
        // control.
        let rows = [(None, None, true, at(0)), (None, at(5), true, at(5))];
        let asked = [(Some(false), at(-5), false, at(0)), (Some(true), None, false, at(0))];
        for (said, since, is_adas, after) in rows.into_iter().chain(asked) {
            let mut bob = user("bob");
            said.into_iter().for_each(|everything| bob.consents(everything));
            bob.privacy_control_since = since;
            let before = bob.consent.clone();
            let step = bob.hear(&person("ada"), Message::Offer(link(fresh(9))));
            let adas: Option<ConsentRecord> = ada().consent.as_deref().cloned();
            assert_eq!(
                bob.consent.as_deref(),
                if is_adas { adas.as_ref() } else { before.as_deref() }
            );
            assert_eq!(step.events.len(), if is_adas { 2 } else { 1 });
            assert_eq!(bob.privacy_control_since, after);
        }
        let mut bob = user("bob");
        let nothing = Purpose::ToUser(UserPurpose::Link(Box::default()));
        let step = bob
            .hear(&person("ada"), Message::Offer(Transfer { purpose: nothing, ..link(fresh(9)) }));
        assert_eq!((step.events.len(), &bob.consent), (1, &None));
    }

    #[test]
    fn a_person_names_the_latest_users_only() {
        let key = |n: usize| Box::<str>::from(n.to_string());
        for (before, after) in [(MAX_LINKED - 1, 0), (MAX_LINKED, 1), (0, 0)] {
            let mut bob = user("bob");
            bob.links_mut().absorbed = (0..before).map(key).collect();
            bob.hear(&person("ada"), Message::Offer(link(fresh(9))));
            let absorbed = &bob.links_mut().absorbed;
            let expected: Vec<_> = (after..before).map(key).chain(["ada".into()]).collect();
            assert_eq!(*absorbed, expected);
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats_later(
            &ada(),
            &become_bob(),
            &Refusal::LinkUnderWay,
            |ada| ada.hear(&bob(), accepted_link()),
            Some(|ada| ada.hear(&bob(), refused_link(NotTaken::Busy))),
        );
        let refusal = refused(ExchangeId::new(fresh(9)), person("ada"), NotTaken::NoSuchPayee);
        let mut eve = user("bob").with(|bob| bob.becomes(person("eve")));
        assert_eq!(eve.hear(&person("ada"), Message::Offer(link(fresh(9)))).messages, [refusal]);
    }
}
