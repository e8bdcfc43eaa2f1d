//! Promises that hold for every manifest.

use deploy_core::plan::{Action, Plan};
use proptest::prelude::*;

use crate::world::{World, manifest, told};

#[derive(Debug, Clone)]
struct Service {
    name: &'static str,
    image: u8,
    count: Option<u8>,
    /// Path and grace period of its ingress.
    ingress: Option<(bool, u8)>,
    releases: bool,
    sidecar: bool,
    min_healthy: Option<u8>,
    pid_mode: bool,
    /// Least tasks, CPU, requests, whether nights are off.
    scaling: Option<(u8, Option<u8>, bool, bool)>,
}

fn service(name: &'static str) -> impl Strategy<Value = Service> {
    (
        1..3_u8,
        prop::option::of(0..3_u8),
        prop::option::of((any::<bool>(), 0..2_u8)),
        any::<bool>(),
        any::<bool>(),
        prop::option::of(prop::sample::select(vec![0, 50, 100])),
        any::<bool>(),
        prop::option::of((0..2_u8, prop::option::of(50..52_u8), any::<bool>(), any::<bool>())),
    )
        .prop_map(move |(image, count, ingress, releases, sidecar, min_healthy, pid_mode, scaling)| Service {
            name,
            image,
            count: count.filter(|_| scaling.is_none()),
            scaling,
            ingress,
            releases,
            sidecar,
            min_healthy,
            pid_mode,
        })
}

fn written(service: &Service) -> String {
    let name = service.name;
    let mut text = format!("[services.{name}]\n");
    if let Some(count) = service.count {
        text += &format!("count = {count}\n");
    }
    if let Some(min) = service.min_healthy {
        text += &format!("deployment = {{ min-healthy = {min} }}\n");
    }
    if service.pid_mode {
        text += "aws = { pidMode = \"task\" }\naws-service = { enableExecuteCommand = true }\n";
    }
    if let Some((other, grace)) = service.ingress {
        let path = if other { "v2" } else { "v1" };
        text += &format!("[services.{name}.ingress]\ncontainer = \"{name}\"\nport = 80\npath = \"/{name}/{path}/*\"\n");
        text += &format!("grace-period = {grace}\n");
    }
    if let Some((min, cpu, requests, nights)) = service.scaling {
        text += &format!("[services.{name}.scaling]\nmin = {min}\nmax = 4\n");
        text.extend(cpu.map(|cpu| format!("cpu = {cpu}\n")));
        if requests && service.ingress.is_some() {
            text += "requests = 500\n";
        }
        if nights {
            text += "scheduled.night = { schedule = \"cron(0 20 * * ? *)\", until = \"cron(0 6 * * ? *)\", max = 0, min = 0 }\n";
        }
    }
    if service.releases {
        text += &format!("[services.{name}.release]\ncontainer = \"{name}\"\ncommand = [\"migrate\"]\n");
    }
    text += &format!("[services.{name}.containers.{name}]\nimage = \"{name}:{}\"\nports = [80]\n", service.image);
    if service.sidecar {
        text += &format!("[services.{name}.containers.side]\nimage = \"side:1\"\nessential = false\n");
    }
    text
}

