//! What do all stages say in one word? A line for each stage becomes one line with `{stage}` in it.
//!
//! Changes how things are said, never what is said: [`shorten`] gives the manifest back as it was if any stage would
//! be made differently.

use deploy_core::manifest::pattern::{STAGE, filled};
use deploy_core::manifest::size;
use deploy_core::manifest::{
    Log, Named, OneOrMany, Restriction, Scalar, Stage, StageContainer, StageIngress, StageSchedule, StageService,
    Variable,
};
use deploy_core::{Manifest, desired};

use super::pattern::pattern;
use crate::Found;
use crate::facts::facts;

/// Returns a manifest that says the same in fewer lines.
pub(super) fn shorten(found: &Found, manifest: Manifest) -> Manifest {
    let mut short = manifest.clone();
    let stages: Vec<String> = found.stages.iter().map(|stage| stage.name.clone()).collect();
    let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
    names(&mut short, &stages);
    services(&mut short, &stages);
    schedules(&mut short, &stages);
    variables(&mut short, &stages);
    secrets(&mut short, &stages);
    without_empty(&mut short);
    let made = |manifest: &Manifest| -> Vec<_> {
        found.stages.iter().map(|stage| desired(manifest, &stage.name, &facts(manifest, stage)).ok()).collect()
    };
    let wanted = made(&manifest);
    // The shortest first: it is nearly always right, and making every stage costs more than anything else here.
    let shortest = without_sizes(short.clone());
    if made(&shortest) == wanted {
        return shortest;
    }
    let manifest = if made(&short) == wanted { short } else { manifest };
    let without = without_sizes(manifest.clone());
    if without == manifest || made(&without) != wanted { manifest } else { without }
}

/// Leaves sizes out that a task has without saying them.
fn without_sizes(mut manifest: Manifest) -> Manifest {
    fn memory(cpu: Option<u32>, memory: &mut Option<u32>) {
        memory.take_if(|said| size::settle(cpu, None).memory == *said);
    }
    for service in manifest.services.values_mut() {
        memory(service.cpu, &mut service.memory);
        service.cpu.take_if(|cpu| *cpu == size::DEFAULT_CPU);
    }
    for stage in manifest.stages.values_mut() {
        stage.services.values_mut().filter(|own| own.cpu.is_some()).for_each(|own| memory(own.cpu, &mut own.memory));
    }
    manifest
}

/// A text that a stage may say, and what it is if it does not.
type Called = (fn(&mut Stage) -> &mut Option<String>, fn(&mut Manifest) -> &mut Option<String>, &'static str);

const CALLED: [Called; 7] = [
    (|stage| &mut stage.cluster, |all| &mut all.cluster, "{app}-cluster"),
    (|stage| &mut stage.load_balancer, |all| &mut all.load_balancer, "{app}-{stage}"),
    (|stage| &mut stage.log_group, |all| &mut all.log_group, "/{app}/{stage}"),
    (|stage| &mut stage.secret, |all| &mut all.secret, "{app}/{stage}"),
    (|stage| &mut stage.execution_role, |all| &mut all.execution_role, "{app}-{stage}-execution"),
    (|stage| &mut stage.task_role, |all| &mut all.task_role, "{app}-{stage}-task"),
    (|stage| &mut stage.schedule_role, |all| &mut all.schedule_role, "{app}-{stage}-schedule"),
];

fn names(manifest: &mut Manifest, stages: &[&str]) {
    let app = manifest.app.clone();
    for (own, all, usual) in CALLED {
        let said: Vec<Option<String>> = stages.iter().map(|name| own(manifest.stages.entry(name)).clone()).collect();
        let Some(pattern) = one(stages, &said, &usual.replace("{app}", &app)) else { continue };
        *all(manifest) = Some(pattern);
        stages.iter().for_each(|name| *own(manifest.stages.entry(name)) = None);
    }
}

/// Returns the one text for what stages say or, where they do not, have as usual; none if there is none or it is needless.
fn one(stages: &[&str], said: &[Option<String>], usual: &str) -> Option<String> {
    if said.iter().all(Option::is_none) {
        return None;
    }
    let values: Vec<String> = stages
        .iter()
        .zip(said)
        .map(|(stage, said)| said.as_ref().map_or_else(|| filled(usual, stage), |said| filled(said, stage)))
        .collect();
    let pairs: Vec<(&str, &str)> = stages.iter().copied().zip(values.iter().map(String::as_str)).collect();
    pattern(&pairs)
}

/// Returns the stages that something is in, of those that were found.
fn there<'a>(list: &[String], stages: &[&'a str]) -> Vec<&'a str> {
    let is_in = |stage: &&&str| list.is_empty() || list.iter().any(|name| name == **stage);
    stages.iter().filter(is_in).copied().collect()
}

