//! The user's end against the container's, on a wire in good and in bad weather.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use session::agent::Work;
use session::client::{Event, Forward};
use session::sessions::Status;
use session::{Size, wire::payload::Flag};
use support::relay::Weather;
use support::{World, byte, greeted, output, take};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn is_as_written(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, got)| *got == byte(at))
}

#[tokio::test]
async fn a_command_is_greeted_answers_and_ends() {
    let world = World::new();
    let mut session = world.terminal("yes 5000", Weather::fair());
    session.input.resize(Size { cols: 101, rows: 33 }).await.unwrap();
    assert_eq!(greeted(&mut session).await.session_type, "InteractiveCommands");
    let (bytes, end) = output(&mut session).await;
    assert!(bytes.len() == 5000 && is_as_written(&bytes));
    assert!(matches!(&end, Some(Event::Closed(words)) if words.is_empty()), "{end:?}");
    assert_eq!(*world.inside.sizes.lock().unwrap(), [Size { cols: 101, rows: 33 }], "it began with the right size");
    assert_eq!(world.sessions.list()[0].status, Status::Terminated);
    assert_eq!(world.inside.alive(), 0);
}

#[tokio::test]
async fn what_cannot_be_started_is_said_as_agents_say_it() {
    let world = World::new();
    let mut session = world.terminal("bash", Weather::fair());
    greeted(&mut session).await;
    let (_, end) = output(&mut session).await;
    let Some(Event::Closed(words)) = end else { panic!("{end:?}") };
    assert!(words.contains("----------ERROR-------\nUnable to start command: exec:"), "{words}");
}

