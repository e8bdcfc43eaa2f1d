//! Where in the manifest is a variable written when it is set for a stage, and what is taken out when
//! it is unset? Text in, text out; what a person did not ask for stays byte for byte (see `splice`).
//!
//! Without containers the value goes to `[variables]` for all stages, or to `[stages.STAGE.variables]`, which overrides
//! it. With containers a new name gets a restriction; a name that others have too goes into the containers' own tables,
//! so that other containers' values do not change. A secret is declared for all stages in `[secrets]`: its values are
//! no part of the manifest.

mod error;

use crate::desired::{Provenance, explain, preview};
use crate::manifest::{LOCAL, Manifest, Stage};
use crate::parse;
use crate::suggest::nearest;

pub use self::error::EditError;
use super::splice;

/// The stages that a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All of them.
    All,
    /// One.
    Stage(&'a str),
}

impl<'a> Scope<'a> {
    /// Reads `all` or the name of a stage.
    pub fn read(word: &'a str) -> Self {
        if word == "all" { Self::All } else { Self::Stage(word) }
    }
}

/// A variable in the manifest, and whom it is for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Stages.
    pub scope: Scope<'a>,
    /// Name.
    pub name: &'a str,
    /// Containers; none are all that inherit it.
    pub containers: &'a [String],
}

/// A changed manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Its text.
    pub text: String,
    /// What was written or taken out, as paths such as `stages.prod.variables.DEBUG`; none if all was so already.
    pub places: Vec<String>,
    /// What still wins over it, with the containers and stages where it does.
    pub shadowed: Vec<Shadow>,
}

/// A value that wins over the one just written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// Where.
    pub stage: String,
    /// Container.
    pub container: String,
    /// What wins.
    pub by: Provenance,
}

/// Returns the manifest with another value of a plain variable; `file` is the name shown in errors.
///
/// # Errors
/// See [`EditError`].
pub fn set(file: &str, text: &str, wanted: Wanted<'_>, value: &str) -> Result<Edited, EditError> {
    // The container gets the value as it was given.
    let value = &*crate::manifest::pattern::escaped(value);
    let mut edit = Edit::begin(file, text, wanted)?;
    edit.refuse_kind(true)?;
    let (base, own) =
        edit.declared(|stage, name| stage.variables.contains(name), |all, name| all.variables.contains(name));
    let here = match wanted.scope {
        Scope::All => base,
        Scope::Stage(_) => own,
    };
    let restricted = edit.restriction();
    if wanted.containers.is_empty() || (here && restricted.as_deref() == Some(wanted.containers)) {
        let same = edit.manifest.variables.get(wanted.name).map(|v| v.value()).as_deref() == Some(value);
        // A stage overrides, never repeats.
        if !(base && !own && same && wanted.containers.is_empty()) {
            edit.write(&edit.table("variables"), value)?;
        }
    } else if !base && !own && edit.owners_that_have_it().is_empty() {
        let list: Vec<String> = wanted.containers.iter().map(|name| splice::literal(name)).collect();
        let literal = format!("{{ value = {}, containers = [{}] }}", splice::literal(value), list.join(", "));
        edit.insert(&edit.table("variables"), &literal)?;
    } else {
        for table in edit.containers("variables") {
            edit.write(&table, value)?;
        }
    }
    edit.end()
}

/// Returns the manifest with a secret declared, if it is not yet; no value is involved.
///
/// # Errors
/// See [`EditError`].
pub fn declare(file: &str, text: &str, wanted: Wanted<'_>) -> Result<Edited, EditError> {
    let mut edit = Edit::begin(file, text, wanted)?;
    edit.refuse_kind(false)?;
    let (base, own) = edit.declared(|stage, name| stage.secrets.contains(name), |all, name| all.secrets.contains(name));
    let declared = base || own;
    if wanted.containers.is_empty() {
        if !declared && edit.owners_that_have_it().is_empty() {
            edit.insert(&["secrets".to_owned()], "{}")?;
        }
    } else if !declared && edit.owners_that_have_it().is_empty() {
        let list: Vec<String> = wanted.containers.iter().map(|name| splice::literal(name)).collect();
        edit.insert(&["secrets".to_owned()], &format!("{{ containers = [{}] }}", list.join(", ")))?;
    } else {
        let has = edit.containers_that_have_it()?;
        for (container, table) in wanted.containers.iter().zip(edit.tables_by_container("secrets")) {
            for table in table {
                if !has.contains(container) {
                    edit.insert(&table, "{}")?;
                }
            }
        }
    }
    edit.end()
}

