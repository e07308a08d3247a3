//! SIGKILL at any moment loses nothing that was acknowledged, and doubles nothing.
//!
//! `PRIV_KILL_ROUNDS` sets how often the service is killed (default 20); `PRIV_KILL_SEED` repeats
//! the choices of a run.

use std::time::{Duration, Instant};

use serde_json::json;

use super::app::TestApp;
use super::model::{Minter, Person};
use super::story::{PRIV, Project, analytics_path, micros};

/// Clients that act at the same time, one for each person.
const PEOPLE: usize = 8;

/// Events after which a person makes room for another one, short of the daily cap.
const BUSY: usize = 6_000;

/// PRIV that were minted before the clients begin.
const BUDGET: i64 = 1_000_000;

struct Workload {
    seed: u64,
    project: Project,
    people: Vec<Person>,
    retired: Vec<Person>,
    minter: Minter,
}

#[test]
fn a_kill_at_any_moment_loses_and_doubles_nothing() {
    let rounds = number("PRIV_KILL_ROUNDS").unwrap_or(20);
    let seed = number("PRIV_KILL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("PRIV_KILL_SEED={seed} PRIV_KILL_ROUNDS={rounds}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut app = TestApp::start_with(&[("RUST_LOG", "warn")]);
    let project = app.project(json!({"consent_policy": "opt_out"}));
    app.fund(&project, BUDGET);
    let mut workload = Workload::new(seed, project);

    let began = Instant::now();
    for round in 0..rounds {
        workload.run_until_killed(&mut app, Duration::from_millis(random.u64(20..700)));
        if round % 5 == 4 {
            app.assert_verified();
        }
        if random.u8(..4) == 0 {
            app.start_and_kill(Duration::from_millis(random.u64(..200)));
        }
        if random.u8(..8) == 0 {
            app.delete_sled();
        }
        app.resume();
        app.assert_balanced();
        workload.settle_and_check(&app);
    }
    println!("{rounds} kills in {:?}, {} events", began.elapsed(), workload.stored());

    workload.check_everything(&app);
    app.stop();
    app.assert_verified();
    app.delete_sled();
    app.resume();
    workload.check_everything(&app);
}

impl Workload {
    fn new(seed: u64, project: Project) -> Self {
        let people = (0..PEOPLE as u64).map(|n| Person::new(seed ^ (n + 1))).collect();
        Self { seed, project, people, retired: Vec::new(), minter: Minter::default() }
    }

    /// Lets all clients act, and kills the server `after` that time.
    fn run_until_killed(&mut self, app: &mut TestApp, after: Duration) {
        std::thread::scope(|scope| {
            for person in &mut self.people {
                let line = person.line(app, &self.project.pk_live);
                scope.spawn(move || person.act_until_gone(&line));
            }
            let operator = app.operator();
            let minter = &mut self.minter;
            scope.spawn(move || minter.act_until_gone(&operator));
            std::thread::sleep(after);
            app.kill9();
        });
    }

    fn settle_and_check(&mut self, app: &TestApp) {
        let key = &self.project.pk_live;
        std::thread::scope(|scope| {
            for person in &mut self.people {
                scope.spawn(move || person.settle_and_check(&person.line(app, key)));
            }
        });
        self.minter.settle_and_check(app, BUDGET * PRIV);
        self.check_analytics(app);
        self.retire_the_busy();
    }

    fn check_everything(&mut self, app: &TestApp) {
        let key = &self.project.pk_live;
        for person in self.people.iter_mut().chain(&mut self.retired) {
            person.check_everything(&person.line(app, key));
        }
        self.minter.settle_and_check(app, BUDGET * PRIV);
        self.check_analytics(app);
        let audit = app.assert_balanced();
        assert_eq!(micros(&audit["in_flight"]), 0, "what was begun has ended: {audit}");
    }

    fn check_analytics(&self, app: &TestApp) {
        let answer = app.key(&self.project.pk_live).get(&analytics_path());
        assert_eq!(answer.ok()["total_events"], self.stored(), "events that were acknowledged");
    }

    fn stored(&self) -> usize {
        self.people.iter().chain(&self.retired).map(Person::stored).sum()
    }

    fn retire_the_busy(&mut self) {
        for n in 0..self.people.len() {
            if self.people[n].stored() > BUSY {
                let seed = self.seed ^ ((1 + self.retired.len() as u64) << 32);
                let successor = Person::new(seed);
                self.retired.push(std::mem::replace(&mut self.people[n], successor));
            }
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}")))
}
