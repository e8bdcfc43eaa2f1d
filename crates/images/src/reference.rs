//! What a user calls an image: `[host[:port]/]repository[:tag][@digest]`, with Docker's
//! defaults (`nginx` is `docker.io/library/nginx:latest`).

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// A parsed image reference, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(pub(crate) distribution::Reference);

/// Why a text is not an image reference.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an image reference")]
pub struct ReferenceError {
    text: String,
    #[source]
    source: distribution::ParseError,
}

impl Reference {
    /// Returns the registry's host, with its port if the reference names one.
    pub fn registry(&self) -> &str {
        self.0.registry()
    }

    /// Returns the repository within the registry.
    pub fn repository(&self) -> &str {
        self.0.repository()
    }

    /// Returns the tag; `latest` if the reference has neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        self.0.tag()
    }

    /// Returns the digest, if the reference is pinned to one that this store can keep.
    pub fn digest(&self) -> Option<Digest> {
        self.0.digest()?.parse().ok()
    }

    /// Returns the host without its port.
    pub fn host(&self) -> &str {
        let registry = self.registry();
        match registry.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => registry,
        }
    }

    /// Returns whether the registry is on this machine; such a one may be spoken to without TLS.
    pub fn is_loopback(&self) -> bool {
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let refused = |source| ReferenceError { text: text.to_owned(), source };
        let parsed: distribution::Reference = text.parse().map_err(refused)?;
        if parsed.repository().bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refused(distribution::ParseError::NameContainsUppercase));
        }
        Ok(Self(parsed))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let got = match text.parse::<Reference>() {
            Ok(r) => format!(
                "{} {} {} {}{}",
                r.registry(),
                r.repository(),
                r.tag().unwrap_or("-"),
                r.digest().map_or("-".to_owned(), |d| d.hex()[..4].to_owned()),
                if r.is_loopback() { " loopback" } else { "" }
            ),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(got, wanted, "{text}");
    }

    #[test]
    fn references_read_as_docker_reads_them() {
        let digest = Digest::of(b"");
        check("nginx", "docker.io library/nginx latest -");
        check("nginx:1.27", "docker.io library/nginx 1.27 -");
        check("thinknimble/managr/server:x", "docker.io thinknimble/managr/server x -");
        check("public.ecr.aws/nginx/nginx:1", "public.ecr.aws nginx/nginx 1 -");
        check("127.0.0.1:4566/thinknimble/managr/server:a", "127.0.0.1:4566 thinknimble/managr/server a - loopback");
        check("localhost:4566/a", "localhost:4566 a latest - loopback");
        check(&format!("a/b@{digest}"), "docker.io a/b - e3b0");
        check(&format!("a/b:t@{digest}"), "docker.io a/b t e3b0");
        check("UPPER/case", "refused");
        check("", "refused");
        check("a/../b", "refused");
        check("a@sha256:short", "refused");
    }
}
