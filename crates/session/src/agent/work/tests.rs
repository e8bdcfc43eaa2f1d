use std::io;
use std::sync::Mutex;

use tokio::io::DuplexStream;

use super::*;
use crate::agent::Times;
use crate::reach::{BoxFuture, ReachError, SessionTarget, Terminal};
use crate::{Duplex, Size};

/// Hands out what a test has put there.
#[derive(Default)]
struct Prepared {
    streams: Mutex<Vec<DuplexStream>>,
}

impl Reach for Prepared {
    fn terminal<'a>(
        &'a self,
        _place: &'a SessionTarget,
        _command: &'a str,
        _size: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        let stream = self.streams.lock().unwrap().pop().unwrap();
        // The command has ended already; its output is in the terminal.
        let ended = Box::pin(async { Some(0) });
        Box::pin(async { Ok(Terminal { stream: Box::new(stream), resize: Box::new(|_| {}), ended }) })
    }

    fn dial<'a>(
        &'a self,
        _place: &'a SessionTarget,
        _host: Option<&'a str>,
        _port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn Duplex>>> {
        let stream = self.streams.lock().unwrap().pop();
        Box::pin(async {
            stream.map(|s| Box::new(s) as Box<dyn Duplex>).ok_or(io::ErrorKind::ConnectionRefused.into())
        })
    }
}

fn settings(work: Work) -> Settings {
    let place = SessionTarget { task: "t".into(), container: "web".into() };
    Settings { session_id: "s".into(), place, work, times: Times::default() }
}

fn port() -> Settings {
    settings(Work::Port { host: None, port: 7, local_port: None })
}

async fn all_of(mut stream: DuplexStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    all
}

fn bytes(text: &'static str) -> In {
    In::Bytes(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn each_connection_gets_its_own_bytes_and_all_of_them() {
    let ((first, a), (second, b)) = (tokio::io::duplex(4), tokio::io::duplex(4));
    let reach = Arc::new(Prepared { streams: Mutex::new(vec![b, a]) });
    let work = start(&port(), reach, Size::USUAL, false);
    // All of it is there before the work looks for the first time, and more than a connection takes at once.
    for given in [bytes("the first's bytes"), In::Disconnect, bytes("the second's")] {
        work.input.send(given).await.unwrap();
    }
    assert_eq!(all_of(first).await, b"the first's bytes");
    work.input.send(In::Disconnect).await.unwrap();
    assert_eq!(all_of(second).await, b"the second's");
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_means_nothing_on_a_terminal_stops_no_input() {
    let (mut inside, master) = tokio::io::duplex(64);
    let reach = Arc::new(Prepared { streams: Mutex::new(vec![master]) });
    let work = start(&settings(Work::Terminal { command: "x".into() }), reach, Size::USUAL, false);
    for given in [In::Disconnect, bytes("hello")] {
        work.input.send(given).await.unwrap();
    }
    let mut five = [0; 5];
    inside.read_exact(&mut five).await.unwrap();
    assert_eq!(&five, b"hello");
}

#[tokio::test(start_paused = true)]
async fn the_last_output_waits_for_a_slow_user() {
    const LENGTH: usize = 200_000;
    let (mut inside, master) = tokio::io::duplex(LENGTH);
    inside.write_all(&[7; LENGTH]).await.unwrap();
    let reach = Arc::new(Prepared { streams: Mutex::new(vec![master]) });
    let mut work = start(&settings(Work::Terminal { command: "x".into() }), reach, Size::USUAL, false);
    tokio::time::sleep(LAST_WORDS * 10).await;
    let mut length = 0;
    while let Some(Out::Bytes(piece)) = work.output.recv().await {
        length += piece.len();
    }
    assert_eq!(length, LENGTH);
    drop(inside); // until here the terminal was open: silence after the command's end was what ended it
}
