//! Shows events as they happen: bars that redraw on a terminal, a line for each change elsewhere.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use deploy::watch::Rollout;
use deploy::{ContainerState, Event, Events, ImagePhase, ResourceChange, StageError};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::visible::{self, word};
use super::{Paint, Ui};
use crate::context::Context;
use crate::failure::Failure;

/// Does work and shows its events until it ends; a failure is explained.
///
/// # Errors
/// What the work says.
pub(crate) async fn show<T, F>(cx: &Context, work: impl FnOnce(Events) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, StageError>>,
{
    show_as(cx, Form::Words, work).await
}

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people, on standard error.
    Words,
    /// For programs, on standard output: a JSON object a line.
    Json,
}

/// Does work and shows its events until it ends; a failure is explained.
///
/// # Errors
/// What the work says.
pub(crate) async fn show_as<T, F>(cx: &Context, form: Form, work: impl FnOnce(Events) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, StageError>>,
{
    let (events, mut received) = Events::channel();
    let mut screen = Screen::new(cx.ui, cx.global.verbose, form);
    let work = work(events);
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            // Events first: what led to the end is shown before it.
            biased;
            Some(event) = received.recv() => screen.tell(&event),
            result = &mut work => break result,
        }
    };
    while let Ok(event) = received.try_recv() {
        screen.tell(&event);
    }
    screen.end();
    let losses = match &result {
        Err(StageError::Lost { losses }) if form == Form::Json => losses.as_slice(),
        Err(StageError::ReleaseCommand { loss }) if form == Form::Json => std::slice::from_ref(&**loss),
        _ => &[],
    };
    losses.iter().for_each(|loss| cx.ui.json_line(&serde_json::json!({ "event": "lost", "loss": loss })));
    result.map_err(|error| super::report::explain(error, cx.ui.err))
}

/// Where events are shown.
struct Screen {
    ui: Ui,
    verbose: bool,
    form: Form,
    bars: Option<Bars>,
    /// Words said last for each thing, so that a change is said once.
    said: HashMap<String, String>,
    unchanged: usize,
}

/// The moving part of a terminal.
struct Bars {
    all: MultiProgress,
    by_name: HashMap<String, ProgressBar>,
}

impl Screen {
    fn new(ui: Ui, verbose: bool, form: Form) -> Self {
        let bars =
            (ui.live && form == Form::Words).then(|| Bars { all: MultiProgress::new(), by_name: HashMap::new() });
        Self { ui, verbose, form, bars, said: HashMap::new(), unchanged: 0 }
    }

    fn tell(&mut self, event: &Event) {
        let paint = self.ui.err;
        if self.form == Form::Json {
            return self.ui.json_line(event);
        }
        match event {
            Event::Resource { outcome: ResourceChange::Unchanged, .. } if !self.verbose => self.unchanged += 1,
            Event::Resource { outcome, kind, name } => {
                self.line(&format!("{} {kind} {}", mark(*outcome, paint), word(name)));
            }
            Event::ImageStarted { image, phase } => self.state(&format!("image {image}"), phase_word(*phase), false),
            Event::ImageLine { image, line } if self.verbose => {
                self.line(&paint.dim(&format!("  {}: {}", word(image), visible::log(line, Paint::Plain))));
            }
            Event::ImageLine { image, line } => self.detail(&format!("image {image}"), line),
            Event::ImageReady { image, outcome: ResourceChange::Unchanged, .. } if !self.verbose => {
                self.finish(&format!("image {image}"));
                self.unchanged += 1;
            }
            Event::ImageReady { image, reference, outcome } => {
                self.finish(&format!("image {image}"));
                self.line(&format!("{} image {} ({})", mark(*outcome, paint), word(image), word(reference)));
            }
            Event::Container { task, container, state, .. } => {
                let ended = matches!(state, ContainerState::Exited { .. });
                self.state(&format!("{container} ({})", short(task)), &painted(state, paint), ended);
            }
            Event::Target { target, health, reason, .. } => {
                let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
                self.state(&format!("target {target}"), &word(&format!("{health}{because}")), health == "draining");
            }
            Event::Service { message, .. } if self.verbose => {
                self.line(&paint.dim(&format!("  {}", word(message))));
            }
            Event::Service { .. } => {}
            Event::Rollout(rollout) => self.rollout(rollout),
            Event::Failure { service, told } => self.line(&super::report::failure(service, told, paint)),
            Event::Output { container, line, .. } => {
                let name = paint.cyan(&format!("{} |", word(container)));
                line.split('\n').for_each(|line| self.line(&format!("  {name} {}", visible::log(line, paint))));
            }
            Event::Warning { message } => {
                self.line(&format!("{} {}", paint.yellow("!"), visible::paragraph(message)));
            }
        }
    }

