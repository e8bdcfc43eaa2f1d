//! Which database is meant, and how is it reached from here?

use std::io;
use std::net::Ipv4Addr;

use aws::Client;
use deploy::db::{Dial, Dialled, Instance, Parts, PartsError, Relay};
use deploy::exec::{Port, forward, target};
use deploy_core::Desired;
use session::Duplex;
use session::client::Forward;
use tokio::net::TcpStream;

use super::Which;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reach::{Asked, UNREACHED, reach, refused};
use crate::{forwarding, shell};

/// Names that only this machine's platform gives.
const OURS: &str = ".rds.localhost";

/// A database of a stage.
pub(super) struct Place {
    pub(super) project: Project,
    pub(super) stage: String,
    /// What people know it as.
    pub(super) name: String,
    /// Identifier of its instance; none if only its secret is known.
    instance: Option<String>,
    secret: String,
    pub(super) client: Client,
    direct: bool,
}

/// A database that is reached.
pub(super) struct Reached {
    pub(super) relay: Relay,
    /// The session that it is reached by, and whom to tell that it is over.
    session: Option<(Client, String)>,
}

impl Reached {
    /// Tells the service that we are done.
    pub(super) async fn close(self) {
        if let Some((client, session_id)) = self.session {
            shell::leave(&client, &session_id).await;
        }
    }
}

impl Place {
    /// Finds it in the manifest.
    ///
    /// # Errors
    /// When there is no such stage or database (exit 2).
    pub(super) fn of(cx: &Context, stage: &str, which: &Which) -> Result<Self, Failure> {
        let project = cx.project()?;
        let desired = project.names(stage)?;
        let client = cx.client_of(stage, &desired.region)?;
        let (name, instance, secret) = match &which.secret {
            Some(secret) => (format!("the database of {secret}"), None, secret.clone()),
            None => named(&project, &desired, which.database.as_deref())?,
        };
        Ok(Self { project, stage: stage.to_owned(), name, instance, secret, client, direct: which.direct })
    }

    /// Returns the identifier of its instance.
    ///
    /// # Errors
    /// When it is known by its secret alone (exit 2).
    pub(super) fn instance_id(&self) -> Result<&str, Failure> {
        self.instance.as_deref().ok_or_else(|| {
            let failure = Failure::new("snapshots are those of an instance, and --secret names none").exit(Exit::Usage);
            failure.hint("write it as [databases.NAME] in managr.toml")
        })
    }

    /// Looks at its instance.
    ///
    /// # Errors
    /// When it is not there, or RDS does not answer.
    pub(super) async fn instance(&self) -> Result<Instance, Failure> {
        let id = self.instance_id()?;
        deploy::db::instance(&self.client, id).await?.ok_or_else(|| self.missing(id))
    }

    fn missing(&self, id: &str) -> Failure {
        let next = match self.stage.as_str() {
            deploy_core::manifest::LOCAL => "`managr up` makes it".to_owned(),
            stage => format!("`managr verify {stage}` says what it needs"),
        };
        Failure::new(format!("there is no instance `{id}` in stage {}", self.stage)).hint(next)
    }

    /// Reads where it is and who may enter.
    ///
    /// # Errors
    /// When its secret is not there, or says something else.
    pub(super) async fn parts(&self) -> Result<Parts, Failure> {
        deploy::db::parts(&self.client, &self.secret).await.map_err(|error| match error {
            PartsError::Call(error) => error.into(),
            error @ PartsError::Missing { .. } => match &self.instance {
                Some(id) => Failure::from_error(error).hint(self.missing(id).hints.remove(0)),
                None => Failure::from_error(error),
            },
            error @ PartsError::Wrong { .. } => Failure::from_error(error).hint(
                "it holds JSON with host, port, name, user and password, or a URL postgres://USER:PASSWORD@HOST/NAME",
            ),
        })
    }

    /// Returns the port of this machine that leads to it, where a platform of this machine runs it.
    pub(super) async fn here(&self, parts: &Parts) -> Option<u16> {
        if !parts.host.ends_with(OURS) {
            let is_here = ["localhost", "127.0.0.1", "::1"].contains(&parts.host.as_str());
            return (is_here || self.direct).then_some(parts.port);
        }
        // The platform says which port it found free.
        let id = self.instance.as_deref()?;
        let instance = deploy::db::instance(&self.client, id).await.ok().flatten();
        Some(instance.and_then(|instance| instance.local_port()).unwrap_or(parts.port))
    }

    /// Reaches it.
    ///
    /// # Errors
    /// When no task lets us through.
    pub(super) async fn reach(&self, cx: &Context) -> Result<Reached, Failure> {
        let parts = self.parts().await?;
        if let Some(port) = self.here(&parts).await {
            let host = match parts.host.ends_with(OURS) {
                true => Ipv4Addr::LOCALHOST.to_string(),
                false => parts.host.clone(),
            };
            return Ok(Reached { relay: Relay::new(Socket { host, port }, parts), session: None });
        }
        let asked = Asked { stage: &self.stage, service: None, container: None, task: None };
        let way = reach(cx, asked).await?;
        let chosen = way.choice.best();
        let target = target(&way.cluster, &chosen.task, &chosen.runtime_id);
        // Nothing listens at this end; the agent is told a port all the same.
        let port = Port { host: Some(&parts.host), port: parts.port, local: parts.port };
        let ticket = forward(&way.client, &target, &port).await;
        let ticket = ticket.map_err(|error| refused(error, &self.stage, &way.service))?;
        let session_id = ticket.session_id.clone();
        let begun = forwarding::begin(&way.client, ticket).await;
        let (session, greeting) = begun.map_err(|words| Failure::new(words).exit(UNREACHED))?;
        let forward = Forward::over(session, &greeting);
        Ok(Reached { relay: Relay::new(Session { forward }, parts), session: Some((way.client, session_id)) })
    }
}

struct Socket {
    host: String,
    port: u16,
}

impl Dial for Socket {
    fn dial(&self) -> Dialled<'_> {
        Box::pin(async move {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
            let stream = stream.map_err(|error| {
                io::Error::new(error.kind(), format!("{}:{} does not answer: {error}", self.host, self.port))
            })?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

struct Session {
    forward: Forward,
}

impl Dial for Session {
    fn dial(&self) -> Dialled<'_> {
        Box::pin(self.forward.connect())
    }
}

/// Returns what a database of the manifest is called, its instance and its secret.
fn named(
    project: &Project,
    desired: &Desired,
    wanted: Option<&str>,
) -> Result<(String, Option<String>, String), Failure> {
    let all = &desired.databases;
    let stage = &desired.stage;
    let known = || all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>();
    let main = || all.iter().find(|one| one.name == "main").or_else(|| all.first().filter(|_| all.len() == 1));
    let found = match wanted {
        Some(wanted) => all.iter().find(|one| one.name == wanted),
        None => main(),
    };
    if let Some(one) = found {
        return Ok((one.name.clone(), Some(one.instance.clone()), one.secret.clone()));
    }
    let failure = match wanted {
        _ if all.is_empty() => {
            let words = format!("{} has no database in stage {stage}", project.shown_path());
            Failure::new(words).hint("add [databases.main], or name a secret that holds its parts: --secret NAME")
        }
        Some(wanted) => {
            let hint = match deploy_core::suggest::nearest(wanted, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", known().join(", ")),
            };
            Failure::new(format!("stage {stage} has no database `{wanted}`")).hint(hint)
        }
        None => Failure::new(format!("stage {stage} has several databases"))
            .hint(format!("name one: --database {}", known().join(" or --database "))),
    };
    Err(failure.exit(Exit::Usage))
}
