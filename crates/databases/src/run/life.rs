//! Makes, starts, stops and removes one database. Everything may be repeated, also after it was cut off.

use std::fs;
use std::time::{Duration, Instant};

use runtime::{LogEntry, LogPosition, TaskError};
use tokio_postgres::Client;

use super::container;
use super::files::{SUPERUSER, Wanted};
use super::place::{CONTAINER, is_safe, task_of};
use super::program::{self, Program, ProgramError};
use super::state::{End, Started};
use super::{AdminError, Extra, Failure, Inner, Instance, Place, Running, Servers, admin, folder, roles};

/// How long a server may take to end in order; RDS's own limit for a shutdown is not published.
const SHUTDOWN: Duration = Duration::from_secs(60);
/// How long it may take after it was told to drop everything.
const IMMEDIATE: Duration = Duration::from_secs(10);
/// How long a server may recover before it answers; it lives all the time.
const RECOVERY: Duration = Duration::from_secs(1800);
/// Between two questions whether it answers.
const PAUSE: Duration = Duration::from_millis(15);
/// Below this PostgreSQL cannot be sure of writing one more segment of its log.
const TOO_LITTLE: u64 = 20 << 20;

const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGKILL: i32 = 9;

impl Servers {
    /// Makes a new database, or goes on making it, and starts it. With files that are there already, as a restored
    /// snapshot's, these are what it begins with.
    ///
    /// # Errors
    /// Says what is missing, or what PostgreSQL refused.
    pub async fn create(&self, instance: &Instance, database: Option<&str>, extra: &Extra) -> Result<Running, Failure> {
        let made = self.inner.create(instance, database, extra).await;
        made.map_err(|error| self.inner.on_full_disk(&instance.resource, error))
    }

    /// Starts a database that is there. One that runs is left as it is.
    ///
    /// # Errors
    /// Says what is missing, or what PostgreSQL refused.
    pub async fn start(&self, instance: &Instance) -> Result<Running, Failure> {
        let inner = &self.inner;
        inner.check(instance)?;
        let task = task_of(&instance.resource);
        let changing = inner.state.changing(&task);
        let _alone = changing.lock().await;
        let running = inner.start(instance).await?;
        inner.state.want(&task, Some(instance.clone()));
        Ok(running)
    }

    /// Stops a database in order. Its files stay.
    ///
    /// # Errors
    /// When what is left of its container cannot be removed.
    pub async fn stop(&self, resource: &str) -> Result<(), Failure> {
        let task = task_of(resource);
        // First: what is trying to start it again must let go.
        self.inner.state.want(&task, None);
        let changing = self.inner.state.changing(&task);
        let _alone = changing.lock().await;
        self.inner.shut_down(&task).await;
        self.inner.remove_task(&task).await
    }

    /// Stops a database in order and starts it again, at the same address.
    ///
    /// # Errors
    /// Says what PostgreSQL refused.
    pub async fn reboot(&self, instance: &Instance) -> Result<Running, Failure> {
        self.inner.check(instance)?;
        let task = task_of(&instance.resource);
        self.inner.state.want(&task, None);
        let changing = self.inner.state.changing(&task);
        let _alone = changing.lock().await;
        self.inner.shut_down(&task).await;
        let running = self.inner.start(instance).await?;
        self.inner.state.want(&task, Some(instance.clone()));
        Ok(running)
    }

    /// Ends a database and removes its files. Its snapshots stay.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn delete(&self, resource: &str) -> Result<(), Failure> {
        if !is_safe(resource) {
            return Err(Failure::Name { name: resource.to_owned(), what: "a database" });
        }
        let task = task_of(resource);
        self.inner.state.want(&task, None);
        let changing = self.inner.state.changing(&task);
        let _alone = changing.lock().await;
        self.inner.remove_task(&task).await?;
        let path = self.place(resource).folder().to_owned();
        let removed = path.clone();
        let outcome = tokio::task::spawn_blocking(move || runtime::remove_tree(&removed)).await;
        outcome.unwrap_or_else(|error| Err(error.into())).map_err(|source| Failure::Folder { path, source })?;
        self.inner.state.forget(&task);
        Ok(())
    }

    /// Makes parameters, password and retention what they should be in a server that runs; one that does not run gets
    /// them when it starts. What only a start can change is changed by one if `restart` says so.
    ///
    /// # Errors
    /// Says what PostgreSQL refused.
    pub async fn apply(&self, instance: &Instance, restart: bool) -> Result<Option<Running>, Failure> {
        let task = task_of(&instance.resource);
        let inner = &self.inner;
        let Some((started, running)) = inner.state.running(&task) else { return Ok(None) };
        let moved = started.port != instance.port;
        {
            let changing = inner.state.changing(&task);
            let _alone = changing.lock().await;
            let place = inner.places.place(&instance.resource);
            let program = inner.program(instance.major).await?;
            folder::configure(&place, &wanted(instance, &program, inner.around.tokens(), &Extra::default()), &program)?;
            let client = inner.admin(&instance.resource, SUPERUSER).await?;
            let sql = format!(
                "{} {} SELECT pg_reload_conf();",
                roles::QUIETLY,
                roles::master(&instance.user, &instance.verifier)
            );
            client.batch_execute(&sql).await.map_err(AdminError::from)?;
            inner.state.want(&task, Some(instance.clone()));
        }
        if restart || moved { self.reboot(instance).await.map(Some) } else { Ok(Some(running)) }
    }

    /// Connects to a database of a server that runs, as its superuser.
    ///
    /// # Errors
    /// When it does not run or does not answer.
    pub async fn admin(&self, resource: &str, database: &str) -> Result<Client, AdminError> {
        self.inner.admin(resource, database).await
    }

    /// Whether a server runs, as far as is known.
    pub fn running(&self, resource: &str) -> Option<Running> {
        self.inner.state.running(&task_of(resource)).map(|(_, running)| running)
    }
}

