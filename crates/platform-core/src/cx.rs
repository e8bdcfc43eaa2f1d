//! What a decision may know besides the world: the time, the caller's region, fresh names.

use aws_model::{Millis, region};

/// The circumstances of one call or one decision.
#[derive(Debug)]
pub struct Cx<'a> {
    /// Now.
    pub now: Millis,
    /// Region of the caller, from its credential scope.
    pub region: &'a str,
    /// Account of this platform, twelve digits.
    pub account: &'a str,
    /// Access key of the caller, from its credential scope; empty where there is no caller.
    pub access_key: &'a str,
    /// What containers can be for here, in ECS's word (`X86_64`, `ARM64`); none where none really runs.
    pub architecture: Option<&'a str>,
    /// Source of fresh identifiers.
    pub ids: &'a mut Ids,
}

impl Cx<'_> {
    /// Returns whether nothing will ever run here: documents are kept, whatever a task would need.
    pub fn runs_nothing(&self) -> bool {
        self.architecture == Some(aws_model::served::NOWHERE)
    }

    /// Returns `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, in the partition of the caller's region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        region::arn(service, self.region, self.account, resource)
    }

    /// Returns the ARN of something that is the same in all regions.
    pub fn global_arn(&self, service: &str, resource: &str) -> String {
        region::global_arn(service, self.region, self.account, resource)
    }
}

/// Makes identifiers in the shapes that AWS uses, from a seed that the caller drew.
///
/// SplitMix64: the same seed gives the same names, so that tests can be read.
#[derive(Debug, Clone)]
pub struct Ids {
    state: u64,
}

impl Ids {
    /// Starts from a seed: random in production, fixed in tests.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns 32 lower-case hex digits: a task id.
    pub fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// Returns 16 lower-case hex digits: the tail of a load balancer's ARN.
    pub fn hex16(&mut self) -> String {
        format!("{:016x}", self.next())
    }

    /// Returns a version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff
        )
    }

    /// Returns nineteen digits: the number of a deployment (`ecs-svc/N`).
    pub fn digits19(&mut self) -> String {
        format!("{}", 1_000_000_000_000_000_000 + self.next() % 8_000_000_000_000_000_000)
    }

    /// Returns twenty-one characters of base 62: the tail of a service deployment's ARN.
    pub fn base62(&mut self) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..21).map(|_| ALPHABET[(self.next() % 62) as usize] as char).collect()
    }
}
