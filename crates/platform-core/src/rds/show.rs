//! Instances and snapshots as RDS describes them.

use aws_model::seconds;
use serde_json::{Map, Value, json};

use super::input::tag_list;
use super::instance::{Instance, Rest};
use super::settings::endpoint;
use super::snapshot::Snapshot;
use super::subnet_groups;
use super::work::Kind;
use crate::{Cx, World};

/// The authority of the platform's certificates, as DescribeCertificates names it.
pub(super) const AUTHORITY: &str = "rds-ca-rsa2048-g1";

/// Returns what DescribeDBInstances says of an instance.
pub(super) fn instance(world: &World, cx: &Cx<'_>, instance: &Instance) -> Value {
    let shape = &instance.shape;
    let flags = &shape.flags;
    let groups = shape.security_groups.iter().map(|id| json!({"VpcSecurityGroupId": id, "Status": "active"}));
    let applied = if instance.reboot_pending { "pending-reboot" } else { "in-sync" };
    let mut out = json!({
        "DBInstanceIdentifier": instance.id,
        "DbiResourceId": instance.resource,
        "DBInstanceArn": cx.arn("rds", &format!("db:{}", instance.id)),
        "DBInstanceClass": shape.class,
        "DBInstanceStatus": instance.status(),
        "Engine": "postgres",
        "EngineVersion": shape.version,
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "LicenseModel": "postgresql-license",
        "MasterUsername": shape.user,
        "AllocatedStorage": shape.storage,
        "StorageType": shape.storage_type,
        "StorageEncrypted": flags.encrypted,
        "InstanceCreateTime": seconds(instance.created_at),
        "PreferredBackupWindow": shape.backup_window,
        "PreferredMaintenanceWindow": shape.maintenance_window,
        "BackupRetentionPeriod": shape.retention_days,
        "BackupTarget": "region",
        "DBSecurityGroups": [],
        "VpcSecurityGroups": groups.collect::<Vec<_>>(),
        "DBParameterGroups": [
            {"DBParameterGroupName": shape.parameter_group, "ParameterApplyStatus": applied}
        ],
        "OptionGroupMemberships": [{"OptionGroupName": shape.option_group, "Status": "in-sync"}],
        "AvailabilityZone": shape.zone,
    });
    let more = json!({
        "PendingModifiedValues": Value::Object(instance.pending.clone().into_iter().collect()),
        "MultiAZ": flags.multi_az,
        "PubliclyAccessible": flags.public,
        "AutoMinorVersionUpgrade": flags.minor_upgrades,
        "ReadReplicaDBInstanceIdentifiers": [],
        "DbInstancePort": 0,
        "CACertificateIdentifier": AUTHORITY,
        "DomainMemberships": [],
        "CopyTagsToSnapshot": flags.copy_tags,
        "MonitoringInterval": 0,
        "IAMDatabaseAuthenticationEnabled": flags.iam,
        "PerformanceInsightsEnabled": false,
        "DeletionProtection": flags.protected,
        "AssociatedRoles": [],
        "TagList": tag_list(&instance.tags),
        "CustomerOwnedIpEnabled": false,
        "NetworkType": "IPV4",
        "ActivityStreamStatus": "stopped",
        "DedicatedLogVolume": false,
    });
    let (Some(members), Value::Object(more)) = (out.as_object_mut(), more) else { return out };
    members.extend(more);
    for (name, value) in &shape.described {
        if name != "Hash" {
            members.insert(name.clone(), value.clone());
        }
    }
    optional(world, cx, instance, members);
    out
}

