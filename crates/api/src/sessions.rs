//! Sessions into containers, as ECS and Systems Manager both hand them out.

use platform_core::ecs::Destination;
use session::agent::Work;
use session::sessions::{Opened, Request};
use session::{Place, Sessions};

use crate::channel;
use crate::state::State;

/// What a caller asked for, besides where it is.
pub(crate) struct Asked {
    /// Begin of the session's id.
    pub(crate) prefix: &'static str,
    /// What is to be done there.
    pub(crate) work: Work,
    /// The document that describes it.
    pub(crate) document: String,
    /// Why, as the caller said.
    pub(crate) reason: Option<String>,
    /// Region of the call.
    pub(crate) region: String,
}

/// A session that the caller may connect to.
pub(crate) struct Ticket {
    pub(crate) opened: Opened,
    pub(crate) stream_url: String,
}

/// Opens a session to a container.
pub(crate) fn open(
    state: &State,
    sessions: &Sessions,
    authority: &str,
    destination: &Destination,
    asked: Asked,
) -> Ticket {
    let place = Place { task: destination.task_id.clone(), container: destination.container_name.clone() };
    let opened = sessions.open(Request {
        prefix: asked.prefix.to_owned(),
        target: destination.target(),
        place,
        work: asked.work,
        document: Some(asked.document),
        reason: asked.reason,
        owner: owner(state),
        region: asked.region,
    });
    tracing::info!(session = opened.session_id, target = destination.target(), "opened a session");
    Ticket { stream_url: channel::url(authority, &opened.session_id), opened }
}

/// Everybody is the account's root: the platform knows no users.
fn owner(state: &State) -> String {
    format!("arn:aws:iam::{}:root", state.account)
}
