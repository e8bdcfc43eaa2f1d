//! Do databases and what stages say of them fit together, and is each variable given by one of them?

use super::task::tasks;
use super::{meant, presence, variables};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Database, Fault, Manifest, Seconds, is_in};

const DAY: u32 = 86_400;

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let tasks = tasks(manifest);
    let known = variables::containers(&tasks, tree);
    for (name, database) in manifest.databases.iter() {
        let at = ["databases", name];
        variables::restriction(&at, database.containers.as_deref(), &known, tree, report);
        presence::list(manifest, &format!("database `{name}`"), &at, tree, report);
        backups(&at, database.backups, tree, report);
        if database.variables.is_some() && database.given().is_empty() {
            let path = ["databases", name, "variables"];
            let (what, why) = ("a table of variables".to_owned(), "it is empty".to_owned());
            let help = "say a part and its variable, as in `url = \"DATABASE_URL\"`, or leave it out".to_owned();
            report.add(Fault::BadText { path: path.join("."), what, why }, tree.key(&path), "here", Some(help));
        }
        given(manifest, name, database, tree, report);
    }
    for (stage, differs) in manifest.stages.iter() {
        let known = tree.keys(&["databases"]);
        for name in tree.keys(&["stages", stage, "databases"]).into_iter().filter(|name| !known.contains(name)) {
            let fault = Fault::UnknownDatabase { stage: stage.to_owned(), database: name.to_owned() };
            let help = meant(name, known.iter().copied(), "databases");
            report.add(fault, tree.key(&["stages", stage, "databases", name]), "no such database", help);
        }
        for (name, differs) in differs.databases.iter() {
            let at = ["stages", stage, "databases", name];
            backups(&at, differs.backups, tree, report);
            if manifest.databases.get(name).is_some_and(|database| !is_in(&database.stages, stage)) {
                let fault = Fault::OverridesAbsent { stage: stage.to_owned(), what: format!("database `{name}`") };
                let help = format!("add \"{stage}\" to its `stages`, or take this away");
                report.add(fault, tree.key(&at), "here", Some(help));
            }
            let instance = [&at[..], &["instance"]].concat();
            if differs.instance.is_some() {
                for key in ["class", "storage", "backups"] {
                    let path = [&at[..], &[key]].concat();
                    if tree.has(&path) {
                        let (what, why) =
                            ("needed".to_owned(), "managr changes nothing of an instance that exists".into());
                        let labels = vec![
                            (tree.key(&path), "has no effect".to_owned()),
                            (tree.key(&instance), "it exists already".to_owned()),
                        ];
                        let help = format!("take `{key}` away: who made the instance decides it");
                        report.add_at(Fault::BadText { path: path.join("."), what, why }, labels, Some(help));
                    }
                }
            }
        }
    }
}

/// RDS API reference, CreateDBInstance, BackupRetentionPeriod: "Must be a value from 0 to 35", in days.
fn backups(at: &[&str], backups: Option<Seconds>, tree: &Tree<'_>, report: &mut Report) {
    let Some(backups) = backups else { return };
    if backups.0 % DAY != 0 || backups.0 / DAY > 35 {
        let path = [at, &["backups"]].concat();
        let range = "whole days, 35 at most".to_owned();
        let fault = Fault::OutOfRange { path: path.join("."), range, found: backups.to_string() };
        report.add(
            fault,
            tree.value(&path),
            "out of range",
            Some("write it as \"7d\"; \"0d\" is no backups".to_owned()),
        );
    }
}

/// A variable that a database gives is given by nothing else, or nobody could say which one a container gets.
fn given(manifest: &Manifest, name: &str, database: &Database, tree: &Tree<'_>, report: &mut Report) {
    let mine = database.given();
    let said = |part: &str| {
        let path = ["databases", name, "variables", part];
        if tree.has(&path) { tree.value(&path) } else { tree.key(&["databases", name]) }
    };
    let add = |part: &str, variable: &str, other: Vec<&str>, report: &mut Report| {
        let fault =
            Fault::GivenTwice { variable: variable.to_owned(), database: name.to_owned(), other: other.join(".") };
        let labels = vec![(said(part), "given here".to_owned()), (tree.key(&other), "and here".to_owned())];
        let help = format!("take one away, or give the database by another name: variables = {{ {part} = \"...\" }}");
        report.add_at(fault, labels, Some(help));
    };
    for (index, (part, variable)) in mine.iter().enumerate() {
        let mut tables = vec![vec![]];
        tables.extend(manifest.stages.names().map(|stage| vec!["stages", stage]));
        for at in &tables {
            for kind in ["variables", "secrets"] {
                let path = [&at[..], &[kind, variable]].concat();
                if tree.has(&path) {
                    add(part, variable, path, report);
                }
            }
        }
        if mine[..index].iter().any(|(_, other)| other == variable) {
            add(part, variable, vec!["databases", name], report);
        }
        for (other, spec) in manifest.databases.iter().take_while(|(other, _)| *other != name) {
            let stages = |a: &[String], b: &[String]| a.is_empty() || b.is_empty() || a.iter().any(|s| b.contains(s));
            let containers = match (&spec.containers, &database.containers) {
                (Some(a), Some(b)) => a.iter().any(|container| b.contains(container)),
                _ => true,
            };
            let meets = containers && stages(&spec.stages, &database.stages);
            if meets && spec.given().iter().any(|(_, theirs)| theirs == variable) {
                add(part, variable, vec!["databases", other], report);
            }
        }
    }
}
