//! What does one compose service say, in the words of a container of the manifest?
//!
//! Every key of the compose specification is either carried here or by one of the modules beside this one, or
//! listed with the reason why not; so is a key that the specification does not have.

use deploy_core::manifest::{
    Capabilities, Condition, Container, Restart, RestartOptions, Seconds, Ulimit, UlimitRange,
};

use super::account::{Word, segments};
use super::environment::{Variable, environment};
use super::image::{Origin, origin};
use super::limits::{Limits, limits, whole_seconds};
use super::mounts::{Copied, Mounts, ecs_name, mounts};
use super::ports::{Published, exposed, published};
use super::source::{Source, is_sensitive, pairs};
use super::yaml::{Member, Node, get};
use super::{health, reasons, shape, words};
use crate::Place;
use crate::fold::ULIMITS;
use crate::ledger::Account;

/// A compose service on its way to a container.
pub(super) struct Draft {
    /// Name of the compose service.
    pub(super) name: String,
    pub(super) line: usize,
    /// Everything that needs no other service; `image` is still empty.
    pub(super) container: Container,
    pub(super) origin: Origin,
    pub(super) variables: Vec<Variable>,
    pub(super) published: Vec<Published>,
    pub(super) copied: Vec<Copied>,
    pub(super) limits: Limits,
    pub(super) platform: Option<(String, usize)>,
    pub(super) waits: Vec<(String, Condition, usize)>,
    /// Other host names that its siblings reach it by.
    pub(super) aliases: Vec<String>,
    /// `restart`: its line.
    pub(super) restart: Option<usize>,
    /// `networks`: its line.
    pub(super) networks: Option<usize>,
    /// Words of its command and health check that a secret's variable must be there for.
    pub(super) needs: Vec<String>,
}

/// Reads a service; none: it is not carried, and `left` says why.
pub(super) fn draft(source: &mut Source<'_>, service: &Member) -> Option<Draft> {
    let path = format!("services.{}", service.key);
    let mut entries = service.node.entries().to_vec();
    shape::check(source, &mut entries, &path);
    if let Some(profiles) = get(&entries, "profiles").filter(|node| !node.one_or_many().is_empty()) {
        let shown = profiles.one_or_many().into_iter().filter(|profile| !profile.is_secret());
        let names: Vec<String> = shown.filter_map(Node::text).collect();
        let why = format!("Compose starts it only with the profile {}, so it was not carried", names.join(" or "));
        source.drop_service(&service.key, service.line, why);
        return None;
    }
    source.hide(&mut entries, &path);
    let variables = environment(source, &entries, &path);
    let origin = origin(source, &entries, &path, service)?;
    let mut draft = Draft {
        name: service.key.clone(),
        line: service.line,
        container: Container::default(),
        published: published(source, &entries, &path),
        limits: limits(source, &entries, &path),
        origin,
        variables,
        copied: Vec::new(),
        platform: None,
        waits: Vec::new(),
        aliases: Vec::new(),
        restart: None,
        networks: None,
        needs: Vec::new(),
    };
    draft.container.ports = exposed(source, &entries, &path, &draft.published);
    let Mounts { volumes, tmpfs, copied } = mounts(source, &entries, &path, &draft);
    (draft.container.volumes, draft.container.tmpfs, draft.copied) =
        (volumes.into_iter().collect(), tmpfs.into_iter().collect(), copied);
    for entry in &entries {
        draft.key(source, entry, &path);
    }
    super::environment::leave_readers(source, &entries, &path);
    Some(draft)
}

