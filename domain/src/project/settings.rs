//! The settings of a project, which operators choose and change.

use super::{ApiKey, Event, Project, Refusal};
use crate::consent::ConsentPolicy;
use crate::context::Context;
use crate::earning::{DEFAULT_DAILY_CAP, Rates};
use crate::machine::{Answer, Command, Decided, Decision};
use crate::money::Micros;
use crate::time::Timestamp;

/// The plan that was bought, which sets the rate limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// 10 requests a second, 10,000 a day.
    #[default]
    Free,
    /// 100 requests a second, 1,000,000 a day.
    Pro,
    /// No limits but those that are configured.
    Enterprise,
}

impl Plan {
    /// The plan's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }
}

/// The settings of a project in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For people to read; 1 to 200 characters, checked at the edge.
    pub name: Box<str>,
    /// The plan that was bought.
    pub plan: Plan,
    /// The rule for storing events of a user who was never asked.
    pub consent_policy: ConsentPolicy,
    /// The reward for an event of each type.
    pub rates: Rates,
    /// The most that one user can earn in a UTC day, in micros.
    pub daily_cap: Micros,
    /// The most requests a second; `None` takes the plan's limit.
    pub requests_per_second: Option<u32>,
    /// The most requests a UTC day; `None` takes the plan's limit.
    pub requests_per_day: Option<u32>,
    /// Whether a publishable key may read analytics.
    pub publishable_reads_analytics: bool,
}

impl Default for Settings {
    /// The settings of a project for which an operator chose none.
    fn default() -> Self {
        Self {
            name: "".into(),
            plan: Plan::default(),
            consent_policy: ConsentPolicy::default(),
            rates: Rates::default(),
            daily_cap: DEFAULT_DAILY_CAP,
            requests_per_second: None,
            requests_per_day: None,
            publishable_reads_analytics: true,
        }
    }
}

/// A change to some settings; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// See [`Settings::name`].
    pub name: Option<Box<str>>,
    /// See [`Settings::plan`].
    pub plan: Option<Plan>,
    /// See [`Settings::consent_policy`].
    pub consent_policy: Option<ConsentPolicy>,
    /// See [`Rates::track`].
    pub track_rate: Option<Micros>,
    /// See [`Rates::page_view`].
    pub page_view_rate: Option<Micros>,
    /// See [`Rates::identify`].
    pub identify_rate: Option<Micros>,
    /// See [`Settings::daily_cap`].
    pub daily_cap: Option<Micros>,
    /// See [`Settings::requests_per_second`]; `Some(None)` goes back to the plan's.
    pub requests_per_second: Option<Option<u32>>,
    /// See [`Settings::requests_per_day`]; `Some(None)` goes back to the plan's.
    pub requests_per_day: Option<Option<u32>>,
    /// See [`Settings::publishable_reads_analytics`].
    pub publishable_reads_analytics: Option<bool>,
}

impl SettingsChange {
    /// The settings after the change.
    #[must_use]
    pub fn applied_to(self, before: &Settings) -> Settings {
        Settings {
            name: self.name.unwrap_or_else(|| before.name.clone()),
            plan: self.plan.unwrap_or(before.plan),
            consent_policy: self.consent_policy.unwrap_or(before.consent_policy),
            rates: Rates {
                track: self.track_rate.unwrap_or(before.rates.track),
                page_view: self.page_view_rate.unwrap_or(before.rates.page_view),
                identify: self.identify_rate.unwrap_or(before.rates.identify),
            },
            daily_cap: self.daily_cap.unwrap_or(before.daily_cap),
            requests_per_second: self.requests_per_second.unwrap_or(before.requests_per_second),
            requests_per_day: self.requests_per_day.unwrap_or(before.requests_per_day),
            publishable_reads_analytics: self
                .publishable_reads_analytics
                .unwrap_or(before.publishable_reads_analytics),
        }
    }
}

/// Creates a project in one environment.
#[derive(Clone, Debug)]
pub struct CreateProject {
    /// The settings that the operator chose.
    pub settings: Settings,
    /// Its first keys, without their secrets.
    pub keys: Vec<ApiKey>,
}

/// Changes some of a project's settings.
#[derive(Clone, Debug)]
pub struct ChangeSettings {
    /// The settings that change.
    pub change: SettingsChange,
    /// The operator who changes them.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
    pub reason: Option<Box<str>>,
}

/// The reply to [`CreateProject`] and [`ChangeSettings`]: the settings from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSettings {
    /// The time at which the project was created.
    pub created_at: Timestamp,
    /// The settings from now on.
    pub settings: Settings,
    /// The keys that were made with the project; none after a change.
    pub keys: Vec<ApiKey>,
}

impl Command for CreateProject {
    type Machine = Project;
    type Reply = ProjectSettings;

    fn decide(self, project: &Project, context: &Context<'_>) -> Decided<Self> {
        let Self { settings, keys } = self;
        if project.exists() {
            return Err(Refusal::Exists);
        }
        let reply = ProjectSettings {
            created_at: context.now,
            settings: settings.clone(),
            keys: keys.clone(),
        };
        Ok(Decision::of(vec![Event::Created { settings, keys }], Answer::Now(reply)))
    }
}

impl Command for ChangeSettings {
    type Machine = Project;
    type Reply = ProjectSettings;

