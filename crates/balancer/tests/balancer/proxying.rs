//! What a request and its answer look like on the other side.

use std::sync::atomic::Ordering;
use std::time::Duration;

use balancer::{Algorithm, Rule};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use platform_core::routing::{Action, Condition};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Client, Rig, SOON, Served, config, forward, get, listener, raw, read_head};

/// A target that answers with the request as it got it.
async fn mirror() -> Served {
    Served::http(|request| async move {
        let mut text = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        text.push_str(&String::from_utf8_lossy(&body));
        Response::new(Full::from(text))
    })
    .await
}

#[tokio::test]
async fn a_target_sees_the_request_with_the_balancers_headers() {
    let served = mirror().await;
    let rig = Rig::healthy(&[served.address]).await;
    let port = rig.address.port();
    let answer = raw(
        rig.address,
        "POST /a%20b?q=1 HTTP/1.1\r\nHost: app.test:99\r\nX-Forwarded-For: 9.9.9.9\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: 4\r\n\r\nbody",
    )
    .await;
    for line in [
        "POST /a%20b?q=1\n",
        "host: app.test:99\n",
        "x-forwarded-for: 9.9.9.9, 127.0.0.1\n",
        "x-forwarded-proto: http\n",
        &format!("x-forwarded-port: {port}\n"),
        "x-amzn-trace-id: Root=1-",
        "content-length: 4\n",
        "\nbody",
    ] {
        assert!(answer.contains(line), "{line:?} is missing in\n{answer}");
    }
    assert!(!answer.contains("x-hop: 1") && !answer.contains("connection: close, X-Hop"), "{answer}");
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let served = Served::named("hello").await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    for _ in 0..50 {
        assert_eq!(client.ask("GET", "/", "").await.unwrap().1, "hello");
    }
    assert_eq!(client.ask("POST", "/", "some body").await.unwrap().1, "hello");
    assert_eq!(client.ask("GET", "/", "").await.unwrap().1, "hello");
    assert_eq!(served.connections.load(Ordering::SeqCst), 1);
    let count = rig.balancer.count(0, 0);
    let (listener, group) = (&count.listeners[0], &count.groups[0]);
    assert_eq!((group.requests, group.codes, group.connections, group.targets), (52, [52, 0, 0, 0], 1, 1));
    assert_eq!((group.listener.as_str(), group.times.iter().map(|(_, n)| n).sum::<u64>()), ("listener", 52));
    assert_eq!((listener.connections, listener.open, listener.codes.len()), (1, 1, 0));
    assert!(group.micros > 0 && listener.bytes > 52 * 40, "{count:?}");
}

#[tokio::test]
async fn requests_go_round() {
    let (a, b) = (Served::named("a").await, Served::named("b").await);
    let rig = Rig::healthy(&[a.address, b.address]).await;
    let mut client = Client::connect(rig.address).await;
    let mut seen = String::new();
    for _ in 0..6 {
        seen.push_str(&client.ask("GET", "/", "").await.unwrap().1);
    }
    assert!(seen == "ababab" || seen == "bababa", "{seen}");
}

#[tokio::test]
async fn a_client_with_the_cookie_stays_with_its_target() {
    let (a, b) = (Served::named("a").await, Served::named("b").await);
    let mut config = config(&[a.address, b.address]);
    config.groups[0].stickiness = Some(Duration::from_secs(60));
    config.groups[0].algorithm = Algorithm::LeastOutstanding;
    let rig = Rig::healthy_with(&config).await;
    let first = raw(rig.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let cookie = first.split("AWSALB=").nth(1).unwrap().split(';').next().unwrap();
    let body = &first[first.len() - 1..];
    for _ in 0..6 {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; AWSALB={cookie}\r\nConnection: close\r\n\r\n");
        assert!(raw(rig.address, &request).await.ends_with(body));
    }
}

#[tokio::test]
async fn head_gives_the_length_and_no_body() {
    let served = Served::named("hello").await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    for _ in 0..3 {
        let (head, _) = client.ask("HEAD", "/", "").await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("content-length: 5"), "{head}");
    }
}

