//! Golden bytes of what is stored, and what happens to bytes that are not values.

use std::fmt::Debug;

use expect_test::{Expect, expect};
use priv_domain::answers::{Answers, RequestTag};
use priv_domain::consent::{ConsentRecord, PreferenceChange};
use priv_domain::context::Asked;
use priv_domain::earning::{DayEarnings, Payer};
use priv_domain::entity::{EntityId, Environment, UserRef};
use priv_domain::exchange::{Exchange, Open, OpenTransfer};
use priv_domain::ledger::AccountClass;
use priv_domain::machine::{Entity, Entry, Machine};
use priv_domain::reply::{AnyReply, Noted, ReplyToken, ReplyValue};

use priv_domain::project::{self, ApiKey, KeyRole, Project, Scopes, Settings};
use priv_domain::system::{self, ProjectNamed, System};
use priv_domain::transfer::{LinkedAccrual, LinkedUser, PartId, Purpose, Transfer, UserPurpose};
use priv_domain::user::{self, ClaimPart, Claimed, Links, OpenClaim, SeenEvents, User};
use priv_domain::{
    ClaimId, Day, EventKey, EventType, ExchangeId, KeyId, Micros, Position, ProjectId, RawEvent,
    Timestamp, Version,
};

use super::raw_event::{CountedEvent, counted_events};
use super::{DecodeError, FORMAT, Stored, decode, encode};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_123);
const TAG: RequestTag = RequestTag { key: 0xaa, fingerprint: 0xbb };

/// Checks that the value has the bytes that it ever had, and that they are read back as the value.
#[track_caller]
fn golden<T: Stored + PartialEq + Debug>(value: &T, expected: &Expect) {
    let bytes = encode(value);
    let lines: Vec<String> = bytes
        .chunks(40)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
    assert_eq!(&decode::<T>(FORMAT, &bytes).expect("it was just written"), value);
    assert!(matches!(decode::<T>(FORMAT + 1, &bytes), Err(DecodeError::NewerFormat(_))));
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(decode::<T>(FORMAT, &longer).is_err(), "bytes left over are noticed");
}

fn person() -> EntityId {
    EntityId::user(Environment::Live, &UserRef::Person("ann".into()))
}

fn part() -> PartId {
    PartId { claim: ClaimId::new(0xc1), part: 2 }
}

fn claim_part() -> Purpose {
    Purpose::ToUser(UserPurpose::Claim(part()))
}

fn transfer(purpose: Purpose) -> Transfer {
    Transfer { id: ExchangeId::new(0xf1), to: person(), amount: Micros::new(1_500_000), purpose }
}

fn open(purpose: Purpose) -> OpenTransfer {
    let asked = Some(Asked { reply_token: ReplyToken(7), request: Some(TAG) });
    Open { exchange: transfer(purpose), asked }
}

fn sent(purpose: Purpose) -> Open<Exchange> {
    let Open { exchange, asked } = open(purpose);
    Open { exchange: Exchange::Transfer(exchange), asked }
}

fn record() -> ConsentRecord {
    let change = PreferenceChange { analytics: Some(true), ..PreferenceChange::default() };
    ConsentRecord::following(None, change, Some("app".into()), None, AT)
}

fn linked() -> Purpose {
    let today = DayEarnings { day: Day::new(19_675), earned: Micros::new(9), events: 3 };
    let (pending, claimed) = (Micros::new(1), Micros::new(2));
    Purpose::ToUser(UserPurpose::Link(Box::new(LinkedUser {
        accruals: vec![
            LinkedAccrual { payer: Payer::Project(ProjectId::new(1)), pending, claimed, today },
            LinkedAccrual { payer: Payer::Pool, pending, claimed, today },
        ],
        consent: Some(record()),
        privacy_control_since: Some(AT),
    })))
}

