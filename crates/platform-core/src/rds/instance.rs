//! What is kept of an instance, and which of RDS's states it is in.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use super::work::{Facts, Kind};
use crate::world::Record;

/// A DB instance. It is found by its resource id, since its identifier may be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its region.
    pub region: String,
    /// DbiResourceId.
    pub resource: String,
    /// DBInstanceIdentifier.
    pub id: String,
    /// The number of the work that is under way or comes next.
    pub turn: u64,
    /// What is to be done, in order. The first is under way.
    pub queue: Vec<Kind>,
    /// What it is while nothing is to be done.
    pub rest: Rest,
    /// Why it is so, where something failed.
    #[serde(default)]
    pub why: Option<String>,
    /// How far the work is.
    #[serde(default)]
    pub percent: Option<u8>,
    /// When it was made.
    pub created_at: Millis,
    /// What was asked for.
    pub shape: Shape,
    /// What a restart, or a window for maintenance, would change: members of RDS's `PendingModifiedValues`.
    #[serde(default)]
    pub pending: BTreeMap<String, serde_json::Value>,
    /// Parameters were changed that wait for a reboot.
    #[serde(default)]
    pub reboot_pending: bool,
    /// What is known of the one that runs.
    #[serde(default)]
    pub facts: Facts,
    /// The first and the last time that can be restored.
    #[serde(default)]
    pub restorable: Option<(Millis, Millis)>,
    /// When it stopped, in milliseconds since 1970.
    #[serde(default)]
    pub stopped_at: Option<Millis>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What was asked for, and is carried to snapshots and from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// EngineVersion.
    pub version: String,
    /// DBInstanceClass.
    pub class: String,
    /// AllocatedStorage, in GiB.
    pub storage: u32,
    /// StorageType.
    pub storage_type: String,
    /// Iops, if said.
    #[serde(default)]
    pub iops: Option<u32>,
    /// StorageThroughput, if said.
    #[serde(default)]
    pub throughput: Option<u32>,
    /// MaxAllocatedStorage, if said.
    #[serde(default)]
    pub max_storage: Option<u32>,
    /// The master user.
    pub user: String,
    /// Its password as PostgreSQL keeps it.
    pub verifier: String,
    /// The ARN of the secret that holds the password, where RDS manages it.
    #[serde(default)]
    pub secret: Option<String>,
    /// The key of that secret.
    #[serde(default)]
    pub secret_key: Option<String>,
    /// DBName.
    #[serde(default)]
    pub database: Option<String>,
    /// The port.
    pub port: u16,
    /// BackupRetentionPeriod, in days.
    pub retention_days: u32,
    /// PreferredBackupWindow.
    pub backup_window: String,
    /// PreferredMaintenanceWindow.
    pub maintenance_window: String,
    /// The parameter group's name.
    pub parameter_group: String,
    /// The option group's name.
    pub option_group: String,
    /// The subnet group's name.
    #[serde(default)]
    pub subnet_group: Option<String>,
    /// Security groups.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// The zone.
    pub zone: String,
    /// What is on or off.
    #[serde(default)]
    pub flags: Flags,
    /// What is only described, by the names of DescribeDBInstances.
    #[serde(default)]
    pub described: BTreeMap<String, serde_json::Value>,
}

/// What is on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are RDS's, each with a name of its own")]
pub struct Flags {
    /// MultiAZ.
    pub multi_az: bool,
    /// PubliclyAccessible.
    pub public: bool,
    /// StorageEncrypted.
    pub encrypted: bool,
    /// DeletionProtection.
    pub protected: bool,
    /// CopyTagsToSnapshot.
    pub copy_tags: bool,
    /// AutoMinorVersionUpgrade.
    pub minor_upgrades: bool,
    /// EnableIAMDatabaseAuthentication.
    pub iam: bool,
}

/// What an instance is while nothing is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rest {
    /// It runs.
    Available,
    /// It was stopped.
    Stopped,
    /// It died and is started again.
    Recovering,
    /// It does not work.
    Failed,
    /// Its disk is full.
    StorageFull,
    /// It does not start with its parameters.
    IncompatibleParameters,
    /// What it was made of could not be restored.
    IncompatibleRestore,
}

impl Record for Instance {
    const TABLE: &'static str = "rds.instances";

    fn region(&self) -> &str {
        &self.region
    }

    #[expect(clippy::misnamed_getters, reason = "a record is found by its resource id, and `id` is RDS's identifier")]
    fn id(&self) -> &str {
        &self.resource
    }
}

impl Instance {
    /// Returns DBInstanceStatus (RDS user guide, "Viewing Amazon RDS DB instance status").
    pub fn status(&self) -> &'static str {
        if self.queue.contains(&Kind::Delete) {
            return "deleting";
        }
        match self.queue.first() {
            Some(Kind::Create { .. }) => "creating",
            Some(Kind::Start) => "starting",
            Some(Kind::Stop) => "stopping",
            Some(Kind::Reboot) => "rebooting",
            Some(Kind::Snapshot { .. }) => "backing-up",
            Some(Kind::Apply { .. }) => "modifying",
            Some(Kind::Delete) => "deleting",
            None => match self.rest {
                Rest::Available => "available",
                Rest::Stopped => "stopped",
                Rest::Recovering => "rebooting",
                Rest::Failed => "failed",
                Rest::StorageFull => "storage-full",
                Rest::IncompatibleParameters => "incompatible-parameters",
                Rest::IncompatibleRestore => "incompatible-restore",
            },
        }
    }

    /// Returns whether PostgreSQL should run, whatever is under way.
    pub fn should_run(&self) -> bool {
        let made = !matches!(self.queue.first(), Some(Kind::Create { .. } | Kind::Start | Kind::Delete));
        made && !matches!(self.rest, Rest::Stopped | Rest::Failed | Rest::IncompatibleRestore)
    }

    /// Returns the major version.
    pub fn major(&self) -> u32 {
        major(&self.shape.version)
    }
}

/// Returns a version's major number; 0 for what is none.
pub(crate) fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
