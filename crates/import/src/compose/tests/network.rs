//! Ports, who takes requests, and names of siblings.

use super::{composed, container, left};

#[test]
fn a_port_that_is_published_is_the_ingress_and_the_likeliest_one_is_taken() {
    for (services, expected) in [
        ("a: {image: 'x:1', ports: ['8000:8000']}", Some(("a", 8000))),
        (
            "web: {image: 'x:1', ports: ['8000:8000']}\n  proxy: {image: 'x:1', ports: ['9000:8080']}",
            Some(("proxy", 8080)),
        ),
        ("web: {image: 'x:1', ports: ['8000:8000']}\n  edge: {image: 'x:1', ports: ['80:9999']}", Some(("edge", 9999))),
        ("nginx: {image: 'x:1', ports: ['443:443', '80:80']}", Some(("nginx", 80))),
        ("db: {image: 'postgres:16', ports: ['5432:5432']}", None),
        ("dns: {image: 'x:1', ports: ['53:53/udp']}", None),
        ("a: {image: 'x:1', expose: [80]}", None),
    ] {
        let composed = composed(&format!("name: t\nservices:\n  {services}\n"));
        let ingress = composed.manifest.services.get("app").unwrap().ingress.clone();
        let found = ingress.as_ref().map(|ingress| (ingress.container.as_str(), ingress.port));
        assert_eq!(found, expected, "{services}");
        let is_told = composed.left.iter().any(|left| left.what == "services.app.ingress");
        assert_eq!(is_told, expected.is_none());
    }
}

#[test]
fn ports_of_every_syntax_are_those_of_the_container() {
    let ports = "ports: ['3000', '8080-8081:90-91', '127.0.0.1:53:53/udp', {target: 7, published: '17', protocol: tcp, name: x}]\nexpose: [9, 90]";
    let composed = super::service(ports);
    let ports: Vec<String> =
        container(&composed, "a").ports.iter().map(|port| format!("{}{:?}", port.number, port.protocol)).collect();
    assert_eq!(ports, ["3000Tcp", "90Tcp", "91Tcp", "53Udp", "7Tcp", "9Tcp"]);
    assert!(left(&composed).contains(&"5 services.a.ports.name: ports have no names here".to_owned()));
}

#[test]
fn two_containers_on_one_port_are_told_and_the_first_keeps_it() {
    let composed = composed(
        "name: t
services:
  front: { image: 'x:1', expose: [80] }
  proxy: { image: 'nginx:1.27', ports: ['80:80'] }
  cache: { image: 'redis:7' }
  queue: { image: 'redis:7' }
",
    );
    assert_eq!(container(&composed, "front").ports, []);
    let told = left(&composed);
    let of = |line: &str| told.iter().filter(|told| told.starts_with(line) && told.contains("both listen")).count();
    assert_eq!((of("3 "), of("6 ")), (1, 1), "{told:?}");
    assert!(told[0].contains("`proxy` and `front` both listen on 80"), "{told:?}");
}

#[test]
fn names_of_siblings_and_their_aliases_are_replaced_and_told() {
    let composed = composed(
        "name: t
services:
  web:
    image: x:1
    environment: { DB_HOST: db, CACHE: 'redis://cache-1:6379', OTHER: db, SITE: 'http://example.com' }
    command: wait-for database:5432 -- run
    links: ['db:database']
  db:
    image: postgres:16
    networks: { default: { aliases: [database] } }
  cache: { image: 'redis:7', container_name: cache-1 }
",
    );
    let web = container(&composed, "web");
    let values: Vec<String> = web.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(values, ["DB_HOST=127.0.0.1", "CACHE=redis://127.0.0.1:6379", "OTHER=db", "SITE=http://example.com"]);
    assert_eq!(web.command.as_ref().unwrap().join(" "), "wait-for 127.0.0.1:5432 -- run");
    let told = left(&composed).into_iter().filter(|told| told.contains("is now")).collect::<Vec<_>>();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].starts_with("5 services.web.environment.DB_HOST: `db` is now `127.0.0.1`"), "{told:?}");
}

#[test]
fn the_load_balancer_asks_what_the_container_s_own_check_asks() {
    let composed =
        super::service("ports: ['80:8000']\nhealthcheck: { test: [CMD, curl, -f, 'http://localhost:8000/ok'] }");
    let ingress = composed.manifest.services.get("app").unwrap().ingress.clone().unwrap();
    assert_eq!(ingress.health_check.unwrap().path.as_deref(), Some("/ok"));
}