fn user_events() -> Vec<user::Event> {
    use user::Event;
    let id = ExchangeId::new(0xf1);
    let payer = Payer::Project(ProjectId::new(1));
    let claim = OpenClaim {
        id: ClaimId::new(0xc1),
        request: Some(TAG),
        parts: vec![ClaimPart { payer, amount: Micros::new(5), funded: Some(Micros::new(4)) }],
    };
    vec![
        Event::EventsRecorded {
            project: ProjectId::new(1),
            events: vec![(EventKey(0xe1), EventType::PageView, AT)],
            earned: Micros::new(500),
        },
        Event::PrivacyControlSeen,
        Event::ConsentChanged(Box::new(record())),
        Event::ClaimOpened(claim),
        Event::ClaimPartUnfunded { part: part() },
        Event::ClaimClosed { claim: ClaimId::new(0xc1) },
        Event::TransferAccepted { from: person(), transfer: transfer(claim_part()) },
        Event::ExchangeOpened(sent(linked())),
        Event::ExchangeSettled { id },
        Event::ExchangeReturned { id, amount: Micros::new(3) },
        Event::ExchangeForgotten { id },
        Event::WalletBound { address: [0x5a; 20] },
    ]
}

fn key() -> ApiKey {
    ApiKey {
        id: KeyId::new(0x4b),
        role: KeyRole::Secret,
        scopes: Scopes::ALL,
        sha256: [0x11; 32],
        last_four: "9R96".into(),
        created_at: AT,
        ends_at: Some(AT),
    }
}

fn project_events() -> Vec<project::Event> {
    use project::Event;
    let id = ExchangeId::new(0xf1);
    let (by, reason): (Box<str>, Option<Box<str>>) = ("op".into(), Some("why".into()));
    let settings = Settings { name: "Shop".into(), ..Settings::default() };
    vec![
        Event::Created { settings: settings.clone(), keys: vec![key()] },
        Event::Changed { settings, by: by.clone(), reason: reason.clone() },
        Event::KeyIssued { key: key(), by: by.clone(), reason: reason.clone() },
        Event::KeyEnds { key: KeyId::new(0x4b), at: AT, by, reason },
        Event::TransferAccepted { from: person(), transfer: transfer(Purpose::Budget) },
        Event::TransferOpened(open(claim_part())),
        Event::TransferSettled { id },
        Event::TransferReturned { id, amount: Micros::new(3) },
        Event::TransferForgotten { id },
        Event::RequestAnswered { tag: TAG, body: "{}".into() },
    ]
}

fn system_events() -> Vec<system::Event> {
    use system::Event;
    let id = ExchangeId::new(0xf1);
    vec![
        Event::Minted {
            amount: Micros::new(7),
            into: AccountClass::Treasury,
            by: "op".into(),
            reason: "why".into(),
        },
        Event::OperatorActed { by: "op".into(), action: "looked".into(), reason: None },
        Event::TransferOpened {
            out_of: AccountClass::Pool,
            open: open(Purpose::ToUser(UserPurpose::Grant)),
        },
        Event::TransferSettled { id },
        Event::TransferReturned { id, into: AccountClass::Treasury, amount: Micros::new(3) },
    ]
}

fn entry<M: Machine>(events: Vec<M::Event>, reply: impl ReplyValue) -> Entry<M> {
    Entry { events, answered: Some((TAG, AnyReply::new(reply))), raw_events: Vec::new() }
}

fn entity<M: Machine>(machine: M, reply: impl ReplyValue) -> Entity<M> {
    let mut answers = Answers::default();
    answers.remember(TAG, AnyReply::new(reply), AT);
    Entity { machine, answers, version: Version::new(1), position: Position::new(9) }
}

fn claimed() -> Claimed {
    Claimed {
        claim: ClaimId::new(0xc1),
        claimed: Micros::new(1),
        unfunded: Micros::new(2),
        balance: Micros::new(3),
        pending: Micros::new(4),
        earned_total: Micros::new(5),
        at: AT,
    }
}

