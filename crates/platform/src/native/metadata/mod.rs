//! The task metadata endpoint: what a container asks at `$ECS_CONTAINER_METADATA_URI_V4`.
//!
//! One listener per task, on 169.254.170.2:80 *inside* the task's network namespace (a socket keeps
//! the namespace that it was created in), served by the platform's own process.

mod document;
mod stats;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use orchestrator::Handle;
use platform_core::world::Task;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use document::Facts;

/// Where a task asks, from inside (ECS developer guide).
pub(super) const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 170, 2), 80);

/// Returns the variable that tells a container where to ask.
pub(super) fn variable(runtime_id: &str) -> (String, String) {
    ("ECS_CONTAINER_METADATA_URI_V4".to_owned(), format!("http://{}/v4/{runtime_id}", ADDRESS.ip()))
}

/// What every task's endpoint answers from.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) handle: Handle,
    pub(super) runtime: runtime::Runtime,
    /// As `10.77.0.0/16`.
    pub(super) subnet: String,
    pub(super) gateway: String,
}

/// Serves one task's endpoint until the returned task is aborted.
pub(super) fn serve(
    listener: TcpListener,
    source: Source,
    arn: String,
) -> std::io::Result<tokio::task::JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let shared = Arc::new((source, arn));
    Ok(tokio::spawn(async move {
        // Connections end with this task: an open socket would keep the network namespace alive.
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            while connections.try_join_next().is_some() {}
            let shared = shared.clone();
            connections.spawn(async move {
                let service = service_fn(|request| {
                    let shared = shared.clone();
                    async move { Ok::<_, Infallible>(answer(&shared.0, &shared.1, &request)) }
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(TokioTimer::new());
                // A client that hangs up is no news.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }))
}

fn answer<B>(source: &Source, arn: &str, request: &Request<B>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return respond(StatusCode::METHOD_NOT_ALLOWED, &json!({ "message": "only GET is answered here" }));
    }
    let task = source.handle.read(|w| {
        let task = w.tasks.get(arn)?.clone();
        let spec = w.revisions.get(&task.task_definition_arn)?.spec.clone();
        Some((task, spec))
    });
    let Some((task, spec)) = task else {
        return respond(StatusCode::NOT_FOUND, &json!({ "message": "the task is gone" }));
    };
    let path = request.uri().path().trim_matches('/');
    let mut parts = path.splitn(3, '/');
    let (version, id, what) = (parts.next(), parts.next(), parts.next());
    let container = task.containers.iter().find(|c| Some(c.runtime_id.as_str()) == id);
    let (Some("v4"), Some(container)) = (version, container) else {
        return respond(StatusCode::NOT_FOUND, &json!({ "message": format!("no container answers at /{path}") }));
    };
    let facts =
        |tags| Facts { task: &task, spec: &spec, subnet: source.subnet.clone(), gateway: source.gateway.clone(), tags };
    let document = match what {
        None => document::container(&facts(false), container),
        Some("task") => document::task(&facts(false)),
        Some("taskWithTags") => document::task(&facts(true)),
        Some("stats") => stats::container(&source.runtime, &task.id, container),
        Some("task/stats") => all_stats(source, &task),
        Some(other) => {
            return respond(StatusCode::NOT_FOUND, &json!({ "message": format!("no such metadata: {other}") }));
        }
    };
    respond(StatusCode::OK, &document)
}

fn all_stats(source: &Source, task: &Task) -> Value {
    let mut all = serde_json::Map::new();
    for container in &task.containers {
        all.insert(container.runtime_id.clone(), stats::container(&source.runtime, &task.id, container));
    }
    Value::Object(all)
}

fn respond(status: StatusCode, document: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
