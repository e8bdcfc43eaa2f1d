//! Who may use a platform: reads `--allow WHO`, and finds who starts it.

use std::ffi::OsString;

use nix::unistd::{Gid, Group, Uid, User};
use platform::Who;

/// Reads `user:NAME`, `group:NAME` (numbers too) or `everybody`.
///
/// # Errors
/// Words for the command line.
pub(crate) fn parse(text: &str) -> Result<Who, String> {
    if text == "everybody" {
        return Ok(Who::Everybody);
    }
    let shape = || "write user:NAME, group:NAME or everybody".to_owned();
    let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(shape)?;
    match kind {
        "user" => user(name).ok_or_else(|| format!("this machine has no user `{name}`")),
        "group" => group(name).ok_or_else(|| format!("this machine has no group `{name}`")),
        _ => Err(shape()),
    }
}

fn user(word: &str) -> Option<Who> {
    if let Some(user) = User::from_name(word).ok().flatten() {
        return Some(Who::User { uid: user.uid.as_raw(), name: Some(user.name) });
    }
    let uid = word.parse().ok()?;
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    Some(Who::User { uid, name: known.map(|user| user.name) })
}

fn group(word: &str) -> Option<Who> {
    if let Some(group) = Group::from_name(word).ok().flatten() {
        return Some(Who::Group { gid: group.gid.as_raw(), name: Some(group.name) });
    }
    let gid = word.parse().ok()?;
    let known = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    Some(Who::Group { gid, name: known.map(|group| group.name) })
}

/// Returns the user who became root to start a platform, as sudo, pkexec or doas tells.
pub(crate) fn starter() -> Option<Who> {
    // Another user's environment says what that user likes.
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    named(|name| std::env::var_os(name))
}

/// sudo(8): `SUDO_UID`; pkexec(1): `PKEXEC_UID`; doas(1): `DOAS_USER`, a name. Root itself needs no naming.
fn named(variable: impl Fn(&str) -> Option<OsString>) -> Option<Who> {
    let words = ["SUDO_UID", "PKEXEC_UID", "DOAS_USER"].into_iter().filter_map(variable);
    let users = words.filter_map(|word| user(word.to_str().filter(|word| !word.is_empty())?));
    users.into_iter().find(|who| !matches!(who, Who::User { uid: 0, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<Who, &str>) {
        match (parse(text), want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{text}"),
            (Err(got), Err(want)) => assert!(got.contains(want), "{text}: {got}"),
            (got, want) => panic!("{text}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn users_and_groups_are_read_by_name_and_by_number() {
        let root = || Who::User { uid: 0, name: Some("root".into()) };
        check("user:root", Ok(root()));
        check("user:0", Ok(root()));
        check("user:3999999999", Ok(Who::User { uid: 3_999_999_999, name: None }));
        check("group:root", Ok(Who::Group { gid: 0, name: Some("root".into()) }));
        check("group:3999999999", Ok(Who::Group { gid: 3_999_999_999, name: None }));
        check("everybody", Ok(Who::Everybody));
        check("user:no-such-user", Err("no user `no-such-user`"));
        check("user:-1", Err("no user"));
        for text in ["", "root", "user:", "all", "uid:0", "user"] {
            check(text, Err("write user:NAME"));
        }
        // What we write to a refusal and to another process is read back as the same.
        for who in [root(), Who::Everybody, Who::Group { gid: 3_999_999_999, name: None }] {
            check(&who.to_string(), Ok(who));
        }
    }

    #[test]
    fn the_starter_is_who_became_root() {
        let from = |pairs: &[(&str, &str)]| {
            named(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
        };
        let user = |uid| Some(Who::User { uid, name: None });
        assert_eq!(from(&[]), None);
        assert_eq!(from(&[("SUDO_UID", "3999999999")]), user(3_999_999_999));
        assert_eq!(from(&[("PKEXEC_UID", "3999999998")]), user(3_999_999_998));
        assert_eq!(from(&[("DOAS_USER", "root")]), None);
        assert_eq!(from(&[("SUDO_UID", "0"), ("PKEXEC_UID", "3999999998")]), user(3_999_999_998));
        assert_eq!(from(&[("SUDO_UID", ""), ("DOAS_USER", "no-such-user")]), None);
    }
}
