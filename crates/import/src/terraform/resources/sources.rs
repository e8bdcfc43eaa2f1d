//! Which source does each fact come from: the folder, or what Terraform found out?
//!
//! The folder is evaluated once more without the states and plans that were given. What it says the same is its own; what
//! it does not know, or knows otherwise, comes from one of them, and the ledger names which, and where in it.

use std::collections::BTreeMap;

use super::super::leaves::Leaf;
use super::super::stages::Evaluation;
use super::super::value::Value;
use super::super::{Options, TerraformError, files};
use super::{Estate, book, estates};
use crate::{Folder, Place};

/// What a folder says alone, by the addresses of its resources.
#[derive(Debug)]
pub(super) struct Alone(BTreeMap<String, Vec<Leaf>>);

impl Alone {
    /// Evaluates a folder without what Terraform found out; nothing if alone it is no folder that can be evaluated.
    ///
    /// # Errors
    /// When it is not Terraform's language.
    pub(super) fn of(folder: &Folder, options: &Options, alone: &Evaluation) -> Result<Option<Self>, TerraformError> {
        // Files of its own: what this costs is not the folder's.
        let files = files::parse(folder)?;
        let estates = estates(folder, &files, options, alone, &mut Vec::new());
        let instances = estates.iter().flat_map(|estate| &estate.instances);
        let leaves = instances.map(|instance| (instance.address(), instance.leaves())).collect();
        Ok(files.budget.fault().is_ok().then_some(Self(leaves)))
    }

    fn leaf(&self, address: &str, path: &str) -> Option<&Leaf> {
        self.0.get(address)?.iter().find(|leaf| leaf.path == path)
    }
}

/// Returns where the value of an attribute comes from, if the folder alone does not have it.
pub(super) fn of_leaf(estate: &Estate<'_>, address: &str, leaf: &Leaf) -> Option<Place> {
    let alone = estate.alone.as_ref()?.leaf(address, &leaf.path);
    told(estate, address, &leaf.path, alone.map(|leaf| &leaf.value), &leaf.value)
}

/// Returns where the values of members of container definitions come from, if the folder alone does not have them, by
/// their lines' paths.
pub(super) fn of_members(estate: &Estate<'_>, address: &str, leaf: &Leaf) -> Option<BTreeMap<String, Place>> {
    let alone = estate.alone.as_ref()?.leaf(address, &leaf.path).map(values).unwrap_or_default();
    let place = |(path, value): (String, Value)| {
        let told = told(estate, address, &leaf.path, alone.get(&path), &value)?;
        Some((path, told))
    };
    Some(values(leaf).into_iter().filter_map(place).collect())
}

fn values(leaf: &Leaf) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    // What is no list of containers has no members.
    let _ = book::walk(leaf, |path, _, value, marks| {
        values.insert(path, marks.value(value.clone()));
    });
    values
}

/// Returns where a value comes from: what the folder alone does not know of it, or else an attribute of its own.
fn told(estate: &Estate<'_>, address: &str, path: &str, alone: Option<&Value>, now: &Value) -> Option<Place> {
    let truth = estate.run.truth;
    if alone == Some(now) || now.any_unknown().is_some() {
        return None;
    }
    // A member's line is that of the whole text in a state.
    let own = || truth.place(&format!("{address}.{path}"));
    let unknown = alone.and_then(Value::any_unknown).and_then(|unknown| truth.place(unknown));
    Some(unknown.or_else(own).unwrap_or_else(|| truth.places()))
}
