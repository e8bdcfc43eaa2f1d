//! What can be wrong with a manifest, each in words and with a stable code. [`super::ManifestError`] has the place.
//!
//! A fault never carries the value of a variable that the manifest keeps as a secret: the
//! manifest has no place for one.

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is not TOML.
    #[error("not valid TOML: {message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// A key is written twice in one table.
    #[error("a key is written twice in the same table")]
    DuplicateKey,
    /// A key that the manifest does not have.
    #[error("unknown key `{key}`{}", of(table))]
    UnknownKey {
        /// The key.
        key: String,
        /// Path of the table that it is in; empty at the top.
        table: String,
    },
    /// A key that must be there is not.
    #[error("`{key}` is missing{}", of(table))]
    MissingKey {
        /// The key.
        key: String,
        /// Path of the table; empty at the top.
        table: String,
    },
    /// A value of another type than the key takes.
    #[error("`{path}` takes {expected}, not {found}")]
    WrongType {
        /// Path of the value.
        path: String,
        /// Types that it takes.
        expected: String,
        /// Type that was found.
        found: String,
    },
    /// A number outside the range that the key takes.
    #[error("`{path}` must be {range}, not {found}")]
    OutOfRange {
        /// Path of the value.
        path: String,
        /// The range, in words.
        range: String,
        /// The value.
        found: String,
    },
    /// A word that is not among those that the key takes.
    #[error("`{found}` is not a value of `{path}`")]
    UnknownValue {
        /// Path of the value.
        path: String,
        /// The value.
        found: String,
    },
    /// A duration that cannot be read.
    #[error("`{path}` is not a duration: {why}")]
    BadDuration {
        /// Path of the value.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A schedule expression that AWS would refuse.
    #[error("`{path}` is not a schedule: {why}")]
    BadSchedule {
        /// Path of the value.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A schedule that says what a rule of EventBridge has no word for, and is to be one.
    #[error("{place} is fired by a rule of EventBridge, which has no {what}")]
    NotByRule {
        /// The schedule, and the stage if it is said there.
        place: String,
        /// What a rule does not have.
        what: &'static str,
    },
    /// A name that AWS or the environment would refuse.
    #[error("`{name}` is not {what}: {why}")]
    BadName {
        /// The name.
        name: String,
        /// What it names, with its article.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another text that cannot be read.
    #[error("`{path}` is not {what}: {why}")]
    BadText {
        /// Path of the value.
        path: String,
        /// What it should be, with its article.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// An image that is neither in `[images]` nor a full reference.
    #[error("image `{image}` of `{user}` is not in [images]")]
    UnknownImage {
        /// The image.
        image: String,
        /// Path of the container or schedule.
        user: String,
    },
    /// A container that does not exist.
    #[error("{user} names container `{container}`, which {place} does not have")]
    UnknownContainer {
        /// What names it.
        user: String,
        /// The container.
        container: String,
        /// Where it was looked for.
        place: String,
    },
    /// A container of `[sidecars]` that no service names.
    #[error("no service has sidecar `{sidecar}`")]
    UnusedSidecar {
        /// The container.
        sidecar: String,
    },
    /// A service of a stage that the manifest does not have.
    #[error("stage `{stage}` overrides service `{service}`, which the manifest does not have")]
    UnknownService {
        /// The stage.
        stage: String,
        /// The service.
        service: String,
    },
    /// A volume that the service does not declare.
    #[error("container `{container}` mounts volume `{volume}`, which {owner} does not declare")]
    UnknownVolume {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
        /// The container.
        container: String,
        /// The volume.
        volume: String,
    },
    /// A declared volume that no container mounts.
    #[error("volume `{volume}` of {owner} is mounted by no container")]
    UnusedVolume {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
        /// The volume.
        volume: String,
    },
    /// Two volumes mounted at one path.
    #[error("container `{container}` mounts two volumes at `{path}`")]
    MountedTwice {
        /// The container.
        container: String,
        /// The path.
        path: String,
    },
    /// `inherit` names a variable or secret that is not declared.
    #[error("`{path}` names {kind} `{name}`, which the manifest does not declare")]
    UnknownVariable {
        /// Path of the list.
        path: String,
        /// `variable` or `secret`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// One name is both a plain variable and a secret.
    #[error("`{name}` is both a plain variable and a secret{}", of(place))]
    DeclaredTwice {
        /// The name.
        name: String,
        /// Where; empty at the top.
        place: String,
    },
    /// Containers that wait for each other.
    #[error("containers of {owner} wait for each other: {}", cycle.join(" → "))]
    DependencyCycle {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
        /// The containers in order; the first again at the end.
        cycle: Vec<String>,
    },
    /// A size that Fargate does not have.
    #[error("{owner}: cpu {cpu} with memory {memory} is not a Fargate size")]
    FargateSize {
        /// Whose size, such as ``service `app` in stage `prod` ``.
        owner: String,
        /// CPU units.
        cpu: u32,
        /// MiB.
        memory: u32,
    },
    /// Containers that ask for more than their task has.
    #[error("containers of {owner} ask for {asked} {what}, the task has {has}")]
    TooBig {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
        /// `CPU units` or `MiB of memory`.
        what: &'static str,
        /// The sum asked for.
        asked: u64,
        /// What the task has.
        has: u32,
    },
    /// A service without containers.
    #[error("{owner} has no containers")]
    NoContainers {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
    },
    /// A service with more containers than one task may have.
    #[error("{owner} has {count} containers, a task has at most {most}")]
    TooManyContainers {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
        /// How many it has.
        count: usize,
        /// How many it may have.
        most: usize,
    },
    /// A service in which no container is essential.
    #[error("{owner} has no essential container")]
    NoEssentialContainer {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
    },
    /// An essential container that another one waits on to end.
    #[error("container `{container}` is essential, but `{waiter}` waits for it to {condition}")]
    EssentialDependency {
        /// The container.
        container: String,
        /// The container that waits.
        waiter: String,
        /// `complete` or `succeed`.
        condition: &'static str,
    },
    /// A wait for health of a container that has no health check.
    #[error("`{waiter}` waits for `{container}` to be healthy, but it has no health-check")]
    NoHealthCheck {
        /// The container.
        container: String,
        /// The container that waits.
        waiter: String,
    },
    /// Two containers of one task on one port.
    #[error("containers `{first}` and `{second}` of {owner} both listen on port {port}")]
    PortTaken {
        /// The service or schedule, such as ``service `app` ``.
        owner: String,
        /// The first container.
        first: String,
        /// The second container.
        second: String,
        /// The port, with its protocol if it is not TCP.
        port: String,
    },
    /// A name that a service and a schedule share, so that their task definitions would too.
    #[error("`{name}` is both a service and a schedule")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Two services that would take the same requests of one listener.
    #[error("services `{first}` and `{second}` take the same requests")]
    IngressTaken {
        /// The first service.
        first: String,
        /// The second service.
        second: String,
    },
    /// Two services that would be found by one name.
    #[error("services `{first}` and `{second}` are both found as `{name}` in stage `{stage}`")]
    DiscoverTaken {
        /// The first service.
        first: String,
        /// The second service.
        second: String,
        /// The name.
        name: String,
        /// The stage.
        stage: String,
    },
    /// Two images that would overwrite each other's tags.
    #[error("images `{first}` and `{second}` are pushed to the same repository `{repository}`")]
    RepositoryTaken {
        /// The first image.
        first: String,
        /// The second image.
        second: String,
        /// The repository.
        repository: String,
    },
    /// `stages` names a stage that the manifest does not have.
    #[error("{user} is in stage `{stage}`, which the manifest does not have")]
    UnknownStage {
        /// What names it.
        user: String,
        /// The stage.
        stage: String,
    },
    /// Something that is there needs a container that is not there in some stage.
    #[error("{user} names container `{container}`, which is not in stage `{stage}`")]
    NotInStage {
        /// What names it.
        user: String,
        /// The container.
        container: String,
        /// The stage.
        stage: String,
    },
    /// A task without containers in some stage.
    #[error("{owner} has no {what} in stage `{stage}`")]
    EmptyInStage {
        /// The service or schedule.
        owner: String,
        /// `container` or `essential container`.
        what: &'static str,
        /// The stage.
        stage: String,
    },
    /// A stage overrides what is not in it.
    #[error("stage `{stage}` overrides {what}, which is not in it")]
    OverridesAbsent {
        /// The stage.
        stage: String,
        /// The service, schedule or container.
        what: String,
    },
    /// A schedule of a stage that the manifest does not have.
    #[error("stage `{stage}` overrides schedule `{schedule}`, which the manifest does not have")]
    UnknownSchedule {
        /// The stage.
        stage: String,
        /// The schedule.
        schedule: String,
    },
    /// A schedule without an image.
    #[error("schedule `{schedule}` has no image")]
    NoImage {
        /// The schedule.
        schedule: String,
    },
    /// A schedule that runs the task of a service which the manifest does not have.
    #[error("schedule `{schedule}` runs service `{service}`, which the manifest does not have")]
    UnknownRun {
        /// The schedule.
        schedule: String,
        /// The service.
        service: String,
    },
    /// A schedule that is in a stage in which the service is not whose task it runs.
    #[error("schedule `{schedule}` runs service `{service}`, which is not in stage `{stage}`")]
    RunNotInStage {
        /// The schedule.
        schedule: String,
        /// The service.
        service: String,
        /// The stage.
        stage: String,
    },
    /// A schedule that says what the service says whose task it runs.
    #[error("{place} says `{key}`, which service `{service}` says")]
    SaidByService {
        /// The schedule, and the stage if it is said there.
        place: String,
        /// The key.
        key: String,
        /// The service.
        service: String,
    },
    /// A schedule that runs a service's task and says what only a task of its own can keep.
    #[error("{place} says `{key}`, which needs a task of its own, and it runs that of service `{service}`")]
    NeedsOwnTask {
        /// The schedule, and the stage if it is said there.
        place: String,
        /// The key.
        key: &'static str,
        /// The service.
        service: String,
    },
    /// A standalone service that says what only a running one has.
    #[error("{place} says `{key}`, which a standalone one has no use for")]
    SaidOfStandalone {
        /// The service, and the stage if it is said there.
        place: String,
        /// The key.
        key: String,
    },
    /// A database of a stage that the manifest does not have.
    #[error("stage `{stage}` overrides database `{database}`, which the manifest does not have")]
    UnknownDatabase {
        /// The stage.
        stage: String,
        /// The database.
        database: String,
    },
    /// A variable by which containers would get a database and something else.
    #[error("`{variable}` is given by database `{database}` and by `{other}`")]
    GivenTwice {
        /// The variable.
        variable: String,
        /// The database.
        database: String,
        /// Path of what gives it too.
        other: String,
    },
    /// A number of tasks that scaling moves.
    #[error("{place} says `count`, and scaling decides how many tasks there are")]
    CountScales {
        /// The service, and the stage if it is said there.
        place: String,
    },
    /// Requests for each task, of a service that gets none.
    #[error("service `{service}` scales by `requests`, and none reach it in stage `{stage}`")]
    RequestsUnreached {
        /// The service.
        service: String,
        /// The stage.
        stage: String,
    },
    /// A schedule that says of its container in two places.
    #[error("schedule `{schedule}` has `{key}` beside the table of its own container")]
    SaidTwice {
        /// The schedule.
        schedule: String,
        /// The key.
        key: &'static str,
    },
    /// The reader and the types disagree: a fault of managr, not of the manifest.
    #[error("managr could not read this manifest although it found no fault: {message}")]
    Internal {
        /// What the types say.
        message: String,
    },
}

fn of(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!(" in [{table}]") }
}

impl Fault {
    /// Returns the stable code, such as `managr::manifest::unknown_key`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "managr::manifest::syntax",
            Self::DuplicateKey => "managr::manifest::duplicate_key",
            Self::UnknownKey { .. } => "managr::manifest::unknown_key",
            Self::MissingKey { .. } => "managr::manifest::missing_key",
            Self::WrongType { .. } => "managr::manifest::wrong_type",
            Self::OutOfRange { .. } => "managr::manifest::out_of_range",
            Self::UnknownValue { .. } => "managr::manifest::unknown_value",
            Self::BadDuration { .. } => "managr::manifest::bad_duration",
            Self::BadSchedule { .. } => "managr::manifest::bad_schedule",
            Self::NotByRule { .. } => "managr::manifest::not_by_rule",
            Self::BadName { .. } => "managr::manifest::bad_name",
            Self::BadText { .. } => "managr::manifest::bad_text",
            Self::UnknownImage { .. } => "managr::manifest::unknown_image",
            Self::UnknownContainer { .. } => "managr::manifest::unknown_container",
            Self::UnusedSidecar { .. } => "managr::manifest::unused_sidecar",
            Self::UnknownService { .. } => "managr::manifest::unknown_service",
            Self::UnknownVolume { .. } => "managr::manifest::unknown_volume",
            Self::UnusedVolume { .. } => "managr::manifest::unused_volume",
            Self::MountedTwice { .. } => "managr::manifest::mounted_twice",
            Self::UnknownVariable { .. } => "managr::manifest::unknown_variable",
            Self::DeclaredTwice { .. } => "managr::manifest::declared_twice",
            Self::DependencyCycle { .. } => "managr::manifest::dependency_cycle",
            Self::FargateSize { .. } => "managr::manifest::fargate_size",
            Self::TooBig { .. } => "managr::manifest::too_big",
            Self::NoContainers { .. } => "managr::manifest::no_containers",
            Self::TooManyContainers { .. } => "managr::manifest::too_many_containers",
            Self::NoEssentialContainer { .. } => "managr::manifest::no_essential_container",
            Self::EssentialDependency { .. } => "managr::manifest::essential_dependency",
            Self::NoHealthCheck { .. } => "managr::manifest::no_health_check",
            Self::PortTaken { .. } => "managr::manifest::port_taken",
            Self::NameTaken { .. } => "managr::manifest::name_taken",
            Self::IngressTaken { .. } => "managr::manifest::ingress_taken",
            Self::DiscoverTaken { .. } => "managr::manifest::discover_taken",
            Self::RepositoryTaken { .. } => "managr::manifest::repository_taken",
            Self::UnknownStage { .. } => "managr::manifest::unknown_stage",
            Self::NotInStage { .. } => "managr::manifest::not_in_stage",
            Self::EmptyInStage { .. } => "managr::manifest::empty_in_stage",
            Self::OverridesAbsent { .. } => "managr::manifest::overrides_absent",
            Self::UnknownSchedule { .. } => "managr::manifest::unknown_schedule",
            Self::NoImage { .. } => "managr::manifest::no_image",
            Self::UnknownRun { .. } => "managr::manifest::unknown_run",
            Self::RunNotInStage { .. } => "managr::manifest::run_not_in_stage",
            Self::SaidByService { .. } => "managr::manifest::said_by_service",
            Self::NeedsOwnTask { .. } => "managr::manifest::needs_own_task",
            Self::SaidOfStandalone { .. } => "managr::manifest::said_of_standalone",
            Self::UnknownDatabase { .. } => "managr::manifest::unknown_database",
            Self::GivenTwice { .. } => "managr::manifest::given_twice",
            Self::CountScales { .. } => "managr::manifest::count_scales",
            Self::RequestsUnreached { .. } => "managr::manifest::requests_unreached",
            Self::SaidTwice { .. } => "managr::manifest::said_twice",
            Self::Internal { .. } => "managr::manifest::internal",
        }
    }
}
