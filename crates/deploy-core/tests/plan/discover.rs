//! By which names services are found, and what a deploy makes for that.

use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::desired::{Desired, DiscoverSpec};
use deploy_core::plan::discovery::{self, DiscoverError, ObservedDiscovery};
use deploy_core::plan::{Action, Plan};
use serde_json::{Value, json};

use crate::world::{World, manifest, object, text, told};

/// Cloud Map in memory, in one VPC.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    namespaces: BTreeMap<String, Document>,
    /// By whole name.
    registries: BTreeMap<String, Document>,
}

impl Names {
    pub(crate) fn look(&self, outline: &Desired, services: &BTreeMap<String, Document>) -> ObservedDiscovery {
        let wanted: Vec<&DiscoverSpec> = discovery::wanted(outline).collect();
        let ours = |arn: &&str| {
            let found = self.registries.iter().find(|(_, found)| text(found, "Arn") == *arn);
            found.is_some_and(|(name, found)| {
                wanted.iter().all(|spec| spec.name != *name)
                    && discovery::made_for(found) == Some((&outline.app, &outline.stage))
            })
        };
        let live = services.values().flat_map(discovery::registries_of);
        let left = live.filter(ours).map(str::to_owned).collect();
        if wanted.is_empty() {
            return ObservedDiscovery { left, ..ObservedDiscovery::default() };
        }
        ObservedDiscovery {
            vpc: Some("vpc-1".to_owned()),
            namespaces: self.namespaces.clone(),
            registries: self.registries.clone(),
            left,
        }
    }

    pub(crate) fn namespace(&mut self, mut request: Document) -> String {
        let (name, id) = (text(&request, "Name").to_owned(), format!("ns-{}", self.namespaces.len()));
        assert_eq!(text(&request, "Vpc"), "vpc-1");
        request.insert("Id".into(), id.as_str().into());
        assert!(self.namespaces.insert(name, request).is_none(), "twice");
        id
    }

    pub(crate) fn registry(&mut self, mut request: Document) -> String {
        let namespace = self.namespaces.iter().find(|(_, found)| text(found, "Id") == text(&request, "NamespaceId"));
        let name = format!("{}.{}", text(&request, "Name"), namespace.unwrap().0);
        let arn = format!("arn:aws:servicediscovery:us-east-1:1:service/srv-{}", self.registries.len());
        request.insert("Arn".into(), arn.as_str().into());
        assert!(self.registries.insert(name, request).is_none(), "twice");
        arn
    }
}

/// Two services; the second one's further lines.
fn shop(api: &str, web: &str) -> String {
    format!(
        "app = \"shop\"\n[services.api]\n{api}\ncontainers.api.image = \"api:1\"\n[services.web]\n{web}\ncontainers.web.image = \"web:1\"\n[stages.prod]\nsubnets = [\"subnet-1\"]\n"
    )
}

fn deployed(text: &str) -> World {
    let mut world = World::new();
    let plan = world.plan(&manifest(text), "local");
    world.apply(&plan);
    world
}

/// The steps that make and change services and names.
fn plan(world: &World, text: &str) -> (Plan, Vec<String>) {
    let plan = world.plan(&manifest(text), "local");
    let told = told(&plan);
    let told = told
        .into_iter()
        .filter(|line| !["cluster", "log group", "task definition"].iter().any(|k| line[2..].starts_with(k)));
    let told = told.collect();
    (plan, told)
}

const API: &str = "discover = \"api.shop.local\"";
const WEB: &str = "discover = \"web.shop.local\"";

