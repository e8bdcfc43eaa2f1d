//! Image references, and for which processors an image is. Reads texts only; makes no calls.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// An image reference, with Docker's defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// Host of the registry, with its port.
    pub host: String,
    /// Repository in it.
    pub repository: String,
    /// Which image. A tag beside a digest is a remark: the digest decides.
    pub version: Version,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// By tag.
    Tag(String),
    /// By digest.
    Digest(String),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "tag `{tag}`"),
            Self::Digest(digest) => write!(f, "digest `{digest}`"),
        }
    }
}

/// Whose private ECR registry a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcrHost {
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
}

impl ImageRef {
    /// Reads `[host[:port]/]repository[:tag][@digest]`; none if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the host's port.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let (host, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest.to_owned()),
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let version = match (digest, tag) {
            (Some(digest), _) => Version::Digest(digest.to_owned()),
            (None, tag) => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        let lowercase = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        let good = !repository.is_empty()
            && repository.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()))
            && repository.chars().all(lowercase)
            && match &version {
                Version::Tag(tag) => !tag.is_empty() && tag.len() <= 128,
                Version::Digest(digest) => is_sha256(digest),
            };
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        good.then(|| Self { host: host.to_owned(), repository, version })
    }

    /// Returns whose registry it names, if it is a private one of ECR's.
    pub fn ecr(&self) -> Option<EcrHost> {
        let mut parts = self.host.split('.');
        let first = parts.next()?;
        let rest: Vec<&str> = parts.collect();
        let (account, region) = match rest.as_slice() {
            ["dkr", "ecr" | "ecr-fips", region, "amazonaws", "com", ..] => (first, *region),
            ["dkr-ecr" | "dkr-ecr-fips", region, "on", "aws"] => (first, *region),
            _ => return None,
        };
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        is_account.then(|| EcrHost { account: account.to_owned(), region: region.to_owned() })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, repository) = (&self.host, &self.repository);
        match &self.version {
            Version::Tag(tag) => write!(f, "{host}/{repository}:{tag}"),
            Version::Digest(digest) => write!(f, "{host}/{repository}@{digest}"),
        }
    }
}

fn is_sha256(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:");
    hex.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

/// What a manifest says about processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platforms {
    /// An index: the architectures of its Linux images, in the words of OCI (`amd64`, `arm64`).
    Known(BTreeSet<String>),
    /// One image: its configuration says it, which has this digest.
    InConfig(String),
}

/// Reads a manifest or index, of OCI or of Docker.
///
/// # Errors
/// What is wrong with it, in words.
pub fn platforms(manifest: &Value) -> Result<Platforms, String> {
    if let Some(entries) = manifest.get("manifests").and_then(Value::as_array) {
        let of = |entry: &Value| {
            let platform = entry.get("platform")?;
            let os = platform.get("os").and_then(Value::as_str).unwrap_or("linux");
            // Attestations are entries for `unknown/unknown`.
            (os == "linux").then(|| platform.get("architecture")?.as_str().map(str::to_owned))?
        };
        return Ok(Platforms::Known(entries.iter().filter_map(of).collect()));
    }
    let config = manifest.get("config").and_then(|config| config.get("digest")?.as_str());
    match (config, manifest.get("schemaVersion").and_then(Value::as_i64)) {
        (Some(digest), _) => Ok(Platforms::InConfig(digest.to_owned())),
        (None, Some(1)) => Err("it has the old manifest form, schema 1".to_owned()),
        (None, _) => Err("its manifest names neither a configuration nor other manifests".to_owned()),
    }
}

/// Returns the digest of the image for an architecture (in the words of OCI) in an index; none if this is no index,
/// or has no image for Linux.
pub fn image_in_index<'a>(manifest: &'a Value, architecture: &str) -> Option<&'a str> {
    let of = |entry: &'a Value| {
        let platform = entry.get("platform")?;
        (platform.get("os").and_then(Value::as_str).unwrap_or("linux") == "linux").then_some(entry)
    };
    let entries: Vec<&Value> = manifest.get("manifests")?.as_array()?.iter().filter_map(of).collect();
    let is_ours = |entry: &&&Value| entry.pointer("/platform/architecture").is_some_and(|found| found == architecture);
    let found = entries.iter().find(is_ours).or(entries.first())?;
    found.get("digest")?.as_str()
}

