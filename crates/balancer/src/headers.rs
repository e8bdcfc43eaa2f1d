//! Header fields on their way: what is removed, what is added, what is refused.

use std::net::{IpAddr, SocketAddr};

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Request, StatusCode, Version};

use crate::config::{Attributes, ForwardedFor};
use crate::trace;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The ALB's limits: 16 KB for the request line and for each header.
const LINE: usize = 16 * 1024;

/// Returns the status to refuse a request with; none when it may be forwarded.
///
/// hyper has refused what it cannot parse; here is what it can parse and two servers could
/// take for two different requests.
pub(crate) fn refusal<B>(request: &Request<B>) -> Option<StatusCode> {
    let headers = request.headers();
    let line = request.uri().path_and_query().map_or(1, |p| p.as_str().len());
    if line > LINE {
        return Some(StatusCode::URI_TOO_LONG);
    }
    if *request.method() == http::Method::TRACE {
        // "The client used the TRACE method, which is not supported": ALB guide, HTTP 405.
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    if *request.method() == http::Method::CONNECT {
        return Some(StatusCode::BAD_REQUEST);
    }
    if headers.values().any(|v| v.len() > LINE) {
        return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Some(StatusCode::BAD_REQUEST);
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next(), request.version()) {
        (_, Some(_), _) => Some(StatusCode::BAD_REQUEST),
        // HTTP/1.1 demands a Host, HTTP/2 an authority; HTTP/1.0 knows neither.
        (None, None, Version::HTTP_11) => Some(StatusCode::BAD_REQUEST),
        (None, None, Version::HTTP_2) if request.uri().authority().is_none() => Some(StatusCode::BAD_REQUEST),
        _ => None,
    }
}

/// Returns the protocol that a client wants to change to.
pub(crate) fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get_all(CONNECTION).iter().any(|v| tokens(v).any(|t| t.eq_ignore_ascii_case("upgrade")));
    // h2c by upgrade is not offered: an HTTP/1.1 server may ignore it, and so do we.
    headers.get(UPGRADE).filter(|u| asked && !u.as_bytes().eq_ignore_ascii_case(b"h2c")).cloned()
}

/// Removes what concerns one connection only, and what `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(tokens)
            .filter_map(|t| HeaderName::from_bytes(t.as_bytes()).ok())
            // A client must not make us drop what we ourselves rely on.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in
        [KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HTTP2_SETTINGS]
    {
        headers.remove(name);
    }
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|t| !t.is_empty())
}

/// What a client connection adds to each of its requests, made once.
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) ip: IpAddr,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    ip_value: HeaderValue,
    port: HeaderValue,
}

impl Forwarded {
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr, scheme: &'static str) -> Self {
        let ip = peer.ip().to_canonical();
        let value = |text: String| HeaderValue::try_from(text).expect("addresses and ports are visible ASCII");
        Self { ip, scheme, ip_value: value(ip.to_string()), port: value(local.port().to_string()) }
    }

    /// Makes a client's headers those that a target gets.
    pub(crate) fn prepare(&self, headers: &mut HeaderMap, attributes: &Attributes, upgrade: Option<&HeaderValue>) {
        remove_hop_by_hop(headers);
        // The client got `100 Continue` when its body was first read.
        headers.remove(EXPECT);
        if attributes.drop_invalid_headers {
            drop_invalid(headers);
        }
        join_cookies(headers);
        match attributes.forwarded_for {
            ForwardedFor::Append => self.append_address(headers),
            ForwardedFor::Preserve => {}
            ForwardedFor::Remove => drop(headers.remove(X_FORWARDED_FOR)),
        }
        // Overwritten, not appended: frameworks trust these two for redirects and cookies.
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(self.scheme));
        headers.insert(X_FORWARDED_PORT, self.port.clone());
        let trace = trace::header(headers.get(X_AMZN_TRACE_ID));
        headers.insert(X_AMZN_TRACE_ID, trace);
        if let Some(upgrade) = upgrade {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, upgrade.clone());
        }
    }

    fn append_address(&self, headers: &mut HeaderMap) {
        let came = headers.get_all(X_FORWARDED_FOR);
        let value = if came.iter().next().is_none() {
            self.ip_value.clone()
        } else {
            let mut chain = Vec::with_capacity(64);
            for part in came {
                chain.extend_from_slice(part.as_bytes());
                chain.extend_from_slice(b", ");
            }
            chain.extend_from_slice(self.ip_value.as_bytes());
            HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).expect("joined from valid values")
        };
        headers.insert(X_FORWARDED_FOR, value);
    }
}

