//! The releases of a stage, kept where every colleague sees the same: in Parameter Store, beside
//! what they released (`/managr/APP/STAGE/releases/NUMBER`).

use aws::{CallError, Client};
use deploy_core::release::{Release, ReleaseOutcome};

use crate::parameters;

/// Releases that are kept.
const KEPT: usize = 100;

/// What a cause may have of the 4 KB that a parameter holds.
const CAUSE: usize = 600;

/// The releases of one stage.
#[derive(Debug, Clone)]
pub struct Journal {
    client: Client,
    path: String,
}

impl Journal {
    /// Returns the journal of a stage.
    pub fn new(client: &Client, app: &str, stage: &str) -> Self {
        Self { client: client.clone(), path: parameters::path(app, stage, "releases") }
    }

    /// Returns the releases, oldest first.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn releases(&self) -> Result<Vec<Release>, CallError> {
        let found = parameters::below(&self.client, &self.path).await?;
        let mut releases: Vec<Release> = found.iter().filter_map(|p| serde_json::from_str(&p.value).ok()).collect();
        releases.sort_by_key(|release| release.number);
        Ok(releases)
    }

    /// Writes a release down before anything of it is done, and gives it its number.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn begin(&self, mut release: Release) -> Result<Release, CallError> {
        let known = parameters::below(&self.client, &self.path).await?;
        let newest = known.iter().filter_map(|p| p.name.rsplit('/').next()?.parse::<u64>().ok()).max().unwrap_or(0);
        release.number = newest + 1;
        while !parameters::create(&self.client, &self.name(&release), &written(&release)).await? {
            release.number += 1;
        }
        if known.len() >= KEPT {
            let old: Vec<String> = known.iter().take(known.len() + 1 - KEPT).map(|p| p.name.clone()).collect();
            parameters::delete(&self.client, &old).await?;
        }
        Ok(release)
    }

    /// Writes down how a release stands.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn write(&self, release: &Release) -> Result<(), CallError> {
        parameters::overwrite(&self.client, &self.name(release), &written(release)).await
    }

    /// Writes down how a release ended.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn end(
        &self,
        release: &mut Release,
        outcome: ReleaseOutcome,
        cause: Option<String>,
    ) -> Result<(), CallError> {
        release.outcome = outcome;
        release.cause = cause.map(|cause| cause.chars().take(CAUSE).collect());
        release.finished_at = Some(self.client.now());
        self.write(release).await
    }

    /// Forgets everything, the leases too.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn forget(client: &Client, app: &str, stage: &str) -> Result<(), CallError> {
        for what in ["releases", "lease"] {
            let found = parameters::below(client, &parameters::path(app, stage, what)).await?;
            let names: Vec<String> = found.into_iter().map(|p| p.name).collect();
            parameters::delete(client, &names).await?;
        }
        Ok(())
    }

    fn name(&self, release: &Release) -> String {
        format!("{}/{:08}", self.path, release.number)
    }
}

/// What a parameter holds (API reference, PutParameter: 4 KB for a standard one).
const MOST: usize = 4096;

/// What schedules say over tasks is left out where there is no room: a rollback then leaves that as it is.
fn written(release: &Release) -> String {
    let text = |release: &Release| serde_json::to_string(release).expect("a release has text keys");
    let whole = text(release);
    match whole.len() {
        ..=MOST => whole,
        _ => text(&Release { overrides: Default::default(), ..release.clone() }),
    }
}