/// Returns the manifest without a variable or a secret's declaration.
///
/// # Errors
/// See [`EditError`].
pub fn unset(file: &str, text: &str, wanted: Wanted<'_>) -> Result<Edited, EditError> {
    let mut edit = Edit::begin(file, text, wanted)?;
    let kinds = ["variables", "secrets"];
    let mut tables: Vec<Vec<String>> = Vec::new();
    match (wanted.scope, wanted.containers) {
        (Scope::All, []) => {
            tables.extend(kinds.iter().map(|kind| vec![(*kind).to_owned()]));
            for stage in edit.manifest.stages.names() {
                tables.extend(kinds.iter().map(|kind| path(&["stages", stage, kind])));
            }
        }
        (Scope::Stage(stage), []) => tables.extend(kinds.iter().map(|kind| path(&["stages", stage, kind]))),
        (_, _) => {
            tables.extend(edit.containers("variables"));
            if wanted.scope == Scope::All {
                tables.extend(edit.containers("secrets"));
            }
        }
    }
    for table in tables {
        if edit.line(&table).is_some() {
            edit.remove(&table)?;
        }
    }
    if edit.places.is_empty() {
        return Err(edit.not_there());
    }
    edit.end()
}

/// Returns the line of the manifest, from 1, where a path of it such as `variables.DEBUG` is written.
pub fn line(text: &str, place: &str) -> Option<usize> {
    // Names of variables may have dots in them: what is left after the table is one name.
    let parts: Vec<&str> = place.split('.').collect();
    (1..=parts.len()).find_map(|cut| {
        let last = parts[cut - 1..].join(".");
        let mut path = parts[..cut - 1].to_vec();
        path.push(&last);
        splice::line_of(text, &path)
    })
}

/// A manifest being edited.
struct Edit<'a> {
    file: &'a str,
    text: String,
    wanted: Wanted<'a>,
    manifest: Manifest,
    places: Vec<String>,
}

