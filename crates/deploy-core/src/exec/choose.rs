//! Which container of which task is meant?

use aws_model::Document;
use serde_json::Value;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the container.
    pub container: &'a str,
    /// A task's id or ARN, or how its id begins; none is any.
    pub task: Option<&'a str>,
}

/// A container that can be reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// ARN of the task.
    pub task_arn: String,
    /// Its id.
    pub task: String,
    /// `family:revision` that it runs.
    pub revision: String,
    /// Name of the container.
    pub container: String,
    /// The container's id in its runtime.
    pub runtime_id: String,
    /// HEALTHY, UNHEALTHY or UNKNOWN.
    pub health: String,
    /// When the task started, in seconds since the epoch.
    pub started_at: f64,
}

/// Containers that can be reached, the best first; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice(Vec<Chosen>);

impl Choice {
    /// Returns the container of the newest healthy task.
    pub fn best(&self) -> &Chosen {
        &self.0[0]
    }

    /// Returns all, the best first.
    pub fn all(&self) -> &[Chosen] {
        &self.0
    }
}

/// Why no container can be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// No task runs.
    #[error("no task of the service runs")]
    NoTask,
    /// No task that runs is called so.
    #[error("no running task's id begins with `{wanted}`; there are {}", known.join(", "))]
    NoSuchTask {
        /// What was asked for.
        wanted: String,
        /// Ids of the tasks that run.
        known: Vec<String>,
    },
    /// Several tasks are called so.
    #[error("`{wanted}` could be any of {}", known.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Their ids.
        known: Vec<String>,
    },
    /// The task has no container of this name.
    #[error("task {task} has no container `{container}`; there are {}", known.join(", "))]
    NoContainer {
        /// The task.
        task: String,
        /// What was asked for.
        container: String,
        /// Names of its containers.
        known: Vec<String>,
    },
    /// The container does not run.
    #[error("container `{container}` of task {task} is {status}")]
    NotRunning {
        /// The task.
        task: String,
        /// The container.
        container: String,
        /// Its status.
        status: String,
    },
    /// The task was started without `enableExecuteCommand`.
    #[error("task {task} was started without ECS Exec (enableExecuteCommand)")]
    Disabled {
        /// The task.
        task: String,
    },
    /// The agent that carries sessions does not run beside the container.
    #[error("the agent for ECS Exec in container `{container}` of task {task} is {status}")]
    NoAgent {
        /// The task.
        task: String,
        /// The container.
        container: String,
        /// The agent's status.
        status: String,
    },
}

/// Returns the containers that can be reached, out of tasks as DescribeTasks tells them: of healthy tasks first, newer
/// ones before older ones.
///
/// # Errors
/// When there is none: why the newest task that could have been meant cannot be reached.
pub fn choose(tasks: &[Document], wanted: Wanted<'_>) -> Result<Choice, ChoiceError> {
    let is_up = |task: &&Document| text(task, "lastStatus") == "RUNNING" && text(task, "desiredStatus") != "STOPPED";
    let mut up: Vec<&Document> = tasks.iter().filter(is_up).collect();
    up.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap_or(std::cmp::Ordering::Equal));
    let meant = named(&up, wanted.task)?;
    let (mut found, mut refused) = (Vec::new(), None);
    for task in meant {
        match reach(task, wanted.container) {
            Ok(chosen) => found.push(chosen),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (found.is_empty(), refused) {
        (false, _) => Ok(Choice(found)),
        (true, refused) => Err(refused.unwrap_or(ChoiceError::NoTask)),
    }
}

/// Healthy tasks first, then newer ones, then by id so that the order is always the same.
fn rank(task: &Document) -> (u8, f64, &str) {
    let health = match text(task, "healthStatus") {
        "HEALTHY" => 2,
        "UNHEALTHY" => 0,
        _ => 1,
    };
    (health, started(task), text(task, "taskArn"))
}

fn named<'a>(up: &[&'a Document], wanted: Option<&str>) -> Result<Vec<&'a Document>, ChoiceError> {
    let Some(wanted) = wanted else { return Ok(up.to_vec()) };
    let ids = |tasks: &[&Document]| tasks.iter().map(|task| id(task).to_owned()).collect();
    let start = wanted.rsplit('/').next().unwrap_or(wanted);
    let meant: Vec<&Document> = up.iter().copied().filter(|task| id(task).starts_with(start)).collect();
    match meant.len() {
        0 if up.is_empty() => Err(ChoiceError::NoTask),
        0 => Err(ChoiceError::NoSuchTask { wanted: wanted.to_owned(), known: ids(up) }),
        1 => Ok(meant),
        _ => Err(ChoiceError::Ambiguous { wanted: wanted.to_owned(), known: ids(&meant) }),
    }
}

