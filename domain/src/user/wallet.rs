//! Holding a wallet whose key signed for it.

use super::{Event, User};
use crate::machine::{Answer, Command, Context, Decided, Decision};

/// Notes that this user holds a wallet.
#[derive(Clone, Copy, Debug)]
pub struct BindWallet {
    /// Its address.
    pub address: [u8; 20],
}

/// The reply to [`BindWallet`]: the wallet is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletBound;

impl Command for BindWallet {
    type Machine = User;
    type Reply = WalletBound;

    fn decide(self, user: &User, _: &Context<'_>) -> Decided<Self> {
        let Self { address } = self;
        if user.links.as_ref().and_then(|links| links.wallet) == Some(address) {
            return Ok(Decision::reply(WalletBound));
        }
        Ok(Decision::of(vec![Event::WalletBound { address }], Answer::Now(WalletBound)))
    }
}
