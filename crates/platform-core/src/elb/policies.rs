//! Which protocols and ciphers does a security policy have?
//!
//! Read in "Security policies for your Application Load Balancer" (protocols and ciphers by policy; the FS policies and
//! `TLS-1-0-2015-04` are those of the same page's older form). A post-quantum policy differs from the one that it is
//! named after in the key exchange, which is not described. The policies of RFC 9151 are not here.

use serde_json::{Value, json};

/// A security policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: &'static str,
    versions: Versions,
    ciphers: &'static [Ciphers],
}

/// Oldest and newest minor version of TLS 1.
type Versions = (u8, u8);

/// Ciphers that policies have together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ciphers {
    /// TLS 1.3's with AES.
    Aes13,
    /// TLS 1.3's with ChaCha20; no FIPS policy has it.
    ChaCha13,
    /// Forward secret, authenticated.
    EcdheGcm,
    /// Forward secret, CBC with SHA-2.
    EcdheCbc,
    /// Forward secret, CBC with SHA-1.
    EcdheSha1,
    /// Without forward secrecy, SHA-2.
    Rsa,
    /// Without forward secrecy, SHA-1.
    RsaSha1,
    /// Triple DES.
    Des,
}
use Ciphers::{Aes13, ChaCha13, Des, EcdheCbc, EcdheGcm, EcdheSha1, Rsa, RsaSha1};

/// Every cipher in the order in which AWS prefers them, with the group that brings it.
const ORDER: [(&str, Ciphers); 22] = [
    ("TLS_AES_128_GCM_SHA256", Aes13),
    ("TLS_AES_256_GCM_SHA384", Aes13),
    ("TLS_CHACHA20_POLY1305_SHA256", ChaCha13),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", EcdheGcm),
    ("ECDHE-RSA-AES128-GCM-SHA256", EcdheGcm),
    ("ECDHE-ECDSA-AES128-SHA256", EcdheCbc),
    ("ECDHE-RSA-AES128-SHA256", EcdheCbc),
    ("ECDHE-ECDSA-AES128-SHA", EcdheSha1),
    ("ECDHE-RSA-AES128-SHA", EcdheSha1),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", EcdheGcm),
    ("ECDHE-RSA-AES256-GCM-SHA384", EcdheGcm),
    ("ECDHE-ECDSA-AES256-SHA384", EcdheCbc),
    ("ECDHE-RSA-AES256-SHA384", EcdheCbc),
    ("ECDHE-ECDSA-AES256-SHA", EcdheSha1),
    ("ECDHE-RSA-AES256-SHA", EcdheSha1),
    ("AES128-GCM-SHA256", Rsa),
    ("AES128-SHA256", Rsa),
    ("AES128-SHA", RsaSha1),
    ("AES256-GCM-SHA384", Rsa),
    ("AES256-SHA256", Rsa),
    ("AES256-SHA", RsaSha1),
    ("DES-CBC3-SHA", Des),
];

const RES: &[Ciphers] = &[EcdheGcm];
const FORWARD: &[Ciphers] = &[EcdheGcm, EcdheCbc];
const FORWARD_ALL: &[Ciphers] = &[EcdheGcm, EcdheCbc, EcdheSha1];
const SHA2: &[Ciphers] = &[EcdheGcm, EcdheCbc, Rsa];
const ALL: &[Ciphers] = &[EcdheGcm, EcdheCbc, EcdheSha1, Rsa, RsaSha1];
const ALL_AND_DES: &[Ciphers] = &[EcdheGcm, EcdheCbc, EcdheSha1, Rsa, RsaSha1, Des];
const ONLY_13: &[Ciphers] = &[];

/// What a listener has that names none (API reference, CreateListener).
pub const DEFAULT: &str = "ELBSecurityPolicy-2016-08";

