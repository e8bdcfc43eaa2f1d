//! Route 53, told as calls and what they answer.

use aws_model::Service;
use serde_json::{Value, json};

use crate::account::Account;

fn zone(account: &mut Account, name: &str) -> String {
    let made = account.call("CreateHostedZone", json!({"Name": name, "CallerReference": name})).unwrap();
    made["HostedZone"]["Id"].as_str().unwrap().to_owned()
}

fn private(account: &mut Account, name: &str, vpc: &str) -> Result<Value, String> {
    let asked = json!({"Name": name, "CallerReference": format!("{name} {vpc}"), "VPC": {"VPCRegion": "eu-west-1", "VPCId": vpc}});
    account.call("CreateHostedZone", asked)
}

fn plain(name: &str, kind: &str, values: &[&str]) -> Value {
    let records: Value = values.iter().map(|value| json!({"Value": value})).collect();
    json!({"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": records})
}

fn batch(account: &mut Account, zone: &str, changes: &[(&str, Value)]) -> Result<Value, String> {
    let changes: Value =
        changes.iter().map(|(action, set)| json!({"Action": action, "ResourceRecordSet": set})).collect();
    account.call(
        "ChangeResourceRecordSets",
        json!({"HostedZoneId": zone, "ChangeBatch": {"Comment": "c", "Changes": changes}}),
    )
}

/// Says a zone's sets, `NAME TYPE IDENTIFIER` each.
fn sets(account: &mut Account, mut input: Value) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = account.call("ListResourceRecordSets", input.clone()).unwrap();
        let word = |set: &Value, member: &str| set[member].as_str().unwrap_or_default().to_owned();
        let line =
            |set: &Value| ["Name", "Type", "SetIdentifier"].map(|member| word(set, member)).join(" ").trim().to_owned();
        seen.extend(page["ResourceRecordSets"].as_array().unwrap().iter().map(line));
        if page["IsTruncated"] == false {
            return seen;
        }
        for (next, start) in [
            ("NextRecordName", "StartRecordName"),
            ("NextRecordType", "StartRecordType"),
            ("NextRecordIdentifier", "StartRecordIdentifier"),
        ] {
            match page.get(next) {
                Some(value) => input[start] = value.clone(),
                None => drop(input.as_object_mut().unwrap().shift_remove(start)),
            }
        }
    }
}

