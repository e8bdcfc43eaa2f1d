//! How many tasks does a service have, by what is measured and by the clock?

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::pattern::filled;
use super::{Manifest, Named, Seconds};

/// Bounds of a service's number of tasks, and what moves it between them: AWS's Application Auto Scaling. A deploy never
/// sets the number then; a new service begins with `min`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["min", "max"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Scaling {
    /// Fewest tasks.
    pub min: u32,
    /// Most tasks.
    pub max: u32,
    /// Average CPU of the tasks, in percent, that is held: a number, or a table. Default: CPU moves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<ScalingTarget>,
    /// Average memory of the tasks, in percent, that is held: a number, or a table. Default: memory moves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ScalingTarget>,
    /// Requests of each task in a minute that are held: a number, or a table. The service needs an `ingress`. Default:
    /// requests move nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ScalingTarget>,
    /// A metric of CloudWatch that is held, such as the length of a queue for each task. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScalingMetric>,
    /// Other bounds from a time on, such as none at night.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub scheduled: Named<ScalingTime>,
    /// How long a change is left to take effect, for everything here that does not say it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Cooldown>,
    /// Whether tasks are taken away, too, when there is less to do, for everything here that does not say it itself.
    /// Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_in: Option<bool>,
}

/// A value that is held: a number, or a table that also says how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum ScalingTarget {
    /// The value.
    Value(Quantity),
    /// The value, and how it is held.
    Options(ScalingTargetOptions),
}

/// A value that is held, and how.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["target"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScalingTargetOptions {
    /// The value.
    pub target: Quantity,
    /// How long a change is left to take effect. What is not said is the scaling's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Cooldown>,
    /// Whether tasks are taken away for it, too. Default: the scaling's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_in: Option<bool>,
}

impl ScalingTarget {
    /// Returns the value, how long a change is left to take effect, and whether tasks are taken away.
    pub fn parts(&self) -> (Quantity, Option<&Cooldown>, Option<bool>) {
        match self {
            Self::Value(value) => (*value, None, None),
            Self::Options(options) => (options.target, options.cooldown.as_ref(), options.scale_in),
        }
    }
}

/// How long a change is left to take effect before the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Cooldown {
    /// After tasks were added. Default: `"5m"`, as AWS has it.
    #[serde(rename = "out", skip_serializing_if = "Option::is_none")]
    pub after_out: Option<Seconds>,
    /// After tasks were taken away. Default: `"5m"`, as AWS has it.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub after_in: Option<Seconds>,
}

/// A metric of CloudWatch that is held: one metric, or a formula over several (`math`). It must fall as tasks are added, as
/// what is left to do for each task does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["target"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScalingMetric {
    /// The value that is held.
    pub target: Quantity,
    /// Its namespace, such as `Shop`. Required, unless `math` is given.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name, such as `QueueLength`. Required, unless `math` is given.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its dimensions, each with its value; `{stage}` is the stage's name.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub dimensions: Named<String>,
    /// What is taken of its values in a minute. Default: `"Average"`.
    #[schemars(extend("enum" = ["Average", "Minimum", "Maximum", "SampleCount", "Sum"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// Its unit, if only values of one unit count. Default: all count.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Metrics and a formula over them, instead of one metric; the last, or the one that is `tracked`, is what is held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub math: Vec<ScalingMath>,
    /// How long a change is left to take effect. What is not said is the scaling's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Cooldown>,
    /// Whether tasks are taken away for it, too. Default: the scaling's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_in: Option<bool>,
}

/// A metric, or an expression over others: CloudWatch's metric math.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["id"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScalingMath {
    /// What expressions call it: a lower-case letter, then letters, digits and underscores.
    pub id: String,
    /// The expression, such as `"backlog / tasks"`; or else `namespace` and `name` say a metric.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Namespace of the metric.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the metric.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Dimensions of the metric, each with its value; `{stage}` is the stage's name.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub dimensions: Named<String>,
    /// What is taken of the metric's values in a minute, such as `"Sum"` or `"p99"`. Default: `"Average"`.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// Unit of the metric, if only values of one unit count. Default: all count.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it is called for people.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it is what is held. Default: the last of the list is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked: Option<bool>,
}

/// Bounds that hold from a time on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["schedule"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScalingTime {
    /// When they begin: `cron(minute hour day-of-month month day-of-week year)`, `rate(...)`, or `at(yyyy-mm-ddThh:mm:ss)`.
    #[schemars(extend("format" = "managr-scaling-schedule"))]
    pub schedule: String,
    /// When the service's own `min` and `max` hold again, written as `schedule` is. Default: nothing brings them back but
    /// another entry.
    #[schemars(extend("format" = "managr-scaling-schedule"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Time zone of both, such as `"Europe/Vienna"`. Default: UTC.
    #[schemars(extend("format" = "managr-timezone"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Fewest tasks from then on. Default: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// Most tasks from then on. Default: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Name of the scheduled action in AWS. Default: `managr-` and the entry's name. One with a name of its own is left in
    /// AWS when it leaves the manifest.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a service scales in a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum StageScaling {
    /// As the service says, or not at all.
    There(bool),
    /// As the service says, but for this.
    Differs(Box<ScalingDiffers>),
}

