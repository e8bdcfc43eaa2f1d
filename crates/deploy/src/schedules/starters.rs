//! Which of the tasks of a service were started by a schedule? Asked of ECS once for each task, as long as it remembers.

use std::collections::BTreeMap;

use aws::{CallError, Client, ECS, items};
use deploy_core::desired::ScheduleDoc;
use serde_json::{Value, json};

use super::started;
use crate::logs::Line;
use crate::observe::{object, text};

/// Tells tasks by who started them. Without schedules, every task is as good as another.
#[derive(Debug, Default)]
pub struct Starters {
    cluster: String,
    schedules: Vec<ScheduleDoc>,
    /// Whether one of them started a task; none if ECS has forgotten it.
    known: BTreeMap<String, Option<bool>>,
    has_said: bool,
}

impl Starters {
    /// Returns one that tells the tasks of these schedules from all others.
    pub fn of(cluster: &str, schedules: Vec<ScheduleDoc>) -> Self {
        Self { cluster: cluster.to_owned(), schedules, ..Self::default() }
    }

    /// Finds out who started the tasks that wrote these lines, as far as that is not known.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn learn(&mut self, client: &Client, lines: &[Line]) -> Result<(), CallError> {
        if self.schedules.is_empty() {
            return Ok(());
        }
        let mut unknown: Vec<&str> = lines.iter().map(|line| line.task.as_str()).collect();
        unknown.retain(|task| !self.known.contains_key(*task));
        unknown.sort_unstable();
        unknown.dedup();
        // DescribeTasks takes at most 100 at once.
        for chunk in unknown.chunks(100) {
            let input = object(json!({ "cluster": self.cluster, "tasks": chunk }));
            let answer = client.call(&ECS, "DescribeTasks", input).await?;
            self.known.extend(chunk.iter().map(|task| ((*task).to_owned(), None)));
            for task in items(&answer, "tasks").iter().filter_map(Value::as_object) {
                let id = text(task, "taskArn").rsplit('/').next().unwrap_or_default().to_owned();
                let is_its = self.schedules.iter().any(|schedule| started::is_of(task, schedule).is_some());
                self.known.insert(id, Some(is_its));
            }
        }
        Ok(())
    }

    /// Returns whether one of the schedules started a task.
    pub fn started(&self, task: &str) -> bool {
        self.schedules.is_empty() || self.known.get(task).is_some_and(|known| *known == Some(true))
    }

    /// Returns, once, whether tasks wrote whose starters can no longer be found.
    pub fn has_news(&mut self) -> bool {
        let is_news = !self.has_said && self.known.values().any(Option::is_none);
        self.has_said |= is_news;
        is_news
    }
}
