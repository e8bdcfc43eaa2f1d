//! What does a schedule's task keep by itself, and by which containers?
//!
//! `overlap` is a container that ends well when the others may start, and `timeout` one that ends the task when it ends.
//! Both are managr's own program, and visible to all readers of the task definition: nothing else is made for them in
//! an account.

use aws_model::Document;
use serde::Serialize;
use serde_json::{Value, json};

use super::container::put;
use super::spec::TaskSpec;
use super::{Owner, Scope, TaskDefinitionDoc};
use crate::gate::{GATE, IMAGE, LABEL, WATCH, spelt};
use crate::manifest::{Overlap, Schedule, Seconds, StageSchedule};

/// User and group of the containers: the ids of no user. They write nothing.
const NOBODY: &str = "65534:65534";

/// The image of the gates of a stage's schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GateSpec {
    /// Repository without host and tag: the first that the manifest's images have, so that those who may pull those may
    /// pull it.
    pub repository: String,
    /// Reference that task definitions name: pinned by a digest when the facts have one.
    pub reference: String,
    /// Schedules that need it, with the `cpuArchitecture` of their tasks.
    pub schedules: Vec<(String, String)>,
}

/// What a schedule's task keeps by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Gate {
    overlap: Overlap,
    timeout: Option<Seconds>,
}

impl Gate {
    pub(super) fn of(schedule: &Schedule, differs: &StageSchedule) -> Self {
        Self {
            overlap: differs.overlap.or(schedule.overlap).unwrap_or_default(),
            timeout: differs.timeout.or(schedule.timeout),
        }
    }

    fn is_needed(self) -> bool {
        self != Self::default()
    }
}

/// Returns whether containers of a task definition look at other runs, or end the task in time.
pub fn has_gate(document: &Document) -> bool {
    let containers = document.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    containers.filter_map(|container| container.get("dockerLabels")).any(|labels| labels.get(LABEL).is_some())
}

impl Scope<'_> {
    /// Returns what image the gates have; none when no schedule needs one.
    pub(super) fn gate_spec(&self, tasks: &[TaskSpec], documents: &[TaskDefinitionDoc]) -> Option<GateSpec> {
        let gated = tasks.iter().zip(documents).filter(|(task, _)| task.gate.is_needed());
        let schedules: Vec<(String, String)> = gated
            .filter_map(|(_, doc)| match &doc.owner {
                Owner::Schedule(name) => Some((name.clone(), architecture(&doc.document).to_owned())),
                Owner::Service(_) => None,
            })
            .collect();
        let (repository, reference) = (self.gate_repository(), self.gate_image());
        (!schedules.is_empty()).then_some(GateSpec { repository, reference, schedules })
    }

    fn gate_repository(&self) -> String {
        let first = self.images.first().map(|image| image.repository.clone());
        first.unwrap_or_else(|| format!("{}/gate", self.manifest.app))
    }

    fn gate_image(&self) -> String {
        let known = self.facts.images.get(IMAGE).cloned();
        known.unwrap_or_else(|| {
            let (registry, version) = (&self.facts.registry, env!("CARGO_PKG_VERSION"));
            format!("{registry}/{}:managr-gate-{version}", self.gate_repository())
        })
    }

    /// Puts the containers into a rendered task, and the others behind them. It comes after the raw tables: no container
    /// of the task may start before it may.
    pub(super) fn put_gate(&self, document: &mut Document, task: &TaskSpec) {
        let Gate { overlap, timeout } = task.gate;
        if !task.gate.is_needed() {
            return;
        }
        let gate = (overlap != Overlap::Allow).then(|| {
            let word = if overlap == Overlap::Skip { "skip" } else { "replace" };
            self.own_container(task, GATE, false, ["--overlap", word])
        });
        let watch = timeout.map(|timeout| {
            let time = spelt(timeout);
            // Essential: when it ends, ECS ends the task, whether ECS can be asked for it from there or not.
            self.own_container(task, WATCH, true, ["--timeout", &time])
        });
        let after = |name: &str, condition: &str| json!({ "containerName": name, "condition": condition });
        let of_gate = gate.as_ref().map(|_| after(GATE, "SUCCESS"));
        let of_watch = watch.as_ref().map(|_| after(WATCH, "START"));
        let Some(Value::Array(containers)) = document.get_mut("containerDefinitions") else { return };
        // One that waits for another waits for what that one waits for.
        let waits = |container: &Value| container["dependsOn"].as_array().is_some_and(|list| !list.is_empty());
        for container in containers.iter_mut().filter(|container| !waits(container)) {
            container["dependsOn"] = of_gate.iter().chain(&of_watch).cloned().collect();
        }
        containers.extend(gate.map(Value::Object));
        containers.extend(watch.map(|mut watch| {
            put(&mut watch, "dependsOn", of_gate.into_iter().collect::<Vec<_>>());
            Value::Object(watch)
        }));
    }

    fn own_container(&self, task: &TaskSpec, name: &str, essential: bool, words: [&str; 2]) -> Document {
        let mut document = Document::new();
        put(&mut document, "name", name);
        put(&mut document, "image", self.gate_image());
        put(&mut document, "essential", essential);
        put(&mut document, "command", vec!["gate", words[0], words[1]]);
        put(&mut document, "user", NOBODY);
        put(&mut document, "readonlyRootFilesystem", true);
        put(&mut document, "dockerLabels", json!({ LABEL: words.join(" ").trim_start_matches('-') }));
        put(&mut document, "logConfiguration", self.log_configuration(task, None));
        document
    }
}

