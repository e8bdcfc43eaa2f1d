//! Staging labels: each is attached to at most one version; what loses `AWSCURRENT`
//! becomes `AWSPREVIOUS`.

use crate::error::SecretError;
use crate::find::CURRENT;
use crate::secret::Secret;

const PREVIOUS: &str = "AWSPREVIOUS";
/// Versions without a label are kept up to this many in all, as AWS keeps about a hundred.
pub(crate) const KEPT: usize = 100;

/// Attaches `stage` to version `id`, taking it from whichever has it.
pub(crate) fn attach(secret: &mut Secret, stage: &str, id: &str) {
    let holder = secret.staged(stage).map(|v| v.id.clone());
    if holder.as_deref() == Some(id) {
        return;
    }
    detach(secret, stage);
    if let Some(version) = secret.versions.iter_mut().find(|v| v.id == id) {
        version.stages.push(stage.to_owned());
    }
    if stage == CURRENT {
        detach(secret, PREVIOUS);
        if let Some(version) = secret.versions.iter_mut().find(|v| Some(&v.id) == holder.as_ref()) {
            version.stages.push(PREVIOUS.to_owned());
        }
    }
}

fn detach(secret: &mut Secret, stage: &str) {
    for version in &mut secret.versions {
        version.stages.retain(|s| s != stage);
    }
}

/// Moves a label as `UpdateSecretVersionStage` asks.
pub(crate) fn shift(secret: &mut Secret, stage: &str, from: Option<&str>, to: Option<&str>) -> Result<(), SecretError> {
    for id in [from, to].into_iter().flatten() {
        if secret.version(id).is_none() {
            let words = format!("Secrets Manager can't find the specified secret value for VersionId: {id}");
            return Err(SecretError::NotFound(words));
        }
    }
    let holder = secret.staged(stage).map(|v| v.id.clone());
    if let Some(holder) = holder.as_deref().filter(|holder| Some(*holder) != to)
        && from != Some(holder)
    {
        return Err(SecretError::parameter(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
             {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )));
    }
    if holder.is_none()
        && let Some(from) = from
    {
        let words = format!("The staging label {stage} is not attached to version {from}.");
        return Err(SecretError::parameter(words));
    }
    match to {
        Some(to) => attach(secret, stage, to),
        None if stage == CURRENT => {
            return Err(SecretError::parameter(
                "You can't remove the AWSCURRENT staging label; move it to another version.",
            ));
        }
        None => detach(secret, stage),
    }
    Ok(())
}

/// Returns the versions to forget: the oldest without a label, above what is kept.
pub(crate) fn surplus(secret: &Secret) -> Vec<String> {
    let over = secret.versions.len().saturating_sub(KEPT);
    secret.versions.iter().filter(|v| v.stages.is_empty()).take(over).map(|v| v.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Version;
    use proptest::prelude::*;

    fn secret(versions: &str) -> Secret {
        let versions = versions.split_whitespace().map(|v| {
            let (id, stages) = v.split_once(':').unwrap();
            let stages = stages.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect();
            Version { id: id.into(), created: 0, stages, binary: false, sealed: [].into() }
        });
        let mut secret: Secret = serde_json::from_str(
            r#"{"arn":"a","region":"r","name":"n","created":0,"changed":0,"tags":[],"versions":[]}"#,
        )
        .unwrap();
        secret.versions = versions.collect();
        secret
    }

    fn check(before: &str, stage: &str, from: Option<&str>, to: Option<&str>, expected: &str) {
        let mut secret = secret(before);
        let got = match shift(&mut secret, stage, from, to) {
            Ok(()) => {
                let show = |v: &Version| format!("{}:{}", v.id, v.stages.join(","));
                secret.versions.iter().map(show).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(got, expected, "{before}: {stage} {from:?} {to:?}");
    }

    #[test]
    fn a_label_moves_and_the_current_ones_loser_becomes_previous() {
        check("1:AWSPREVIOUS 2:AWSCURRENT 3:", CURRENT, Some("2"), Some("3"), "1: 2:AWSPREVIOUS 3:AWSCURRENT");
        check("1:AWSPREVIOUS 2:AWSCURRENT", CURRENT, Some("2"), Some("1"), "1:AWSCURRENT 2:AWSPREVIOUS");
        check("1:AWSCURRENT 2:", "blue", None, Some("2"), "1:AWSCURRENT 2:blue");
        check("1:AWSCURRENT 2:blue", "blue", Some("2"), None, "1:AWSCURRENT 2:");
        check("1:AWSCURRENT", CURRENT, None, Some("1"), "1:AWSCURRENT");
    }

    #[test]
    fn a_label_is_not_taken_unless_its_holder_is_named() {
        check("1:blue 2:", "blue", None, Some("2"), "InvalidParameterException");
        check("1:blue 2:", "blue", Some("2"), Some("2"), "InvalidParameterException");
        check("1:AWSCURRENT", CURRENT, Some("1"), None, "InvalidParameterException");
        check("1:AWSCURRENT", "blue", Some("1"), None, "InvalidParameterException");
        check("1:AWSCURRENT", "blue", None, Some("9"), "ResourceNotFoundException");
    }

    #[test]
    fn only_the_oldest_unlabelled_versions_are_forgotten() {
        let many: Vec<String> = (0..103).map(|n| format!("{n}:{}", if n == 1 { "blue" } else { "" })).collect();
        assert_eq!(surplus(&secret(&many.join(" "))), ["0", "2", "3"]);
    }

    proptest! {
        #[test]
        fn a_label_has_one_holder_and_there_is_always_a_current_version(
            acts in proptest::collection::vec((0..3usize, 0..5usize, proptest::option::of(0..5usize), any::<bool>()), 0..60),
        ) {
            let mut secret = secret("0:AWSCURRENT 1: 2: 3: 4:");
            for (label, to, from, attaching) in acts {
                let label = [CURRENT, PREVIOUS, "blue"][label];
                if attaching {
                    attach(&mut secret, label, &to.to_string());
                } else {
                    let from = from.map(|id| id.to_string());
                    let _ = shift(&mut secret, label, from.as_deref(), (to > 0).then(|| to.to_string()).as_deref());
                }
                let mut labels: Vec<&String> = secret.versions.iter().flat_map(|v| &v.stages).collect();
                labels.sort();
                prop_assert!(labels.windows(2).all(|w| w[0] != w[1]), "{labels:?}");
                prop_assert!(secret.staged(CURRENT).is_some());
            }
        }
    }
}