#[test]
fn a_zone_is_made_with_its_own_records_described_and_deleted_when_it_has_no_others() {
    let mut account = Account::new();
    let asked = json!({"Name": "Example.com", "CallerReference": "r", "HostedZoneConfig": {"Comment": "mine", "PrivateZone": false}});
    let made = account.call("CreateHostedZone", asked.clone()).unwrap();
    let id = made["HostedZone"]["Id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("/hostedzone/Z"), "{id}");
    assert_eq!(made["Location"], format!("https://route53.amazonaws.com/2013-04-01{id}"));
    assert_eq!(made["DelegationSet"]["NameServers"].as_array().unwrap().len(), 4);
    let error = account.refused("CreateHostedZone", asked);
    assert!(error.starts_with("HostedZoneAlreadyExists"), "{error}");
    assert_eq!(sets(&mut account, json!({"HostedZoneId": id})), ["example.com. NS", "example.com. SOA"]);
    let told = account.call("GetHostedZone", json!({"Id": id})).unwrap();
    let zone = json!({"Id": id, "Name": "example.com.", "CallerReference": "r", "ResourceRecordSetCount": 2,
        "Config": {"Comment": "mine", "PrivateZone": false}});
    assert_eq!((&told["HostedZone"], told.get("VPCs")), (&zone, None));
    let told = account.call("UpdateHostedZoneComment", json!({"Id": id})).unwrap();
    assert_eq!(told["HostedZone"]["Config"], json!({"PrivateZone": false}));
    let change = made["ChangeInfo"].clone();
    assert_eq!(account.call("GetChange", json!({"Id": change["Id"]})).unwrap()["ChangeInfo"], change);
    assert!(account.refused("GetChange", json!({"Id": "C1"})).starts_with("NoSuchChange"));
    let dnssec = account.call("GetDNSSEC", json!({"HostedZoneId": id})).unwrap();
    assert_eq!(dnssec["Status"]["ServeSignature"], "NOT_SIGNING");
    batch(&mut account, &id, &[("CREATE", plain("www.example.com", "A", &["1.1.1.1"]))]).unwrap();
    let error = account.refused("DeleteHostedZone", json!({"Id": id}));
    assert!(error.starts_with("HostedZoneNotEmpty: The specified hosted zone contains non-required"), "{error}");
    batch(&mut account, &id, &[("DELETE", plain("www.example.com", "A", &["1.1.1.1"]))]).unwrap();
    account.call("DeleteHostedZone", json!({"Id": id})).unwrap();
    let error = account.refused("GetHostedZone", json!({"Id": id}));
    assert_eq!(
        error,
        format!("NoSuchHostedZone: No hosted zone found with ID: {}", id.trim_start_matches("/hostedzone/"))
    );
    assert_eq!(account.world.records.everywhere::<super::RecordSet>().count(), 0);
}

#[test]
fn what_is_no_zone_is_refused() {
    let mut account = Account::new();
    let mut refused = |input: Value, words: &str| {
        let error = account.refused("CreateHostedZone", input);
        assert!(error.starts_with(words), "{error}");
    };
    refused(json!({"Name": "a..b", "CallerReference": "r"}), "InvalidDomainName");
    refused(json!({"Name": "a", "CallerReference": "r", "DelegationSetId": "N1"}), "NoSuchDelegationSet");
    refused(json!({"Name": "a", "CallerReference": "r", "HostedZoneConfig": {"PrivateZone": true}}), "InvalidInput");
    refused(json!({"Name": "a", "CallerReference": "r", "VPC": {"VPCId": "x"}}), "InvalidVPCId");
    refused(
        json!({"Name": "a", "CallerReference": "r", "EnablePublicDNSFallback": true}),
        "InvalidInput: EnablePublic",
    );
}

#[test]
fn a_private_zone_has_vpcs_of_which_no_other_zone_of_its_name_has_one() {
    let mut account = Account::new();
    let made = private(&mut account, "in.test", "vpc-1").unwrap();
    let id = made["HostedZone"]["Id"].as_str().unwrap().to_owned();
    assert_eq!((&made["HostedZone"]["Config"]["PrivateZone"], &made["VPC"]["VPCId"]), (&json!(true), &json!("vpc-1")));
    private(&mut account, "in.test", "vpc-2").unwrap();
    let vpc = |id: &str| json!({"VPCRegion": "eu-west-1", "VPCId": id});
    let error = account.refused("AssociateVPCWithHostedZone", json!({"HostedZoneId": id, "VPC": vpc("vpc-2")}));
    assert!(
        error.starts_with("ConflictingDomainExists: The VPC vpc-2 in region eu-west-1 has already been"),
        "{error}"
    );
    account.call("AssociateVPCWithHostedZone", json!({"HostedZoneId": id, "VPC": vpc("vpc-3")})).unwrap();
    let told = account.call("GetHostedZone", json!({"Id": id})).unwrap();
    assert_eq!((&told["VPCs"], told.get("DelegationSet")), (&json!([vpc("vpc-1"), vpc("vpc-3")]), None));
    let found = account.call("ListHostedZonesByVPC", json!({"VPCId": "vpc-3", "VPCRegion": "eu-west-1"})).unwrap();
    let summary = json!([{"HostedZoneId": id.trim_start_matches("/hostedzone/"), "Name": "in.test.", "Owner": {"OwningAccount": "123456789012"}}]);
    assert_eq!(found["HostedZoneSummaries"], summary);
    account.call("DisassociateVPCFromHostedZone", json!({"HostedZoneId": id, "VPC": vpc("vpc-1")})).unwrap();
    let error = account.refused("DisassociateVPCFromHostedZone", json!({"HostedZoneId": id, "VPC": vpc("vpc-1")}));
    assert!(error.starts_with("VPCAssociationNotFound"), "{error}");
    let error = account.refused("DisassociateVPCFromHostedZone", json!({"HostedZoneId": id, "VPC": vpc("vpc-3")}));
    assert!(error.starts_with("LastVPCAssociation"), "{error}");
    let error = account.refused("GetDNSSEC", json!({"HostedZoneId": id}));
    assert!(error.starts_with("InvalidArgument: Operation is unsupported for private"), "{error}");
    let public = zone(&mut account, "out.test");
    let error = account.refused("AssociateVPCWithHostedZone", json!({"HostedZoneId": public, "VPC": vpc("vpc-1")}));
    assert!(error.starts_with("PublicZoneVPCAssociation"), "{error}");
}

#[test]
fn a_batch_is_done_as_a_whole_or_not_at_all() {
    let mut account = Account::new();
    let id = zone(&mut account, "a.test");
    let one = || plain("one.a.test", "A", &["1.1.1.1", "1.1.1.2"]);
    batch(&mut account, &id, &[("CREATE", one())]).unwrap();
    let error =
        batch(&mut account, &id, &[("CREATE", plain("two.a.test", "A", &["1.1.1.1"])), ("CREATE", one())]).unwrap_err();
    let words = "InvalidChangeBatch: [Tried to create resource record set [name='one.a.test.', type='A'] but it already exists]";
    assert_eq!(error, words);
    assert_eq!(sets(&mut account, json!({"HostedZoneId": id})), ["a.test. NS", "a.test. SOA", "one.a.test. A"]);
    // What is deleted in a batch may be made again in it; values are the same in any order.
    let turned = plain("ONE.a.test.", "A", &["1.1.1.2", "1.1.1.1"]);
    batch(&mut account, &id, &[("DELETE", turned), ("CREATE", plain("one.a.test", "CNAME", &["b.test"]))]).unwrap();
    assert_eq!(sets(&mut account, json!({"HostedZoneId": id}))[2..], ["one.a.test. CNAME"]);
    batch(&mut account, &id, &[("UPSERT", plain("one.a.test", "CNAME", &["c.test"]))]).unwrap();
    let error = batch(
        &mut account,
        &id,
        &[("DELETE", plain("one.a.test", "CNAME", &["b.test"])), ("DELETE", plain("two.a.test", "A", &["1.1.1.1"]))],
    );
    let words = "InvalidChangeBatch: [Tried to delete resource record set [name='one.a.test.', type='CNAME'] but the values \
                 provided do not match the current values, Tried to delete resource record set [name='two.a.test.', \
                 type='A'] but it was not found]";
    assert_eq!(error.unwrap_err(), words);
}

#[test]
fn what_cannot_be_in_a_zone_is_refused_in_route_53s_words() {
    let mut account = Account::new();
    let id = zone(&mut account, "a.test");
    batch(
        &mut account,
        &id,
        &[("CREATE", plain("c.a.test", "CNAME", &["b.test"])), ("CREATE", plain("x.a.test", "A", &["1.1.1.1"]))],
    )
    .unwrap();
    let mut refused = |set: Value, words: &str| {
        let error = batch(&mut account, &id, &[("CREATE", set)]).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    refused(
        plain("a.other", "A", &["1.1.1.1"]),
        "InvalidChangeBatch: [RRSet with DNS name a.other. is not permitted in zone a.test.]",
    );
    refused(
        plain("a.test", "CNAME", &["b.test"]),
        "RRSet of type CNAME with DNS name a.test. is not permitted at apex in zone a.test.",
    );
    refused(
        plain("x.a.test", "CNAME", &["b.test"]),
        "is not permitted as it conflicts with other records with the same DNS name in zone a.test.",
    );
    refused(
        plain("c.a.test", "A", &["1.1.1.1"]),
        "because a conflicting RRSet of type CNAME with the same DNS name already exists",
    );
    refused(
        plain("y.a.test", "A", &["1.1.1.256"]),
        "Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '1.1.1.256'",
    );
    refused(plain("y.a.test", "AAAA", &["1.1.1.1"]), "AAAARRDATAIllegalIPv6Address");
    refused(
        plain("y.a.test", "TXT", &["bare"]),
        "InvalidCharacterString (Value should be enclosed in quotation marks)",
    );
    refused(
        plain("y.a.test", "TXT", &[&format!("\"{}\"", "x".repeat(256))]),
        "CharacterStringTooLong (Value is too long)",
    );
    refused(plain("y.a.test", "SRV", &["1 1 b.test"]), "SRVRRDATANotFourFields");
    refused(plain("y.a.test", "MX", &["b.test"]), "MXRRDATANotTwoFields");
    refused(plain("y.a.test", "CNAME", &["b.test", "c.test"]), "CNAMENotOneValue");
    refused(plain("y.a.test", "A", &["1.1.1.1", "1.1.1.1"]), "DuplicateResourceRecord");
    refused(
        json!({"Name": "y.a.test", "Type": "A"}),
        "InvalidInput: Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=y.a.test., Type=A, SetIdentifier=null]",
    );
    let mut weighted = plain("y.a.test", "A", &["1.1.1.1"]);
    weighted["Weight"] = json!(1);
    refused(weighted.clone(), "Missing field 'SetIdentifier'");
    weighted["SetIdentifier"] = json!("s");
    weighted["Failover"] = json!("PRIMARY");
    refused(weighted.clone(), "found more than one");
    weighted.as_object_mut().unwrap().shift_remove("Failover");
    weighted["Name"] = json!("x.a.test");
    refused(weighted, "RRSet with DNS name x.a.test., type A, SetIdentifier s cannot be created because");
    let mut checked = plain("y.a.test", "A", &["1.1.1.1"]);
    checked["HealthCheckId"] = json!("h");
    refused(checked, "NoSuchHealthCheck");
    let alias = |zone: &str, to: &str| json!({"Name": "z.a.test", "Type": "A", "AliasTarget": {"HostedZoneId": zone, "DNSName": to, "EvaluateTargetHealth": false}});
    let own = id.trim_start_matches("/hostedzone/").to_owned();
    let mut refused = |set: Value, words: &str| {
        let error = batch(&mut account, &id, &[("CREATE", set)]).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    refused(alias(&own, "b.test"), "but the alias target name does not lie within the target zone");
    refused(alias(&own, "none.a.test"), "but that target was not found");
    for (kind, words) in [("NS", "at least one NS record"), ("SOA", "exactly one SOA record")] {
        let all = account.call("ListResourceRecordSets", json!({"HostedZoneId": id})).unwrap();
        let set = all["ResourceRecordSets"].as_array().unwrap().iter().find(|set| set["Type"] == kind).unwrap().clone();
        let error = batch(&mut account, &id, &[("DELETE", set)]).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    batch(&mut account, &id, &[("CREATE", alias(&own, "X.a.test")), ("CREATE", plain("*.a.test", "A", &["1.1.1.1"]))])
        .unwrap();
}

#[test]
fn sets_are_listed_by_reversed_names_in_pages() {
    let mut account = Account::new();
    let id = zone(&mut account, "a.test");
    let weighted = |identifier: &str| {
        let mut set = plain("w.a.test", "A", &["1.1.1.1"]);
        (set["Weight"], set["SetIdentifier"]) = (json!(1), json!(identifier));
        set
    };
    let new = [
        plain("b.x.a.test", "A", &["1.1.1.1"]),
        plain("x.a.test", "TXT", &["\"t\""]),
        plain("x.a.test", "A", &["1.1.1.1"]),
        plain("x-y.a.test", "A", &["1.1.1.1"]),
        plain("*.a.test", "A", &["1.1.1.1"]),
        weighted("2"),
        weighted("1"),
    ];
    let changes: Vec<(&str, Value)> = new.into_iter().map(|set| ("CREATE", set)).collect();
    batch(&mut account, &id, &changes).unwrap();
    let all = [
        "a.test. NS",
        "a.test. SOA",
        "\\052.a.test. A",
        "w.a.test. A 1",
        "w.a.test. A 2",
        "x-y.a.test. A",
        "x.a.test. A",
        "x.a.test. TXT",
        "b.x.a.test. A",
    ];
    for size in [1, 2, 4, 300] {
        assert_eq!(sets(&mut account, json!({"HostedZoneId": id, "MaxItems": size.to_string()})), all, "{size}");
    }
    let from = |start: Value| {
        let mut input = json!({"HostedZoneId": id});
        input.as_object_mut().unwrap().extend(start.as_object().unwrap().clone());
        input
    };
    assert_eq!(sets(&mut account, from(json!({"StartRecordName": "X.a.test"}))), all[6..]);
    assert_eq!(sets(&mut account, from(json!({"StartRecordName": "x.a.test", "StartRecordType": "MX"}))), all[7..]);
    assert_eq!(sets(&mut account, from(json!({"StartRecordName": "*.a.test."}))), all[2..]);
    let error = account.refused("ListResourceRecordSets", from(json!({"StartRecordType": "A"})));
    assert!(error.starts_with("InvalidInput"), "{error}");
    let error = account.refused("ListResourceRecordSets", from(json!({"MaxItems": "many"})));
    assert!(error.starts_with("InvalidInput"), "{error}");
}

#[test]
fn zones_are_listed_in_pages_and_by_name() {
    let mut account = Account::new();
    let names = ["b.test", "a.test", "x.a.test", "a.example"];
    names.iter().for_each(|name| drop(zone(&mut account, name)));
    private(&mut account, "in.test", "vpc-1").unwrap();
    let mut seen = Vec::new();
    let mut input = json!({"MaxItems": "2"});
    loop {
        let page = account.call("ListHostedZones", input.clone()).unwrap();
        seen.extend(
            page["HostedZones"].as_array().unwrap().iter().map(|zone| zone["Name"].as_str().unwrap().to_owned()),
        );
        match page.get("NextMarker") {
            Some(marker) => input["Marker"] = marker.clone(),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["a.example.", "a.test.", "b.test.", "in.test.", "x.a.test."]);
    let page = account.call("ListHostedZones", json!({"HostedZoneType": "PrivateHostedZone"})).unwrap();
    assert_eq!(page["HostedZones"].as_array().unwrap().len(), 1);
    assert_eq!(account.call("GetHostedZoneCount", json!({})).unwrap(), json!({"HostedZoneCount": 5}));
    let mut seen = Vec::new();
    let mut input = json!({"MaxItems": "1", "DNSName": "a.test"});
    loop {
        let page = account.call("ListHostedZonesByName", input.clone()).unwrap();
        seen.extend(
            page["HostedZones"].as_array().unwrap().iter().map(|zone| zone["Name"].as_str().unwrap().to_owned()),
        );
        match page.get("NextDNSName") {
            Some(name) => (input["DNSName"], input["HostedZoneId"]) = (name.clone(), page["NextHostedZoneId"].clone()),
            None => break,
        }
    }
    assert_eq!(seen, ["a.test.", "x.a.test.", "b.test.", "in.test."]);
}

#[test]
fn zones_have_tags() {
    let mut account = Account::new();
    let id = zone(&mut account, "a.test").replace("/hostedzone/", "");
    let change = |account: &mut Account, input: Value| {
        let mut asked = json!({"ResourceType": "hostedzone", "ResourceId": id});
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        account.call("ChangeTagsForResource", asked)
    };
    change(&mut account, json!({"AddTags": [{"Key": "a", "Value": "1"}, {"Key": "b"}]})).unwrap();
    change(&mut account, json!({"AddTags": [{"Key": "a", "Value": "2"}], "RemoveTagKeys": ["b"]})).unwrap();
    assert!(change(&mut account, json!({})).unwrap_err().starts_with("InvalidInput"));
    let tags = json!({"ResourceType": "hostedzone", "ResourceId": id, "Tags": [{"Key": "a", "Value": "2"}]});
    let asked = json!({"ResourceType": "hostedzone", "ResourceId": id});
    let told = account.call_of(Service::Route53, "ListTagsForResource", asked).unwrap();
    assert_eq!(told["ResourceTagSet"], tags);
    let told =
        account.call("ListTagsForResources", json!({"ResourceType": "hostedzone", "ResourceIds": [id]})).unwrap();
    assert_eq!(told["ResourceTagSets"], json!([tags]));
    let error = account.refused("ListTagsForResources", json!({"ResourceType": "healthcheck", "ResourceIds": ["h"]}));
    assert!(error.starts_with("NoSuchHealthCheck"), "{error}");
}
