//! What may be done to a stage's database, and in which words is it asked? Pure: no password and no row is ever here.

mod ask;
mod copy;
mod snapshot;
mod tools;

pub use ask::{LOCKS, SIZE, SLOW, TABLES};
pub use copy::{BadTable, Copied, Table, prelude};
pub use snapshot::{BadName, Snapshot, lost, newest, snapshot_name};
pub use tools::{NoTool, Tools, choose};

use crate::manifest::{LOCAL, Manifest};

/// Whether a stage is production: the one that `[pipeline]` says, and those that are called so. A preview never is.
pub fn is_production(manifest: &Manifest, stage: &str) -> bool {
    let said = manifest.pipeline.as_ref().and_then(|pipeline| pipeline.production.as_deref());
    stage != LOCAL && (said == Some(stage) || ["prod", "production"].contains(&stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_what_the_manifest_says_and_what_is_called_so() {
        let manifest = crate::parse(
            "managr.toml",
            "app = \"shop\"\n[stages.live]\n[stages.prod]\n[stages.staging]\n[pipeline]\nproduction = \"live\"\n",
        );
        let manifest = manifest.unwrap();
        for (stage, expected) in [
            ("live", true),
            ("prod", true),
            ("production", true),
            ("staging", false),
            ("local", false),
            ("pr-1", false),
        ] {
            assert_eq!(is_production(&manifest, stage), expected, "{stage}");
        }
    }
}