impl Draft {
    fn key(&mut self, source: &mut Source<'_>, entry: &Member, path: &str) {
        let (node, line) = (&entry.node, entry.line);
        let here = format!("{path}.{}", entry.key);
        let text = || node.text().filter(|text| !text.is_empty());
        let word = match entry.key.as_str() {
            "working_dir" => Some("working-directory"),
            "stop_grace_period" => Some("stop-timeout"),
            "command" | "entrypoint" | "user" => Some(entry.key.as_str()),
            _ => None,
        };
        if let Some(word) = word {
            source.carry(node, word);
        }
        match entry.key.as_str() {
            // Read elsewhere.
            "image" | "build" | "environment" | "env_file" | "ports" | "expose" | "volumes" | "tmpfs" | "deploy"
            | "mem_limit" | "mem_reservation" | "cpus" | "profiles" => {}
            "command" => self.container.command = self.line_of_words(source, node, &here),
            "entrypoint" => self.container.entrypoint = self.line_of_words(source, node, &here),
            "healthcheck" => {
                let (check, needs) = health::check(source, node, &here);
                self.container.health_check = check;
                self.needs.extend(needs);
            }
            "depends_on" => self.depends_on(source, node, &here),
            "working_dir" => self.container.working_directory = text(),
            "user" => self.container.user = text(),
            "init" | "read_only" => {
                let on = node.is_true().then_some(true);
                let (at, word) = match entry.key.as_str() {
                    "init" => (&mut self.container.init, "init"),
                    _ => (&mut self.container.readonly_root, "readonly-root"),
                };
                *at = on;
                if on.is_some() { source.carry(node, word) } else { source.is_default(node, "Compose's false") }
            }
            "platform" => {
                let word = Word::Manifest(segments(&["services", "app", "platform"]));
                source.claim(node, vec![word], None);
                self.platform = text().map(|platform| (platform, line));
            }
            "cap_add" | "cap_drop" => self.capabilities(source, entry, &here),
            "ulimits" => self.ulimits(source, node, &here),
            "labels" => self.labels(source, node, &here),
            "restart" => self.restart(source, node, &here),
            "stop_grace_period" => match node.text().as_deref().and_then(whole_seconds) {
                Some(seconds) if (2..=120).contains(&seconds) => {
                    self.container.stop_timeout = Some(Seconds(seconds));
                }
                Some(seconds) => {
                    let nearest = seconds.clamp(2, 120);
                    self.container.stop_timeout = Some(Seconds(nearest));
                    source.leave(here, line, format!("ECS takes 2 s to 2 min; it is {nearest} s now"));
                }
                None => source.leave(here, line, "it is not a duration"),
            },
            "container_name" => {
                self.aliases.extend(text());
                source.leave(here, line, "the container is called like its service");
            }
            "networks" => self.read_networks(source, node, line, &here),
            "links" => {
                for (item, link) in node.items().iter().filter_map(|item| Some((item, item.text()?))) {
                    if !link.contains(':') {
                        source.is_default(item, "the containers of a task reach each other at 127.0.0.1");
                    }
                    if let Some((_, alias)) = link.split_once(':') {
                        let why = format!("`{alias}` is another name of a container; names were replaced by 127.0.0.1");
                        self.aliases.push(alias.to_owned());
                        source.leave(here.clone(), line, why);
                    }
                }
            }
            "secrets" => super::environment::leave_secrets(source, node, &here),
            key if key.starts_with("x-") => {}
            key => source.leave(here.clone(), line, reasons::of_service(key)),
        }
    }

    /// A line is split into words, as Compose does; a list is taken as it is.
    fn line_of_words(&mut self, source: &mut Source<'_>, node: &Node, here: &str) -> Option<Vec<String>> {
        let (words, is_hidden) = match node.text() {
            Some(line) => {
                // Split before the value of a secret is in it: it may have blanks.
                let shown = node.filled.as_ref().filter(|_| node.is_secret()).map_or(line, |f| f.shell.clone());
                let Some(words) = words::split(&shown) else {
                    source.leave(here, node.line, "a quote is not closed");
                    return None;
                };
                (words, node.is_secret())
            }
            None => {
                let shown = |item: &Node| match &item.filled {
                    Some(filled) if item.is_secret() => Some(filled.shell.clone()),
                    _ => item.text(),
                };
                (node.items().iter().filter_map(shown).collect(), node.items().iter().any(Node::is_secret))
            }
        };
        if words.is_empty() {
            if !matches!(node.value, super::yaml::Value::Null) {
                source.leave(here, node.line, "an empty one takes the image's away; the manifest has no word for that");
            }
            return None;
        }
        if let Some(kind) = words.iter().find_map(|word| deploy_core::lint::credentials::looks_like("", word)) {
            source.leave(
                here,
                node.line,
                format!("it has {kind} in it: hand it over in [secrets] and read it from there"),
            );
            return None;
        }
        if is_hidden {
            let names: Vec<String> = node
                .one_or_many()
                .into_iter()
                .filter_map(|n| n.filled.as_ref())
                .flat_map(|f| f.secrets.clone())
                .collect();
            if !is_shell(&words) {
                let why = format!(
                    "it holds the value of {}: run it through a shell that reads it, such as `sh -c 'exec ... \"${}\"'`",
                    names.join(", "),
                    names[0]
                );
                source.leave(here, node.line, why);
                return None;
            }
            let why = format!(
                "the shell in the container fills in {}, which is a secret of the container now",
                names.join(", ")
            );
            source.leave(here, node.line, why);
            self.needs.extend(names);
        }
        Some(words)
    }