/// Reads the architecture out of an image's configuration; none if it does not say.
pub fn config_architecture(config: &Value) -> Option<&str> {
    config.get("architecture").and_then(Value::as_str).filter(|architecture| !architecture.is_empty())
}

/// Returns what images call an architecture of ECS (`X86_64`, `ARM64`).
pub fn architecture_of(cpu: &str) -> &str {
    match cpu {
        "ARM64" => "arm64",
        "X86_64" => "amd64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: &str) {
        let found = ImageRef::parse(text).map_or("none".to_owned(), |image| {
            let ecr = image.ecr().map_or(String::new(), |ecr| format!(" ecr {} {}", ecr.account, ecr.region));
            format!("{image}{ecr}")
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn references_are_read_as_docker_reads_them() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        check("nginx", "docker.io/library/nginx:latest");
        check("nginx:1.27", "docker.io/library/nginx:1.27");
        check("bitnami/redis:7", "docker.io/bitnami/redis:7");
        check("public.ecr.aws/nginx/nginx:1", "public.ecr.aws/nginx/nginx:1");
        check("localhost/a:1", "localhost/a:1");
        check("127.0.0.1:4566/a/b", "127.0.0.1:4566/a/b:latest");
        check(&format!("127.0.0.1:4566/a/b@{digest}"), &format!("127.0.0.1:4566/a/b@{digest}"));
        check(&format!("a/b:1.2@{digest}"), &format!("docker.io/a/b@{digest}"));
        for wrong in ["", "UPPER/case:1", "a/b@sha256:short", "a/b@md5:0", "a//b", "/a", "a b"] {
            check(wrong, "none");
        }
    }

    #[test]
    fn private_registries_of_ecr_name_account_and_region() {
        check(
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1 ecr 123456789012 eu-west-1",
        );
        check(
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1 ecr 123456789012 cn-north-1",
        );
        check(
            "123456789012.dkr-ecr.us-east-1.on.aws/a:1",
            "123456789012.dkr-ecr.us-east-1.on.aws/a:1 ecr 123456789012 us-east-1",
        );
        check("x.dkr.ecr.eu-west-1.amazonaws.com/a:1", "x.dkr.ecr.eu-west-1.amazonaws.com/a:1");
    }

    #[test]
    fn an_index_names_its_platforms_and_an_image_its_configuration() {
        let entry = |os: &str, architecture: &str| json!({"platform": {"os": os, "architecture": architecture}});
        let index = json!({"schemaVersion": 2, "manifests": [
            entry("linux", "amd64"), entry("linux", "arm64"), entry("windows", "amd64"), entry("unknown", "unknown"),
        ]});
        let known = BTreeSet::from(["amd64".to_owned(), "arm64".to_owned()]);
        assert_eq!(platforms(&index), Ok(Platforms::Known(known)));
        let image = json!({"schemaVersion": 2, "config": {"digest": "sha256:c"}, "layers": []});
        assert_eq!(platforms(&image), Ok(Platforms::InConfig("sha256:c".to_owned())));
        assert!(platforms(&json!({"schemaVersion": 1})).unwrap_err().contains("schema 1"));
        assert!(platforms(&json!({})).is_err());
        assert_eq!(config_architecture(&json!({"architecture": "arm64"})), Some("arm64"));
        assert_eq!(config_architecture(&json!({"architecture": ""})), None);
        let named = json!({"manifests": [
            {"digest": "sha256:w", "platform": {"os": "windows", "architecture": "amd64"}},
            {"digest": "sha256:a", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": "sha256:x", "platform": {"os": "linux", "architecture": "amd64"}},
        ]});
        assert_eq!(image_in_index(&named, "amd64"), Some("sha256:x"));
        assert_eq!(image_in_index(&named, "riscv64"), Some("sha256:a"));
        assert_eq!(image_in_index(&image, "amd64"), None);
    }
}
