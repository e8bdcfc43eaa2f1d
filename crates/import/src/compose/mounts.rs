//! What becomes of the mounts of a compose service?
//!
//! A named volume is scratch space of the task. Fargate has nothing of this machine: a file that is bound into an image
//! of a registry is copied into an image of our own, and any other bind is listed.

use deploy_core::manifest::{Mount, MountOptions, Tmpfs, TmpfsOptions};

use super::account::{Word, segments};
use super::draft::Draft;
use super::image::Origin;
use super::limits::bytes;
use super::source::Source;
use super::yaml::{Member, Node, get};

/// Size of a memory file system that Compose does not limit.
const TMPFS: u32 = 64;

/// A file or directory of the folder that must be in the image.
pub(super) struct Copied {
    /// Path from the folder's root.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) line: usize,
}

#[derive(Default)]
pub(super) struct Mounts {
    pub(super) volumes: Vec<(String, Mount)>,
    pub(super) tmpfs: Vec<(String, Tmpfs)>,
    pub(super) copied: Vec<Copied>,
}

/// A mount of either syntax.
struct Written {
    kind: &'static str,
    source: Option<String>,
    target: String,
    read_only: bool,
    size: Option<String>,
    line: usize,
}

pub(super) fn mounts(source: &mut Source<'_>, entries: &[Member], path: &str, draft: &Draft) -> Mounts {
    let mut mounts = Mounts::default();
    let here = format!("{path}.volumes");
    for node in get(entries, "volumes").map(Node::items).unwrap_or_default() {
        let written = match node.text() {
            Some(text) => short(source, &text, node.line, &here),
            None => long(source, node, &here),
        };
        let Some(written) = written else { continue };
        if !written.target.starts_with('/') {
            source.leave(here.clone(), node.line, format!("`{}` is not a path of the container", written.target));
            continue;
        }
        // The last word on a path stands (13-merge.md), and ECS mounts one volume at a path.
        mounts.volumes.retain(|(_, mount)| mount.path() != written.target);
        mounts.copied.retain(|copied| copied.to != written.target);
        let target = written.target.clone();
        match written.kind {
            "bind" => bind(source, &mut mounts, written, draft, &here),
            "tmpfs" => mounts.memory(source, &written.target, written.size.as_deref(), Vec::new(), node.line, &here),
            "volume" => mounts.volume(&written, &draft.name),
            _ => source.leave(here.clone(), node.line, "Fargate has no such mount"),
        }
        mounts.carry(source, node, &target);
    }
    for node in get(entries, "tmpfs").map(Node::one_or_many).unwrap_or_default() {
        let Some(text) = node.text() else { continue };
        let (path_in, options) = text.split_once(':').unwrap_or((&text, ""));
        let (sizes, options): (Vec<&str>, Vec<&str>) =
            options.split(',').filter(|option| !option.is_empty()).partition(|option| option.starts_with("size="));
        let size = sizes.first().map(|size| &size["size=".len()..]);
        let options = options.into_iter().map(str::to_owned).collect();
        mounts.memory(source, path_in, size, options, node.line, &format!("{path}.tmpfs"));
        mounts.carry(source, node, path_in);
    }
    mounts
}

impl Mounts {
    /// Says which word of the manifest a mount is, whose path in the container is `target`.
    fn carry(&self, source: &mut Source<'_>, node: &Node, target: &str) {
        let volume = self.volumes.iter().find(|(_, mount)| mount.path() == target);
        let word = match volume {
            Some((name, _)) => segments(&["volumes", name]),
            None if self.tmpfs.iter().any(|(path, _)| path == target) => segments(&["tmpfs", target]),
            // The image that copies it.
            None if self.copied.iter().any(|copied| copied.to == target) => {
                for node in [Some(node), node.get("source"), node.get("target"), node.get("type")].into_iter().flatten()
                {
                    source.claim(node, vec![Word::Image(Vec::new())], None);
                }
                return;
            }
            None => return,
        };
        let size = node.get("tmpfs").and_then(|tmpfs| tmpfs.get("size"));
        let says = [Some(node), node.get("target"), node.get("type"), node.get("read_only"), size];
        for node in says.into_iter().flatten() {
            source.claim(node, vec![Word::Container(word.clone())], None);
        }
        // What a bind had on this machine is listed with the bind.
        if let Some(from) = node.get("source")
            && volume.is_some_and(|(name, _)| from.text().is_some_and(|from| ecs_name(&from) == *name))
        {
            source.claim(from, vec![Word::Container(word)], None);
        }
        if let Some(consistency) = node.get("consistency") {
            source.is_default(consistency, "nothing is shared with this machine");
        }
        if let Some(create) = node.get("bind").and_then(|bind| bind.get("create_host_path")) {
            source.is_default(create, "nothing is bound from this machine");
        }
    }

    fn volume(&mut self, written: &Written, container: &str) {
        // A volume without a name is this container's alone.
        let own = || format!("{container}{}", written.target.trim_end_matches('/').replace('/', "-"));
        let name = ecs_name(&written.source.clone().unwrap_or_else(own));
        let path = written.target.clone();
        let mount = match written.read_only {
            true => Mount::Options(MountOptions { path, read_only: Some(true) }),
            false => Mount::Path(path),
        };
        // The manifest mounts a volume once in a container.
        let name = if self.volumes.iter().any(|(known, _)| *known == name) { ecs_name(&own()) } else { name };
        self.volumes.push((name, mount));
    }

