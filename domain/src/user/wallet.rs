//! Binding a wallet to a user who proved to hold it.

use super::{Event, User};
use crate::context::Context;
use crate::machine::{Answer, Command, Decided, Decision};

/// Notes that this user holds a wallet. The caller has checked that its key signed for them.
#[derive(Clone, Copy, Debug)]
pub struct BindWallet {
    /// The address of the wallet.
    pub address: [u8; 20],
}

/// The reply to [`BindWallet`], which has nothing more to tell.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const WALLET: BindWallet = BindWallet { address: [1; 20] };

    #[test]
    fn a_wallet_takes_the_place_of_another_and_the_same_one_changes_nothing() {
        let rows: [(Option<[u8; 20]>, &[Event]); 3] = [
            (None, &[Event::WalletBound { address: [1; 20] }]),
            (Some([2; 20]), &[Event::WalletBound { address: [1; 20] }]),
            (Some([1; 20]), &[]),
        ];
        for (before, events) in rows {
            let mut ada = user("ada").with(|ada| {
                if before.is_some() {
                    ada.links_mut().wallet = before;
                }
            });
            let step = ada.ask(WALLET);
            assert_eq!((&*step.events, step.answer), (events, Answer::Now(WalletBound)));
            assert_eq!(ada.links.as_ref().and_then(|links| links.wallet), Some([1; 20]));
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(user("ada"), &WALLET);
        check_repeats(user("ada").with(|ada| ada.links_mut().wallet = Some([1; 20])), &WALLET);
    }
}
