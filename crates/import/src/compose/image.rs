//! Which image does a compose service run: one that is built here, or one of a registry?

use deploy_core::manifest::{Image, Scalar};

use super::account::{Word, segments};
use super::reasons;
use super::source::{Source, is_sensitive, pairs};
use super::yaml::{Member, Node, Value, get};

/// Where an image comes from.
#[derive(Clone, PartialEq)]
pub(super) enum Origin {
    /// Built here; `image` is what Compose tags it with.
    Built {
        spec: Image,
        image: Option<(String, usize)>,
        /// A Dockerfile that stood in the compose file.
        inline: Option<String>,
    },
    /// Pulled.
    Registry(String),
}

pub(super) fn origin(source: &mut Source<'_>, entries: &[Member], path: &str, service: &Member) -> Option<Origin> {
    let named = get(entries, "image");
    let image = named.and_then(Node::text).filter(|image| !image.is_empty());
    let line = named.map_or(service.line, |node| node.line);
    if let Some(node) = named {
        // The image that is built has a repository, one of a registry is named by the container.
        let of_registry = get(entries, "build").is_none_or(|node| matches!(node.value, Value::Null));
        let word =
            if of_registry { Word::Container(segments(&["image"])) } else { Word::Image(segments(&["repository"])) };
        source.claim(node, vec![word], None);
    }
    if let Some(build) = get(entries, "build").filter(|node| !matches!(node.value, Value::Null)) {
        if let Some((spec, inline)) = built(source, build, &format!("{path}.build")) {
            return Some(Origin::Built { spec, image: image.map(|image| (image, line)), inline });
        }
        if image.is_none() {
            source.drop_service(&service.key, service.line, "it cannot be built from here, so it was not carried");
            return None;
        }
    }
    let Some(image) = image else {
        let why = "it has neither `image` nor `build`, so it was not carried";
        source.drop_service(&service.key, service.line, why);
        return None;
    };
    // "Up to 255 letters, numbers, hyphens, underscores, colons, periods, forward slashes, and number signs are allowed"
    // (ECS API reference, ContainerDefinition, `image`); an `@` stands before a digest.
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_:./#@".contains(c);
    if !image.chars().all(is_allowed) || image.len() > 255 {
        let why = "it is not a reference of an image, so the service was not carried";
        source.leave(format!("{path}.image"), line, why);
        source.drop_service(&service.key, service.line, why);
        return None;
    }
    let is_tagged = image.contains('@') || image.rsplit('/').next().is_some_and(|name| name.contains(':'));
    if is_tagged && !image.ends_with(':') {
        return Some(Origin::Registry(image));
    }
    let tagged = format!("{}:latest", image.trim_end_matches(':'));
    source.leave(
        format!("{path}.image"),
        line,
        format!("it has no tag; `{tagged}` may be another image tomorrow: pin it"),
    );
    Some(Origin::Registry(tagged))
}

fn built(source: &mut Source<'_>, build: &Node, here: &str) -> Option<(Image, Option<String>)> {
    let context = build.text().or_else(|| build.get("context")?.text()).unwrap_or_else(|| ".".to_owned());
    let is_remote = context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/");
    let directory = source.path(&context).filter(|_| !is_remote);
    let Some(directory) = directory else {
        let why = if is_remote {
            "its context is not in this folder: fetch it"
        } else {
            "its context is outside of the folder"
        };
        source.leave(format!("{here}.context"), build.line, why);
        return None;
    };
    let mut spec = Image { context: (!directory.is_empty()).then(|| directory.clone()), ..Image::default() };
    let mut inline = None;
    source.carry_image(build, &["context"], Some("the folder of the compose file"));
    for entry in build.entries() {
        let (node, line) = (&entry.node, entry.line);
        let here = format!("{here}.{}", entry.key);
        match entry.key.as_str() {
            "context" => source.carry_image(node, &["context"], Some("the folder of the compose file")),
            "dockerfile" => {
                source.carry_image(node, &["dockerfile"], Some("`Dockerfile` of the context"));
                spec.dockerfile = dockerfile(source, node, &directory, &here);
            }
            "dockerfile_inline" => {
                source.carry_image(node, &["dockerfile"], None);
                inline = node.text();
            }
            "target" => {
                source.carry_image(node, &["target"], None);
                spec.target = node.text();
            }
            "args" => spec.args = args(source, node, &here).into_iter().collect(),
            "platforms" => {
                let mut platforms = node.one_or_many().into_iter().filter_map(Node::text);
                spec.platform = platforms.next();
                source.carry_image(node.one_or_many().first().copied().unwrap_or(node), &["platform"], None);
                if platforms.next().is_some() {
                    source.leave(here, line, "an image is built for one platform; the first was taken");
                }
            }
            key if key.starts_with("x-") => {}
            key => source.leave(here, line, reasons::of_build(key)),
        }
    }
    Some((spec, inline))
}

