//! The service under test with everything that requests need: people who have agreed and earned, a
//! project with a full budget and, where something is bought, a market.

use crate::driver::{Expect, Plan, Until, drive};
use crate::error::BenchError;
use crate::market::{Market, MarketSize, gifts};
use crate::operator::Operator;
use crate::process::{DataDir, Server};
use crate::request::Requests;
use crate::scenario::{BATCH, Environment, Scenario, consents, first_earnings, tokens};

/// The size of the set-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetUp {
    /// Connections over which it is done.
    pub(crate) connections: usize,
    /// People that requests are spread over.
    pub(crate) users: u64,
    /// The market, if a scenario needs one.
    pub(crate) market: Option<MarketSize>,
}

/// The service under test, with its people.
pub(crate) struct Subject {
    /// The process of the service.
    pub(crate) server: Server,
    // Behind the server: removed only after that has been killed.
    _data: DataDir,
    /// The operator's client, which looks into the running service.
    pub(crate) operator: Operator,
    set_up: SetUp,
    key: String,
    tokens: Vec<String>,
    timestamp: String,
    market: Option<Market>,
}

impl Subject {
    /// Sets up what requests need in a `server` that has just started over `data`.
    pub(crate) fn new(server: Server, data: DataDir, set_up: SetUp) -> Result<Self, BenchError> {
        let operator = Operator::new(server.address);
        let mut subject = Self {
            key: operator.create_project()?.key,
            tokens: tokens(set_up.users),
            timestamp: format!("{:.3}", jiff::Timestamp::now()),
            operator,
            set_up,
            market: None,
            server,
            _data: data,
        };
        eprintln!("{} people agree, and earn their first 10 PRIV", set_up.users);
        let agreed = Expect::status(&[200, 201]);
        subject.prime("consents", consents(&subject.environment()), set_up.users, &agreed)?;
        let (earned, earnings) = (Expect::accepted(BATCH), first_earnings(&subject.environment()));
        subject.prime("first earnings", earnings, set_up.users, &earned)?;
        if let Some(size) = set_up.market {
            subject.open_market(size)?;
        }
        Ok(subject)
    }

    /// The requests of a scenario.
    pub(crate) fn requests(&self, scenario: Scenario) -> Requests {
        scenario.requests(&self.environment())
    }

    fn open_market(&mut self, size: MarketSize) -> Result<(), BenchError> {
        eprintln!("sellers list, and {} buyers get their money", size.buyers);
        let address = self.server.address;
        self.market = Some(Market::open(address, size)?);
        let given = Expect::status(&[201]);
        self.prime("gifts", gifts(address, size.buyers), size.buyers, &given)
    }

    fn environment(&self) -> Environment<'_> {
        Environment {
            address: self.server.address,
            key: &self.key,
            tokens: &self.tokens,
            timestamp: &self.timestamp,
            market: self.market.as_ref(),
        }
    }

    fn prime(
        &self,
        name: &str,
        mut requests: Requests,
        answers: u64,
        expect: &Expect,
    ) -> Result<(), BenchError> {
        let until = Until::Answers(answers);
        let connections = self.set_up.connections;
        let plan = Plan { name, address: self.server.address, connections, until, expect };
        drive(&plan, &mut requests).map(drop)
    }
}