/// Returns the `cpuArchitecture` of a task (ECS API reference, RuntimePlatform: X86_64 unless it says another).
fn architecture(document: &Document) -> &str {
    let said = document.get("runtimePlatform").and_then(|platform| platform.get("cpuArchitecture"));
    said.and_then(Value::as_str).unwrap_or("X86_64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Desired, Facts, desired};

    const APP: &str = "app = \"shop\"\n[images.web]\n[schedules.tick]\nschedule = \"rate(5 minutes)\"\n\
                       image = \"web\"\ncommand = [\"tick\"]\n";

    fn of(more: &str) -> Desired {
        let manifest = crate::parse("managr.toml", &format!("{APP}{more}")).unwrap_or_else(|e| panic!("{e:?}"));
        desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap()
    }

    /// Returns the containers with what they wait for.
    fn waits(desired: &Desired) -> String {
        let containers = desired.task_definitions[0].document["containerDefinitions"].as_array().unwrap();
        let one = |container: &Value| {
            let on = container["dependsOn"].as_array().into_iter().flatten();
            let on =
                on.map(|on| format!("{} {}", on["containerName"].as_str().unwrap(), on["condition"].as_str().unwrap()));
            format!("{}: {}", container["name"].as_str().unwrap(), on.collect::<Vec<_>>().join(", "))
        };
        containers.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_schedule_that_says_nothing_has_no_gate() {
        for more in ["", "overlap = \"allow\"\n"] {
            let desired = of(more);
            assert_eq!((desired.gate.clone(), waits(&desired).as_str()), (None, "tick: "), "{more}");
            assert!(!has_gate(&desired.task_definitions[0].document));
        }
    }

    #[test]
    fn every_container_starts_behind_the_gate_and_beside_the_watch() {
        let agent = "[schedules.tick.containers.agent]\nimage = \"agent:1\"\nessential = false\n\
                     [schedules.tick.containers.late]\nimage = \"late:1\"\nessential = false\ndepends-on = { agent = \"start\" }\n";
        assert_eq!(
            waits(&of(&format!("overlap = \"skip\"\n{agent}"))),
            "tick: managr-gate SUCCESS\nagent: managr-gate SUCCESS\nlate: agent START\nmanagr-gate: "
        );
        assert_eq!(waits(&of("timeout = \"1h\"\n")), "tick: managr-watch START\nmanagr-watch: ");
        assert_eq!(
            waits(&of("overlap = \"replace\"\ntimeout = \"90m\"\n")),
            "tick: managr-gate SUCCESS, managr-watch START\nmanagr-gate: \nmanagr-watch: managr-gate SUCCESS"
        );
    }

    #[test]
    fn a_container_that_a_raw_table_adds_waits_too() {
        let raw = "overlap = \"skip\"\n[schedules.tick.aws]\ncontainerDefinitions = [{ name = \"raw\", image = \"raw:1\" }]\n";
        assert_eq!(waits(&of(raw)), "raw: managr-gate SUCCESS\nmanagr-gate: ");
    }

    #[test]
    fn what_is_registered_is_what_ecs_takes() {
        let desired = of("overlap = \"skip\"\ntimeout = \"1h30m\"\n");
        assert_eq!(desired.refusals(), []);
        assert!(has_gate(&desired.task_definitions[0].document));
        let containers = desired.task_definitions[0].document["containerDefinitions"].as_array().unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&containers[1..]).unwrap());
        let spec = desired.gate.unwrap();
        assert_eq!(spec.schedules, [("tick".to_owned(), "X86_64".to_owned())]);
        assert_eq!(spec.repository, "shop/web");
    }

    #[test]
    fn a_stage_says_it_otherwise() {
        let stage = "overlap = \"skip\"\ntimeout = \"1h\"\n[stages.local.schedules.tick]\noverlap = \"allow\"\ntimeout = \"5s\"\n";
        let desired = of(stage);
        assert_eq!(waits(&desired), "tick: managr-watch START\nmanagr-watch: ");
        let containers = desired.task_definitions[0].document["containerDefinitions"].as_array().unwrap();
        assert_eq!(containers[1]["command"], json!(["gate", "--timeout", "5s"]));
    }

    #[test]
    fn an_image_that_is_known_is_pinned_and_an_app_without_images_has_a_repository() {
        let text =
            "app = \"shop\"\n[schedules.tick]\nschedule = \"rate(5 minutes)\"\nimage = \"a:1\"\noverlap = \"skip\"\n";
        let manifest = crate::parse("managr.toml", text).unwrap();
        let mut facts = Facts::local("r");
        assert_eq!(desired(&manifest, "local", &facts).unwrap().repositories, ["shop/gate"]);
        facts.images.insert(IMAGE.to_owned(), "r/shop/gate@sha256:1".to_owned());
        let desired = desired(&manifest, "local", &facts).unwrap();
        assert_eq!(desired.task_definitions[0].document["containerDefinitions"][1]["image"], "r/shop/gate@sha256:1");
    }
}
