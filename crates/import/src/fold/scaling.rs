//! How does a service scale? Application Auto Scaling's documents, put into words; what has none is reported and stays.
//!
//! A policy is found again by what it holds and a scheduled action by its name, so that a deploy of these words changes
//! nothing: see `deploy_core::plan::scaling`.

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::desired::PREFIX;
use deploy_core::manifest::pattern::escaped;
use deploy_core::manifest::{
    Cooldown, Named, Quantity, Scaling, ScalingDiffers, ScalingMath, ScalingMetric, ScalingTarget,
    ScalingTargetOptions, ScalingTime, Seconds, StageIngress, StageScaling, check_time, is_timezone,
};
use serde_json::Value;

use super::pattern::pattern;
use super::{Draft, ingress, number, objects, text};
use crate::{Found, FoundObject, FoundService, FoundStage, Kind, Left};

const TRACKING: &str = "TargetTrackingScalingPolicyConfiguration";

/// Returns the name of the service that an object of scaling is about.
pub(crate) fn service_of(object: &FoundObject) -> Option<&str> {
    let is_scaling = matches!(object.kind, Kind::ScalableTarget | Kind::ScalingPolicy | Kind::ScheduledAction);
    let id = object.document.get("ResourceId").filter(|_| is_scaling)?.as_str()?;
    id.strip_prefix("service/")?.rsplit('/').next()
}

/// Puts how a service scales into words.
pub(super) fn words(found: &Found, draft: &mut Draft, left: &mut Vec<Left>) {
    let of = |stage: usize| -> Option<(&FoundStage, &FoundService)> {
        let stage = found.stages.get(stage)?;
        Some((stage, stage.services.iter().find(|service| service.key == draft.key)?))
    };
    let mut all: Vec<(usize, Option<Scaling>)> = Vec::new();
    for version in &draft.versions {
        if let Some((stage, service)) = of(version.stage) {
            all.push((version.stage, read(stage, service, left)));
        }
    }
    if all.iter().all(|(_, scaling)| scaling.is_none()) {
        return;
    }
    let name = |stage: usize| found.stages[stage].name.as_str();
    let scaling: Vec<(&str, &Scaling)> =
        all.iter().filter_map(|(stage, one)| Some((name(*stage), one.as_ref()?))).collect();
    // Who has no way in counts no requests, and without a base no stage has what it cannot have, `local` first of all.
    let is_reached = draft.service.ingress.is_some()
        && draft.differs.values().all(|differs| !matches!(differs.ingress, Some(StageIngress::There(false))));
    let base = shared(&scaling).filter(|base| base.requests.is_none() || is_reached);
    let Some(base) = base else {
        for (stage, one) in all {
            let said = one.map(|mut one| {
                each_text(&mut one, &mut |text| *text = escaped(text));
                StageScaling::Differs(Box::new(one.differs()))
            });
            draft.differs.entry(stage).or_default().scaling = said;
        }
        return;
    };
    for (stage, one) in all {
        let said = match one {
            None => Some(StageScaling::There(false)),
            Some(one) => {
                let min = Some(one.min).filter(|min| *min != base.min);
                let max = Some(one.max).filter(|max| *max != base.max);
                let differs = ScalingDiffers { min, max, ..ScalingDiffers::default() };
                (differs != ScalingDiffers::default()).then(|| StageScaling::Differs(Box::new(differs)))
            }
        };
        draft.differs.entry(stage).or_default().scaling = said;
    }
    draft.service.scaling = Some(base);
}

/// Returns what stages share, whatever their bounds are; none if they differ in more. The bounds are the first stage's.
fn shared(all: &[(&str, &Scaling)]) -> Option<Scaling> {
    let (_, first) = all.first()?;
    let mut base = (*first).clone();
    let texts: Vec<Vec<String>> = all.iter().map(|(_, one)| texts(&mut (*one).clone())).collect();
    let mut patterns = Vec::new();
    for at in 0..texts[0].len() {
        let values: Option<Vec<(&str, &str)>> =
            all.iter().zip(&texts).map(|((stage, _), texts)| Some((*stage, texts.get(at)?.as_str()))).collect();
        let values = values?;
        patterns.push(if values.len() == 1 { escaped(values[0].1) } else { pattern(&values)? });
    }
    let mut patterns = patterns.into_iter();
    each_text(&mut base, &mut |text| text.clone_from(&patterns.next().unwrap_or_default()));
    // What is alike but for its texts and its bounds.
    let bare = |one: &Scaling| {
        let mut bare = Scaling { min: 0, max: 0, ..one.clone() };
        each_text(&mut bare, &mut String::clear);
        bare
    };
    all.iter().all(|(_, one)| bare(one) == bare(first)).then_some(base)
}

