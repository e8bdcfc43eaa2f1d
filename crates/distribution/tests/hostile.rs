//! A registry that wishes us ill, and one that does not.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use distribution::{Client, Credentials, FetchError, Settings};
use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MIB: u64 = 1 << 20;
const LIMIT: u64 = 4 * MIB;

/// What is answered to one request.
enum Answer {
    /// Words as they are.
    Text(String),
    /// A head, and then bytes for as long as the client takes them.
    Endless(&'static str),
    /// A head, and then a byte now and then.
    Drip(&'static str),
}

/// A registry; it counts what it could send.
struct Registry {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
}

impl Registry {
    /// Answers each request, whose head is given, with one connection.
    async fn of(answer: impl Fn(&str, SocketAddr) -> Answer + Send + Sync + 'static) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, sent, answer) = (door.local_addr().unwrap(), Arc::<AtomicU64>::default(), Arc::new(answer));
        let count = Arc::clone(&sent);
        tokio::spawn(async move {
            loop {
                let (socket, _) = door.accept().await.unwrap();
                let (answer, count) = (Arc::clone(&answer), Arc::clone(&count));
                tokio::spawn(async move { serve(socket, &*answer, address, &count).await });
            }
        });
        Self { address, sent }
    }

    fn client(&self, credentials: Credentials) -> Client {
        let second = Duration::from_secs(1);
        let settings = Settings { plain: true, connect: second * 5, silence: second * 5, document: second * 20 };
        Client::new(format!("{}/a/b:t", self.address).parse().unwrap(), credentials, settings).unwrap()
    }

    async fn manifest(&self) -> Result<bytes::Bytes, FetchError> {
        self.client(Credentials::Anonymous).manifest(None, &["application/json"], LIMIT).await
    }
}

async fn serve(
    mut socket: TcpStream,
    answer: &(dyn Fn(&str, SocketAddr) -> Answer + Sync),
    address: SocketAddr,
    count: &AtomicU64,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    match answer(&head, address) {
        Answer::Text(text) => drop(socket.write_all(text.as_bytes()).await),
        Answer::Endless(head) => {
            let _ = socket.write_all(head.as_bytes()).await;
            // A chunk of 64 KiB, again and again; as a body without chunks it is no worse.
            let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            while socket.write_all(piece.as_bytes()).await.is_ok() {
                count.fetch_add(piece.len() as u64, Ordering::SeqCst);
            }
        }
        Answer::Drip(head) => {
            let _ = socket.write_all(head.as_bytes()).await;
            while socket.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Text(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
}

fn ok(body: &str) -> Answer {
    answer("200 OK", "", body)
}

fn wants_token(head: &str, address: SocketAddr) -> Option<Answer> {
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"s\"\r\n");
    (!head.contains("/token?") && !head.to_lowercase().contains("authorization: bearer"))
        .then(|| answer("401 Unauthorized", &challenge, ""))
}

fn is_too_long(error: &FetchError, wanted: &str) -> bool {
    matches!(error, FetchError::TooLong { what, .. } if *what == wanted)
}

/// What lies in sockets' buffers was sent, too.
const BUFFERS: u64 = 16 * MIB;

const ENDLESS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_without_an_end_is_given_up_at_its_bound() {
    let registry = Registry::of(|_, _| Answer::Endless(ENDLESS)).await;
    let error = registry.manifest().await.unwrap_err();
    assert!(is_too_long(&error, "manifest"), "{error}");
    let sent = registry.sent.load(Ordering::SeqCst);
    assert!(sent < LIMIT + BUFFERS, "{sent} bytes were taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_announced_to_be_longer_is_not_begun() {
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 8000000000\r\n\r\n";
    let registry = Registry::of(move |_, _| Answer::Drip(long)).await;
    let error = registry.manifest().await.unwrap_err();
    assert!(is_too_long(&error, "manifest"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_has_a_bound_of_its_own() {
    let registry = Registry::of(|_, _| Answer::Endless(ENDLESS)).await;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(b"x")));
    let error = registry.client(Credentials::Anonymous).small_blob(&digest, MIB).await.unwrap_err();
    assert!(is_too_long(&error, "blob"), "{error}");
    assert!(registry.sent.load(Ordering::SeqCst) < MIB + BUFFERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_an_end_is_given_up_and_one_that_is_none_ends_nothing_else() {
    let endless = Registry::of(|head, at| wants_token(head, at).unwrap_or(Answer::Endless(ENDLESS))).await;
    let error = endless.manifest().await.unwrap_err();
    assert!(is_too_long(&error, "token"), "{error}");
    assert!(endless.sent.load(Ordering::SeqCst) < MIB + BUFFERS);

    // oci-client 0.18 panics here.
    let split = Registry::of(|head, at| wants_token(head, at).unwrap_or_else(|| ok(r#"{"token": "a\r\nX: b"}"#))).await;
    let error = split.manifest().await.unwrap_err();
    assert!(matches!(error, FetchError::Unusable { what: "token", .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_an_error_have_a_bound_for_documents_and_layers() {
    let endless = "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n";
    let registry = Registry::of(move |_, _| Answer::Endless(endless)).await;
    let error = registry.manifest().await.unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 500 }), "{error}");
    let digest = format!("sha256:{}", "0".repeat(64));
    let error = registry.client(Credentials::Anonymous).blob(&digest, &[]).await.err().unwrap();
    assert!(matches!(error, FetchError::Status { status: 500 }), "{error}");
    assert!(registry.sent.load(Ordering::SeqCst) < 2 * BUFFERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_drips_has_an_end_and_so_have_redirects_and_heads() {
    let drip = Registry::of(|_, _| Answer::Drip(ENDLESS)).await;
    let second = Duration::from_secs(1);
    let settings = Settings { plain: true, connect: second, silence: second, document: second };
    let client = Client::new(format!("{}/a/b:t", drip.address).parse().unwrap(), Credentials::Anonymous, settings);
    let error = client.unwrap().manifest(None, &[], LIMIT).await.unwrap_err();
    assert!(matches!(error, FetchError::Slow { .. } | FetchError::Request(_)), "{error}");

    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let rounds = Registry::of(move |_, at| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        answer("307 Elsewhere", &format!("Location: http://{at}/{turn}\r\n"), "")
    })
    .await;
    let error = rounds.manifest().await.unwrap_err();
    assert!(matches!(&error, FetchError::Request(e) if e.is_redirect()) && !error.is_passing(), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 6, "one request and five that follow");

    let heads = Registry::of(|_, _| Answer::Endless("HTTP/1.1 200 OK\r\nX: ")).await;
    let error = heads.manifest().await.unwrap_err();
    assert!(matches!(error, FetchError::Request(_)), "{error}");
    assert!(heads.sent.load(Ordering::SeqCst) < BUFFERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_is_what_the_digest_says_and_what_is_none_is_not_asked_for() {
    let registry = Registry::of(|head, _| {
        assert!(!head.contains(".."), "{head}");
        ok("{}")
    })
    .await;
    let client = registry.client(Credentials::Anonymous);
    let right = format!("sha256:{}", hex::encode(Sha256::digest(b"{}")));
    assert_eq!(client.manifest(Some(&right), &[], LIMIT).await.unwrap(), "{}");
    assert_eq!(client.small_blob(&right, LIMIT).await.unwrap(), "{}");
    let other = format!("sha256:{}", "0".repeat(64));
    for digest in [other.as_str(), "sha256:../../../token", "md5:00", "", "sha256:", "latest"] {
        let error = client.manifest(Some(digest), &[], LIMIT).await.unwrap_err();
        assert!(matches!(error, FetchError::Unusable { .. }), "{digest}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_once_and_again_when_it_is_over_and_goes_to_no_other_host() {
    // Where blobs are kept: it must not learn the token.
    let storage = Registry::of(|head, _| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        ok("layer")
    })
    .await;
    let tokens = Arc::new(AtomicU64::new(0));
    let (count, elsewhere) = (Arc::clone(&tokens), storage.address);
    let registry = Registry::of(move |head, at| {
        let lower = head.to_lowercase();
        if head.contains("/token?") {
            // `u:p`
            assert!(lower.contains("authorization: basic dtpw"), "{head}");
            assert!(head.contains("service=s&scope=repository%3Aa%2Fb%3Apull"), "{head}");
            return ok(&format!(r#"{{"token": "t{}"}}"#, count.fetch_add(1, Ordering::SeqCst)));
        }
        let newest = format!("authorization: bearer t{}\r\n", count.load(Ordering::SeqCst).saturating_sub(1));
        match wants_token(head, at) {
            Some(challenge) => challenge,
            // The first token lasts for one request.
            None if lower.contains("bearer t0") && head.contains("/blobs/") => {
                let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{at}/token\",service=\"s\"\r\n");
                answer("401 Unauthorized", &challenge, "")
            }
            None if !lower.contains(&newest) => panic!("{head}"),
            None if head.contains("/blobs/") => {
                answer("307 Elsewhere", &format!("Location: http://localhost:{}/x\r\n", elsewhere.port()), "")
            }
            None => ok("manifest"),
        }
    })
    .await;
    let client = registry.client(Credentials::Password { user: "u".into(), password: "p".into() });
    assert_eq!(client.manifest(None, &[], LIMIT).await.unwrap(), "manifest");
    assert_eq!(client.manifest(None, &[], LIMIT).await.unwrap(), "manifest");
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    for _ in 0..2 {
        let blob = client.blob(&format!("sha256:{}", "0".repeat(64)), &[]).await.unwrap();
        let pieces: Vec<_> = blob.map(Result::unwrap).collect().await;
        assert_eq!(pieces.concat(), b"layer");
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_a_password_is_given_one_if_there_is_one() {
    let registry = Registry::of(|head, _| {
        if head.to_lowercase().contains("authorization: basic dtpw") {
            return ok("manifest");
        }
        answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n", "")
    })
    .await;
    let password = Credentials::Password { user: "u".into(), password: "p".into() };
    assert_eq!(registry.client(password).manifest(None, &[], LIMIT).await.unwrap(), "manifest");
    assert!(matches!(registry.manifest().await, Err(FetchError::Unauthorized)));
}
