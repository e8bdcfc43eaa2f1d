//! One at a time: the lease of a stage, kept alive while it is held, and free by itself when its
//! owner dies. What can be done about it is decided in [`deploy_core::lease`].

use std::time::{Duration, Instant};

use aws::{CallError, Client};
use aws_model::Millis;
use deploy_core::lease::{HEARTBEAT, Lease, Move, next_move};
use deploy_core::release::Actor;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::StageError;
use crate::event::{Event, Events};
use crate::parameters;

/// Who wants a lease, and why.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// Who.
    pub by: Actor,
    /// What for, such as `deploy`.
    pub purpose: String,
    /// How long to wait while another deploy has it; none: not at all.
    pub patience: Option<Duration>,
}

/// A lease that is held. Dropped without [`Held::give_back`], it ends by itself.
#[derive(Debug)]
pub struct Held {
    client: Client,
    name: String,
    lease: Lease,
    heart: JoinHandle<()>,
    lost: watch::Receiver<Option<String>>,
}

/// Takes the lease of a stage.
///
/// # Errors
/// [`StageError::Locked`] when another deploy has it for longer than we want to wait.
pub async fn take(client: &Client, claim: &Claim, events: &Events) -> Result<Held, StageError> {
    let path = parameters::path(&claim.app, &claim.stage, "lease");
    let since = Instant::now();
    let mut told = None;
    loop {
        let found = newest(client, &path).await?;
        let is_gone = found.as_ref().is_some_and(|(lease, _)| is_gone(lease));
        match next_move(found.as_ref().map(|(lease, at)| (lease, *at)), client.now(), is_gone) {
            Move::Take(number) => {
                let lease = Lease {
                    number,
                    by: claim.by.clone(),
                    purpose: claim.purpose.clone(),
                    place: place(),
                    taken_at: client.now(),
                    released: false,
                };
                let name = name_of(&path, number);
                if parameters::create(client, &name, &written(&lease)).await? {
                    if let Some((old, _)) = found.filter(|(old, _)| !old.released) {
                        let who = holder(&old.by);
                        let message = format!("took over the lock of {who}, who left it behind ({})", old.purpose);
                        events.emit(Event::Warning { message });
                    }
                    return Ok(keep(client.clone(), path, name, lease));
                }
                // Another process was quicker: the next look says which.
            }
            Move::Wait { until } => {
                let (lease, _) = found.expect("only a lease that is there is waited for");
                let Some(patience) = claim.patience else { return Err(locked(claim, lease, until)) };
                if since.elapsed() >= patience {
                    return Err(locked(claim, lease, until));
                }
                if told != Some(lease.number) {
                    told = Some(lease.number);
                    let message = format!("waiting for {} ({})", holder(&lease.by), lease.purpose);
                    events.emit(Event::Warning { message });
                }
                tokio::time::sleep(Duration::from_millis(1_000).min(patience.saturating_sub(since.elapsed()))).await;
            }
        }
    }
}

/// Takes the lease of a stage; none where the endpoint keeps none, which is said.
///
/// # Errors
/// See [`StageError`].
pub async fn take_where_kept(client: &Client, claim: &Claim, events: &Events) -> Result<Option<Held>, StageError> {
    match take(client, claim, events).await {
        Ok(held) => Ok(Some(held)),
        Err(StageError::Call(error)) if error.is_unserved() => {
            let message = "the endpoint has no Parameter Store: the stage is not locked, and no release is recorded";
            events.emit(Event::Warning { message: message.to_owned() });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn locked(claim: &Claim, lease: Lease, until: Millis) -> StageError {
    StageError::Locked { stage: claim.stage.clone(), lease: Box::new(lease), until }
}

/// Returns who holds a lease, for people.
pub fn holder(by: &Actor) -> String {
    let host = if by.host.is_empty() { String::new() } else { format!(" on {}", by.host) };
    let pipeline = by.pipeline.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
    format!("{}{host}{pipeline}", by.user)
}

/// Returns the lease with the highest number, and when its owner touched it last.
///
/// # Errors
/// See [`CallError`].
async fn newest(client: &Client, path: &str) -> Result<Option<(Lease, Millis)>, CallError> {
    let found = parameters::below(client, path).await?;
    let read = found.into_iter().filter_map(|p| Some((serde_json::from_str::<Lease>(&p.value).ok()?, p.modified_at)));
    Ok(read.max_by_key(|(lease, _)| lease.number))
}

fn name_of(path: &str, number: u64) -> String {
    format!("{path}/{number:08}")
}

fn written(lease: &Lease) -> String {
    serde_json::to_string(lease).expect("a lease has text keys")
}

/// Starts the heart of a lease.
fn keep(client: Client, path: String, name: String, lease: Lease) -> Held {
    let (tell, lost) = watch::channel(None);
    let (beating, beat_name, beat_lease) = (client.clone(), name.clone(), lease.clone());
    let heart = tokio::spawn(async move {
        // Those before ours are of no use any more.
        if let Ok(old) = parameters::below(&beating, &path).await {
            let old: Vec<String> = old.into_iter().map(|p| p.name).filter(|name| *name < beat_name).collect();
            let _ = parameters::delete(&beating, &old).await;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(HEARTBEAT.unsigned_abs())).await;
            match newest(&beating, &path).await {
                Ok(Some((newer, _))) if newer.number > beat_lease.number => {
                    let _ = tell.send(Some(holder(&newer.by)));
                    return;
                }
                // The failure may pass before the lease ends; if it does not, another process
                // takes it, and the next look that works tells us so.
                Err(error) => tracing::debug!(%error, "no heartbeat"),
                Ok(_) => {
                    if let Err(error) = parameters::overwrite(&beating, &beat_name, &written(&beat_lease)).await {
                        tracing::debug!(%error, "no heartbeat");
                    }
                }
            }
        }
    });
    Held { client, name, lease, heart, lost }
}

impl Held {
    /// Refuses to go on once another deploy has the lease.
    ///
    /// # Errors
    /// [`StageError::LeaseLost`].
    pub fn check(&self) -> Result<(), StageError> {
        match &*self.lost.borrow() {
            Some(to) => Err(StageError::LeaseLost { to: to.clone() }),
            None => Ok(()),
        }
    }

    /// Gives the lease back. When that fails it ends by itself.
    pub async fn give_back(self) {
        self.heart.abort();
        if self.check().is_ok() {
            let lease = Lease { released: true, ..self.lease.clone() };
            let _ = parameters::overwrite(&self.client, &self.name, &written(&lease)).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// Returns a text that names this kernel's life and this process's namespace of process ids: with
/// a process id it names one process, wherever containers have the same host name.
fn place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), namespace.display())
}

/// Whether a lease's owner ran where we run, and is no more.
fn is_gone(lease: &Lease) -> bool {
    let here = !lease.place.is_empty() && lease.place == place() && lease.by.pid != 0;
    here && !std::path::Path::new(&format!("/proc/{}", lease.by.pid)).exists()
}
