//! Who is a process in a container, and what may it do? User, groups, capabilities, kernel calls.
//!
//! There is one way to become that: [`Credentials::assume`], in whatever process is about to become
//! the container's program. What comes after it runs with what the container has and nothing more.

use caps::{CapSet, CapsHashSet};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};

use super::capabilities::{self, Set};
use super::seccomp;
use super::users::User;
use crate::spec::ContainerSpec;
use crate::sys;
use crate::wire::{Fault, FaultKind};

/// What the process needs that assumes credentials, on top of those; it gives all of it up.
const NEEDED: Set =
    capabilities::set(&[capabilities::SETGID, capabilities::SETUID, capabilities::SETPCAP, capabilities::SYS_ADMIN]);

/// What a process in a container is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    /// All that the container may have. Root holds it; others may get it by programs that are setuid.
    bounding: Set,
    no_new_privileges: bool,
}

impl Credentials {
    /// Returns what a container's own process is; `ours` is what we may hand out.
    pub(super) fn of(spec: &ContainerSpec, user: &User, ours: Set) -> Result<Self, Fault> {
        Ok(Self {
            uid: user.uid,
            gid: user.gid,
            groups: user.groups.clone(),
            bounding: capabilities::granted(&spec.cap_add, &spec.cap_drop, ours)?,
            no_new_privileges: spec.no_new_privileges,
        })
    }

    /// Returns what root is in the same container: it holds all that the container may have.
    pub(super) fn as_root(&self) -> Self {
        Self { uid: 0, gid: 0, groups: Vec::new(), ..self.clone() }
    }

    /// As Docker: a user other than root holds nothing.
    fn held(&self) -> Set {
        if self.uid == 0 { self.bounding } else { 0 }
    }

    /// Returns what the process must still have that is to assume these, by OCI's names.
    pub(super) fn needed(&self) -> Vec<String> {
        capabilities::names(self.bounding | NEEDED)
    }

    /// Makes the calling process this, for good.
    pub(super) fn assume(&self) -> Result<(), Fault> {
        let refuse = |what: &str, error: &dyn std::fmt::Display| {
            Fault::new(FaultKind::Runtime, format!("could not {what}: {error}"))
        };
        // Without one of its own it would have host root's keys, which the kernel keeps for sessions.
        sys::join_new_session_keyring().map_err(|error| refuse("make a keyring", &error))?;
        if self.no_new_privileges {
            nix::sys::prctl::set_no_new_privs().map_err(|error| refuse("forbid new privileges", &error))?;
        }
        caps::clear(None, CapSet::Ambient).map_err(|error| refuse("drop capabilities", &error))?;
        for capability in caps::all().into_iter().filter(|found| !capabilities::has(self.bounding, found.index())) {
            // A kernel that does not know it cannot give it either.
            if caps::has_cap(None, CapSet::Bounding, capability).unwrap_or(false) {
                caps::drop(None, CapSet::Bounding, capability).map_err(|error| refuse("drop capabilities", &error))?;
            }
        }
        // While it still may: the kernel takes a filter from those alone who administrate the system
        // or gain no privileges.
        let filter = seccomp::program(self.bounding).map_err(|error| refuse("make the filter", &error))?;
        sys::install_filter(&filter).map_err(|error| refuse("install the filter of kernel calls", &error))?;
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&groups).map_err(|error| refuse("set groups", &error))?;
        setresgid(gid, gid, gid).map_err(|error| refuse("set the group", &error))?;
        setresuid(uid, uid, uid).map_err(|error| refuse("set the user", &error))?;
        let held: CapsHashSet =
            caps::all().into_iter().filter(|found| capabilities::has(self.held(), found.index())).collect();
        for (which, value) in
            [(CapSet::Inheritable, &CapsHashSet::new()), (CapSet::Effective, &held), (CapSet::Permitted, &held)]
        {
            caps::set(None, which, value).map_err(|error| refuse("drop capabilities", &error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: u32) -> Credentials {
        let user = User { uid, gid: 7, groups: vec![8], home: "/".into() };
        Credentials::of(&ContainerSpec::default(), &user, !0).unwrap()
    }

    #[test]
    fn a_plain_user_holds_no_capability_and_root_what_the_container_may_have() {
        assert_eq!((of(1000).held(), of(1000).bounding.count_ones()), (0, 14));
        assert_eq!(of(0).held(), of(0).bounding);
        assert_eq!(of(1000).as_root(), Credentials { uid: 0, gid: 0, groups: vec![], ..of(1000) });
    }

    #[test]
    fn libcontainer_keeps_what_is_needed_to_become_that() {
        let needed = of(1000).needed();
        for name in ["CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN"] {
            assert!(needed.contains(&name.to_owned()), "{name}: {needed:?}");
        }
    }
}
