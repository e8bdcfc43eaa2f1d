//! Who may connect, and what becomes of a session. Both ends are ours, over pipes; time is the test's.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::*;
use crate::client::{self, Dial, DialError, Dialled, Event};
use crate::reach::{BoxFuture, ReachError, Terminal};
use crate::{Duplex, Size, client_socket, server_socket};

/// A container that sends back what it is sent, and counts its commands.
#[derive(Default, Clone)]
struct Echo {
    running: Arc<AtomicUsize>,
}

struct Command {
    stream: tokio::io::DuplexStream,
    running: Arc<AtomicUsize>,
}

impl Drop for Command {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Reach for Echo {
    fn terminal<'a>(
        &'a self,
        _: &'a SessionTarget,
        _: &'a str,
        _: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        self.running.fetch_add(1, Ordering::SeqCst);
        let mut command = Command { stream: theirs, running: self.running.clone() };
        let ended = async move {
            let (mut reader, mut writer) = tokio::io::split(&mut command.stream);
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            None
        };
        Box::pin(std::future::ready(Ok(Terminal {
            stream: Box::new(ours),
            resize: Box::new(|_| {}),
            ended: Box::pin(ended),
        })))
    }

    fn dial<'a>(
        &'a self,
        _: &'a SessionTarget,
        _: Option<&'a str>,
        _: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::ConnectionRefused.into())))
    }
}

fn request(container: &str) -> Request {
    Request {
        prefix: "ecs-execute-command".to_owned(),
        target: "ecs:main_t_t-1".to_owned(),
        place: SessionTarget { task: "t".to_owned(), container: container.to_owned() },
        work: Work::Terminal { command: "sh".to_owned() },
        document: Some("AmazonECS-ExecuteInteractiveCommand".to_owned()),
        reason: None,
        owner: "arn:aws:iam::123456789012:root".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

struct Bench {
    sessions: Sessions,
    echo: Echo,
    /// Bytes that fit between both ends before one waits for the other.
    pipe: usize,
}

/// Takes the first dial to the session and no other.
struct Once(Option<(WebSocket, String)>);

impl Dial for Once {
    fn dial(&mut self, _: bool) -> BoxFuture<'_, Result<Dialled, DialError>> {
        let dialled = match self.0.take() {
            Some((socket, token)) => Dialled::Connected { socket, token },
            None => Dialled::Over,
        };
        Box::pin(std::future::ready(Ok(dialled)))
    }
}

impl Bench {
    fn new() -> Self {
        let echo = Echo::default();
        Self { sessions: Sessions::new(Arc::new(echo.clone())), echo, pipe: 1 << 16 }
    }

    fn open(&self) -> Opened {
        self.sessions.open(request("app"))
    }

    /// Returns the user's end of a new connection to a session.
    async fn socket(&self, session_id: &str) -> WebSocket {
        let (ours, theirs) = tokio::io::duplex(self.pipe);
        let (sessions, session_id) = (self.sessions.clone(), session_id.to_owned());
        tokio::spawn(async move {
            let socket = server_socket(Box::new(theirs)).await;
            sessions.serve(&session_id, socket).await;
        });
        client_socket(Box::new(ours)).await
    }

    /// Connects with a token and returns what is answered first: a frame, or how it is refused.
    async fn knock(&self, session_id: &str, token: &str) -> (Message, WebSocket) {
        let mut socket = self.socket(session_id).await;
        let opening = Opening { token: token.to_owned(), client_id: "c".into(), client_version: "1.2.764.0".into() };
        socket.send(Message::Text(opening.encode(&[0; 16]).into())).await.unwrap();
        let first = socket.next().await.unwrap().unwrap();
        (first, socket)
    }

    async fn is_admitted(&self, session_id: &str, token: &str) -> bool {
        match self.knock(session_id, token).await.0 {
            Message::Binary(_) => true,
            Message::Close(frame) => {
                let frame = frame.unwrap();
                // Not a word of what was wrong.
                assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Policy, ""));
                false
            }
            other => panic!("{other:?}"),
        }
    }

    /// Begins a session as a user would.
    async fn begin(&self, opened: &Opened) -> client::Session {
        let socket = self.socket(&opened.session_id).await;
        let mut session = client::start(Once(Some((socket, opened.token.clone()))), client::Options::new());
        assert!(matches!(session.events.recv().await, Some(Event::Ready(_))));
        session.input.send(Bytes::from_static(b"ping")).await.unwrap();
        match session.events.recv().await {
            Some(Event::Output(bytes)) => assert_eq!(&bytes[..], b"ping"),
            other => panic!("{other:?}"),
        }
        session
    }

    fn status(&self, session_id: &str) -> Option<Status> {
        self.sessions.list().iter().find(|row| row.session_id == session_id).map(|row| row.status)
    }

    /// Waits until a session is over; the clock runs on its own meanwhile.
    async fn ended(&self, session_id: &str) -> Duration {
        let began = Instant::now();
        while self.status(session_id) != Some(Status::Terminated) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }
}

