//! Connections to a port: one after another for old clients, many at once for the others.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Settings;
use super::work::{Ends, Given, Out};
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
    let Ends { output, mut input, .. } = ends;
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
        while let Some(given) = input.recv().await {
            if let Given::Bytes(bytes) = given
                && writer.write_all(&bytes).await.is_err()
            {
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

/// Carries one connection at a time; the user's end says when it is done with one. As amazon-ssm-agent's
/// `port_basic.go`, the first is made at once and each further one with its first bytes.
pub(super) async fn one(settings: &Settings, host: Option<&str>, port: u16, reach: &dyn Reach, ends: Ends) -> String {
    let Ends { output, mut input, .. } = ends;
    let mut first = Bytes::new();
    loop {
        match reach.dial(&settings.place, host, port).await {
            Err(error) => {
                tracing::debug!(%error, port, "a port did not answer");
                if output.send(Out::Flag(Flag::ConnectToPortError)).await.is_err() {
                    return String::new();
                }
                // What follows these bytes has nowhere to go either; without any the next may find it open.
                if !first.is_empty() {
                    while let Some(Given::Bytes(_)) = input.recv().await {}
                }
            }
            Ok(connection) => {
                let (mut reader, mut writer) = tokio::io::split(connection);
                let write = write_until_disconnected(&mut input, &mut writer, first);
                let read = async {
                    read_all(&mut reader, &output).await;
                    std::future::pending::<()>().await;
                };
                // What the port has sent after the user's end is done with it, nobody wants.
                tokio::select! {
                    () = write => {}
                    () = read => {}
                }
            }
        }
        first = loop {
            match input.recv().await {
                Some(Given::Bytes(bytes)) => break bytes,
                Some(Given::Flag(_)) => {}
                None => return String::new(),
            }
        };
    }
}

/// Writes `first` and what is given after it, until the user's end is done with the connection or the session ends.
async fn write_until_disconnected(
    input: &mut mpsc::Receiver<Given>,
    writer: &mut (impl AsyncWriteExt + Unpin),
    first: Bytes,
) {
    let mut is_open = writer.write_all(&first).await.is_ok();
    loop {
        match input.recv().await {
            // To a connection that the port has closed; the user's end sees nothing more come.
            Some(Given::Bytes(bytes)) => is_open = is_open && writer.write_all(&bytes).await.is_ok(),
            Some(Given::Flag(Flag::DisconnectToPort)) | None => break,
            Some(Given::Flag(_)) => {}
        }
    }
    let _ = writer.shutdown().await;
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