fn wanted<'a>(
    instance: &'a Instance,
    program: &'a Program,
    tokens: Option<std::net::SocketAddr>,
    extra: &'a Extra,
) -> Wanted<'a> {
    Wanted {
        major: instance.major,
        port: instance.port,
        parameters: &instance.parameters,
        retention_days: instance.retention_days,
        preload: &program.preload,
        locale: program.locale,
        tokens,
        recovery: &extra.recovery,
    }
}

impl Inner {
    fn check(&self, instance: &Instance) -> Result<(), Failure> {
        if is_safe(&instance.resource) {
            return Ok(());
        }
        Err(Failure::Name { name: instance.resource.clone(), what: "a database" })
    }

    async fn create(&self, instance: &Instance, database: Option<&str>, extra: &Extra) -> Result<Running, Failure> {
        self.check(instance)?;
        for (name, what) in [(Some(instance.user.as_str()), "a master user"), (database, "a database")] {
            if let Some(name) = name.filter(|name| roles::is_reserved(name)) {
                return Err(Failure::Name { name: name.to_owned(), what });
            }
        }
        let task = task_of(&instance.resource);
        let changing = self.state.changing(&task);
        let _alone = changing.lock().await;
        let program = self.program(instance.major).await?;
        let place = self.places.place(&instance.resource);
        self.task(instance, &place, &program).await?;
        if !place.data().exists() {
            self.initdb(instance, &place, &program).await?;
        }
        let running = self.launch(instance, &place, &program, extra).await?;
        self.set_up(instance, database).await?;
        self.state.want(&task, Some(instance.clone()));
        Ok(running)
    }

    /// Chooses a PostgreSQL: what people have pushed, what the machine has, what there is to pull.
    pub(super) async fn program(&self, major: u32) -> Result<Program, Failure> {
        let own = match self.around.own_image(major).await {
            Ok(Some(image)) => return Ok(program::of_image(major, image)?),
            Ok(None) => format!("the registry here has no `postgres:{major}`"),
            Err(why) => format!("`postgres:{major}` of the registry here cannot be used: {why}"),
        };
        if let Some(program) = program::of_machine(major, &self.places)? {
            return Ok(program);
        }
        match self.around.public_image(major).await {
            Ok(image) => Ok(program::of_image(major, image)?),
            Err(why) => {
                let tried = format!(
                    "{own}; this machine has no /usr/lib/postgresql/{major}; {why}. Push an image with PostgreSQL {major} as \
                     `postgres:{major}`, or install the package postgresql-{major}"
                );
                Err(ProgramError::Missing { major, tried }.into())
            }
        }
    }

    pub(super) async fn admin(&self, resource: &str, database: &str) -> Result<Client, AdminError> {
        let port = self.state.running(&task_of(resource)).map_or(0, |(started, _)| started.port);
        admin::connect(&self.places.place(resource).socket(), port, database).await
    }

    /// Makes the task, and the folder that it shows. One whose supervisor is gone is made anew.
    async fn task(
        &self,
        instance: &Instance,
        place: &Place,
        program: &Program,
    ) -> Result<runtime::TaskNetwork, Failure> {
        let refuse = |source| Failure::Folder { path: place.folder().to_owned(), source };
        folder::make(place, program).map_err(refuse)?;
        let spec = container::task(instance);
        if self.state.is_lost(&spec.id) {
            self.remove_task(&spec.id).await?;
        }
        match self.runtime.ensure_task(&spec).await {
            Err(TaskError::SupervisorLost { .. }) => {
                self.remove_task(&spec.id).await?;
                Ok(self.runtime.ensure_task(&spec).await?)
            }
            made => Ok(made?),
        }
    }

