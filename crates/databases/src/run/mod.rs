//! Runs databases: makes, starts, stops and removes their servers, and starts one again that died.
//!
//! A database is a task of the runtime with one container. It survives the platform, which finds it again by name.

pub mod admin;
mod container;
mod files;
mod folder;
pub(crate) mod keep;
mod life;
pub mod place;
pub mod program;
mod roles;
mod state;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;

pub use admin::AdminError;
pub use files::{BadParameter, SUPERUSER};
pub(crate) use folder::occupant;
pub use place::{Place, Places, is_task, task_of};
pub use program::{Image, Program, ProgramError, Source};

/// All that is needed of an instance to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its identifier, as its user says it.
    pub id: String,
    /// Its resource id, which it keeps when it is renamed.
    pub resource: String,
    /// Major version.
    pub major: u32,
    /// Port, on the address of its task.
    pub port: u16,
    /// Name under which it is reached.
    pub endpoint: String,
    /// The master user.
    pub user: String,
    /// What PostgreSQL keeps of the master user's password (RFC 5803).
    pub verifier: String,
    /// The parameter group's values, without those that are PostgreSQL's own.
    pub parameters: BTreeMap<String, String>,
    /// Extensions to be made in the first database.
    pub extensions: Vec<String>,
    /// How long backups are kept; none at 0.
    pub retention_days: u32,
    /// Most memory; no limit at 0.
    pub memory_bytes: u64,
}

/// How a server is started otherwise than usual.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Settings of a recovery, such as `recovery_target_time`.
    pub recovery: Vec<(String, String)>,
}

/// A server that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// PostgreSQL's version, such as `15.18`.
    pub version: String,
    /// Address of its task.
    pub address: Ipv4Addr,
    /// Which PostgreSQL was taken.
    pub source: Source,
}

/// What is told of a database that nobody asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Its server ended without being asked to.
    Died {
        /// What is known of it.
        why: String,
    },
    /// It was found running, from before the platform was started.
    Found(Running),
    /// It was started again, and answers.
    Restarted(Running),
    /// It cannot run because the disk is full; it is tried again.
    StorageFull {
        /// What it said.
        why: String,
    },
    /// It cannot be started again; it is tried again ever more seldom.
    CannotStart {
        /// What it said.
        why: String,
    },
}

/// A certificate of a server.
///
/// Has no `Debug` on purpose: it has the key.
pub struct Certificate {
    /// The certificate and its authority's, PEM.
    pub chain: String,
    /// The private key, PEM.
    pub key: String,
}

/// What is answered later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What databases ask of the platform around them.
pub trait Surroundings: Send + Sync + 'static {
    /// Returns an image of PostgreSQL that people have put into the platform's own registry.
    fn own_image(&self, major: u32) -> Later<'_, Result<Option<Image>, String>>;
    /// Returns the official image, pulled if need be.
    fn public_image(&self, major: u32) -> Later<'_, Result<Image, String>>;
    /// Makes a certificate for names.
    fn certificate(&self, names: Vec<String>) -> Later<'_, Result<Certificate, String>>;
    /// Returns where IAM's tokens are checked.
    fn tokens(&self) -> Option<SocketAddr> {
        None
    }
}

/// Why a database is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no PostgreSQL to run it.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Its folder refused.
    #[error("{} could not be made ready for the database", path.display())]
    Folder {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Its files are of another version.
    #[error(
        "the files at {} are of PostgreSQL {found}, and version {major} was asked for: it cannot read them; restore a dump \
         into a new database instead",
        path.display()
    )]
    Version {
        /// The data directory.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What was asked for.
        major: u32,
    },
    /// Another server has the folder.
    #[error("process {pid} is at work in {}: two servers at one folder would destroy it", path.display())]
    Occupied {
        /// The data directory.
        path: PathBuf,
        /// Who.
        pid: i32,
    },
    /// There is no data directory.
    #[error("there is no database at {}", path.display())]
    Nothing {
        /// The data directory.
        path: PathBuf,
    },
    /// A parameter is no parameter.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// The server does not start with its parameters.
    #[error("the server does not start with the parameters of its group: {words}")]
    Parameters {
        /// What it said.
        words: String,
    },
    /// A name cannot be had.
    #[error("`{name}` cannot be {what}")]
    Name {
        /// The name.
        name: String,
        /// For what.
        what: &'static str,
    },
    /// The task could not be made, or removed.
    #[error("the database's container could not be made")]
    Task(#[from] runtime::TaskError),
    /// The container could not be started.
    #[error("the database's container could not be started")]
    Start(#[from] runtime::StartError),
    /// A new data directory could not be made.
    #[error("initdb did not make the database: {words}")]
    Initdb {
        /// What it said.
        words: String,
    },
    /// The server ended instead of answering.
    #[error("the server ended: {words}")]
    Ended {
        /// What it said.
        words: String,
    },
    /// The disk is full.
    #[error("the disk is full ({free} bytes are left at {}): {words}", path.display())]
    Full {
        /// The folder.
        path: PathBuf,
        /// What is left.
        free: u64,
        /// What the server said.
        words: String,
    },
    /// The server runs and does not answer.
    #[error("the server runs and does not answer")]
    Silent(#[source] AdminError),
    /// The server refused what makes the database usable.
    #[error("the database could not be set up")]
    Admin(#[from] AdminError),
    /// No certificate could be made.
    #[error("no certificate could be made for `{name}`: {why}")]
    Certificate {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// An extension could not be made.
    #[error("the extension `{name}` could not be made")]
    Extension {
        /// The extension.
        name: String,
        /// What the server said.
        #[source]
        source: AdminError,
    },
}

/// The databases of a platform. Cheap to clone.
#[derive(Clone)]
pub struct Servers {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Runtime,
    places: Places,
    around: Arc<dyn Surroundings>,
    news: UnboundedSender<(String, News)>,
    state: state::State,
}

impl Servers {
    /// Opens the databases of a platform. What runs already is taken over by [`Servers::adopt`]. News are told with a
    /// resource id.
    pub fn new(
        runtime: Runtime,
        places: Places,
        around: Arc<dyn Surroundings>,
        news: UnboundedSender<(String, News)>,
    ) -> Self {
        Self { inner: Arc::new(Inner { runtime, places, around, news, state: state::State::default() }) }
    }

    /// Returns where the files of all databases are.
    pub fn places(&self) -> &Places {
        &self.inner.places
    }

    /// Returns where a database's files are.
    pub fn place(&self, resource: &str) -> Place {
        self.inner.places.place(resource)
    }

    /// Removes the logs of a database that are older than it keeps them.
    pub fn sweep_logs(&self, resource: &str, older: std::time::Duration) {
        folder::sweep_logs(&self.place(resource), older);
    }

    /// Returns how many bytes of the disk a database takes. Reads a whole folder: call it where that may block.
    pub fn used(&self, resource: &str) -> u64 {
        folder::taken(self.place(resource).folder())
    }
}
