//! Listeners come, go, and fail to come.

use balancer::{Config, Event};
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use crate::support::{Client, Rig, Served, config, get};

#[tokio::test]
async fn a_port_that_is_taken_is_said_clearly_and_had_once_it_is_free() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = holder.local_addr().unwrap();
    let served = Served::named("hello").await;
    let mut rig = Rig::healthy(&[served.address]).await;
    let mut both = config(&[served.address]);
    let mut second = both.listeners[0].clone();
    (second.arn, second.address) = ("second".into(), taken);
    both.listeners.push(second);
    rig.balancer.apply(&both);
    let failed = rig.until(|e| matches!(e, Event::ListenerFailed { .. })).await;
    let error = format!("port {} is already in use by another listener or process", taken.port());
    assert_eq!(failed, Event::ListenerFailed { arn: "second".into(), address: taken, error });
    // The first is not disturbed.
    assert_eq!(get(rig.address, "/").await.1, "hello");
    drop(holder);
    let ready = rig.until(|e| matches!(e, Event::ListenerReady { .. })).await;
    assert_eq!(ready, Event::ListenerReady { arn: "second".into(), address: taken });
    assert_eq!(get(taken, "/").await.1, "hello");
}

#[tokio::test]
async fn telling_the_same_again_disturbs_nothing() {
    let served = Served::named("hello").await;
    let mut rig = Rig::healthy(&[served.address]).await;
    let mut client = Client::connect(rig.address).await;
    for _ in 0..20 {
        rig.balancer.apply(&config(&[served.address]));
        assert_eq!(client.ask("GET", "/", "").await.unwrap().1, "hello");
    }
    assert_eq!(served.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert!(rig.events.try_recv().is_err(), "nothing became different");
}

#[tokio::test]
async fn a_listener_removed_accepts_no_more_and_finishes_what_it_has() {
    let (begun, mut was_begun) = tokio::sync::mpsc::unbounded_channel();
    let (finish, finished) = tokio::sync::watch::channel(false);
    let served = Served::http(move |_| {
        let (begun, mut finished) = (begun.clone(), finished.clone());
        async move {
            begun.send(()).unwrap();
            finished.wait_for(|f| *f).await.unwrap();
            http::Response::new(http_body_util::Full::from("finished"))
        }
    })
    .await;
    let rig = Rig::healthy(&[served.address]).await;
    let address = rig.address;
    let slow = tokio::spawn(async move { get(address, "/slow").await });
    was_begun.recv().await.unwrap();
    rig.balancer.apply(&Config { listeners: Vec::new(), ..config(&[served.address]) });
    // Refused at once or as soon as the accepting task has run.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    finish.send(true).unwrap();
    assert_eq!(slow.await.unwrap(), (200, "finished".into()));
}

#[tokio::test]
async fn the_address_of_a_removed_listener_can_be_had_again_at_once() {
    let served = Served::named("hello").await;
    let mut rig = Rig::healthy(&[served.address]).await;
    let mut moved = config(&[served.address]);
    moved.listeners[0].arn = "other".into();
    moved.listeners[0].address = rig.address;
    rig.balancer.apply(&Config::default());
    rig.balancer.apply(&moved);
    let ready = rig.until(|e| matches!(e, Event::ListenerReady { arn, .. } if arn == "other")).await;
    assert_eq!(ready, Event::ListenerReady { arn: "other".into(), address: rig.address });
}
