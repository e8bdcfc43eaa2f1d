//! Which variables of a file are secrets, and which are plain? What the manifest declares is not asked again.

use std::fmt;

use super::dotenv::Assignment;
use super::listing::Secrecy;
use crate::lint::credentials::looks_like;
use crate::manifest::Manifest;

/// Why a variable is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The manifest declares it.
    Declared,
    /// The user says so.
    Asked,
    /// It looks like this.
    Looks(&'static str),
    /// It does not look like something to hide.
    Harmless,
}

/// A variable of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Name.
    pub name: String,
    /// Value; may be a secret.
    pub value: String,
    /// Line of the file, from 1.
    pub line: usize,
    /// What it is.
    pub sort: Secrecy,
    /// Why.
    pub why: Why,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("name", &self.name).field("sort", &self.sort).finish_non_exhaustive()
    }
}

/// Tells secrets from plain variables, in the order of the file; of a name that comes again, the last counts.
/// `asked` is for names that the manifest does not declare.
pub fn sort(manifest: &Manifest, entries: Vec<Assignment>, asked: Option<Secrecy>) -> Vec<Incoming> {
    let mut all: Vec<Incoming> = Vec::with_capacity(entries.len());
    for Assignment { name, value, line, .. } in entries {
        all.retain(|known| known.name != name);
        let (sort, why) = match (declared(manifest, &name), asked) {
            (Some(sort), _) => (sort, Why::Declared),
            (None, Some(sort)) => (sort, Why::Asked),
            (None, None) => match looks_like(&name, &value) {
                Some(kind) => (Secrecy::Secret, Why::Looks(kind)),
                None => (Secrecy::Plain, Why::Harmless),
            },
        };
        all.push(Incoming { name, value, line, sort, why });
    }
    all
}

/// Returns what the manifest declares a name as, anywhere in it.
pub fn declared(manifest: &Manifest, name: &str) -> Option<Secrecy> {
    let containers = || manifest.services.iter().flat_map(|(_, service)| service.containers.iter());
    let is_secret = manifest.secrets.contains(name)
        || manifest.stages.iter().any(|(_, stage)| stage.secrets.contains(name))
        || containers().any(|(_, container)| container.secrets.contains(name))
        || manifest.schedules.iter().any(|(_, schedule)| schedule.secrets.contains(name));
    let is_plain = manifest.variables.contains(name)
        || manifest.stages.iter().any(|(_, stage)| stage.variables.contains(name))
        || containers().any(|(_, container)| container.variables.contains(name))
        || manifest.schedules.iter().any(|(_, schedule)| schedule.variables.contains(name));
    match (is_secret, is_plain) {
        (true, _) => Some(Secrecy::Secret),
        (false, true) => Some(Secrecy::Plain),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vars::dotenv;

    #[test]
    fn what_is_declared_stays_so_and_what_looks_like_a_credential_is_hidden() {
        let text = "app = \"demo\"\n[variables]\nDB_PASSWORD = \"x\"\n[stages.prod.secrets]\nDEBUG = {}\n";
        let manifest = crate::parse("managr.toml", text).unwrap();
        let check = |asked, expected: &str| {
            let entries =
                dotenv::read("LEVEL=0\nDB_PASSWORD=hunter22\nDEBUG=1\nAPI_TOKEN=abcdefgh\nLEVEL=info\n").unwrap();
            let sorted = sort(&manifest, entries, asked);
            let one = |i: &Incoming| format!("{}@{}={:?}", i.name, i.line, i.sort);
            assert_eq!(sorted.iter().map(one).collect::<Vec<_>>().join(" "), expected);
            assert!(!format!("{sorted:?}").contains("hunter22"));
        };
        check(None, "DB_PASSWORD@2=Plain DEBUG@3=Secret API_TOKEN@4=Secret LEVEL@5=Plain");
        check(Some(Secrecy::Secret), "DB_PASSWORD@2=Plain DEBUG@3=Secret API_TOKEN@4=Secret LEVEL@5=Secret");
        check(Some(Secrecy::Plain), "DB_PASSWORD@2=Plain DEBUG@3=Secret API_TOKEN@4=Plain LEVEL@5=Plain");
    }
}
