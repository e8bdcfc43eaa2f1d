//! Against servers of the test's own, on addresses of the loopback.

use std::net::Ipv4Addr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::*;
use platform_core::names::Data;

fn question(id: u16) -> Vec<u8> {
    question_of(id, "db.example.")
}

fn question_of(id: u16, name: &str) -> Vec<u8> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    message.to_vec().unwrap()
}

fn reply(asked: &[u8], code: ResponseCode, address: Ipv4Addr) -> Vec<u8> {
    let asked = Message::from_vec(asked).unwrap();
    let mut message = Message::error_msg(asked.metadata.id, OpCode::Query, code);
    let query = asked.queries[0].clone();
    if code == ResponseCode::NoError {
        message.add_answer(Record::from_rdata(query.name().clone(), 60, RData::A(A(address))));
    }
    message.add_query(query);
    message.to_vec().unwrap()
}

/// A server on an address of the loopback; `say` answers datagrams. By a connection it always says 192.0.2.53.
async fn server(ip: &str, say: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) {
    let socket = UdpSocket::bind((ip, 53)).await.unwrap();
    let listener = TcpListener::bind((ip, 53)).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2000];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            for wire in say(&buffer[..count]) {
                socket.send_to(&wire, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = receive(&mut stream).await.unwrap();
            let told = reply(&asked, ResponseCode::NoError, Ipv4Addr::new(192, 0, 2, 53));
            send(&mut stream, &told).await.unwrap();
        }
    });
}

/// Answers for `nameserver` lines, and returns where.
async fn forwarder(servers: &str) -> (tempfile::TempDir, SocketAddr) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("resolv.conf");
    let lines: Vec<String> = servers.split(' ').map(|server| format!("nameserver {server}\n")).collect();
    std::fs::write(&file, lines.concat()).unwrap();
    let sockets = Sockets::bind(Ipv4Addr::LOCALHOST, 0).await.unwrap();
    let at = sockets.connections.local_addr().unwrap();
    let balancer = Ipv4Addr::new(10, 9, 9, 9);
    serve(sockets, balancer, file, Known { own: Box::new(own), balancer });
    (dir, at)
}

/// What the platform of these tests knows.
fn own(_: IpAddr, name: &str, kind: RecordKind) -> Resolution {
    let answer =
        |data| Resolution::Records(vec![platform_core::names::Answer { name: name.to_owned(), ttl: 10, data }]);
    match (name, kind) {
        ("api.shop.local.", RecordKind::A) => answer(Data::A(Ipv4Addr::new(10, 9, 9, 8))),
        ("www.shop.local.", _) => answer(Data::Cname("db.example.".to_owned())),
        (name, _) if name.ends_with(".shop.local.") => Resolution::NoSuchName,
        _ => Resolution::NotOurs,
    }
}

async fn asked(at: SocketAddr) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question(77), at).await.unwrap();
    let mut buffer = [0; 2000];
    let count = timeout(Duration::from_secs(9), socket.recv(&mut buffer)).await.expect("it is answered").unwrap();
    told(&buffer[..count])
}

fn told(wire: &[u8]) -> String {
    let message = Message::from_vec(wire).unwrap();
    assert_eq!(message.metadata.id, 77, "the asker's own id");
    match message.answers.first().map(|record| &record.data) {
        Some(RData::A(A(address))) => address.to_string(),
        _ => message.metadata.response_code.to_string(),
    }
}

#[tokio::test]
async fn asks_a_server_on_the_loopback_of_the_host() {
    testhost::needs_root!();
    server("127.9.1.1", |asked| vec![reply(asked, ResponseCode::NoError, Ipv4Addr::new(192, 0, 2, 1))]).await;
    let (_dir, at) = forwarder("127.9.1.1").await;
    assert_eq!(asked(at).await, "192.0.2.1");
    let mut stream = TcpStream::connect(at).await.unwrap();
    for _ in 0..2 {
        send(&mut stream, &question(77)).await.unwrap();
        assert_eq!(told(&receive(&mut stream).await.unwrap()), "192.0.2.53");
    }
}

