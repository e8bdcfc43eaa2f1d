//! How do the containers of a compose file become one service of a manifest?

use deploy_core::Manifest;
use deploy_core::manifest::{CommandLine, Condition, Container, LOCAL, Named, Port, Protocol, Service, Stage, Volume};

use super::build::Images;
use super::draft::Draft;
use super::image::{Origin, known};
use super::mounts::ecs_name;
use super::share::{Shared, settle};
use super::source::Source;
use super::{Composed, hosts, ingress, tasks, tell};
use crate::Place;
use crate::ledger::Account;

/// Name of the one service.
const SERVICE: &str = "app";
/// Where the local stage's secrets are.
const SECRETS_FILE: &str = ".env.local";

pub(super) fn assemble(mut source: Source<'_>, mut drafts: Vec<Draft>, name: Option<String>) -> Composed {
    keep_what_fits(&mut source, &mut drafts);
    let app = app_name(&mut source, name.as_deref());
    replace_hosts(&mut source, &mut drafts);
    need_secrets(&mut source, &mut drafts);

    let mut made = Images::default();
    let names = container_names(&mut source, &drafts);
    let front = ingress::choose(&drafts);
    // Those that are built first: others may run what they are tagged with.
    let is_built = |draft: &Draft| matches!(draft.origin, Origin::Built { .. });
    for built in [true, false] {
        for (draft, name) in drafts.iter_mut().zip(&names).filter(|(draft, _)| is_built(draft) == built) {
            draft.container.image = made.image(&mut source, draft, name);
        }
    }
    for draft in &mut drafts {
        draft.container.cpu = draft.limits.cpu;
        draft.container.memory = draft.limits.memory;
        draft.container.memory_reservation = draft.limits.reservation;
    }
    wait(&mut source, &mut drafts, &names);
    take_ports(&mut source, &mut drafts, front);
    tell::of_images(&mut source, &drafts);
    tell::of_restarts(&mut source, &drafts);
    tell::of_ports(&mut source, &drafts, front);
    tell::of_networks(&mut source, &drafts);
    tell::of_volumes(&mut source, &drafts);

    let mut service = Service::default();
    size(&mut source, &mut service, &mut drafts);
    service.platform = platform(&mut source, &drafts);
    service.ingress = front.map(|(index, port)| ingress::ingress(&names[index], port, &drafts[index]));
    if service.ingress.is_none() {
        let why = "no service publishes a port for requests: add [services.app.ingress] if one should take them";
        source.leave_at("services.app.ingress", Place { source: source.file.to_owned(), line: None }, why);
    }
    // Said in full, or the manifest's reader would ask where a shared volume comes from.
    let volumes = drafts.iter().flat_map(|draft| draft.container.volumes.names().map(str::to_owned));
    service.volumes = volumes.map(|name| (name, Volume::default())).collect();

    if drafts.iter().all(|draft| draft.container.essential == Some(false)) {
        drafts[0].container.essential = None;
        let why = "a task needs a container whose end is its own, and the service then starts another task: what is \
                   to end is a schedule, or run with `managr run`";
        source.leave(format!("services.{}.restart", drafts[0].name), drafts[0].restart.unwrap_or(drafts[0].line), why);
    }
    let by_service = drafts.iter().map(|draft| draft.name.clone()).zip(names.iter().cloned()).collect();
    let mut containers: Vec<(String, Container)> = Vec::new();
    let mut variables = Vec::new();
    for (draft, name) in drafts.into_iter().zip(names) {
        containers.push((name, draft.container));
        variables.push(draft.variables);
    }
    let mut manifest = Manifest { app, images: made.images.into_iter().collect(), ..Manifest::default() };
    let secrets = settle(&mut manifest, Shared { containers: &mut containers, variables });
    service.containers = containers.into_iter().collect();
    let has_secrets = !manifest.secrets.is_empty() || service.containers.iter().any(|(_, c)| !c.secrets.is_empty());
    let secrets_file = has_secrets.then(|| SECRETS_FILE.to_owned());
    manifest.stages = one(LOCAL, Stage { secrets_file, ..Stage::default() });
    manifest.services = one(SERVICE, service);
    let manifest = manifest.literal();
    let account = source.close(&manifest, &by_service);
    Composed { manifest, has_name: name.is_some(), left: source.in_order(), account, secrets, files: made.files }
}

fn one<T>(name: &str, value: T) -> Named<T> {
    [(name.to_owned(), value)].into_iter().collect()
}

fn keep_what_fits(source: &mut Source<'_>, drafts: &mut Vec<Draft>) {
    let kept = tasks::that_fit(drafts);
    let mut index = 0;
    drafts.retain(|draft| {
        let is_kept = kept.contains(&index);
        index += 1;
        if !is_kept {
            let why =
                format!("a task has {} containers at most: give it a service of its own, [services.NAME]", tasks::MOST);
            source.drop_service(&draft.name, draft.line, why);
        }
        is_kept
    });
}