#[test]
fn entries_have_the_bytes_that_they_ever_had() {
    golden(
        &entry::<User>(user_events(), claimed()),
        &expect![[r#"
        0c000000000000000000000000000000000101000000000000000000000000000000e101fdf6d0ca
        9f17030000fbf40101020101000000fdf6d0ca9f1703000001036170700000000000000000000000
        000000000000000000000000000000000000000000008c95a39245b508d772d04f4e6a61f23fbbed
        6e311df0487bc31cfe1577b330e403000000000000000000000000000000c1010000000000000000
        00000000000000aa000000000000000000000000000000bb01000000000000000000000000000000
        000105010404000000000000000000000000000000c10205000000000000000000000000000000c1
        06000003616e6e000000000000000000000000000000f1000003616e6efc60e31600000000000000
        00000000000000000000c10207000000000000000000000000000000f1000003616e6efc60e31600
        030200000000000000000000000000000000010102fbb6990903010102fbb6990903010101000000
        fdf6d0ca9f1703000001036170700000000000000000000000000000000000000000000000000000
        000000000000008c95a39245b508d772d04f4e6a61f23fbbed6e311df0487bc31cfe1577b330e401
        fdf6d0ca9f1703000001000000000000000000000000000000070100000000000000000000000000
        0000aa000000000000000000000000000000bb08000000000000000000000000000000f109000000
        000000000000000000000000f1030a000000000000000000000000000000f10b5a5a5a5a5a5a5a5a
        5a5a5a5a5a5a5a5a5a5a5a5a01000000000000000000000000000000aa0000000000000000000000
        00000000bb02000000000000000000000000000000c10102030405fdf6d0ca9f17030000
    "#]],
    );
    golden(
        &entry::<Project>(project_events(), key()),
        &expect![[r#"
        0a000453686f700000fbe803fbf40100fc8096980000000101000000000000000000000000000000
        4b013f11111111111111111111111111111111111111111111111111111111111111110439523936
        fdf6d0ca9f1703000001fdf6d0ca9f17030000010453686f700000fbe803fbf40100fc8096980000
        0001026f700103776879020000000000000000000000000000004b013f1111111111111111111111
        1111111111111111111111111111111111111111110439523936fdf6d0ca9f1703000001fdf6d0ca
        9f17030000026f700103776879030000000000000000000000000000004bfdf6d0ca9f1703000002
        6f70010377687904000003616e6e000000000000000000000000000000f1000003616e6efc60e316
        000105000000000000000000000000000000f1000003616e6efc60e3160000000000000000000000
        000000000000c1020100000000000000000000000000000007010000000000000000000000000000
        00aa000000000000000000000000000000bb06000000000000000000000000000000f10700000000
        0000000000000000000000f10308000000000000000000000000000000f109000000000000000000
        000000000000aa000000000000000000000000000000bb027b7d0100000000000000000000000000
        0000aa000000000000000000000000000000bb010000000000000000000000000000004b013f1111
        1111111111111111111111111111111111111111111111111111111111110439523936fdf6d0ca9f
        1703000001fdf6d0ca9f17030000
    "#]],
    );
    let named = ProjectNamed { id: ProjectId::new(1) };
    golden(
        &entry::<System>(system_events(), named),
        &expect![[r#"
        05000702026f700377687901026f70066c6f6f6b6564000203000000000000000000000000000000
        f1000003616e6efc60e3160002010000000000000000000000000000000701000000000000000000
        000000000000aa000000000000000000000000000000bb03000000000000000000000000000000f1
        04000000000000000000000000000000f1020301000000000000000000000000000000aa00000000
        0000000000000000000000bb0400000000000000000000000000000001
    "#]],
    );
}

#[test]
fn states_have_the_bytes_that_they_ever_had() {
    let mut seen = SeenEvents::default();
    seen.add(AT.day(), [EventKey(0xe1)].into_iter());
    let links = Links { became: Some(person()), absorbed: Vec::new(), wallet: Some([0x5a; 20]) };
    let user = User {
        consent: Some(Box::new(record())),
        privacy_control_since: Some(AT),
        available: Micros::new(3),
        seen,
        links: Some(Box::new(links)),
        ..User::default()
    };
    golden(
        &entity(user, claimed()),
        &expect![[r#"
            0109010101000000fdf6d0ca9f170300000103617070000000000000000000000000000000000000
            0000000000000000000000000000008c95a39245b508d772d04f4e6a61f23fbbed6e311df0487bc3
            1cfe1577b330e401fdf6d0ca9f17030000000301fbb69901000000000000000000000000000000e1
            0000000101000003616e6e00015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a00010000000000
            00000000000000000000aa000000000000000000000000000000bbfdf6d0ca9f1703000002000000
            000000000000000000000000c10102030405fdf6d0ca9f17030000
        "#]],
    );
    let project = Project {
        created_at: Some(AT),
        settings: Settings { name: "Shop".into(), ..Settings::default() },
        keys: vec![key(), key()],
        available: Micros::new(3),
        ..Project::default()
    };
    golden(
        &entity(project, Noted),
        &expect![[r#"
        010901fdf6d0ca9f170300000453686f700000fbe803fbf40100fc80969800000001020000000000
        000000000000000000004b013f111111111111111111111111111111111111111111111111111111
        11111111110439523936fdf6d0ca9f1703000001fdf6d0ca9f170300000000000000000000000000
        000000004b013f111111111111111111111111111111111111111111111111111111111111111104
        39523936fdf6d0ca9f1703000001fdf6d0ca9f170300000300000100000000000000000000000000
        0000aa000000000000000000000000000000bbfdf6d0ca9f1703000003
    "#]],
    );
    let system = System { minted: Micros::new(7), treasury: Micros::new(10), ..System::default() };
    golden(
        &entity(system, Noted),
        &expect![[r#"
        010907000a0000000001000000000000000000000000000000aa0000000000000000000000000000
        00bbfdf6d0ca9f1703000002
    "#]],
    );
}

#[test]
fn raw_events_have_the_bytes_that_they_ever_had() {
    let event = RawEvent {
        id: "e-1".into(),
        event_type: EventType::Track,
        timestamp: AT,
        name: Some("Bought".into()),
        user_id: Some("ann".into()),
        anonymous_id: None,
        session_id: Some("s".into()),
        page_url: Some("https://shop.example/".into()),
        page_title: None,
        referrer: None,
        properties: Some("{\"price\":1}".into()),
        context: None,
    };
    let counted = [CountedEvent {
        event_type: event.event_type,
        timestamp: event.timestamp,
        user_id: event.user_id.clone(),
        anonymous_id: None,
        page_url: event.page_url.clone(),
    }];
    let bytes = encode(&vec![event.clone()]);
    assert_eq!(counted_events(FORMAT, &bytes).expect("the same bytes"), counted);
    golden(
        &vec![event],
        &expect![[r#"
        0103652d3100fdf6d0ca9f170300000106426f756768740103616e6e00010173011568747470733a
        2f2f73686f702e6578616d706c652f0000010b7b227072696365223a317d00
    "#]],
    );
}

#[test]
fn a_forged_count_allocates_nothing() {
    // A list of 2^60 items in a few bytes.
    let forged = [253, 0, 0, 0, 0, 0, 0, 0, 16, 1, 2, 3];
    assert!(matches!(decode::<Vec<u128>>(FORMAT, &forged), Err(DecodeError::Malformed(_))));
}

#[test]
fn an_unknown_variant_is_named() {
    let error = decode::<user::Event>(FORMAT, &[99]).expect_err("there is no such event");
    assert_eq!(error.to_string(), "user event has no variant 99");
}

proptest::proptest! {
    #[test]
    fn bytes_that_are_nothing_are_refused_and_never_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)
    ) {
        let _ = decode::<Entry<User>>(FORMAT, &bytes);
        let _ = decode::<Entity<Project>>(FORMAT, &bytes);
        let _ = decode::<Entity<System>>(FORMAT, &bytes);
        // The counted fields are read wherever the whole is.
        let whole = decode::<Vec<RawEvent>>(FORMAT, &bytes).map(|events| events.len());
        let counted = counted_events(FORMAT, &bytes).map(|events| events.len());
        if let Ok(events) = whole {
            assert_eq!(counted.expect("the whole is read"), events);
        }
    }

    /// With one byte changed it is refused or is another value, and never panics or hangs.
    #[test]
    fn a_changed_byte_never_panics(at in 0..2_000usize, bit in 0..8u32) {
        let mut bytes = encode(&entry::<User>(user_events(), claimed()));
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let _ = decode::<Entry<User>>(FORMAT, &bytes);
    }
}

#[test]
fn a_user_of_format_1_is_read_and_one_of_format_2_is_whole_with_its_market() {
    use priv_domain::contribution::{Contribution, MediaType, Originality, ReviewStatus, Uses};
    use priv_domain::market::{License, ListingStatus, Order, Purchase};
    use priv_domain::user::{Market, OwnListing};
    use priv_domain::{ContributionId, ListingId, PurchaseId};

    let mut user = User { available: Micros::new(7), ..User::default() };
    let mut old = encode(&user);
    assert_eq!(old.pop(), Some(0), "format 1 ended before the market");
    assert_eq!(decode::<User>(1, &old).expect("is read"), user);
    assert!(decode::<User>(2, &old).is_err());

    let contribution = Contribution {
        media_type: MediaType::Json,
        sha256: [1; 32],
        size: 3,
        uses: Uses { commercial: true, ..Uses::default() },
        reward: Micros::new(600_000),
        originality: Originality::KnownElsewhere,
        status: ReviewStatus::Approved,
        at: AT,
    };
    let order = Order {
        purchase: PurchaseId::new(0xb1),
        terms_version: 2,
        expected_version: Some(3),
        license: License::Limited,
        contents: 1,
        files_hash: [2; 32],
        title: "Title".into(),
        seller: person(),
    };
    let purchase = Purchase { order, price: Micros::new(9), stars: Some(5) };
    let contributions = [ContributionId::new(0xc0)].into();
    let own = OwnListing { status: ListingStatus::Paused, contributions };
    user.market = Some(Box::new(Market {
        contributions: [(ContributionId::new(0xc0), contribution)].into(),
        listings: [(ListingId::new(0xa0), own)].into(),
        purchases: [(ListingId::new(0xa1), purchase)].into(),
    }));
    golden(
        &user,
        &expect![[r#"
        0000000700000000000101000000000000000000000000000000c00f010101010101010101010101
        010101010101010101010101010101010101010103000001fcc02709000101fdf6d0ca9f17030000
        01000000000000000000000000000000a00101000000000000000000000000000000c00100000000
        0000000000000000000000a1000000000000000000000000000000b1020103010102020202020202
        02020202020202020202020202020202020202020202020202055469746c65000003616e6e090105
    "#]],
    );
}

#[test]
fn a_change_of_uses_and_its_reply_have_the_bytes_that_they_ever_had() {
    use priv_domain::ContributionId;
    use priv_domain::contribution::{Contribution, MediaType, Originality, ReviewStatus, Uses};
    use priv_domain::user::UsesChanged;

    let uses = Uses { ai_training: true, research: false, commercial: true };
    let (id, reward) = (ContributionId::new(0xc0), Micros::new(725_000));
    let contribution = Contribution {
        media_type: MediaType::Plain,
        sha256: [1; 32],
        size: 3,
        uses,
        reward,
        originality: Originality::New,
        status: ReviewStatus::Pending,
        at: AT,
    };
    let event = user::Event::ContributionUsesChanged { id, uses, reward };
    golden(
        &entry::<User>(vec![event], UsesChanged { contribution }),
        &expect![[r#"
        010f000000000000000000000000000000c0010001fc08100b000100000000000000000000000000
        0000aa000000000000000000000000000000bb0d0e01010101010101010101010101010101010101
        0101010101010101010101010103010001fc08100b000000fdf6d0ca9f17030000
    "#]],
    );
}

#[test]
fn refusals_have_the_bytes_that_they_ever_had() {
    use priv_domain::listing::{self, Listing};
    use priv_domain::market::ListingStatus;
    use priv_domain::message::{NotSold, NotTaken};

    let (id, from, why) = (ExchangeId::new(0xf1), person(), NotTaken::Busy);
    let refused = user::Event::ExchangeRefused { id, from: from.clone(), why };
    golden(
        &entry::<User>(vec![refused], Noted),
        &expect![[r#"
        0110000000000000000000000000000000f1000003616e6e02010000000000000000000000000000
        00aa000000000000000000000000000000bb05
    "#]],
    );
    let refused = project::Event::TransferRefused { id, from: from.clone(), why };
    golden(
        &entry::<Project>(vec![refused], Noted),
        &expect![[r#"
        010a000000000000000000000000000000f1000003616e6e02010000000000000000000000000000
        00aa000000000000000000000000000000bb03
    "#]],
    );
    let refused = system::Event::TransferRefused { id, from: from.clone(), why };
    let reversed = system::Event::MintReversed { amount: Micros::new(5) };
    golden(
        &entry::<System>(vec![refused, reversed], Noted),
        &expect![[r#"
        0207000000000000000000000000000000f1000003616e6e02080501000000000000000000000000
        000000aa000000000000000000000000000000bb02
    "#]],
    );
    let not_sold = [
        NotSold::NotActive(ListingStatus::Paused),
        NotSold::SoldOut,
        NotSold::OwnListing,
        NotSold::TermsChanged { version: 2, price: Micros::new(3) },
        NotSold::VersionChanged { version: 4 },
        NotSold::HasSales { sales: 5 },
        NotSold::TooManyContents,
    ];
    let reasons = [NotTaken::NotAwaited, NotTaken::NoSuchPayee, NotTaken::Busy];
    let refusals = reasons
        .into_iter()
        .chain(not_sold.map(NotTaken::NotSold))
        .map(|why| listing::Event::ExchangeRefused { id, from: from.clone(), why });
    golden(
        &entry::<Listing>(refusals.collect(), Noted),
        &expect![[r#"
        0a05000000000000000000000000000000f1000003616e6e00050000000000000000000000000000
        00f1000003616e6e0105000000000000000000000000000000f1000003616e6e0205000000000000
        000000000000000000f1000003616e6e03000105000000000000000000000000000000f100000361
        6e6e030105000000000000000000000000000000f1000003616e6e03020500000000000000000000
        0000000000f1000003616e6e0303020305000000000000000000000000000000f1000003616e6e03
        040405000000000000000000000000000000f1000003616e6e030505050000000000000000000000
        00000000f1000003616e6e030601000000000000000000000000000000aa00000000000000000000
        0000000000bb00
    "#]],
    );
}

#[test]
fn an_inbox_has_the_bytes_that_it_ever_had_and_one_of_format_3_is_read() {
    use priv_domain::exchange::Inbox;
    use priv_domain::message::NotTaken;

    let mut inbox = Inbox::default();
    inbox.accept(ExchangeId::new(0xf1), person());
    inbox.refuse(ExchangeId::new(0xf2), person(), NotTaken::Busy);
    golden(
        &inbox,
        &expect![[r#"
        02000000000000000000000000000000f1000003616e6e00000000000000000000000000000000f2
        000003616e6e0102
    "#]],
    );

    // Two that were accepted: one was settled, and remembered for ten minutes.
    let mut before = vec![2];
    for (id, settled) in [(0xf1u8, true), (0xf3, false)] {
        before.extend([0; 15]);
        before.push(id);
        before.extend(encode(&person()));
        before.extend([0, u8::from(settled)]);
    }
    let mut expected = Inbox::default();
    expected.accept(ExchangeId::new(0xf3), person());
    assert_eq!(decode::<Inbox>(3, &before).expect("is read"), expected);
}
