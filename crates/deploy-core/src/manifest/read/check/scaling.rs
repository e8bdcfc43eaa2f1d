//! Can a service scale as it says, in every stage?

use super::task::stages;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{
    Fault, Manifest, Quantity, Scaling, ScalingMath, ScalingMetric, ScalingTime, StageScaling, ingress, is_in, scaling,
};

/// No task uses more than all of what it has.
const WHOLE: f64 = 100.0;

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, service) in manifest.services.iter().filter(|(_, service)| !service.is_standalone()) {
        let path = ["services", name];
        if let Some(own) = &service.scaling {
            Place { path: &[&path[..], &["scaling"]].concat(), tree }.all(own, report);
        }
        count(&path, &format!("service `{name}`"), tree, report);
        for (stage, settings) in manifest.stages.iter() {
            let Some(differs) = settings.services.get(name) else { continue };
            let path = ["stages", stage, "services", name];
            let place = format!("service `{name}` in stage `{stage}`");
            if let Some(StageScaling::Differs(own)) = &differs.scaling {
                let at = [&path[..], &["scaling"]].concat();
                match scaling(service.scaling.as_ref(), differs.scaling.as_ref()) {
                    Some(merged) => Place { path: &at, tree }.all(&merged, report),
                    None => missing(&at, own.min.is_none(), own.max.is_none(), tree, report),
                }
            }
            let is_off = matches!(differs.scaling, Some(StageScaling::There(false)));
            let scales = service.scaling.is_some() && !is_off;
            if scales && differs.count.is_some() && !tree.has(&[&path[..], &["scaling"]].concat()) {
                let help = "remove it, or write `scaling = false` beside it".to_owned();
                refuse_count(&path, &place, help, tree, report);
            } else if !is_off {
                count(&path, &place, tree, report);
            }
        }
        requests(manifest, name, tree, report);
    }
}

/// One table says how many tasks there are, or who decides it.
fn count(path: &[&str], place: &str, tree: &Tree<'_>, report: &mut Report) {
    if tree.has(&[path, &["count"]].concat()) && tree.has(&[path, &["scaling"]].concat()) {
        let help = "remove it: a new service begins with `min`".to_owned();
        refuse_count(path, place, help, tree, report);
    }
}

fn refuse_count(path: &[&str], place: &str, help: String, tree: &Tree<'_>, report: &mut Report) {
    let at = tree.key(&[path, &["count"]].concat());
    report.add(Fault::CountScales { place: place.to_owned() }, at, "said here", Some(help));
}

/// A service that scales in a stage alone says its bounds there.
fn missing(path: &[&str], min: bool, max: bool, tree: &Tree<'_>, report: &mut Report) {
    for (key, _) in [("min", min), ("max", max)].into_iter().filter(|(_, is_missing)| *is_missing) {
        let at = [path, &[key]].concat();
        if !tree.has(&at) {
            let fault = Fault::MissingKey { key: key.to_owned(), table: path.join(".") };
            let help = format!("the service has no `scaling` that would say it: write `{key}` here");
            report.add(fault, tree.key(path), format!("`{key}` belongs here"), Some(help));
        }
    }
}

/// A load balancer counts requests, and only where it has the service.
fn requests(manifest: &Manifest, name: &str, tree: &Tree<'_>, report: &mut Report) {
    let Some(service) = manifest.services.get(name) else { return };
    let unreached = stages(manifest).into_iter().filter(|stage| is_in(&service.stages, stage)).find(|stage| {
        let differs = manifest.stages.get(stage).and_then(|settings| settings.services.get(name));
        let scales = scaling(service.scaling.as_ref(), differs.and_then(|differs| differs.scaling.as_ref()));
        let way = ingress(service, differs.and_then(|differs| differs.ingress.as_ref()));
        // Another check reports an ingress that is not sound.
        let is_written =
            tree.has(&["services", name, "ingress"]) && differs.is_none_or(|differs| differs.ingress.is_none());
        scales.is_some_and(|scales| scales.requests.is_some()) && way.is_none() && !is_written
    });
    let Some(stage) = unreached else { return };
    let in_stage = ["stages", stage, "services", name, "scaling", "requests"];
    let at = if tree.has(&in_stage) { &in_stage[..] } else { &["services", name, "scaling", "requests"] };
    let fault = Fault::RequestsUnreached { service: name.to_owned(), stage: stage.to_owned() };
    let help = "give the service an `ingress`, or scale it by `cpu`, `memory` or `metric`".to_owned();
    report.add(fault, tree.key(at), "counted by the load balancer", Some(help));
}

/// Where scaling is written. What is not written there is told where it is.
struct Place<'a> {
    path: &'a [&'a str],
    tree: &'a Tree<'a>,
}

