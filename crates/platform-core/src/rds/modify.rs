//! Changing an instance: at once, or kept as pending until its maintenance or until a change that is made at once.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::create::{SECRET, event_of, order, settle, verifier};
use super::input::{self, combination, done, flag, identifier, state, text};
use super::instance::{Instance, Rest, Shape, major};
use super::work::Kind;
use super::{show, versions};
use crate::{Change, Cx, Input, Outcome, World};

/// What waits for the maintenance window unless ApplyImmediately (user guide, "Settings for DB instances": those whose
/// change is not made at once), by the input's name and that of `PendingModifiedValues`.
const WAITS: &[(&str, &str)] = &[
    ("DBInstanceClass", "DBInstanceClass"),
    ("AllocatedStorage", "AllocatedStorage"),
    ("EngineVersion", "EngineVersion"),
    ("MultiAZ", "MultiAZ"),
    ("StorageType", "StorageType"),
    ("Iops", "Iops"),
    ("StorageThroughput", "StorageThroughput"),
    ("BackupRetentionPeriod", "BackupRetentionPeriod"),
    ("NewDBInstanceIdentifier", "DBInstanceIdentifier"),
    ("DBPortNumber", "Port"),
    ("EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled"),
];

/// ModifyDBInstance.
pub(super) fn modify(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut instance = input::instance(world, cx, &input)?;
    let status = instance.status();
    let is_ready = instance.queue.is_empty()
        && matches!(
            instance.rest,
            Rest::Available | Rest::Stopped | Rest::StorageFull | Rest::IncompatibleParameters | Rest::Recovering
        );
    // Protection is a word in the books: it may change while something else is under way, so that Terraform can delete.
    let only_protects = input.keys().all(|name| {
        ["DBInstanceIdentifier", "DeletionProtection", "ApplyImmediately", "CopyTagsToSnapshot"]
            .contains(&name.as_str())
    });
    if !is_ready && (!only_protects || status == "deleting") {
        return Err(state(format!("Database instance is not in available state: {} is {status}.", instance.id)));
    }
    let now = flag(&input, "ApplyImmediately").unwrap_or(false);
    let mut asked = input;
    if now {
        // "any pending modifications are applied as well" (user guide, "Using the schedule modifications setting").
        for (name, kept) in WAITS {
            if let Some(value) = instance.pending.remove(*kept) {
                asked.entry(*name).or_insert(value);
            }
        }
    }
    // Everything is held against what there is, whenever it is done.
    let mut wanted = instance.shape.clone();
    settle(world, cx, &asked, &mut wanted)?;
    check_storage(&instance.shape, &wanted)?;
    if let Some(version) = text(&asked, "EngineVersion") {
        wanted.version = version_of(&instance.shape.version, version)?;
    }
    let renamed = renamed(world, cx, &asked, &instance)?;
    if let Some(verifier) = verifier(&asked)? {
        wanted.verifier = verifier;
    }
    secret(&asked, &mut wanted)?;
    if !now {
        keep_pending(&asked, &mut instance, &mut wanted);
    } else if let Some(name) = renamed {
        instance.id = name;
    }
    apply(world, cx, instance, wanted)
}

fn secret(input: &Input, wanted: &mut Shape) -> Result<(), AwsError> {
    match flag(input, "ManageMasterUserPassword") {
        Some(true) => {
            if let Some(arn) = text(input, SECRET) {
                wanted.secret = Some(arn.to_owned());
            }
            if let Some(key) = text(input, "MasterUserSecretKmsKeyId") {
                wanted.secret_key = Some(key.to_owned());
            }
        }
        Some(false) => {
            if wanted.secret.is_some() && text(input, "MasterUserPassword").is_none() {
                return Err(combination(
                    "MasterUserPassword must be provided when ManageMasterUserPassword is turned off",
                ));
            }
            (wanted.secret, wanted.secret_key) = (None, None);
        }
        None if wanted.secret.is_some()
            && text(input, "MasterUserPassword").is_some()
            && text(input, SECRET).is_none() =>
        {
            return Err(combination(
                "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
            ));
        }
        None => {}
    }
    Ok(())
}