fn services(manifest: &mut Manifest, stages: &[&str]) {
    type Part = fn(&mut StageService) -> &mut Option<String>;
    let (app, many) = (manifest.app.clone(), manifest.services.iter().filter(|(_, s)| s.ingress.is_some()).count() > 1);
    let services: Vec<String> = manifest.services.names().map(str::to_owned).collect();
    for key in &services {
        let Some(mut service) = manifest.services.get(key).cloned() else { continue };
        let here = there(&service.stages, stages);
        let usual =
            [format!("{app}-{key}-{STAGE}"), format!("{app}-{key}-task-{STAGE}"), format!("{app}-{key}-{STAGE}")];
        let parts: [Part; 3] = [|s| &mut s.name, |s| &mut s.family, |s| &mut s.target_group];
        let all = [&mut service.name, &mut service.family, &mut service.target_group];
        for ((part, all), usual) in parts.into_iter().zip(all).zip(usual) {
            let said: Vec<Option<String>> = here.iter().map(|stage| part(of(manifest, stage, key)).clone()).collect();
            if said.iter().flatten().any(|name| name.starts_with("arn:")) {
                continue;
            }
            if let Some(pattern) = one(&here, &said, &usual) {
                *all = Some(pattern);
                here.iter().for_each(|stage| *part(of(manifest, stage, key)) = None);
            }
        }
        // A host for all stages only where hosts tell services apart: `local` has it then, too.
        if let (true, Some(ingress)) = (many, &mut service.ingress) {
            let host = |manifest: &mut Manifest, stage: &&str| match &of(manifest, stage, key).ingress {
                Some(StageIngress::Differs(differs)) => match &differs.host {
                    Some(OneOrMany::One(host)) => Some(host.clone()),
                    _ => None,
                },
                _ => None,
            };
            let said: Vec<Option<String>> = here.iter().map(|stage| host(manifest, stage)).collect();
            if said.iter().all(Option::is_some)
                && let Some(pattern) = one(&here, &said, "").filter(|pattern| pattern.contains(STAGE))
            {
                ingress.host = Some(OneOrMany::One(pattern));
                for stage in &here {
                    if let Some(StageIngress::Differs(differs)) = &mut of(manifest, stage, key).ingress {
                        differs.host = None;
                    }
                }
            }
        }
        let names: Vec<String> = service.containers.names().map(str::to_owned).collect();
        for name in &names {
            let spec = service.containers.entry(name);
            let here = there(&spec.stages, &here);
            let mut differs: Vec<StageContainer> = here
                .iter()
                .map(|stage| of(manifest, stage, key).containers.get(name).cloned().unwrap_or_default())
                .collect();
            logs(&here, &mut spec.log, differs.iter_mut().map(|differs| &mut differs.log).collect());
            own_variables(&here, &mut spec.variables, differs.iter_mut().map(|d| &mut d.variables).collect());
            commands(&here, &mut spec.command, differs.iter_mut().map(|d| &mut d.command).collect());
            commands(&here, &mut spec.entrypoint, differs.iter_mut().map(|d| &mut d.entrypoint).collect());
            for (stage, differs) in here.iter().zip(differs) {
                of(manifest, stage, key).containers.insert(name.as_str(), differs);
            }
        }
        service.log = share(service.log, &mut service.containers);
        manifest.services.insert(key.as_str(), service);
    }
}

fn of<'a>(manifest: &'a mut Manifest, stage: &str, service: &str) -> &'a mut StageService {
    manifest.stages.entry(stage).services.entry(service)
}

