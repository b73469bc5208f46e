//! How long work goes on: a bar where somebody watches, a line now and then otherwise.

use crate::shell::Shell;
use devproof_indexer::{Pulse, Stage};
use indicatif::ProgressBar;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// How often a line tells how far it is. Work that takes less says nothing.
const NEWS: Duration = Duration::from_secs(10);
/// How often the bar is drawn, and the need for a line thought about.
const TICK: Duration = Duration::from_millis(200);

/// Shows what `pulse` says until it is dropped; never ends by itself.
pub(super) async fn show(pulse: Pulse, mut shell: Shell) {
    let mut view = View::new(shell.progress_bar());
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(line) = view.line(pulse.stage(), Instant::now()) {
            shell.note(&line);
        }
    }
}

/// One piece of work in view.
struct View {
    bar: Option<ProgressBar>,
    work: Option<Work>,
}

struct Work {
    /// Tells it from the next one.
    name: String,
    began: Instant,
    told: Instant,
    done_before: u64,
}

impl View {
    const fn new(bar: Option<ProgressBar>) -> Self {
        Self { bar, work: None }
    }

    /// Draws the bar, or gives the line that is due.
    fn line(&mut self, stage: Option<Stage>, now: Instant) -> Option<String> {
        let Some(stage) = stage else {
            self.end();
            return None;
        };
        let Step { name, what, done, total } = Step::of(stage);
        if self.work.as_ref().is_none_or(|work| work.name != name) {
            self.end();
            self.work = Some(Work { name, began: now, told: now, done_before: done });
        }
        let work = self.work.as_mut()?;
        if let Some(bar) = &self.bar {
            bar.set_message(what);
            bar.set_length(total);
            bar.set_position(done);
            return None;
        }
        if now.duration_since(work.told) < NEWS {
            return None;
        }
        work.told = now;
        let rate = done.saturating_sub(work.done_before) as f64
            / now.duration_since(work.began).as_secs_f64();
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        let left = if rate > 0.0 {
            let left = total.saturating_sub(done) as f64 / rate;
            format!("about {} left", crate::text::span(left.ceil() as u64))
        } else {
            "no telling when it ends".to_owned()
        };
        Some(format!("{what}: {percent} %, {rate:.0} blocks/s, {left}"))
    }

    fn end(&mut self) {
        if self.work.take().is_some()
            && let Some(bar) = &self.bar
        {
            bar.reset();
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

struct Step {
    name: String,
    what: String,
    done: u64,
    total: u64,
}

impl Step {
    fn of(stage: Stage) -> Self {
        match stage {
            Stage::Blocks { from, done, to } => Self {
                name: format!("{from}"),
                what: format!("block {done} of {to}"),
                done: done.saturating_sub(from),
                total: to.saturating_sub(from),
            },
            // Read from the upper end down, so that what is left is known and the whole is not.
            Stage::Past { contract, from, done, to } => Self {
                name: contract.to_string(),
                what: format!("the past of {contract} down to block {done}"),
                done: from.saturating_sub(done),
                total: from.saturating_sub(to),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_every_ten_seconds_and_none_for_short_work() {
        let mut view = View::new(None);
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let stage = |done| Some(Stage::Blocks { from: 1_000, done, to: 5_000 });
        assert_eq!(view.line(stage(1_000), at(0)), None);
        assert_eq!(view.line(stage(1_900), at(9)), None);
        assert_eq!(
            view.line(stage(2_000), at(10)).unwrap(),
            "block 2000 of 5000: 25 %, 100 blocks/s, about 30 s left"
        );
        assert_eq!(view.line(stage(2_100), at(11)), None);
        // Other work begins anew.
        let next = Some(Stage::Blocks { from: 5_000, done: 5_001, to: 5_002 });
        assert_eq!(view.line(next, at(30)), None);
        assert_eq!(view.line(None, at(31)), None);
        let past =
            |done| Some(Stage::Past { contract: Default::default(), from: 900, done, to: 0 });
        assert_eq!(view.line(past(800), at(40)), None);
        let line = view.line(past(300), at(50)).unwrap();
        assert!(line.ends_with("down to block 300: 66 %, 50 blocks/s, about 6 s left"), "{line}");
    }
}