fn texts(scaling: &mut Scaling) -> Vec<String> {
    let mut all = Vec::new();
    each_text(scaling, &mut |text| all.push(text.clone()));
    all
}

/// Goes through the texts in which a stage's name stands for the stage.
fn each_text(scaling: &mut Scaling, visit: &mut dyn FnMut(&mut String)) {
    if let Some(metric) = &mut scaling.metric {
        metric.namespace.iter_mut().for_each(&mut *visit);
        metric.dimensions.values_mut().for_each(&mut *visit);
        for one in &mut metric.math {
            one.namespace.iter_mut().chain(one.expression.iter_mut()).for_each(&mut *visit);
            one.dimensions.values_mut().for_each(&mut *visit);
        }
    }
    scaling.scheduled.values_mut().filter_map(|time| time.name.as_mut()).for_each(&mut *visit);
}

/// Returns how a service scales in a stage; reports what has no word.
fn read(stage: &FoundStage, service: &FoundService, left: &mut Vec<Left>) -> Option<Scaling> {
    let name = text(service.service.as_ref()?, "serviceName");
    let of_service = |kind: Kind| {
        stage.objects.iter().filter(move |one| one.kind == kind && service_of(one).is_some_and(|known| known == name))
    };
    let target = of_service(Kind::ScalableTarget).next()?;
    let bound = |member: &str| number::<u32>(target.document.get(member)?);
    let bounds = bound("MinCapacity").zip(bound("MaxCapacity")).filter(|(min, max)| min <= max);
    let Some((min, max)) = bounds else {
        let why = "its bounds cannot be told: it stays as it is, and a deploy leaves the number of tasks alone";
        left.push(Left::new(format!("scaling of {name}"), target.place.clone(), why));
        return None;
    };
    let mut scaling = Scaling { min, max, ..Scaling::default() };
    let mut held: Vec<(&str, Document)> = Vec::new();
    for policy in of_service(Kind::ScalingPolicy) {
        let told = match tracked(policy, service) {
            Ok(word) if held.iter().all(|(known, _)| *known != word) => {
                let configuration = policy.document.get(TRACKING).and_then(Value::as_object).cloned();
                held.push((word, configuration.unwrap_or_default()));
                continue;
            }
            Ok(word) => format!("a service has one `{word}`, and another policy is it"),
            Err(why) => why,
        };
        let what = format!("scaling policy {} of {name}", text(&policy.document, "PolicyName"));
        left.push(Left::new(
            what,
            policy.place.clone(),
            format!("{told}: it stays as it is, and scales the service too"),
        ));
    }
    say(&mut scaling, &held);
    for action in of_service(Kind::ScheduledAction) {
        let own = text(&action.document, "ScheduledActionName");
        match time(&action.document) {
            Ok(time) => scaling.scheduled.insert(key(own, &scaling.scheduled), time),
            Err(why) => {
                let what = format!("scheduled scaling {own} of {name}");
                left.push(Left::new(what, action.place.clone(), format!("{why}: it stays as it is")));
            }
        }
    }
    Some(scaling)
}

/// Returns the word for what a policy holds, or why there is none.
fn tracked(policy: &FoundObject, service: &FoundService) -> Result<&'static str, String> {
    let Some(configuration) = policy.document.get(TRACKING).and_then(Value::as_object) else {
        return Err("it does not hold a value, for which alone the manifest has words".to_owned());
    };
    const KNOWN: [&str; 6] = [
        "TargetValue",
        "PredefinedMetricSpecification",
        "CustomizedMetricSpecification",
        "ScaleOutCooldown",
        "ScaleInCooldown",
        "DisableScaleIn",
    ];
    if let Some(other) = configuration.keys().find(|member| !KNOWN.contains(&member.as_str())) {
        return Err(format!("the manifest has no word for its {other}"));
    }
    let is_unknown =
        |(member, _): &(String, String)| member.starts_with(TRACKING) && !member.ends_with("ResourceLabel");
    let target = configuration.get("TargetValue").and_then(quantity).filter(|target| target.0 > 0.0);
    let Some(target) = target.filter(|_| !policy.unknown.iter().any(is_unknown)) else {
        return Err("what it holds cannot be told".to_owned());
    };
    let predefined = configuration.get("PredefinedMetricSpecification");
    let kind = predefined.and_then(|one| one.get("PredefinedMetricType")?.as_str());
    match kind {
        Some("ECSServiceAverageCPUUtilization") if target.0 <= 100.0 => Ok("cpu"),
        Some("ECSServiceAverageMemoryUtilization") if target.0 <= 100.0 => Ok("memory"),
        Some("ALBRequestCountPerTarget") if ingress::is_said(service) => Ok("requests"),
        Some(kind) => Err(format!("the manifest has no word for {kind} of {}", target.0)),
        None => match configuration.get("CustomizedMetricSpecification").and_then(metric) {
            Some(_) => Ok("metric"),
            None => Err("the manifest has no word for all of what it measures".to_owned()),
        },
    }
}

