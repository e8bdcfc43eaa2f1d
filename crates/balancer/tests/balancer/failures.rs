//! What clients get when targets fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::{Client, Rig, SOON, Served, config, get, raw, read_head};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An address on which no server listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A target that answers health checks and does `rest` with every other connection.
async fn target<F>(rest: impl Fn(TcpStream, usize) -> F + Clone + Send + Sync + 'static) -> Served
where
    F: Future<Output = ()> + Send + 'static,
{
    let count = Arc::new(AtomicUsize::new(0));
    Served::raw(move |mut socket| {
        let (rest, count) = (rest.clone(), Arc::clone(&count));
        async move {
            let mut peeked = [0; 11];
            while socket.peek(&mut peeked).await.unwrap_or(11) < 11 {}
            if &peeked == b"GET /health" {
                read_head(&mut socket).await;
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            } else {
                rest(socket, count.fetch_add(1, Ordering::SeqCst)).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn no_target_is_503_with_the_albs_body() {
    let rig = Rig::start(&config(&[])).await;
    let (status, body) = get(rig.address, "/").await;
    assert_eq!(status, 503);
    assert_eq!(
        body,
        "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    let count = rig.balancer.count(0, 0);
    assert_eq!(count.listeners[0].codes, [(503, 1)].into());
    assert!(count.groups.is_empty(), "no target was chosen");
}

#[tokio::test]
async fn a_refused_connection_is_502() {
    let rig = Rig::start(&config(&[nobody().await])).await;
    let answer = raw(rig.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && answer.contains("server: awselb/2.0"), "{answer}");
    let count = rig.balancer.count(0, 0);
    assert_eq!(count.listeners[0].codes, [(502, 1)].into());
    assert_eq!((count.groups[0].requests, count.groups[0].connection_errors, count.groups[0].codes), (1, 1, [0; 4]));
}

#[tokio::test]
async fn a_malformed_answer_or_none_is_502() {
    for answer in
        ["", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "HTTP/1.1 2"]
    {
        let served = target(move |mut socket, _| async move {
            read_head(&mut socket).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        })
        .await;
        let rig = Rig::healthy(&[served.address]).await;
        assert_eq!(get(rig.address, "/").await.0, 502, "{answer:?}");
    }
}

#[tokio::test]
async fn a_target_that_thinks_too_long_is_504() {
    let served = target(|mut socket, _| async move {
        read_head(&mut socket).await;
        // Ends when the balancer gives up.
        let _ = socket.read_u8().await;
    })
    .await;
    let mut config = config(&[served.address]);
    config.listeners[0].attributes.idle_timeout = Duration::from_millis(300);
    let rig = Rig::healthy_with(&config).await;
    let (status, body) = get(rig.address, "/").await;
    assert!(status == 504 && body.contains("504 Gateway Time-out"), "{status} {body}");
}

#[tokio::test]
async fn an_upload_longer_than_the_idle_timeout_is_not_idle() {
    let served = target(|mut socket, _| async move {
        read_head(&mut socket).await;
        let mut body = [0; 8];
        socket.read_exact(&mut body).await.unwrap();
        let _ = socket.write_all(OK).await;
    })
    .await;
    let mut config = config(&[served.address]);
    config.listeners[0].attributes.idle_timeout = Duration::from_millis(400);
    let rig = Rig::healthy_with(&config).await;
    let mut socket = TcpStream::connect(rig.address).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n").await.unwrap();
    for _ in 0..8 {
        // The pace is the subject here: eight parts take twice the idle timeout.
        tokio::time::sleep(Duration::from_millis(100)).await;
        socket.write_all(b"x").await.unwrap();
    }
    assert!(timeout(SOON, read_head(&mut socket)).await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_idle_client_is_closed() {
    let mut config = config(&[]);
    config.listeners[0].attributes.idle_timeout = Duration::from_millis(200);
    let rig = Rig::start(&config).await;
    assert_eq!(raw(rig.address, "").await, "");
    assert_eq!(raw(rig.address, "GET / HTTP/1.1\r\nHo").await.find("200 OK"), None);
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_unseen() {
    // Every connection serves one request and dies on the next without a word.
    let served = target(|mut socket, _| async move {
        read_head(&mut socket).await;
        let _ = socket.write_all(OK).await;
        read_head(&mut socket).await;
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    for i in 0..20 {
        let (head, body) = client.ask("GET", "/", "").await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && body == "ok", "request {i}: {head}");
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_done_is_not_sent_twice() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let served = target(move |mut socket, _| {
        let seen = Arc::clone(&counted);
        async move {
            read_head(&mut socket).await;
            let _ = socket.write_all(OK).await;
            // The second request on the connection is taken, and not answered.
            if !read_head(&mut socket).await.is_empty() {
                seen.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    assert!(client.ask("GET", "/", "").await.unwrap().0.starts_with("HTTP/1.1 200"));
    assert!(client.ask("POST", "/", "pay").await.unwrap().0.starts_with("HTTP/1.1 502"));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_first_connection_that_dies_is_502_and_not_tried_again() {
    let served = target(|mut socket, _| async move {
        read_head(&mut socket).await;
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let before = served.connections.load(Ordering::SeqCst);
    assert_eq!(get(rig.address, "/").await.0, 502);
    // Health checks connect, too; a retry would make two more at once.
    assert!(served.connections.load(Ordering::SeqCst) <= before + 2);
}

#[tokio::test]
async fn a_target_that_refuses_is_passed_over() {
    let served = target(|mut socket, _| async move {
        read_head(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
    })
    .await;
    // None is healthy yet: fail open tries both, and the refused connection tries the next.
    let mut config = config(&[nobody().await, served.address]);
    config.groups[0].health_check.path = "/never".into();
    config.groups[0].health_check.matcher = "499".into();
    let rig = Rig::start(&config).await;
    for _ in 0..6 {
        assert_eq!(get(rig.address, "/").await, (200, "ok".into()));
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_cut_short_for_the_client() {
    let served = target(|mut socket, _| async move {
        read_head(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").await;
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let answer = raw(rig.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.contains("content-length: 100") && answer.ends_with("part"), "{answer}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request() {
    let (gone, mut left) = tokio::sync::mpsc::unbounded_channel();
    let served = target(move |mut socket, _| {
        let gone = gone.clone();
        async move {
            read_head(&mut socket).await;
            gone.send("begun").unwrap();
            let _ = socket.read_u8().await;
            gone.send("ended").unwrap();
        }
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut socket = TcpStream::connect(rig.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(timeout(SOON, left.recv()).await.unwrap(), Some("begun"));
    drop(socket);
    assert_eq!(timeout(SOON, left.recv()).await.unwrap(), Some("ended"));
}

/// A target closes what is idle for some seconds, and one that does so just then would lose the post.
#[tokio::test]
async fn a_request_that_must_not_be_repeated_takes_no_connection_that_was_idle_for_long() {
    let served = Served::named("hello").await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    let mut check = async |idle: u64, method: &str, connections: usize| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(idle)).await;
        tokio::time::resume();
        client.ask(method, "/", "body").await.unwrap();
        assert_eq!(served.connections.load(Ordering::SeqCst), connections, "{method} after {idle} s");
    };
    check(0, "POST", 1).await;
    check(0, "POST", 1).await;
    check(2, "POST", 2).await;
    check(0, "POST", 2).await;
}

#[tokio::test]
async fn a_request_that_may_be_repeated_takes_what_there_is() {
    let served = Served::named("hello").await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    for _ in 0..3 {
        client.ask("GET", "/", "").await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(20)).await;
        tokio::time::resume();
    }
    assert_eq!(served.connections.load(Ordering::SeqCst), 1);
}