#[tokio::test]
async fn input_comes_back_and_the_window_changes() {
    let world = World::new();
    let mut session = world.terminal("cat", Weather::fair());
    greeted(&mut session).await;
    session.input.send(Bytes::from_static(b"\n")).await.unwrap();
    assert_eq!(take(&mut session, 1).await, b"\n", "the channel changes nothing");
    session.input.resize(Size { cols: 1, rows: 2 }).await.unwrap();
    session.input.send(Bytes::from_static(b"x")).await.unwrap();
    take(&mut session, 1).await;
    while world.inside.sizes.lock().unwrap().last() != Some(&Size { cols: 1, rows: 2 }) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_last_acknowledgement() {
    let world = World::new();
    let mut session = world.terminal("yes 5000", Weather::fair());
    session.input.resize(Size { cols: 80, rows: 24 }).await.unwrap();
    greeted(&mut session).await;
    let began = tokio::time::Instant::now();
    assert_eq!(output(&mut session).await.0.len(), 5000);
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
}

/// The clock advances only while both ends are idle: an end that spins would stop it.
#[tokio::test(start_paused = true)]
async fn an_idle_session_sleeps_and_is_kept_alive() {
    let world = World::new();
    let mut session = world.terminal("cat", Weather::fair());
    greeted(&mut session).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    session.input.send(Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(session.events.recv().await, Some(Event::Output(bytes)) if &bytes[..] == b"x"), "not interrupted");
}

#[tokio::test]
async fn an_end_from_outside_is_told() {
    let world = World::new();
    let mut session = world.terminal("cat", Weather::fair());
    greeted(&mut session).await;
    world.sessions.end_task("t", "the container stopped");
    let (_, end) = output(&mut session).await;
    assert!(matches!(&end, Some(Event::Closed(words)) if words == "the container stopped"), "{end:?}");
    world.sessions.end_all("").await;
    assert_eq!(world.inside.alive(), 0);
    assert!(world.sessions.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_user_that_vanished_is_waited_for_and_then_the_processes_go() {
    let world = World::new();
    let mut session = world.terminal("cat", Weather::fair());
    greeted(&mut session).await;
    session.input.send(Bytes::from_static(b"x")).await.unwrap();
    take(&mut session, 1).await;
    drop(session);
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert_eq!((world.sessions.list()[0].status, world.inside.alive()), (Status::Disconnected, 1));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((world.sessions.list()[0].status, world.inside.alive()), (Status::Terminated, 0));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_connects_to_ends() {
    let world = World::new();
    let opened = world.sessions.open(World::request(Work::Terminal { command: "cat".into() }));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(world.sessions.list()[0].status, Status::Terminated);
    assert!(world.sessions.resume(&opened.session_id).is_err());
}

#[tokio::test]
async fn a_consumer_that_does_not_read_slows_the_container_down_and_loses_nothing() {
    let world = World::new();
    let mut session = world.terminal("yes 3000000", Weather::fair());
    greeted(&mut session).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.inside.alive(), 1, "three megabytes fit into no window");
    let (bytes, _) = output(&mut session).await;
    assert!(bytes.len() == 3_000_000 && is_as_written(&bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_each_way_arrive_through_bad_weather() {
    let world = World::new();
    let weather = Weather { cut_after: Some(5000), ..Weather::bad(42) };
    let mut session = world.terminal("cat", weather.clone());
    greeted(&mut session).await;
    const COUNT: usize = 10 << 20;
    let input = session.input.clone();
    let sending = tokio::spawn(async move {
        for start in (0..COUNT).step_by(8192) {
            let piece: Vec<u8> = (start..start + 8192).map(byte).collect();
            input.send(piece.into()).await.unwrap();
        }
    });
    let bytes = take(&mut session, COUNT).await;
    sending.await.unwrap();
    assert!(bytes.len() == COUNT && is_as_written(&bytes));
    assert!(weather.cuts.load(Ordering::SeqCst) > 0, "the connection was cut");
}

fn port(port: u16) -> Work {
    Work::Port { host: None, port, local_port: Some("1".into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_connections_share_a_session_in_bad_weather() {
    let world = World::new();
    let mut session = world.connect(port(7), Weather { cut_after: Some(3000), ..Weather::bad(7) });
    let greeting = greeted(&mut session).await;
    assert!(greeting.is_multiplexed());
    let forward = Forward::over(session, &greeting);
    let all = (0..50_usize).map(|n| {
        let forward = forward.clone();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(forward.connect().await.unwrap());
            let sent: Vec<u8> = (0..20_000).map(|at| byte(at * 50 + n)).collect();
            let copy = sent.clone();
            tokio::spawn(async move {
                writer.write_all(&copy).await.unwrap();
                writer.shutdown().await.unwrap();
            });
            let mut got = Vec::new();
            reader.read_to_end(&mut got).await.unwrap();
            assert!(got == sent, "connection {n}");
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_port_that_does_not_answer_ends_its_connection_only() {
    let world = World::new();
    let mut session = world.connect(port(9), Weather::fair());
    let greeting = greeted(&mut session).await;
    let forward = Forward::over(session, &greeting);
    for refused in 1..=2 {
        let mut connection = forward.connect().await.unwrap();
        let mut nothing = Vec::new();
        connection.read_to_end(&mut nothing).await.unwrap();
        let mut news = forward.news();
        news.wait_for(|news| news.refused == refused).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_of_old_uses_a_port_one_connection_after_another() {
    let world = World::new();
    let opened = world.sessions.open(World::request(port(7)));
    let options = session::client::Options { client_version: "1.1.0.0".into(), ..Default::default() };
    let mut session = support::dial(&world, opened, options);
    let mut greeting = greeted(&mut session).await;
    greeting.agent_version = "2.0.0.0".into(); // then the client does not multiplex either
    let forward = Forward::over(session, &greeting);
    for word in [&b"first"[..], b"second"] {
        let mut connection = forward.connect().await.unwrap();
        connection.write_all(word).await.unwrap();
        let mut got = vec![0; word.len()];
        connection.read_exact(&mut got).await.unwrap();
        assert_eq!(got, word);
    }
}

#[tokio::test]
async fn a_flag_ends_a_session() {
    let world = World::new();
    let mut session = world.terminal("cat", Weather::fair());
    greeted(&mut session).await;
    session.input.flag(Flag::TerminateSession).await.unwrap();
    assert!(matches!(output(&mut session).await.1, Some(Event::Closed(_))));
}

// A cut comes after more messages than are sent again after one, and acknowledged: else nothing ever arrives.
proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_arrives_whatever_the_weather(seed: u64, lost in 0_u64..15, doubled in 0_u64..15, late in 0_u64..15, cut in 250_u64..600) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let weather = Weather { lost, doubled, late, cut_after: Some(cut), seed, ..Weather::default() };
            let mut session = world.terminal("yes 100000", weather);
            greeted(&mut session).await;
            let all = tokio::time::timeout(Duration::from_secs(600), output(&mut session));
            let (bytes, end) = all.await.expect("it comes to an end");
            assert!(bytes.len() == 100_000 && is_as_written(&bytes), "{} bytes, then {end:?}", bytes.len());
        });
    }
}