#[rustfmt::skip]
const POLICIES: [(&str, Versions, &[Ciphers]); 38] = [
    ("ELBSecurityPolicy-2016-08", (0, 2), ALL),
    ("ELBSecurityPolicy-FS-1-1-2019-08", (1, 2), FORWARD_ALL),
    ("ELBSecurityPolicy-FS-1-2-2019-08", (2, 2), FORWARD_ALL),
    ("ELBSecurityPolicy-FS-1-2-Res-2019-08", (2, 2), FORWARD),
    ("ELBSecurityPolicy-FS-1-2-Res-2020-10", (2, 2), RES),
    ("ELBSecurityPolicy-FS-2018-06", (0, 2), FORWARD_ALL),
    ("ELBSecurityPolicy-TLS-1-0-2015-04", (0, 2), ALL_AND_DES),
    ("ELBSecurityPolicy-TLS-1-1-2017-01", (1, 2), ALL),
    ("ELBSecurityPolicy-TLS-1-2-2017-01", (2, 2), SHA2),
    ("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", (2, 2), ALL),
    ("ELBSecurityPolicy-TLS13-1-0-2021-06", (0, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", (0, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", (0, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", (0, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-1-2021-06", (1, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", (1, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-2-2021-06", (2, 3), FORWARD),
    ("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", (2, 3), FORWARD_ALL),
    ("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", (2, 3), FORWARD_ALL),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", (2, 3), SHA2),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", (2, 3), SHA2),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", (2, 3), SHA2),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", (2, 3), SHA2),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", (2, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", (2, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", (2, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", (2, 3), ALL),
    ("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", (2, 3), FORWARD),
    ("ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", (2, 3), FORWARD),
    ("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", (2, 3), FORWARD),
    ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", (2, 3), RES),
    ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", (2, 3), RES),
    ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", (2, 3), RES),
    ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", (2, 3), RES),
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", (3, 3), ONLY_13),
    ("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", (3, 3), ONLY_13),
    ("ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", (3, 3), ONLY_13),
    ("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", (3, 3), ONLY_13),
];

/// Returns every policy, by name.
pub(super) fn all() -> impl Iterator<Item = Policy> {
    POLICIES.into_iter().map(|(name, versions, ciphers)| Policy { name, versions, ciphers })
}

/// Returns a policy.
pub fn find(name: &str) -> Option<Policy> {
    all().find(|policy| policy.name == name)
}

impl Policy {
    /// Returns whether it has TLS 1.3. TLS 1.2 all of them have that have a cipher of it.
    fn has_tls13(&self) -> bool {
        self.versions.1 == 3
    }

    /// Returns the names of its ciphers, the preferred one first.
    pub fn ciphers(&self) -> impl Iterator<Item = &'static str> + use<> {
        let policy = *self;
        let has = move |group: Ciphers| match group {
            Aes13 => policy.has_tls13(),
            ChaCha13 => policy.has_tls13() && !policy.name.contains("-FIPS-"),
            other => policy.ciphers.contains(&other),
        };
        ORDER.into_iter().filter(move |(_, group)| has(*group)).map(|(name, _)| name)
    }

    /// Answers it as DescribeSSLPolicies does.
    pub(super) fn describe(&self) -> Value {
        let protocol = |minor: u8| if minor == 0 { "TLSv1".to_owned() } else { format!("TLSv1.{minor}") };
        let protocols: Vec<String> = (self.versions.0..=self.versions.1).map(protocol).collect();
        let ciphers = self.ciphers().zip(1..).map(|(name, priority)| json!({"Name": name, "Priority": priority}));
        json!({
            "SslProtocols": protocols,
            "Ciphers": ciphers.collect::<Vec<Value>>(),
            "Name": self.name,
            "SupportedLoadBalancerTypes": ["application", "network"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names a policy, its protocols, how many ciphers it has, and its last one.
    fn check(name: &str, wanted: &str) {
        let policy = find(&format!("ELBSecurityPolicy-{name}")).unwrap().describe();
        let (protocols, ciphers) = (policy["SslProtocols"].as_array().unwrap(), policy["Ciphers"].as_array().unwrap());
        let ends =
            |list: &[Value]| format!("{}..{}", list[0].as_str().unwrap(), list[list.len() - 1].as_str().unwrap());
        let last = ciphers[ciphers.len() - 1]["Name"].as_str().unwrap();
        assert_eq!(format!("{} {} {last}", ends(protocols), ciphers.len()), wanted, "{name}");
    }

    #[test]
    fn policies_are_those_of_aws_documentation() {
        check("2016-08", "TLSv1..TLSv1.2 18 AES256-SHA");
        check("TLS-1-2-2017-01", "TLSv1.2..TLSv1.2 12 AES256-SHA256");
        check("TLS-1-2-Ext-2018-06", "TLSv1.2..TLSv1.2 18 AES256-SHA");
        check("TLS13-1-2-2021-06", "TLSv1.2..TLSv1.3 11 ECDHE-RSA-AES256-SHA384");
        check("TLS13-1-2-Res-2021-06", "TLSv1.2..TLSv1.3 7 ECDHE-RSA-AES256-GCM-SHA384");
        check("TLS13-1-2-Res-FIPS-2023-04", "TLSv1.2..TLSv1.3 6 ECDHE-RSA-AES256-GCM-SHA384");
        check("TLS13-1-2-Ext1-2021-06", "TLSv1.2..TLSv1.3 15 AES256-SHA256");
        check("TLS13-1-2-Ext2-2021-06", "TLSv1.2..TLSv1.3 21 AES256-SHA");
        check("TLS13-1-2-Ext0-FIPS-2023-04", "TLSv1.2..TLSv1.3 14 ECDHE-RSA-AES256-SHA");
        check("TLS13-1-3-2021-06", "TLSv1.3..TLSv1.3 3 TLS_CHACHA20_POLY1305_SHA256");
        check("TLS13-1-0-2021-06", "TLSv1..TLSv1.3 21 AES256-SHA");
        check("TLS-1-0-2015-04", "TLSv1..TLSv1.2 19 DES-CBC3-SHA");
        assert!(find("ELBSecurityPolicy-Nonsense").is_none());
    }
}
