//! The market of a run: sellers with listings, and buyers with money.

use std::net::SocketAddr;
use std::rc::Rc;

use serde_json::json;

use crate::client::{Client, person_id, person_token, text};
use crate::error::BenchError;
use crate::operator::OPERATOR_TOKEN;
use crate::request::{Requests, Spread, USER, post};

/// What each listing costs.
const PRICE_PRIV: f64 = 0.01;
/// What each buyer can spend: more than a run can.
const MONEY_PRIV: u64 = 1_000;

/// Buyers are numbered behind everybody else.
const FIRST_BUYER: u64 = 1_000_000;
/// Sellers are numbered behind buyers.
const FIRST_SELLER: u64 = 2_000_000;

/// How large a market is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketSize {
    /// Each has one contribution.
    pub(crate) sellers: u64,
    /// Listings that each seller makes of their contribution.
    pub(crate) listings_a_seller: usize,
    /// People with money, who buy each listing at most once.
    pub(crate) buyers: u64,
}

/// The listings that are for sale, and the people who buy.
#[derive(Clone)]
pub(crate) struct Market {
    listings: Rc<[String]>,
    buyers: Rc<[String]>,
}

impl Market {
    /// Signs sellers in, has them contribute, and lists what they contributed. The server must
    /// approve by itself.
    pub(crate) fn open(address: SocketAddr, size: MarketSize) -> Result<Self, BenchError> {
        let mut listings = Vec::new();
        for seller in FIRST_SELLER..FIRST_SELLER + size.sellers {
            let seller = Client::new(address, person_token(seller));
            let contributed = seller.contribute(&essay(listings.len()))?;
            let id = text(&contributed, "/contribution_id")?;
            for number in 0..size.listings_a_seller {
                let listed = seller.post(
                    "/marketplace/wallet/listings",
                    &json!({
                        "title": format!("An essay, offer {number}"),
                        "description": "What a run of the benchmark buys, many times over.",
                        "price_priv": PRICE_PRIV,
                        "contribution_ids": [id],
                    }),
                )?;
                listings.push(text(&listed, "/id")?);
            }
        }
        let buyers = (FIRST_BUYER..FIRST_BUYER + size.buyers).map(person_token).collect();
        Ok(Self { listings: listings.into(), buyers })
    }

    /// Consecutive purchases are of different listings by different buyers.
    pub(crate) fn purchases_of_many(&self, address: SocketAddr) -> Requests {
        let (buyers, listings) = (self.buyers.len(), self.listings.len() / 2);
        self.purchases(address, move |n| (n % buyers, (n + n / buyers) % listings))
    }

    /// Purchases of the same listing, until all buyers have it; then of the next. They are of the
    /// other half of the listings, since nobody can buy one twice.
    pub(crate) fn purchases_of_one(&self, address: SocketAddr) -> Requests {
        let (buyers, first) = (self.buyers.len(), self.listings.len() / 2);
        self.purchases(address, move |n| (n % buyers, first + n / buyers))
    }

    fn purchases(
        &self,
        address: SocketAddr,
        pair: impl Fn(usize) -> (usize, usize) + 'static,
    ) -> Requests {
        let Self { listings, buyers } = self.clone();
        let body = json!({"expected_price_priv": PRICE_PRIV}).to_string();
        let mut next = 0;
        Requests::new(move |out| {
            let (buyer, listing) = pair(next);
            next += 1;
            let path = format!("/v1/marketplace/wallet/listings/{}/purchase", listings[listing]);
            *out = post(address, &path, Some(&buyers[buyer]), &body);
        })
    }
}

/// One request per buyer that gives them something to spend.
pub(crate) fn gifts(address: SocketAddr, buyers: u64) -> Requests {
    let body = json!({"amount_priv": MONEY_PRIV, "to": person_id(USER), "reason": "benchmark"});
    let request = post(address, "/v1/admin/mint", Some(OPERATOR_TOKEN), &body.to_string());
    Requests::patched(request, FIRST_BUYER..FIRST_BUYER + buyers, Spread::OneUser)
}

/// A text that nobody else contributes.
fn essay(number: usize) -> Vec<u8> {
    format!("Essay {number}. ").repeat(100).into_bytes()
}
