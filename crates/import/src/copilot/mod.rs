//! From the manifests of AWS Copilot: what would they be as one manifest of ours?
//!
//! Copilot says a workload once and what differs by environment over it, as we do: so its manifests become ours
//! directly. Each is read once for all stages and once for each with what that one says merged in (`said`); the two
//! are compared (`differ`). What is there in AWS has names that CloudFormation made up and no file tells: they are
//! questions, and the manifest is of a place beside what runs.

mod container;
mod count;
mod differ;
mod estate;
mod ingress;
mod said;
mod times;
mod words;
mod workload;

use std::collections::BTreeMap;

use deploy_core::desired::DEFAULT_REGION;
use deploy_core::manifest::{
    Container, Expression, Image, LOCAL, Named, Scalar, Schedule, Service, Stage, StageContainer, StageIngress,
    StageSchedule, StageService, Variable,
};
use deploy_core::{Manifest, parse};

use self::container::Reading;
use self::said::{Book, EVERY_STAGE, Said};
use self::workload::{Workload, WorkloadKind};
use crate::facts::NO_ACCOUNT;
use crate::fold::ingress::{clashes, local};
use crate::ledger::Entry;
use crate::pipeline::yaml;
use crate::{Folder, Left, Place, names};

/// Stage of a folder that names no environment.
const DEFAULT_STAGE: &str = "prod";

/// What the folder does not tell.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the application. Default: what `.workspace` says.
    pub app: Option<String>,
    /// AWS region of its secrets.
    pub region: Option<String>,
    /// AWS account of its secrets.
    pub account: Option<String>,
}

/// What a folder of Copilot says, as a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The manifest.
    pub manifest: Manifest,
    /// What became of every key of every file.
    pub account: Vec<Entry>,
    /// What no key says, and the user must know or decide.
    pub left: Vec<Left>,
}

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CopilotError {
    /// A file is not YAML, or not a mapping.
    #[error("{why}")]
    Yaml {
        /// File, line and what the parser says.
        why: String,
    },
    /// There is nothing that managr could run.
    #[error("there is no manifest.yml of a service or job in the folder (copilot/NAME/manifest.yml)")]
    Nothing,
    /// What they say together is no manifest.
    #[error("its manifests say what cannot run: {}", .0.join("; "))]
    Refused(Vec<String>),
}

/// A manifest of a service or job.
struct Source {
    key: String,
    kind: WorkloadKind,
    root: Said,
    place: Place,
}

