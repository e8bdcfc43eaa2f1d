//! Which variables are said once for several containers, and which by a container for itself?

use std::collections::BTreeMap;

use deploy_core::manifest::{Container, ContainerSecret, Inherit, Manifest, Restriction, Scalar, Secret, Variable};

use super::environment;

/// Variables of all containers, and the containers, in the order of the manifest.
pub(super) struct Shared<'a> {
    pub(super) containers: &'a mut [(String, Container)],
    pub(super) variables: Vec<Vec<environment::Variable>>,
}

/// One value of a name, and the containers that have it.
struct Value {
    value: Option<String>,
    is_secret: bool,
    who: Vec<usize>,
}

/// Puts variables and secrets where they belong, and returns the values of the secrets by key.
pub(super) fn settle(manifest: &mut Manifest, shared: Shared<'_>) -> BTreeMap<String, String> {
    let Shared { containers, variables } = shared;
    let mut names: Vec<(String, Vec<Value>)> = Vec::new();
    for (index, own) in variables.into_iter().enumerate() {
        for variable in own {
            let at = names.iter().position(|(name, _)| *name == variable.name).unwrap_or_else(|| {
                names.push((variable.name.clone(), Vec::new()));
                names.len() - 1
            });
            let values = &mut names[at].1;
            match values.iter_mut().find(|v| (&v.value, v.is_secret) == (&variable.value, variable.is_secret)) {
                Some(value) => value.who.push(index),
                None => values.push(Value { value: variable.value, is_secret: variable.is_secret, who: vec![index] }),
            }
        }
    }
    let inheriting = inheriting(&names, containers.len());
    for (index, (_, container)) in containers.iter_mut().enumerate() {
        if !inheriting.contains(&index) {
            container.inherit = Some(Inherit::All(false));
        }
    }
    let mut told = Told { containers, inheriting, variables: Vec::new(), secrets: Vec::new(), values: BTreeMap::new() };
    for (name, values) in names {
        told.name(&name, values);
    }
    manifest.variables = told.variables.into_iter().collect();
    manifest.secrets = told.secrets.into_iter().collect();
    told.values
}

/// Returns the containers that variables go to unless they say otherwise: those that share most of them.
fn inheriting(names: &[(String, Vec<Value>)], count: usize) -> Vec<usize> {
    let mut groups: Vec<(&[usize], usize)> = Vec::new();
    for who in names.iter().flat_map(|(_, values)| values).map(|value| value.who.as_slice()).filter(|who| who.len() > 1)
    {
        match groups.iter_mut().find(|(group, _)| *group == who) {
            Some((_, times)) => *times += 1,
            None => groups.push((who, 1)),
        }
    }
    let best = groups.iter().max_by_key(|(group, times)| (*times, group.len()));
    best.map_or_else(|| (0..count).collect(), |(group, _)| group.to_vec())
}

struct Told<'a> {
    containers: &'a mut [(String, Container)],
    inheriting: Vec<usize>,
    variables: Vec<(String, Variable)>,
    secrets: Vec<(String, Secret)>,
    values: BTreeMap<String, String>,
}

impl Told<'_> {
    fn name(&mut self, name: &str, mut values: Vec<Value>) {
        // One value is said for all; a name is a variable or a secret, so the others are said by their containers.
        let common = values.iter().enumerate().max_by_key(|(at, value)| (value.who.len(), usize::MAX - at));
        let common = common.map(|(at, _)| at).expect("a name has a value");
        let common = values.remove(common);
        match common.is_secret {
            true => self.secret_of_all(name, common),
            false if common.who.len() > 1 || self.containers.len() == 1 => {
                let value = Scalar::Text(common.value.unwrap_or_default());
                let variable = match self.list(&common.who) {
                    None => Variable::Value(value),
                    containers => Variable::Restricted(Restriction { value, containers }),
                };
                self.variables.push((name.to_owned(), variable));
            }
            false => self.own(name, common),
        }
        for value in values {
            self.own(name, value);
        }
    }

    fn secret_of_all(&mut self, name: &str, secret: Value) {
        self.values.extend(secret.value.map(|value| (name.to_owned(), value)));
        let secret = Secret { containers: self.list(&secret.who), ..Secret::default() };
        self.secrets.push((name.to_owned(), secret));
    }

    fn own(&mut self, name: &str, value: Value) {
        for at in value.who {
            let (container, spec) = &mut self.containers[at];
            if value.is_secret {
                let key = format!("{}_{name}", container.to_ascii_uppercase().replace('-', "_"));
                self.values.extend(value.value.clone().map(|value| (key.clone(), value)));
                let secret = ContainerSecret { key: Some(key), ..ContainerSecret::default() };
                spec.secrets = with(&spec.secrets, name, secret);
            } else {
                let text = Scalar::Text(value.value.clone().unwrap_or_default());
                spec.variables = with(&spec.variables, name, text);
            }
        }
    }

    /// Returns the containers by name, unless they are those that get everything.
    fn list(&self, who: &[usize]) -> Option<Vec<String>> {
        (who != self.inheriting).then(|| who.iter().map(|at| self.containers[*at].0.clone()).collect())
    }
}

fn with<T: Clone>(named: &deploy_core::manifest::Named<T>, name: &str, value: T) -> deploy_core::manifest::Named<T> {
    let known = named.iter().map(|(name, value)| (name.to_owned(), value.clone()));
    known.chain([(name.to_owned(), value)]).collect()
}
