//! Why a stage could not be changed: deployed, rolled back, scaled, promoted or taken down.

use std::io;
use std::path::PathBuf;

use aws::CallError;
use aws_model::Millis;
use deploy_core::desired::DesiredError;
use deploy_core::lease::Lease;
use deploy_core::plan::Risk;
use deploy_core::plan::database::DatabaseError;
use deploy_core::plan::discovery::DiscoverError;
use deploy_core::vars::dotenv::DotenvError;

use crate::build::BuildError;
use crate::gate::GateError;
use crate::vars::secret::SecretError;
use crate::watch::{End, Loss};

/// Why a stage could not be changed: deployed, rolled back, scaled, promoted or taken down.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An image could not be built or pushed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The gate of a schedule cannot be had.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The manifest has no answer for this stage.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// The stage's secret could not be changed.
    #[error(transparent)]
    Secret(SecretError),
    /// Databases cannot be what the manifest says.
    #[error(transparent)]
    Databases(#[from] DatabaseError),
    /// A database is in a state in which nothing can be done with it.
    #[error("database instance `{instance}` is {status}")]
    DatabaseState {
        /// Its identifier.
        instance: String,
        /// DBInstanceStatus.
        status: String,
    },
    /// The secret of a database that managr is to make has no password.
    #[error("the secret `{secret}` of database `{name}` has no `password` to make it with")]
    DatabaseSecret {
        /// Name in the manifest.
        name: String,
        /// Name of the secret.
        secret: String,
    },
    /// Secrets have no value from anywhere.
    #[error("the secret `{secret}` has no value for {}", keys.join(", "))]
    SecretsMissing {
        /// Name in Secrets Manager.
        secret: String,
        /// Keys without a value.
        keys: Vec<String>,
        /// The stage's dotenv file, if it names one.
        file: Option<String>,
    },
    /// Everything runs, but requests cannot reach it.
    #[error("load balancer `{name}` cannot take requests: {reason}")]
    Impaired {
        /// Its name.
        name: String,
        /// The platform's words.
        reason: String,
    },
    /// A plan would lose traffic or protection, and that was not allowed.
    #[error("{}; nothing was changed", risky(risks))]
    Risks {
        /// What it would cost.
        risks: Vec<Risk>,
    },
    /// Everything runs, and no request gets there.
    #[error("{}: {}", risk.place, risk.words)]
    Unreached {
        /// Why.
        risk: Risk,
    },
    /// The dotenv file could not be read.
    #[error("could not read the secrets file {}", path.display())]
    SecretsFile {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The dotenv file holds something else.
    #[error("line {} of the secrets file {} {}", source.line, path.display(), source.fault)]
    SecretsLine {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        source: DotenvError,
    },
    /// The machine has no randomness for a generated secret.
    #[error("no random numbers for a generated secret: {reason}")]
    Random {
        /// The system's words.
        reason: String,
    },
    /// A resource that must be there is not in the answer.
    #[error("{operation} answered without {member}")]
    Incomplete {
        /// Operation called.
        operation: &'static str,
        /// What is missing.
        member: &'static str,
    },
    /// Services did not come up.
    #[error("{}", lost(losses))]
    Lost {
        /// Why, service by service.
        losses: Vec<Loss>,
    },
    /// A release command did not do its work. Services come after it: none was changed.
    #[error("{}; no service was changed", release_command(loss))]
    ReleaseCommand {
        /// How it ended; its service is the family that it ran from.
        loss: Box<Loss>,
    },
    /// The credentials are of another account than the manifest insists on.
    #[error("the credentials are of account {account}, and the stage belongs to {expected}")]
    OtherAccount {
        /// What the manifest says.
        expected: String,
        /// What the credentials are of.
        account: String,
    },
    /// An image that may not be built is not in the registry.
    #[error("image `{image}`: there is no {repository}:{tag} in the registry")]
    ImageMissing {
        /// Name in the manifest.
        image: String,
        /// Repository.
        repository: String,
        /// Tag.
        tag: String,
    },
    /// A release command's container is not in the task definition.
    #[error("the task definition has no container `{container}` for the release command")]
    NoReleaseContainer {
        /// The container.
        container: String,
    },
    /// ECS placed no task.
    #[error("the release command could not be started: {reason}")]
    NotPlaced {
        /// In ECS's words.
        reason: String,
    },
    /// EventBridge refused a target.
    #[error("schedule `{schedule}` could not be set: {reason}")]
    Schedule {
        /// The rule.
        schedule: String,
        /// In EventBridge's words.
        reason: String,
    },
    /// Services cannot be found by the names that the manifest says.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// Cloud Map did not do what it had said it would.
    #[error("Cloud Map's {operation} failed: {reason}")]
    Names {
        /// What was asked for.
        operation: &'static str,
        /// In its words.
        reason: String,
    },
    /// A plan names something that none of its steps makes.
    #[error("the plan is not complete: nothing in it makes `{token}`")]
    Token {
        /// The name.
        token: String,
    },
    /// Another deploy changes the stage.
    #[error("stage `{stage}` is locked")]
    Locked {
        /// Stage.
        stage: String,
        /// Who has it.
        lease: Box<Lease>,
        /// When it ends by itself, in milliseconds since the epoch.
        until: Millis,
    },
    /// Another deploy took the stage in the meantime.
    #[error("the stage's lock was lost to {to}; nothing more is done")]
    LeaseLost {
        /// Who has it.
        to: String,
    },
    /// The number of tasks belongs to an autoscaler.
    #[error("the number of tasks of `{service}` belongs to an autoscaler")]
    Scaled {
        /// Service.
        service: String,
    },
    /// Scaling would not leave a service so many tasks.
    #[error("service `{service}` is scaled between {min} and {max} tasks, and {count} are out of these bounds")]
    OutOfBounds {
        /// Service.
        service: String,
        /// Tasks that were asked for.
        count: u32,
        /// Fewest tasks.
        min: u64,
        /// Most tasks.
        max: u64,
    },
    /// A service is not there.
    #[error("there is no service `{service}` in cluster `{cluster}`")]
    NoService {
        /// Service.
        service: String,
        /// Cluster.
        cluster: String,
    },
    /// A controller other than ECS replaces the tasks of a service.
    #[error("service {service}: {words}")]
    OthersController {
        /// Service.
        service: String,
        /// Who, and what ECS refuses.
        words: String,
        /// What can be done about it.
        remedy: String,
    },
    /// A service that was deleted is still stopping its tasks.
    #[error("service `{service}` is still stopping the tasks of its last life")]
    Draining {
        /// Service.
        service: String,
    },
    /// Tasks did not stop in time.
    #[error("{count} tasks of service `{service}` did not stop in time")]
    NotStopped {
        /// Service.
        service: String,
        /// Tasks that still run.
        count: usize,
    },
}

fn risky(risks: &[Risk]) -> String {
    let mut names: Vec<&str> = risks.iter().map(|risk| risk.kind.name()).collect();
    names.dedup();
    format!("the plan would lose traffic or protection ({})", names.join(", "))
}

fn lost(losses: &[Loss]) -> String {
    let names: Vec<String> = losses.iter().map(|loss| format!("`{}`", loss.service)).collect();
    let (word, was, is) = if names.len() == 1 { ("service", "was", "is") } else { ("services", "were", "are") };
    let all = |end: End| losses.iter().all(|loss| loss.end == end);
    let how = match () {
        () if all(End::RolledBack) => format!("{was} rolled back"),
        () if all(End::TimedOut) => format!("{is} not steady yet"),
        () if all(End::Superseded) => format!("{was} replaced by another deployment"),
        () => "did not come up".to_owned(),
    };
    format!("{word} {} {how}", names.join(", "))
}

fn release_command(loss: &Loss) -> String {
    let how =
        if loss.end == End::TimedOut { "was still running when its time was over, and was stopped" } else { "failed" };
    format!("release command `{}` {how}", loss.service)
}

impl From<SecretError> for StageError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Call(error) => Self::Call(error),
            other => Self::Secret(other),
        }
    }
}
