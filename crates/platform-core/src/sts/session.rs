//! Credentials that last for a while: who they are, and how they are made.

use aws_model::{Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Identity;
use crate::world::Record;
use crate::{Change, Cx, World, ids};

/// How long credentials are remembered after they have expired, so that their user hears why.
const REMEMBERED: Millis = 24 * 3_600_000;

/// Whom temporary credentials make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The access key, `ASIA...`.
    pub access_key: String,
    /// Who calls with it.
    pub identity: Identity,
    /// How they came to be.
    pub by: By,
    /// When they cease to be valid.
    pub expires: Millis,
}

/// How temporary credentials came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// A role was assumed.
    Role,
    /// GetFederationToken.
    Federation,
    /// GetSessionToken: the caller's own.
    Token,
}

impl Record for Session {
    const TABLE: &'static str = "sts.sessions";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.access_key
    }
}

/// Makes credentials for a caller: the `Credentials` to answer, and what changes.
///
/// The secret parts are kept nowhere: nothing is proved with them here. They are drawn from the same numbers as every
/// other name; who lets signatures be checked must draw them from the kernel.
pub(super) fn grant(world: &World, cx: &mut Cx<'_>, identity: Identity, by: By, life: i64) -> (Value, Vec<Change>) {
    let expires = cx.now + life * 1000;
    let session = Session { access_key: ids::access_key("ASIA", cx), identity, by, expires };
    let credentials = json!({
        "AccessKeyId": session.access_key,
        "SecretAccessKey": ids::secret_key(cx),
        "SessionToken": (0..6).map(|_| ids::secret_key(cx)).collect::<String>(),
        "Expiration": seconds(expires),
    });
    let over = world.records.all::<Session>("").filter(|session| session.expires + REMEMBERED < cx.now);
    let forgotten = over.map(|session| Change::remove::<Session>("", &session.access_key));
    let changes = forgotten.chain([Change::put(&session)]).collect();
    (credentials, changes)
}
