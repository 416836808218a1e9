//! How a scenario is led while it is played.

use std::time::Duration;

use highwater_model::demo::PlayBody;
use tokio::sync::watch;
use tokio::time::Instant;

/// What was said last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Control {
    pub(super) is_paused: bool,
    pub(super) is_stopped: bool,
    pub(super) speed: f64,
    /// The chapter to go on with, and how often one was named.
    pub(super) jump: (u64, usize),
    /// How often somebody did not want to wait.
    pub(super) next: u64,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            is_paused: false,
            is_stopped: false,
            speed: 1.0,
            jump: (0, 0),
            next: 0,
        }
    }
}

impl Control {
    /// Takes over what somebody says.
    pub(super) fn take(&mut self, body: &PlayBody) {
        self.is_paused = body.paused.unwrap_or(self.is_paused);
        self.speed = body.speed.unwrap_or(self.speed);
        if let Some(chapter) = body.chapter {
            self.jump = (self.jump.0 + 1, chapter);
        }
    }
}

/// Why a scenario does not go on as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// It goes on with this chapter.
    Jump(usize),
    /// Somebody ended it.
    Stop,
    /// This did not happen.
    Failed(String),
}

/// Waits, as it is led.
#[derive(Debug)]
pub(super) struct Led {
    control: watch::Receiver<Control>,
    jumped: u64,
    stepped: u64,
}

impl Led {
    pub(super) fn by(control: watch::Receiver<Control>) -> Self {
        let (jumped, stepped) = {
            let now = control.borrow();
            (now.jump.0, now.next)
        };
        Self {
            control,
            jumped,
            stepped,
        }
    }

    /// So long at the usual speed, in which it may be paused; true when somebody did not want to wait.
    pub(super) async fn pass(&mut self, usual: Duration) -> Result<bool, Turn> {
        let mut left = usual.as_secs_f64();
        loop {
            let now = self.control.borrow_and_update().clone();
            if now.is_stopped {
                return Err(Turn::Stop);
            }
            if now.jump.0 != self.jumped {
                self.jumped = now.jump.0;
                return Err(Turn::Jump(now.jump.1));
            }
            if now.next != self.stepped {
                self.stepped = now.next;
                return Ok(true);
            }
            if now.is_paused {
                if self.control.changed().await.is_err() {
                    return Err(Turn::Stop);
                }
                continue;
            }
            let began = Instant::now();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(left / now.speed)) => return Ok(false),
                changed = self.control.changed() => {
                    if changed.is_err() {
                        return Err(Turn::Stop);
                    }
                    left = (left - began.elapsed().as_secs_f64() * now.speed).max(0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[tokio::test]
    async fn a_wait_ends_when_somebody_goes_on_jumps_or_stops() {
        let control = watch::Sender::new(Control::default());
        let mut led = Led::by(control.subscribe());
        control.send_modify(|control| control.next += 1);
        assert_eq!(led.pass(LONG).await, Ok(true));
        let chapter = PlayBody {
            chapter: Some(2),
            ..PlayBody::default()
        };
        control.send_modify(|control| control.take(&chapter));
        assert_eq!(led.pass(LONG).await, Err(Turn::Jump(2)));
        assert_eq!(led.pass(Duration::ZERO).await, Ok(false), "it jumped once");
        control.send_modify(|control| control.is_stopped = true);
        assert_eq!(led.pass(LONG).await, Err(Turn::Stop));
    }

    #[tokio::test]
    async fn a_paused_wait_does_not_end_until_it_goes_on() {
        let control = watch::Sender::new(Control {
            is_paused: true,
            ..Control::default()
        });
        let mut led = Led::by(control.subscribe());
        let waiting = tokio::time::timeout(Duration::from_millis(50), led.pass(Duration::ZERO));
        assert!(waiting.await.is_err(), "it went on while it was paused");
        control.send_modify(|control| control.is_paused = false);
        assert_eq!(led.pass(Duration::ZERO).await, Ok(false));
    }
}