fn check_storage(has: &Shape, wanted: &Shape) -> Result<(), AwsError> {
    // User guide, "Increasing DB instance storage capacity": storage can't be reduced; an increase is of 10 % at least.
    if wanted.storage < has.storage {
        return Err(combination(format!("Invalid storage size: storage cannot be reduced from {} GiB", has.storage)));
    }
    if wanted.storage > has.storage && u64::from(wanted.storage) * 10 < u64::from(has.storage) * 11 {
        return Err(combination(format!(
            "Invalid storage size: an increase must be of at least 10 percent of {} GiB",
            has.storage
        )));
    }
    Ok(())
}

/// Returns the version that is asked for. Data of one major version is of no use to another.
fn version_of(has: &str, asked: &str) -> Result<String, AwsError> {
    let Some(meant) = versions::meant(asked) else {
        return Err(combination(format!("Cannot find version {asked} for postgres")));
    };
    if major(&meant) != major(has) {
        return Err(combination(format!(
            "Cannot upgrade postgres from {has} to {asked} here: major versions are not upgraded in place. Dump the \
             database, and restore it into an instance of version {asked}"
        )));
    }
    // `16` is whichever of 16 there is; the minor version that runs is the image's.
    let is_major = !asked.contains('.');
    Ok(if is_major { has.to_owned() } else { meant })
}

