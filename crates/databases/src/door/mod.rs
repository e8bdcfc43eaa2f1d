//! Answers the operations of RDS that need a password, a secret or a file; the world answers them further.
//!
//! Past this door there is no password: what the world sees, and keeps, is a verifier.

mod logs;
mod passwords;

use aws_model::{Answer, Answering, AwsError, Call, Door};
use orchestrator::{CallCx, Handle};
use platform_core::rds::instance::Instance;
use secrets::Secrets;

use crate::run::Places;

/// The door of RDS for what the world alone cannot answer.
pub struct Rds<D> {
    handle: Handle,
    secrets: Secrets,
    /// Where databases write their logs; none where none runs.
    places: Option<Places>,
    world: D,
}

/// Those that carry a password, or may ask for a managed one.
const PASSWORDS: [&str; 5] = [
    "CreateDBInstance",
    "DeleteDBInstance",
    "ModifyDBInstance",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceToPointInTime",
];

impl<D: Door> Rds<D> {
    /// Makes the door before the world's, which answers the operations with passwords once those are verifiers.
    pub fn new(handle: Handle, secrets: Secrets, places: Option<Places>, world: D) -> Self {
        Self { handle, secrets, places, world }
    }

    async fn answer(&self, call: Call) -> Result<Answer, AwsError> {
        match call.operation.name() {
            "DescribeDBLogFiles" => logs::describe(self, &call).await,
            "DownloadDBLogFilePortion" => logs::download(self, &call).await,
            "DeleteDBInstance" => passwords::delete(self, call).await,
            _ => passwords::make(self, call).await,
        }
    }

    /// Finds an instance by its identifier, or by its ARN.
    fn find(&self, call: &Call) -> Result<Instance, AwsError> {
        let name = call.input.get("DBInstanceIdentifier").and_then(serde_json::Value::as_str).unwrap_or_default();
        let id = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
        let cx = CallCx { region: call.region.clone(), access_key: call.access_key.clone() };
        self.handle.answer(&cx, |world, cx| {
            let found = world.records.all::<Instance>(cx.region).find(|instance| instance.id == id);
            found.ok_or_else(|| AwsError::new("DBInstanceNotFound", format!("DBInstance {id} not found.")))
        })
    }
}

impl<D: Door> Door for Rds<D> {
    fn operations(&self) -> Vec<&'static str> {
        PASSWORDS.into_iter().chain(["DescribeDBLogFiles", "DownloadDBLogFilePortion"]).collect()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(self.answer(call))
    }
}