    async fn remove_task(&self, task: &str) -> Result<(), Failure> {
        self.runtime.remove_task(task).await?;
        self.state.removed(task);
        Ok(())
    }

    /// Makes a data directory beside its place, so that it is there wholly or not at all.
    async fn initdb(&self, instance: &Instance, place: &Place, program: &Program) -> Result<(), Failure> {
        let refuse = |source| Failure::Folder { path: place.unfinished(), source };
        let task = task_of(&instance.resource);
        self.runtime.remove_container(&task, container::INITDB).await?;
        runtime::remove_tree(&place.unfinished()).map_err(refuse)?;
        folder::own(&place.unfinished(), program, 0o700).map_err(refuse)?;
        let started = self.runtime.ensure_started(&task, container::initdb(place, program)).await?;
        let end = self.state.ended(&task, container::INITDB, started.started_at_ms).await;
        let words = self.printed(&task, container::INITDB);
        if end != (End::Exited { code: 0, oom: false }) {
            let last = words.lines().rev().find(|line| line.contains("error:") || line.contains("FATAL"));
            let words = last.or(words.lines().last()).unwrap_or("it said nothing").to_owned();
            return Err(self.full(place, &words).unwrap_or(Failure::Initdb { words }));
        }
        self.runtime.remove_container(&task, container::INITDB).await?;
        fs::rename(place.unfinished(), place.data()).map_err(refuse)?;
        fs::File::open(place.folder()).and_then(|dir| dir.sync_all()).map_err(refuse)
    }

    pub(super) async fn start(&self, instance: &Instance) -> Result<Running, Failure> {
        self.try_start(instance).await.map_err(|error| self.on_full_disk(&instance.resource, error))
    }

    async fn try_start(&self, instance: &Instance) -> Result<Running, Failure> {
        let place = self.places.place(&instance.resource);
        if !place.data().exists() {
            return Err(Failure::Nothing { path: place.data() });
        }
        let program = self.program(instance.major).await?;
        self.task(instance, &place, &program).await?;
        self.launch(instance, &place, &program, &Extra::default()).await
    }

    /// Starts the server in its task, unless it runs, and waits until it answers.
    async fn launch(
        &self,
        instance: &Instance,
        place: &Place,
        program: &Program,
        extra: &Extra,
    ) -> Result<Running, Failure> {
        let task = task_of(&instance.resource);
        if let Some((started, running)) = self.state.running(&task)
            && self.state.end(&task, CONTAINER, started.at_ms).is_none()
        {
            return Ok(running);
        }
        let refuse = |source| Failure::Folder { path: place.folder().to_owned(), source };
        folder::check_version(&place.data(), instance.major)?;
        // Not the one of an earlier start, which is removed with all its processes.
        self.runtime.remove_container(&task, CONTAINER).await?;
        if let Some(pid) = folder::occupant(&place.data()) {
            return Err(Failure::Occupied { path: place.data(), pid });
        }
        folder::give(place, program).map_err(refuse)?;
        folder::configure(place, &wanted(instance, program, self.around.tokens(), extra), program)?;
        self.certify(instance, place, program).await?;
        let network = self.task(instance, place, program).await?;
        let started = self.runtime.ensure_started(&task, container::server(place, program)).await?;
        let started = Started { at_ms: started.started_at_ms, port: instance.port };
        let version = self.answers(&task, place, &started).await?;
        let running = Running { version, address: network.address, source: program.source.clone() };
        self.state.hold(&task, program.lease.clone());
        self.state.runs(&task, Some((started, running.clone())));
        Ok(running)
    }

    async fn certify(&self, instance: &Instance, place: &Place, program: &Program) -> Result<(), Failure> {
        // Made at each start, so that it never runs out under a server that is started now and then.
        let names = vec![instance.endpoint.clone(), "localhost".to_owned()];
        let made = self.around.certificate(names).await;
        let made = made.map_err(|why| Failure::Certificate { name: instance.endpoint.clone(), why })?;
        folder::certify(place, &made, program)
    }