impl<'a> Edit<'a> {
    fn begin(file: &'a str, text: &str, wanted: Wanted<'a>) -> Result<Self, EditError> {
        let manifest = parse(file, text).map_err(|errors| EditError::Manifest(Box::new(errors)))?;
        let mut letters = wanted.name.bytes();
        let starts_well = letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !starts_well || !letters.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            return Err(EditError::Name { name: wanted.name.to_owned() });
        }
        if let Scope::Stage(stage) = wanted.scope {
            explain(&manifest, stage)?;
            // A table of its own would make it a stage that is written down, and a copy of nothing.
            if let Some(preview) = preview(&manifest, stage) {
                let from = preview.previews.from.clone();
                return Err(EditError::Preview { stage: stage.to_owned(), from });
            }
        }
        let edit = Self { file, text: text.to_owned(), wanted, manifest, places: Vec::new() };
        for container in wanted.containers {
            if edit.owners(container).is_empty() {
                let known = edit.manifest.services.iter().flat_map(|(_, service)| service.containers.names());
                let known = known.chain(edit.manifest.schedules.names());
                let meant = nearest(container, known).map(str::to_owned);
                return Err(EditError::Container { container: container.clone(), meant });
            }
        }
        Ok(edit)
    }

    fn end(self) -> Result<Edited, EditError> {
        let manifest = parse(self.file, &self.text).map_err(|errors| EditError::Manifest(Box::new(errors)))?;
        let shadowed = shadows(&manifest, self.wanted, &self.places);
        Ok(Edited { text: self.text, places: self.places, shadowed })
    }

    /// Returns the table of the stages that are meant.
    fn table(&self, kind: &str) -> Vec<String> {
        match self.wanted.scope {
            Scope::All => path(&[kind]),
            Scope::Stage(stage) => path(&["stages", stage, kind]),
        }
    }

    fn stage(&self) -> Option<&Stage> {
        match self.wanted.scope {
            Scope::All => None,
            Scope::Stage(stage) => self.manifest.stages.get(stage),
        }
    }

    /// Returns whether it is declared for all stages, and whether for this one.
    fn declared(&self, in_stage: fn(&Stage, &str) -> bool, at_top: fn(&Manifest, &str) -> bool) -> (bool, bool) {
        let name = self.wanted.name;
        (at_top(&self.manifest, name), self.stage().is_some_and(|stage| in_stage(stage, name)))
    }

    /// Returns the list of containers that is written beside the value that would be changed.
    fn restriction(&self) -> Option<Vec<String>> {
        let variables = match self.wanted.scope {
            Scope::All => &self.manifest.variables,
            Scope::Stage(_) => &self.stage()?.variables,
        };
        variables.get(self.wanted.name)?.containers().map(<[String]>::to_vec)
    }

    /// Returns the services (true) and schedules (false) that have a container.
    fn owners(&self, container: &str) -> Vec<(bool, String)> {
        let has = |(_, service): &(&str, &crate::manifest::Service)| service.containers.contains(container);
        let services = self.manifest.services.iter().filter(has).map(|(name, _)| (true, name.to_owned()));
        let schedules = self.manifest.schedules.names().filter(|name| *name == container);
        services.chain(schedules.map(|name| (false, name.to_owned()))).collect()
    }

    /// Returns the containers' own tables, by container.
    fn tables_by_container(&self, kind: &str) -> Vec<Vec<Vec<String>>> {
        let of = |container: &String| {
            let one = |(is_service, owner): (bool, String)| {
                let own = match is_service {
                    true => path(&["services", &owner, "containers", container, kind]),
                    false => path(&["schedules", &owner, kind]),
                };
                match self.wanted.scope {
                    // A secret is of all stages: only its value is one stage's.
                    Scope::Stage(stage) if kind == "variables" => [path(&["stages", stage]), own].concat(),
                    _ => own,
                }
            };
            self.owners(container).into_iter().map(one).collect::<Vec<_>>()
        };
        self.wanted.containers.iter().map(of).collect()
    }

    fn containers(&self, kind: &str) -> Vec<Vec<String>> {
        self.tables_by_container(kind).concat()
    }

    /// Returns the paths where containers have a variable or secret of this name for themselves.
    fn owners_that_have_it(&self) -> Vec<String> {
        let stages = match self.wanted.scope {
            Scope::All => self.manifest.stages.names().chain([LOCAL]).collect(),
            Scope::Stage(stage) => vec![stage],
        };
        let said = stages.into_iter().filter_map(|stage| explain(&self.manifest, stage).ok()).flatten();
        said.filter(|said| said.name == self.wanted.name).map(|said| said.from.0).collect()
    }

    /// Returns the containers that get it in the stage.
    fn containers_that_have_it(&self) -> Result<Vec<String>, EditError> {
        let stage = match self.wanted.scope {
            Scope::All => LOCAL,
            Scope::Stage(stage) => stage,
        };
        let said = explain(&self.manifest, stage)?;
        Ok(said.into_iter().filter(|said| said.name == self.wanted.name).map(|said| said.container).collect())
    }

    /// Refuses a name that is declared as the other kind, wherever that is.
    fn refuse_kind(&self, is_plain: bool) -> Result<(), EditError> {
        let kind = if is_plain { "secrets" } else { "variables" };
        let mut places = vec![path(&[kind])];
        places.extend(self.manifest.stages.names().map(|stage| path(&["stages", stage, kind])));
        for (owner, service) in self.manifest.services.iter() {
            places.extend(service.containers.names().map(|c| path(&["services", owner, "containers", c, kind])));
        }
        places.extend(self.manifest.schedules.names().map(|owner| path(&["schedules", owner, kind])));
        match places.into_iter().find(|table| self.line(table).is_some()) {
            None => Ok(()),
            Some(table) => Err(EditError::OtherKind {
                name: self.wanted.name.to_owned(),
                is_secret: is_plain,
                place: format!("{}.{}", table.join("."), self.wanted.name),
            }),
        }
    }

    /// Returns why there was nothing to take out.
    fn not_there(&self) -> EditError {
        let name = self.wanted.name.to_owned();
        let places: Vec<String> = self.owners_that_have_it();
        let declared = ["variables", "secrets"].iter().map(|kind| path(&[kind]));
        let declared =
            declared.filter(|table| self.line(table).is_some()).map(|table| format!("{}.{name}", table.join(".")));
        if let Some(place) = declared.chain(places).next() {
            let scope = match (self.wanted.scope, self.wanted.containers) {
                (Scope::Stage(stage), []) => format!("stage `{stage}`"),
                (_, containers) => format!("`{}`", containers.join("`, `")),
            };
            return EditError::Elsewhere { name, scope, place };
        }
        let known = self.manifest.variables.names().chain(self.manifest.secrets.names());
        let meant = nearest(&name, known).map(str::to_owned);
        EditError::NotThere { name, meant }
    }

    fn line(&self, table: &[String]) -> Option<usize> {
        splice::line_of(&self.text, &self.below(table))
    }

    fn below<'t>(&'t self, table: &'t [String]) -> Vec<&'t str> {
        table.iter().map(String::as_str).chain([self.wanted.name]).collect()
    }

    /// Puts a value into a table: another one if the name is there, with its containers and its kind kept.
    fn write(&mut self, table: &[String], value: &str) -> Result<(), EditError> {
        let mut at = self.below(table);
        if splice::line_of(&self.text, &at).is_none() {
            return self.insert(table, &splice::literal(value));
        }
        let read: Option<toml::Table> = self.text.parse().ok();
        let mut old = read
            .as_ref()
            .and_then(|read| {
                at.iter().try_fold(None::<&toml::Value>, |found, key| {
                    let next = match found {
                        None => read.get(*key),
                        Some(found) => found.get(*key),
                    };
                    next.map(Some)
                })
            })
            .flatten();
        if let Some(inner) = old.and_then(|old| old.get("value")) {
            at.push("value");
            old = Some(inner);
        }
        let bare = match old {
            Some(toml::Value::Integer(_)) => value.parse::<i64>().is_ok_and(|number| number.to_string() == value),
            Some(toml::Value::Boolean(_)) => matches!(value, "true" | "false"),
            _ => false,
        };
        let literal = if bare { value.to_owned() } else { splice::literal(value) };
        let is_same = old.is_some_and(|old| match old {
            toml::Value::String(text) => text == value,
            other => other.to_string() == value,
        });
        if !is_same {
            let changed = splice::replace(&self.text, &at, &literal).map_err(|_| self.stuck(table))?;
            self.done(table, changed);
        }
        Ok(())
    }

    fn insert(&mut self, table: &[String], literal: &str) -> Result<(), EditError> {
        let at: Vec<&str> = table.iter().map(String::as_str).collect();
        let changed = splice::insert(&self.text, &at, self.wanted.name, literal).map_err(|_| self.stuck(table))?;
        self.done(table, changed);
        Ok(())
    }

    fn remove(&mut self, table: &[String]) -> Result<(), EditError> {
        let changed = splice::remove(&self.text, &self.below(table)).map_err(|_| self.stuck(table))?;
        self.done(table, changed);
        Ok(())
    }

    fn done(&mut self, table: &[String], text: String) {
        self.text = text;
        self.places.push(format!("{}.{}", table.join("."), self.wanted.name));
    }

    fn stuck(&self, table: &[String]) -> EditError {
        EditError::Stuck { place: format!("{}.{}", table.join("."), self.wanted.name) }
    }
}

/// Returns what wins over the places just written.
fn shadows(manifest: &Manifest, wanted: Wanted<'_>, places: &[String]) -> Vec<Shadow> {
    let stages: Vec<&str> = match wanted.scope {
        Scope::Stage(stage) => vec![stage],
        Scope::All => {
            let has_local = manifest.stages.contains(LOCAL);
            [LOCAL].into_iter().filter(|_| !has_local).chain(manifest.stages.names()).collect()
        }
    };
    let mut found = Vec::new();
    for stage in stages {
        for said in explain(manifest, stage).unwrap_or_default() {
            let is_meant = wanted.containers.is_empty() || wanted.containers.contains(&said.container);
            if said.name == wanted.name && is_meant && said.over.iter().any(|over| places.contains(&over.0)) {
                found.push(Shadow { stage: stage.to_owned(), container: said.container, by: said.from });
            }
        }
    }
    found
}

fn path(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

#[cfg(test)]
mod tests;
