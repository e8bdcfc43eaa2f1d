//! How large is the task, and which of the services find room in it?

use std::collections::BTreeSet;

use deploy_core::manifest::size::{cpus, memories};

use super::draft::Draft;
use super::image::{Origin, known};

/// Containers of one task definition (ECS quota, not adjustable).
pub(super) const MOST: usize = 10;
/// What a container without a limit is taken to need: CPU units and MiB.
const GUESS: (u32, u32) = (32, 256);

/// Returns the indices of the services that a task has room for; tools of a developer go first.
pub(super) fn that_fit(drafts: &[Draft]) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..drafts.len()).collect();
    let is_tool =
        |draft: &Draft| matches!(&draft.origin, Origin::Registry(image) if known(image).is_some_and(|k| k.is_tool));
    let waited_on: BTreeSet<&str> =
        drafts.iter().flat_map(|draft| &draft.waits).map(|(name, ..)| name.as_str()).collect();
    // The least needed last, and of those the last.
    kept.sort_by_cached_key(|index| {
        let draft = &drafts[*index];
        let is_free = !waited_on.contains(draft.name.as_str());
        (is_tool(draft), is_free && draft.published.is_empty(), is_free, *index)
    });
    kept.truncate(MOST);
    kept.sort_unstable();
    kept
}

/// Returns the smallest size of Fargate that has room for all, and whether a limit had to be guessed; none: there is none.
pub(super) fn size(drafts: &[Draft]) -> Option<((u32, u32), bool)> {
    let cpu: u32 = drafts.iter().map(|draft| draft.limits.cpu.unwrap_or(GUESS.0)).sum();
    let of = |draft: &Draft| draft.limits.memory.or(draft.limits.reservation).unwrap_or(GUESS.1);
    let memory: u32 = drafts.iter().map(of).sum();
    let is_guessed = drafts.iter().any(|draft| draft.limits.memory.is_none());
    let fits = |units: &u32| memories(*units).into_iter().find(|mib| *mib >= memory).map(|mib| (*units, mib));
    cpus().iter().filter(|units| **units >= cpu).find_map(fits).map(|size| (size, is_guessed))
}
