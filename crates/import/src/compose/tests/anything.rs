//! Whatever stands in a compose file, reading it does not panic, and what comes of it is a manifest that ECS takes.

use proptest::prelude::*;

use crate::Folder;
use crate::compose::{read, wanted};
use deploy_core::{Facts, desired, parse};

const KEYS: [&str; 46] = [
    "build",
    "cap_add",
    "cap_drop",
    "command",
    "container_name",
    "cpus",
    "depends_on",
    "deploy",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "healthcheck",
    "image",
    "init",
    "labels",
    "links",
    "mem_limit",
    "mem_reservation",
    "networks",
    "platform",
    "ports",
    "profiles",
    "read_only",
    "restart",
    "secrets",
    "stop_grace_period",
    "tmpfs",
    "ulimits",
    "user",
    "volumes",
    "working_dir",
    "scale",
    "x-a",
    "nonsense",
    "context",
    "dockerfile",
    "args",
    "test",
    "interval",
    "target",
    "source",
    "type",
    "resources",
    "limits",
];
const SCALARS: [&str; 38] = [
    "",
    "~",
    "true",
    "x",
    "0",
    "-1",
    "1.5",
    "80",
    "80:80",
    "8000-8002",
    "1000000",
    "1g",
    "5m",
    "10s",
    "a",
    "b",
    ".",
    "./x",
    "../x",
    "/x",
    "/x:/y:ro",
    "./c.conf:/etc/c.conf",
    "v:/data",
    "A=b",
    "'P=${DB_PASSWORD}'",
    "'${DB_PASSWORD}'",
    "'[${DB_PASSWORD:-x}]'",
    "'a \"b'",
    "'${X:-y}'",
    "'$$'",
    "postgres",
    "'redis:7'",
    "'http://b:80/x'",
    "linux/arm64",
    "always",
    "b:c",
    "'\u{e9} \u{1f600}'",
    "'[CMD'",
];

fn node() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(&SCALARS[..]).prop_map(str::to_owned);
    scalar.prop_recursive(3, 12, 4, |inner| {
        let quoted = |text: &String| if text.is_empty() { "''".to_owned() } else { text.clone() };
        let list = prop::collection::vec(inner.clone(), 0..4)
            .prop_map(move |items| format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")));
        let key = prop::sample::select(&KEYS[..]);
        let map = prop::collection::btree_map(key, inner, 0..4).prop_map(move |entries| {
            let entries: Vec<String> = entries.iter().map(|(key, text)| format!("{key}: {}", quoted(text))).collect();
            format!("{{{}}}", entries.join(", "))
        });
        prop_oneof![list, map]
    })
}

fn service() -> impl Strategy<Value = String> {
    let own = prop::collection::btree_map(prop::sample::select(&KEYS[..]), node(), 1..7);
    own.prop_map(|own| own.iter().map(|(key, text)| format!("    {key}: {text}\n")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_manifest_that_ecs_takes_comes_of_any_services(services in prop::collection::vec(service(), 1..5)) {
        let mut text = "services:\n".to_owned();
        for (index, lines) in services.iter().enumerate() {
            text.push_str(&format!("  {}:\n{lines}", ["a", "b", "C.d", "_e-"][index]));
        }
        let env = "DB_PASSWORD=hunter2\n".to_owned();
        let folder = Folder::from([("c.yml".to_owned(), text.clone()), (".env".to_owned(), env)]);
        let _ = wanted(&folder, "c.yml");
        if let Ok(composed) = read(&folder, "c.yml") {
            let written = crate::write::text(&composed.manifest, &[]);
            let manifest = parse("managr.toml", &written).unwrap_or_else(|errors| panic!("{:?}\n{text}\n{written}", errors.errors()));
            let desired = desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap();
            prop_assert_eq!(desired.refusals(), []);
            prop_assert!(!format!("{composed:?}").contains("hunter2"), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(services|a|  |\n|: |- |\\[|\\]|\\{|\\}|&a|\\*a|<<|\\$\\{|\\}|\"|'|x|\u{e9}){0,40}", env in "(A|=|\"|'|\\$|\\{|\\}|#| |\n|\\\\|\u{e9}){0,30}") {
        let folder = Folder::from([
            ("c.yml".to_owned(), text),
            (".env".to_owned(), env.clone()),
        ]);
        let _ = read(&folder, "c.yml");
        let named = "services: { a: { image: 'x:1', env_file: e } }".to_owned();
        let folder = Folder::from([("c.yml".to_owned(), named), ("e".to_owned(), env)]);
        let _ = read(&folder, "c.yml");
    }
}