    fn decide(self, project: &Project, _: &Context<'_>) -> Decided<Self> {
        let Self { change, by, reason } = self;
        let created_at = project.created_at.ok_or(Refusal::NoSuchProject)?;
        let settings = change.applied_to(&project.settings);
        let reply = ProjectSettings { created_at, settings: settings.clone(), keys: Vec::new() };
        Ok(Decision::of(vec![Event::Changed { settings, by, reason }], Answer::Now(reply)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::KeyId;
    use crate::project::{KeyRole, Scopes};
    use crate::testing::*;

    fn settings() -> Settings {
        Settings {
            name: "Shop".into(),
            requests_per_second: Some(5),
            requests_per_day: Some(50),
            ..Settings::default()
        }
    }

    fn create() -> CreateProject {
        let key = ApiKey {
            id: KeyId::new(1),
            role: KeyRole::Secret,
            scopes: Scopes::ALL,
            sha256: [1; 32],
            last_four: "abcd".into(),
            created_at: NOW,
            ends_at: None,
        };
        CreateProject { settings: settings(), keys: vec![key] }
    }

    fn change(change: SettingsChange) -> ChangeSettings {
        ChangeSettings { change, by: "op".into(), reason: Some("asked".into()) }
    }

    fn no_project() -> UnderTest<Project> {
        UnderTest::new(project(1))
    }

    fn shop() -> UnderTest<Project> {
        no_project().with(|shop| {
            shop.created_at = Some(Timestamp::EPOCH);
            shop.settings = settings();
        })
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(no_project(), create()),
            refusal,
            &[(|(project, _)| project.created_at = Some(NOW), Refusal::Exists)],
        );
        check_guards(
            &(shop(), change(SettingsChange::default())),
            refusal,
            &[(|(project, _)| project.created_at = None, Refusal::NoSuchProject)],
        );
    }

    #[test]
    fn a_project_is_made_once_with_its_keys() {
        let mut shop = no_project();
        let step = shop.ask(create());
        let CreateProject { settings, keys } = create();
        let event = Event::Created { settings: settings.clone(), keys: keys.clone() };
        assert_eq!(step.events, [event]);
        let reply =
            ProjectSettings { created_at: NOW, settings: settings.clone(), keys: keys.clone() };
        assert_eq!(step.answer, Answer::Now(reply));
        assert_eq!((shop.created_at, &shop.settings, &shop.keys), (Some(NOW), &settings, &keys));
    }

    #[test]
    fn a_change_changes_what_it_names() {
        let none = SettingsChange::default();
        type Row = (SettingsChange, fn(&mut Settings));
        let rows: [Row; 13] = [
            (none.clone(), |_| ()),
            (SettingsChange { name: Some("New".into()), ..none.clone() }, |settings| {
                settings.name = "New".into();
            }),
            (SettingsChange { plan: Some(Plan::Pro), ..none.clone() }, |settings| {
                settings.plan = Plan::Pro;
            }),
            (
                SettingsChange { consent_policy: Some(ConsentPolicy::OptOut), ..none.clone() },
                |settings| settings.consent_policy = ConsentPolicy::OptOut,
            ),
            (SettingsChange { track_rate: Some(micros(1)), ..none.clone() }, |settings| {
                settings.rates.track = micros(1);
            }),
            (SettingsChange { page_view_rate: Some(micros(1)), ..none.clone() }, |settings| {
                settings.rates.page_view = micros(1);
            }),
            (SettingsChange { identify_rate: Some(micros(1)), ..none.clone() }, |settings| {
                settings.rates.identify = micros(1);
            }),
            (SettingsChange { daily_cap: Some(micros(1)), ..none.clone() }, |settings| {
                settings.daily_cap = micros(1);
            }),
            (SettingsChange { requests_per_second: Some(Some(9)), ..none.clone() }, |settings| {
                settings.requests_per_second = Some(9)
            }),
            // Back to the plan's limit.
            (SettingsChange { requests_per_second: Some(None), ..none.clone() }, |settings| {
                settings.requests_per_second = None;
            }),
            (SettingsChange { requests_per_day: Some(Some(9)), ..none.clone() }, |settings| {
                settings.requests_per_day = Some(9);
            }),
            (SettingsChange { requests_per_day: Some(None), ..none.clone() }, |settings| {
                settings.requests_per_day = None;
            }),
            (SettingsChange { publishable_reads_analytics: Some(false), ..none }, |settings| {
                settings.publishable_reads_analytics = false
            }),
        ];
        for (changes, make) in rows {
            let mut shop = shop();
            let mut expected = settings();
            make(&mut expected);
            let step = shop.ask(change(changes.clone()));
            let (by, reason) = ("op".into(), Some("asked".into()));
            let event = Event::Changed { settings: expected.clone(), by, reason };
            assert_eq!(step.events, [event], "{changes:?}");
            assert_eq!(shop.settings, expected);
            let created_at = Timestamp::EPOCH;
            let reply = ProjectSettings { created_at, settings: expected, keys: Vec::new() };
            assert_eq!(step.answer, Answer::Now(reply));
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(no_project(), &create());
        let name = Some("New".into());
        check_repeats(shop(), &change(SettingsChange { name, ..SettingsChange::default() }));
    }

    #[test]
    fn plans_have_their_names() {
        let names = [Plan::Free, Plan::Pro, Plan::Enterprise].map(Plan::as_str);
        assert_eq!(names, ["free", "pro", "enterprise"]);
    }
}
