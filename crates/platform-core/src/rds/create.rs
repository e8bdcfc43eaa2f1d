//! Making an instance: empty, of a snapshot, or as another was at a time.

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::input::{self, combination, done, flag, identifier, refuse, sized, state, text, texts, value};
use super::instance::{Flags, Instance, Rest, Shape, major};
use super::work::{Facts, Kind, Origin};
use super::{classes, event, parameters, show, subnet_groups, versions, work};
use crate::{Change, Cx, Input, Outcome, World, ec2};

/// What the door says beside the caller's input: the resource id that it named a secret by.
pub const RESOURCE: &str = "_DbiResourceId";
/// What the door says beside the caller's input: the ARN of the secret that holds the password.
pub const SECRET: &str = "_MasterUserSecretArn";

/// What nothing here has a meaning for.
const REFUSED: &[&str] = &[
    "DBClusterIdentifier",
    "DBClusterSnapshotIdentifier",
    "CustomIamInstanceProfile",
    "Domain",
    "DomainFqdn",
    "DomainAuthSecretArn",
    "MultiTenant",
    "TdeCredentialArn",
    "AdditionalStorageVolumes",
    "DBCapacityReservationIdentifier",
];

/// What is kept and described, and has no effect here.
const DESCRIBED: &[&str] = &[
    "KmsKeyId",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "DatabaseInsightsMode",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "NetworkType",
    "PromotionTier",
    "DedicatedLogVolume",
    "EngineLifecycleSupport",
    "CACertificateIdentifier",
    "ProcessorFeatures",
];

/// Returns a new resource id: `db-` and 26 capitals and digits, as RDS writes them.
pub fn resource_id(ids: &mut crate::Ids) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tail: String = (0..26).map(|_| ALPHABET[(ids.next() % 32) as usize] as char).collect();
    format!("db-{tail}")
}

/// CreateDBInstance.
pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let engine = text(&input, "Engine").unwrap_or_default();
    if engine != "postgres" {
        return Err(value(format!("Invalid DB engine: '{engine}'. This platform runs postgres and no other engine.")));
    }
    for needed in ["AllocatedStorage", "MasterUsername"] {
        if input.get(needed).is_none() {
            let words = format!("The request must contain the parameter {needed}");
            return Err(AwsError::new("InvalidParameterCombination", words));
        }
    }
    let user = text(&input, "MasterUsername").unwrap_or_default();
    check_user(user)?;
    let asked = text(&input, "EngineVersion");
    let default = versions::DEFAULT.to_string();
    let version = asked.unwrap_or(&default);
    let Some(version) = versions::meant(version) else {
        return Err(combination(format!("Cannot find version {version} for postgres")));
    };
    let verifier = verifier(&input)?.ok_or_else(|| {
        combination("The parameter MasterUserPassword must be provided unless ManageMasterUserPassword is true")
    })?;
    let database = text(&input, "DBName").map(str::to_owned);
    if let Some(name) = &database {
        check_database(name)?;
    }
    let plain = Shape {
        version,
        class: "db.t4g.micro".to_owned(),
        storage: 20,
        storage_type: "gp2".to_owned(),
        iops: None,
        throughput: None,
        max_storage: None,
        user: user.to_owned(),
        verifier,
        secret: None,
        secret_key: None,
        database: database.clone(),
        port: 5432,
        retention_days: 1,
        backup_window: "06:00-06:30".to_owned(),
        maintenance_window: "sun:07:00-sun:07:30".to_owned(),
        parameter_group: String::new(),
        option_group: String::new(),
        subnet_group: None,
        security_groups: Vec::new(),
        zone: String::new(),
        flags: Flags { minor_upgrades: true, ..Flags::default() },
        described: BTreeMap::new(),
    };
    make(world, cx, &input, "DBInstanceIdentifier", plain, Kind::Create { origin: Origin::Empty, database })
}

/// RestoreDBInstanceFromDBSnapshot.
pub(super) fn from_snapshot(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let snapshot = input::snapshot_named(world, cx, text(&input, "DBSnapshotIdentifier").unwrap_or_default())?;
    if snapshot.status != "available" {
        let words = format!("The snapshot {} is not available: it is {}.", snapshot.id, snapshot.status);
        return Err(AwsError::new("InvalidDBSnapshotState", words));
    }
    let origin = Origin::Snapshot(snapshot.resource);
    restored(world, cx, &input, "DBInstanceIdentifier", snapshot.shape, origin)
}

