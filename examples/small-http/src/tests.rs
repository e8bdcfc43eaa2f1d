//! What a client sees, over real sockets on the loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

use crate::{Response, Server, Stopper};

/// Starts a server that answers every request with its method, path and body length.
fn start(
    handler: impl Fn(&crate::Request) -> Response + Send + Sync + 'static,
) -> (u16, Stopper, std::thread::JoinHandle<()>) {
    let server = Server::bind(0).unwrap();
    let (port, stopper) = (server.port().unwrap(), server.stopper().unwrap());
    (port, stopper, std::thread::spawn(move || server.serve(handler)))
}

fn echo(request: &crate::Request) -> Response {
    Response::text(200, format!("{} {} {}", request.method, request.path(), request.body.len()))
}

/// Sends `raw` and returns everything that comes back until the server closes.
fn ask(port: u16, raw: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(raw.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[track_caller]
fn check(raw: &str, status: &str, end: &str) {
    let (port, stopper, thread) = start(echo);
    let answer = ask(port, raw);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.ends_with(end), "{answer}");
    stopper.stop();
    thread.join().unwrap();
}

#[test]
fn frames_bodies_by_length_and_refuses_what_it_cannot_frame() {
    check("GET /a?b=1 HTTP/1.0\r\n\r\n", "200", "GET /a 0");
    check("POST /a HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "200", "POST /a 3");
    check("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "400", "two lengths\n");
    check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411", "Content-Length\n");
    check("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400", "no number\n");
    check("nonsense\r\n\r\n", "400", "request line\n");
    check("HEAD / HTTP/1.0\r\n\r\n", "200", "close\r\n\r\n");
}

#[test]
fn answers_many_requests_on_one_connection() {
    let (port, stopper, thread) = start(echo);
    let answers =
        ask(port, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
    for expected in ["GET /1 0", "GET /2 0", "GET /3 0"] {
        assert!(answers.contains(expected), "{answers}");
    }
    stopper.stop();
    thread.join().unwrap();
}

#[test]
fn stopping_finishes_the_request_in_hand_and_closes_idle_connections() {
    let (entered, has_entered) = mpsc::sync_channel::<()>(1);
    let (release, released) = mpsc::sync_channel::<()>(1);
    let released = std::sync::Mutex::new(released);
    let (port, stopper, thread) = start(move |_| {
        entered.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        Response::text(200, "done")
    });
    let mut idle = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    let client = std::thread::spawn(move || ask(port, "GET / HTTP/1.1\r\n\r\n"));
    has_entered.recv().unwrap();
    stopper.stop();
    let mut nothing = String::new();
    assert_eq!(idle.read_line(&mut nothing).unwrap(), 0, "the idle connection is closed");
    assert!(!thread.is_finished(), "a request is still in hand");
    release.send(()).unwrap();
    assert!(client.join().unwrap().ends_with("done"));
    thread.join().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens any more");
}