fn drop_invalid(headers: &mut HeaderMap) {
    let bad: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        .cloned()
        .collect();
    for name in bad {
        headers.remove(name);
    }
}

/// HTTP/2 clients may split cookies over fields; HTTP/1.1 servers read one (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (all.next(), all.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(all) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(cookie.as_bytes());
    }
    headers
        .insert(COOKIE, HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)).expect("joined from valid values"));
}

/// Makes a target's headers those that the client gets.
pub(crate) fn prepare_response(headers: &mut HeaderMap) {
    // With both, the length is wrong by definition (RFC 9112, 6.3).
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(headers);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &str) -> HeaderMap {
        let split = lines.split('|').filter_map(|l| l.split_once(": "));
        split
            .map(|(n, v)| (HeaderName::try_from(n).unwrap(), HeaderValue::from_str(v).unwrap()))
            .collect::<Vec<_>>()
            .into_iter()
            .fold(HeaderMap::new(), |mut map, (n, v)| {
                map.append(n, v);
                map
            })
    }
    fn get<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
        headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    fn prepare(lines: &str, attributes: &Attributes) -> HeaderMap {
        let mut map = headers(lines);
        Forwarded::new("10.1.2.3:999".parse().unwrap(), "10.0.0.1:8080".parse().unwrap(), "http")
            .prepare(&mut map, attributes, None);
        map
    }

    #[test]
    fn the_clients_address_is_appended_and_the_rest_is_ours() {
        let fresh = prepare("host: a", &Attributes::default());
        assert_eq!(get(&fresh, "x-forwarded-for"), "10.1.2.3");
        let came = "x-forwarded-for: 1.1.1.1|x-forwarded-for: 2.2.2.2|x-forwarded-proto: https|x-forwarded-port: 1";
        let chain = prepare(came, &Attributes::default());
        assert_eq!(get(&chain, "x-forwarded-for"), "1.1.1.1, 2.2.2.2, 10.1.2.3");
        assert_eq!((get(&chain, "x-forwarded-proto"), get(&chain, "x-forwarded-port")), ("http", "8080"));
        let remove = Attributes { forwarded_for: ForwardedFor::Remove, ..Attributes::default() };
        assert_eq!(get(&prepare(came, &remove), "x-forwarded-for"), "");
        let preserve = Attributes { forwarded_for: ForwardedFor::Preserve, ..Attributes::default() };
        assert_eq!(get(&prepare("x-forwarded-for: 1.1.1.1", &preserve), "x-forwarded-for"), "1.1.1.1");
    }

    #[test]
    fn what_concerns_one_connection_stays_there() {
        let map = prepare(
            "host: a|connection: close, X-Mine, host|x-mine: 1|keep-alive: 5|te: trailers|upgrade: h2c|proxy-connection: x|expect: 100-continue|x-kept: 1",
            &Attributes::default(),
        );
        for gone in ["connection", "x-mine", "keep-alive", "te", "upgrade", "proxy-connection", "expect"] {
            assert!(!map.contains_key(gone), "{gone}");
        }
        assert_eq!((get(&map, "x-kept"), get(&map, "host")), ("1", "a"));
    }

    #[test]
    fn split_cookies_are_joined() {
        assert_eq!(
            get(&prepare("cookie: a=1|cookie: b=2|cookie: c=3", &Attributes::default()), "cookie"),
            "a=1; b=2; c=3"
        );
    }

    #[test]
    fn invalid_names_go_only_where_that_is_asked_for() {
        let drop = Attributes { drop_invalid_headers: true, ..Attributes::default() };
        assert!(!prepare("x_y: 1", &drop).contains_key("x_y"));
        assert!(prepare("x_y: 1", &Attributes::default()).contains_key("x_y"));
    }
}
