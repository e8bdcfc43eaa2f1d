//! One request: which rule takes it, and what comes of that.

use std::sync::Arc;

use http::header::{CONNECTION, COOKIE, HOST, HeaderValue, SET_COOKIE, UPGRADE};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};
use platform_core::routing::{self, Action, RequestFacts, choose_group};
use rustls::ServerConfig;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::body::{RequestBody, ResponseBody};
use crate::config::{Attributes, Rule, Tls};
use crate::counts::{Connected, add};
use crate::descriptors::ConnectionSlot;
use crate::forward::{self, Answer};
use crate::group::GroupAtWork;
use crate::headers::{self, Forwarded};
use crate::io::Activity;
use crate::{answer, trace, tunnel};

/// How long the first part of a body without a length may take before the request is
/// forwarded without having seen it.
const LOOK_AHEAD: Duration = Duration::from_secs(1);
const COOKIE_NAME: &str = "AWSALB";

/// A listener's rules, with the groups they name; replaced whole.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rules: Vec<Route>,
    pub(crate) attributes: Attributes,
    pub(crate) security: Security,
}

/// How connections to a listener begin.
#[derive(Debug, Clone, Default)]
pub(crate) enum Security {
    /// With a request.
    #[default]
    Plain,
    /// With a handshake; kept beside what it was made of.
    Tls(Tls, Arc<ServerConfig>),
    /// Not at all: what it should speak TLS with is no good.
    Broken,
}

/// A rule and its groups, found once.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) rule: Rule,
    /// In the order of the action's groups.
    pub(crate) groups: Vec<Arc<GroupAtWork>>,
}

/// What one client connection brings to each of its requests.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) forwarded: Forwarded,
    pub(crate) port: u16,
    pub(crate) activity: Arc<Activity>,
    pub(crate) stop: CancellationToken,
    /// The next answer is the last on this connection.
    pub(crate) last: CancellationToken,
    /// Told with the first request of HTTP/2.
    pub(crate) speaks_http2: CancellationToken,
    /// Counts the connection as open while it lives.
    pub(crate) open: TaskTrackerToken,
    /// Its place among those that may be open.
    pub(crate) place: Arc<ConnectionSlot>,
    /// Where what it brings is counted.
    pub(crate) counts: Arc<Connected>,
}

/// Answers one request.
pub(crate) async fn serve(client: &Client, table: &Table, request: Request<Incoming>) -> Response<ResponseBody> {
    let response = answer(client, table, request).await;
    if response.body().is_own() {
        client.counts.count_own(response.status().as_u16());
    }
    response
}

