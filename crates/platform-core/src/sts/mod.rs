//! STS: who an access key is, and credentials that last for a while.
//!
//! Nothing is enforced: signatures are not checked and no policy is asked, so any caller may assume a role, and it
//! need not be there (the role that a pipeline assumes is made elsewhere). What is answered is who the caller is, and
//! that is kept with the key: GetCallerIdentity tells it again until the key has expired.
//!
//! A web identity's token is taken whatever it says, so that a pipeline without keys runs here as it will on AWS; it is
//! in no answer, error or record. DecodeAuthorizationMessage is not served, since no call is refused with a message to
//! decode; AssumeRoleWithSAML is not either.

mod assume;
mod identity;
mod session;

#[cfg(test)]
mod tests;

pub use identity::{Identity, identity};
pub use session::Session;

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// STS's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AssumeRole", kind: Write(assume::role) },
    Operation { name: "AssumeRoleWithWebIdentity", kind: Write(assume::web_identity) },
    Operation { name: "GetAccessKeyInfo", kind: Read(identity::access_key_info) },
    Operation { name: "GetCallerIdentity", kind: Read(identity::caller) },
    Operation { name: "GetFederationToken", kind: Write(assume::federation_token) },
    Operation { name: "GetSessionToken", kind: Write(assume::session_token) },
];
