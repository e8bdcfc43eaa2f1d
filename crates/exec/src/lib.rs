//! The doors to sessions into containers, which ECS and Systems Manager both hand out.
//!
//! The world says which container is meant and whether it is reached ([`platform_core::ecs`]); the sessions open the
//! way ([`session::Sessions`]). Nothing is decided here but what a session's document means.

mod custom;
mod describe;
mod documents;
mod execute_command;
mod poll;
mod session_manager;

use orchestrator::{CallCx, Handle};
use platform_core::ecs::Destination;
use platform_core::sts;
use session::agent::Work;
use session::sessions::{Opened, Request};
use session::{CHANNEL_PATH, SessionTarget, Sessions};

pub use execute_command::ExecuteCommand;
pub use session_manager::SessionManager;

/// The world, and the sessions of its containers.
#[derive(Clone)]
struct Ways {
    world: Handle,
    /// None where the engine runs no containers that one could reach.
    sessions: Option<Sessions>,
}

/// Who calls, and how they reached the platform.
struct Caller {
    cx: CallCx,
    authority: String,
}

/// What a caller asked for, besides where it is.
struct Asked {
    /// Begin of the session's id; the caller's name, if none.
    prefix: Option<&'static str>,
    /// What is to be done there.
    work: Work,
    /// The document that describes it.
    document: String,
    /// Why, as the caller said.
    reason: Option<String>,
}

/// A session that the caller may connect to.
struct Ticket {
    opened: Opened,
    stream_url: String,
}

impl Caller {
    fn of(call: &aws_model::Call) -> Self {
        let cx = CallCx { region: call.region.clone(), access_key: call.access_key.clone() };
        Self { cx, authority: call.authority.clone() }
    }

    /// Returns where the caller connects to a session.
    fn url(&self, session_id: &str) -> String {
        format!("ws://{}{CHANNEL_PATH}{session_id}?role=publish_subscribe", self.authority)
    }
}

impl Ways {
    /// Opens a session to a container.
    fn open(&self, sessions: &Sessions, caller: &Caller, destination: &Destination, asked: Asked) -> Ticket {
        let identity = self.world.answer(&caller.cx, |world, cx| Ok(sts::identity(world, cx)));
        let owner = identity.map(|identity| identity.arn).unwrap_or_default();
        let name = owner.rsplit([':', '/']).next().unwrap_or_default();
        let opened = sessions.open(Request {
            prefix: asked.prefix.unwrap_or(name).to_owned(),
            target: destination.target(),
            place: SessionTarget { task: destination.task_id.clone(), container: destination.container_name.clone() },
            work: asked.work,
            document: Some(asked.document),
            reason: asked.reason,
            owner,
            region: caller.cx.region.clone(),
        });
        tracing::info!(session = opened.session_id, target = destination.target(), "opened a session");
        Ticket { stream_url: caller.url(&opened.session_id), opened }
    }
}
