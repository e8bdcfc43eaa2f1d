//! What does a name mean to who asks in a region? Answered from Route 53's zones, Cloud Map's instances and the load
//! balancers. Pure: a name server asks here before it asks another server.

mod choose;
mod data;
#[cfg(test)]
mod tests;

use crate::World;
use crate::ecs::connect;
use crate::rds;
use crate::route53::name::{canonical, is_within, parent};
use crate::route53::{RecordSet, Zone, set, zones};
use crate::servicediscovery::records;
use crate::world::Task;
use choose::Candidate;
pub(crate) use data::texts;

/// Types of records that are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
    /// Host and port.
    Srv,
    /// Texts.
    Txt,
}

impl RecordKind {
    /// Returns the type's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It is in no zone that is seen from there: ask upstream.
    NotOurs,
    /// It is in a zone of ours and is not there (NXDOMAIN).
    NoSuchName,
    /// Its records, CNAMEs that were followed first. None: the name is there, with records of other types alone. If the
    /// last one is a CNAME and another type was asked for, its name is not ours: ask upstream for it.
    Records(Vec<Answer>),
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its owner, canonical (a dot at the end).
    pub name: String,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A(std::net::Ipv4Addr),
    /// The IPv4 address at which this platform's load balancers are reached by who asks. The world does not know it:
    /// the name server puts it in.
    Balancer,
    /// An IPv6 address.
    Aaaa(std::net::Ipv6Addr),
    /// Another name, canonical.
    Cname(String),
    /// Host and port.
    Srv {
        /// Smallest first.
        priority: u16,
        /// Among equals.
        weight: u16,
        /// Port.
        port: u16,
        /// Host, canonical.
        target: String,
    },
    /// Texts, each up to 255 bytes.
    Txt(Vec<Vec<u8>>),
}

/// How many CNAMEs and aliases are followed.
const LONGEST_CHAIN: usize = 8;

/// Seconds that a load balancer's address, and an alias of it, may be kept (developer guide, "Choosing between alias and
/// non-alias records").
const BALANCER_TTL: u32 = 60;

/// Seconds that a database's address may be kept: as long as RDS's own names, so that a restart is found soon (user guide,
/// "Best practices": a TTL of less than 30 seconds).
const DATABASE_TTL: u32 = 5;

/// Returns what `name` means to who asks in `region`. `draw` is a random number, for weights and for the order of
/// several answers.
pub fn resolve(world: &World, region: &str, name: &str, kind: RecordKind, draw: u64) -> Resolution {
    let asker = Asker { world, region, kind, draw };
    let mut asked = canonical(name);
    let mut chain = Vec::new();
    for _ in 0..LONGEST_CHAIN {
        let answers = match asker.look(&asked, LONGEST_CHAIN) {
            Found::Answers(answers) => answers,
            _ if !chain.is_empty() => break,
            Found::NotOurs => return Resolution::NotOurs,
            Found::Nothing => return Resolution::NoSuchName,
        };
        let next = match answers.as_slice() {
            [Answer { data: Data::Cname(target), .. }] if kind != RecordKind::Cname => Some(target.clone()),
            _ => None,
        };
        chain.extend(answers);
        match next {
            Some(target) => asked = target,
            None => break,
        }
    }
    Resolution::Records(chain)
}

/// Returns what `name` means to a task: an alias of Service Connect in the namespace of its service, or what it means to
/// every client in the task's region.
pub fn resolve_for(world: &World, task: &Task, name: &str, kind: RecordKind, draw: u64) -> Resolution {
    let region = task.arn.split(':').nth(3).unwrap_or_default();
    let asked = canonical(name);
    let Some(addresses) = connect::addresses(world, task, &asked) else {
        return resolve(world, region, name, kind, draw);
    };
    let answer = |address| Answer { name: asked.clone(), ttl: connect::TTL, data: Data::A(address) };
    let mut answers: Vec<Answer> = addresses.into_iter().filter(|_| kind == RecordKind::A).map(answer).collect();
    choose::turn(&mut answers, draw);
    Resolution::Records(answers)
}

/// Who asks, and for what.
struct Asker<'a> {
    world: &'a World,
    region: &'a str,
    kind: RecordKind,
    draw: u64,
}

enum Found {
    NotOurs,
    Nothing,
    Answers(Vec<Answer>),
}