/// Reads the manifests of a folder: that of Copilot itself, or one that has it.
///
/// # Errors
/// When a file is not YAML, nothing is there to run, or the whole would be refused by the manifest's own reader.
pub fn read(folder: &Folder, options: &Options) -> Result<Imported, CopilotError> {
    let mut folder = Copilot::of(folder);
    let theirs = folder.app().or_else(|| options.app.clone());
    let ours = options.app.clone().or_else(|| theirs.clone()).unwrap_or_else(|| "app".to_owned());
    let mut read = Read {
        app: names::app_name(&ours),
        theirs: theirs.clone().unwrap_or_else(|| ours.clone()),
        options,
        book: Book::default(),
        left: Vec::new(),
    };
    if read.app != ours {
        let why = format!("`{ours}` is not a name of an application here: it is called `{}`", read.app);
        read.left.push(Left::new("application", Place::default(), why));
    }
    if theirs.is_none() {
        let why = "no .workspace tells it: `app` is a guess; say --app and import again";
        read.left.push(Left::new("application", Place::default(), why));
    }
    let mut images = Named::default();
    let mut sources = Vec::new();
    let mut environments = BTreeMap::new();
    for (path, text) in std::mem::take(&mut folder.files) {
        read.file(&path, &text, &mut sources, &mut environments)?;
    }
    if sources.is_empty() {
        return Err(CopilotError::Nothing);
    }
    let stages = read.stages(&sources, &environments);
    let mut manifest = Manifest { app: read.app.clone(), region: options.region.clone(), ..Manifest::default() };
    let copilot = [("COPILOT_APPLICATION_NAME", read.theirs.as_str()), ("COPILOT_ENVIRONMENT_NAME", "{stage}")];
    for (name, value) in copilot {
        manifest.variables.insert(name, Variable::Value(Scalar::Text(value.to_owned())));
    }
    for stage in &stages {
        manifest.stages.insert(stage.as_str(), Stage::default());
    }
    for source in &sources {
        read.workload(source, &stages, &mut images, &mut manifest);
    }
    // Copilot pushes to `APP/SERVICE`; what it calls a sidecar's has no repository of its own there.
    if read.app != read.theirs {
        for source in &sources {
            if let Some(image) = images.get_mut(&source.key) {
                image.repository = Some(format!("{}/{}", read.theirs, source.key).to_lowercase());
            }
        }
    }
    manifest.images = images;
    read.environments(&environments, &mut manifest);
    read.questions(&stages, &sources, &manifest);
    // Copilot tells services apart by names of its own domain, which no file says.
    for stage in &stages {
        for (first, second) in clashes(&manifest, stage) {
            let why = format!(
                "service `{first}` takes the same requests in stage `{stage}`, as far as its manifests tell: write an \
                 ingress with a `host` of its own"
            );
            read.left.push(Left::new(format!("services.{second}.ingress"), Place::default(), why));
            manifest.stages.entry(stage).services.entry(&second).ingress = Some(StageIngress::There(false));
        }
    }
    local(&mut manifest);
    let text = crate::write::text(&manifest, &[]);
    if let Err(errors) = parse("managr.toml", &text) {
        return Err(CopilotError::Refused(errors.errors().iter().map(ToString::to_string).collect()));
    }
    let document = serde_json::to_value(&manifest).unwrap_or_default();
    let account = read.book.close(&document);
    Ok(Imported { manifest, account, left: read.left })
}

/// The files of Copilot, by their paths from its folder.
struct Copilot {
    files: Vec<(String, String)>,
    workspace: Option<String>,
}

impl Copilot {
    /// Takes the files below `copilot/`, wherever that is; or all, if the folder is that one.
    fn of(folder: &Folder) -> Self {
        let inside = |path: &str| match path.strip_prefix("copilot/") {
            Some(rest) => Some(rest.to_owned()),
            None => path.split_once("/copilot/").map(|(_, rest)| rest.to_owned()),
        };
        let has_copilot = folder.keys().any(|path| inside(path).is_some_and(|rest| rest.ends_with("manifest.yml")));
        let of = |(path, text): (&String, &String)| {
            let name = if has_copilot { inside(path)? } else { path.clone() };
            Some((name, (path.clone(), text.clone())))
        };
        let mut workspace = None;
        let mut files = Vec::new();
        for (name, (path, text)) in folder.iter().filter_map(of) {
            if name == ".workspace" {
                workspace = Some(text);
            } else {
                files.push((path, text));
            }
        }
        Self { files, workspace }
    }

    fn app(&self) -> Option<String> {
        let workspace = self.workspace.as_deref().and_then(|text| yaml::parse(".workspace", 0, text).ok())?;
        workspace.word("application").filter(|app| !app.is_empty()).map(str::to_owned)
    }
}

struct Read<'a> {
    /// The application's name here.
    app: String,
    /// Its name for Copilot, which is in all names in AWS.
    theirs: String,
    options: &'a Options,
    book: Book,
    left: Vec<Left>,
}