#[tokio::test]
async fn a_large_body_streams_both_ways_as_it_comes() {
    const PARTS: usize = 64;
    // Answers every 64 KB part with its digest before the next part is sent.
    let served = Served::raw(|mut socket| async move {
        let head = read_head(&mut socket).await;
        if head.contains("/health") {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
            return;
        }
        let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PARTS * 32);
        socket.write_all(length.as_bytes()).await.unwrap();
        let mut part = vec![0; 65536];
        for _ in 0..PARTS {
            socket.read_exact(&mut part).await.unwrap();
            socket.write_all(&Sha256::digest(&part)).await.unwrap();
        }
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut socket = TcpStream::connect(rig.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", PARTS * 65536);
    socket.write_all(head.as_bytes()).await.unwrap();
    let work = async {
        assert!(read_head(&mut socket).await.starts_with("HTTP/1.1 200"));
        for i in 0..PARTS {
            let part = vec![i as u8; 65536];
            socket.write_all(&part).await.unwrap();
            let mut digest = [0; 32];
            socket.read_exact(&mut digest).await.unwrap();
            assert_eq!(digest[..], Sha256::digest(&part)[..], "part {i}");
        }
    };
    timeout(SOON, work).await.expect("no part waits for the next one");
}

#[tokio::test]
async fn chunks_go_through_as_chunks() {
    let served = mirror().await;
    let rig = Rig::healthy(&[served.address]).await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = raw(rig.address, request).await;
    assert!(answer.ends_with("\nabcde") && answer.contains("transfer-encoding: chunked"), "{answer}");
}

#[tokio::test]
async fn a_client_that_expects_to_be_told_is_told_to_go_on() {
    let served = mirror().await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut socket = TcpStream::connect(rig.address).await.unwrap();
    socket
        .write_all(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    let head = timeout(SOON, read_head(&mut socket)).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 100"), "{head}");
    socket.write_all(b"ok").await.unwrap();
    let mut rest = String::new();
    socket.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200") && rest.ends_with("\nok") && !rest.contains("expect:"), "{rest}");
}

#[tokio::test]
async fn a_websocket_is_a_tunnel_both_ways() {
    let served = Served::raw(|mut socket| async move {
        let head = read_head(&mut socket).await.to_lowercase();
        if head.contains("/health") {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
            return;
        }
        assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"), "{head}");
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nfirst";
        socket.write_all(answer).await.unwrap();
        let (mut read, mut write) = socket.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    })
    .await;
    let mut rig = Rig::healthy(&[served.address]).await;
    let mut socket = TcpStream::connect(rig.address).await.unwrap();
    let request = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let head = timeout(SOON, read_head(&mut socket)).await.unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-accept: x"), "{head}");
    assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"), "{head}");
    let mut buffer = [0; 5];
    socket.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"first");
    for word in [b"hello", b"world"] {
        socket.write_all(word).await.unwrap();
        socket.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, word);
    }
    // The tunnel holds its target: it drains when the tunnel ends, and not before.
    let mut draining = config(&[served.address]);
    draining.groups[0].targets[0].draining = true;
    rig.balancer.apply(&draining);
    socket.write_all(b"still").await.unwrap();
    socket.read_exact(&mut buffer).await.unwrap();
    assert!(rig.events.try_recv().is_err(), "a target with a tunnel has not drained");
    drop(socket);
    rig.until(|e| matches!(e, balancer::Event::TargetDrained { .. })).await;
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_on_the_same_port() {
    let served = mirror().await;
    let rig = Rig::healthy(&[served.address]).await;
    let io = hyper_util::rt::TokioIo::new(TcpStream::connect(rig.address).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://app.test/x?y=1")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Full::<Bytes>::from("over two"))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text);
    for line in ["POST /x?y=1\n", "host: app.test\n", "cookie: a=1; b=2\n", "\nover two"] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
}

#[tokio::test]
async fn rules_choose_and_the_balancer_answers_itself() {
    let served = Served::named("target").await;
    let mut config = config(&[served.address]);
    let rule = |condition, action| Rule { conditions: vec![condition], action };
    config.listeners = vec![listener(vec![
        rule(
            Condition::PathPattern(vec!["/teapot".into()]),
            Action::FixedResponse { status: 418, content_type: Some("text/plain".into()), body: Some("short".into()) },
        ),
        rule(
            Condition::HostHeader(vec!["old.*".into()]),
            Action::Redirect {
                status: 301,
                protocol: "HTTPS".into(),
                host: "new.test".into(),
                port: "443".into(),
                path: "/#{path}".into(),
                query: "#{query}".into(),
            },
        ),
        forward(),
    ])];
    let rig = Rig::healthy_with(&config).await;
    assert_eq!(get(rig.address, "/").await, (200, "target".into()));
    assert_eq!(get(rig.address, "/teapot").await, (418, "short".into()));
    let moved = raw(rig.address, "GET /a?b=c HTTP/1.1\r\nHost: old.test:80\r\nConnection: close\r\n\r\n").await;
    assert!(moved.starts_with("HTTP/1.1 301") && moved.contains("location: https://new.test/a?b=c\r\n"), "{moved}");
    let listener = &rig.balancer.count(0, 0).listeners[0];
    assert_eq!((listener.fixed, listener.redirects), (1, 1));
    assert_eq!(listener.codes, [(301, 1), (418, 1)].into());
}
