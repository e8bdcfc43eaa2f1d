//! A command that runs at set times, and what an AWS schedule expression may look like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Container, ContainerSecret, Expression, Inherit, Log, Named, Raw, Scalar, Seconds, Volume};

/// A command that runs at set times, in a task of its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["schedule"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Schedule {
    /// When it runs: `rate(5 minutes)`, AWS's six fields `cron(minute hour day-of-month month day-of-week year)`, in UTC
    /// unless `timezone` says another zone, or once: `at(2027-01-31T06:00:00)`.
    pub schedule: Expression,
    /// Time zone that `schedule` is meant in, by its name in IANA's database, such as `Europe/Berlin`: daylight saving
    /// is followed. A time that is left out when clocks go forward does not fire, one that comes twice fires once.
    /// Default: UTC.
    #[schemars(extend("format" = "managr-timezone"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What fires it: `scheduler` is a schedule of EventBridge Scheduler, `rule` a rule of EventBridge, which knows
    /// neither `timezone` nor `at(...)`. Default: `scheduler` where one of these is said, and `rule` where not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Group of EventBridge Scheduler that its schedule is in; it must be there. Default: `default`.
    #[schemars(extend("format" = "managr-rule-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How often AWS tries again to start the task, if it cannot be started; what the task does then, and its exit code,
    /// are no part of it. Default: what is there, and AWS's 185 for a new one.
    #[schemars(extend("maximum" = 185))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Whether it fires: with `false` it is there and does nothing. Default: what is there, and true for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What happens when it fires while an earlier run has not ended: `skip` (the new run does not begin), `replace` (the
    /// earlier ones are stopped first) or `allow` (both run). The first two put a small container into the task that looks
    /// before the others start; see "Runs that overlap" in running.md. Default: `allow`, as AWS does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Time after which a run that has not ended is stopped, counted from the start of its containers. Default: none.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// Stages that it is in: elsewhere it is not there. Default: every stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// A service whose task it starts: its containers as they are, with the overrides given here. No task definition of
    /// its own is made. Schedules that share a task which no service runs name one that is `standalone`. What the
    /// service says (`image`, `containers`, `family` and the like) has no place here then.
    #[schemars(extend("format" = "managr-name"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Name of the rule, or of the schedule of EventBridge Scheduler; `{stage}` is the stage's name. Default: `{app}-{schedule}-{stage}`.
    #[schemars(extend("format" = "managr-rule-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Task definition family. Default: `{app}-{schedule}-task-{stage}`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Name of its container. Default: the schedule's, or with `service` the one that `managr run` takes.
    #[schemars(extend("format" = "managr-container"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// A name from `[images]`, or any reference with a tag or digest. Required, unless `containers` has the schedule's
    /// own container, or `service` is given.
    #[schemars(extend("format" = "managr-image"))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Arguments, instead of the image's CMD.
    #[schemars(extend("x-help" = "write the command as a list of words, such as [\"process_tasks\", \"--queue\", \"DEFAULT\"]"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Program, instead of the image's ENTRYPOINT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// CPU units of the task. Default: 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Memory of the task in MiB. Default: the least that Fargate has for `cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Plain variables of this schedule alone; they win over `[variables]`.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub variables: Named<Scalar>,
    /// Secrets of this schedule alone; they win over `[secrets]`.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub secrets: Named<ContainerSecret>,
    /// What it gets of the application's variables and secrets, as for a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherit: Option<Inherit>,
    /// User. Default: the image's.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Working directory. Default: the image's.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Volumes of the task, as for a service.
    #[schemars(extend("propertyNames" = { "format": "managr-container" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub volumes: Named<Volume>,
    /// Where the output of its containers goes, where they do not say it themselves. Default: streams of the log group
    /// `/{app}/{stage}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Further containers of its task, such as an agent. The schedule's own container may be written here too, if it
    /// needs words that a schedule does not have, such as `volumes` or `ports`; then all of it is.
    #[schemars(extend("propertyNames" = { "format": "managr-container" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub containers: Named<Container>,
    /// Fields of the task definition, in AWS's own JSON names, merged over what is rendered; with `service`, of what the
    /// task overrides (ECS's `TaskOverride`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
    /// Members of the rendered task definition to take out, after `aws` was merged over: names with dots between them,
    /// such as `"executionRoleArn"`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws_without: Vec<String>,
}

/// What happens when a schedule fires while an earlier run has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Both run.
    #[default]
    Allow,
    /// The new run does not begin.
    Skip,
    /// Earlier runs are stopped, and then the new one begins.
    Replace,
}

/// What fires a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// A rule of EventBridge.
    #[default]
    Rule,
    /// A schedule of EventBridge Scheduler.
    Scheduler,
}