impl Read<'_> {
    /// Opens a file: its account, and what it is.
    fn file(
        &mut self,
        path: &str,
        text: &str,
        sources: &mut Vec<Source>,
        environments: &mut BTreeMap<String, Said>,
    ) -> Result<(), CopilotError> {
        let parts: Vec<&str> = path.split('/').collect();
        let is_manifest = parts.last().is_some_and(|name| *name == "manifest.yml" || *name == "manifest.yaml");
        if !is_manifest {
            let said = self.book.open_file(path);
            match parts.contains(&"addons") {
                true => self.book.list(
                    &said,
                    "a template of CloudFormation: what it makes stays in Copilot's stack and goes with it; its outputs were \
                     variables, secrets and permissions of the tasks: write them into the manifest and the task role",
                ),
                false => self.book.list(&said, "what it changes of Copilot's stacks has no place here: see what it is for"),
            }
            return Ok(());
        }
        let root = yaml::parse(path, 0, text).map_err(|error| CopilotError::Yaml { why: error.to_string() })?;
        let own = parts.len().checked_sub(2).map(|at| parts[at].to_owned()).unwrap_or_default();
        let above = parts.len().checked_sub(3).map_or("", |at| parts[at]);
        if above == "environments" {
            let stage = stage_name(&own);
            let said = self.book.open(path, &root, &|_| stage.clone());
            environments.insert(stage, said);
            return Ok(());
        }
        let of = |path: &str| {
            let rest = path.strip_prefix("environments.").and_then(|rest| rest.split('.').next());
            rest.map_or_else(|| EVERY_STAGE.to_owned(), stage_name)
        };
        let said = self.book.open(path, &root, &of);
        if above == "pipelines" || said.get("stages").is_some() && said.get("source").is_some() {
            let why = "a pipeline of CodePipeline: `managr pipeline` writes one for Bitbucket, GitHub or GitLab; Copilot's \
                       stays until its stack is deleted, and would deploy Copilot's way";
            self.book.list(&said, why);
            return Ok(());
        }
        let name = said.get("name").and_then(Said::text).map_or(own, str::to_owned);
        let place = Place { source: path.to_owned(), line: None };
        let kind = said.get("type").and_then(Said::text).unwrap_or_default().to_owned();
        match WorkloadKind::of(&kind) {
            Some(_) if sources.iter().any(|other| other.key == name) => {
                self.book.list(&said, "there is another service or job of this name: one of them is meant");
            }
            Some(kind) => sources.push(Source { key: name, kind, root: said, place }),
            None => {
                let mut images = Named::default();
                self.reading(&name, None, &mut images).leave(&said, &kind);
            }
        }
        Ok(())
    }

    fn reading<'b>(
        &'b mut self,
        workload: &'b str,
        stage: Option<&'b str>,
        images: &'b mut Named<Image>,
    ) -> Reading<'b> {
        Reading {
            app: &self.theirs,
            workload,
            stage,
            region: self.options.region.as_deref().unwrap_or(DEFAULT_REGION),
            account: self.options.account.as_deref().unwrap_or(NO_ACCOUNT),
            images,
            book: &mut self.book,
        }
    }

    /// Returns the names of the environments: those that have a file, then those that a workload names.
    fn stages(&mut self, sources: &[Source], environments: &BTreeMap<String, Said>) -> Vec<String> {
        let mut stages: Vec<String> = environments.keys().cloned().collect();
        for source in sources {
            let named = source.root.get("environments").map(Said::entries).unwrap_or_default();
            for (name, said) in named {
                if !said.is_map() && !said.is_nothing() {
                    self.book.list(said, "it is no table of what differs in an environment of this name");
                    continue;
                }
                let name = stage_name(name);
                if !stages.contains(&name) {
                    stages.push(name);
                }
            }
        }
        let ours = stage_name(LOCAL);
        if stages.contains(&ours) {
            let why = format!("`{LOCAL}` is this machine in a manifest: the environment is the stage `{ours}`");
            self.left.push(Left::new("the environment `local`", Place::default(), why));
        }
        if stages.is_empty() {
            let why = format!("no file names an environment: `{DEFAULT_STAGE}` is a guess; rename it");
            self.left.push(Left::new("the name of the stage", Place::default(), why));
            stages.push(DEFAULT_STAGE.to_owned());
        }
        stages
    }

    /// Puts a service or job into the manifest: what all stages share, and what differs in each.
    fn workload(&mut self, source: &Source, stages: &[String], images: &mut Named<Image>, manifest: &mut Manifest) {
        let Source { key, kind, root, .. } = source;
        let base = self.reading(key, None, images).workload(*kind, root);
        let mut own = Vec::new();
        for stage in stages {
            let over = root.get("environments").map(Said::entries).unwrap_or_default();
            let over = over.iter().find(|(name, _)| stage_name(name) == *stage).map(|(_, said)| said);
            if let Some(over) = over.filter(|over| over.entries().is_empty()) {
                self.book.place(over, "stages.{stage}");
            }
            let empty = Said::empty();
            let mut merged = root.with(over.unwrap_or(&empty), "");
            merged.without("environments");
            own.push(self.reading(key, Some(stage), images).workload(*kind, &merged));
        }
        let mut base = base;
        if base.schedule.is_none() && *kind == WorkloadKind::Job {
            // What is off in general has the time of the first stage that says one.
            base.schedule = own.iter().find_map(|own| own.schedule.clone());
            base.is_off = true;
        }
        for (stage, own) in stages.iter().zip(&own) {
            let into = manifest.stages.entry(stage);
            // Tasks of a stage have one place: that of the most public one. Others have it in their account.
            if own.is_public {
                into.public_ip = Some(true);
            }
            if *kind == WorkloadKind::Job {
                let differs = differ::schedule(&base, own, stage, key, &mut self.book);
                let differs = own_words(key, &base.service, differs);
                if differs != StageSchedule::default() {
                    into.schedules.insert(key.as_str(), differs);
                }
            } else {
                let differs = differ::service(&base, own, stage, key, &mut self.book);
                if differs != StageService::default() {
                    into.services.insert(key.as_str(), differs);
                }
            }
        }
        if *kind == WorkloadKind::Job {
            manifest.schedules.insert(key.as_str(), schedule(key, &base));
        } else {
            if let Some(ingress) = &mut base.service.ingress {
                ingress.host = None;
            }
            manifest.services.insert(key.as_str(), base.service);
        }
    }
}

