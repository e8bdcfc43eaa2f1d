//! Listeners of HTTPS, as clients with a certificate authority of their own see them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use balancer::{Certificate, Config, Listener, PrivateKey, Rule, Tls};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use platform_core::routing::Action;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Rig, SOON, Served, config, listener, raw};

const TLS13: [&str; 2] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
const TLS12: [&str; 2] = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"];

/// An authority that clients trust.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: rustls::pki_types::CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "tests");
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), der }
    }

    fn certificate(&self, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let issued = CertificateParams::new(names.clone()).unwrap().signed_by(&key, &self.issuer).unwrap();
        let (chain, key) =
            (pem("CERTIFICATE", issued.der()), PrivateKey::new(pem("PRIVATE KEY", &key.serialize_der())));
        Certificate { names, chain, key }
    }

    fn client(&self, versions: &[&'static rustls::SupportedProtocolVersion], alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            out.push(if i <= chunk.len() { ALPHABET[(n >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
    out
}

fn tls(certificates: Vec<Certificate>, ciphers: &[&str]) -> Option<Tls> {
    Some(Tls { certificates, ciphers: ciphers.iter().map(|c| (*c).to_owned()).collect() })
}

fn secured(targets: &[std::net::SocketAddr], tls: Option<Tls>) -> Config {
    let mut config = config(targets);
    config.listeners[0].tls = tls;
    config
}

async fn connect(rig: &Rig, client: &Arc<ClientConfig>, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(rig.address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    timeout(SOON, TlsConnector::from(Arc::clone(client)).connect(name, socket)).await.expect("the handshake ends")
}

/// Asks on a connection that stays; returns head and body.
async fn ask(socket: &mut TlsStream<TcpStream>, host: &str) -> String {
    socket.write_all(format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(SOON, async {
        loop {
            let mut some = [0; 4096];
            let read = socket.read(&mut some).await.unwrap();
            answer.extend_from_slice(&some[..read]);
            let text = String::from_utf8_lossy(&answer);
            let ended = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head
                    .lines()
                    .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                body.len() >= length.and_then(|l| l.parse().ok()).unwrap_or(0)
            });
            if ended || read == 0 {
                return;
            }
        }
    })
    .await
    .expect("an answer comes");
    String::from_utf8(answer).unwrap()
}

fn leaf(socket: &TlsStream<TcpStream>) -> Vec<u8> {
    socket.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// A target that says by which protocol it was asked.
async fn mirror() -> Served {
    Served::http(|request| async move {
        let proto = request.headers()["x-forwarded-proto"].to_str().unwrap().to_owned();
        Response::new(Full::from(Bytes::from(proto)))
    })
    .await
}

#[tokio::test]
async fn each_name_gets_its_certificate_and_the_target_hears_of_https() {
    let (authority, target) = (Authority::new(), mirror().await);
    let certificates = vec![
        authority.certificate(&["a.test"]),
        authority.certificate(&["*.b.test"]),
        authority.certificate(&["x.b.test", "c.test"]),
    ];
    let ciphers = [TLS13, TLS12].concat();
    let rig = Rig::healthy_with(&secured(&[target.address], tls(certificates.clone(), &ciphers))).await;
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let client = authority.client(versions, &[]);
        let mut seen = Vec::new();
        for name in ["a.test", "y.b.test", "x.b.test", "c.test"] {
            let mut socket = connect(&rig, &client, name).await.unwrap();
            let answer = ask(&mut socket, name).await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("https"), "{name}: {answer}");
            seen.push(leaf(&socket));
        }
        assert_eq!(seen[2], seen[3]);
        assert!(seen[0] != seen[1] && seen[1] != seen[2]);
        // A client that asks for another name gets the default one, and does not accept it.
        let error = connect(&rig, &client, "other.test").await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_policy_decides_the_versions_and_a_key_of_another_pair_serves_nothing() {
    let (authority, target) = (Authority::new(), mirror().await);
    let certificate = authority.certificate(&["a.test"]);
    let both = authority.client(&[&rustls::version::TLS12, &rustls::version::TLS13], &[]);
    let old = authority.client(&[&rustls::version::TLS12], &[]);
    // Names of ciphers that are not known here are passed over.
    let only13 = [&TLS13[..], &["AES128-SHA"]].concat();
    let rig = Rig::healthy_with(&secured(&[target.address], tls(vec![certificate.clone()], &only13))).await;
    let socket = connect(&rig, &both, "a.test").await.unwrap();
    assert_eq!(socket.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert!(connect(&rig, &old, "a.test").await.is_err());
    let counted = async {
        // The client may know before it is counted.
        while rig.balancer.count(0, 0).listeners.iter().all(|listener| listener.tls_errors != 1) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::SOON, counted).await.expect("it counts");
    let rig = Rig::healthy_with(&secured(&[target.address], tls(vec![certificate.clone()], &TLS12))).await;
    let socket = connect(&rig, &both, "a.test").await.unwrap();
    assert_eq!(socket.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let wrong = Certificate { key: authority.certificate(&["a.test"]).key, ..certificate };
    let rig = Rig::healthy_with(&secured(&[target.address], tls(vec![wrong], &only13))).await;
    assert!(connect(&rig, &both, "a.test").await.is_err());
    assert_eq!(raw(rig.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await, "", "nothing is served in the clear");
}

#[tokio::test]
async fn certificates_change_without_a_connection_lost_and_what_stays_is_resumed() {
    let (authority, target) = (Authority::new(), mirror().await);
    let first = tls(vec![authority.certificate(&["a.test"])], &TLS13);
    let rig = Rig::healthy_with(&secured(&[target.address], first.clone())).await;
    let client = authority.client(&[&rustls::version::TLS13], &[]);
    let mut kept = connect(&rig, &client, "a.test").await.unwrap();
    assert!(ask(&mut kept, "a.test").await.ends_with("https"));
    // The same told again, with another rule: sessions are resumed.
    let mut same = secured(&[target.address], first);
    same.listeners[0].rules.insert(0, redirect("HTTPS", "/gone"));
    rig.balancer.apply(&same);
    let mut again = connect(&rig, &client, "a.test").await.unwrap();
    assert!(ask(&mut again, "a.test").await.ends_with("https"));
    assert_eq!(again.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    let second = tls(vec![authority.certificate(&["a.test"])], &TLS13);
    rig.balancer.apply(&secured(&[target.address], second));
    let fresh = connect(&rig, &authority.client(&[&rustls::version::TLS13], &[]), "a.test").await.unwrap();
    assert_ne!(leaf(&fresh), leaf(&kept));
    assert!(ask(&mut kept, "a.test").await.ends_with("https"), "what was open goes on");
}

/// A rule that sends `/gone` elsewhere.
fn redirect(protocol: &str, path: &str) -> Rule {
    let action = Action::Redirect {
        status: 301,
        protocol: protocol.into(),
        host: "#{host}".into(),
        port: "443".into(),
        path: "/#{path}".into(),
        query: "#{query}".into(),
    };
    Rule { conditions: vec![platform_core::routing::Condition::PathPattern(vec![path.into()])], action }
}

#[tokio::test]
async fn redirects_lead_to_https_and_stay_there() {
    let authority = Authority::new();
    let plain =
        Rig::start(&Config { listeners: vec![listener(vec![redirect("HTTPS", "/*")])], groups: Vec::new() }).await;
    let answer = raw(plain.address, "GET /x?q=1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 301") && answer.contains("location: https://a.test/x?q=1\r\n"), "{answer}");
    let own = Listener {
        tls: tls(vec![authority.certificate(&["a.test"])], &TLS13),
        ..listener(vec![redirect("#{protocol}", "/*")])
    };
    let rig = Rig::start(&Config { listeners: vec![own], groups: Vec::new() }).await;
    let mut socket = connect(&rig, &authority.client(&[&rustls::version::TLS13], &[]), "a.test").await.unwrap();
    let answer = ask(&mut socket, "a.test").await;
    assert!(answer.contains("location: https://a.test/x\r\n"), "{answer}");
    // Plain HTTP gets an answer that says so, as from the ALB.
    let answer = raw(rig.address, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("plain HTTP request was sent to HTTPS port"),
        "{answer}"
    );
    // What is neither is closed.
    assert_eq!(raw(rig.address, "\u{1}\u{2}").await, "");
}

#[tokio::test]
async fn http2_is_agreed_on_in_the_handshake_if_it_is_on() {
    let (authority, target) = (Authority::new(), mirror().await);
    let client = authority.client(&[&rustls::version::TLS13], &["h2", "http/1.1"]);
    let mut wanted = secured(&[target.address], tls(vec![authority.certificate(&["a.test"])], &TLS13));
    let rig = Rig::healthy_with(&wanted).await;
    let socket = connect(&rig, &client, "a.test").await.unwrap();
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    wanted.listeners[0].attributes.http2 = false;
    rig.balancer.apply(&wanted);
    let socket = connect(&rig, &client, "a.test").await.unwrap();
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

/// Runs a program of this machine; none if it is not there.
fn run(dir: &Path, command: &str) -> Option<String> {
    let program = command.split(' ').next().unwrap();
    if Command::new(program).arg("--help").output().is_err() {
        eprintln!("skipped: no {program} on this machine");
        return None;
    }
    let output = Command::new("sh").arg("-c").arg(command).current_dir(dir).output().unwrap();
    Some(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_and_openssl_are_served() {
    let (authority, target) = (Authority::new(), mirror().await);
    let certificates = vec![authority.certificate(&["a.test"]), authority.certificate(&["b.test"])];
    let ciphers = [TLS13, TLS12].concat();
    let rig = Rig::healthy_with(&secured(&[target.address], tls(certificates, &ciphers))).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), pem("CERTIFICATE", &authority.der)).unwrap();
    let port = rig.address.port();
    for (options, version) in [("--http1.1", "1.1"), ("--http2", "2"), ("--tls-max 1.2", "2")] {
        let command = format!(
            "curl -sS -m 20 {options} --cacert ca.pem --resolve b.test:{port}:127.0.0.1 \
             -w ' %{{http_version}} %{{ssl_verify_result}}' https://b.test:{port}/x"
        );
        let Some(said) = run(dir.path(), &command) else { continue };
        assert_eq!(said, format!("https {version} 0"), "{options}");
    }
    let connect = |more: &str| {
        let command = format!("openssl s_client -connect 127.0.0.1:{port} -CAfile ca.pem {more} </dev/null");
        run(dir.path(), &command)
    };
    for (more, wanted) in [
        ("-servername b.test -verify_hostname b.test", "Verification: OK"),
        ("-servername b.test -tls1_2", "TLSv1.2"),
        ("-servername b.test -verify_hostname a.test", "hostname mismatch"),
        ("-servername b.test -tls1_1", "alert"),
    ] {
        let Some(said) = connect(more) else { continue };
        assert!(said.to_lowercase().contains(&wanted.to_lowercase()), "{more}: {said}");
    }
}
