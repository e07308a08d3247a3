//! Opening an exchange for a request, which is answered at its end.

use super::{Event, User};
use crate::context::{Asked, Context};
use crate::exchange::{Exchange, OpenExchange, Sendable};
use crate::machine::{Answer, Decision};
use crate::message::OutgoingMessage;

/// Opens an exchange for the request that is decided, which is answered at its end.
pub(super) fn open(exchange: Exchange, context: &Context<'_>) -> Opening {
    let asked = Asked::by(context);
    let offer = exchange.offer();
    let event = Event::ExchangeOpened(OpenExchange { exchange, asked: Some(asked) });
    Opening { event, asked, offer }
}

/// An exchange that is being opened, ready to become a decision.
pub(super) struct Opening {
    event: Event,
    asked: Asked,
    offer: OutgoingMessage,
}

impl Opening {
    /// The decision to open it, which is answered at its end.
    pub(super) fn decision<R>(self) -> Decision<User, R> {
        let Self { event, asked, offer } = self;
        let answer = Answer::Later(asked.reply_token);
        Decision::of(vec![event], answer).sending(vec![offer])
    }
}
