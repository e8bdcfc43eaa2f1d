//! What there is to choose from: versions, classes, certificates, option groups; and what waits (nothing).

use aws_model::AwsError;
use serde_json::{Value, json};

use super::input::{filters, flag, page, text, value};
use super::instance::{Instance, major};
use super::{classes, show, versions};
use crate::{Cx, Input, World};

fn version(cx: &Cx<'_>, version: &str) -> Value {
    let own = major(version);
    let targets = versions::majors().filter(|major| *major > own).filter_map(versions::last).map(|target| {
        json!({
            "Engine": "postgres", "EngineVersion": target, "Description": format!("PostgreSQL {target}-R1"),
            "AutoUpgrade": false, "IsMajorVersionUpgrade": true,
        })
    });
    json!({
        "Engine": "postgres",
        "MajorEngineVersion": own.to_string(),
        "EngineVersion": version,
        "DBParameterGroupFamily": format!("postgres{own}"),
        "DBEngineDescription": "PostgreSQL",
        "DBEngineVersionDescription": format!("PostgreSQL {version}-R1"),
        "DBEngineVersionArn": cx.arn("rds", &format!("engine-version:postgres/{version}")),
        "ValidUpgradeTarget": targets.collect::<Vec<_>>(),
        "ExportableLogTypes": ["postgresql", "upgrade"],
        "SupportsLogExportsToCloudwatchLogs": true,
        "SupportsReadReplica": false,
        "SupportedFeatureNames": [],
        "Status": "available",
        "SupportsParallelQuery": false,
        "SupportsGlobalDatabases": false,
        "SupportsBabelfish": false,
        "SupportsCertificateRotationWithoutRestart": true,
        "SupportedCACertificateIdentifiers": [show::AUTHORITY],
        "TagList": [],
    })
}

/// DescribeDBEngineVersions.
pub(super) fn engine_versions(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = filters(input, &["db-parameter-group-family", "engine", "engine-mode", "engine-version", "status"])?;
    let engine = text(input, "Engine");
    let family = text(input, "DBParameterGroupFamily");
    let mut wanted: Vec<u32> = match text(input, "EngineVersion") {
        Some(asked) => versions::meant(asked).map(|meant| major(&meant)).into_iter().collect(),
        None => versions::majors().collect(),
    };
    if flag(input, "DefaultOnly") == Some(true) && text(input, "EngineVersion").is_none() {
        wanted.retain(|major| *major == versions::DEFAULT);
    }
    wanted.retain(|major| {
        let own = format!("postgres{major}");
        engine.is_none_or(|engine| engine == "postgres")
            && family.is_none_or(|family| family == own)
            && filters.iter().all(|(name, values)| match *name {
                "db-parameter-group-family" => values.contains(&own.as_str()),
                "engine" => values.contains(&"postgres"),
                "engine-version" => values.iter().any(|asked| super::instance::major(asked) == *major),
                "status" => values.contains(&"available"),
                _ => values.contains(&"provisioned"),
            })
    });
    let asked = text(input, "EngineVersion").filter(|asked| asked.contains('.')).and_then(versions::meant);
    let named = |major: u32| asked.clone().or_else(|| versions::last(major));
    let rows = wanted.into_iter().filter_map(named).map(|name| (format!("{:04}", major(&name)), version(cx, &name)));
    Ok(page(input, "DBEngineVersions", rows))
}

/// Smallest and largest size, and whether Iops and throughput can be said.
const STORAGE: [(&str, u32, u32, bool, bool); 3] =
    [("gp2", 20, 65536, false, false), ("gp3", 20, 65536, true, true), ("io1", 100, 65536, true, false)];