/// Returns the stage of an environment: `local` is this machine here.
fn stage_name(name: &str) -> String {
    if name == LOCAL { format!("{name}-aws") } else { name.to_owned() }
}

/// Returns a job with its own container in its own words, if they can say it.
fn schedule(key: &str, base: &Workload) -> Schedule {
    let service = base.service.clone();
    let mut schedule = Schedule {
        schedule: Expression(base.schedule.clone().unwrap_or_else(|| "cron(0 0 1 1 ? *)".to_owned())),
        enabled: base.is_off.then_some(false),
        family: service.family,
        cpu: service.cpu,
        memory: service.memory,
        volumes: service.volumes,
        log: service.log,
        containers: service.containers,
        ..Schedule::default()
    };
    if let Some(own) = schedule.containers.get(key).cloned().filter(is_plain) {
        schedule.containers.retain(|name, _| name != key);
        schedule.image = own.image;
        schedule.command = own.command;
        schedule.entrypoint = own.entrypoint;
        schedule.variables = own.variables;
        schedule.secrets = own.secrets;
    }
    schedule
}

/// Returns whether a schedule's own words can say a container.
fn is_plain(container: &Container) -> bool {
    let rest = Container {
        image: String::new(),
        command: None,
        entrypoint: None,
        variables: Named::default(),
        secrets: Named::default(),
        ..container.clone()
    };
    rest == Container::default()
}

/// Says what differs of a job's own container in the job's own words, where it has no table.
fn own_words(key: &str, base: &Service, mut differs: StageSchedule) -> StageSchedule {
    if !base.containers.get(key).is_some_and(is_plain) {
        return differs;
    }
    if let Some(own) = differs.containers.get(key).cloned() {
        let StageContainer { image, command, entrypoint, variables, .. } = own;
        (differs.image, differs.command, differs.entrypoint, differs.variables) =
            (image, command, entrypoint, variables);
        differs.containers.retain(|name, _| name != key);
    }
    differs
}
