//! States that tables begin with, and the parts of them.

use std::sync::{Arc, LazyLock};

use super::names::{
    NOW, asked, contribution_id, exchange_id, far, listing, listing_id, micros, person, system,
    ulid,
};
use super::under_test::UnderTest;
use crate::answers::RequestTag;
use crate::consent::{ConsentRecord, PreferenceChange};
use crate::contribution::{
    Contribution, ContributionType, MediaType, Originality, ReviewStatus, Uses,
};
use crate::earning::{DayEarnings, Payer};
use crate::entity::EntityId;
use crate::exchange::{
    Exchange, Inbox, MAX_RECEIVED, Open, OpenExchange, Outbox, Received, Sendable,
};
use crate::id::{ClaimId, PurchaseId};
use crate::listing::{Contents, Listing, Offer};
use crate::market::{Change, File, License, ListingStatus, Order, Purchase, Rating};
use crate::money::Micros;
use crate::proposal::{Content, Proposal};
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer};
use crate::user::{Accrual, OpenClaim, OwnListing, User};

/// A user who has done nothing.
pub(crate) fn user(name: &str) -> UnderTest<User> {
    UnderTest::new(person(name))
}

impl User {
    /// Earns an amount with a payer, which is not funded yet.
    pub(crate) fn earns(&mut self, payer: Payer, pending: u64) {
        let today = DayEarnings::default();
        let accrual = Accrual { payer, pending: micros(pending), claimed: Micros::ZERO, today };
        self.accruals.push(accrual);
    }

    /// Becomes a person.
    pub(crate) fn becomes(&mut self, person: EntityId) {
        self.links.get_or_insert_default().became = Some(person);
    }

    /// Agrees to everything, or to nothing.
    pub(crate) fn consents(&mut self, everything: bool) {
        let change = PreferenceChange {
            analytics: Some(everything),
            marketing: Some(everything),
            data_sharing: Some(everything),
            personalization: Some(everything),
        };
        let record = ConsentRecord::following(None, change, None, None, NOW);
        self.consent = Some(Box::new(record));
    }

    /// Makes a contribution that can be sold.
    pub(crate) fn contributes(&mut self, n: u64) {
        self.owned(n);
    }

    /// Returns a contribution that can be sold, making it if it is not there.
    pub(crate) fn owned(&mut self, n: u64) -> &mut Contribution {
        let contributions = &mut self.market.get_or_insert_default().contributions;
        contributions.entry(contribution_id(n)).or_insert_with(|| contribution(n))
    }

    /// Makes contributions until there are so many, with numbers that tables don't use.
    pub(crate) fn contributes_until(&mut self, count: usize) {
        let has = self.market.as_ref().map_or(0, |market| market.contributions.len());
        (has..count).for_each(|n| self.contributes(far(n)));
    }

    /// Makes empty listings until there are so many, with numbers that tables don't use.
    pub(crate) fn lists_until(&mut self, count: usize) {
        let has = self.market.as_ref().map_or(0, |market| market.listings.len());
        (has..count).for_each(|n| self.lists(far(n), ListingStatus::Active, &[]));
    }

    /// Buys listings until there are so many, with numbers that tables don't use.
    pub(crate) fn buys_until(&mut self, count: usize) {
        let has = self.market.as_ref().map_or(0, |market| market.purchases.len());
        (has..count).for_each(|n| self.buys(far(n)));
    }

    /// Makes a listing of these contributions.
    pub(crate) fn lists(&mut self, n: u64, status: ListingStatus, contributions: &[u64]) {
        let contributions = contributions.iter().map(|n| contribution_id(*n)).collect();
        let own = OwnListing { status, contributions };
        self.market.get_or_insert_default().listings.insert(listing_id(n), own);
    }

    /// Buys a listing, without a request that waits.
    pub(crate) fn buys(&mut self, n: u64) {
        let purchase = Purchase { order: order_of(n), price: micros(100), stars: None };
        self.market.get_or_insert_default().purchases.insert(listing_id(n), purchase);
    }

    /// Begins to buy a listing, for a request.
    pub(crate) fn orders(&mut self, n: u64, request: RequestTag) {
        let transfer = transfer(n, listing(n), 100, Purpose::Order(Box::new(order_of(n))));
        self.opens(Exchange::Transfer(transfer), request);
    }

    /// Begins to change a listing, for a request.
    pub(crate) fn changes(&mut self, n: u64, change: Change, request: RequestTag) {
        let proposal = proposal(n, n, Content::Change(Box::new(change)));
        self.opens(Exchange::Proposal(proposal), request);
    }

