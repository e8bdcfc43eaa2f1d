//! By which name is a service found? One word for all stages if it says every stage's name, else each stage's own.

use deploy_core::manifest::StageDiscover;

use super::Draft;
use super::pattern::pattern;
use crate::{Found, FoundService};

/// Puts the names by which a service is found into words.
pub(super) fn words(found: &Found, draft: &mut Draft) {
    let of = |stage: usize| -> Option<&FoundService> {
        found.stages.get(stage)?.services.iter().find(|service| service.key == draft.key)
    };
    let named = |stage: usize| Some(of(stage)?.discover.as_ref()?.name.as_str());
    let all: Vec<(usize, &str)> =
        draft.versions.iter().filter_map(|version| Some((version.stage, named(version.stage)?))).collect();
    let is_everywhere = all.len() == draft.versions.len();
    let values: Vec<(&str, &str)> =
        all.iter().map(|(stage, name)| (found.stages[*stage].name.as_str(), *name)).collect();
    let base = match values.as_slice() {
        _ if !is_everywhere => None,
        [(_, only)] => Some((*only).to_owned()),
        several => pattern(several),
    };
    if base.is_none() {
        let own: Vec<(usize, String)> = all.into_iter().map(|(stage, name)| (stage, name.to_owned())).collect();
        for (stage, name) in own {
            draft.differs.entry(stage).or_default().discover = Some(StageDiscover::Name(name));
        }
    }
    draft.service.discover = base;
}