fn quantity(value: &Value) -> Option<Quantity> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).map(Quantity)
}

/// How a value is held, beside the value.
#[derive(Clone, PartialEq)]
struct How {
    cooldown: Option<Cooldown>,
    scale_in: Option<bool>,
}

fn how(configuration: &Document) -> How {
    let seconds = |member: &str| configuration.get(member).and_then(number::<u32>).map(Seconds);
    let cooldown = Cooldown { after_out: seconds("ScaleOutCooldown"), after_in: seconds("ScaleInCooldown") };
    let is_off = configuration.get("DisableScaleIn").and_then(Value::as_bool).unwrap_or(false);
    How { cooldown: Some(cooldown).filter(|time| *time != Cooldown::default()), scale_in: is_off.then_some(false) }
}

/// Says what is held; how, once for all if it is the same for all.
fn say(scaling: &mut Scaling, held: &[(&str, Document)]) {
    let first = held.first().map(|(_, configuration)| how(configuration));
    let is_shared = held.iter().all(|(_, configuration)| Some(how(configuration)) == first);
    if let Some(all) = first.filter(|_| is_shared) {
        (scaling.cooldown, scaling.scale_in) = (all.cooldown, all.scale_in);
    }
    for (word, configuration) in held {
        let target = configuration.get("TargetValue").and_then(quantity).unwrap_or_default();
        let own = if is_shared { How { cooldown: None, scale_in: None } } else { how(configuration) };
        let How { cooldown, scale_in } = own;
        let said = match (&cooldown, scale_in) {
            (None, None) => ScalingTarget::Value(target),
            _ => ScalingTarget::Options(ScalingTargetOptions { target, cooldown: cooldown.clone(), scale_in }),
        };
        match *word {
            "cpu" => scaling.cpu = Some(said),
            "memory" => scaling.memory = Some(said),
            "requests" => scaling.requests = Some(said),
            _ => {
                let metric = configuration.get("CustomizedMetricSpecification").and_then(metric);
                scaling.metric = metric.map(|metric| ScalingMetric { target, cooldown, scale_in, ..metric });
            }
        }
    }
}