    fn depends_on(&mut self, source: &mut Source<'_>, node: &Node, here: &str) {
        for item in node.items() {
            if let Some(name) = item.text() {
                source.carry_named(item, "depends-on", &ecs_name(&name));
            }
            self.waits.extend(item.text().map(|name| (name, Condition::Start, item.line)));
        }
        for entry in node.entries() {
            let condition = match entry.node.get("condition").and_then(Node::text).as_deref() {
                Some("service_healthy") => Condition::Healthy,
                Some("service_completed_successfully") => Condition::Success,
                Some("service_started") | None => Condition::Start,
                Some(other) => {
                    source.leave(here, entry.line, format!("`{other}` is not a condition; \"start\" was taken"));
                    Condition::Start
                }
            };
            self.waits.push((entry.key.clone(), condition, entry.line));
            for node in [Some(&entry.node), entry.node.get("condition")].into_iter().flatten() {
                source.carry_named(node, "depends-on", &ecs_name(&entry.key));
            }
            for option in entry.node.entries() {
                let why = match option.key.as_str() {
                    "condition" => continue,
                    "required" if option.node.is_true() => {
                        source.is_default(&option.node, "Compose's true");
                        continue;
                    }
                    "required" => "every container of a task is there",
                    "restart" => "a task's containers are replaced together",
                    _ => "the compose specification has no such key",
                };
                source.leave(format!("{here}.{}.{}", entry.key, option.key), option.line, why);
            }
        }
    }