impl Place<'_> {
    fn all(&self, scaling: &Scaling, report: &mut Report) {
        if scaling.min > scaling.max {
            let key = if self.has(&["max"]) { "max" } else { "min" };
            let range = match key {
                "max" => format!("at least min, {}", scaling.min),
                _ => format!("at most max, {}", scaling.max),
            };
            let found = if key == "max" { scaling.max } else { scaling.min };
            self.refuse(&[key], range, found.to_string(), report);
        }
        for (word, target) in scaling.targets() {
            let (value, ..) = target.parts();
            let path: &[&str] = if self.has(&[word, "target"]) { &[word, "target"] } else { &[word] };
            let most = if word == "requests" { f64::INFINITY } else { WHOLE };
            self.target(path, value, most, report);
        }
        if let Some(metric) = &scaling.metric {
            self.target(&["metric", "target"], metric.target, f64::INFINITY, report);
            self.metric(metric, report);
        }
        for (entry, time) in scaling.scheduled.iter() {
            self.time(entry, time, report);
        }
    }

    fn has(&self, rest: &[&str]) -> bool {
        self.tree.has(&[self.path, rest].concat())
    }

    fn refuse(&self, rest: &[&str], range: String, found: String, report: &mut Report) {
        if self.has(rest) {
            let path = [self.path, rest].concat();
            let fault = Fault::OutOfRange { path: path.join("."), range, found };
            report.add(fault, self.tree.value(&path), "out of range", None);
        }
    }

    fn target(&self, rest: &[&str], value: Quantity, most: f64, report: &mut Report) {
        if !value.0.is_finite() || value.0 <= 0.0 || value.0 > most {
            let range = if most.is_finite() { "more than 0, and at most 100 (percent)" } else { "more than 0" };
            self.refuse(rest, range.to_owned(), value.0.to_string(), report);
        }
    }

    fn miss(&self, rest: &[&str], key: &str, help: &str, report: &mut Report) {
        let path = [self.path, rest].concat();
        if self.tree.has(&path) && !self.tree.has(&[&path[..], &[key]].concat()) {
            let fault = Fault::MissingKey { key: key.to_owned(), table: path.join(".") };
            report.add(fault, self.tree.key(&path), format!("`{key}` belongs here"), Some(help.to_owned()));
        }
    }

    fn wrong(&self, rest: &[&str], what: &str, why: &str, report: &mut Report) {
        let path = [self.path, rest].concat();
        if self.tree.has(&path) {
            let fault = Fault::BadText { path: path.join("."), what: what.to_owned(), why: why.to_owned() };
            report.add(fault, self.tree.value(&path), "here", None);
        }
    }

    fn metric(&self, metric: &ScalingMetric, report: &mut Report) {
        const ONE: &str = "write `namespace` and `name` of one metric, or a list `math` of several and a formula";
        if metric.math.is_empty() {
            for key in ["namespace", "name"] {
                self.miss(&["metric"], key, ONE, report);
            }
            return;
        }
        for key in ["namespace", "name", "dimensions", "statistic", "unit"] {
            self.wrong(&["metric", key], "one metric", "`math` says what is held: put it into an entry there", report);
        }
        let tracked = metric.math.iter().filter(|one| one.tracked == Some(true)).count();
        for (number, one) in metric.math.iter().enumerate() {
            let number = &number.to_string();
            self.entry(metric, one, number, report);
            if tracked > 1 && one.tracked == Some(true) {
                self.wrong(&["metric", "math", number, "tracked"], "what is held", "one of the list can be", report);
            }
        }
    }

    fn entry(&self, metric: &ScalingMetric, one: &ScalingMath, number: &str, report: &mut Report) {
        let at = ["metric", "math", number];
        let id = |key: &'static str| [&at[..], &[key]].concat();
        let mut letters = one.id.chars();
        // CloudWatch API reference, MetricDataQuery, `Id`.
        let is_id = letters.next().is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|other| other.is_ascii_alphanumeric() || other == '_');
        if !is_id {
            let why = "it begins with a lower-case letter, and has letters, digits and underscores";
            self.wrong(&id("id"), "an id", why, report);
        } else if metric.math.iter().filter(|other| other.id == one.id).count() > 1 {
            self.wrong(&id("id"), "an id", "another entry has it, too", report);
        }
        if one.expression.is_none() {
            let help = "write `namespace` and `name` of a metric, or an `expression` over others";
            for key in ["namespace", "name"] {
                self.miss(&at, key, help, report);
            }
            return;
        }
        for key in ["namespace", "name", "dimensions", "statistic", "unit"] {
            self.wrong(
                &id(key),
                "a metric",
                "it has an `expression`, too: give the metric an entry of its own",
                report,
            );
        }
    }

    fn time(&self, entry: &str, time: &ScalingTime, report: &mut Report) {
        let at = ["scheduled", entry];
        match (time.min, time.max) {
            (None, None) => {
                self.miss(&at, "max", "write `min`, `max` or both: what holds from then on", report);
            }
            (Some(min), Some(max)) if min > max => {
                self.refuse(&["scheduled", entry, "max"], format!("at least min, {min}"), max.to_string(), report);
            }
            _ => {}
        }
        // API reference, PutScheduledAction, `ScheduledActionName`.
        let is_name = |name: &String| !name.contains([':', '/', '|']) && name.trim() == name && name.len() <= 256;
        if time.name.as_ref().is_some_and(|name| !is_name(name)) {
            let why = "it takes 256 characters at most, none of `:`, `/` and `|`, and no blank at its ends";
            self.wrong(&["scheduled", entry, "name"], "a name", why, report);
        }
    }
}