/// By a datagram and by a connection, the same is said: the addresses, or why there are none.
async fn asked_both_ways(at: SocketAddr, name: &str) -> String {
    let said = |wire: &[u8]| {
        let message = Message::from_vec(wire).unwrap();
        let of = |record: &Record| match &record.data {
            RData::A(A(address)) => Some(address.to_string()),
            _ => None,
        };
        let found: Vec<String> = message.answers.iter().filter_map(of).collect();
        if found.is_empty() { message.metadata.response_code.to_string() } else { found.join(" ") }
    };
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question_of(77, name), at).await.unwrap();
    let mut buffer = [0; 2000];
    let count = timeout(Duration::from_secs(9), socket.recv(&mut buffer)).await.expect("it is answered").unwrap();
    let mut stream = TcpStream::connect(at).await.unwrap();
    send(&mut stream, &question_of(77, name)).await.unwrap();
    let by_connection = said(&receive(&mut stream).await.unwrap());
    assert_eq!(said(&buffer[..count]), by_connection, "{name}");
    by_connection
}

#[tokio::test]
async fn what_the_platform_knows_is_asked_of_nobody_else() {
    let (_dir, at) = forwarder("127.9.4.9").await;
    assert_eq!(asked_both_ways(at, "api.shop.local.").await, "10.9.9.8");
    assert_eq!(asked_both_ways(at, "API.Shop.local.").await, "10.9.9.8");
    assert_eq!(asked_both_ways(at, "gone.shop.local.").await, ResponseCode::NXDomain.to_string());
    // A name that is another's, which others know.
    server("127.9.4.1", |asked| vec![reply(asked, ResponseCode::NoError, Ipv4Addr::new(192, 0, 2, 53))]).await;
    let (_dir, at) = forwarder("127.9.4.1").await;
    assert_eq!(asked_both_ways(at, "www.shop.local.").await, "192.0.2.53");
}

#[tokio::test]
async fn goes_on_to_the_next_server_when_one_is_silent_absent_or_broken() {
    testhost::needs_root!();
    server("127.9.2.1", |_| vec![]).await;
    server("127.9.2.2", |asked| vec![reply(asked, ResponseCode::ServFail, Ipv4Addr::LOCALHOST)]).await;
    server("127.9.2.3", |asked| vec![reply(asked, ResponseCode::NoError, Ipv4Addr::new(192, 0, 2, 3))]).await;
    for servers in ["127.9.2.1 127.9.2.3", "127.9.2.2 127.9.2.3", "127.9.2.9 127.9.2.3"] {
        let (_dir, at) = forwarder(servers).await;
        assert_eq!(asked(at).await, "192.0.2.3", "{servers}");
    }
    let (_dir, at) = forwarder("127.9.2.9 127.9.2.2").await;
    assert_eq!(asked(at).await, ResponseCode::ServFail.to_string());
    let (_dir, at) = forwarder("127.9.2.9").await;
    assert_eq!(asked(at).await, ResponseCode::ServFail.to_string(), "nobody is there");
}

#[tokio::test]
async fn waits_for_the_right_answer_among_forged_ones() {
    testhost::needs_root!();
    server("127.9.3.1", |asked| {
        let mut forged = reply(asked, ResponseCode::NoError, Ipv4Addr::new(203, 0, 113, 66));
        forged[0] ^= 1;
        vec![forged, reply(asked, ResponseCode::NoError, Ipv4Addr::new(192, 0, 2, 4))]
    })
    .await;
    let (_dir, at) = forwarder("127.9.3.1").await;
    assert_eq!(asked(at).await, "192.0.2.4");
}

#[test]
fn no_task_takes_every_turn() {
    let turns = Arc::new(Turns::default());
    let [greedy, other]: [IpAddr; 2] = ["10.0.0.2", "10.0.0.3"].map(|task| task.parse().unwrap());
    let held: Vec<Turn> = (0..PER_TASK).map(|_| turns.take(greedy).unwrap()).collect();
    assert!(turns.take(greedy).is_none());
    assert!(turns.take(other).is_some());
    drop(held);
    assert!(turns.take(greedy).is_some());
    assert!(turns.by_task.lock().is_empty(), "nothing is kept of who left");
}
