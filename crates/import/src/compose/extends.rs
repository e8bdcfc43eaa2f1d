//! What does a service say once what it extends is put into it? (05-services.md, "extends")

use super::account::Word;
use super::source::{Source, pairs};
use super::yaml::{self, Member, Node, Value, get};
use super::{ComposeError, yaml::parse};

/// Returns the services with what each extends merged into it.
pub(super) fn resolve(source: &mut Source<'_>, services: &[Member]) -> Result<Vec<Member>, ComposeError> {
    let mut resolved = Vec::with_capacity(services.len());
    for service in services {
        let mut trail = Vec::new();
        let extends: Vec<Member> = service.node.entries().iter().filter(|e| e.key == "extends").cloned().collect();
        let mut extends = extends;
        source.open(&format!("services.{}", service.key), &mut extends, &[]);
        let value = Value::Map(whole(source, services, service, &mut trail)?);
        let what = format!("services.{}.extends", service.key);
        if !source.left.iter().any(|left| left.what == what) {
            for node in
                extends.iter().flat_map(|e| [Some(&e.node), e.node.get("service"), e.node.get("file")]).flatten()
            {
                source.claim(node, vec![Word::Container(Vec::new())], None);
            }
        }
        let node = Node { value, line: service.node.line, ..Node::default() };
        resolved.push(Member { key: service.key.clone(), line: service.line, node });
    }
    Ok(resolved)
}

fn whole(
    source: &mut Source<'_>,
    services: &[Member],
    service: &Member,
    trail: &mut Vec<String>,
) -> Result<Vec<Member>, ComposeError> {
    let mut own = service.node.entries().to_vec();
    let Some(at) = own.iter().position(|entry| entry.key == "extends") else { return Ok(own) };
    let extends = own.remove(at);
    let what = format!("services.{}.extends", service.key);
    if extends.node.is_secret() || extends.node.entries().iter().any(|entry| entry.node.is_secret()) {
        source.leave(what, extends.line, "it holds the value of a secret");
        return Ok(own);
    }
    let Some(base) = extends.node.text().or_else(|| extends.node.get("service")?.text()) else {
        source.leave(what, extends.line, "it does not say which service it extends");
        return Ok(own);
    };
    let elsewhere = extends.node.get("file").and_then(Node::text);
    let key = format!("{}#{base}", elsewhere.as_deref().unwrap_or_default());
    if trail.contains(&key) {
        return Err(ComposeError::ExtendsItself { file: source.file.to_owned(), line: extends.line, service: base });
    }
    trail.push(key);
    let other = match elsewhere {
        None => None,
        Some(file) => match read(source, &file, extends.line)? {
            Some(services) => Some(services),
            None => {
                source.leave(what, extends.line, format!("the file `{file}` is not in the folder"));
                return Ok(own);
            }
        },
    };
    let among = other.as_deref().unwrap_or(services);
    let Some(found) = among.iter().find(|entry| entry.key == base) else {
        source.leave(what, extends.line, format!("there is no service `{base}`"));
        return Ok(own);
    };
    let base = whole(source, among, found, trail)?;
    Ok(merge(&base, own))
}

/// Reads the services of another file; what is in it gets the line where it was asked for.
fn read(source: &mut Source<'_>, file: &str, line: usize) -> Result<Option<Vec<Member>>, ComposeError> {
    let Some(path) = source.path(file) else { return Ok(None) };
    let Some(text) = source.text_of(&path) else { return Ok(None) };
    let mut root = parse(&path, text)?;
    root.retain(|entry| entry.key == "services");
    source.fill_all(&mut root, "")?;
    root.iter_mut().for_each(|entry| move_to(&mut entry.node, line));
    Ok(Some(get(&root, "services").map(|node| node.entries().to_vec()).unwrap_or_default()))
}

fn move_to(node: &mut Node, line: usize) {
    node.line = line;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_to(item, line)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.line = line;
            move_to(&mut entry.node, line);
        }),
        _ => {}
    }
}

/// Mappings that may be written as a list.
const PAIRS: [&str; 6] = ["environment", "labels", "args", "annotations", "sysctls", "extra_hosts"];
/// Lists whose items come together; those of the base first.
const LISTS: [&str; 17] = [
    "cap_add",
    "cap_drop",
    "configs",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_search",
    "env_file",
    "expose",
    "external_links",
    "group_add",
    "ports",
    "profiles",
    "secrets",
    "security_opt",
    "tmpfs",
    "volumes",
];

fn merge(base: &[Member], own: Vec<Member>) -> Vec<Member> {
    let mut merged = base.to_vec();
    for entry in own {
        match merged.iter_mut().find(|known| known.key == entry.key) {
            None => merged.push(entry),
            Some(known) => {
                known.line = entry.line;
                known.node = both(&entry.key, &known.node, entry.node);
            }
        }
    }
    merged
}

fn both(key: &str, base: &Node, own: Node) -> Node {
    let line = own.line;
    let made = |value| Node { value, line, ..Node::default() };
    if PAIRS.contains(&key) {
        return made(Value::Map(merge(&as_map(base), as_map(&own))));
    }
    if LISTS.contains(&key) {
        let mut items: Vec<Node> = base.one_or_many().into_iter().cloned().collect();
        for item in own.one_or_many() {
            if !items.iter().any(|known| known.text().is_some() && known.text() == item.text()) {
                items.push(item.clone());
            }
        }
        return made(Value::List(items));
    }
    match (&base.value, &own.value) {
        (Value::Map(known), Value::Map(entries)) => made(Value::Map(merge(known, entries.clone()))),
        // `depends_on` and `networks` as a list and as a mapping.
        (Value::Map(_), Value::List(_)) | (Value::List(_), Value::Map(_)) if key != "command" => {
            made(Value::Map(merge(&names(base), names(&own))))
        }
        (Value::List(known), Value::List(items)) if matches!(key, "depends_on" | "networks" | "links") => {
            let added = items.iter().filter(|item| !known.iter().any(|k| k.text() == item.text()));
            made(Value::List(known.iter().chain(added).cloned().collect()))
        }
        _ => own,
    }
}

fn as_map(node: &Node) -> Vec<Member> {
    if matches!(node.value, Value::Map(_)) {
        return node.entries().to_vec();
    }
    let items = node.one_or_many();
    let entry = |(item, pair): (&&Node, super::source::Pair)| {
        let value = pair.value.map_or(yaml::Value::Null, Value::Text);
        let node = Node { value, line: pair.line, filled: item.filled.clone(), ..Node::default() };
        Member { key: pair.name, line: pair.line, node }
    };
    items.iter().zip(pairs(node)).map(entry).collect()
}

fn names(node: &Node) -> Vec<Member> {
    if matches!(node.value, Value::Map(_)) {
        return node.entries().to_vec();
    }
    let nothing = |line| Node { value: Value::Null, line, ..Node::default() };
    let entry = |item: &Node| Some(Member { key: item.text()?, line: item.line, node: nothing(item.line) });
    node.items().iter().filter_map(entry).collect()
}