/// What differs in a stage for the scaling of a service. A service without `scaling` has it here if `min` and `max` are
/// said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScalingDiffers {
    /// Fewest tasks. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// Most tasks. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Average CPU of the tasks, in percent. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<ScalingTarget>,
    /// Average memory of the tasks, in percent. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ScalingTarget>,
    /// Requests of each task in a minute. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ScalingTarget>,
    /// A metric of CloudWatch: all of it. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScalingMetric>,
    /// Other bounds from a time on: all of them; an empty table is none. Default: the service's.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Named<ScalingTime>>,
    /// How long a change is left to take effect: all of it. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Cooldown>,
    /// Whether tasks are taken away, too. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_in: Option<bool>,
}

/// Returns how a service scales in a stage.
pub(crate) fn scaling(base: Option<&Scaling>, differs: Option<&StageScaling>) -> Option<Scaling> {
    let own = match differs {
        None | Some(StageScaling::There(true)) => return base.cloned(),
        Some(StageScaling::There(false)) => return None,
        Some(StageScaling::Differs(own)) => own.as_ref().clone(),
    };
    let (min, max) = (own.min.or(base.map(|base| base.min))?, own.max.or(base.map(|base| base.max))?);
    let base = base.cloned().unwrap_or_default();
    Some(Scaling {
        min,
        max,
        cpu: own.cpu.or(base.cpu),
        memory: own.memory.or(base.memory),
        requests: own.requests.or(base.requests),
        metric: own.metric.or(base.metric),
        scheduled: own.scheduled.unwrap_or(base.scheduled),
        cooldown: own.cooldown.or(base.cooldown),
        scale_in: own.scale_in.or(base.scale_in),
    })
}

impl Manifest {
    /// Returns how a service scales in a stage that is written.
    pub fn scaling_in(&self, stage: &str, service: &str) -> Option<Scaling> {
        let base = self.services.get(service)?.scaling.as_ref();
        let differs = self.stages.get(stage).and_then(|stage| stage.services.get(service));
        let mut seen = scaling(base, differs.and_then(|differs| differs.scaling.as_ref()))?;
        seen.fill(&|text| filled(text, stage));
        Some(seen)
    }
}

impl StageScaling {
    /// Returns how a service scales that says so in a stage, over what it says elsewhere.
    pub fn over(&self, base: Option<&Scaling>) -> Option<Scaling> {
        scaling(base, Some(self))
    }
}

impl Scaling {
    /// Returns the same as what a stage says of it, whole.
    pub fn differs(self) -> ScalingDiffers {
        ScalingDiffers {
            min: Some(self.min),
            max: Some(self.max),
            cpu: self.cpu,
            memory: self.memory,
            requests: self.requests,
            metric: self.metric,
            scheduled: Some(self.scheduled).filter(|all| !all.is_empty()),
            cooldown: self.cooldown,
            scale_in: self.scale_in,
        }
    }

    /// Returns the values that it holds, by their words.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (&'static str, &ScalingTarget)> {
        let all = [("cpu", &self.cpu), ("memory", &self.memory), ("requests", &self.requests)];
        all.into_iter().filter_map(|(word, target)| Some((word, target.as_ref()?)))
    }

    /// Changes every text that may say the stage's name.
    pub(super) fn fill(&mut self, fill: &dyn Fn(&str) -> String) {
        self.metric.iter_mut().for_each(|metric| metric.fill(fill));
        self.scheduled.values_mut().for_each(|time| time.fill(fill));
    }
}

impl ScalingDiffers {
    /// Changes every text that may say the stage's name.
    pub(super) fn fill(&mut self, fill: &dyn Fn(&str) -> String) {
        self.metric.iter_mut().for_each(|metric| metric.fill(fill));
        self.scheduled.iter_mut().flat_map(Named::values_mut).for_each(|time| time.fill(fill));
    }
}

impl ScalingMetric {
    fn fill(&mut self, fill: &dyn Fn(&str) -> String) {
        let own = self.namespace.iter_mut().chain(self.dimensions.values_mut());
        let of_math = self.math.iter_mut().flat_map(|one| {
            one.namespace.iter_mut().chain(one.expression.iter_mut()).chain(one.dimensions.values_mut())
        });
        own.chain(of_math).for_each(|text| *text = fill(text));
    }
}

impl ScalingTime {
    fn fill(&mut self, fill: &dyn Fn(&str) -> String) {
        self.name.iter_mut().for_each(|name| *name = fill(name));
    }
}

/// A number that may have a fraction; a whole one is written without.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Deserialize)]
#[serde(transparent)]
pub struct Quantity(pub f64);

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As far as a number with a fraction tells whole ones apart.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.0 {
            whole if whole.fract() == 0.0 && whole.abs() <= EXACT => serializer.serialize_i64(whole as i64),
            other => serializer.serialize_f64(other),
        }
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// Checks when bounds begin, as Application Auto Scaling takes it (API reference, PutScheduledAction, `Schedule`).
///
/// # Errors
/// A fragment that says what is wrong.
pub fn check_time(expression: &str) -> Result<(), String> {
    timetable::Expression::parse(expression, timetable::Service::Scheduler).map(drop)
}