#[test]
fn what_is_missing_is_made_once_and_before_the_services() {
    let (made, steps) = plan(&World::new(), &shop(API, WEB));
    let expected = [
        "+ namespace shop.local",
        "+ registry api.shop.local",
        "+ registry web.shop.local",
        "+ service shop-api-local",
        "+ service shop-web-local",
    ];
    assert_eq!(steps, expected);
    let request = made.steps.iter().find_map(|step| match &step.action {
        Action::CreateRegistry { request } => Some(Value::Object(request.clone())),
        _ => None,
    });
    let expected = json!({
        "Name": "api", "NamespaceId": "managr:namespace:shop.local", "Description": "made by managr for shop, stage local",
        "DnsConfig": {"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}]},
        "HealthCheckCustomConfig": {"FailureThreshold": 1},
    });
    assert_eq!(request, Some(expected));
    let world = deployed(&shop(API, WEB));
    assert_eq!(told(&world.plan(&manifest(&shop(API, WEB)), "local")), [""; 0], "nothing is left to do");
    let service = &world.services["shop-api-local"];
    assert_eq!(
        service["serviceRegistries"],
        json!([{"registryArn": "arn:aws:servicediscovery:us-east-1:1:service/srv-0"}])
    );
}

#[test]
fn a_service_that_runs_gets_a_name_another_one_or_none() {
    let world = deployed(&shop("", ""));
    let expected =
        ["+ namespace shop.local", "+ registry api.shop.local", "~ service shop-api-local [serviceRegistries]"];
    assert_eq!(plan(&world, &shop(API, "")).1, expected);
    let world = deployed(&shop(API, ""));
    let (made, steps) = plan(&world, &shop("discover = \"v2.shop.local\"", ""));
    assert_eq!(steps, ["+ registry v2.shop.local", "~ service shop-api-local [serviceRegistries]"]);
    assert!(made.notes[0].ends_with("`aws servicediscovery delete-service --id srv-0` removes it"), "{:?}", made.notes);
    let (made, steps) = plan(&world, &shop("", ""));
    assert_eq!(steps, ["~ service shop-api-local [serviceRegistries]"]);
    let Action::UpdateService { request } = &made.steps[0].action else { panic!("{:?}", made.steps) };
    assert_eq!(request["serviceRegistries"], json!([]), "API reference, UpdateService: an empty list removes");
}

#[test]
fn a_registry_that_somebody_else_made_is_used_and_let_be() {
    let mut world = World::new();
    let id = world.names.namespace(object(json!({"Name": "shop.local", "Vpc": "vpc-1"})));
    let records = json!({"DnsRecords": [{"Type": "A", "TTL": 60}]});
    let arn = world.names.registry(object(json!({"Name": "api", "NamespaceId": id, "DnsConfig": records})));
    assert_eq!(plan(&world, &shop(API, "")).1, ["+ service shop-api-local", "+ service shop-web-local"]);
    let made = world.plan(&manifest(&shop(API, "")), "local");
    world.apply(&made);
    // Without a word for it, it stays: the manifest never said that it is to go.
    assert_eq!(plan(&world, &shop("", "")).1, [""; 0]);
    // A registry in ECS's own words exists already: nothing is made, and it is what the service gets.
    let written = format!("{WEB}\naws-service = {{ serviceRegistries = [{{ registryArn = \"{arn}\", port = 80 }}] }}");
    assert_eq!(plan(&world, &shop(API, &written)).1, ["~ service shop-web-local [serviceRegistries]"]);
}

#[test]
fn a_name_that_would_lead_elsewhere_is_refused() {
    let check = |text: &str, stage: &str, seen: ObservedDiscovery| {
        let (desired, _) = World::new().drafted(&manifest(text), stage);
        discovery::check(&desired, &seen).map_err(|error| error.to_string())
    };
    let registry = |description: &str, kind: &str| {
        let found = json!({"Description": description, "DnsConfig": {"DnsRecords": [{"Type": kind}]}});
        ObservedDiscovery {
            vpc: Some("vpc-1".into()),
            registries: [("api.shop.local".to_owned(), object(found))].into(),
            ..ObservedDiscovery::default()
        }
    };
    let of = |app: &str, stage: &str| discovery::mark(app, stage);
    assert_eq!(check(&shop(API, ""), "prod", registry(&of("shop", "prod"), "A")), Ok(()));
    assert_eq!(check(&shop(API, ""), "prod", registry("by hand", "A")), Ok(()));
    let taken = check(&shop(API, ""), "prod", registry(&of("shop", "staging"), "A")).unwrap_err();
    assert!(taken.starts_with("`api.shop.local` is the name of shop, stage staging in the same network"), "{taken}");
    let other = check(&shop(API, ""), "prod", registry("by hand", "SRV")).unwrap_err();
    assert!(other.contains("with SRV records"), "{other}");
    let nowhere = check(&shop(API, ""), "prod", ObservedDiscovery::default());
    let stage = "prod".to_owned();
    assert_eq!(nowhere, Err(DiscoverError::NoSubnets { stage, name: "api.shop.local".into() }.to_string()));
}