fn schedules(manifest: &mut Manifest, stages: &[&str]) {
    type Part = fn(&mut StageSchedule) -> &mut Option<String>;
    let app = manifest.app.clone();
    let schedules: Vec<String> = manifest.schedules.names().map(str::to_owned).collect();
    for key in &schedules {
        let Some(mut schedule) = manifest.schedules.get(key).cloned() else { continue };
        let here = there(&schedule.stages, stages);
        let usual = [format!("{app}-{key}-{STAGE}"), format!("{app}-{key}-task-{STAGE}")];
        let parts: [Part; 2] = [|s| &mut s.name, |s| &mut s.family];
        for ((part, all), usual) in parts.into_iter().zip([&mut schedule.name, &mut schedule.family]).zip(usual) {
            let said: Vec<Option<String>> =
                here.iter().map(|stage| part(manifest.stages.entry(stage).schedules.entry(key)).clone()).collect();
            if let Some(pattern) = one(&here, &said, &usual) {
                *all = Some(pattern);
                here.iter().for_each(|stage| *part(manifest.stages.entry(stage).schedules.entry(key)) = None);
            }
        }
        let mut differs: Vec<StageSchedule> =
            here.iter().map(|stage| manifest.stages.entry(stage).schedules.entry(key).clone()).collect();
        let main = schedule.container(key).to_owned();
        // A schedule says nothing beside the table of its own container.
        let all = match schedule.containers.contains(&main) {
            true => &mut schedule.containers.entry(&main).variables,
            false => &mut schedule.variables,
        };
        own_variables(&here, all, differs.iter_mut().map(|d| &mut d.variables).collect());
        if schedule.service.is_some() || !schedule.containers.contains(&main) {
            commands(&here, &mut schedule.command, differs.iter_mut().map(|d| &mut d.command).collect());
            commands(&here, &mut schedule.entrypoint, differs.iter_mut().map(|d| &mut d.entrypoint).collect());
        }
        if schedule.service.is_none() && !schedule.containers.contains(&main) {
            // Its own container has no words for a log but the schedule's.
            let mut of_main: Vec<Option<Log>> = differs.iter().map(|d| d.containers.get(&main)?.log.clone()).collect();
            if schedule.containers.is_empty() {
                logs(&here, &mut schedule.log, of_main.iter_mut().collect());
                for (differs, log) in differs.iter_mut().zip(of_main) {
                    differs.containers.entry(&main).log = log;
                }
            }
        }
        let names: Vec<String> = schedule.containers.names().map(str::to_owned).collect();
        for name in &names {
            let spec = schedule.containers.entry(name);
            let at: Vec<usize> =
                (0..here.len()).filter(|at| there(&spec.stages, &here[*at..=*at]).len() == 1).collect();
            let inner: Vec<&str> = at.iter().map(|at| here[*at]).collect();
            let mut own: Vec<StageContainer> =
                at.iter().map(|at| differs[*at].containers.get(name).cloned().unwrap_or_default()).collect();
            logs(&inner, &mut spec.log, own.iter_mut().map(|own| &mut own.log).collect());
            own_variables(&inner, &mut spec.variables, own.iter_mut().map(|own| &mut own.variables).collect());
            commands(&inner, &mut spec.command, own.iter_mut().map(|own| &mut own.command).collect());
            commands(&inner, &mut spec.entrypoint, own.iter_mut().map(|own| &mut own.entrypoint).collect());
            for (at, own) in at.into_iter().zip(own) {
                differs[at].containers.insert(name.as_str(), own);
            }
        }
        if schedule.containers.contains(&main) {
            schedule.log = share(schedule.log, &mut schedule.containers);
        }
        for (stage, differs) in here.iter().zip(differs) {
            manifest.stages.entry(stage).schedules.insert(key.as_str(), differs);
        }
        manifest.schedules.insert(key.as_str(), schedule);
    }
}

/// Says once where output goes, if every stage says it and it is one word.
fn logs(stages: &[&str], all: &mut Option<Log>, mut own: Vec<&mut Option<Log>>) {
    type Part = fn(&mut Log) -> &mut Option<String>;
    let parts: [Part; 2] = [|log| &mut log.group, |log| &mut log.prefix];
    for part in parts {
        let said: Vec<Option<String>> =
            own.iter_mut().map(|log| log.as_mut().and_then(|log| part(log).clone())).collect();
        if said.iter().any(Option::is_none) {
            continue;
        }
        if let Some(pattern) = one(stages, &said, "") {
            *part(all.get_or_insert_default()) = Some(pattern);
            own.iter_mut().for_each(|log| *part(log.get_or_insert_default()) = None);
        }
    }
    own.iter_mut().for_each(|log| drop(log.take_if(|log| *log == Log::default())));
}

/// Says a command once, if it has as many words in every stage, and each is one word.
fn commands(stages: &[&str], all: &mut Option<Vec<String>>, own: Vec<&mut Option<Vec<String>>>) {
    let said: Option<Vec<Vec<String>>> = own.iter().map(|own| (**own).clone().or_else(|| all.clone())).collect();
    let Some(said) = said.filter(|_| own.iter().any(|own| own.is_some())) else { return };
    let length = said.first().map_or(0, Vec::len);
    if said.iter().any(|words| words.len() != length) {
        return;
    }
    let word = |at: usize| {
        let each: Vec<Option<String>> = said.iter().map(|words| Some(words[at].clone())).collect();
        one(stages, &each, "")
    };
    if let Some(words) = (0..length).map(word).collect::<Option<Vec<_>>>() {
        *all = Some(words);
        own.into_iter().for_each(|own| *own = None);
    }
}