async fn closed(session: &mut client::Session) -> String {
    match session.events.recv().await {
        Some(Event::Closed(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_told_of_from_its_beginning_to_its_end() {
    let bench = Bench::new();
    let opened = bench.open();
    assert_eq!(bench.status(&opened.session_id), Some(Status::Connecting));
    let mut session = bench.begin(&opened).await;
    assert_eq!(bench.status(&opened.session_id), Some(Status::Connected));
    assert_eq!(bench.echo.running.load(Ordering::SeqCst), 1);
    assert!(bench.sessions.terminate(&opened.session_id));
    assert_eq!(bench.status(&opened.session_id), Some(Status::Terminating));
    assert_eq!(bench.sessions.resume(&opened.session_id), Err(NoSuchSession), "it is told to end");
    assert_eq!(closed(&mut session).await, "");
    bench.ended(&opened.session_id).await;
    assert_eq!(bench.echo.running.load(Ordering::SeqCst), 0, "its command is gone");
    let row = bench.sessions.list().remove(0);
    assert!(row.ended_at.is_some_and(|at| at >= row.started_at), "{row:?}");
    assert!(bench.sessions.terminate(&opened.session_id), "it is known still");
    assert!(!bench.sessions.terminate("nobody"));
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_its_session_once() {
    let bench = Bench::new();
    let (one, other) = (bench.open(), bench.open());
    for wrong in ["", "x", &other.token, &one.token[1..], &format!("{}0", one.token)] {
        assert!(!bench.is_admitted(&one.session_id, wrong).await, "{wrong}");
    }
    assert!(!bench.is_admitted("nobody", &one.token).await);
    // A client that only guesses cannot use it up.
    let (first, _socket) = bench.knock(&one.session_id, &one.token).await;
    assert!(first.is_binary(), "{first:?}");
    assert!(!bench.is_admitted(&one.session_id, &one.token).await, "used");
    assert!(bench.is_admitted(&other.session_id, &other.token).await);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_void_after_a_minute_and_after_a_resume() {
    let echo = Echo::default();
    let times = Times { connect: Duration::from_secs(600), ..Times::default() };
    let bench = Bench { sessions: Sessions::with_times(Arc::new(echo.clone()), times), ..Bench::new() };
    let opened = bench.open();
    tokio::time::advance(TOKEN_LIFE).await;
    assert!(!bench.is_admitted(&opened.session_id, &opened.token).await, "too late");
    let second = bench.sessions.resume(&opened.session_id).unwrap();
    let third = bench.sessions.resume(&opened.session_id).unwrap();
    assert_eq!(second.session_id, opened.session_id);
    assert!(!bench.is_admitted(&opened.session_id, &second.token).await, "an earlier one");
    tokio::time::advance(TOKEN_LIFE - Duration::from_secs(1)).await;
    assert!(bench.is_admitted(&opened.session_id, &third.token).await);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_connect_or_does_not_say_who_he_is_is_not_waited_for() {
    let bench = Bench::new();
    let opened = bench.open();
    let took = bench.ended(&opened.session_id).await;
    assert!(took >= Times::default().connect && took < Times::default().connect * 2, "{took:?}");
    assert!(!bench.is_admitted(&opened.session_id, &opened.token).await);
    assert_eq!(bench.sessions.resume(&opened.session_id), Err(NoSuchSession));

    let began = Instant::now();
    let mut silent = bench.socket(&bench.open().session_id).await;
    assert!(silent.next().await.unwrap().unwrap().is_close());
    assert!(began.elapsed() >= OPENING, "{:?}", began.elapsed());
    let mut other = bench.socket(&bench.open().session_id).await;
    other.send(Message::Binary(Bytes::from_static(b"hello"))).await.unwrap();
    assert!(other.next().await.unwrap().unwrap().is_close());
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_client_is_gone_ends_with_its_command_unless_it_comes_back() {
    let bench = Bench::new();
    let opened = bench.open();
    drop(bench.begin(&opened).await);
    while bench.status(&opened.session_id) != Some(Status::Disconnected) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bench.echo.running.load(Ordering::SeqCst), 1, "it may come back");
    let again = bench.sessions.resume(&opened.session_id).unwrap();
    let (_, socket) = bench.knock(&again.session_id, &again.token).await;
    assert_eq!(bench.status(&opened.session_id), Some(Status::Connected));
    drop(socket);
    let took = bench.ended(&opened.session_id).await;
    assert!(took >= Times::default().resume && took < Times::default().resume * 2, "{took:?}");
    assert_eq!(bench.echo.running.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_containers_end_is_told_to_its_sessions_and_a_tasks_to_all_of_its() {
    let bench = Bench::new();
    let (app, side) = (bench.open(), bench.sessions.open(request("side")));
    let other = bench
        .sessions
        .open(Request { place: SessionTarget { task: "u".into(), container: "app".into() }, ..request("") });
    let (mut in_app, mut in_side) = (bench.begin(&app).await, bench.begin(&side).await);
    let mut in_other = bench.begin(&other).await;
    bench.sessions.end_container(&request("app").place, "container app stopped (exit code 137)");
    assert_eq!(closed(&mut in_app).await, "container app stopped (exit code 137)");
    bench.sessions.end_task("t", "the task stopped");
    assert_eq!(closed(&mut in_side).await, "the task stopped");
    assert_eq!(bench.status(&other.session_id), Some(Status::Connected));
    bench.sessions.end_all("the platform was stopped").await;
    assert_eq!(closed(&mut in_other).await, "the platform was stopped");
    assert_eq!(bench.sessions.list(), []);
    assert_eq!(bench.echo.running.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_words_have_left_when_all_have_ended() {
    // What leaves must be taken at the other end, a little at a time.
    let bench = Bench { pipe: 16, ..Bench::new() };
    let opened = bench.open();
    let (_, mut socket) = bench.knock(&opened.session_id, &opened.token).await;
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ear = heard.clone();
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            ear.lock().unwrap().extend_from_slice(&message.into_data());
        }
    });
    let words = "the platform was stopped, ".repeat(400);
    bench.sessions.end_all(&words).await;
    // The process may end now: nothing that is said later is heard.
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(heard.contains("channel_closed") && heard.contains(&words), "{} bytes", heard.len());
}

#[tokio::test(start_paused = true)]
async fn ended_sessions_are_kept_up_to_a_number_and_open_ones_always() {
    let bench = Bench::new();
    let open = bench.open();
    let mut ids = vec![open.session_id.clone()];
    for _ in 0..HISTORY + 20 {
        let opened = bench.open();
        bench.sessions.terminate(&opened.session_id);
        bench.ended(&opened.session_id).await;
        ids.push(opened.session_id);
    }
    let rows = bench.sessions.list();
    assert_eq!(rows.len(), HISTORY);
    let newest: Vec<&String> = ids[1..].iter().rev().take(HISTORY - 1).chain(&ids[..1]).collect();
    assert_eq!(rows.iter().map(|row| &row.session_id).collect::<Vec<_>>(), newest);
    assert!(bench.is_admitted(&open.session_id, &open.token).await);
}

#[tokio::test(start_paused = true)]
async fn ids_and_tokens_are_never_the_same_and_tokens_are_not_shown() {
    let bench = Bench::new();
    let all: Vec<Opened> = (0..100).map(|_| bench.open()).collect();
    let ids: HashSet<&str> = all.iter().map(|opened| opened.session_id.as_str()).collect();
    let tokens: HashSet<&str> = all.iter().map(|opened| opened.token.as_str()).collect();
    assert_eq!((ids.len(), tokens.len()), (100, 100));
    for opened in &all {
        let tail = opened.session_id.strip_prefix("ecs-execute-command-").unwrap();
        assert!(tail.len() == 17 && tail.bytes().all(|b| b.is_ascii_hexdigit()), "{tail}");
        assert_eq!(opened.token.len(), 64);
        assert!(!format!("{opened:?} {:?} {:?}", bench.sessions, bench.sessions.list()).contains(&opened.token));
    }
}

#[test]
fn tokens_are_the_same_only_when_every_byte_is() {
    for (one, other, same) in
        [("", "", true), ("a", "", false), ("ab", "ab", true), ("ab", "aa", false), ("b", "bb", false)]
    {
        assert_eq!(is_same(one, other), same, "{one} {other}");
    }
}