/// DescribeOrderableDBInstanceOptions.
pub(super) fn orderable(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    filters(input, &[])?;
    let asked = text(input, "EngineVersion");
    let class = text(input, "DBInstanceClass");
    let has_engine = text(input, "Engine") == Some("postgres")
        && text(input, "LicenseModel").is_none_or(|license| license == "postgresql-license")
        && flag(input, "Vpc") != Some(false);
    let zones = ["a", "b"].map(|zone| json!({"Name": format!("{}{zone}", cx.region)}));
    let mut rows = Vec::new();
    for number in versions::majors().filter(|_| has_engine) {
        let meant = asked.and_then(versions::meant);
        if asked.is_some() && meant.as_deref().map(major) != Some(number) {
            continue;
        }
        let Some(version) = meant.or_else(|| versions::last(number)) else { continue };
        for (name, _, _) in
            classes::CLASSES.iter().filter(|(name, _, _)| class.is_none_or(|c| c == format!("db.{name}")))
        {
            for (kind, least, most, iops, throughput) in STORAGE {
                let option = json!({
                    "Engine": "postgres", "EngineVersion": version, "DBInstanceClass": format!("db.{name}"),
                    "LicenseModel": "postgresql-license",
                    "AvailabilityZones": zones,
                    "MultiAZCapable": true, "ReadReplicaCapable": false, "Vpc": true,
                    "SupportsStorageEncryption": true, "StorageType": kind, "SupportsIops": iops,
                    "SupportsStorageThroughput": throughput, "SupportsEnhancedMonitoring": false,
                    "SupportsIAMDatabaseAuthentication": true, "SupportsPerformanceInsights": false,
                    "MinStorageSize": least, "MaxStorageSize": most, "AvailableProcessorFeatures": [],
                    "SupportedEngineModes": ["provisioned"], "SupportsStorageAutoscaling": true,
                    "SupportsKerberosAuthentication": false, "OutpostCapable": false,
                    "SupportedActivityStreamModes": [], "SupportsGlobalDatabases": false,
                    "SupportedNetworkTypes": ["IPV4"], "SupportsClusters": false, "SupportsDedicatedLogVolume": false,
                });
                rows.push((format!("{number:02} {name} {kind}"), option));
            }
        }
    }
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(page(input, "OrderableDBInstanceOptions", rows))
}

/// DescribeCertificates: the authority of instances is the platform's own, under the name that RDS's has.
pub(super) fn certificates(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    filters(input, &[])?;
    if let Some(name) = text(input, "CertificateIdentifier").filter(|name| *name != show::AUTHORITY) {
        return Err(AwsError::new("CertificateNotFound", format!("Certificate not found: {name}")));
    }
    let one = json!({
        "CertificateIdentifier": show::AUTHORITY,
        "CertificateType": "CA",
        "CertificateArn": cx.arn("rds", &format!("cert:{}", show::AUTHORITY)),
        "CustomerOverride": false,
    });
    let mut reply = page(input, "Certificates", [(show::AUTHORITY.to_owned(), one)]);
    reply["DefaultCertificateForNewLaunches"] = show::AUTHORITY.into();
    Ok(reply)
}

/// DescribeOptionGroups: PostgreSQL has no options, so that each version has its default group and nothing else.
pub(super) fn option_groups(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    filters(input, &[])?;
    let (name, engine) = (text(input, "OptionGroupName"), text(input, "EngineName"));
    if name.is_some() && engine.is_some() {
        return Err(super::input::combination("OptionGroupName and EngineName cannot be given together"));
    }
    let wanted = text(input, "MajorEngineVersion");
    let mut rows = Vec::new();
    for number in versions::majors() {
        let id = format!("default:postgres-{number}");
        let is_it = name.is_none_or(|name| name == id)
            && engine.is_none_or(|engine| engine == "postgres")
            && wanted.is_none_or(|wanted| wanted == number.to_string());
        if is_it {
            rows.push((
                id.clone(),
                json!({
                    "OptionGroupName": id,
                    "OptionGroupDescription": format!("Default option group for postgres {number}"),
                    "EngineName": "postgres",
                    "MajorEngineVersion": number.to_string(),
                    "Options": [],
                    "AllowsVpcAndNonVpcInstanceMemberships": true,
                    "VpcId": super::subnet_groups::vpc_of(world, cx, None),
                    "OptionGroupArn": cx.arn("rds", &format!("og:{id}")),
                }),
            ));
        }
    }
    match name {
        Some(name) if rows.is_empty() => {
            Err(AwsError::new("OptionGroupNotFoundFault", format!("Specified OptionGroupName: {name} not found.")))
        }
        _ => Ok(page(input, "OptionGroupsList", rows)),
    }
}

/// DescribePendingMaintenanceActions: nothing here is maintained by anybody else.
pub(super) fn pending_maintenance(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    filters(input, &["db-cluster-id", "db-instance-id"])?;
    if let Some(arn) = text(input, "ResourceIdentifier") {
        let id = arn.rsplit(':').next().unwrap_or_default();
        if aws_model::arn::Arn::parse(arn).is_none_or(|arn| arn.service != "rds") {
            return Err(value(format!("Invalid resource identifier: {arn}")));
        }
        if !world.records.all::<Instance>(cx.region).any(|instance| instance.id == id) {
            return Err(AwsError::new("ResourceNotFoundFault", format!("The resource {arn} was not found.")));
        }
    }
    Ok(page(input, "PendingMaintenanceActions", []))
}