    fn memory(
        &mut self,
        source: &mut Source<'_>,
        path: &str,
        size: Option<&str>,
        options: Vec<String>,
        line: usize,
        here: &str,
    ) {
        if !path.starts_with('/') {
            return source.leave(here, line, format!("`{path}` is not a path of the container"));
        }
        let mebibytes =
            size.and_then(bytes).map(|bytes| bytes.div_ceil(1 << 20)).and_then(|mib| u32::try_from(mib).ok());
        if mebibytes.is_none() {
            source.leave(here, line, format!("ECS wants a size for `{path}`: {TMPFS} MiB were taken"));
        }
        let size = mebibytes.unwrap_or(TMPFS).max(1);
        let tmpfs = if options.is_empty() { Tmpfs::Size(size) } else { Tmpfs::Options(TmpfsOptions { size, options }) };
        self.tmpfs.retain(|(known, _)| known != path);
        self.tmpfs.push((path.to_owned(), tmpfs));
    }
}

/// Returns a name with what ECS does not take replaced.
pub(super) fn ecs_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect()
}

/// `[SOURCE:]TARGET[:OPTIONS]`.
fn short(source: &mut Source<'_>, text: &str, line: usize, here: &str) -> Option<Written> {
    let parts: Vec<&str> = text.split(':').collect();
    let (from, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [from, target] => (Some(*from), *target, ""),
        [from, target, options] => (Some(*from), *target, *options),
        _ => {
            source.leave(here, line, format!("`{text}` is not a mount"));
            return None;
        }
    };
    let mut read_only = false;
    for option in options.split(',') {
        match option {
            "" | "rw" | "z" | "Z" | "cached" | "delegated" | "consistent" => {}
            "ro" => read_only = true,
            other => source.leave(here, line, format!("ECS has no option `{other}`")),
        }
    }
    let kind = if from.is_some_and(|from| from.starts_with(['.', '/', '~'])) { "bind" } else { "volume" };
    Some(Written { kind, source: from.map(str::to_owned), target: target.to_owned(), read_only, size: None, line })
}

fn long(source: &mut Source<'_>, node: &Node, here: &str) -> Option<Written> {
    let text = |key: &str| node.get(key).and_then(Node::text);
    let Some(target) = text("target") else {
        source.leave(here, node.line, "it has no `target`");
        return None;
    };
    let kind = match text("type").as_deref() {
        Some("bind") => "bind",
        Some("tmpfs") => "tmpfs",
        Some("volume") | None => "volume",
        _ => "other",
    };
    for entry in node.entries() {
        let nested = || entry.node.entries().iter().map(|option| (option.key.as_str(), option.line));
        match entry.key.as_str() {
            "type" | "source" | "target" | "read_only" | "consistency" => {}
            "tmpfs" | "bind" | "volume" | "image" => {
                for (option, line) in nested().filter(|(option, _)| *option != "size" && *option != "create_host_path")
                {
                    source.leave(format!("{here}.{}.{option}", entry.key), line, "ECS has no such option");
                }
            }
            key if key.starts_with("x-") => {}
            key => source.leave(format!("{here}.{key}"), entry.line, "the compose specification has no such key"),
        }
    }
    let size = node.get("tmpfs").and_then(|tmpfs| tmpfs.get("size")?.text());
    let read_only = node.get("read_only").is_some_and(Node::is_true);
    Some(Written { kind, source: text("source"), target, read_only, size, line: node.line })
}

fn bind(source: &mut Source<'_>, mounts: &mut Mounts, written: Written, draft: &Draft, here: &str) {
    let from = written.source.clone().unwrap_or_default();
    let line = written.line;
    if from.ends_with("docker.sock") {
        return source.leave(here, line, "there is no Docker on Fargate");
    }
    if let Some(path) = source.path(&from)
        && !path.is_empty()
    {
        source.bound.insert(path.clone());
        if source.there.is_some_and(|there| !there.contains(&path)) {
            let why = format!(
                "`{from}` is not there: Compose makes an empty directory of it, which `{}` then is; it was not carried",
                written.target
            );
            return source.leave(here, line, why);
        }
    }
    let Some(path) = source.path(&from).filter(|path| !path.is_empty() || matches!(draft.origin, Origin::Built { .. }))
    else {
        return source.leave(
            here,
            line,
            format!("Fargate has nothing of this machine: `{from}` is outside of the folder"),
        );
    };
    let context = match &draft.origin {
        Origin::Built { spec, .. } => Some(spec.context.as_deref().unwrap_or_default()),
        Origin::Registry(_) => None,
    };
    if let Some(context) = context {
        let is_code =
            context.is_empty() || path.is_empty() || path == context || path.starts_with(&format!("{context}/"));
        let why = if is_code {
            "its image is built with the code in it: what the Dockerfile does not COPY is missing"
        } else {
            "Fargate has nothing of this machine: COPY it in the Dockerfile"
        };
        return source.leave(here, line, format!("`{from}` at `{}`: {why}", written.target));
    }
    let has_extension =
        |path: &str| path.rsplit('/').next().is_some_and(|name| name.trim_start_matches('.').contains('.'));
    if written.read_only || has_extension(&path) || has_extension(&written.target) {
        source.text_of(&path);
        mounts.copied.push(Copied { from: path, to: written.target, line });
        return;
    }
    let why = format!(
        "Fargate has nothing of this machine: `{from}` was left here, and `{}` is scratch space that lives as long as the task",
        written.target
    );
    source.leave(here, line, why);
    mounts.volume(&Written { source: None, ..written }, &draft.name);
}