impl Via {
    /// Returns what fires a schedule that says no more than this: a rule knows neither zones nor a single time, and
    /// whatever was a rule before there was a choice stays one.
    pub fn settled(said: Option<Self>, expression: &str, timezone: Option<&str>) -> Self {
        let needs_scheduler = timezone.is_some() || expression.starts_with("at(");
        said.unwrap_or(if needs_scheduler { Self::Scheduler } else { Self::Rule })
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Scheduler => "scheduler",
        }
    }
}

impl Schedule {
    /// Returns the name of the container that the schedule is about; `name` is the schedule's own.
    pub fn container<'a>(&'a self, name: &'a str) -> &'a str {
        self.container.as_deref().unwrap_or(name)
    }

    /// Returns the container that the schedule's own words make.
    pub(crate) fn own_container(&self) -> Container {
        Container {
            image: self.image.clone(),
            command: self.command.clone(),
            entrypoint: self.entrypoint.clone(),
            working_directory: self.working_directory.clone(),
            user: self.user.clone(),
            variables: self.variables.clone(),
            secrets: self.secrets.clone(),
            inherit: self.inherit.clone(),
            ..Container::default()
        }
    }
}

/// Checks the syntax of a schedule expression as EventBridge Scheduler does, which takes whatever a rule takes.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn check_schedule(expression: &str) -> Result<(), String> {
    timetable::Expression::parse(expression, timetable::Service::Scheduler).map(drop)
}

/// Returns whether there is a time zone of this name, spelled like this: AWS takes no other spelling.
pub fn is_timezone(name: &str) -> bool {
    timetable::Zone::named(name).is_some_and(|zone| zone.name() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::{Via, check_schedule, is_timezone};

    #[test]
    fn takes_what_eventbridge_takes() {
        for expression in [
            "cron(*/20 * * * ? *)",
            "cron(0 10 * * ? *)",
            "cron(15 12 * * ? *)",
            "cron(0 18 ? * MON-FRI *)",
            "cron(0 8 1 * ? *)",
            "cron(0/15 * * * ? *)",
            "cron(0/5 8-17 ? * mon-fri *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 9 L * ? *)",
            "cron(0 9 LW * ? 2026-2030)",
            "cron(0 9 15W JAN,JUL ? *)",
            "cron(0 9 ? * 6L *)",
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(7 days)",
            "at(2027-01-31T06:00:00)",
        ] {
            assert_eq!(check_schedule(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_schedule() {
        for (expression, why) in [
            ("*/20 * * * *", "it is none of `rate(...)`, `cron(...)` and `at(...)`"),
            ("at(tomorrow)", "`tomorrow` is not a time such as `2027-01-31T06:00:00`"),
            ("cron(*/20 * * * *)", "cron has six fields in AWS, this has 5"),
            ("cron(*/20 * * * * *)", "one of day-of-month and day-of-week must be `?`"),
            ("cron(* * ? * ? *)", "one of day-of-month and day-of-week must not be `?`"),
            ("cron(60 * * * ? *)", "`60` is not a minute (0 to 59)"),
            ("cron(*/0 * * * ? *)", "`*/0`: `0` is not a step"),
            ("cron(0 17-8 * * ? *)", "`17-8` runs backwards"),
            ("cron(0 9 ? * 2#6 *)", "`2#6`: 1 to 5 after `#`"),
            ("cron(0 ? * * ? *)", "`?` is not a hour (0 to 23)"),
            ("rate(1 minutes)", "after 1 the unit is singular, `minute`"),
            ("rate(5 minute)", "after 5 the unit is plural, `minutes`"),
            ("rate(0 minutes)", "a rate is at least 1"),
            ("rate(5 weeks)", "`weeks` is not minutes, hours or days"),
            ("rate(five minutes)", "`five` is not a whole number"),
            ("", "it is none of `rate(...)`, `cron(...)` and `at(...)`"),
        ] {
            assert_eq!(check_schedule(expression), Err(why.to_owned()), "{expression}");
        }
    }

    #[test]
    fn a_rule_fires_what_a_rule_can_and_scheduler_the_rest() {
        let check = |said, expression, zone, expected| {
            assert_eq!(Via::settled(said, expression, zone), expected, "{said:?} {expression} {zone:?}");
        };
        check(None, "rate(1 hour)", None, Via::Rule);
        check(None, "rate(1 hour)", Some("Europe/Berlin"), Via::Scheduler);
        check(None, "at(2027-01-31T06:00:00)", None, Via::Scheduler);
        check(Some(Via::Scheduler), "rate(1 hour)", None, Via::Scheduler);
        check(Some(Via::Rule), "rate(1 hour)", Some("Europe/Berlin"), Via::Rule);
    }

    #[test]
    fn zones_have_the_names_of_iana() {
        assert!(["UTC", "Europe/Berlin", "America/New_York"].into_iter().all(is_timezone));
        assert!(!["Berlin", "CEST+1", "", "Europe/Berlin ", "europe/berlin"].into_iter().any(is_timezone));
    }
}
