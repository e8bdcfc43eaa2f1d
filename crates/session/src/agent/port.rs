//! Connections to a port: one after another for old clients, many at once for the others.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Settings;
use super::work::{Control, Ends, Out};
use crate::exchange::CHUNK;
use crate::reach::Reach;
use crate::smux;
use crate::wire::payload::Flag;

const PIPE: usize = 64 << 10;

/// Carries many connections over the session's bytes.
pub(super) async fn many(
    settings: &Settings,
    host: &Option<String>,
    port: u16,
    reach: Arc<dyn Reach>,
    ends: Ends,
) -> String {
    let Ends { output, mut input, control: _control } = ends;
    let (above, below) = tokio::io::duplex(PIPE);
    let mut streams = smux::acceptor(Box::new(above));
    let (mut reader, mut writer) = tokio::io::split(below);
    let mut connections = JoinSet::new();
    let accept = async {
        while let Some(mut stream) = streams.recv().await {
            let (reach, place, host, output) = (reach.clone(), settings.place.clone(), host.clone(), output.clone());
            connections.spawn(async move {
                match reach.dial(&place, host.as_deref(), port).await {
                    Ok(mut connection) => drop(copy_bidirectional(&mut stream, &mut connection).await),
                    Err(error) => {
                        tracing::debug!(%error, port, "a port did not answer");
                        let _ = output.send(Out::Flag(Flag::ConnectToPortError)).await;
                    }
                }
            });
            while connections.try_join_next().is_some() {}
        }
    };
    let write = async {
        while let Some(bytes) = input.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    let read = read_all(&mut reader, &output);
    // Each ends only with the session or with bytes that are not smux: then it is over.
    tokio::select! {
        () = accept => {}
        () = write => {}
        () = read => {}
    }
    String::new()
}

/// Carries one connection at a time; the user's end says when it is done with one.
pub(super) async fn one(settings: &Settings, host: Option<&str>, port: u16, reach: &dyn Reach, ends: Ends) -> String {
    let Ends { output, mut input, mut control } = ends;
    loop {
        match reach.dial(&settings.place, host, port).await {
            Err(error) => {
                tracing::debug!(%error, port, "a port did not answer");
                if output.send(Out::Flag(Flag::ConnectToPortError)).await.is_err() {
                    return String::new();
                }
                if !until_disconnected(&mut control).await {
                    return String::new();
                }
            }
            Ok(connection) => {
                let (mut reader, mut writer) = tokio::io::split(connection);
                let write = async {
                    while let Some(bytes) = input.recv().await {
                        if writer.write_all(&bytes).await.is_err() {
                            break;
                        }
                    }
                    std::future::pending::<()>().await;
                };
                let read = async {
                    read_all(&mut reader, &output).await;
                    std::future::pending::<()>().await;
                };
                let goes_on = tokio::select! {
                    goes_on = until_disconnected(&mut control) => goes_on,
                    () = write => false,
                    () = read => false,
                };
                if !goes_on {
                    return String::new();
                }
            }
        }
        // What was still under way for the last connection must not reach the next.
        while input.try_recv().is_ok() {}
    }
}

/// Waits until the user's end has closed its connection; false when the session ended instead.
async fn until_disconnected(control: &mut mpsc::UnboundedReceiver<Control>) -> bool {
    loop {
        match control.recv().await {
            Some(Control::Flag(Flag::DisconnectToPort)) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

async fn read_all(reader: &mut (impl AsyncReadExt + Unpin), output: &mpsc::Sender<Out>) {
    let mut buffer = BytesMut::with_capacity(PIPE);
    loop {
        buffer.reserve(CHUNK);
        match (&mut *reader).take(CHUNK as u64).read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if output.send(Out::Bytes(buffer.split().freeze())).await.is_err() {
            return;
        }
    }
}
