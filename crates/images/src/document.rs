//! Reads manifests, indexes and image configurations, of OCI and of Docker's schema 2.
//! It only reads: documents are kept byte for byte as they arrived.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Digest;

/// The media types that this store tells apart.
pub mod media {
    /// An OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// A Docker schema 2 manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// A Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Every manifest form that is understood.
    pub const MANIFESTS: &[&str] = &[OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];
}

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not the JSON that they should be.
    #[error("document is not a valid {kind}")]
    Json {
        /// What was expected.
        kind: &'static str,
        /// The parser's complaint.
        #[source]
        source: serde_json::Error,
    },
    /// A manifest of a form that is not understood, e.g. Docker's schema 1.
    #[error("manifest form is not supported: {what}")]
    Unsupported {
        /// What was found.
        what: String,
    },
}

/// A reference by content.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of what is referred to.
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The platform, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Where else the content may be found; such (foreign) layers are never pushed.
    #[serde(default)]
    pub urls: Vec<String>,
}

/// The platform that an entry of an index is for.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Platform {
    /// The architecture, in Go's words (`amd64`, `arm64`).
    #[serde(default)]
    pub architecture: String,
    /// The operating system.
    #[serde(default)]
    pub os: String,
}

/// A manifest or an index, as far as it is read here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The schema version; 2 in every supported form.
    #[serde(default)]
    pub schema_version: u32,
    /// The document's own media type, if it says so.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The artifact's type, if this is no plain image.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The configuration (absent in an index).
    #[serde(default)]
    pub config: Option<Descriptor>,
    /// The layers, lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    /// The entries of an index; `None` in a manifest.
    #[serde(default)]
    pub manifests: Option<Vec<Descriptor>>,
    /// The manifest that this one is about (a signature, an attestation).
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest or index.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { kind: "image manifest", source })?;
        if manifest.schema_version != 2 {
            return Err(DocumentError::Unsupported { what: format!("schemaVersion {}", manifest.schema_version) });
        }
        if manifest.manifests.is_none() && manifest.config.is_none() {
            return Err(DocumentError::Unsupported { what: "neither config nor manifests".to_owned() });
        }
        Ok(manifest)
    }

    /// Returns whether this is an index over other manifests.
    pub fn is_index(&self) -> bool {
        self.manifests.is_some()
    }

    /// Returns the blobs that the manifest refers to and that a push brings along:
    /// configuration and layers, without the foreign ones. Empty for an index.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(self.layers.iter().filter(|l| l.urls.is_empty()))
    }

    /// Returns the entry of an index for an operating system and architecture.
    pub fn entry_for(&self, os: &str, architecture: &str) -> Option<&Descriptor> {
        self.manifests.as_deref()?.iter().find(|entry| {
            entry.platform.as_ref().is_none_or(|platform| platform.os == os && platform.architecture == architecture)
        })
    }
}

/// Returns this machine's architecture in the words of image indexes.
pub(crate) fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// What an image says about how its container is run; every field may be overridden by the caller.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "RawConfig")]
pub struct ImageConfig {
    /// The fixed front of the command line.
    pub entrypoint: Vec<String>,
    /// The default arguments.
    pub cmd: Vec<String>,
    /// `NAME=value` pairs.
    pub env: Vec<String>,
    /// The working directory; empty means `/`.
    pub working_dir: String,
    /// `user[:group]`, names or numbers; empty means root.
    pub user: String,
    /// Ports that the image says it listens on, e.g. `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Paths that the image wants as volumes.
    pub volumes: Vec<String>,
    /// The signal that stops it, e.g. `SIGQUIT`.
    pub stop_signal: Option<String>,
    /// The image's own health check. ECS ignores it; it is here for callers that do not.
    pub healthcheck: Option<Healthcheck>,
}

/// A health check as Docker writes it into an image; durations in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between probes.
    pub interval: u64,
    /// Time that one probe may take.
    pub timeout: u64,
    /// Grace after the start.
    pub start_period: u64,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
}

/// A configuration blob: how to run the image, and what its layers contain.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ConfigBlob {
    #[serde(default)]
    pub(crate) config: Option<ImageConfig>,
    #[serde(default)]
    pub(crate) rootfs: RootFs,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct RootFs {
    #[serde(default)]
    pub(crate) diff_ids: Vec<Digest>,
}

impl ConfigBlob {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { kind: "image configuration", source })
    }
}

/// The wire's shape: Docker writes `null` for whatever is not set.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    labels: Option<BTreeMap<String, String>>,
    volumes: Option<BTreeMap<String, serde_json::Value>>,
    stop_signal: Option<String>,
    healthcheck: Option<Healthcheck>,
}

impl From<RawConfig> for ImageConfig {
    fn from(raw: RawConfig) -> Self {
        Self {
            entrypoint: raw.entrypoint.unwrap_or_default(),
            cmd: raw.cmd.unwrap_or_default(),
            env: raw.env.unwrap_or_default(),
            working_dir: raw.working_dir.unwrap_or_default(),
            user: raw.user.unwrap_or_default(),
            exposed_ports: raw.exposed_ports.unwrap_or_default().into_keys().collect(),
            labels: raw.labels.unwrap_or_default(),
            volumes: raw.volumes.unwrap_or_default().into_keys().collect(),
            stop_signal: raw.stop_signal.filter(|s| !s.is_empty()),
            healthcheck: raw.healthcheck,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_full_of_nulls_is_an_empty_one() {
        let blob = ConfigBlob::parse(
            br#"{"config":{"Entrypoint":null,"Cmd":["sh"],"Env":null,"Volumes":{"/data":{}},"ExposedPorts":{"80/tcp":{}},
                "Healthcheck":{"Test":["CMD","true"],"Interval":5000000000}},"rootfs":{"type":"layers","diff_ids":[]}}"#,
        )
        .unwrap();
        let config = blob.config.unwrap();
        assert_eq!(config.cmd, ["sh"]);
        assert!(config.entrypoint.is_empty() && config.env.is_empty() && config.stop_signal.is_none());
        assert_eq!((config.volumes[0].as_str(), config.exposed_ports[0].as_str()), ("/data", "80/tcp"));
        assert_eq!(config.healthcheck.unwrap().interval, 5_000_000_000);
    }

    #[test]
    fn an_index_answers_for_the_platform_asked_for() {
        let digest = Digest::of(b"x");
        let index = Manifest::parse(
            format!(
                r#"{{"schemaVersion":2,"manifests":[
                {{"digest":"{}","size":1,"platform":{{"architecture":"unknown","os":"unknown"}}}},
                {{"digest":"{digest}","size":1,"platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#,
                Digest::of(b"attestation")
            )
            .as_bytes(),
        )
        .unwrap();
        assert_eq!(index.entry_for("linux", "amd64").unwrap().digest, digest);
        assert!(index.entry_for("linux", "s390x").is_none());
    }

    #[test]
    fn schema_1_is_refused_by_name() {
        let error = Manifest::parse(br#"{"schemaVersion":1,"fsLayers":[]}"#).unwrap_err();
        assert_eq!(error.to_string(), "manifest form is not supported: schemaVersion 1");
    }
}