/// RestoreDBInstanceToPointInTime.
pub(super) fn to_time(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let source = match (text(&input, "SourceDBInstanceIdentifier"), text(&input, "SourceDbiResourceId")) {
        (Some(name), _) => input::instance_named(world, cx, name)?,
        (None, Some(resource)) => world.records.get(cx.region, resource).ok_or_else(|| {
            let words = format!("Source DB instance {resource} not found.");
            AwsError::new("DBInstanceNotFound", words)
        })?,
        (None, None) => {
            return Err(combination("Either SourceDBInstanceIdentifier or SourceDbiResourceId must be specified"));
        }
    };
    if source.shape.retention_days == 0 {
        let words = format!("Point-in-time restore is not enabled for {}: its backups are not kept.", source.id);
        return Err(AwsError::new("PointInTimeRestoreNotEnabled", words));
    }
    let latest = flag(&input, "UseLatestRestorableTime").unwrap_or(false);
    // Instants are numbers of seconds in a document, with a fraction.
    let asked = input.get("RestoreTime").and_then(Value::as_f64).map(|seconds| (seconds * 1000.0).round() as i64);
    let at = match (asked, latest) {
        (Some(_), true) => {
            return Err(combination("RestoreTime can't be specified if UseLatestRestorableTime is true"));
        }
        (None, false) => {
            return Err(combination("RestoreTime must be specified if UseLatestRestorableTime is not true"));
        }
        (Some(at), false) => at,
        (None, true) => source.restorable.map_or(cx.now, |(_, to)| to),
    };
    let window = source.restorable.unwrap_or((source.created_at, cx.now));
    if at < window.0 || at > window.1.max(source.created_at) {
        let words = format!(
            "The specified instance cannot be restored to time {}: its backups reach from {} to {} (seconds since 1970)",
            aws_model::seconds(at),
            aws_model::seconds(window.0),
            aws_model::seconds(window.1)
        );
        return Err(AwsError::new("InvalidRestoreFault", words));
    }
    if !matches!(source.rest, Rest::Available | Rest::Stopped | Rest::StorageFull) || source.status() == "creating" {
        return Err(state(format!("The source DB instance {} is {}.", source.id, source.status())));
    }
    let origin = Origin::Time { resource: source.resource, at };
    restored(world, cx, &input, "TargetDBInstanceIdentifier", source.shape, origin)
}

/// Makes an instance of another's shape. What an instance has for itself does not go with it (API reference: the security
/// group, the parameter group and the protection are the defaults unless said).
fn restored(
    world: &World,
    cx: &mut Cx<'_>,
    input: &Input,
    named: &str,
    mut shape: Shape,
    origin: Origin,
) -> Result<Outcome, AwsError> {
    if text(input, "Engine").is_some_and(|engine| engine != "postgres") {
        return Err(AwsError::new("InvalidRestoreFault", "What is restored is postgres, and Engine says another."));
    }
    if text(input, "DBName").is_some() {
        // "This parameter only applies to RDS for Oracle and RDS for SQL Server DB instances."
        return Err(combination("DBName is not used for the engine postgres: databases keep their names"));
    }
    if let Some(given) = verifier(input)? {
        shape.verifier = given;
    }
    shape.secret = None;
    shape.secret_key = None;
    shape.security_groups.clear();
    shape.parameter_group.clear();
    shape.zone.clear();
    shape.subnet_group = None;
    shape.flags.protected = false;
    shape.flags.public = false;
    shape.flags.multi_az = false;
    make(world, cx, input, named, shape, Kind::Create { origin, database: None })
}