/// Lower-case letters, digits and hyphens, 32 at most.
fn app_name(source: &mut Source<'_>, name: Option<&str>) -> String {
    let place = Place { source: source.file.to_owned(), line: None };
    let Some(name) = name else {
        source.leave_at("name", place, "the file has no name for the application: `app` of the manifest says it");
        return "app".to_owned();
    };
    let lower = name.to_ascii_lowercase();
    let kept: String =
        lower.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let kept = kept.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let kept = kept.get(..32).unwrap_or(kept).trim_end_matches('-');
    let app = if kept.is_empty() { "app" } else { kept };
    if app != name {
        source.leave_at("name", place, format!("`{name}` is not a name of an application: it is called `{app}`"));
    }
    app.to_owned()
}

fn container_names(source: &mut Source<'_>, drafts: &[Draft]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for draft in drafts {
        let mut name = ecs_name(&draft.name);
        while names.contains(&name) {
            name.push_str("-2");
        }
        if name != draft.name {
            let why = format!("ECS has letters, digits, hyphens and underscores in names: it is called `{name}`");
            source.leave(format!("services.{}", draft.name), draft.line, why);
        }
        names.push(name);
    }
    names
}

fn replace_hosts(source: &mut Source<'_>, drafts: &mut [Draft]) {
    let names: Vec<String> =
        drafts.iter().flat_map(|draft| [draft.name.clone()].into_iter().chain(draft.aliases.clone())).collect();
    let why = |old: &str, new: &str| format!("`{old}` is now `{new}`: the containers of a task share one address");
    for draft in drafts {
        let path = format!("services.{}", draft.name);
        for variable in &mut draft.variables {
            let Some(value) = &variable.value else { continue };
            let Some(new) = hosts::in_variable(&variable.name, value, &names) else { continue };
            let told = match variable.is_secret {
                true => "a name in its value is 127.0.0.1 now: the containers of a task share one address".to_owned(),
                false => why(value, &new),
            };
            source.leave_at(format!("{path}.environment.{}", variable.name), variable.place.clone(), told);
            variable.value = Some(new);
        }
        let place = draft.place(source);
        let mut texts: Vec<(&str, &mut String)> = Vec::new();
        texts.extend(draft.container.command.iter_mut().flatten().map(|word| ("command", word)));
        texts.extend(draft.container.entrypoint.iter_mut().flatten().map(|word| ("entrypoint", word)));
        match draft.container.health_check.as_mut().map(|health| &mut health.command) {
            Some(CommandLine::Shell(line)) => texts.push(("healthcheck.test", line)),
            Some(CommandLine::Words(words)) => texts.extend(words.iter_mut().map(|word| ("healthcheck.test", word))),
            None => {}
        }
        for (key, text) in texts {
            if let Some(new) = hosts::in_text(text, &names) {
                source.leave_at(format!("{path}.{key}"), place.clone(), why(text, &new));
                *text = new;
            }
        }
        for copied in &draft.copied {
            tell::of_names_in(source, &copied.from, &draft.name, &names);
        }
    }
}

/// A secret that a shell in the container fills in must be there.
fn need_secrets(source: &mut Source<'_>, drafts: &mut [Draft]) {
    for draft in drafts {
        let place = draft.place(source);
        for name in std::mem::take(&mut draft.needs) {
            if draft.variables.iter().any(|variable| variable.name == name) {
                continue;
            }
            let value = source.known.get(&name).map(|known| known.value.clone());
            let variable = super::environment::Variable {
                name,
                value,
                is_secret: true,
                place: place.clone(),
                node: super::yaml::Node::default(),
            };
            draft.variables.push(variable);
        }
    }
}

