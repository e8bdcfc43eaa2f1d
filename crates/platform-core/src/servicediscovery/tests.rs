//! Cloud Map, told as calls and what they answer.

use aws_model::Service;
use serde_json::{Value, json};

use crate::account::Account;
use crate::names::{RecordKind, Resolution, resolve};

fn call(account: &mut Account, name: &str, input: Value) -> Result<Value, String> {
    account.call_of(Service::ServiceDiscovery, name, input)
}

fn refused(account: &mut Account, name: &str, input: Value, words: &str) {
    let error = call(account, name, input).expect_err(name);
    assert!(error.starts_with(words), "{error}");
}

/// Makes a namespace, and returns its id, as its operation says.
fn namespace(account: &mut Account, kind: &str, name: &str) -> String {
    let input = match kind {
        "PrivateDns" => json!({"Name": name, "Vpc": "vpc-1"}),
        _ => json!({"Name": name}),
    };
    let done = call(account, &format!("Create{kind}Namespace"), input).unwrap();
    let told = call(account, "GetOperation", done).unwrap()["Operation"].clone();
    assert_eq!((&told["Type"], &told["Status"]), (&json!("CREATE_NAMESPACE"), &json!("SUCCESS")));
    told["Targets"]["NAMESPACE"].as_str().unwrap().to_owned()
}

fn service(account: &mut Account, input: Value) -> String {
    call(account, "CreateService", input).unwrap()["Service"]["Id"].as_str().unwrap().to_owned()
}

fn dns(namespace: &str, name: &str, kind: &str) -> Value {
    json!({"Name": name, "NamespaceId": namespace, "DnsConfig": {"DnsRecords": [{"Type": kind, "TTL": 10}]}})
}

fn answers(account: &Account, name: &str, kind: RecordKind) -> usize {
    match resolve(&account.world, account.region, name, kind, 0) {
        Resolution::Records(answers) => answers.len(),
        _ => 0,
    }
}

#[test]
fn a_private_namespace_has_a_zone_that_cloud_map_alone_changes() {
    let mut account = Account::new();
    let id = namespace(&mut account, "PrivateDns", "shop.local");
    let told = call(&mut account, "GetNamespace", json!({"Id": id})).unwrap()["Namespace"].clone();
    assert_eq!((&told["Type"], &told["Name"]), (&json!("DNS_PRIVATE"), &json!("shop.local")));
    let zone = told["Properties"]["DnsProperties"]["HostedZoneId"].as_str().unwrap().to_owned();
    let of_route53 = account.call("GetHostedZone", json!({"Id": zone})).unwrap();
    assert_eq!(of_route53["HostedZone"]["LinkedService"]["Description"], told["Arn"]);
    assert_eq!(of_route53["VPCs"], json!([{"VPCRegion": "us-east-1", "VPCId": "vpc-1"}]));
    let set = json!({"Name": "x.shop.local", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "1.1.1.1"}]});
    let changes =
        json!({"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": "CREATE", "ResourceRecordSet": set}]}});
    let words = format!(
        "AccessDenied: The resource hostedzone/{zone} can only be managed through AWS Cloud Map ({})",
        told["Arn"].as_str().unwrap()
    );
    assert_eq!(account.refused("ChangeResourceRecordSets", changes), words);
    assert_eq!(account.refused("DeleteHostedZone", json!({"Id": zone})), words);
    // The instances' records are in it.
    let service = service(&mut account, dns(&id, "api", "A"));
    call(
        &mut account,
        "RegisterInstance",
        json!({"ServiceId": service, "InstanceId": "i1", "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"}}),
    )
    .unwrap();
    let sets = account
        .call("ListResourceRecordSets", json!({"HostedZoneId": zone, "StartRecordName": "api.shop.local"}))
        .unwrap();
    let own = json!([{"Name": "api.shop.local.", "Type": "A", "SetIdentifier": "i1", "MultiValueAnswer": true, "TTL": 10,
        "ResourceRecords": [{"Value": "10.0.0.1"}]}]);
    assert_eq!(sets["ResourceRecordSets"], own);
    assert_eq!(account.call("GetHostedZone", json!({"Id": zone})).unwrap()["HostedZone"]["ResourceRecordSetCount"], 3);
    assert_eq!(answers(&account, "api.shop.local", RecordKind::A), 1);
    // Another zone of the name for the VPC: the operation fails, not the call.
    let done = call(&mut account, "CreatePrivateDnsNamespace", json!({"Name": "Shop.local", "Vpc": "vpc-1"})).unwrap();
    let told = call(&mut account, "GetOperation", done).unwrap()["Operation"].clone();
    assert_eq!((&told["Status"], &told["ErrorCode"]), (&json!("FAIL"), &json!("CANNOT_CREATE_HOSTED_ZONE")));
    // From the inside out it goes again.
    refused(&mut account, "DeleteNamespace", json!({"Id": id}), "ResourceInUse");
    refused(
        &mut account,
        "DeleteService",
        json!({"Id": service}),
        "ResourceInUse: Service contains registered instances",
    );
    call(&mut account, "DeregisterInstance", json!({"ServiceId": service, "InstanceId": "i1"})).unwrap();
    assert_eq!(answers(&account, "api.shop.local", RecordKind::A), 0);
    call(&mut account, "DeleteService", json!({"Id": service})).unwrap();
    call(&mut account, "DeleteNamespace", json!({"Id": id})).unwrap();
    assert!(account.refused("GetHostedZone", json!({"Id": zone})).starts_with("NoSuchHostedZone"));
    refused(&mut account, "GetNamespace", json!({"Id": id}), "NamespaceNotFound");
}

