//! Which of several sets of one name and type are answered (developer guide, "Choosing a routing policy").

use aws_model::Document;
use serde_json::Value;

use crate::route53::RecordSet;

/// A set that may be answered.
pub(super) struct Candidate {
    pub(super) set: RecordSet,
    pub(super) is_healthy: bool,
}

/// The most answers of a multivalue name (developer guide, "Multivalue answer routing").
const MOST: usize = 8;

/// Returns the sets that are answered, out of those of one name and type.
///
/// Where none is healthy, all count as healthy (developer guide, "How Route 53 chooses records when health checking is
/// configured"). Sets by geography are never answered: a platform has no place.
pub(super) fn choose<'s>(mut sets: Vec<&'s Candidate>, region: &str, draw: u64) -> Vec<&'s Candidate> {
    if sets.iter().any(|one| one.is_healthy) {
        sets.retain(|one| one.is_healthy);
    }
    let Some(first) = sets.first() else { return sets };
    let has = |member: &str| first.set.body.contains_key(member);
    if first.set.identifier().is_empty() {
        return sets;
    }
    if has("Weight") {
        return weighted(&sets, draw).into_iter().collect();
    }
    if has("MultiValueAnswer") {
        turn(&mut sets, draw);
        sets.truncate(MOST);
        return sets;
    }
    let says = |body: &Document, member: &str, value: &str| body.get(member).and_then(Value::as_str) == Some(value);
    if has("Failover") {
        let primary = sets.iter().position(|one| says(&one.set.body, "Failover", "PRIMARY")).unwrap_or(0);
        return vec![sets[primary]];
    }
    if has("Region") {
        let near = sets.iter().position(|one| says(&one.set.body, "Region", region)).unwrap_or(0);
        return vec![sets[near]];
    }
    Vec::new()
}

/// Returns one set, as often as its weight says; if all weigh nothing, any (developer guide, "Weighted routing").
fn weighted<'s>(sets: &[&'s Candidate], draw: u64) -> Option<&'s Candidate> {
    let total: u64 = sets.iter().filter_map(|one| one.set.weight()).sum();
    if total == 0 {
        let at = usize::try_from(draw % (sets.len().max(1) as u64)).unwrap_or_default();
        return sets.get(at).copied();
    }
    let mut left = draw % total;
    sets.iter().copied().find(|one| {
        let weight = one.set.weight().unwrap_or_default();
        let is_it = left < weight;
        left = left.saturating_sub(weight);
        is_it
    })
}

/// Rotates a list, so that no entry is always first.
pub(super) fn turn<T>(list: &mut [T], draw: u64) {
    if !list.is_empty() {
        let by = usize::try_from(draw % list.len() as u64).unwrap_or_default();
        list.rotate_left(by);
    }
}