fn renamed(world: &World, cx: &Cx<'_>, input: &Input, instance: &Instance) -> Result<Option<String>, AwsError> {
    if text(input, "NewDBInstanceIdentifier").is_none() {
        return Ok(None);
    }
    let name = identifier(input, "NewDBInstanceIdentifier", 63)?;
    if name != instance.id && world.records.all::<Instance>(cx.region).any(|known| known.id == name) {
        return Err(AwsError::new("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    Ok(Some(name))
}

/// Puts aside what waits, and takes it out of what is done now.
fn keep_pending(input: &Input, instance: &mut Instance, wanted: &mut Shape) {
    let has = &instance.shape;
    let mut keep = |name: &str, kept: &str, differs: bool| {
        if let Some(value) = input.get(name) {
            if differs {
                instance.pending.insert(kept.to_owned(), value.clone());
            } else {
                instance.pending.remove(kept);
            }
        }
    };
    for (name, kept) in WAITS {
        let differs = match *name {
            "DBInstanceClass" => wanted.class != has.class,
            "AllocatedStorage" => wanted.storage != has.storage,
            "EngineVersion" => wanted.version != has.version,
            "MultiAZ" => wanted.flags.multi_az != has.flags.multi_az,
            "StorageType" => wanted.storage_type != has.storage_type,
            "Iops" => wanted.iops != has.iops,
            "StorageThroughput" => wanted.throughput != has.throughput,
            "BackupRetentionPeriod" => wanted.retention_days != has.retention_days,
            "NewDBInstanceIdentifier" => text(input, name) != Some(instance.id.as_str()),
            "DBPortNumber" => wanted.port != has.port,
            _ => wanted.flags.iam != has.flags.iam,
        };
        keep(name, kept, differs);
    }
    wanted.class.clone_from(&has.class);
    wanted.storage = has.storage;
    wanted.version.clone_from(&has.version);
    wanted.flags.multi_az = has.flags.multi_az;
    wanted.storage_type.clone_from(&has.storage_type);
    wanted.iops = has.iops;
    wanted.throughput = has.throughput;
    wanted.retention_days = has.retention_days;
    wanted.port = has.port;
    wanted.flags.iam = has.flags.iam;
}

/// Whether whoever runs the instance has anything to do for a change, and whether PostgreSQL restarts for it.
fn work_for(has: &Shape, wanted: &Shape) -> Option<bool> {
    let restart = has.class != wanted.class || has.port != wanted.port || has.version != wanted.version
        // Archiving is switched on and off by a restart (PostgreSQL's documentation: archive_mode).
        || (has.retention_days == 0) != (wanted.retention_days == 0);
    let differs = restart
        || has.verifier != wanted.verifier
        || has.storage != wanted.storage
        || has.retention_days != wanted.retention_days
        || has.parameter_group != wanted.parameter_group
        || has.flags.iam != wanted.flags.iam;
    differs.then_some(restart)
}

fn apply(world: &World, cx: &mut Cx<'_>, mut instance: Instance, wanted: Shape) -> Result<Outcome, AwsError> {
    let known: Option<Instance> = world.records.get(cx.region, &instance.resource);
    let is_renamed = known.is_some_and(|known| known.id != instance.id);
    let work = work_for(&instance.shape, &wanted).or(is_renamed.then_some(false));
    if instance.shape.parameter_group != wanted.parameter_group {
        // "the static parameter changes are applied after a reboot": another group is `pending-reboot` (user guide,
        // "Parameter groups").
        instance.reboot_pending = true;
    }
    instance.shape = wanted;
    let mut changes = Vec::new();
    if let Some(restart) = work {
        order(&mut instance, Kind::Apply { restart });
        changes = event_of(world, cx, &instance, "configuration change", "Applying modification to DB instance");
    }
    changes.push(Change::put(&instance));
    Ok(done(json!({"DBInstance": show::instance(world, cx, &instance)}), changes))
}

/// StartDBInstance.
pub(super) fn start(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let instance = input::instance(world, cx, &input)?;
    if !instance.queue.is_empty() || instance.rest != Rest::Stopped {
        return Err(state(format!("Instance {} is not stopped: it is {}.", instance.id, instance.status())));
    }
    begin(world, cx, instance, vec![Kind::Start])
}

/// StopDBInstance, with a snapshot before if one is named.
pub(super) fn stop(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let instance = input::instance(world, cx, &input)?;
    if !instance.queue.is_empty() || !matches!(instance.rest, Rest::Available | Rest::StorageFull) {
        return Err(state(format!("Instance {} is not in available state: it is {}.", instance.id, instance.status())));
    }
    let Some(name) = text(&input, "DBSnapshotIdentifier") else { return begin(world, cx, instance, vec![Kind::Stop]) };
    let mut named = Input::new();
    named.insert("DBSnapshotIdentifier".to_owned(), Value::from(name));
    let snapshot = super::snapshots::new(world, cx, &named, "DBSnapshotIdentifier", &instance)?;
    let kinds = vec![Kind::Snapshot { snapshot: snapshot.resource.clone() }, Kind::Stop];
    let mut outcome = begin(world, cx, instance, kinds)?;
    outcome.changes.push(Change::put(&snapshot));
    Ok(outcome)
}

/// RebootDBInstance.
pub(super) fn reboot(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let instance = input::instance(world, cx, &input)?;
    if flag(&input, "ForceFailover") == Some(true) && !instance.shape.flags.multi_az {
        return Err(combination("Reboot With Failover can only be used with a Multi-AZ instance"));
    }
    let is_up = matches!(
        instance.rest,
        Rest::Available | Rest::StorageFull | Rest::IncompatibleParameters | Rest::Recovering | Rest::Failed
    );
    if !instance.queue.is_empty() || !is_up {
        return Err(state(format!("Instance {} cannot be rebooted: it is {}.", instance.id, instance.status())));
    }
    begin(world, cx, instance, vec![Kind::Reboot])
}

/// DeleteDBInstance.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let instance = input::instance(world, cx, &input)?;
    if instance.shape.flags.protected {
        return Err(combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    if instance.status() == "deleting" {
        return Err(state(format!("Instance {} is already being deleted.", instance.id)));
    }
    let skips = flag(&input, "SkipFinalSnapshot").unwrap_or(false);
    let name = text(&input, "FinalDBSnapshotIdentifier");
    if skips {
        if name.is_some() {
            return Err(combination("FinalDBSnapshotIdentifier can't be specified if SkipFinalSnapshot is true."));
        }
        return begin(world, cx, instance, vec![Kind::Delete]);
    }
    if name.is_none() {
        return Err(combination("FinalDBSnapshotIdentifier is required when SkipFinalSnapshot is false."));
    }
    let can_be_saved = instance.queue.is_empty()
        && matches!(instance.rest, Rest::Available | Rest::Stopped | Rest::StorageFull | Rest::Recovering);
    if !can_be_saved {
        return Err(state(format!(
            "Cannot create a snapshot because the database instance {} is not currently in the available state.",
            instance.id
        )));
    }
    let snapshot = super::snapshots::new(world, cx, &input, "FinalDBSnapshotIdentifier", &instance)?;
    let kinds = vec![Kind::Snapshot { snapshot: snapshot.resource.clone() }, Kind::Delete];
    let mut outcome = begin(world, cx, instance, kinds)?;
    outcome.changes.push(Change::put(&snapshot));
    Ok(outcome)
}

fn begin(world: &World, cx: &Cx<'_>, mut instance: Instance, kinds: Vec<Kind>) -> Result<Outcome, AwsError> {
    instance.queue.extend(kinds);
    Ok(done(json!({"DBInstance": show::instance(world, cx, &instance)}), vec![Change::put(&instance)]))
}

/// DescribeDBInstances.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    // API reference, DescribeDBInstances, Filters.
    let known = ["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"];
    let filters = input::filters(input, &known)?;
    let has = |instance: &Instance| {
        filters.iter().all(|(name, values)| {
            values.iter().any(|value| match *name {
                "db-instance-id" => value.rsplit(':').next().is_some_and(|id| id.eq_ignore_ascii_case(&instance.id)),
                "dbi-resource-id" => *value == instance.resource,
                "engine" => *value == "postgres",
                _ => false,
            })
        })
    };
    let mut found: Vec<Instance> = match text(input, "DBInstanceIdentifier") {
        Some(name) => vec![input::instance_named(world, cx, name)?],
        None => world.records.all(cx.region).collect(),
    };
    found.retain(has);
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let rows = found.iter().map(|instance| (instance.id.clone(), show::instance(world, cx, instance)));
    Ok(input::page(input, "DBInstances", rows))
}

/// DescribeDBInstanceAutomatedBackups.
pub(super) fn automated_backups(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let known = ["status", "db-instance-id", "dbi-resource-id"];
    let filters = input::filters(input, &known)?;
    let named = text(input, "DBInstanceIdentifier").map(str::to_ascii_lowercase);
    let resource = text(input, "DbiResourceId");
    let has = |instance: &Instance| {
        instance.shape.retention_days > 0
            && named.as_ref().is_none_or(|name| *name == instance.id)
            && resource.is_none_or(|resource| resource == instance.resource)
            && filters.iter().all(|(name, values)| {
                values.iter().any(|value| match *name {
                    "status" => *value == backup_status(instance),
                    "db-instance-id" => value.eq_ignore_ascii_case(&instance.id),
                    _ => *value == instance.resource,
                })
            })
    };
    let mut found: Vec<Instance> = world.records.all(cx.region).filter(has).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(input::page(input, "DBInstanceAutomatedBackups", found.iter().map(|i| (i.id.clone(), backup(world, cx, i)))))
}

fn backup_status(instance: &Instance) -> &'static str {
    if instance.restorable.is_some() { "active" } else { "creating" }
}

fn backup(world: &World, cx: &Cx<'_>, instance: &Instance) -> Value {
    let shape = &instance.shape;
    let mut out = json!({
        "DBInstanceArn": cx.arn("rds", &format!("db:{}", instance.id)),
        "DBInstanceAutomatedBackupsArn": cx.arn("rds", &format!("auto-backup:{}", instance.resource.replacen("db-", "ab-", 1).to_ascii_lowercase())),
        "DbiResourceId": instance.resource,
        "DBInstanceIdentifier": instance.id,
        "Region": cx.region,
        "Status": backup_status(instance),
        "Engine": "postgres",
        "EngineVersion": shape.version,
        "LicenseModel": "postgresql-license",
        "AllocatedStorage": shape.storage,
        "StorageType": shape.storage_type,
        "Port": shape.port,
        "AvailabilityZone": shape.zone,
        "VpcId": super::subnet_groups::vpc_of(world, cx, shape.subnet_group.as_deref()),
        "InstanceCreateTime": aws_model::seconds(instance.created_at),
        "MasterUsername": shape.user,
        "OptionGroupName": shape.option_group,
        "Encrypted": shape.flags.encrypted,
        "IAMDatabaseAuthenticationEnabled": shape.flags.iam,
        "BackupRetentionPeriod": shape.retention_days,
        "PreferredBackupWindow": shape.backup_window,
        "BackupTarget": "region",
        "TagList": input::tag_list(&instance.tags),
    });
    if let Some((from, to)) = instance.restorable {
        out["RestoreWindow"] = json!({"EarliestTime": aws_model::seconds(from), "LatestTime": aws_model::seconds(to)});
    }
    out
}