fn wait(source: &mut Source<'_>, drafts: &mut [Draft], names: &[String]) {
    let has_check: Vec<bool> = drafts.iter().map(|draft| draft.container.health_check.is_some()).collect();
    let known: Vec<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
    let mut all: Vec<Vec<(usize, Condition, usize)>> = Vec::new();
    for draft in drafts.iter_mut() {
        let here = format!("services.{}.depends_on", draft.name);
        let mut waits = Vec::new();
        for (name, condition, line) in std::mem::take(&mut draft.waits) {
            let Some(at) = known.iter().position(|known| *known == name) else {
                source.leave(here.clone(), line, format!("`{name}` was not carried, so nothing waits for it"));
                continue;
            };
            let condition = if condition == Condition::Healthy && !has_check[at] {
                let why = format!(
                    "ECS does not see the health check of an image: give `{name}` one; until then \"start\" is waited for"
                );
                source.leave(here.clone(), line, why);
                Condition::Start
            } else {
                condition
            };
            waits.push((at, condition, line));
        }
        all.push(waits);
    }
    for (index, waits) in all.iter().enumerate() {
        let mut kept: Vec<(String, Condition)> = Vec::new();
        for (at, condition, line) in waits {
            // Compose refuses a circle, and so does ECS.
            if reaches(&all, *at, index, &mut Vec::new()) {
                let here = format!("services.{}.depends_on", drafts[index].name);
                source.leave(here, *line, format!("`{}` waits for it too, so it was left out", known[*at]));
            } else {
                kept.push((names[*at].clone(), *condition));
            }
        }
        drafts[index].container.depends_on = kept.into_iter().collect();
    }
    // What is waited on to end must not take the task with it, nor be started again.
    let ends: Vec<String> = drafts
        .iter()
        .flat_map(|draft| draft.container.depends_on.iter())
        .filter(|(_, condition)| **condition == Condition::Success)
        .map(|(name, _)| name.to_owned())
        .collect();
    for (draft, name) in drafts.iter_mut().zip(names) {
        if ends.contains(name) {
            let why = "one that another waits for to end is not started again, and its end does not end the task";
            if draft.container.essential == Some(false) {
                source.settle_key(&draft.name, "restart", Account::Default(why.to_owned()));
            } else if let (Some(line), Some(_)) = (draft.restart, &draft.container.restart) {
                source.settle_key(&draft.name, "restart", Account::Listed(why.to_owned()));
                source.leave(format!("services.{}.restart", draft.name), line, why);
            }
            draft.container.essential = None;
            draft.container.restart = None;
        }
    }
}

/// Returns whether one waits for the other, directly or not.
fn reaches(all: &[Vec<(usize, Condition, usize)>], from: usize, to: usize, seen: &mut Vec<usize>) -> bool {
    if from == to {
        return true;
    }
    if seen.contains(&from) {
        return false;
    }
    seen.push(from);
    all[from].iter().any(|(next, ..)| reaches(all, *next, to, seen))
}

/// A port of a task has one owner.
fn take_ports(source: &mut Source<'_>, drafts: &mut [Draft], front: Option<(usize, u16)>) {
    let mut taken: Vec<(Port, usize)> = Vec::new();
    let names: Vec<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
    taken.extend(front.map(|(index, number)| (Port { number, protocol: Protocol::Tcp }, index)));
    for (index, draft) in drafts.iter_mut().enumerate() {
        let implied = match &draft.origin {
            Origin::Registry(image) if draft.container.ports.is_empty() && draft.container.command.is_none() => {
                known(image).map(|known| known.port).filter(|port| *port > 0)
            }
            _ => None,
        };
        let implied = implied.map(|number| Port { number, protocol: Protocol::Tcp });
        let listed = draft.container.ports.clone();
        let mut kept = Vec::new();
        for port in listed.iter().copied().chain(implied) {
            let Some((_, owner)) = taken.iter().find(|(known, owner)| *known == port && *owner != index) else {
                taken.push((port, index));
                if listed.contains(&port) {
                    kept.push(port);
                }
                continue;
            };
            let why = format!(
                "`{}` and `{}` both listen on {}, and the containers of a task share one network: \
                 let one of them listen on another port, or give it a service of its own",
                names[*owner], draft.name, port.number
            );
            source.leave(format!("services.{}.ports", draft.name), draft.line, why);
        }
        draft.container.ports = kept;
    }
}

fn size(source: &mut Source<'_>, service: &mut Service, drafts: &mut [Draft]) {
    let place = Place { source: source.file.to_owned(), line: None };
    match tasks::size(drafts) {
        Some(((cpu, memory), is_guessed)) => {
            (service.cpu, service.memory) = (Some(cpu), Some(memory));
            if is_guessed {
                let why =
                    format!("{cpu} CPU units and {memory} MiB are a guess: not every service says how much it may use");
                source.leave_at("services.app.memory", place, why);
            }
        }
        None => {
            for draft in drafts {
                (draft.container.cpu, draft.container.memory, draft.container.memory_reservation) = (None, None, None);
            }
            let last = deploy_core::manifest::size::cpus().last().copied();
            service.cpu = last;
            service.memory = last.and_then(|cpu| deploy_core::manifest::size::memories(cpu).last().copied());
            let why =
                "Fargate has no size for all limits together: the largest was taken, and the limits were left out";
            source.leave_at("services.app.memory", place, why);
        }
    }
}

fn platform(source: &mut Source<'_>, drafts: &[Draft]) -> Option<String> {
    let mut chosen: Option<String> = None;
    for draft in drafts {
        let Some((platform, line)) = &draft.platform else { continue };
        let here = format!("services.{}.platform", draft.name);
        let base: String = platform.split('/').take(2).collect::<Vec<_>>().join("/");
        match &chosen {
            _ if !matches!(base.as_str(), "linux/amd64" | "linux/arm64") => {
                source.leave(here, *line, "Fargate has linux/amd64 and linux/arm64");
            }
            Some(other) if *other != base => source.leave(here, *line, format!("the task is {other}")),
            _ => chosen = Some(base),
        }
    }
    chosen
}