fn reach(task: &Document, name: &str) -> Result<Chosen, ChoiceError> {
    let containers = || task.get("containers").and_then(Value::as_array).into_iter().flatten();
    let name_of = |container: &Value| container["name"].as_str().unwrap_or_default().to_owned();
    let (task_id, container) = (id(task).to_owned(), name.to_owned());
    let Some(found) = containers().find(|container| container["name"] == name) else {
        return Err(ChoiceError::NoContainer { task: task_id, container, known: containers().map(name_of).collect() });
    };
    let status = found["lastStatus"].as_str().unwrap_or_default();
    if status != "RUNNING" {
        return Err(ChoiceError::NotRunning { task: task_id, container, status: status.to_owned() });
    }
    if task.get("enableExecuteCommand") != Some(&Value::Bool(true)) {
        return Err(ChoiceError::Disabled { task: task_id });
    }
    let agents = found["managedAgents"].as_array().into_iter().flatten();
    let agent = agents.into_iter().find(|agent| agent["name"] == "ExecuteCommandAgent");
    // An endpoint that tells of no agent at all may still have one: it is asked.
    if let Some(status) = agent.and_then(|agent| agent["lastStatus"].as_str()).filter(|status| *status != "RUNNING") {
        return Err(ChoiceError::NoAgent { task: task_id, container, status: status.to_owned() });
    }
    Ok(Chosen {
        task_arn: text(task, "taskArn").to_owned(),
        task: task_id,
        revision: text(task, "taskDefinitionArn").rsplit('/').next().unwrap_or_default().to_owned(),
        container,
        runtime_id: found["runtimeId"].as_str().unwrap_or_default().to_owned(),
        health: text(task, "healthStatus").to_owned(),
        started_at: started(task),
    })
}

fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn id(task: &Document) -> &str {
    text(task, "taskArn").rsplit('/').next().unwrap_or_default()
}

fn started(task: &Document) -> f64 {
    let time = |name: &str| task.get(name).and_then(Value::as_f64);
    time("startedAt").or_else(|| time("createdAt")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `id:health:started:exec:agent`, each of one letter but the number.
    fn task(text: &str) -> Document {
        let parts: Vec<&str> = text.split(':').collect();
        let [id, health, started, exec, agent] = parts[..] else { panic!("{text}") };
        let word = |letter| match letter {
            "h" => "HEALTHY",
            "s" => "UNHEALTHY",
            "r" => "RUNNING",
            "p" => "PENDING",
            _ => "UNKNOWN",
        };
        let value = json!({
            "taskArn": format!("arn:aws:ecs:us-east-1:1:task/c/{id}"),
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:1:task-definition/web:3",
            "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "healthStatus": word(health),
            "startedAt": started.parse::<f64>().unwrap(), "enableExecuteCommand": exec == "y",
            "containers": [{"name": "web", "lastStatus": "RUNNING", "runtimeId": format!("{id}-1"),
                "managedAgents": [{"name": "ExecuteCommandAgent", "lastStatus": word(agent)}]},
                {"name": "init", "lastStatus": "STOPPED"}],
        });
        value.as_object().unwrap().clone()
    }

    /// What is chosen, the best first, or why nothing is.
    fn check(tasks: &str, task_wanted: Option<&str>, container: &str, expected: &str) {
        let tasks: Vec<Document> = tasks.split_whitespace().map(task).collect();
        let told = match choose(&tasks, Wanted { container, task: task_wanted }) {
            Ok(choice) => choice.all().iter().map(|c| c.task.as_str()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn the_newest_healthy_task_comes_first() {
        check("a1:h:1:y:r b2:u:9:y:r c3:h:5:y:r d4:s:99:y:r", None, "web", "c3 a1 b2 d4");
        check("a1:h:1:y:r b2:h:9:n:r c3:h:8:y:p", None, "web", "a1");
    }

    #[test]
    fn a_task_is_named_by_how_its_id_begins() {
        let three = "ab1:h:1:y:r ab2:h:2:y:r c3:h:3:y:r";
        check(three, Some("c"), "web", "c3");
        check(three, Some("arn:aws:ecs:us-east-1:1:task/c/ab1"), "web", "ab1");
        check(three, Some("ab"), "web", "`ab` could be any of ab2, ab1");
        check(three, Some("x"), "web", "no running task's id begins with `x`; there are c3, ab2, ab1");
    }

    #[test]
    fn what_cannot_be_reached_says_why() {
        check("", None, "web", "no task of the service runs");
        check("", Some("a"), "web", "no task of the service runs");
        check("a:h:1:y:r", None, "db", "task a has no container `db`; there are web, init");
        check("a:h:1:y:r", None, "init", "container `init` of task a is STOPPED");
        check("a:h:1:n:r", None, "web", "task a was started without ECS Exec (enableExecuteCommand)");
        check("a:h:1:y:p", None, "web", "the agent for ECS Exec in container `web` of task a is PENDING");
    }
}
