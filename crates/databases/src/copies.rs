//! What is done with a database's files beside running it: snapshots, databases made of others, backups kept.
//!
//! Everything may be begun again after it was cut off, and what failed leaves nothing half done.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::backup::{self, BackupError, Base, archive::Archive};
use crate::copy;
use crate::run::{AdminError, Instance, Places, SUPERUSER, Servers};

/// Where the files of a new database come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A snapshot, by its resource id.
    Snapshot(String),
    /// Another database, by its resource id, as it was at a time (milliseconds since 1970).
    Time(String, u64),
}

/// What a copy is, for its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What it takes of the disk.
    pub bytes: u64,
    /// How it was made, in words.
    pub how: String,
}

/// Is told how far a copy is, in percent.
pub type Progress = Arc<dyn Fn(u8) + Send + Sync>;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopiesError {
    /// Its files, or its server, refused.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The server did not answer.
    #[error("the database could not be asked")]
    Admin(#[from] AdminError),
    /// A server is at work that is not known here.
    #[error("a server is at work in {} that does not answer: nothing was copied; try again once it is available", data.display())]
    Occupied {
        /// The data directory.
        data: PathBuf,
    },
    /// There is nothing to be copied.
    #[error("there is no `{what}` at {}", path.display())]
    Missing {
        /// What.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// It is of another version.
    #[error("the snapshot is of PostgreSQL {found}, and version {wanted} was asked for: restore it as {found}")]
    Version {
        /// Its own.
        found: u32,
        /// What was asked for.
        wanted: u32,
    },
}

impl CopiesError {
    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Backup(error) if error.is_full())
    }
}

/// The archive of one database, which one at a time works on.
type Kept = Arc<tokio::sync::Mutex<Option<Archive>>>;

/// The copies of a platform's databases. Cheap to clone.
#[derive(Clone)]
pub struct Copies {
    servers: Servers,
    places: Places,
    /// By resource id; the lock is held while backups of one are taken, used or thrown away.
    archives: Arc<Mutex<HashMap<String, Kept>>>,
}

impl Copies {
    /// Makes the door to the copies of databases.
    pub fn new(servers: Servers) -> Self {
        let places = servers.places().clone();
        Self { servers, places, archives: Arc::default() }
    }

    /// Puts the files of another into a new database's folder, for [`Servers::create`] to start on.
    ///
    /// # Errors
    /// See [`CopiesError`]; then there are no files.
    pub async fn fill(&self, instance: &Instance, source: &Source, progress: Progress) -> Result<Made, CopiesError> {
        let data = self.places.place(&instance.resource).data();
        if data.exists() {
            return Ok(Made { bytes: 0, how: String::new() }); // begun again
        }
        let wanted = instance.major;
        let copied = match source {
            Source::Snapshot(snapshot) => {
                let from = self.snapshot(snapshot)?;
                let to = data.clone();
                let work = move || {
                    check_version(&from, wanted)?;
                    Ok(backup::from_snapshot(&from, &to, &mut percent(&progress))?)
                };
                blocking(work).await
            }
            Source::Time(other, at) => {
                let archive = self.archive(other);
                let mut archive = archive.lock().await;
                let place = self.places.place(other);
                if archive.is_none() {
                    *archive = Some(Archive::open(place.folder())?);
                }
                let known = archive.as_mut().ok_or(BackupError::Ended)?;
                known.note()?;
                let (from, base) = backup::newest_before(backup::list(&place.base())?, *at)?;
                check_version(&from, wanted)?;
                let marks = backup::Marks::read(&place.folder().join("marks"))?;
                let (wal, to, at) = (place.wal(), data.clone(), *at);
                let work =
                    move || Ok(backup::to_time((&from, &base), (&wal, &marks), at, &to, &mut percent(&progress))?);
                blocking(work).await
            }
        };
        let copied = self.clean(&data, copied).await?;
        Ok(Made { bytes: copied.bytes, how: copied.words() })
    }