fn optional(world: &World, cx: &Cx<'_>, instance: &Instance, members: &mut Map<String, Value>) {
    let shape = &instance.shape;
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    put("DBName", shape.database.clone().map(Value::from));
    put("Iops", shape.iops.map(Value::from));
    put("StorageThroughput", shape.throughput.map(Value::from));
    put("MaxAllocatedStorage", shape.max_storage.map(Value::from));
    put("DBSubnetGroup", shape.subnet_group.as_deref().and_then(|name| subnet_groups::shown(world, cx, name)));
    let is_made = !matches!(instance.queue.first(), Some(Kind::Create { .. }))
        && !matches!(instance.rest, Rest::Failed | Rest::IncompatibleRestore);
    let reached = json!({"Address": endpoint(instance), "Port": shape.port, "HostedZoneId": "ZLOCALHOST"});
    put("Endpoint", is_made.then_some(reached));
    // Where the machine itself reaches it: the member is RDS's, for a second way to the same instance.
    let local = instance.facts.local_port.map(|port| json!({"Address": "127.0.0.1", "Port": port}));
    put("ListenerEndpoint", local);
    put("LatestRestorableTime", instance.restorable.map(|(_, to)| seconds(to)));
    put("PercentProgress", instance.percent.map(|percent| percent.to_string().into()));
    // "Amazon RDS automatically starts it again after seven days" (user guide, "Stopping an Amazon RDS DB instance"): here
    // a stopped one stays so.
    let secret = shape.secret.as_ref().map(|arn| {
        let status = if is_made { "active" } else { "creating" };
        let mut secret = json!({"SecretArn": arn, "SecretStatus": status});
        if let Some(key) = &shape.secret_key {
            secret["KmsKeyId"] = key.clone().into();
        }
        secret
    });
    put("MasterUserSecret", secret);
    let status = instance
        .why
        .as_ref()
        .map(|why| json!([{"StatusType": "operation", "Normal": false, "Status": instance.status(), "Message": why}]));
    put("StatusInfos", status);
}

/// Returns what DescribeDBSnapshots says of a snapshot.
pub(super) fn snapshot(world: &World, cx: &Cx<'_>, snapshot: &Snapshot) -> Value {
    let shape = &snapshot.shape;
    let mut out = json!({
        "DBSnapshotIdentifier": snapshot.id,
        "DBSnapshotArn": cx.arn("rds", &format!("snapshot:{}", snapshot.id)),
        "DBInstanceIdentifier": snapshot.instance,
        "DbiResourceId": snapshot.instance_resource,
        "InstanceCreateTime": seconds(snapshot.instance_created_at),
        "SnapshotCreateTime": seconds(snapshot.created_at),
        "OriginalSnapshotCreateTime": seconds(snapshot.original_at),
        "SnapshotDatabaseTime": seconds(snapshot.original_at),
        "SnapshotType": if snapshot.automated { "automated" } else { "manual" },
        "SnapshotTarget": "region",
        "Status": snapshot.status,
        "PercentProgress": snapshot.percent,
        "Engine": "postgres",
        "EngineVersion": shape.version,
        "LicenseModel": "postgresql-license",
        "AllocatedStorage": shape.storage,
        "StorageType": shape.storage_type,
        "Port": shape.port,
        "AvailabilityZone": shape.zone,
        "VpcId": subnet_groups::vpc_of(world, cx, shape.subnet_group.as_deref()),
        "MasterUsername": shape.user,
        "OptionGroupName": shape.option_group,
        "Encrypted": shape.flags.encrypted,
        "IAMDatabaseAuthenticationEnabled": shape.flags.iam,
        "ProcessorFeatures": [],
        "TagList": tag_list(&snapshot.tags),
        "DedicatedLogVolume": false,
    });
    if snapshot.facts.bytes > 0 {
        out["FullSnapshotSizeInBytes"] = snapshot.facts.bytes.into();
    }
    if let Some(source) = &snapshot.source {
        out["SourceDBSnapshotIdentifier"] = source.clone().into();
        out["SourceRegion"] = cx.region.into();
    }
    for name in ["Iops", "StorageThroughput"] {
        let value = if name == "Iops" { shape.iops } else { shape.throughput };
        if let Some(value) = value {
            out[name] = value.into();
        }
    }
    if let Some(key) = shape.described.get("KmsKeyId") {
        out["KmsKeyId"] = key.clone();
    }
    out
}
