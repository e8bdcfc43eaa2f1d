//! Connections to a port: one after another for old clients, many at once for the others.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf, copy_bidirectional};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Settings;
use super::work::{Ends, In, Out};
use crate::Duplex;
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
            // Connections end by themselves within the session's bytes.
            let In::Bytes(bytes) = given else { continue };
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
    let Ends { output, mut input, .. } = ends;
    loop {
        let Some(connection) = dial(settings, host, port, reach, &output).await else {
            // The user's end closes its connection, and may try another.
            match until_disconnected(&mut input, None).await {
                true => continue,
                false => return String::new(),
            }
        };
        let (mut reader, writer) = tokio::io::split(connection);
        let read = async {
            read_all(&mut reader, &output).await;
            std::future::pending::<()>().await;
        };
        let goes_on = tokio::select! {
            goes_on = until_disconnected(&mut input, Some(writer)) => goes_on,
            () = read => false,
        };
        if !goes_on {
            return String::new();
        }
    }
}

async fn dial(
    settings: &Settings,
    host: Option<&str>,
    port: u16,
    reach: &dyn Reach,
    output: &mpsc::Sender<Out>,
) -> Option<Box<dyn Duplex>> {
    match reach.dial(&settings.place, host, port).await {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::debug!(%error, port, "a port did not answer");
            let _ = output.send(Out::Flag(Flag::ConnectToPortError)).await;
            None
        }
    }
}

/// Passes input on until the user's end has closed its connection; false when the session ended instead.
async fn until_disconnected(input: &mut mpsc::Receiver<In>, mut writer: Option<WriteHalf<Box<dyn Duplex>>>) -> bool {
    loop {
        match (input.recv().await, &mut writer) {
            (Some(In::Bytes(bytes)), Some(open)) => {
                if open.write_all(&bytes).await.is_err() {
                    writer = None; // what follows has no reader, up to the next connection
                }
            }
            (Some(In::Bytes(_)), None) => {}
            (Some(In::Disconnect), _) => return true,
            (None, _) => return false,
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