/// A Dockerfile is named from the context in Compose, from the manifest's directory in the manifest.
fn dockerfile(source: &mut Source<'_>, node: &Node, context: &str, here: &str) -> Option<String> {
    let name = node.text()?;
    let mut parts: Vec<&str> = context.split('/').filter(|part| !part.is_empty()).collect();
    let is_inside = !name.starts_with('/')
        && name.split('/').all(|part| match part {
            "" | "." => true,
            ".." => parts.pop().is_some(),
            part => {
                parts.push(part);
                true
            }
        });
    if !is_inside {
        source.leave(here, node.line, "it is outside of the folder");
        return None;
    }
    let path = parts.join("/");
    let default = if context.is_empty() { "Dockerfile".to_owned() } else { format!("{context}/Dockerfile") };
    (path != default).then_some(path)
}

fn args(source: &mut Source<'_>, node: &Node, here: &str) -> Vec<(String, Scalar)> {
    let mut args = Vec::new();
    for pair in pairs(node) {
        let here = format!("{here}.{}", pair.name);
        let known = source.known.get(&pair.name).cloned();
        let (value, is_secret) = match (pair.value, known) {
            (Some(value), _) => (value, false),
            (None, Some(known)) => (known.value, known.is_secret),
            (None, None) => {
                source.leave(here, pair.line, "its value comes from the shell that runs Compose");
                continue;
            }
        };
        if is_secret || is_sensitive(&pair.name, &value) {
            source.leave(here, pair.line, "it looks like a credential, and build arguments stay in the image");
            continue;
        }
        source.carry_image(&pair.node, &["args", &pair.name], None);
        args.push((pair.name, Scalar::Text(value)));
    }
    args
}

/// Returns the repository of an image without host, tag and digest, and whether there was a host.
pub(super) fn repository(image: &str) -> (&str, bool) {
    let image = image.split('@').next().unwrap_or_default();
    let tag = image.rfind(':').filter(|at| !image[*at..].contains('/'));
    let image = &image[..tag.unwrap_or(image.len())];
    match image.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (rest, true),
        _ => (image, false),
    }
}

/// What a well-known image is.
pub(super) struct Known {
    /// Port that it listens on, 0 for none that matters.
    pub(super) port: u16,
    /// What to use in production instead, if it keeps data.
    pub(super) instead: Option<&'static str>,
    /// Whether it helps while one works on the code only.
    pub(super) is_tool: bool,
}

/// Returns what is known of an image by the last part of its repository.
pub(super) fn known(image: &str) -> Option<Known> {
    let (repository, _) = repository(image);
    let name = repository.rsplit('/').next().unwrap_or_default();
    let keeps = |port, instead| Some(Known { port, instead: Some(instead), is_tool: false });
    let serves = |port| Some(Known { port, instead: None, is_tool: false });
    let tool = |port| Some(Known { port, instead: None, is_tool: true });
    match name {
        "postgres" | "postgresql" | "postgis" | "timescaledb" | "pgvector" => keeps(5432, "RDS"),
        "mysql" | "mariadb" | "percona" => keeps(3306, "RDS"),
        "redis" | "valkey" | "redis-stack-server" => keeps(6379, "ElastiCache"),
        "memcached" => serves(11211),
        "mongo" | "mongodb" => keeps(27017, "DocumentDB"),
        "rabbitmq" => keeps(5672, "Amazon MQ"),
        "elasticsearch" | "opensearch" => keeps(9200, "the OpenSearch Service"),
        "minio" => keeps(9000, "S3"),
        "nginx" | "httpd" | "caddy" | "traefik" | "nginx-unprivileged" => {
            serves(if name == "nginx-unprivileged" { 8080 } else { 80 })
        }
        "mailhog" | "mailpit" | "maildev" => tool(8025),
        "adminer" => tool(8080),
        "pgadmin4" | "phpmyadmin" => tool(80),
        "mongo-express" | "redis-commander" => tool(8081),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn hosts_tags_and_digests_are_no_part_of_a_repository() {
        for (image, expected) in [
            ("redis", ("redis", false)),
            ("library/redis:7", ("library/redis", false)),
            ("localhost:5000/a/b", ("a/b", true)),
            ("ghcr.io/me/app@sha256:00", ("me/app", true)),
        ] {
            assert_eq!(repository(image), expected, "{image}");
        }
    }
}