async fn answer(client: &Client, table: &Table, request: Request<Incoming>) -> Response<ResponseBody> {
    if request.version() == Version::HTTP_2 {
        client.activity.no_more_heads();
        client.speaks_http2.cancel();
        return match headers::refusal(&request) {
            Some(status) => answer::error(status),
            None => route(client, table, request).await,
        };
    }
    let two_lengths = client.activity.end_of_head(!request.body().is_end_stream());
    let mut response = match if two_lengths { Some(StatusCode::BAD_REQUEST) } else { headers::refusal(&request) } {
        Some(status) => refuse(status),
        None => route(client, table, request).await,
    };
    // Checked last: a client that sees `close` sends no further request; one that does not may.
    if client.last.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Refuses a request of HTTP/1; what follows on its connection cannot be trusted to be one.
fn refuse(status: StatusCode) -> Response<ResponseBody> {
    let mut response = answer::error(status);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn route(client: &Client, table: &Table, request: Request<Incoming>) -> Response<ResponseBody> {
    let host = host_of(&request).to_owned();
    let name = without_port(&host);
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let facts = RequestFacts {
        host: name,
        path,
        method: request.method().as_str(),
        query,
        header: |name: &str, test: &dyn Fn(&str) -> bool| {
            request.headers().get_all(name).iter().any(|v| v.to_str().is_ok_and(test))
        },
        source_ip: client.forwarded.ip,
    };
    let chosen = routing::choose(table.rules.iter().map(|r| (&r.rule.conditions[..], r)), &facts);
    let Some(chosen) = chosen else {
        return answer::error(StatusCode::SERVICE_UNAVAILABLE);
    };
    match &chosen.rule.action {
        Action::FixedResponse { status, content_type, body } => {
            add(&client.counts.fixed, 1);
            answer::fixed(*status, content_type.as_deref(), body.as_deref())
        }
        redirect @ Action::Redirect { status, .. } => {
            match routing::location(redirect, client.forwarded.scheme, name, client.port, path, query) {
                Some(location) => {
                    add(&client.counts.redirects, 1);
                    answer::redirect(*status, &location)
                }
                None => answer::error(StatusCode::INTERNAL_SERVER_ERROR),
            }
        }
        Action::Forward(weights) => {
            let at = if weights.len() == 1 { Some(0) } else { choose_group(weights, trace::draw()) };
            match at.and_then(|at| chosen.groups.get(at)) {
                Some(group) => hand_over(client, &table.attributes, group, host, request).await,
                None => answer::error(StatusCode::SERVICE_UNAVAILABLE),
            }
        }
    }
}

/// Returns the host as the client named it, port included.
fn host_of<B>(request: &Request<B>) -> &str {
    // An absolute URI outweighs the Host header (RFC 9112, 3.2.2).
    match request.uri().authority() {
        Some(authority) => authority.as_str().rsplit('@').next().unwrap_or_default(),
        None => request.headers().get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default(),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // A bare IPv6 address in brackets has colons of its own.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

async fn hand_over(
    client: &Client,
    attributes: &Attributes,
    group: &Arc<GroupAtWork>,
    host: String,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let mut request = request;
    let upgrade = if request.version() == Version::HTTP_11 { headers::upgrade_of(request.headers()) } else { None };
    let client_side = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    // Chunks: HTTP/2 frames its bodies, and a body with a length has nothing to be malformed.
    let chunked = parts.version == Version::HTTP_11 && body.size_hint().exact().is_none();
    let mut body = RequestBody::new(body);
    if chunked && upgrade.is_none() && matches!(timeout(LOOK_AHEAD, body.look_ahead()).await, Ok(false)) {
        return refuse(StatusCode::BAD_REQUEST);
    }
    let stickiness = group.sticky_seconds();
    let cookie = if stickiness.is_some() { sticky_cookie(&parts.headers) } else { None };

    client.forwarded.prepare(&mut parts.headers, attributes, upgrade.as_ref());
    if parts.uri.authority().is_some() || !parts.headers.contains_key(HOST) {
        let Ok(host) = HeaderValue::try_from(host) else { return answer::error(StatusCode::BAD_REQUEST) };
        parts.headers.insert(HOST, host);
        // Origin form: what a server, rather than a proxy, is asked for.
        parts.uri = parts.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    parts.version = Version::HTTP_11;
    parts.extensions = http::Extensions::new();

    let waiting = client.activity.waiting();
    let outcome =
        forward::forward(group, cookie.as_deref(), Request::from_parts(parts, body), attributes.idle_timeout).await;
    drop(waiting);
    match outcome {
        Err(status) => answer::error(status),
        Ok(answer) => {
            group.counts.count_answer(answer.response.status().as_u16(), answer.micros);
            if answer.progress.as_ref().is_none_or(|p| p.is_done()) {
                client.activity.end_of_body();
            }
            match (answer.response.status(), client_side) {
                (StatusCode::SWITCHING_PROTOCOLS, Some(client_side)) => switch(client, attributes, client_side, answer),
                // A change of protocol that the client did not ask for is no answer.
                (StatusCode::SWITCHING_PROTOCOLS, None) => answer::error(StatusCode::BAD_GATEWAY),
                _ => pass_on(answer, stickiness),
            }
        }
    }
}

fn pass_on(answer: Answer, stickiness: Option<u64>) -> Response<ResponseBody> {
    let (mut parts, body) = answer.response.into_parts();
    headers::prepare_response(&mut parts.headers);
    if let Some(seconds) = stickiness {
        let cookie = format!("{COOKIE_NAME}={}; Max-Age={seconds}; Path=/", answer.lease.target().cookie);
        let cookie = HeaderValue::try_from(cookie).expect("hex digits and a number");
        parts.headers.append(SET_COOKIE, cookie);
    }
    parts.extensions = http::Extensions::new();
    // hyper takes the answer down to the client's own version.
    parts.version = Version::HTTP_11;
    Response::from_parts(parts, ResponseBody::upstream(body, answer.sender, answer.progress, answer.lease))
}

fn switch(
    client: &Client,
    attributes: &Attributes,
    client_side: hyper::upgrade::OnUpgrade,
    answer: Answer,
) -> Response<ResponseBody> {
    client.activity.no_more_heads();
    let mut response = answer.response;
    let protocol = response.headers().get(UPGRADE).cloned();
    let target_side = hyper::upgrade::on(&mut response);
    let ends = tunnel::Ends {
        lease: answer.lease,
        activity: Arc::clone(&client.activity),
        idle: attributes.idle_timeout,
        stop: client.stop.clone(),
        open: client.open.clone(),
        place: Arc::clone(&client.place),
        held: answer.sender.held(),
        counts: Arc::clone(&client.counts),
    };
    tunnel::begin(client_side, target_side, ends);
    let (mut parts, _) = response.into_parts();
    headers::prepare_response(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        parts.headers.insert(UPGRADE, protocol);
    }
    parts.extensions = http::Extensions::new();
    Response::from_parts(parts, ResponseBody::own(bytes::Bytes::new()))
}

fn sticky_cookie(headers: &http::HeaderMap) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value.to_owned())
}