fn make(
    world: &World,
    cx: &mut Cx<'_>,
    input: &Input,
    named: &str,
    mut shape: Shape,
    kind: Kind,
) -> Result<Outcome, AwsError> {
    let id = identifier(input, named, 63)?;
    if world.records.all::<Instance>(cx.region).any(|known| known.id == id) {
        return Err(AwsError::new("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    if text(input, "BackupTarget").is_some_and(|target| target != "region") {
        return Err(combination("BackupTarget is `region` here, and nothing else"));
    }
    settle(world, cx, input, &mut shape)?;
    let hash = account_hash(cx.account);
    shape.described.insert("Hash".to_owned(), hash.into());
    let resource = text(input, RESOURCE).map_or_else(|| resource_id(cx.ids), str::to_owned);
    shape.secret = text(input, SECRET).map(str::to_owned);
    shape.secret_key = text(input, "MasterUserSecretKmsKeyId").map(str::to_owned);
    let instance = Instance {
        region: cx.region.to_owned(),
        resource,
        id,
        turn: 0,
        queue: vec![kind],
        rest: Rest::Available,
        why: None,
        percent: None,
        created_at: cx.now,
        shape,
        pending: BTreeMap::new(),
        reboot_pending: false,
        facts: Facts::default(),
        restorable: None,
        stopped_at: None,
        tags: input::tags(input)?,
    };
    let mut changes = event_of(world, cx, &instance, "creation", "DB instance is being created");
    changes.push(Change::put(&instance));
    Ok(done(json!({"DBInstance": show::instance(world, cx, &instance)}), changes))
}

/// Returns an event of an instance.
pub(super) fn event_of(
    world: &World,
    cx: &mut Cx<'_>,
    instance: &Instance,
    category: &str,
    words: &str,
) -> Vec<Change> {
    let arn = cx.arn("rds", &format!("db:{}", instance.id));
    event::put(world, cx, &event::Of { kind: "db-instance", id: &instance.id, arn }, category, words)
}

/// Twelve letters and digits of the account, as names on RDS have them.
fn account_hash(account: &str) -> String {
    // FNV-1a: stable over versions of the compiler, unlike the standard hasher.
    let hash = account
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    (0..12).map(|place| ALPHABET[((hash >> (place * 5)) & 31) as usize] as char).collect()
}

/// Takes over what a call says of an instance, and holds it against what there is. Both for a new one and for a change.
pub(super) fn settle(world: &World, cx: &Cx<'_>, input: &Input, shape: &mut Shape) -> Result<(), AwsError> {
    refuse(input, REFUSED)?;
    if !texts(input, "DBSecurityGroups").is_empty() {
        return Err(combination("DBSecurityGroups are of EC2-Classic; say VpcSecurityGroupIds"));
    }
    if let Some(class) = text(input, "DBInstanceClass") {
        if classes::find(class).is_none() {
            return Err(value(format!("Invalid DB Instance class: {class}")));
        }
        class.clone_into(&mut shape.class);
    }
    storage(input, shape)?;
    if let Some(port) = sized::<u16>(input, "Port")?.or(sized::<u16>(input, "DBPortNumber")?) {
        if port < 1150 {
            return Err(value(format!("Invalid endpoint port {port}, valid range is 1150 - 65535")));
        }
        shape.port = port;
    }
    if let Some(days) = sized::<u32>(input, "BackupRetentionPeriod")? {
        if days > 35 {
            return Err(value(format!("Invalid backup retention period: {days}. Must be between 0 and 35.")));
        }
        shape.retention_days = days;
    }
    if let Some(window) = text(input, "PreferredBackupWindow") {
        if !is_window(window, false) {
            return Err(value(format!(
                "Invalid backup window format: {window}. Should be specified as hh24:mi-hh24:mi"
            )));
        }
        window.clone_into(&mut shape.backup_window);
    }
    if let Some(window) = text(input, "PreferredMaintenanceWindow") {
        let window = window.to_ascii_lowercase();
        if !is_window(&window, true) {
            let words = "Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC)";
            return Err(value(format!("Invalid maintenance window format: {window}. {words}")));
        }
        shape.maintenance_window = window;
    }
    networks(world, cx, input, shape)?;
    groups(world, cx, input, shape)?;
    let set = |name: &str, flag_of: &mut bool| {
        if let Some(on) = flag(input, name) {
            *flag_of = on;
        }
    };
    set("MultiAZ", &mut shape.flags.multi_az);
    set("PubliclyAccessible", &mut shape.flags.public);
    set("StorageEncrypted", &mut shape.flags.encrypted);
    set("DeletionProtection", &mut shape.flags.protected);
    set("CopyTagsToSnapshot", &mut shape.flags.copy_tags);
    set("AutoMinorVersionUpgrade", &mut shape.flags.minor_upgrades);
    set("EnableIAMDatabaseAuthentication", &mut shape.flags.iam);
    described(input, shape);
    Ok(())
}

fn described(input: &Input, shape: &mut Shape) {
    for name in DESCRIBED {
        if let Some(value) = input.get(*name) {
            shape.described.insert((*name).to_owned(), value.clone());
        }
    }
    if let Some(on) = input.get("EnablePerformanceInsights") {
        shape.described.insert("PerformanceInsightsEnabled".to_owned(), on.clone());
    }
    let logs = input.get("EnableCloudwatchLogsExports").cloned().or_else(|| {
        let change = input.get("CloudwatchLogsExportConfiguration")?.as_object()?;
        let known = shape.described.get("EnabledCloudwatchLogsExports").and_then(Value::as_array);
        let mut on: Vec<String> = known.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        on.retain(|name| !texts(change, "DisableLogTypes").contains(&name.as_str()));
        for name in texts(change, "EnableLogTypes") {
            if !on.iter().any(|known| known == name) {
                on.push(name.to_owned());
            }
        }
        Some(on.into())
    });
    if let Some(logs) = logs {
        shape.described.insert("EnabledCloudwatchLogsExports".to_owned(), logs);
    }
}

fn storage(input: &Input, shape: &mut Shape) -> Result<(), AwsError> {
    if let Some(kind) = text(input, "StorageType") {
        if !["gp2", "gp3", "io1", "io2", "standard"].contains(&kind) {
            return Err(AwsError::new("StorageTypeNotSupported", format!("Invalid storage type: {kind}")));
        }
        kind.clone_into(&mut shape.storage_type);
    }
    if let Some(size) = sized::<u32>(input, "AllocatedStorage")? {
        // "General Purpose (SSD) storage (gp2, gp3): Must be an integer from 20 to 65536. Provisioned IOPS: 100 to 65536"
        let least = match shape.storage_type.as_str() {
            "io1" | "io2" => 100,
            "standard" => 5,
            _ => 20,
        };
        if !(least..=65536).contains(&size) {
            let kind = &shape.storage_type;
            return Err(combination(format!(
                "Invalid storage size for engine name postgres and storage type {kind}: {size}"
            )));
        }
        shape.storage = size;
    }
    if let Some(iops) = sized(input, "Iops")? {
        shape.iops = Some(iops);
    }
    if let Some(throughput) = sized(input, "StorageThroughput")? {
        shape.throughput = Some(throughput);
    }
    if shape.storage_type == "gp3" && shape.storage < 400 && (input.get("Iops").is_some_and(|v| *v != json!(3000))) {
        // User guide, "gp3 storage": below 400 GiB the baseline of 3,000 and 125 MiB/s cannot be changed for PostgreSQL.
        return Err(combination(
            "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400.",
        ));
    }
    if let Some(most) = sized::<u32>(input, "MaxAllocatedStorage")? {
        if most < shape.storage {
            return Err(combination("Max storage size must be greater than storage size"));
        }
        shape.max_storage = (most > shape.storage).then_some(most);
    }
    Ok(())
}

fn networks(world: &World, cx: &Cx<'_>, input: &Input, shape: &mut Shape) -> Result<(), AwsError> {
    if let Some(name) = text(input, "DBSubnetGroupName") {
        let group = subnet_groups::find(world, cx, name)?;
        if shape.zone.is_empty() {
            shape.zone = subnet_groups::zones(world, cx, &group).into_iter().next().unwrap_or_default();
        }
        shape.subnet_group = Some(name.to_ascii_lowercase());
    }
    if let Some(zone) = text(input, "AvailabilityZone") {
        if !zone.starts_with(cx.region) {
            return Err(AwsError::new("InvalidVPCNetworkStateFault", format!("{zone} is no zone of {}", cx.region)));
        }
        if flag(input, "MultiAZ") == Some(true) {
            return Err(combination("Requesting a specific availability zone is not valid for Multi-AZ instances."));
        }
        zone.clone_into(&mut shape.zone);
    }
    if shape.zone.is_empty() {
        shape.zone = format!("{}a", cx.region);
    }
    let vpc = subnet_groups::vpc_of(world, cx, shape.subnet_group.as_deref());
    let groups = texts(input, "VpcSecurityGroupIds");
    for group in &groups {
        match ec2::vpc_of_group(world, cx, group) {
            None => return Err(value(format!("Invalid security group , groupId= {group}, groupName=."))),
            Some(of) if of != vpc => {
                let words = format!(
                    "The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 security group is in {of}"
                );
                return Err(AwsError::new("InvalidVPCNetworkStateFault", words));
            }
            Some(_) => {}
        }
    }
    if !groups.is_empty() {
        shape.security_groups = groups.into_iter().map(str::to_owned).collect();
    } else if shape.security_groups.is_empty() {
        shape.security_groups = ec2::default_group(world, cx, &vpc).into_iter().collect();
    }
    Ok(())
}

fn groups(world: &World, cx: &Cx<'_>, input: &Input, shape: &mut Shape) -> Result<(), AwsError> {
    let major = major(&shape.version);
    if let Some(name) = text(input, "DBParameterGroupName") {
        let name = name.to_ascii_lowercase();
        let family = parameters::family_of(world, cx, &name)?;
        if family != format!("postgres{major}") {
            return Err(combination(format!(
                "The Parameter Group {name} with DBParameterGroupFamily {family} cannot be used for this instance. Please \
                 use a Parameter Group with DBParameterGroupFamily postgres{major}"
            )));
        }
        shape.parameter_group = name;
    } else if shape.parameter_group.is_empty() {
        shape.parameter_group = format!("default.postgres{major}");
    }
    let default = format!("default:postgres-{major}");
    if let Some(name) = text(input, "OptionGroupName").filter(|name| *name != default) {
        // PostgreSQL has no options on RDS: only the default groups are there.
        let words = format!("Specified OptionGroupName: {name} not found.");
        return Err(AwsError::new("OptionGroupNotFoundFault", words));
    }
    shape.option_group = default;
    Ok(())
}

/// Returns the verifier that the door made of the password.
pub(super) fn verifier(input: &Input) -> Result<Option<String>, AwsError> {
    match text(input, "MasterUserPassword") {
        None => Ok(None),
        Some(made) if made.starts_with("SCRAM-SHA-256$") => Ok(Some(made.to_owned())),
        // The world keeps none, and none comes here: the door makes a verifier first.
        Some(_) => Err(AwsError::server("a password came to the world as it is")),
    }
}

fn check_user(user: &str) -> Result<(), AwsError> {
    let is_fit = user.len() <= 63
        && user.starts_with(|c: char| c.is_ascii_alphabetic())
        && user.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_fit {
        return Err(value(
            "The parameter MasterUsername is not valid: it must be 1 to 63 letters, numbers, or underscores, and begin with a letter.",
        ));
    }
    let small = user.to_ascii_lowercase();
    // RDS's own roles, and the words that PostgreSQL keeps ("Can't be a reserved word for the chosen database engine").
    let reserved = ["admin", "rdsadmin", "rdsrepladmin", "rds_superuser", "rdstopmgr", "public", "none", "user", "all"];
    if reserved.contains(&small.as_str()) || small.starts_with("pg_") || small.starts_with("rds_") {
        return Err(value(format!("MasterUsername {user} cannot be used as it is a reserved word used by the engine")));
    }
    Ok(())
}

fn check_database(name: &str) -> Result<(), AwsError> {
    let is_fit = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_fit || ["rdsadmin", "template0", "template1"].contains(&name) {
        return Err(value(format!(
            "DBName must begin with a letter or an underscore, contain only alphanumeric characters and underscores, and be no reserved word: {name}"
        )));
    }
    Ok(())
}

/// Whether a text is a window: `hh:mm-hh:mm`, with days for maintenance.
fn is_window(window: &str, with_days: bool) -> bool {
    let is_end = |end: &str| {
        let time = if with_days {
            let Some((day, time)) = end.split_once(':') else { return false };
            if !["mon", "tue", "wed", "thu", "fri", "sat", "sun"].contains(&day) {
                return false;
            }
            time
        } else {
            end
        };
        let Some((hour, minute)) = time.split_once(':') else { return false };
        let is = |text: &str, below: u32| text.len() == 2 && text.parse::<u32>().is_ok_and(|number| number < below);
        is(hour, 24) && is(minute, 60)
    };
    window.split_once('-').is_some_and(|(from, to)| is_end(from) && is_end(to) && from != to)
}

/// Refuses a password that RDS does not take. The door asks before it makes a verifier; the value is never quoted.
///
/// # Errors
/// RDS's words.
pub fn check_password(password: &str) -> Result<(), AwsError> {
    // API reference, CreateDBInstance, MasterUserPassword: printable ASCII besides "/", """ and "@"; 8 to 128 for PostgreSQL.
    if !(8..=128).contains(&password.chars().count()) {
        return Err(value(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 or longer than 128 characters.",
        ));
    }
    if password.chars().any(|c| !c.is_ascii_graphic() || "/\"@".contains(c)) {
        return Err(value(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.",
        ));
    }
    Ok(())
}

/// Orders a work behind those that are there.
pub(super) fn order(instance: &mut Instance, kind: work::Kind) {
    instance.queue.push(kind);
}
