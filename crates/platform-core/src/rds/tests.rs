//! RDS's operations, told as calls and what they answer, and what whoever runs databases is asked and tells.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::work::{self, Facts, FailureKind, Told, Work};
use super::{GUARDED, OPERATIONS, instance::Instance, snapshot::Snapshot};
use crate::names::{self, RecordKind};
use crate::operation::Kind;
use crate::{Cx, Ids, RecordKey, World, ec2};

const NOW: i64 = 1_700_000_000_000;
const VERIFIER: &str = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";

struct Rig {
    world: World,
    ids: Ids,
    now: i64,
}

impl Rig {
    fn new() -> Self {
        Self { world: World::default(), ids: Ids::new(7), now: NOW }
    }

    fn with<R>(&mut self, f: impl FnOnce(&World, &mut Cx<'_>) -> Result<R, AwsError>) -> Result<R, String> {
        let mut cx = Cx {
            now: self.now,
            region: "us-east-1",
            account: "123456789012",
            access_key: "",
            architecture: None,
            ids: &mut self.ids,
        };
        f(&self.world, &mut cx).map_err(|error| error.to_string())
    }

    fn call(&mut self, operation: &str, input: Value) -> Result<Value, String> {
        let input = input.as_object().unwrap().clone();
        let mut rows = OPERATIONS.iter().chain(GUARDED).chain(ec2::OPERATIONS);
        match rows.find(|row| row.name == operation).unwrap().kind {
            Kind::Read(read) => self.with(|world, cx| read(world, cx, &input)),
            Kind::Write(write) => {
                let outcome = self.with(|world, cx| write(world, cx, input))?;
                outcome.changes.into_iter().for_each(|change| drop(self.world.apply(change)));
                Ok(outcome.reply)
            }
        }
    }

    fn create(&mut self, id: &str, more: Value) -> Result<Value, String> {
        let mut input = json!({
            "DBInstanceIdentifier": id, "Engine": "postgres", "AllocatedStorage": 20, "DBInstanceClass": "db.t4g.micro",
            "MasterUsername": "shop", "MasterUserPassword": VERIFIER, "EngineVersion": "16",
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("CreateDBInstance", input)
    }

    fn keys(&self) -> Vec<RecordKey> {
        self.world.records.keys().filter(|key| work::is_worked_on(&key.table)).cloned().collect()
    }

    /// Tells of the first order of any record.
    fn tell(&mut self, told: Told) -> Option<Work> {
        let order = self.keys().iter().find_map(|key| work::due(&self.world, key))?;
        self.say(&order.record, Some(order.turn), told);
        Some(order.work)
    }

    fn say(&mut self, record: &RecordKey, turn: Option<u64>, told: Told) {
        let changes = self.with(|world, cx| Ok(work::told(world, cx, record, turn, told))).unwrap();
        changes.into_iter().for_each(|change| drop(self.world.apply(change)));
    }

    fn done(&mut self) -> Option<Work> {
        self.tell(Told::Done(Facts { version: "16.9".into(), address: Some("10.0.0.9".into()), ..Facts::default() }))
    }

    /// All that is to be done is done.
    fn settle(&mut self) {
        while self.done().is_some() {}
    }

    fn instance(&mut self, id: &str) -> Value {
        let reply = self.call("DescribeDBInstances", json!({"DBInstanceIdentifier": id}));
        reply.map_or_else(Value::from, |reply| reply["DBInstances"][0].clone())
    }

    fn status(&mut self, id: &str) -> String {
        let instance = self.instance(id);
        instance["DBInstanceStatus"].as_str().or(instance.as_str()).unwrap_or_default().to_owned()
    }

    fn snapshot(&mut self, id: &str) -> String {
        match self.call("DescribeDBSnapshots", json!({"DBSnapshotIdentifier": id})) {
            Ok(reply) => reply["DBSnapshots"][0]["Status"].as_str().unwrap().to_owned(),
            Err(error) => error,
        }
    }
}

fn named(id: &str) -> Value {
    json!({"DBInstanceIdentifier": id})
}

#[test]
fn an_instance_is_created_stopped_started_rebooted_and_deleted_with_rdss_states() {
    let mut rig = Rig::new();
    let made = rig.create("Main", json!({"DBName": "shop"})).unwrap();
    assert_eq!(made["DBInstance"]["DBInstanceStatus"], "creating");
    assert_eq!(made["DBInstance"]["DBInstanceIdentifier"], "main");
    assert!(made["DBInstance"].get("Endpoint").is_none());
    rig.done();
    let shown = rig.instance("main");
    assert_eq!((&shown["DBInstanceStatus"], &shown["EngineVersion"]), (&json!("available"), &json!("16.9")));
    let address = shown["Endpoint"]["Address"].as_str().unwrap();
    assert!(address.starts_with("main.") && address.ends_with(".us-east-1.rds.localhost"), "{address}");
    for (operation, under_way, after) in [
        ("StopDBInstance", "stopping", "stopped"),
        ("StartDBInstance", "starting", "available"),
        ("RebootDBInstance", "rebooting", "available"),
    ] {
        rig.call(operation, named("main")).unwrap();
        assert_eq!(rig.status("main"), under_way);
        let again = rig.call(operation, named("main")).unwrap_err();
        assert!(again.starts_with("InvalidDBInstanceState"), "{again}");
        rig.done();
        assert_eq!(rig.status("main"), after);
    }
    rig.call("DeleteDBInstance", json!({"DBInstanceIdentifier": "main", "SkipFinalSnapshot": true})).unwrap();
    assert_eq!(rig.status("main"), "deleting");
    rig.settle();
    assert_eq!(rig.status("main"), "DBInstanceNotFound: DBInstance main not found.");
}

#[test]
fn what_cannot_be_created_is_refused_in_rdss_words() {
    let mut rig = Rig::new();
    rig.create("main", json!({})).unwrap();
    let mut check = |id: &str, more: Value, want: &str| {
        let told = rig.create(id, more).err().unwrap_or_else(|| "taken".to_owned());
        assert!(told.starts_with(want), "{told}");
    };
    check("MAIN", json!({}), "DBInstanceAlreadyExists");
    check("1a", json!({}), "InvalidParameterValue: The parameter DBInstanceIdentifier is not a valid identifier");
    check("a--b", json!({}), "InvalidParameterValue");
    check("a-", json!({}), "InvalidParameterValue");
    check("b", json!({"Engine": "mysql"}), "InvalidParameterValue: Invalid DB engine");
    check("b", json!({"EngineVersion": "9.6"}), "InvalidParameterCombination: Cannot find version 9.6 for postgres");
    check("b", json!({"DBInstanceClass": "db.x"}), "InvalidParameterValue: Invalid DB Instance class: db.x");
    check("b", json!({"AllocatedStorage": 5}), "InvalidParameterCombination: Invalid storage size");
    check("b", json!({"Port": 80}), "InvalidParameterValue: Invalid endpoint port 80");
    check("b", json!({"Port": 70000}), "InvalidParameterValue");
    check("b", json!({"BackupRetentionPeriod": 36}), "InvalidParameterValue: Invalid backup retention period");
    check("b", json!({"MasterUsername": "rdsadmin"}), "InvalidParameterValue: MasterUsername rdsadmin cannot be used");
    check("b", json!({"DBParameterGroupName": "none"}), "DBParameterGroupNotFound");
    check(
        "b",
        json!({"DBParameterGroupName": "default.postgres15"}),
        "InvalidParameterCombination: The Parameter Group",
    );
    check("b", json!({"DBSubnetGroupName": "none"}), "DBSubnetGroupNotFoundFault");
    check("b", json!({"VpcSecurityGroupIds": ["sg-1"]}), "InvalidParameterValue: Invalid security group");
    check("b", json!({"OptionGroupName": "x"}), "OptionGroupNotFoundFault");
    check("b", json!({"Domain": "x"}), "InvalidParameterCombination: Domain is not available");
    check("b", json!({"PreferredBackupWindow": "25:00-26:00"}), "InvalidParameterValue: Invalid backup window");
    // No password ever gets here: one that does is not stored.
    check("b", json!({"MasterUserPassword": "hunter2hunter2"}), "ServerException");
    check("b", json!({}), "taken");
}

#[test]
fn protection_and_a_final_snapshot_keep_what_would_be_lost() {
    let mut rig = Rig::new();
    rig.create("main", json!({"DeletionProtection": true})).unwrap();
    rig.settle();
    let delete = |more: Value| {
        let mut input = named("main");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let told = rig.call("DeleteDBInstance", delete(json!({"SkipFinalSnapshot": true}))).unwrap_err();
    // Terraform looks for these words.
    assert!(told.starts_with("InvalidParameterCombination") && told.contains("disable deletion pro"), "{told}");
    let off = json!({"DBInstanceIdentifier": "main", "DeletionProtection": false, "ApplyImmediately": true});
    rig.call("ModifyDBInstance", off).unwrap();
    let told = rig.call("DeleteDBInstance", delete(json!({}))).unwrap_err();
    assert!(told.starts_with("InvalidParameterCombination: FinalDBSnapshotIdentifier is required"), "{told}");
    rig.call("DeleteDBInstance", delete(json!({"FinalDBSnapshotIdentifier": "last"}))).unwrap();
    assert_eq!((rig.status("main").as_str(), rig.snapshot("last").as_str()), ("deleting", "creating"));
    let again = rig.call("DeleteDBInstance", delete(json!({"SkipFinalSnapshot": true}))).unwrap_err();
    assert!(again.contains("is already being deleted"), "{again}");
    // A snapshot that fails keeps the instance.
    rig.tell(Told::Failed { code: FailureKind::Unchanged, why: "no room".into() });
    assert_eq!((rig.status("main").as_str(), rig.snapshot("last").as_str()), ("available", "failed"));
    assert!(rig.done().is_none());
    rig.call("DeleteDBSnapshot", json!({"DBSnapshotIdentifier": "last"})).unwrap();
    rig.settle();
    rig.call("DeleteDBInstance", delete(json!({"FinalDBSnapshotIdentifier": "last"}))).unwrap();
    rig.settle();
    assert_eq!(rig.snapshot("last"), "available");
    assert!(rig.status("main").starts_with("DBInstanceNotFound"));
}

#[test]
fn a_snapshot_is_taken_copied_restored_and_deleted() {
    let mut rig = Rig::new();
    rig.create("main", json!({"CopyTagsToSnapshot": true, "Tags": [{"Key": "app", "Value": "shop"}]})).unwrap();
    let early = json!({"DBInstanceIdentifier": "main", "DBSnapshotIdentifier": "one"});
    assert!(rig.call("CreateDBSnapshot", early.clone()).unwrap_err().starts_with("InvalidDBInstanceState"));
    rig.settle();
    rig.call("CreateDBSnapshot", early.clone()).unwrap();
    assert_eq!((rig.status("main").as_str(), rig.snapshot("one").as_str()), ("backing-up", "creating"));
    let restore = json!({"DBInstanceIdentifier": "other", "DBSnapshotIdentifier": "one"});
    let told = rig.call("RestoreDBInstanceFromDBSnapshot", restore.clone()).unwrap_err();
    assert!(told.starts_with("InvalidDBSnapshotState"), "{told}");
    rig.settle();
    assert!(rig.call("CreateDBSnapshot", early).unwrap_err().starts_with("DBSnapshotAlreadyExists"));
    rig.call("RestoreDBInstanceFromDBSnapshot", restore.clone()).unwrap();
    assert_eq!(rig.status("other"), "creating");
    let gone = json!({"DBSnapshotIdentifier": "one"});
    let told = rig.call("DeleteDBSnapshot", gone.clone()).unwrap_err();
    assert!(told.starts_with("InvalidDBSnapshotState"), "while it is restored: {told}");
    let told = rig.call("RestoreDBInstanceFromDBSnapshot", restore).unwrap_err();
    assert!(told.starts_with("DBInstanceAlreadyExists"), "{told}");
    rig.settle();
    assert_eq!(rig.instance("other")["MasterUsername"], "shop");
    let copy = json!({"SourceDBSnapshotIdentifier": "one", "TargetDBSnapshotIdentifier": "two", "CopyTags": true});
    let copied = rig.call("CopyDBSnapshot", copy).unwrap();
    assert_eq!(copied["DBSnapshot"]["Status"], "copying");
    assert_eq!(copied["DBSnapshot"]["TagList"], json!([{"Key": "app", "Value": "shop"}]));
    rig.settle();
    rig.call("DeleteDBSnapshot", gone).unwrap();
    rig.settle();
    assert_eq!(
        (rig.snapshot("one").starts_with("DBSnapshotNotFound"), rig.snapshot("two").as_str()),
        (true, "available")
    );
}

#[test]
fn a_time_is_restored_only_where_backups_reach_it() {
    let mut rig = Rig::new();
    rig.create("main", json!({"BackupRetentionPeriod": 7})).unwrap();
    rig.create("bare", json!({"BackupRetentionPeriod": 0})).unwrap();
    rig.settle();
    let key = rig.keys().into_iter().find(|key| {
        rig.world.records.get::<Instance>(&key.region, &key.id).is_some_and(|instance| instance.id == "main")
    });
    let key = key.unwrap();
    rig.say(&key, None, Told::Restorable { from: NOW, to: NOW + 60_000 });
    rig.now = NOW + 120_000;
    let mut check = |source: &str, more: Value, want: &str| {
        let mut input = json!({"SourceDBInstanceIdentifier": source, "TargetDBInstanceIdentifier": "then"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = rig.call("RestoreDBInstanceToPointInTime", input).err().unwrap_or_else(|| "taken".to_owned());
        assert!(told.starts_with(want), "{told}");
    };
    check("bare", json!({"UseLatestRestorableTime": true}), "PointInTimeRestoreNotEnabled");
    check("main", json!({}), "InvalidParameterCombination");
    check("main", json!({"RestoreTime": (NOW - 1000) / 1000}), "InvalidRestoreFault");
    check("main", json!({"RestoreTime": NOW / 1000 + 61}), "InvalidRestoreFault");
    check("main", json!({"RestoreTime": NOW as f64 / 1000.0 + 30.5}), "taken");
    let order = rig.keys().iter().find_map(|key| work::due(&rig.world, key)).unwrap();
    let Work::Instance { kind: work::Kind::Create { origin: work::Origin::Time { at, .. }, .. } } = order.work else {
        panic!("{:?}", order.work);
    };
    assert_eq!(at, NOW + 30_500);
}

#[test]
fn what_is_told_of_an_earlier_turn_changes_nothing() {
    let mut rig = Rig::new();
    rig.create("main", json!({})).unwrap();
    let order = rig.keys().iter().find_map(|key| work::due(&rig.world, key)).unwrap();
    rig.settle();
    rig.call("StopDBInstance", named("main")).unwrap();
    let failed = Told::Failed { code: FailureKind::Failed, why: "late".into() };
    rig.say(&order.record, Some(order.turn), failed);
    rig.say(&order.record, Some(order.turn), Told::Done(Facts::default()));
    assert_eq!(rig.status("main"), "stopping");
}

#[test]
fn a_failed_work_leaves_the_state_that_it_says_and_an_event_that_says_why() {
    let check = |code: FailureKind, want: &str| {
        let mut rig = Rig::new();
        rig.create("main", json!({})).unwrap();
        rig.tell(Told::Failed { code, why: "because".into() });
        assert_eq!(rig.status("main"), want);
        let events =
            rig.call("DescribeEvents", json!({"SourceType": "db-instance", "SourceIdentifier": "main"})).unwrap();
        assert!(events.to_string().contains("because"), "{events}");
        // It can always go.
        rig.call("DeleteDBInstance", json!({"DBInstanceIdentifier": "main", "SkipFinalSnapshot": true})).unwrap();
        rig.settle();
        assert!(rig.status("main").starts_with("DBInstanceNotFound"));
    };
    check(FailureKind::Unchanged, "failed");
    check(FailureKind::Failed, "failed");
    check(FailureKind::StorageFull, "storage-full");
    check(FailureKind::IncompatibleParameters, "incompatible-parameters");
    check(FailureKind::IncompatibleRestore, "incompatible-restore");
}

#[test]
fn a_change_waits_unless_it_is_to_be_made_at_once() {
    let mut rig = Rig::new();
    rig.create("main", json!({})).unwrap();
    rig.settle();
    let modify = |rig: &mut Rig, more: Value| {
        let mut input = named("main");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rig.call("ModifyDBInstance", input)
    };
    modify(&mut rig, json!({"DBInstanceClass": "db.t4g.small", "NewDBInstanceIdentifier": "renamed"})).unwrap();
    let shown = rig.instance("main");
    let waits = json!({"DBInstanceClass": "db.t4g.small", "DBInstanceIdentifier": "renamed"});
    assert_eq!((&shown["DBInstanceStatus"], &shown["PendingModifiedValues"]), (&json!("available"), &waits));
    modify(&mut rig, json!({"ApplyImmediately": true, "AllocatedStorage": 30})).unwrap();
    assert_eq!(rig.status("renamed"), "modifying");
    rig.settle();
    let shown = rig.instance("renamed");
    let has = (&shown["DBInstanceClass"], &shown["AllocatedStorage"], &shown["PendingModifiedValues"]);
    assert_eq!(has, (&json!("db.t4g.small"), &json!(30), &json!({})));
    assert!(shown["Endpoint"]["Address"].as_str().unwrap().starts_with("renamed."));
    let mut rig = Rig::new();
    rig.create("main", json!({})).unwrap();
    rig.settle();
    let mut check = |more: Value, want: &str| {
        let told = modify(&mut rig, more).err().unwrap_or_else(|| "taken".to_owned());
        assert!(told.starts_with(want), "{told}");
    };
    check(json!({"AllocatedStorage": 10, "ApplyImmediately": true}), "InvalidParameterCombination");
    check(json!({"AllocatedStorage": 21, "ApplyImmediately": true}), "InvalidParameterCombination");
    check(
        json!({"EngineVersion": "17", "AllowMajorVersionUpgrade": true}),
        "InvalidParameterCombination: Cannot upgrade",
    );
    check(json!({"EngineVersion": "16"}), "taken");
    check(json!({"NewDBInstanceIdentifier": "main"}), "taken");
}

#[test]
fn parameters_are_held_against_the_version_and_static_ones_wait_for_a_reboot() {
    let mut rig = Rig::new();
    let group = json!({"DBParameterGroupName": "Own", "DBParameterGroupFamily": "postgres16", "Description": "d"});
    rig.call("CreateDBParameterGroup", group.clone()).unwrap();
    assert!(rig.call("CreateDBParameterGroup", group).unwrap_err().starts_with("DBParameterGroupAlreadyExists"));
    rig.create("main", json!({"DBParameterGroupName": "own"})).unwrap();
    rig.settle();
    let mut set = |name: &str, value: &str, method: &str| {
        let one = json!({"ParameterName": name, "ParameterValue": value, "ApplyMethod": method});
        rig.call("ModifyDBParameterGroup", json!({"DBParameterGroupName": "own", "Parameters": [one]}))
            .err()
            .unwrap_or_else(|| "taken".to_owned())
    };
    assert!(set("nothing", "1", "immediate").starts_with("InvalidParameterValue: Could not find parameter"));
    assert!(set("work_mem", "1", "immediate").starts_with("InvalidParameterValue: Invalid parameter value"));
    assert!(set("data_directory", "/x", "immediate").contains("cannot be modified"));
    assert!(set("max_connections", "50", "immediate").starts_with("InvalidParameterCombination: cannot use immediate"));
    assert_eq!(set("work_mem", "8192", "immediate"), "taken");
    assert_eq!(rig.status("main"), "modifying");
    rig.settle();
    let applied = |rig: &mut Rig| rig.instance("main")["DBParameterGroups"][0]["ParameterApplyStatus"].clone();
    assert_eq!(applied(&mut rig), "in-sync");
    let one = json!({"ParameterName": "max_connections", "ParameterValue": "{DBInstanceClassMemory/9531392}", "ApplyMethod": "pending-reboot"});
    rig.call("ModifyDBParameterGroup", json!({"DBParameterGroupName": "own", "Parameters": [one]})).unwrap();
    assert_eq!((applied(&mut rig), rig.status("main").as_str()), (json!("pending-reboot"), "available"));
    rig.call("RebootDBInstance", named("main")).unwrap();
    let order = rig.keys().iter().find_map(|key| work::due(&rig.world, key)).unwrap();
    let settings = order.settings.unwrap();
    assert_eq!(settings.parameters["max_connections"], "112");
    assert_eq!(settings.parameters["work_mem"], "8192");
    rig.settle();
    assert_eq!(applied(&mut rig), "in-sync");
    let user = json!({"DBParameterGroupName": "own", "Source": "user"});
    let shown = rig.call("DescribeDBParameters", user.clone()).unwrap();
    assert_eq!(shown["Parameters"].as_array().unwrap().len(), 2, "{shown}");
    let gone = rig.call("DeleteDBParameterGroup", json!({"DBParameterGroupName": "own"})).unwrap_err();
    assert!(gone.starts_with("InvalidDBParameterGroupState"), "{gone}");
    rig.call("ResetDBParameterGroup", json!({"DBParameterGroupName": "own", "ResetAllParameters": true})).unwrap();
    assert_eq!(rig.call("DescribeDBParameters", user).unwrap()["Parameters"], json!([]));
}

#[test]
fn a_subnet_group_is_held_against_subnets_and_guards_what_uses_it() {
    let mut rig = Rig::new();
    let subnets = rig.call("DescribeSubnets", json!({})).unwrap();
    let ids: Vec<String> =
        subnets["Subnets"].as_array().unwrap().iter().map(|s| s["SubnetId"].as_str().unwrap().to_owned()).collect();
    let group = |ids: &[String]| json!({"DBSubnetGroupName": "Own", "DBSubnetGroupDescription": "d", "SubnetIds": ids});
    let told = rig.call("CreateDBSubnetGroup", group(&ids[..1])).unwrap_err();
    assert!(told.starts_with("DBSubnetGroupDoesNotCoverEnoughAZs"), "{told}");
    let told = rig.call("CreateDBSubnetGroup", group(&["subnet-1".to_owned()])).unwrap_err();
    assert!(told.starts_with("InvalidSubnet"), "{told}");
    let made = rig.call("CreateDBSubnetGroup", group(&ids[..2])).unwrap();
    assert_eq!(made["DBSubnetGroup"]["Subnets"].as_array().unwrap().len(), 2);
    rig.create("main", json!({"DBSubnetGroupName": "own"})).unwrap();
    rig.settle();
    assert_eq!(rig.instance("main")["DBSubnetGroup"]["DBSubnetGroupName"], "own");
    let gone = json!({"DBSubnetGroupName": "own"});
    assert!(rig.call("DeleteDBSubnetGroup", gone.clone()).unwrap_err().starts_with("InvalidDBSubnetGroupStateFault"));
    rig.call("DeleteDBInstance", json!({"DBInstanceIdentifier": "main", "SkipFinalSnapshot": true})).unwrap();
    rig.settle();
    rig.call("DeleteDBSubnetGroup", gone.clone()).unwrap();
    assert!(rig.call("DeleteDBSubnetGroup", gone).unwrap_err().starts_with("DBSubnetGroupNotFoundFault"));
}

#[test]
fn tags_are_kept_for_all_that_has_an_arn() {
    let mut rig = Rig::new();
    rig.create("main", json!({"Tags": [{"Key": "a", "Value": "1"}]})).unwrap();
    rig.settle();
    rig.call("CreateDBSnapshot", json!({"DBInstanceIdentifier": "main", "DBSnapshotIdentifier": "one"})).unwrap();
    rig.settle();
    for resource in ["db:main", "snapshot:one"] {
        let name = json!({"ResourceName": format!("arn:aws:rds:us-east-1:123456789012:{resource}")});
        let with = |more: Value| {
            let mut input = name.clone();
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        rig.call("AddTagsToResource", with(json!({"Tags": [{"Key": "b", "Value": "2"}]}))).unwrap();
        rig.call("RemoveTagsFromResource", with(json!({"TagKeys": ["a"]}))).unwrap();
        let tags = rig.call("ListTagsForResource", name).unwrap();
        assert_eq!(tags["TagList"], json!([{"Key": "b", "Value": "2"}]));
    }
    let other = json!({"ResourceName": "arn:aws:rds:us-east-1:123456789012:db:none"});
    assert!(rig.call("ListTagsForResource", other).unwrap_err().starts_with("DBInstanceNotFound"));
}

#[test]
fn no_password_and_no_verifier_is_in_any_answer() {
    let mut rig = Rig::new();
    let made = rig.create("main", json!({})).unwrap().to_string();
    rig.settle();
    let shown = rig.instance("main").to_string();
    let debug = format!("{:?}", work::standing(&rig.world));
    assert!(!made.contains("SCRAM") && !shown.contains("SCRAM") && !debug.contains("SCRAM"));
}

#[test]
fn pages_are_cut_by_name_and_filters_choose() {
    let mut rig = Rig::new();
    for id in ["c", "a", "b"] {
        rig.create(id, json!({})).unwrap();
    }
    let first = rig.call("DescribeDBInstances", json!({"MaxRecords": 2})).unwrap();
    assert_eq!(
        (first["DBInstances"][0]["DBInstanceIdentifier"].clone(), first["Marker"].clone()),
        (json!("a"), json!("b"))
    );
    let resource = rig.instance("c")["DbiResourceId"].clone();
    assert!(resource.as_str().unwrap().len() == 29);
    let by = json!({"Filters": [{"Name": "dbi-resource-id", "Values": [resource]}]});
    let found = rig.call("DescribeDBInstances", by).unwrap();
    assert_eq!(found["DBInstances"][0]["DBInstanceIdentifier"], "c");
    let wrong = json!({"Filters": [{"Name": "x", "Values": ["y"]}]});
    assert!(rig.call("DescribeDBInstances", wrong).unwrap_err().starts_with("InvalidParameterValue"));
}

#[test]
fn a_platform_that_starts_is_told_what_should_run_and_which_snapshots_there_are() {
    let mut rig = Rig::new();
    rig.create("runs", json!({})).unwrap();
    rig.create("stopped", json!({})).unwrap();
    rig.settle();
    rig.call("StopDBInstance", named("stopped")).unwrap();
    rig.call("CreateDBSnapshot", json!({"DBInstanceIdentifier": "runs", "DBSnapshotIdentifier": "one"})).unwrap();
    rig.settle();
    let standing = work::standing(&rig.world);
    let mut runs: Vec<(String, bool)> =
        standing.instances.into_iter().map(|known| (known.settings.id, known.runs)).collect();
    runs.sort();
    assert_eq!(runs, [("runs".to_owned(), true), ("stopped".to_owned(), false)]);
    let snapshots: Vec<String> = rig.world.records.everywhere::<Snapshot>().map(|s| s.resource).collect();
    assert_eq!(standing.snapshots, snapshots);
}

#[test]
fn a_name_leads_to_where_the_instance_runs_and_to_nothing_once_it_is_stopped() {
    let mut rig = Rig::new();
    rig.create("main", json!({})).unwrap();
    rig.settle();
    let name = rig.instance("main")["Endpoint"]["Address"].as_str().unwrap().to_owned();
    let ask = |rig: &Rig, name: &str, kind| names::resolve(&rig.world, "eu-west-1", name, kind, 0);
    let address = |answer: &names::Resolution| match answer {
        names::Resolution::Records(answers) => answers.iter().map(|one| one.data.clone()).collect::<Vec<_>>(),
        _ => panic!("{answer:?}"),
    };
    let found = ask(&rig, &name.to_ascii_uppercase(), RecordKind::A);
    assert_eq!(address(&found), [names::Data::A("10.0.0.9".parse().unwrap())]);
    assert_eq!(address(&ask(&rig, &name, RecordKind::Aaaa)), []);
    assert_eq!(ask(&rig, "other.x.us-east-1.rds.localhost", RecordKind::A), names::Resolution::NoSuchName);
    rig.call("StopDBInstance", named("main")).unwrap();
    rig.settle();
    assert_eq!(address(&ask(&rig, &name, RecordKind::A)), []);
}
