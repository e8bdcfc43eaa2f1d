//! Which limits on resources does a process in a container have? Never more than our own.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::spec::Ulimit;
use crate::wire::{Fault, FaultKind};

const KNOWN: [(&str, Resource); 16] = [
    ("RLIMIT_AS", Resource::RLIMIT_AS),
    ("RLIMIT_CORE", Resource::RLIMIT_CORE),
    ("RLIMIT_CPU", Resource::RLIMIT_CPU),
    ("RLIMIT_DATA", Resource::RLIMIT_DATA),
    ("RLIMIT_FSIZE", Resource::RLIMIT_FSIZE),
    ("RLIMIT_LOCKS", Resource::RLIMIT_LOCKS),
    ("RLIMIT_MEMLOCK", Resource::RLIMIT_MEMLOCK),
    ("RLIMIT_MSGQUEUE", Resource::RLIMIT_MSGQUEUE),
    ("RLIMIT_NICE", Resource::RLIMIT_NICE),
    ("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE),
    ("RLIMIT_NPROC", Resource::RLIMIT_NPROC),
    ("RLIMIT_RSS", Resource::RLIMIT_RSS),
    ("RLIMIT_RTPRIO", Resource::RLIMIT_RTPRIO),
    ("RLIMIT_RTTIME", Resource::RLIMIT_RTTIME),
    ("RLIMIT_SIGPENDING", Resource::RLIMIT_SIGPENDING),
    ("RLIMIT_STACK", Resource::RLIMIT_STACK),
];

/// One limit, by OCI's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limit {
    name: String,
    soft: u64,
    hard: u64,
}

impl Limit {
    /// Returns what is asked for, within our own hard limit (`own`, by OCI's name).
    pub(super) fn of(limit: &Ulimit, own: &dyn Fn(&str) -> Option<u64>) -> Result<Self, Fault> {
        let name = format!("RLIMIT_{}", limit.name.to_ascii_uppercase());
        let own =
            own(&name).ok_or_else(|| Fault::new(FaultKind::BadRequest, format!("unknown limit `{}`", limit.name)))?;
        let hard = limit.hard.min(own);
        Ok(Self { name, soft: limit.soft.min(hard), hard })
    }

    /// Returns it as an OCI configuration has it.
    pub(super) fn oci(&self) -> Value {
        json!({ "type": self.name, "soft": self.soft, "hard": self.hard })
    }

    /// Sets it for the calling process.
    pub(super) fn apply(&self) -> nix::Result<()> {
        let known = KNOWN.iter().find(|(name, _)| *name == self.name);
        known.map_or(Err(nix::errno::Errno::EINVAL), |(_, resource)| setrlimit(*resource, self.soft, self.hard))
    }
}

/// Returns our own hard limit, by OCI's name.
pub(super) fn own(name: &str) -> Option<u64> {
    let (_, resource) = KNOWN.iter().find(|(known, _)| *known == name)?;
    getrlimit(*resource).ok().map(|(_, hard)| hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamps_limits_to_our_own() {
        let limit = |name: &str| Ulimit { name: name.into(), soft: 65536, hard: 65536 };
        let own = |name: &str| (name == "RLIMIT_NOFILE").then_some(1000);
        let made = Limit::of(&limit("nofile"), &own).unwrap();
        assert_eq!(made.oci(), json!({ "type": "RLIMIT_NOFILE", "soft": 1000, "hard": 1000 }));
        assert!(Limit::of(&limit("nofiles"), &own).unwrap_err().message.contains("nofiles"));
    }
}
