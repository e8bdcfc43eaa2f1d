//! What a schedule may start on this platform, and everything else by name.

use aws_model::{AwsError, Document, Service, check};
use serde_json::Value;

use crate::events::target::{Kind, kind};
use crate::events::{bus, wrong};
use crate::{Cx, World};

/// What a schedule starts.
pub(super) enum Target {
    /// Tasks in a cluster, as `EcsParameters` say.
    Tasks,
    /// The universal target of RunTask: the input is its request.
    RunTask,
    /// An event on a bus.
    Bus(String),
}

/// What follows the universal target's `aws-sdk:` (user guide, "Using universal targets").
const RUN_TASK: &str = "ecs:runTask";

/// Returns what a target's ARN means.
pub(super) fn of(cx: &Cx<'_>, target: &Document) -> Result<Target, AwsError> {
    let arn = target.get("Arn").and_then(Value::as_str).unwrap_or_default();
    if let Some((_, called)) = arn.split_once(":scheduler:::aws-sdk:") {
        return match called {
            RUN_TASK => Ok(Target::RunTask),
            _ => Err(wrong(format!(
                "{arn} is no target on managr's platform yet: of the universal ones it has {RUN_TASK}."
            ))),
        };
    }
    match kind(cx, arn) {
        Ok(Kind::Tasks) => Ok(Target::Tasks),
        Ok(Kind::Bus(name)) => Ok(Target::Bus(name)),
        // Scheduler has no log groups either (user guide, "Using templated targets").
        Ok(Kind::Logs(_)) => Err(wrong(format!("{arn} is not a target of EventBridge Scheduler."))),
        Err(error) => Err(wrong(error.message)),
    }
}

/// Refuses a target that a schedule cannot have.
pub(super) fn check(world: &World, cx: &Cx<'_>, target: &Document) -> Result<(), AwsError> {
    if target.get("DeadLetterConfig").is_some_and(|config| config.get("Arn").is_some()) {
        return Err(wrong("DeadLetterConfig is not supported on managr's platform yet: it serves no SQS."));
    }
    const OTHERS: [&str; 5] = [
        "KinesisParameters",
        "SageMakerPipelineParameters",
        "SqsParameters",
        "EventBridgePutEventsV2Parameters",
        "EventBridgePutRawEventsParameters",
    ];
    if let Some(other) = OTHERS.iter().find(|name| target.contains_key(**name)) {
        return Err(wrong(format!(
            "{other} is not supported on managr's platform yet: there are ECS and event buses."
        )));
    }
    let has = |name: &str| target.contains_key(name);
    let input = target.get("Input").and_then(Value::as_str);
    match of(cx, target)? {
        Target::Tasks if !has("EcsParameters") => Err(wrong("EcsParameters is required for an ECS target.")),
        Target::RunTask => match input.map(request) {
            // What is in it is held against ECS's model now, as far as that is: names may stand for the time.
            Some(Some(mut request)) => {
                let operation = Service::Ecs.model().operation("RunTask").expect("it is served");
                check::admit(operation, &mut request).map_err(|error| wrong(format!("Input: {}", error.message)))
            }
            _ => Err(wrong("Input must be the request of RunTask, as JSON.")),
        },
        Target::Bus(_) if !has("EventBridgeParameters") => {
            Err(wrong("EventBridgeParameters is required for an event bus."))
        }
        Target::Bus(name) => {
            let detail = input.map(serde_json::from_str::<Value>);
            if detail.is_some_and(|detail| !matches!(detail, Ok(Value::Object(_)))) {
                return Err(wrong("Input must be the detail of an event, a JSON object."));
            }
            bus::find(world, cx, Some(&name)).map(drop)
        }
        Target::Tasks => Ok(()),
    }
}

/// Reads a universal target's input as RunTask's: members there begin with a capital (user guide, "Using universal
/// targets").
pub(super) fn request(input: &str) -> Option<Document> {
    fn small(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (first_small(&name), small(value))).collect()
            }
            Value::Array(items) => items.into_iter().map(small).collect(),
            other => other,
        }
    }
    match small(serde_json::from_str(input).ok()?) {
        Value::Object(request) => Some(request),
        _ => None,
    }
}

fn first_small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
