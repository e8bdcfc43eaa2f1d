//! Targets that say more than they were asked, and clients that flood: another client's request never
//! gets an answer that was not meant for it, and is answered while the flood lasts.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Client, Rig, SOON, Served, get, read_head};

/// What a poisoned answer carries; no client may ever see it as an answer of its own.
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";

/// Ways for one write to hold an answer and the beginning, or the whole, of another.
const ANSWERS: [&str; 10] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nok",
];

/// Answers probes well, `/poison-N` with an answer and more than that, and the rest with its own path.
async fn poisoner(mut socket: TcpStream) {
    loop {
        let head = read_head(&mut socket).await;
        let Some(path) = head.split(' ').nth(1) else { return };
        let answer = match path.strip_prefix("/poison-").and_then(|number| number.parse::<usize>().ok()) {
            Some(number) => format!("{}{POISON}", ANSWERS[number % ANSWERS.len()]),
            None => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()),
        };
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_reaches_nobody() {
    let served = Served::raw(poisoner).await;
    let rig = Rig::healthy(&[served.address]).await;
    let mut victim = Client::connect(rig.address).await;
    for number in 0..300 {
        let mut attacker = TcpStream::connect(rig.address).await.unwrap();
        let method = if number % 3 == 0 { "HEAD" } else { "GET" };
        let request = format!("{method} /poison-{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        attacker.write_all(request.as_bytes()).await.unwrap();
        let mut told = Vec::new();
        drop(timeout(SOON, attacker.read_to_end(&mut told)).await.expect("the balancer closes"));
        assert!(!String::from_utf8_lossy(&told).contains("poisoned"), "{number}: {}", String::from_utf8_lossy(&told));
        let path = format!("/own-{number}");
        let (_, body) = victim.ask("GET", &path, "").await.unwrap();
        assert_eq!(body, path, "after attack {number}");
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `GET / http a`, by the static table of HPACK.
const REQUEST: [u8; 6] = [0x82, 0x86, 0x84, 0x41, 0x01, b'a'];

/// Sends a flood on a connection of its own until it is over or the balancer has had enough of it.
async fn flood(address: SocketAddr, part: impl Fn(u32) -> Vec<u8>) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    opening.extend(frame(4, 0, 0, &[]));
    socket.write_all(&opening).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let send = async {
        for number in 0..50_000 {
            if writer.write_all(&part(number)).await.is_err() {
                return;
            }
        }
    };
    // What is answered must be read, or the flood would stand still by itself.
    let read = async {
        let mut waste = vec![0; 1 << 16];
        while reader.read(&mut waste).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! { () = send => {}, () = read => {} }
}

#[tokio::test]
async fn others_are_served_while_somebody_floods() {
    let served = Served::named("well").await;
    let rig = Rig::healthy(&[served.address]).await;
    let address = rig.address;
    let odd = |number: u32| number * 2 + 1;
    let reset = move |number| {
        let mut bytes = frame(1, 0x5, odd(number), &REQUEST);
        bytes.extend(frame(3, 0, odd(number), &8_u32.to_be_bytes()));
        bytes
    };
    let floods = [
        tokio::spawn(flood(address, reset)),
        tokio::spawn(flood(address, |_| frame(6, 0, 0, &[0; 8]))),
        tokio::spawn(flood(address, |_| frame(4, 0, 0, &[]))),
        tokio::spawn(flood(address, move |number| frame(1, 0x5, odd(number), &REQUEST))),
        // A head that never ends.
        tokio::spawn(flood(address, |number| match number {
            0 => frame(1, 0, 1, &REQUEST),
            _ => frame(9, 0, 1, &[0x40, 1, b'x', 1, b'y'].repeat(1000)),
        })),
        tokio::spawn(flood(address, |_| frame(8, 0, 0, &1_u32.to_be_bytes()))),
    ];
    while floods.iter().any(|flood| !flood.is_finished()) {
        assert_eq!(timeout(SOON, get(address, "/")).await.expect("others are answered"), (200, "well".to_owned()));
    }
    assert_eq!(get(address, "/").await, (200, "well".to_owned()));
}