    /// Ends what [`Copies::fill`] has begun, once the server runs: its recovery's settings go.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn filled(&self, resource: &str) -> Result<(), CopiesError> {
        let data = self.places.place(resource).data();
        blocking(move || Ok(backup::finish(&data)?)).await
    }

    /// Takes a snapshot of a database, whether it runs or not.
    ///
    /// # Errors
    /// See [`CopiesError`]; then there is no snapshot, and the database is as it was.
    pub async fn take(&self, resource: &str, snapshot: &str, progress: Progress) -> Result<Made, CopiesError> {
        let place = self.places.place(resource);
        let to = self.places.snapshot(snapshot);
        let base = self.base(resource, place.data(), to.clone(), progress).await;
        let base = self.clean(&to, base).await?;
        Ok(Made { bytes: base.bytes, how: base.how })
    }

    async fn base(&self, resource: &str, data: PathBuf, to: PathBuf, progress: Progress) -> Result<Base, CopiesError> {
        if !data.exists() {
            return Err(CopiesError::Missing { what: "database", path: data });
        }
        if self.servers.running(resource).is_some() {
            let client = self.servers.admin(resource, SUPERUSER).await?;
            return Ok(backup::take(&client, &data, &to, percent(&progress)).await?);
        }
        if crate::run::occupant(&data).is_some() {
            return Err(CopiesError::Occupied { data });
        }
        blocking(move || {
            let about = (major_of(&data)? * 10_000, now());
            Ok(backup::stopped(&data, &to, about, &mut percent(&progress))?)
        })
        .await
    }

    /// Copies a snapshot.
    ///
    /// # Errors
    /// See [`CopiesError`]; then there is no copy.
    pub async fn copy(&self, from: &str, to: &str, progress: Progress) -> Result<Made, CopiesError> {
        let (from, to) = (self.snapshot(from)?, self.places.snapshot(to));
        let target = to.clone();
        let copied = blocking(move || Ok(backup::copy(&from, &target, &mut percent(&progress))?)).await;
        let copied = self.clean(&to, copied).await?;
        Ok(Made { bytes: copied.bytes, how: copied.words() })
    }

    /// Removes a snapshot's files; one that is not there is removed.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub async fn drop_snapshot(&self, snapshot: &str) -> Result<(), CopiesError> {
        let folder = self.places.snapshot(snapshot);
        blocking(move || Ok(copy::remove(&folder).map_err(BackupError::from)?)).await
    }

    /// Removes snapshots that nobody knows: what a crash left behind between their removal and its report.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub async fn sweep(&self, known: &[String]) -> Result<(), CopiesError> {
        let root = self.places.root().join("snapshots");
        let known: Vec<String> = known.to_vec();
        blocking(move || {
            for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !known.contains(&name) {
                    copy::remove(&entry.path()).map_err(BackupError::from)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Waits for what is under way with a database's backups, and forgets what is known of them: before its files are
    /// removed.
    pub async fn forget(&self, resource: &str) {
        let archive = self.archive(resource);
        *archive.lock().await = None;
        self.archives.lock().remove(resource);
    }

    /// Looks after the backups of a database that runs: takes one when it is due, notes until when it can be restored,
    /// throws away what is older than it is kept. Returns the times that can be restored. Once a minute is well.
    ///
    /// # Errors
    /// See [`CopiesError`]; the next look goes on.
    pub async fn keep(&self, instance: &Instance) -> Result<Option<(u64, u64)>, CopiesError> {
        let archive = self.archive(&instance.resource);
        let mut archive = archive.lock().await;
        let place = self.places.place(&instance.resource);
        if instance.retention_days == 0 {
            *archive = None;
            return blocking(move || nothing_is_kept(place.folder(), &place.wal(), &place.base())).await;
        }
        if archive.is_none() {
            *archive = Some(Archive::open(place.folder())?);
        }
        let known = archive.as_mut().ok_or(BackupError::Ended)?;
        let client = self.servers.admin(&instance.resource, SUPERUSER).await?;
        let now = now();
        let bases = backup::list(&place.base())?;
        let only: Vec<Base> = bases.iter().map(|(_, base)| base.clone()).collect();
        if backup::decide(&only, now, instance.retention_days).take {
            let to = place.base().join(now.to_string());
            let taken = backup::take(&client, &place.data(), &to, |_, _| {}).await;
            let taken = self.clean(&to, taken.map_err(CopiesError::from)).await?;
            tracing::info!(database = instance.id, how = taken.how, "took a backup");
        }
        known.look(&client).await?;
        let bases = backup::list(&place.base())?;
        let only: Vec<Base> = bases.iter().map(|(_, base)| base.clone()).collect();
        let decision = backup::decide(&only, now, instance.retention_days);
        for at in &decision.drop {
            let path = bases[*at].0.clone();
            blocking(move || Ok(copy::remove(&path).map_err(BackupError::from)?)).await?;
        }
        let size = only.iter().find_map(|base| base.running).map(|running| running.segment);
        let before = decision.before.zip(size);
        known.forget(before, decision.earliest.unwrap_or_default())?;
        let (Some(from), Some(to)) = (decision.earliest, known.marks().latest()) else { return Ok(None) };
        Ok((from <= to).then_some((from, to)))
    }

    fn archive(&self, resource: &str) -> Arc<tokio::sync::Mutex<Option<Archive>>> {
        self.archives.lock().entry(resource.to_owned()).or_default().clone()
    }

    fn snapshot(&self, snapshot: &str) -> Result<PathBuf, CopiesError> {
        let path = self.places.snapshot(snapshot);
        match backup::read(&path)? {
            Some(_) => Ok(path),
            None => Err(CopiesError::Missing { what: "snapshot", path }),
        }
    }

    /// Removes what a failed copy has left: a disk that is full gets its room back.
    async fn clean<T>(&self, to: &Path, outcome: Result<T, CopiesError>) -> Result<T, CopiesError> {
        if outcome.is_err() {
            let part = copy::part(to);
            let cleared = blocking(move || Ok(copy::remove(&part).map_err(BackupError::from)?)).await;
            if let Err(error) = cleared {
                tracing::warn!(%error, "what a failed copy left could not be removed");
            }
        }
        outcome
    }
}

fn nothing_is_kept(folder: &Path, wal: &Path, base: &Path) -> Result<Option<(u64, u64)>, CopiesError> {
    copy::remove(base).map_err(BackupError::from)?;
    for entry in fs::read_dir(wal).into_iter().flatten().flatten() {
        let path = entry.path();
        fs::remove_file(&path).map_err(|source| BackupError::Note { path, source })?;
    }
    backup::Marks::read(&folder.join("marks"))?.forget(u64::MAX)?;
    Ok(None)
}

fn check_version(backup: &Path, wanted: u32) -> Result<(), CopiesError> {
    match major_of(&backup.join("data"))? {
        found if found == wanted => Ok(()),
        found => Err(CopiesError::Version { found, wanted }),
    }
}

fn major_of(data: &Path) -> Result<u32, CopiesError> {
    let path = data.join("PG_VERSION");
    let text = fs::read_to_string(&path).map_err(|source| BackupError::Note { path, source })?;
    text.trim().parse().map_err(|_| BackupError::Answer { what: "PG_VERSION", answer: text }.into())
}

fn percent(progress: &Progress) -> impl FnMut(u64, u64) + Send + 'static {
    let (progress, mut last) = (progress.clone(), 0);
    move |done, all| {
        let percent = u8::try_from(done.saturating_mul(100) / all.max(1)).unwrap_or(100).min(100);
        if percent > last {
            last = percent;
            progress(percent);
        }
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopiesError> + Send + 'static,
) -> Result<T, CopiesError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| BackupError::Ended)?
}