    /// Begins to rate a listing, for a request.
    pub(crate) fn rates(&mut self, n: u64, request: RequestTag) {
        self.opens(Exchange::Proposal(proposal(n, n, rating(n, 1))), request);
    }

    fn opens(&mut self, exchange: Exchange, request: RequestTag) {
        self.outbox.open(OpenExchange { exchange, asked: asked(request) });
    }

    /// Opens claims until there are so many.
    pub(crate) fn claims_until(&mut self, count: usize) {
        let claim = OpenClaim { id: ClaimId::new(1), request: None, parts: Vec::new() };
        self.claims.resize(count, claim);
    }
}

pub(crate) fn contribution(n: u64) -> Contribution {
    let uses = Uses { commercial: true, ..Uses::default() };
    Contribution {
        media_type: MediaType::Plain,
        sha256: sha256(n),
        size: n,
        uses,
        reward: uses.reward(ContributionType::Text),
        originality: Originality::New,
        status: ReviewStatus::Approved,
        at: NOW,
    }
}

/// The file of a contribution in a listing.
pub(crate) fn file(n: u64) -> File {
    let Contribution { sha256, size, media_type, .. } = contribution(n);
    File { contribution: contribution_id(n), sha256, size, media_type }
}

pub(crate) fn files_of(numbers: &[u64]) -> Arc<[File]> {
    numbers.iter().map(|n| file(*n)).collect()
}

fn sha256(n: u64) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256[..8].copy_from_slice(&n.to_be_bytes());
    sha256
}

/// The order by which a listing was bought.
pub(crate) fn order_of(n: u64) -> Order {
    Order {
        purchase: PurchaseId::new(ulid(NOW, n)),
        terms_version: 1,
        expected_version: None,
        license: License::Unlimited,
        contents: 1,
        files_hash: [0; 32],
        title: "Some files".into(),
        seller: person("seller"),
    }
}

/// A transfer to any entity, for any purpose.
pub(crate) fn transfer(id: u64, to: EntityId, amount: u64, purpose: Purpose) -> Transfer {
    Transfer { id: exchange_id(id), to, amount: micros(amount), purpose }
}

/// A proposal to a listing.
pub(crate) fn proposal(id: u64, to: u64, content: Content) -> Proposal {
    Proposal { id: exchange_id(id), to: listing(to), content }
}

/// A rating of the purchase of a listing.
pub(crate) fn rating(n: u64, stars: u8) -> Content {
    Content::Rate(Box::new(Rating { purchase: order_of(n).purchase, stars, comment: None }))
}

/// An inbox with room for one more.
pub(crate) fn nearly_full_inbox() -> Inbox {
    // Made once: it is large.
    static INBOX: LazyLock<Inbox> = LazyLock::new(|| {
        let from = system();
        let received = (1..MAX_RECEIVED).map(|n| Received {
            id: exchange_id(far(n)),
            from: from.clone(),
            refused: None,
        });
        received.collect()
    });
    INBOX.clone()
}

/// An inbox that is full.
pub(crate) fn full_inbox() -> Inbox {
    let mut inbox = nearly_full_inbox();
    inbox.accept(exchange_id(far(0)), system());
    inbox
}

/// Listing 8 of contribution 1, sold to anybody for 100 as [`order_of`] orders it.
pub(crate) fn offered() -> UnderTest<Listing> {
    let offer = Offer {
        seller: person("seller"),
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        version: 1,
        terms_version: 1,
        status: ListingStatus::Active,
        title: "Some files".into(),
        description: "Files of a test".into(),
        tags: vec!["test".into()],
        price: micros(100),
        license: License::Unlimited,
        max_sales: None,
        contents: vec![Contents { number: 1, sales: 0, files: files_of(&[1]) }],
    };
    UnderTest::<Listing>::new(listing(8)).with(|listing| listing.offer = Some(Box::new(offer)))
}

impl Listing {
    /// The seller's offer, which is there.
    pub(crate) fn offered(&mut self) -> &mut Offer {
        self.offer.as_mut().expect("it is offered")
    }

    /// Sells the current contents so often.
    pub(crate) fn sold(&mut self, sales: u32) {
        self.sales = sales;
        self.offered().contents.last_mut().expect("it has contents").sales = sales;
    }
}

/// Opens transfers of nothing until so many exchanges are open.
pub(crate) fn fill<T: Sendable>(outbox: &mut Outbox<T>, open: usize, of: fn(Transfer) -> T) {
    let nothing = transfer(0, system(), 0, Purpose::Budget);
    let has = outbox.iter().count();
    for n in has..open {
        let exchange = of(Transfer { id: exchange_id(far(n)), ..nothing.clone() });
        outbox.open(Open { exchange, asked: None });
    }
}
