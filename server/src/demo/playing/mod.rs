//! Plays scenarios: one at a time, whoever looks sees the same.

mod control;
mod player;

use highwater_demo::scenarios::Scenario;
use highwater_engine::ReadModels;
use highwater_model::demo::{DemoScenario, PlayBody, Playing, PlayingState};
use highwater_store::{Clock, Store};
use tokio::sync::watch;

use super::{DemoShop, Shop};
use control::Control;
use player::Player;

/// How fast a scenario can be played.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=100.0;

/// Why a scenario is not played so.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// There is none of this name.
    #[error("there is no scenario {name:?}; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// One is played already.
    #[error(
        "{by} plays {title:?} already; end it first (DELETE /api/demo/playing), or let them finish"
    )]
    Busy {
        /// Who.
        by: String,
        /// What.
        title: String,
    },
    /// None is played.
    #[error("no scenario is played; begin one first")]
    Nothing,
    /// It has no such chapter, or can't be so fast.
    #[error("{0}")]
    Bad(String),
}

/// What is played, and how it is led.
#[derive(Debug)]
pub(super) struct Playhouse {
    now: watch::Sender<Option<Playing>>,
    control: watch::Sender<Control>,
}

impl Default for Playhouse {
    fn default() -> Self {
        Self {
            now: watch::Sender::new(None),
            control: watch::Sender::new(Control::default()),
        }
    }
}

impl Playhouse {
    /// What is played, or was last.
    pub(super) fn now(&self) -> Option<Playing> {
        self.now.borrow().clone()
    }
}

fn told(scenario: &Scenario) -> DemoScenario {
    let chapters = scenario.chapters.iter();
    DemoScenario {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        about: scenario.about.clone(),
        chapters: chapters.map(|chapter| chapter.title.clone()).collect(),
    }
}

impl DemoShop {
    /// What can be played.
    pub fn scenarios() -> Vec<DemoScenario> {
        Scenario::all().iter().map(told).collect()
    }

    /// Begins a scenario.
    ///
    /// # Errors
    /// When there is none of this name, one is played already, or it can't be played so.
    pub fn play(
        &self,
        name: &str,
        body: PlayBody,
        by: &str,
        store: &Store,
        read_models: &ReadModels,
    ) -> Result<Playing, PlayError> {
        let all = Scenario::all();
        let known = || -> Vec<&str> { all.iter().map(|one| one.name.as_str()).collect() };
        let scenario = all.iter().find(|one| one.name == name);
        let scenario = scenario.ok_or_else(|| PlayError::Unknown {
            name: name.to_owned(),
            known: known().join(", "),
        })?;
        let scenario = scenario.clone();
        check(&body, scenario.chapters.len())?;
        let house = &self.0.house;
        let first = Playing {
            scenario: told(&scenario),
            by: by.to_owned(),
            since: Clock.now(),
            state: PlayingState::Playing,
            chapter: body.chapter.unwrap_or(0),
            caption: None,
            note: None,
            waits_for: None,
            speed: body.speed.unwrap_or(1.0),
        };
        let mut busy = None;
        house.now.send_if_modified(|now| match now {
            // Of two presenters at once, one begins.
            Some(playing) if playing.state.is_on() => {
                busy = Some((playing.by.clone(), playing.scenario.title.clone()));
                false
            }
            _ => {
                *now = Some(first.clone());
                true
            }
        });
        if let Some((by, title)) = busy {
            return Err(PlayError::Busy { by, title });
        }
        house.control.send_replace(Control {
            is_paused: body.paused.unwrap_or(false),
            speed: first.speed,
            ..Control::default()
        });
        let player = Player::new(self.clone(), scenario, store.clone(), read_models.clone());
        let token = self.0.tasks.token();
        self.0.tasks.spawn("scenario", async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = player.play() => {}
            }
        });
        Ok(first)
    }

    /// Leads what is played: pauses it, lets it go on, faster, with another chapter.
    ///
    /// # Errors
    /// When nothing is played, or it can't be led so.
    pub fn lead(&self, body: PlayBody) -> Result<Playing, PlayError> {
        let playing = self.played()?;
        check(&body, playing.scenario.chapters.len())?;
        self.0
            .house
            .control
            .send_modify(|control| control.take(&body));
        self.0.house.now.send_modify(|now| {
            if let Some(now) = now.as_mut().filter(|now| now.state.is_on()) {
                now.speed = body.speed.unwrap_or(now.speed);
                now.state = match body.paused {
                    Some(true) => PlayingState::Paused,
                    Some(false) => PlayingState::Playing,
                    None => now.state,
                };
            }
        });
        self.played()
    }

    /// Goes on at once, whatever it waits for.
    ///
    /// # Errors
    /// When nothing is played.
    pub fn next_step(&self) -> Result<Playing, PlayError> {
        let playing = self.played()?;
        self.0
            .house
            .control
            .send_modify(|control| control.next += 1);
        Ok(playing)
    }

    /// Ends what is played; the shop is as it was before.
    ///
    /// # Errors
    /// When nothing is played.
    pub fn end_playing(&self) -> Result<(), PlayError> {
        self.played()?;
        self.0
            .house
            .control
            .send_modify(|control| control.is_stopped = true);
        Ok(())
    }

    fn played(&self) -> Result<Playing, PlayError> {
        let playing = self.0.house.now().filter(|playing| playing.state.is_on());
        playing.ok_or(PlayError::Nothing)
    }
}

fn check(body: &PlayBody, chapters: usize) -> Result<(), PlayError> {
    if let Some(speed) = body.speed.filter(|speed| !SPEEDS.contains(speed)) {
        return Err(PlayError::Bad(format!(
            "a scenario can't be played {speed} times as fast; give a number from 0.1 to 100"
        )));
    }
    if let Some(chapter) = body.chapter.filter(|chapter| *chapter >= chapters) {
        return Err(PlayError::Bad(format!(
            "there is no chapter {chapter}; they are counted from 0 to {}",
            chapters - 1
        )));
    }
    Ok(())
}

/// What of the shop a player needs.
impl Shop {
    fn say(&self, change: impl FnOnce(&mut Playing)) {
        self.house.now.send_modify(|now| {
            if let Some(now) = now {
                change(now);
            }
        });
    }
}