    fn capabilities(&mut self, source: &mut Source<'_>, entry: &Member, here: &str) {
        let names = entry.node.one_or_many().into_iter().filter_map(Node::text);
        let names: Vec<String> = names.map(|name| name.trim_start_matches("CAP_").to_owned()).collect();
        for node in entry.node.one_or_many() {
            let name = node.text().unwrap_or_default();
            let kind = if entry.key == "cap_drop" { "drop" } else { "add" };
            let word = segments(&["capabilities", kind, &format!("={}", name.trim_start_matches("CAP_"))]);
            source.claim(node, vec![Word::Container(word)], None);
        }
        let own = self.container.capabilities.get_or_insert_with(Capabilities::default);
        if entry.key == "cap_drop" {
            own.drop = names;
        } else {
            // Fargate refuses every other one (ECS developer guide, "Task definition parameters", capabilities).
            let (added, refused): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name == "SYS_PTRACE");
            own.add = added;
            if !refused.is_empty() {
                let why = format!("Fargate adds SYS_PTRACE only, not {}", refused.join(", "));
                source.leave(here, entry.line, why);
            }
        }
        if own.add.is_empty() && own.drop.is_empty() {
            self.container.capabilities = None;
        }
    }

    fn ulimits(&mut self, source: &mut Source<'_>, node: &Node, here: &str) {
        let number = |node: &Node| node.text()?.parse::<u32>().ok();
        let mut limits = Vec::new();
        for entry in node.entries() {
            let both = |node: &Node| Some((number(node.get("soft")?)?, number(node.get("hard")?)?));
            let limit = match (number(&entry.node), both(&entry.node)) {
                (Some(number), _) => Some(Ulimit::Both(number)),
                (None, Some((soft, hard))) if soft <= hard => Some(Ulimit::Range(UlimitRange { soft, hard })),
                _ => None,
            };
            match limit.filter(|_| ULIMITS.contains(&entry.key.as_str())) {
                Some(limit) => {
                    let nodes = [Some(&entry.node), entry.node.get("soft"), entry.node.get("hard")];
                    for node in nodes.into_iter().flatten() {
                        source.carry_named(node, "ulimits", &entry.key);
                    }
                    limits.push((entry.key.clone(), limit));
                }
                None => source.leave(
                    format!("{here}.{}", entry.key),
                    entry.line,
                    "it is not a limit that ECS knows with a number, or a soft and a hard one",
                ),
            }
        }
        self.container.ulimits = limits.into_iter().collect();
    }

    fn labels(&mut self, source: &mut Source<'_>, node: &Node, here: &str) {
        let mut labels = Vec::new();
        for pair in pairs(node) {
            let value = pair.value.unwrap_or_default();
            if is_sensitive(&pair.name, &value) {
                let why = "it looks like a credential, and a label is for everybody to read";
                source.leave(format!("{here}.{}", pair.name), pair.line, why);
            } else {
                source.carry_named(&pair.node, "labels", &pair.name);
                labels.push((pair.name, value));
            }
        }
        self.container.labels = labels.into_iter().collect();
    }

    /// A container of ECS is restarted inside its task only if it says so, and at the soonest after a minute.
    fn restart(&mut self, source: &mut Source<'_>, node: &Node, here: &str) {
        self.restart = Some(node.line);
        let words = ["restart", "essential"].map(|word| Word::Container(segments(&[word])));
        source.claim(node, words.into(), None);
        let said = node.text().unwrap_or_else(|| "no".to_owned());
        let (kind, times) = said.split_once(':').map_or((said.as_str(), None), |(kind, times)| (kind, Some(times)));
        match kind {
            "always" | "unless-stopped" => self.container.restart = Some(restart_except(vec![])),
            "on-failure" => self.container.restart = Some(restart_except(vec![0])),
            // Compose lets it end, so its end must not end the task.
            "no" | "false" => self.container.essential = Some(false),
            _ => source.leave(here, node.line, "it is not a restart policy"),
        }
        if times.is_some() {
            source.leave(here, node.line, "ECS does not count restarts");
        }
    }

    fn read_networks(&mut self, source: &mut Source<'_>, node: &Node, line: usize, here: &str) {
        self.networks = Some(line);
        for node in node.items().iter().chain(node.entries().iter().map(|entry| &entry.node)) {
            let why = "the containers of a task share one network".to_owned();
            source.claim(node, Vec::new(), Some(Account::Listed(why)));
        }
        for entry in node.entries() {
            for option in entry.node.entries() {
                if option.key == "aliases" {
                    source.is_default(&option.node, "where siblings use it, 127.0.0.1 stands now");
                    self.aliases.extend(option.node.one_or_many().into_iter().filter_map(Node::text));
                } else {
                    let here = format!("{here}.{}.{}", entry.key, option.key);
                    source.leave(here, option.line, "a task has one network interface, and AWS gives it its address");
                }
            }
        }
    }

    /// Returns where a line of the compose file is.
    pub(super) fn place(&self, source: &Source<'_>) -> Place {
        source.place(self.line)
    }
}

fn is_shell(words: &[String]) -> bool {
    let program = words.first().map(|word| word.rsplit('/').next().unwrap_or_default());
    matches!(program, Some("sh" | "bash" | "ash" | "dash"))
        && words.get(1).is_some_and(|flag| flag.starts_with('-') && flag.ends_with('c'))
}

/// The shortest period that ECS takes is the nearest to Compose, which waits for seconds.
fn restart_except(ignored_exit_codes: Vec<u8>) -> Restart {
    Restart::Options(RestartOptions { ignored_exit_codes, attempt_period: Some(Seconds(60)) })
}
