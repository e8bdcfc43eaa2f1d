use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn pair() -> (Opener, mpsc::Receiver<Box<dyn Duplex>>) {
    let (a, b) = tokio::io::duplex(4096);
    (opener(Box::new(a), false), acceptor(Box::new(b)))
}

/// Echoes every stream until its end.
fn echo(mut streams: mpsc::Receiver<Box<dyn Duplex>>) {
    tokio::spawn(async move {
        while let Some(stream) = streams.recv().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(stream);
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.shutdown().await;
            });
        }
    });
}

#[tokio::test]
async fn fifty_streams_do_not_mix() {
    let (opener, streams) = pair();
    echo(streams);
    let all = (0..50_u8).map(|n| {
        let opener = opener.clone();
        tokio::spawn(async move {
            let stream = opener.open().await.unwrap();
            let (mut reader, mut writer) = tokio::io::split(stream);
            let sent: Vec<u8> = (0..100_000_u32).map(|i| (i as u8).wrapping_mul(n).wrapping_add(n)).collect();
            let copy = sent.clone();
            let writing = tokio::spawn(async move {
                writer.write_all(&copy).await.unwrap();
                writer.shutdown().await.unwrap();
            });
            let mut got = Vec::new();
            reader.read_to_end(&mut got).await.unwrap();
            writing.await.unwrap();
            assert!(got == sent, "stream {n}");
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn one_direction_ends_without_the_other() {
    let (opener, mut streams) = pair();
    let mut ours = opener.open().await.unwrap();
    let mut theirs = streams.recv().await.unwrap();
    ours.write_all(b"question").await.unwrap();
    ours.shutdown().await.unwrap();
    let mut asked = String::new();
    theirs.read_to_string(&mut asked).await.unwrap();
    assert_eq!(asked, "question");
    theirs.write_all(b"answer").await.unwrap();
    drop(theirs);
    let mut answered = String::new();
    ours.read_to_string(&mut answered).await.unwrap();
    assert_eq!(answered, "answer");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other_within_the_buffer() {
    let (opener, mut streams) = pair();
    let mut silent = opener.open().await.unwrap();
    let _unread = streams.recv().await.unwrap();
    silent.write_all(&vec![1; BUFFERED / 2]).await.unwrap();
    let mut ours = opener.open().await.unwrap();
    let mut theirs = streams.recv().await.unwrap();
    ours.write_all(b"hello").await.unwrap();
    let mut five = [0; 5];
    theirs.read_exact(&mut five).await.unwrap();
    assert_eq!(&five, b"hello");
}

#[tokio::test]
async fn the_end_below_ends_every_stream() {
    let (a, b) = tokio::io::duplex(4096);
    let opener = opener(Box::new(a), false);
    let mut stream = opener.open().await.unwrap();
    drop(b);
    let mut nothing = Vec::new();
    stream.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty());
    while opener.open().await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_all_are_dropped_the_end_below_sees_it() {
    let (a, mut b) = tokio::io::duplex(4096);
    let opener = opener(Box::new(a), false);
    drop(opener.open().await.unwrap());
    drop(opener);
    // The other end closes the stream too.
    let mut buffer = [0; 16];
    b.read_exact(&mut buffer).await.unwrap();
    let mut fin = BytesMut::new();
    Frame::new(Command::Fin, 3, Bytes::new()).encode(&mut fin);
    b.write_all(&fin).await.unwrap();
    let mut rest = Vec::new();
    b.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_read_while_nothing_can_leave() {
    let (a, b) = tokio::io::duplex(4096);
    let opener = opener(Box::new(a), false);
    let (mut reader, mut writer) = tokio::io::split(opener.open().await.unwrap());
    // The other end reads nothing: soon nothing more leaves, and another stream cannot be announced.
    let much = vec![0; 4 << 20];
    tokio::time::timeout(Duration::from_secs(1), writer.write_all(&much)).await.unwrap_err();
    let mut another = tokio::spawn(async move { opener.open().await.map(drop) });
    tokio::time::timeout(Duration::from_secs(1), &mut another).await.unwrap_err();
    let (mut from_us, mut to_us) = tokio::io::split(b);
    let mut frame = BytesMut::new();
    Frame::new(Command::Push, 3, Bytes::from_static(b"hello")).encode(&mut frame);
    to_us.write_all(&frame).await.unwrap();
    let mut five = [0; 5];
    reader.read_exact(&mut five).await.unwrap();
    assert_eq!(&five, b"hello");
    // Once it reads, the stream is opened.
    tokio::spawn(async move { tokio::io::copy(&mut from_us, &mut tokio::io::sink()).await });
    another.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_that_would_give_up_hears_something_in_time() {
    for keeps_alive in [false, true] {
        let (a, mut b) = tokio::io::duplex(4096);
        let _opener = opener(Box::new(a), keeps_alive);
        let mut nop = [0; 8];
        let heard = tokio::time::timeout(Duration::from_secs(29), b.read_exact(&mut nop)).await;
        assert_eq!(heard.is_ok(), keeps_alive);
        assert_eq!(nop, if keeps_alive { [1, 3, 0, 0, 0, 0, 0, 0] } else { [0; 8] });
    }
}