/// What every container of a task says of its log is said once, for all of them.
fn share(mut all: Option<Log>, containers: &mut Named<deploy_core::manifest::Container>) -> Option<Log> {
    type Part = fn(&mut Log) -> &mut Option<String>;
    let parts: [Part; 2] = [|log| &mut log.group, |log| &mut log.prefix];
    for part in parts {
        let mut said: Vec<Option<String>> =
            containers.values_mut().map(|spec| spec.log.as_mut().and_then(|log| part(log).clone())).collect();
        said.dedup();
        if let [Some(text)] = said.as_slice() {
            *part(all.get_or_insert_default()) = Some(text.clone());
            for spec in containers.values_mut() {
                spec.log.iter_mut().for_each(|log| *part(log) = None);
                spec.log.take_if(|log| *log == Log::default());
            }
        }
    }
    all
}

/// Says a container's own variables once, if they are one word.
fn own_variables(stages: &[&str], all: &mut Named<Scalar>, mut own: Vec<&mut Named<Scalar>>) {
    let mut names: Vec<String> = own.iter().flat_map(|own| own.names().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    for name in names {
        let text = |value: &Scalar| match value {
            Scalar::Text(text) => Some(text.clone()),
            _ => None,
        };
        let said: Vec<Option<String>> =
            own.iter().map(|own| own.get(&name).or_else(|| all.get(&name)).and_then(text)).collect();
        if said.iter().any(Option::is_none) {
            continue;
        }
        if let Some(pattern) = one(stages, &said, "") {
            all.insert(name.as_str(), Scalar::Text(pattern));
            own.iter_mut().for_each(|own| own.retain(|other, _| other != name));
        }
    }
}

/// Says a variable of all containers once, if it is one word and goes to the same ones in every stage.
fn variables(manifest: &mut Manifest, stages: &[&str]) {
    let mut names: Vec<String> = Vec::new();
    for (_, stage) in manifest.stages.iter() {
        names.extend(stage.variables.names().map(str::to_owned));
    }
    names.sort();
    names.dedup();
    for name in names {
        let base = manifest.variables.get(&name);
        let said: Option<Vec<(String, Option<Vec<String>>)>> = stages
            .iter()
            .map(|stage| {
                let own = manifest.stages.get(stage).and_then(|stage| stage.variables.get(&name));
                let list = own.and_then(Variable::containers).or_else(|| base.and_then(Variable::containers));
                Some((own.or(base)?.value(), list.map(<[String]>::to_vec)))
            })
            .collect();
        let Some(said) = said else { continue };
        let list = said[0].1.clone();
        let texts: Vec<Option<String>> = said.iter().map(|(text, _)| Some(text.clone())).collect();
        if said.iter().any(|(_, other)| *other != list) {
            continue;
        }
        if let Some(pattern) = one(stages, &texts, "") {
            let value = Scalar::Text(pattern);
            let variable = match list {
                None => Variable::Value(value),
                containers => Variable::Restricted(Restriction { value, containers }),
            };
            manifest.variables.insert(name.as_str(), variable);
            stages.iter().for_each(|stage| manifest.stages.entry(stage).variables.retain(|other, _| other != name));
        }
    }
    let mut sorted: Vec<(String, Variable)> =
        manifest.variables.iter().map(|(name, variable)| (name.to_owned(), variable.clone())).collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    manifest.variables = sorted.into_iter().collect();
}

/// Says once where a secret is, if it is one word.
fn secrets(manifest: &mut Manifest, stages: &[&str]) {
    let names: Vec<String> = manifest.secrets.names().map(str::to_owned).collect();
    for name in names {
        let from = |stage: &&str| manifest.stages.get(stage)?.secrets.get(&name)?.from.clone();
        let said: Vec<Option<String>> = stages.iter().map(from).collect();
        if said.iter().any(Option::is_none) {
            continue;
        }
        if let Some(pattern) = one(stages, &said, "") {
            manifest.secrets.entry(&name).from = Some(pattern);
            for stage in stages {
                let secrets = &mut manifest.stages.entry(stage).secrets;
                secrets.entry(&name).from = None;
                secrets.retain(|other, secret| other != name || *secret != Default::default());
            }
        }
    }
}

/// Takes out tables that say nothing.
fn without_empty(manifest: &mut Manifest) {
    for stage in manifest.stages.values_mut() {
        for service in stage.services.values_mut() {
            service.containers.retain(|_, spec| *spec != StageContainer::default());
            service.log.take_if(|log| *log == Log::default());
            let nothing = StageIngress::Differs(Default::default());
            service.ingress.take_if(|ingress| *ingress == nothing);
        }
        stage.services.retain(|_, service| *service != StageService::default());
        for schedule in stage.schedules.values_mut() {
            schedule.containers.retain(|_, spec| *spec != StageContainer::default());
        }
        stage.schedules.retain(|_, schedule| *schedule != StageSchedule::default());
    }
}
