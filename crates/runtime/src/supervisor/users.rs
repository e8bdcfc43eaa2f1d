//! Who is `name[:group]`, by the image's own `/etc/passwd` and `/etc/group`?

use crate::wire::{Fault, FaultKind};

/// A user as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Supplementary groups.
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

/// Resolves a user as Docker does: names by the files, numbers as they are.
pub(crate) fn resolve(wanted: &str, passwd: &str, group: &str) -> Result<User, Fault> {
    let (user, wanted_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let number = user.parse::<u32>().ok();
    let entry =
        passwd.lines().filter_map(PasswdEntry::parse).find(|entry| entry.name == user || number == Some(entry.uid));
    let uid = match (&entry, number) {
        (Some(entry), _) => entry.uid,
        (None, Some(uid)) => uid,
        (None, None) => return Err(unknown("user", user)),
    };
    let groups: Vec<Group<'_>> = group.lines().filter_map(Group::parse).collect();
    let gid = match wanted_group {
        None => entry.as_ref().map_or(0, |entry| entry.gid),
        Some(name) => match groups.iter().find(|group| group.name == name) {
            Some(group) => group.gid,
            None => name.parse().map_err(|_| unknown("group", name))?,
        },
    };
    // A group that is named takes the place of those in the file, as with Docker.
    let supplementary = match (&entry, wanted_group) {
        (Some(entry), None) => groups
            .iter()
            .filter(|group| group.members.split(',').any(|member| member == entry.name))
            .map(|group| group.gid)
            .collect(),
        _ => Vec::new(),
    };
    let home = entry.map(|entry| entry.home.to_owned()).filter(|home| !home.is_empty());
    Ok(User { uid, gid, groups: supplementary, home: home.unwrap_or_else(|| "/".to_owned()) })
}

fn unknown(kind: &str, name: &str) -> Fault {
    Fault::new(FaultKind::NoSuchUser, format!("the image knows no {kind} `{name}`"))
}

struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl<'a> PasswdEntry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name, uid, gid, home: fields.nth(1).unwrap_or_default() })
    }
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

impl<'a> Group<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let gid = fields.nth(1)?.parse().ok()?;
        Some(Self { name, gid, members: fields.next().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/var/www:/bin/false\nbad\n";
    const GROUP: &str = "root:x:0:\nwww:x:34:\nlogs:x:50:web,other\nstaff:x:60:root\n";

    fn check(wanted: &str, uid: u32, gid: u32, groups: &[u32], home: &str) {
        let expected = User { uid, gid, groups: groups.to_vec(), home: home.to_owned() };
        assert_eq!(resolve(wanted, PASSWD, GROUP).unwrap(), expected, "{wanted:?}");
    }

    #[test]
    fn resolves_users_as_docker_does() {
        check("", 0, 0, &[60], "/root");
        check("web", 33, 34, &[50], "/var/www");
        check("33", 33, 34, &[50], "/var/www");
        check("web:logs", 33, 50, &[], "/var/www");
        check("web:7", 33, 7, &[], "/var/www");
        check("1000", 1000, 0, &[], "/");
        check("1000:1001", 1000, 1001, &[], "/");
    }

    #[test]
    fn refuses_names_that_the_image_does_not_know() {
        for wanted in ["nobody", "web:nobody"] {
            let fault = resolve(wanted, PASSWD, GROUP).unwrap_err();
            assert_eq!(fault.kind, FaultKind::NoSuchUser);
            assert!(fault.message.contains("nobody"), "{}", fault.message);
        }
    }
}
