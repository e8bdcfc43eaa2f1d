//! Which container is the main one of a manifest, and which are its sidecars? Both have the same keys here and there.

use deploy_core::manifest::{
    CommandLine, Condition, Container, ContainerHealth, ContainerSecret, Image, Mount, MountOptions, Named, Raw,
    Scalar, Seconds,
};
use serde_json::json;

use super::said::{Book, Said, Value};
use super::times::seconds;
use super::words::{filled, of_a_shell, pattern, port, split};
use crate::places::is_no_image;

/// The owner of what Copilot made beside tasks.
pub(super) const COPILOT: &str = "CloudFormation (Copilot's stack)";

/// What a container is read for.
pub(super) struct Reading<'a> {
    pub(super) app: &'a str,
    /// Name of the service or job.
    pub(super) workload: &'a str,
    /// The stage, or none for what holds for all.
    pub(super) stage: Option<&'a str>,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) images: &'a mut Named<Image>,
    pub(super) book: &'a mut Book,
}

impl Reading<'_> {
    pub(super) fn word(&mut self, said: &Said, word: impl Into<String>) {
        self.book.word(said, self.workload, word);
    }

    pub(super) fn list(&mut self, said: &Said, why: impl Into<String>) {
        self.book.list(said, why);
    }

    /// Returns a plain text; variables of a shell stay in it and are listed.
    fn plain(&mut self, said: &Said, text: &str) -> String {
        self.tell_shell(said, text);
        filled(text, self.app, self.stage)
    }

    fn patterned(&mut self, said: &Said, text: &str) -> String {
        self.tell_shell(said, text);
        pattern(text, self.app)
    }

    pub(super) fn tell_shell(&mut self, said: &Said, text: &str) {
        if let Some(name) = of_a_shell(text) {
            let why = format!(
                "`${{{name}}}` is a variable of the shell in which Copilot was run, and nobody fills it in here: write its \
                 value"
            );
            self.list(said, why);
        }
    }

    /// Reads a list, or a line that is split as a shell does.
    fn command(&mut self, said: &Said) -> Option<Vec<String>> {
        let words: Option<Vec<String>> = match &said.value {
            Value::Text(line) => split(line),
            _ => said.texts().map(|texts| texts.into_iter().map(str::to_owned).collect()),
        };
        let Some(words) = words else {
            self.list(said, "it is neither a list of words nor a line with whole quotes");
            return None;
        };
        Some(words.iter().map(|word| self.patterned(said, word)).collect())
    }

    /// Reads the image of a container: a reference, or how it is built.
    fn image(&mut self, said: &Said, name: &str, word: &str) -> String {
        if let Some(build) = said.get("build") {
            self.build(build, name, &format!("{word}.image"));
            return name.to_owned();
        }
        let location = said.get("location").unwrap_or(said);
        let Some(text) = location.text() else { return self.no_image(name) };
        let reference = filled(text, self.app, self.stage);
        if is_no_image(&reference) {
            let why = format!(
                "`{text}` is a place that something fills in: the container gets the image `{name}` of [images]; set its \
                 `dockerfile` and `context`, or write a reference into the container"
            );
            self.list(location, why);
            return self.no_image(name);
        }
        self.word(location, format!("{word}.image"));
        // A word alone would be a name from [images].
        if reference.contains([':', '@']) { reference } else { format!("{reference}:latest") }
    }

    fn no_image(&mut self, name: &str) -> String {
        if !self.images.contains(name) {
            self.images.insert(name, Image::default());
        }
        name.to_owned()
    }

    /// Reads how an image is built: a Dockerfile, whose directory is the context, or a table.
    fn build(&mut self, said: &Said, name: &str, word: &str) {
        let mut image = Image::default();
        match said.text() {
            Some(dockerfile) => {
                let dockerfile = self.plain(said, dockerfile);
                image.context = context(&dockerfile);
                image.dockerfile = Some(clean(&dockerfile));
                self.word(said, word);
            }
            None => {
                for (key, said) in said.entries() {
                    if matches!(key.as_str(), "dockerfile" | "context" | "target") {
                        self.word(said, word);
                    }
                    match (key.as_str(), said.text()) {
                        ("dockerfile", Some(text)) => image.dockerfile = Some(clean(&self.plain(said, text))),
                        ("context", Some(text)) => image.context = Some(clean(&self.plain(said, text))),
                        ("target", Some(text)) => image.target = Some(self.plain(said, text)),
                        ("args", _) => {
                            for (name, said) in said.entries() {
                                if let Some(text) = said.text() {
                                    image.args.insert(name.as_str(), Scalar::Text(self.plain(said, text)));
                                    self.word(said, word);
                                }
                            }
                        }
                        ("cache_from", _) => {
                            self.list(said, "managr keeps layers of its own builds: name no image to take them from");
                        }
                        _ => self.list(said, "Copilot has no such key for a build, or not such a value"),
                    }
                }
                // Copilot takes the Dockerfile's directory where no context is said.
                if image.context.is_none() {
                    image.context = image.dockerfile.as_deref().and_then(context);
                }
                if image.dockerfile.is_none() {
                    image.dockerfile = image.context.as_ref().map(|context| clean(&format!("{context}/Dockerfile")));
                }
            }
        }
        image.context = image.context.filter(|context| context != ".");
        match self.images.get(name).filter(|known| **known != Image::default()) {
            None => self.images.insert(name, image),
            Some(known) if *known != image => {
                if let Some(stage) = self.stage {
                    self.book.lose(stage, self.workload, &format!("containers.{name}.image"));
                    self.list(said, "the manifest builds an image in one way for all stages: the first is carried");
                }
            }
            Some(_) => {}
        }
    }

    /// Reads what a main container and a sidecar have in common; `said` has the keys, `health` and `depends` stand
    /// in the image for a main one.
    pub(super) fn container(&mut self, name: &str, image: &str, said: &Said) -> Container {
        let word = format!("containers.{name}");
        let mut container = Container::default();
        for (key, said) in said.entries() {
            if matches!(said.value, Value::Null) && KNOWN.contains(&key.as_str()) {
                self.book.usual(said, "Copilot's own: nothing is said");
                continue;
            }
            match key.as_str() {
                "image" => {
                    container.image = self.image(said, image, &word);
                    self.of_image(&mut container, said, &word);
                }
                "command" => {
                    container.command = self.command(said);
                    self.word(said, format!("{word}.command"));
                }
                "entrypoint" => {
                    container.entrypoint = self.command(said);
                    self.word(said, format!("{word}.entrypoint"));
                }
                "variables" => self.variables(&mut container, said, &word),
                "secrets" => self.secrets(&mut container, said, &word),
                "env_file" => self.list(
                    said,
                    "managr has no files of variables on AWS: write what is plain into `variables`, and import what is \
                     secret with `managr vars import`",
                ),
                _ => {}
            }
        }
        if container.image.is_empty() {
            container.image = self.no_image(image);
        }
        for (variable, value) in [("COPILOT_SERVICE_NAME", self.workload)] {
            if !container.variables.contains(variable) {
                container.variables.insert(variable, Scalar::Text(value.to_owned()));
            }
        }
        container
    }

    /// Reads what a main container says in its image.
    fn of_image(&mut self, container: &mut Container, said: &Said, word: &str) {
        for (key, said) in said.entries() {
            match key.as_str() {
                "port" => self.port(container, said, word),
                "healthcheck" => container.health_check = self.health(said, word),
                "depends_on" => self.depends(container, said, word),
                "labels" => self.labels(container, said, word),
                "credentials" => self.credentials(container, said, word),
                _ => {}
            }
        }
    }

    /// Reads what a sidecar alone says of itself.
    pub(super) fn of_sidecar(&mut self, container: &mut Container, name: &str, said: &Said) {
        let word = format!("containers.{name}");
        for (key, said) in said.entries() {
            match key.as_str() {
                "port" => self.port(container, said, &word),
                "essential" if said.is("false") => {
                    container.essential = Some(false);
                    self.word(said, format!("{word}.essential"));
                }
                "essential" if said.is("true") => self.book.usual(said, "ECS's own: a container is essential"),
                "healthcheck" => container.health_check = self.health(said, &word),
                "depends_on" => self.depends(container, said, &word),
                "labels" => self.labels(container, said, &word),
                "credentialsParameter" => self.credentials(container, said, &word),
                "mount_points" => {
                    let Value::List(items) = &said.value else { continue };
                    for item in items {
                        let volume = item.get("source_volume").and_then(Said::text).map(str::to_owned);
                        let path = item.get("path").and_then(Said::text).map(str::to_owned);
                        if let (Some(volume), Some(path)) = (volume, path) {
                            container.volumes.insert(volume.as_str(), mount(path, item.get("read_only")));
                            for key in ["source_volume", "path", "read_only"] {
                                if let Some(said) = item.get(key) {
                                    self.word(said, format!("{word}.volumes.{volume}"));
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn port(&mut self, container: &mut Container, said: &Said, word: &str) {
        match said.text().and_then(port) {
            Some(port) => {
                container.ports = vec![port];
                self.word(said, format!("{word}.ports"));
            }
            None => self.list(said, "it is no port"),
        }
    }

    fn labels(&mut self, container: &mut Container, said: &Said, word: &str) {
        for (name, said) in said.entries() {
            if let Some(text) = said.text() {
                let text = self.plain(said, text);
                container.labels.insert(name.as_str(), text);
                self.word(said, format!("{word}.labels.{name}"));
            }
        }
    }

    fn credentials(&mut self, container: &mut Container, said: &Said, word: &str) {
        let Some(text) = said.text() else { return };
        let parameter = self.plain(said, text);
        let aws = json!({ "repositoryCredentials": { "credentialsParameter": parameter } });
        container.aws = aws.as_object().cloned().map(|aws| Raw(aws.into_iter().collect()));
        self.word(said, format!("{word}.aws"));
    }

    fn depends(&mut self, container: &mut Container, said: &Said, word: &str) {
        for (name, said) in said.entries() {
            let condition = match said.text().map(str::to_lowercase).as_deref() {
                Some("start") => Condition::Start,
                Some("healthy") => Condition::Healthy,
                Some("complete") => Condition::Complete,
                Some("success") => Condition::Success,
                _ => {
                    self.list(said, "it is none of start, healthy, complete and success");
                    continue;
                }
            };
            container.depends_on.insert(name.as_str(), condition);
            self.word(said, format!("{word}.depends-on.{name}"));
        }
    }

    fn health(&mut self, said: &Said, word: &str) -> Option<ContainerHealth> {
        let word = format!("{word}.health-check");
        let of = |key: &str| said.get(key).and_then(Said::text).and_then(seconds);
        let command: Vec<String> = match said.get("command").map(|said| (said.is_list(), said.texts())) {
            Some((_, Some(words))) => words.into_iter().map(str::to_owned).collect(),
            // What Copilot asks without being told (copilot-cli, `manifest/workload_ecs.go`).
            _ => ["CMD-SHELL", "curl -f http://localhost/ || exit 1"].map(str::to_owned).to_vec(),
        };
        let command = match &command[..] {
            [kind, line] if kind == "CMD-SHELL" => CommandLine::Shell(line.clone()),
            [kind, words @ ..] if kind == "CMD" && !words.is_empty() => CommandLine::Words(words.to_vec()),
            _ => {
                self.list(said, "its command begins with neither CMD nor CMD-SHELL and a line");
                return None;
            }
        };
        for (key, said) in said.entries() {
            match key.as_str() {
                "command" => self.word(said, word.clone()),
                "interval" | "timeout" | "start_period" if said.text().and_then(seconds).is_some() => {
                    self.word(said, word.clone());
                }
                "retries" if said.number::<u32>().is_some() => self.word(said, word.clone()),
                _ => {}
            }
        }
        Some(ContainerHealth {
            command,
            interval: Some(Seconds(of("interval").unwrap_or(10))),
            timeout: Some(Seconds(of("timeout").unwrap_or(5))),
            retries: Some(said.get("retries").and_then(Said::number).unwrap_or(2)),
            start_period: of("start_period").filter(|time| *time > 0).map(Seconds),
        })
    }

    fn variables(&mut self, container: &mut Container, said: &Said, word: &str) {
        for (name, said) in said.entries() {
            match &said.value {
                Value::Text(text) => {
                    let text = self.patterned(said, text);
                    container.variables.insert(name.as_str(), Scalar::Text(text));
                    self.word(said, format!("{word}.variables.{name}"));
                }
                Value::Null => {
                    container.variables.insert(name.as_str(), Scalar::Text(String::new()));
                    self.word(said, format!("{word}.variables.{name}"));
                }
                _ if said.get("from_cfn").is_some() => self.list(
                    said,
                    "its value is an export of a CloudFormation stack: look it up (`aws cloudformation list-exports`) and \
                     write it as a variable",
                ),
                _ => {}
            }
        }
    }

    /// Reads where secrets are: a parameter by its name, a secret of Secrets Manager, or an ARN.
    fn secrets(&mut self, container: &mut Container, said: &Said, word: &str) {
        for (name, said) in said.entries() {
            let place = |kind: &str, rest: &str| format!("arn:aws:{kind}:{}:{}:{rest}", self.region, self.account);
            let from = match &said.value {
                Value::Text(text) if text.starts_with("arn:") => Some(pattern(text, self.app)),
                // ECS takes a parameter's name for one of its own region; a path begins with a slash there already.
                Value::Text(text) => {
                    Some(place("ssm", &format!("parameter/{}", pattern(text, self.app).trim_start_matches('/'))))
                }
                _ => match said.get("secretsmanager").and_then(Said::text) {
                    Some(text) => Some(place("secretsmanager", &format!("secret:{}", pattern(text, self.app)))),
                    None => None,
                },
            };
            if said.get("from_cfn").is_some() {
                let why = "where it is is an export of a CloudFormation stack: it is a key of the stage's secret here; put \
                           its value there with `managr vars set`, or write its ARN as `from`";
                self.list(said, why);
            } else if from.is_none() {
                continue;
            }
            let said = said.get("secretsmanager").unwrap_or(said);
            self.tell_shell(said, said.text().unwrap_or_default());
            container.secrets.insert(name.as_str(), ContainerSecret { generate: None, key: None, from });
            self.word(said, format!("{word}.secrets.{name}"));
        }
    }
}

/// Keys that say nothing when they are empty.
const KNOWN: [&str; 6] = ["command", "entrypoint", "variables", "secrets", "env_file", "image"];

/// A volume of Copilot is read-only unless it says otherwise.
pub(super) fn mount(path: String, read_only: Option<&Said>) -> Mount {
    match read_only.is_some_and(|said| said.is("false")) {
        true => Mount::Path(path),
        false => Mount::Options(MountOptions { path, read_only: Some(true) }),
    }
}

/// Returns the directory of a Dockerfile.
fn context(dockerfile: &str) -> Option<String> {
    Some(clean(dockerfile).rsplit_once('/').map_or_else(|| ".".to_owned(), |(directory, _)| directory.to_owned()))
}

fn clean(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let start = if path.starts_with('/') { "/" } else { "" };
    let path = format!("{start}{}", parts.join("/"));
    if path.is_empty() { ".".to_owned() } else { path }
}