    /// Waits until a server answers; returns its version.
    pub(super) async fn answers(&self, task: &str, place: &Place, started: &Started) -> Result<String, Failure> {
        let began = Instant::now();
        loop {
            if let Some(end) = self.state.end(task, CONTAINER, started.at_ms) {
                return Err(self.why_ended(task, place, &end));
            }
            let answer = match admin::connect(&place.socket(), started.port, SUPERUSER).await {
                // It is new: its own database is made when it is set up.
                Err(error) if error.is_no_such_database() => {
                    admin::connect(&place.socket(), started.port, "postgres").await
                }
                answer => answer,
            };
            let error = match answer {
                Ok(client) => match client.query_one("SHOW server_version", &[]).await {
                    // Debian adds its own: `15.18 (Debian 15.18-0+deb12u1)`.
                    Ok(row) => {
                        let version: String = row.get(0);
                        return Ok(version.split(' ').next().unwrap_or_default().to_owned());
                    }
                    Err(error) => error.into(),
                },
                Err(error) => error,
            };
            if began.elapsed() > RECOVERY {
                return Err(Failure::Silent(error));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says why a server has ended, in its own last words.
    pub(super) fn why_ended(&self, task: &str, place: &Place, end: &End) -> Failure {
        let said = folder::last_words(place, &self.printed(task, CONTAINER));
        let words = match end {
            End::Lost => "its supervisor process was killed".to_owned(),
            End::Exited { oom: true, .. } => format!("it was killed for its memory; {said}"),
            // One that is killed says nothing any more; what stands in its log is older.
            End::Exited { code, .. } if *code == 128 + SIGKILL => "it was killed".to_owned(),
            End::Exited { code, .. } => format!("exit code {code}; {said}"),
        };
        if said.contains("configuration file") || said.contains("invalid value for parameter") {
            return Failure::Parameters { words };
        }
        self.full(place, &words).unwrap_or(Failure::Ended { words })
    }

    /// Says of any failure on a full disk that the disk is full: what failed for it is an accident.
    pub(super) fn on_full_disk(&self, resource: &str, error: Failure) -> Failure {
        let place = self.places.place(resource);
        match folder::free(place.folder()) {
            Some(free) if free < TOO_LITTLE && !matches!(error, Failure::Full { .. }) => {
                Failure::Full { path: place.folder().to_owned(), free, words: super::keep::chain(&error) }
            }
            _ => error,
        }
    }

    /// Returns the failure of a full disk, if that is what it is.
    fn full(&self, place: &Place, words: &str) -> Option<Failure> {
        let free = folder::free(place.folder())?;
        let path = place.folder().to_owned();
        (free < TOO_LITTLE || words.contains("No space left on device")).then(|| Failure::Full {
            path,
            free,
            words: words.to_owned(),
        })
    }

    /// Returns the end of what a container printed.
    fn printed(&self, task: &str, container: &str) -> String {
        let Ok(read) = self.runtime.logs(task, container, LogPosition::default()) else { return String::new() };
        let lines = read.entries.into_iter().filter_map(|entry| match entry {
            LogEntry::Line(line) => Some(String::from_utf8_lossy(&line.bytes).into_owned()),
            LogEntry::Dropped { .. } => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Makes roles, databases and extensions that are not there yet.
    async fn set_up(&self, instance: &Instance, database: Option<&str>) -> Result<(), Failure> {
        let (major, user) = (instance.major, &instance.user);
        let first = match self.admin(&instance.resource, SUPERUSER).await {
            Ok(client) => client,
            Err(error) if error.is_no_such_database() => {
                let client = self.admin(&instance.resource, "postgres").await?;
                client.batch_execute(&roles::own_database()).await.map_err(AdminError::from)?;
                self.admin(&instance.resource, SUPERUSER).await?
            }
            Err(error) => return Err(error.into()),
        };
        let sql = [roles::QUIETLY.to_owned(), roles::rds(major), roles::master(user, &instance.verifier)].concat();
        first.batch_execute(&sql).await.map_err(AdminError::from)?;
        if first.query_opt(&roles::is_there("postgres"), &[]).await.map_err(AdminError::from)?.is_some() {
            first.batch_execute(&roles::owner_of_postgres(user)).await.map_err(AdminError::from)?;
        }
        let Some(database) = database else { return Ok(()) };
        if first.query_opt(&roles::is_there(database), &[]).await.map_err(AdminError::from)?.is_none() {
            first.batch_execute(&roles::database(database, user)).await.map_err(AdminError::from)?;
        }
        let client = self.admin(&instance.resource, database).await?;
        for name in &instance.extensions {
            let made = client.batch_execute(&roles::extension(name)).await;
            made.map_err(|error| Failure::Extension { name: name.clone(), source: error.into() })?;
        }
        Ok(())
    }

    /// Lets a server end in order; one that does not is ended.
    pub(super) async fn shut_down(&self, task: &str) {
        let Some((started, _)) = self.state.running(task) else { return };
        // Fast shutdown: transactions are rolled back, and what was acknowledged is checkpointed.
        for (signal, patience) in [(SIGINT, SHUTDOWN), (SIGQUIT, IMMEDIATE)] {
            if let Err(error) = self.runtime.signal(task, CONTAINER, signal).await {
                tracing::debug!(task, %error, "a signal did not arrive at a database");
                break;
            }
            let ended = self.state.ended(task, CONTAINER, started.at_ms);
            if tokio::time::timeout(patience, ended).await.is_ok() {
                break;
            }
            tracing::warn!(task, signal, "a database does not end");
        }
        self.state.runs(task, None);
    }
}
