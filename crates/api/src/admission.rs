//! Decides who may use the platform, from the owner of the socket at the other end of a connection. Pure: users and
//! groups are looked up elsewhere (`peer`).
//!
//! A platform that root runs makes containers, so every user who may use it can become root of this machine: it is
//! root's, its starter's, and theirs who are named.

use std::fmt;

/// A user or group that is let in by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A user of this machine.
    User {
        /// Its number.
        uid: u32,
        /// Its name, if it has one.
        name: Option<String>,
    },
    /// The members of a group of this machine.
    Group {
        /// Its number.
        gid: u32,
        /// Its name, if it has one.
        name: Option<String>,
    },
    /// Everyone who reaches the port, from anywhere.
    Everybody,
}

/// As it is written after `--allow`: names for people.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name: Some(name), .. } => write!(f, "user:{name}"),
            Self::User { uid, name: None } => write!(f, "user:{uid}"),
            Self::Group { name: Some(name), .. } => write!(f, "group:{name}"),
            Self::Group { gid, name: None } => write!(f, "group:{gid}"),
            Self::Everybody => f.write_str("everybody"),
        }
    }
}

/// Who may use a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The user as whom the platform runs.
    pub own: u32,
    /// Who else is let in.
    pub allowed: Vec<Who>,
}

impl Policy {
    /// Returns the policy of a platform without `--allow`: its own user and root.
    pub fn own() -> Self {
        Self { own: nix::unistd::geteuid().as_raw(), allowed: Vec::new() }
    }

    /// Whether everyone who reaches the port is let in.
    pub fn is_open(&self) -> bool {
        self.allowed.contains(&Who::Everybody)
    }

    /// Whether a user's groups make a difference.
    pub(crate) fn asks_for_groups(&self) -> bool {
        self.allowed.iter().any(|who| matches!(who, Who::Group { .. }))
    }

    fn words(&self) -> String {
        let mut words = vec!["root".to_owned()];
        if self.own != 0 {
            words.push(format!("user:{}", self.own));
        }
        words.extend(self.allowed.iter().map(Who::to_string));
        words.dedup();
        words.join(", ")
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A user of this machine.
    User { uid: u32, name: Option<String>, groups: Vec<u32> },
    /// No user whom this machine knows: the connection comes from another one, from another network namespace (a
    /// container), or its other end is closed already.
    Stranger,
}

/// Why a connection's requests are refused, in words that say who may and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error(
        "{seen} may not use this platform: it is for {may}. Its owner can let them in: `managr platform stop`, \
         then `managr platform start --allow user:{word}`"
    )]
    User { seen: String, may: String, word: String },
    #[error(
        "callers from other machines, and from containers, may not use this platform: it is for {may}. Its owner can \
         let them in, and with them everyone who can reach its port: `--allow everybody` where it is started"
    )]
    Stranger { may: String },
}

/// Decides whether a caller may use the platform.
pub(crate) fn decide(policy: &Policy, peer: &Peer) -> Result<(), Denied> {
    if policy.is_open() {
        return Ok(());
    }
    let Peer::User { uid, name, groups } = peer else {
        return Err(Denied::Stranger { may: policy.words() });
    };
    let named = policy.allowed.iter().any(|who| match who {
        Who::User { uid: named, .. } => named == uid,
        Who::Group { gid, .. } => groups.contains(gid),
        Who::Everybody => true,
    });
    if *uid == 0 || *uid == policy.own || named {
        return Ok(());
    }
    let seen = match name {
        Some(name) => format!("user {name} (uid {uid})"),
        None => format!("the user with uid {uid}"),
    };
    let word = name.clone().unwrap_or_else(|| uid.to_string());
    Err(Denied::User { seen, may: policy.words(), word })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, name: &str) -> Who {
        Who::User { uid, name: (!name.is_empty()).then(|| name.to_owned()) }
    }

    fn peer(uid: u32, groups: &[u32]) -> Peer {
        Peer::User { uid, name: None, groups: groups.to_vec() }
    }

    fn check(own: u32, allowed: &[Who], peer: &Peer, admitted: bool) {
        let policy = Policy { own, allowed: allowed.to_vec() };
        assert_eq!(decide(&policy, peer).is_ok(), admitted, "{policy:?} {peer:?}");
    }

    #[test]
    fn roots_platform_is_roots_its_starters_and_theirs_who_are_named() {
        let group = Who::Group { gid: 27, name: None };
        check(0, &[], &peer(0, &[]), true);
        check(0, &[], &peer(1000, &[0]), false);
        check(0, &[user(1000, "")], &peer(1000, &[]), true);
        check(0, &[user(1000, "")], &peer(1001, &[1000]), false);
        check(0, std::slice::from_ref(&group), &peer(1001, &[5, 27]), true);
        check(0, std::slice::from_ref(&group), &peer(27, &[5]), false);
    }

    #[test]
    fn a_users_platform_is_theirs_and_roots() {
        check(1000, &[], &peer(1000, &[]), true);
        check(1000, &[], &peer(0, &[]), true);
        check(1000, &[], &peer(1001, &[]), false);
    }

    #[test]
    fn who_is_not_known_here_is_let_in_with_everybody_only() {
        check(0, &[user(1000, ""), Who::Group { gid: 0, name: None }], &Peer::Stranger, false);
        check(0, &[Who::Everybody], &Peer::Stranger, true);
        check(0, &[Who::Everybody], &peer(1001, &[]), true);
    }

    #[test]
    fn a_refusal_says_who_was_seen_who_may_and_what_opens_it() {
        let policy = Policy { own: 0, allowed: vec![user(1000, "alice"), Who::Group { gid: 27, name: None }] };
        let bob = Peer::User { uid: 1001, name: Some("bob".into()), groups: Vec::new() };
        let words = decide(&policy, &bob).unwrap_err().to_string();
        for word in ["user bob (uid 1001)", "root, user:alice, group:27", "--allow user:bob"] {
            assert!(words.contains(word), "no `{word}` in {words}");
        }
        let words = decide(&policy, &Peer::Stranger).unwrap_err().to_string();
        assert!(words.contains("--allow everybody") && words.contains("containers"), "{words}");
    }
}