impl Asker<'_> {
    /// Looks one name up; `aliases` is how many more of them are followed.
    fn look(&self, name: &str, aliases: usize) -> Found {
        if is_balancer(self.world, name) {
            return Found::Answers(self.balancer(name));
        }
        if is_within(name, &canonical(rds::DOMAIN)) {
            return self.database(name);
        }
        let Some(zone) = zone_of(self.world, self.region, name) else { return Found::NotOurs };
        if is_delegated(self.world, &zone, name) {
            return Found::NotOurs;
        }
        let Some(owner) = owner_of(self.world, &zone, name) else { return Found::Nothing };
        let candidates = at(self.world, &zone, &owner);
        let of = |kind: &str| candidates.iter().filter(|one| one.set.kind() == kind).collect::<Vec<_>>();
        let mut chosen = choose::choose(of(self.kind.as_str()), self.region, self.draw);
        if chosen.is_empty() {
            chosen = choose::choose(of("CNAME"), self.region, self.draw);
        }
        // A wildcard answers under the name that was asked for.
        let mut answers: Vec<Answer> =
            chosen.into_iter().flat_map(|one| self.answers(&one.set, name, aliases)).collect();
        choose::turn(&mut answers, self.draw);
        Found::Answers(answers)
    }

    fn answers(&self, set: &RecordSet, name: &str, aliases: usize) -> Vec<Answer> {
        match set.alias() {
            Some((_, target)) => self.alias(name, &canonical(target), aliases),
            None => {
                let ttl = set.ttl().unwrap_or_default();
                let answer = |data| Answer { name: name.to_owned(), ttl, data };
                set.values().filter_map(|value| data::read(set.kind(), value)).map(answer).collect()
            }
        }
    }

    /// An alias has its target's records as its own. A target elsewhere is answered as a CNAME: its owner knows them.
    fn alias(&self, name: &str, target: &str, aliases: usize) -> Vec<Answer> {
        if is_balancer(self.world, target) {
            return self.balancer(name);
        }
        let Some(aliases) = aliases.checked_sub(1) else { return Vec::new() };
        match self.look(target, aliases) {
            Found::NotOurs => {
                vec![Answer { name: name.to_owned(), ttl: BALANCER_TTL, data: Data::Cname(target.to_owned()) }]
            }
            Found::Nothing => Vec::new(),
            Found::Answers(answers) => {
                answers.into_iter().map(|answer| Answer { name: name.to_owned(), ..answer }).collect()
            }
        }
    }

    /// A database's name means where it runs. One that has stopped has a name and no address.
    fn database(&self, name: &str) -> Found {
        let Some(address) = rds::address(self.world, name.trim_end_matches('.')) else { return Found::Nothing };
        let address = address.filter(|_| self.kind == RecordKind::A);
        let answer = |address| Answer { name: name.to_owned(), ttl: DATABASE_TTL, data: Data::A(address) };
        Found::Answers(address.map(answer).into_iter().collect())
    }

    fn balancer(&self, name: &str) -> Vec<Answer> {
        let answer = Answer { name: name.to_owned(), ttl: BALANCER_TTL, data: Data::Balancer };
        if self.kind == RecordKind::A { vec![answer] } else { Vec::new() }
    }
}

/// Returns whether a name is a load balancer's of this platform; `dualstack.` before it means the same (ELB user guide).
fn is_balancer(world: &World, name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let name = name.strip_prefix("dualstack.").unwrap_or(name);
    name.ends_with(".elb.localhost") && world.load_balancers.values().any(|lb| lb.dns_name.eq_ignore_ascii_case(name))
}

/// Returns the zone that answers for a name: the longest private one that is seen, else the longest public one. What is
/// not in a private zone is not looked for in a public one (developer guide, "Considerations when working with a private
/// hosted zone").
fn zone_of(world: &World, region: &str, name: &str) -> Option<Zone> {
    let fitting = zones(world).filter(|zone| is_within(name, &zone.name) && zone.is_seen_from(region));
    fitting.max_by_key(|zone| (zone.is_private, zone.name.len(), std::cmp::Reverse(zone.id.clone())))
}

/// Returns whether a zone says that others answer for a name: NS records between its own name and this one.
fn is_delegated(world: &World, zone: &Zone, name: &str) -> bool {
    let above = std::iter::successors(Some(name), |name| parent(name));
    let mut below_zone = above.take_while(|above| *above != zone.name);
    below_zone.any(|above| set::at(world, &zone.id, above).any(|set| set.kind() == "NS"))
}

/// Returns whose records answer for a name: its own, or those of the wildcard of the nearest name that is there (RFC
/// 4592, 3.3.1).
fn owner_of(world: &World, zone: &Zone, name: &str) -> Option<String> {
    if is_there(world, zone, name) {
        return Some(name.to_owned());
    }
    let mut above = parent(name)?;
    while above != zone.name && !is_there(world, zone, above) {
        above = parent(above)?;
    }
    let wildcard = canonical(&format!("*.{above}"));
    is_there(world, zone, &wildcard).then_some(wildcard)
}

/// Returns whether a name has records, or something below it has.
fn is_there(world: &World, zone: &Zone, name: &str) -> bool {
    name == zone.name
        || set::is_any_within(world, &zone.id, name)
        || records::within(world, zone, name).into_iter().next().is_some()
}

fn at(world: &World, zone: &Zone, name: &str) -> Vec<Candidate> {
    let stored = set::at(world, &zone.id, name).map(|set| Candidate { set, is_healthy: true });
    let derived = records::within(world, zone, name).into_iter().filter(|derived| derived.set.name() == name);
    stored.chain(derived.map(|derived| Candidate { set: derived.set, is_healthy: derived.is_healthy })).collect()
}
