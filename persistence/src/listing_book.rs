//! Every listing as browsers see it, in memory: what is looked through at each browse.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use priv_domain::ListingId;
use priv_domain::entity::{EntityId, World};
use priv_domain::listing::Card;

/// All listings of both worlds.
#[derive(Debug, Default)]
pub struct ListingBook {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    cards: BTreeMap<(World, ListingId), Arc<Card>>,
    sellers: HashMap<EntityId, SellerSums>,
}

/// What all listings of a seller come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SellerSums {
    /// How often they were sold.
    pub sales: u64,
    /// How many buyers rated them.
    pub ratings: u64,
    /// Their stars together.
    pub stars: u64,
}

impl ListingBook {
    /// A listing.
    #[must_use]
    pub fn get(&self, world: World, listing: ListingId) -> Option<Arc<Card>> {
        self.inner.read().cards.get(&(world, listing)).cloned()
    }

    /// The listings of a world that `picks` picks, oldest first.
    pub fn pick(&self, world: World, mut picks: impl FnMut(&Card) -> bool) -> Vec<Arc<Card>> {
        let from = (world, ListingId::new(0));
        let inner = self.inner.read();
        let cards = inner.cards.range(from..).take_while(|((of, _), _)| *of == world);
        cards.map(|(_, card)| card).filter(|card| picks(card)).cloned().collect()
    }

    /// What a seller has sold.
    #[must_use]
    pub fn seller(&self, seller: &EntityId) -> SellerSums {
        self.inner.read().sellers.get(seller).copied().unwrap_or_default()
    }

    pub(crate) fn put(&self, world: World, card: Card) {
        let mut inner = self.inner.write();
        let seller = card.seller.clone();
        let after = sums(&card);
        let replaced = inner.cards.insert((world, card.id), Arc::new(card));
        let before = replaced.map(|card| sums(&card)).unwrap_or_default();
        let all = inner.sellers.entry(seller).or_default();
        // What a listing has sold never becomes less; its stars may.
        all.sales = all.sales + after.sales - before.sales;
        all.ratings = all.ratings + after.ratings - before.ratings;
        all.stars = all.stars + after.stars - before.stars;
    }
}

fn sums(card: &Card) -> SellerSums {
    SellerSums { sales: card.sales.into(), ratings: card.ratings.into(), stars: card.stars }
}
