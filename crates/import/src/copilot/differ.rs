//! What differs in a stage, in the words that a stage has?

use deploy_core::manifest::{
    Container, Expression, IngressDiffers, Named, OneOrMany, Scalar, Scaling, Service, StageContainer, StageIngress,
    StageScaling, StageSchedule, StageService,
};
use serde_json::Value;

use super::said::Book;
use super::workload::Workload;

/// Words that a stage has for a service, and for a container.
const OF_A_STAGE: [&str; 5] = ["cpu", "memory", "count", "scaling", "exec"];
const OF_A_CONTAINER: [&str; 5] = ["image", "command", "entrypoint", "depends-on", "variables"];

/// Returns what differs for a service in a stage; what no word says is lost, and told to the book.
pub(super) fn service(base: &Workload, own: &Workload, stage: &str, key: &str, book: &mut Book) -> StageService {
    let (one, other) = (&base.service, &own.service);
    let mut differs = StageService {
        ingress: ingress(one, other, || book.lose(stage, key, "ingress.container")),
        containers: containers(one, other, stage, key, book),
        ..StageService::default()
    };
    differs.cpu = other.cpu.filter(|_| other.cpu != one.cpu);
    differs.memory = other.memory.filter(|_| other.memory != one.memory);
    differs.count = other.count.filter(|_| other.count != one.count);
    differs.exec = other.exec.filter(|_| other.exec != one.exec);
    differs.scaling = scaling(one.scaling.as_ref(), other.scaling.as_ref());
    // What the base holds, a stage can hold otherwise and not leave.
    if differs.scaling.as_ref().is_some_and(|said| said.over(one.scaling.as_ref()) != other.scaling) {
        book.lose(stage, key, "scaling");
    }
    lose(one, other, &OF_A_STAGE, &["ingress", "containers", "scaling"], |word| book.lose(stage, key, word));
    differs
}

/// Returns what differs for a job in a stage.
pub(super) fn schedule(base: &Workload, own: &Workload, stage: &str, key: &str, book: &mut Book) -> StageSchedule {
    let of_service = service(base, own, stage, key, book);
    let mut differs = StageSchedule {
        cpu: of_service.cpu,
        memory: of_service.memory,
        containers: of_service.containers,
        ..StageSchedule::default()
    };
    if own.schedule != base.schedule {
        differs.schedule = own.schedule.clone().map(Expression);
    }
    if own.is_off != base.is_off {
        differs.enabled = Some(!own.is_off);
    }
    differs
}

/// Tells the words that differ and that a stage does not have.
fn lose<T: serde::Serialize>(one: &T, other: &T, sayable: &[&str], apart: &[&str], mut lost: impl FnMut(&str)) {
    let (Ok(Value::Object(one)), Ok(Value::Object(other))) = (serde_json::to_value(one), serde_json::to_value(other))
    else {
        return;
    };
    let mut words: Vec<&String> = one.keys().chain(other.keys()).collect();
    words.sort();
    words.dedup();
    for word in words.into_iter().filter(|word| !apart.contains(&word.as_str())) {
        let (before, after) = (one.get(word), other.get(word));
        // A stage takes nothing away.
        let is_said = sayable.contains(&word.as_str()) && after.is_some_and(|after| !after.is_null());
        if before != after && !is_said {
            lost(word);
        }
    }
}

fn scaling(base: Option<&Scaling>, own: Option<&Scaling>) -> Option<StageScaling> {
    match (base, own) {
        (base, own) if base == own => None,
        (Some(_), None) => Some(StageScaling::There(false)),
        // A stage takes nothing away, so that it says all of it; what it does not say is the base's.
        (_, own) => own.map(|own| StageScaling::Differs(Box::new(own.clone().differs()))),
    }
}

fn ingress(base: &Service, own: &Service, lost: impl FnOnce()) -> Option<StageIngress> {
    let own = match (&base.ingress, &own.ingress) {
        (Some(_), None) => return Some(StageIngress::There(false)),
        (_, own) => own.as_ref()?,
    };
    // A container that only this stage has is none of ours: without a way in, rather than one past it.
    if !base.containers.is_empty() && base.containers.get(&own.container).is_none() {
        lost();
        return Some(StageIngress::There(false));
    }
    let base = base.ingress.clone();
    let is_new = base.is_none();
    let base = base.unwrap_or_else(|| own.clone());
    let any = || OneOrMany::Many(Vec::new());
    let differs = IngressDiffers {
        container: Some(own.container.clone()).filter(|container| is_new || *container != base.container),
        port: Some(own.port).filter(|port| is_new || *port != base.port),
        health_check: own.health_check.clone().filter(|_| is_new || own.health_check != base.health_check),
        listener: None,
        // Hosts are each stage's own: nothing of them is said for all, `local` included.
        host: own.host.clone(),
        path: (is_new || own.path != base.path)
            .then(|| own.path.clone().unwrap_or_else(any))
            .filter(|path| !is_new || !path.items().is_empty()),
        deregistration_delay: own
            .deregistration_delay
            .filter(|_| is_new || own.deregistration_delay != base.deregistration_delay),
        grace_period: own.grace_period.filter(|_| is_new || own.grace_period != base.grace_period),
    };
    (differs != IngressDiffers::default()).then_some(StageIngress::Differs(differs))
}

fn containers(base: &Service, own: &Service, stage: &str, key: &str, book: &mut Book) -> Named<StageContainer> {
    let mut all = Named::default();
    for (name, other) in own.containers.iter() {
        let Some(one) = base.containers.get(name) else {
            book.lose(stage, key, &format!("containers.{name}"));
            continue;
        };
        let differs = container(one, other);
        lose(one, other, &OF_A_CONTAINER, &["variables"], |word| {
            book.lose(stage, key, &format!("containers.{name}.{word}"));
        });
        if differs != StageContainer::default() {
            all.insert(name, differs);
        }
    }
    all
}

fn container(one: &Container, other: &Container) -> StageContainer {
    let variables: Vec<(String, Scalar)> = other
        .variables
        .iter()
        .filter(|(name, value)| one.variables.get(name) != Some(value))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    StageContainer {
        image: Some(other.image.clone()).filter(|image| *image != one.image),
        command: other.command.clone().filter(|_| other.command != one.command),
        entrypoint: other.entrypoint.clone().filter(|_| other.entrypoint != one.entrypoint),
        depends_on: Some(other.depends_on.clone()).filter(|waits| *waits != one.depends_on),
        variables: variables.into_iter().collect(),
        ..StageContainer::default()
    }
}