    /// Says how far a service is: a line that moves on a terminal, a line for each change elsewhere.
    fn rollout(&mut self, rollout: &Rollout) {
        let Rollout { service, revision, state, desired, running, healthy, old, failed, targets } = rollout;
        let mut words = format!("{} {healthy} of {desired} healthy, {running} running, {old} old", word(revision));
        if targets.1 > 0 {
            words.push_str(&format!(", {} of {} targets", targets.0, targets.1));
        }
        if *failed > 0 {
            words.push_str(&format!(", {}", self.ui.err.red(&format!("{failed} failed"))));
        }
        let state = state.to_lowercase().replace('_', " ");
        if !state.is_empty() {
            words.push_str(&format!(" ({})", word(&state)));
        }
        self.state(service, &words, false);
    }

    /// Says a line that stays.
    fn line(&mut self, words: &str) {
        match &self.bars {
            // Not `println`: the last lines before the end are lost when draws are rate-limited.
            Some(bars) => bars.all.suspend(|| self.ui.say(words)),
            None => self.ui.say(words),
        }
    }

    /// Says where something is now: its bar on a terminal, a line elsewhere.
    fn state(&mut self, name: &str, words: &str, ended: bool) {
        let name = &*word(name);
        if self.said.insert(name.to_owned(), words.to_owned()).as_deref() == Some(words) {
            return;
        }
        match &mut self.bars {
            None => self.ui.say(&format!("  {name}: {words}")),
            Some(bars) => {
                let bar = bars.bar(name);
                bar.set_message(words.to_owned());
                if ended {
                    bar.finish();
                }
            }
        }
    }

    /// Shows a line of output beside a bar; elsewhere it is left out.
    fn detail(&mut self, name: &str, line: &str) {
        let name = &*word(name);
        let Some(bars) = &mut self.bars else { return };
        let words = self.said.get(name).cloned().unwrap_or_default();
        let line: String = visible::log(line, Paint::Plain).replace('\t', " ").chars().take(100).collect();
        bars.bar(name).set_message(format!("{words}  {}", self.ui.err.dim(&line)));
    }

    fn finish(&mut self, name: &str) {
        let name = &*word(name);
        self.said.remove(name);
        if let Some(bar) = self.bars.as_mut().and_then(|bars| bars.by_name.remove(name)) {
            bar.finish_and_clear();
        }
    }

    fn end(&mut self) {
        if let Some(bars) = &self.bars {
            for bar in bars.by_name.values() {
                bar.finish_and_clear();
            }
        }
        if self.unchanged > 0 && self.form == Form::Words {
            self.ui.say(&self.ui.err.dim(&format!("{} more as they should be", self.unchanged)));
        }
    }
}

impl Bars {
    fn bar(&mut self, name: &str) -> ProgressBar {
        let all = &self.all;
        let made = self.by_name.entry(name.to_owned()).or_insert_with(|| {
            let bar = all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {prefix:40!} {wide_msg} {elapsed:>4}");
            bar.set_style(style.expect("the template is right").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏·"));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        made.clone()
    }
}

fn mark(outcome: ResourceChange, paint: Paint) -> String {
    match outcome {
        ResourceChange::Created => paint.green("+"),
        ResourceChange::Updated => paint.yellow("~"),
        ResourceChange::Unchanged => paint.dim("="),
        ResourceChange::Deleted => paint.red("-"),
    }
}

fn phase_word(phase: ImagePhase) -> &'static str {
    match phase {
        ImagePhase::Building => "building",
        ImagePhase::Pushing => "pushing",
    }
}

/// Returns a state in its colour.
pub(crate) fn painted(state: &ContainerState, paint: Paint) -> String {
    painted_as(state, &word(&state.word()), paint)
}

/// Returns text in the colour of a state.
pub(crate) fn painted_as(state: &ContainerState, text: &str, paint: Paint) -> String {
    match state {
        ContainerState::Healthy | ContainerState::Running => paint.green(text),
        ContainerState::Unhealthy => paint.red(text),
        ContainerState::Exited { code: Some(0), .. } => paint.dim(text),
        ContainerState::Exited { .. } => paint.red(text),
        ContainerState::Waiting | ContainerState::Pulling | ContainerState::Created => paint.yellow(text),
    }
}

/// Returns the first eight characters of a task's id: enough for people.
pub(crate) fn short(task: &str) -> &str {
    task.get(..8).unwrap_or(task)
}