/// Returns a metric of one's own in words; none if it has a member without one.
fn metric(specification: &Value) -> Option<ScalingMetric> {
    let all = super::only(specification, &["Namespace", "MetricName", "Dimensions", "Statistic", "Unit", "Metrics"])?;
    if all.contains_key("Metrics") {
        let mut math: Vec<ScalingMath> = objects(all, "Metrics").map(query).collect::<Option<_>>()?;
        let mut ids: Vec<&str> = math.iter().map(|one| one.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != math.len() {
            return None;
        }
        let tracked = objects(all, "Metrics").position(|one| one.get("ReturnData") != Some(&Value::Bool(false)))?;
        // The last is what is held, unless another says it.
        if tracked + 1 != math.len() {
            math[tracked].tracked = Some(true);
        }
        return Some(ScalingMetric { math, ..ScalingMetric::default() });
    }
    Some(ScalingMetric {
        namespace: Some(worded(all, "Namespace")?),
        name: Some(worded(all, "MetricName")?),
        dimensions: dimensions(all)?,
        statistic: statistic(all)?,
        unit: worded(all, "Unit"),
        ..ScalingMetric::default()
    })
}

fn worded(document: &Document, member: &str) -> Option<String> {
    Some(text(document, member)).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn dimensions(document: &Document) -> Option<Named<String>> {
    objects(document, "Dimensions").map(|one| Some((worded(one, "Name")?, worded(one, "Value")?))).collect()
}

/// Returns what is taken of a metric's values, if it is not the average; none of what there is no word for.
fn statistic(specification: &Document) -> Option<Option<String>> {
    match text(specification, "Statistic") {
        "" | "Average" => Some(None),
        known @ ("Minimum" | "Maximum" | "SampleCount" | "Sum") => Some(Some(known.to_owned())),
        _ => None,
    }
}

/// As CloudWatch takes it (API reference, MetricDataQuery).
fn is_id(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
}

fn query(one: &Document) -> Option<ScalingMath> {
    if one.keys().any(|key| !["Id", "Expression", "Label", "MetricStat", "ReturnData"].contains(&key.as_str())) {
        return None;
    }
    let mut said = ScalingMath {
        id: worded(one, "Id").filter(|id| is_id(id))?,
        expression: worded(one, "Expression"),
        label: worded(one, "Label"),
        ..ScalingMath::default()
    };
    if let Some(stat) = one.get("MetricStat").filter(|stat| !stat.is_null()) {
        let stat = super::only(stat, &["Metric", "Stat", "Unit"])?;
        let metric = super::only(stat.get("Metric")?, &["Namespace", "MetricName", "Dimensions"])?;
        said.namespace = Some(worded(metric, "Namespace")?);
        said.name = Some(worded(metric, "MetricName")?);
        said.dimensions = dimensions(metric)?;
        said.statistic = worded(stat, "Stat").filter(|stat| stat != "Average");
        said.unit = worded(stat, "Unit");
    }
    // One of the two, and no more.
    (said.expression.is_some() != said.namespace.is_some()).then_some(said)
}

/// Returns a scheduled action in words, or why it has none. When it begins and ends to be one is left to AWS.
fn time(action: &Document) -> Result<ScalingTime, String> {
    let (name, schedule) = (text(action, "ScheduledActionName"), text(action, "Schedule"));
    check_time(schedule).map_err(|why| format!("its schedule cannot be told: {why}"))?;
    let timezone = worded(action, "Timezone").filter(|zone| !["UTC", "Etc/UTC"].contains(&zone.as_str()));
    if let Some(zone) = timezone.as_ref().filter(|zone| !is_timezone(zone)) {
        return Err(format!("there is no time zone {zone}"));
    }
    let bounds = action.get("ScalableTargetAction");
    let bound = |member: &str| {
        let value = bounds.and_then(|bounds| bounds.get(member))?;
        number::<u32>(value).or_else(|| value.as_str()?.parse().ok())
    };
    let (min, max) = (bound("MinCapacity"), bound("MaxCapacity"));
    if min.is_none() && max.is_none() || min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err("its bounds cannot be told".to_owned());
    }
    let name = Some(name).filter(|name| name.strip_prefix(PREFIX).is_none_or(|rest| clean(rest) != rest));
    Ok(ScalingTime { schedule: schedule.to_owned(), until: None, timezone, min, max, name: name.map(str::to_owned) })
}

/// Returns what an action is called in the manifest.
fn key(name: &str, known: &Named<ScalingTime>) -> String {
    let base = clean(name.strip_prefix(PREFIX).unwrap_or(name));
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|key| !known.contains(key)).unwrap_or(base)
}

/// Returns a name as an entry of the manifest takes it.
fn clean(name: &str) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let clean: String = name.chars().map(sound).take(60).collect();
    let clean = clean.trim_matches(['-', '_']);
    if clean.is_empty() { "times".to_owned() } else { clean.to_owned() }
}

/// Returns the manifest's word for a member of an object of scaling, behind the service's `scaling`: none where a deploy
/// leaves it as it is.
pub(crate) fn word_of(manifest: &Manifest, stage: &str, service: &str, object: &FoundObject) -> Option<String> {
    let scaling = manifest.scaling_in(stage, service)?;
    match object.kind {
        Kind::ScalingPolicy => {
            let configuration = object.document.get(TRACKING)?;
            let predefined = configuration.get("PredefinedMetricSpecification");
            let kind = predefined.and_then(|one| one.get("PredefinedMetricType")?.as_str());
            let (word, said) = match kind {
                Some("ECSServiceAverageCPUUtilization") => ("cpu", scaling.cpu.is_some()),
                Some("ECSServiceAverageMemoryUtilization") => ("memory", scaling.memory.is_some()),
                Some("ALBRequestCountPerTarget") => ("requests", scaling.requests.is_some()),
                _ => ("metric", scaling.metric.is_some()),
            };
            said.then(|| word.to_owned())
        }
        Kind::ScheduledAction => {
            let name = text(&object.document, "ScheduledActionName");
            let is_it = |(key, time): &(&str, &ScalingTime)| match &time.name {
                Some(own) => own == name,
                None => name.strip_prefix(PREFIX) == Some(*key),
            };
            scaling.scheduled.iter().find(is_it).map(|(key, _)| format!("scheduled.{key}"))
        }
        _ => Some(String::new()),
    }
}
