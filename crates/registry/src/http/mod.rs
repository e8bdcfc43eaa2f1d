//! The OCI distribution protocol (specification 1.1) under `/v2/`, as ECR speaks it: a push
//! into a repository that does not exist is refused, not answered by making one.

mod blobs;
mod lists;
mod manifests;
mod refusal;
mod uploads;

use base64::Engine as _;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use images::Digest;
use percent_encoding::percent_decode_str;

use crate::{Registry, is_repository_name};
use refusal::Refusal;

/// The body of the registry's answers.
pub type Body = BoxBody<Bytes, std::io::Error>;

type Answer = Result<Response<Body>, Refusal>;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Base,
    Catalog,
    Tags(String),
    Referrers(String, String),
    Manifest(String, String),
    Blob(String, String),
    Uploads(String),
    Upload(String, String),
}

/// A request without its body.
struct Asked {
    method: Method,
    headers: HeaderMap,
    query: Vec<(String, String)>,
}

impl Asked {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Registry {
    /// Answers a request whose path begins with `/v2`.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display + Send,
    {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default();
        let asked = Asked { method: parts.method, headers: parts.headers, query: pairs(query) };
        let is_head = asked.method == Method::HEAD;
        let answer = match self.admit(&asked) {
            Ok(()) => self.answer(parts.uri.path(), asked, body).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = answer.unwrap_or_else(|refusal| refusal.into_response(&self.inner.options));
        let version = header::HeaderValue::from_static("registry/2.0");
        response.headers_mut().insert("docker-distribution-api-version", version);
        if is_head {
            *response.body_mut() = empty(); // its length stays said
        }
        response
    }

    async fn answer<B>(&self, path: &str, asked: Asked, body: B) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display + Send,
    {
        let route = route(path).ok_or_else(Refusal::no_such_path)?;
        if let Some(name) = route.repository()
            && !is_repository_name(name)
        {
            return Err(Refusal::name_invalid(name));
        }
        let method = asked.method.clone();
        match (method.as_str(), route) {
            ("GET" | "HEAD", Route::Base) => json(&serde_json::json!({})),
            ("GET", Route::Catalog) => self.catalog(&asked),
            ("GET", Route::Tags(name)) => self.tags(&name, &asked),
            ("GET", Route::Referrers(name, digest)) => self.referrers(&name, &digest, &asked),
            ("GET" | "HEAD", Route::Manifest(name, reference)) => self.get_manifest(&name, &reference),
            ("PUT", Route::Manifest(name, reference)) => self.push_manifest(&name, &reference, &asked, body).await,
            ("DELETE", Route::Manifest(name, reference)) => self.delete_manifest(&name, &reference).await,
            ("GET" | "HEAD", Route::Blob(name, digest)) => self.get_blob(&name, &digest, &asked).await,
            ("POST", Route::Uploads(name)) => self.post_upload(&name, &asked, body).await,
            ("GET", Route::Upload(name, id)) => self.upload_status(&name, &id),
            ("PATCH", Route::Upload(name, id)) => self.patch_upload(&name, &id, &asked, body).await,
            ("PUT", Route::Upload(name, id)) => self.put_upload(&name, &id, &asked, body).await,
            ("DELETE", Route::Upload(name, id)) => {
                self.cancel_upload(&name, &id)?;
                Ok(status(StatusCode::NO_CONTENT))
            }
            _ => Err(Refusal::unsupported()),
        }
    }

    /// The user is `AWS`, as ECR's tokens have it; the password is not checked, for the account
    /// is made up.
    fn admit(&self, asked: &Asked) -> Result<(), Refusal> {
        let Some(given) = asked.header(header::AUTHORIZATION) else {
            return if self.inner.options.anonymous { Ok(()) } else { Err(Refusal::unauthorized()) };
        };
        let basic = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let decoded = basic.and_then(|(_, text)| base64::engine::general_purpose::STANDARD.decode(text.trim()).ok());
        match decoded {
            Some(pair) if pair.starts_with(b"AWS:") => Ok(()),
            _ => Err(Refusal::unauthorized()),
        }
    }
}

impl Route {
    fn repository(&self) -> Option<&str> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags(name)
            | Self::Referrers(name, _)
            | Self::Manifest(name, _)
            | Self::Blob(name, _)
            | Self::Uploads(name)
            | Self::Upload(name, _) => Some(name),
        }
    }
}

/// Reads a path from its end: repository names have slashes, and may even contain `blobs`.
fn route(path: &str) -> Option<Route> {
    let rest = path.strip_prefix("/v2")?;
    if rest.is_empty() || rest == "/" {
        return Some(Route::Base);
    }
    let rest = rest.strip_prefix('/')?;
    if rest == "_catalog" {
        return Some(Route::Catalog);
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some(Route::Tags(decode(name)));
    }
    if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
        return Some(Route::Uploads(decode(name)));
    }
    let (front, last) = rest.rsplit_once('/')?;
    let last = decode(last);
    if let Some(name) = front.strip_suffix("/blobs/uploads") {
        return Some(Route::Upload(decode(name), last));
    }
    let (name, kind) = front.rsplit_once('/')?;
    let name = decode(name);
    match kind {
        "manifests" => Some(Route::Manifest(name, last)),
        "blobs" => Some(Route::Blob(name, last)),
        "referrers" => Some(Route::Referrers(name, last)),
        _ => None,
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(&value.replace('+', " ")))
        })
        .collect()
}

fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|error: images::DigestError| Refusal::digest_invalid(error.to_string()))
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

fn status(status: StatusCode) -> Response<Body> {
    respond(status, &[], empty())
}

fn respond(status: StatusCode, headers: &[(&str, String)], body: Body) -> Response<Body> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, value);
    }
    builder.body(body).expect("header values are made of digests, names and numbers")
}

fn json(document: &serde_json::Value) -> Answer {
    let headers = [("content-type", "application/json".to_owned())];
    Ok(respond(StatusCode::OK, &headers, full(document.to_string())))
}

/// The body's bytes as they come; a client that breaks off yields an error.
fn stream<B>(body: B) -> impl futures_util::Stream<Item = Result<Bytes, B::Error>>
where
    B: http_body::Body<Data = Bytes>,
{
    http_body_util::BodyDataStream::new(body)
}

/// Reads a small body whole.
async fn read_whole<B>(body: B, limit: usize) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    let mut whole = Vec::new();
    let mut pieces = std::pin::pin!(stream(body));
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Refusal::broken_off(error.to_string()))?;
        if whole.len() + piece.len() > limit {
            return Err(Refusal::too_large(limit));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_their_end() {
        let two = |name: &str, last: &str| (name.to_owned(), last.to_owned());
        let check = |path, wanted| assert_eq!(route(path), wanted, "{path}");
        check("/v2/", Some(Route::Base));
        check("/v2", Some(Route::Base));
        check("/v2/_catalog", Some(Route::Catalog));
        let (name, last) = two("thinknimble/managr/server", "v1");
        check("/v2/thinknimble/managr/server/manifests/v1", Some(Route::Manifest(name, last)));
        let (name, last) = two("a/blobs/b", "sha256:00");
        check("/v2/a/blobs/b/blobs/sha256%3A00", Some(Route::Blob(name, last)));
        check("/v2/a/b/blobs/uploads/", Some(Route::Uploads("a/b".to_owned())));
        let (name, last) = two("a/b", "1-2");
        check("/v2/a/b/blobs/uploads/1-2", Some(Route::Upload(name, last)));
        check("/v2/manifests/tags/list", Some(Route::Tags("manifests".to_owned())));
        check("/v2/nothing", None);
        check("/v3/", None);
    }
}