/// Texts of manifests of one application; two draws have much in common.
fn text() -> impl Strategy<Value = String> {
    let by = prop::sample::select(vec!["", "timezone = \"Europe/Berlin\"\n", "via = \"scheduler\"\n", "retries = 2\n"]);
    let schedule = prop::option::of((1..3_u8, prop::sample::select(vec!["rate(1 day)", "rate(2 days)"]), by));
    let services = (prop::option::of(service("web")), prop::option::of(service("api")), service("worker"));
    // A task that no service runs, and how many schedules start it: with each a word of its own.
    let shared = prop::option::of((1..3_u8, 0..3_usize, any::<bool>()));
    (services, schedule, shared, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(
        |((web, api, worker), schedule, shared, secret, own, debug)| {
            let mut text = format!("app = \"shop\"\nregion = \"us-east-1\"\n[variables]\nDEBUG = \"{debug}\"\n");
            if secret {
                text += "[secrets]\nKEY = { generate = true }\n";
            }
            text.extend([web, api, Some(worker)].iter().flatten().map(written));
            if let Some((image, expression, by)) = schedule {
                text += &format!("[schedules.tick]\nimage = \"tick:{image}\"\nschedule = \"{expression}\"\n{by}");
            }
            if let Some((image, starts, other)) = shared {
                text += &format!("[services.jobs]\nstandalone = true\ncontainers.jobs.image = \"jobs:{image}\"\n");
                let command = |number: usize| if other { format!("other-{number}") } else { format!("job-{number}") };
                text.extend((0..starts).map(|number| {
                    let command = command(number);
                    format!("[schedules.job{number}]\nschedule = \"rate(1 day)\"\nservice = \"jobs\"\ncommand = [\"{command}\"]\n")
                }));
            }
            text += "[stages.staging]\nsubnets = [\"subnet-1\"]\n";
            if own {
                text += "log-group = \"/own\"\n";
            }
            text
        },
    )
}

fn stage() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["local", "staging"])
}

fn is_release(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.action, Action::Release { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_done_needs_not_be_done_again(texts in prop::collection::vec(text(), 1..4), stage in stage()) {
        let mut world = World::new();
        for text in &texts {
            let manifest = manifest(text);
            let plan = world.plan(&manifest, stage);
            world.apply(&plan);
            let again = world.plan(&manifest, stage);
            prop_assert!(again.is_empty(), "after {:?}\nstill {:?}\n{}", told(&plan), told(&again), text);
        }
    }

    #[test]
    fn the_same_world_gives_the_same_plan_and_the_same_state(a in text(), b in text(), stage in stage()) {
        let mut world = World::new();
        world.apply(&world.plan(&manifest(&a), stage));
        let manifest = manifest(&b);
        prop_assert_eq!(world.plan(&manifest, stage), world.plan(&manifest, stage));
    }

    #[test]
    fn a_release_goes_back_to_its_revisions(a in text(), b in text(), stage in stage()) {
        let mut world = World::new();
        let first = world.apply(&world.plan(&manifest(&a), stage));
        let changed = manifest(&b);
        world.apply(&world.plan(&changed, stage));
        let plan = world.plan_restore(&changed, stage, &first);
        prop_assert!(!is_release(&plan), "the release command is not run again");
        world.apply(&plan);
        for (name, revision) in &first.services {
            prop_assert_eq!(&world.services[name]["taskDefinition"], revision.as_str());
        }
        let again = world.plan_restore(&changed, stage, &first);
        prop_assert!(again.steps.is_empty(), "{:?}", told(&again));
    }

    #[test]
    fn a_plan_survives_its_file(a in text(), b in text(), stage in stage()) {
        let mut world = World::new();
        let first = world.plan(&manifest(&a), stage);
        let release = world.apply(&first);
        let second = world.plan(&manifest(&b), stage);
        let third = world.plan_restore(&manifest(&b), stage, &release);
        for plan in [first, second, third] {
            let text = serde_json::to_string_pretty(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn the_release_command_comes_with_a_registration_and_before_it(a in text(), b in text(), stage in stage()) {
        let mut world = World::new();
        world.apply(&world.plan(&manifest(&a), stage));
        let plan = world.plan(&manifest(&b), stage);
        let at = |wanted: &dyn Fn(&Action) -> bool| plan.steps.iter().position(|step| wanted(&step.action));
        let last = |wanted: &dyn Fn(&Action) -> bool| plan.steps.iter().rposition(|step| wanted(&step.action));
        if let Some(release) = last(&|action| matches!(action, Action::Release { .. })) {
            let registration = at(&|action| matches!(action, Action::Register { .. }));
            prop_assert!(registration.is_some_and(|at| release < at), "{:?}", told(&plan));
        }
    }
}