#[test]
fn the_same_request_makes_one_namespace_and_one_service() {
    let mut account = Account::new();
    let asked = json!({"Name": "shop.local", "Vpc": "vpc-1", "CreatorRequestId": "r"});
    let first = call(&mut account, "CreatePrivateDnsNamespace", asked.clone()).unwrap();
    assert_eq!(call(&mut account, "CreatePrivateDnsNamespace", asked).unwrap(), first);
    let http = namespace(&mut account, "Http", "shop");
    refused(&mut account, "CreateHttpNamespace", json!({"Name": "shop"}), "NamespaceAlreadyExists");
    let asked = json!({"Name": "api", "NamespaceId": http, "CreatorRequestId": "s"});
    let first = call(&mut account, "CreateService", asked.clone()).unwrap();
    assert_eq!(call(&mut account, "CreateService", asked).unwrap(), first);
    refused(&mut account, "CreateService", json!({"Name": "API", "NamespaceId": http}), "ServiceAlreadyExists");
}

#[test]
fn namespaces_are_listed_by_filters_and_updated() {
    let mut account = Account::new();
    let http = namespace(&mut account, "Http", "shop");
    let private = namespace(&mut account, "PrivateDns", "shop.local");
    let public = namespace(&mut account, "PublicDns", "example.com");
    let mut listed = |filters: Value| {
        let list = call(&mut account, "ListNamespaces", json!({"Filters": filters})).unwrap();
        let mut ids: Vec<String> =
            list["Namespaces"].as_array().unwrap().iter().map(|one| one["Id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(listed(json!([])), sorted(&[&http, &private, &public]));
    assert_eq!(
        listed(json!([{"Name": "TYPE", "Values": ["DNS_PRIVATE", "DNS_PUBLIC"], "Condition": "IN"}])),
        sorted(&[&private, &public])
    );
    assert_eq!(
        listed(json!([{"Name": "NAME", "Values": ["shop"], "Condition": "BEGINS_WITH"}])),
        sorted(&[&http, &private])
    );
    assert_eq!(
        listed(json!([{"Name": "NAME", "Values": ["shop"]}, {"Name": "TYPE", "Values": ["HTTP"]}])),
        [http.as_str()]
    );
    assert!(listed(json!([{"Name": "RESOURCE_OWNER", "Values": ["OTHER_ACCOUNTS"]}])).is_empty());
    let bad = json!({"Filters": [{"Name": "NAME", "Values": ["a", "b"], "Condition": "EQ"}]});
    refused(&mut account, "ListNamespaces", bad, "InvalidInput");
    let change = json!({"Description": "d", "Properties": {"DnsProperties": {"SOA": {"TTL": 77}}}});
    refused(&mut account, "UpdatePublicDnsNamespace", json!({"Id": private, "Namespace": change}), "InvalidInput");
    call(&mut account, "UpdatePrivateDnsNamespace", json!({"Id": private, "Namespace": change})).unwrap();
    let told = call(&mut account, "GetNamespace", json!({"Id": private})).unwrap()["Namespace"].clone();
    assert_eq!((&told["Description"], &told["Properties"]["DnsProperties"]["SOA"]["TTL"]), (&json!("d"), &json!(77)));
    let zone = told["Properties"]["DnsProperties"]["HostedZoneId"].clone();
    let sets = account.call("ListResourceRecordSets", json!({"HostedZoneId": zone})).unwrap();
    assert_eq!(sets["ResourceRecordSets"][1]["TTL"], 77);
    let done =
        call(&mut account, "ListOperations", json!({"Filters": [{"Name": "NAMESPACE_ID", "Values": [private]}]}))
            .unwrap();
    assert_eq!(done["Operations"].as_array().unwrap().len(), 2);
    let done = call(
        &mut account,
        "ListOperations",
        json!({"Filters": [{"Name": "UPDATE_DATE", "Values": ["0", "1"], "Condition": "BETWEEN"}]}),
    );
    assert_eq!(done.unwrap()["Operations"], json!([]));
}

#[test]
fn what_no_service_can_be_is_refused() {
    let mut account = Account::new();
    let http = namespace(&mut account, "Http", "shop");
    let id = namespace(&mut account, "PrivateDns", "shop.local");
    let mut no = |input: Value, words: &str| refused(&mut account, "CreateService", input, words);
    no(json!({"Name": "api"}), "InvalidInput: NamespaceId");
    no(json!({"Name": "api", "NamespaceId": "ns-1"}), "NamespaceNotFound");
    no(dns(&http, "api", "A"), "InvalidInput: DnsConfig");
    no(
        json!({"Name": "a", "NamespaceId": id, "HealthCheckConfig": {"Type": "TCP"}}),
        "InvalidInput: HealthCheckConfig",
    );
    let with = |records: Value, policy: Value| json!({"Name": "a", "DnsConfig": {"NamespaceId": id, "RoutingPolicy": policy, "DnsRecords": records}});
    let record = |kind: &str| json!({"Type": kind, "TTL": 1});
    no(with(json!([record("CNAME")]), json!("MULTIVALUE")), "InvalidInput: A CNAME");
    no(with(json!([record("CNAME"), record("A")]), json!("WEIGHTED")), "InvalidInput: A CNAME");
    no(with(json!([record("A"), record("A")]), json!("WEIGHTED")), "InvalidInput: DnsRecords");
    no(with(json!([]), json!("WEIGHTED")), "InvalidInput: DnsRecords");
    let made =
        call(&mut account, "CreateService", with(json!([record("A"), record("SRV")]), json!("WEIGHTED"))).unwrap();
    let told = &made["Service"];
    assert_eq!((&told["Type"], &told["DnsConfig"]["RoutingPolicy"]), (&json!("DNS_HTTP"), &json!("WEIGHTED")));
    let update = |records: Value| json!({"Id": told["Id"], "Service": {"DnsConfig": {"DnsRecords": records}}});
    refused(&mut account, "UpdateService", update(json!([record("AAAA")])), "InvalidInput");
    call(&mut account, "UpdateService", update(json!([{"Type": "A", "TTL": 99}]))).unwrap();
    let told = call(&mut account, "GetService", json!({"Id": told["Id"]})).unwrap()["Service"].clone();
    assert_eq!(told["DnsConfig"]["DnsRecords"], json!([{"Type": "A", "TTL": 99}]));
}

#[test]
fn an_instance_has_what_its_services_records_need() {
    let mut account = Account::new();
    let id = namespace(&mut account, "PrivateDns", "shop.local");
    let a = service(&mut account, dns(&id, "a", "A"));
    let srv = service(&mut account, dns(&id, "srv", "SRV"));
    let cname = service(&mut account, dns(&id, "cname", "CNAME"));
    let mut alias = dns(&id, "alias", "A");
    alias["DnsConfig"]["RoutingPolicy"] = json!("WEIGHTED");
    let alias = service(&mut account, alias);
    let register = |account: &mut Account, service: &str, attributes: Value| {
        call(account, "RegisterInstance", json!({"ServiceId": service, "InstanceId": "i", "Attributes": attributes}))
    };
    let mut no = |service: &str, attributes: Value| {
        let error = register(&mut account, service, attributes).unwrap_err();
        assert!(error.starts_with("InvalidInput"), "{error}");
    };
    no(&a, json!({}));
    no(&a, json!({"AWS_INSTANCE_IPV4": "10.0.0"}));
    no(&a, json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INIT_HEALTH_STATUS": "HEALTHY"}));
    no(&a, json!({"AWS_ALIAS_DNS_NAME": "x.elb.localhost"}));
    no(&a, json!({"AWS_EC2_INSTANCE_ID": "i-1"}));
    no(&srv, json!({"AWS_INSTANCE_IPV4": "10.0.0.1"}));
    no(&srv, json!({"AWS_INSTANCE_PORT": "80"}));
    no(&srv, json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "http"}));
    no(&cname, json!({"AWS_INSTANCE_IPV4": "10.0.0.1"}));
    no(&alias, json!({"AWS_ALIAS_DNS_NAME": "x.elb.localhost", "AWS_INSTANCE_IPV4": "10.0.0.1"}));
    let many: serde_json::Map<String, Value> = (0..31).map(|n| (format!("k{n}"), json!("v"))).collect();
    no(&a, Value::Object(many));
    register(&mut account, &srv, json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80"})).unwrap();
    register(&mut account, &cname, json!({"AWS_INSTANCE_CNAME": "example.com"})).unwrap();
    register(&mut account, &alias, json!({"AWS_ALIAS_DNS_NAME": "x.elb.localhost"})).unwrap();
    assert_eq!(answers(&account, "srv.shop.local", RecordKind::Srv), 1);
    assert_eq!(answers(&account, "i.srv.shop.local", RecordKind::A), 1);
    assert_eq!(answers(&account, "cname.shop.local", RecordKind::A), 1);
    assert_eq!(answers(&account, "alias.shop.local", RecordKind::A), 1);
    refused(&mut account, "GetInstance", json!({"ServiceId": a, "InstanceId": "i"}), "InstanceNotFound");
    let told = call(&mut account, "GetInstance", json!({"ServiceId": srv, "InstanceId": "i"})).unwrap();
    assert_eq!(told["Instance"]["Attributes"], json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80"}));
}

#[test]
fn instances_are_discovered_by_attributes_and_health() {
    let mut account = Account::new();
    let http = namespace(&mut account, "Http", "shop");
    let id = service(&mut account, json!({"Name": "api", "NamespaceId": http, "HealthCheckCustomConfig": {}}));
    for (instance, colour, health) in [("a", "blue", "HEALTHY"), ("b", "blue", "UNHEALTHY"), ("c", "green", "HEALTHY")]
    {
        let attributes = json!({"colour": colour, "AWS_INIT_HEALTH_STATUS": health});
        call(
            &mut account,
            "RegisterInstance",
            json!({"ServiceId": id, "InstanceId": instance, "Attributes": attributes}),
        )
        .unwrap();
    }
    let found = |account: &mut Account, input: Value| {
        let mut asked = json!({"NamespaceName": "shop", "ServiceName": "api"});
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let told = call(account, "DiscoverInstances", asked).unwrap();
        told["Instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["InstanceId"].as_str().unwrap().to_owned())
            .collect::<String>()
    };
    assert_eq!(found(&mut account, json!({})), "ac");
    assert_eq!(found(&mut account, json!({"HealthStatus": "ALL"})), "abc");
    assert_eq!(found(&mut account, json!({"HealthStatus": "UNHEALTHY"})), "b");
    assert_eq!(found(&mut account, json!({"QueryParameters": {"colour": "blue"}})), "a");
    assert_eq!(found(&mut account, json!({"QueryParameters": {"colour": "red"}})), "");
    assert_eq!(found(&mut account, json!({"OptionalParameters": {"colour": "green"}})), "c");
    assert_eq!(found(&mut account, json!({"OptionalParameters": {"colour": "red"}, "MaxResults": 1})), "a");
    let revision = |account: &mut Account| {
        call(account, "DiscoverInstancesRevision", json!({"NamespaceName": "shop", "ServiceName": "api"})).unwrap()["InstancesRevision"].as_i64().unwrap()
    };
    let before = revision(&mut account);
    for instance in ["a", "b", "c"] {
        call(
            &mut account,
            "UpdateInstanceCustomHealthStatus",
            json!({"ServiceId": id, "InstanceId": instance, "Status": "UNHEALTHY"}),
        )
        .unwrap();
    }
    assert!(revision(&mut account) > before);
    assert_eq!(found(&mut account, json!({})), "");
    assert_eq!(found(&mut account, json!({"HealthStatus": "HEALTHY_OR_ELSE_ALL"})), "abc");
    let told = call(&mut account, "GetInstancesHealthStatus", json!({"ServiceId": id, "MaxResults": 2})).unwrap();
    assert_eq!(told, json!({"Status": {"a": "UNHEALTHY", "b": "UNHEALTHY"}, "NextToken": "b"}));
    refused(&mut account, "GetInstancesHealthStatus", json!({"ServiceId": id, "Instances": ["x"]}), "InstanceNotFound");
    let page =
        call(&mut account, "ListInstances", json!({"ServiceId": id, "MaxResults": 2, "NextToken": "b"})).unwrap();
    assert_eq!((page["Instances"][0]["Id"].as_str(), page.get("NextToken")), (Some("c"), None));
    refused(
        &mut account,
        "DiscoverInstances",
        json!({"NamespaceName": "x", "ServiceName": "api"}),
        "NamespaceNotFound",
    );
    refused(&mut account, "DiscoverInstances", json!({"NamespaceName": "shop", "ServiceName": "x"}), "ServiceNotFound");
    let plain = service(&mut account, json!({"Name": "plain", "NamespaceId": http}));
    call(&mut account, "RegisterInstance", json!({"ServiceId": plain, "InstanceId": "p", "Attributes": {}})).unwrap();
    refused(
        &mut account,
        "UpdateInstanceCustomHealthStatus",
        json!({"ServiceId": plain, "InstanceId": "p", "Status": "HEALTHY"}),
        "CustomHealthNotFound",
    );
    let told =
        call(&mut account, "DiscoverInstances", json!({"NamespaceName": "shop", "ServiceName": "plain"})).unwrap();
    assert_eq!(told["Instances"][0]["HealthStatus"], "UNKNOWN");
}

#[test]
fn namespaces_and_services_have_tags_and_services_attributes() {
    let mut account = Account::new();
    let made = call(&mut account, "CreateHttpNamespace", json!({"Name": "shop", "Tags": [{"Key": "a", "Value": "1"}]}))
        .unwrap();
    let id = call(&mut account, "GetOperation", made).unwrap()["Operation"]["Targets"]["NAMESPACE"].clone();
    let arn = call(&mut account, "GetNamespace", json!({"Id": id})).unwrap()["Namespace"]["Arn"].clone();
    call(
        &mut account,
        "TagResource",
        json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]}),
    )
    .unwrap();
    call(&mut account, "UntagResource", json!({"ResourceARN": arn, "TagKeys": ["b", "c"]})).unwrap();
    let tags = call(&mut account, "ListTagsForResource", json!({"ResourceARN": arn})).unwrap();
    assert_eq!(tags, json!({"Tags": [{"Key": "a", "Value": "2"}]}));
    refused(
        &mut account,
        "ListTagsForResource",
        json!({"ResourceARN": "arn:aws:servicediscovery:us-east-1:1:service/srv-1"}),
        "ResourceNotFound",
    );
    let many: Value = (0..51).map(|n| json!({"Key": format!("k{n}"), "Value": "v"})).collect();
    refused(&mut account, "TagResource", json!({"ResourceARN": arn, "Tags": many}), "TooManyTagsException");
    let service = service(&mut account, json!({"Name": "api", "NamespaceId": arn}));
    let set = |attributes: Value| json!({"ServiceId": service, "Attributes": attributes});
    call(&mut account, "UpdateServiceAttributes", set(json!({"a": "1", "b": "2"}))).unwrap();
    call(&mut account, "DeleteServiceAttributes", set(json!(["a"]))).unwrap();
    let told = call(&mut account, "GetServiceAttributes", json!({"ServiceId": service})).unwrap();
    assert_eq!(told["ServiceAttributes"]["Attributes"], json!({"b": "2"}));
    let many: serde_json::Map<String, Value> = (0..30).map(|n| (format!("k{n}"), json!("v"))).collect();
    refused(&mut account, "UpdateServiceAttributes", set(Value::Object(many)), "ServiceAttributesLimitExceeded");
}
