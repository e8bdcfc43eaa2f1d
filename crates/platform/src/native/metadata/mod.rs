//! The task metadata endpoint: what a container asks at `$ECS_CONTAINER_METADATA_URI_V4`, and its agent's at
//! `$ECS_AGENT_URI`; for the gate of a schedule, its credentials and ECS itself.
//!
//! One listener on the tasks' gateway, for all tasks; the firewall sends there what a task sends to
//! 169.254.170.2:80. Nothing listens inside a task, so that its containers find all ports free. A
//! task is known by its address and gets no other task's documents.

pub(super) mod calls;
pub(super) mod credentials;
mod document;
pub(super) mod protection;
mod stats;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use orchestrator::Handle;
use platform_core::world::Task;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use document::Facts;

/// Port on the gateway; the ECS agent's own for such things is next to it.
pub(super) const PORT: u16 = 51_679;

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

/// Serves every task's endpoint for as long as the process lives.
pub(super) fn serve(listener: TcpListener, source: Source) {
    let source = Arc::new(source);
    tokio::spawn(async move {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection to the metadata endpoint");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            };
            let source = source.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let source = source.clone();
                    async move { Ok::<_, Infallible>(answer(&source, &peer.ip().to_string(), request).await) }
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(TokioTimer::new());
                // A client that hangs up is no news.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

async fn answer<B>(source: &Source, address: &str, request: Request<B>) -> Response<Full<Bytes>>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let task = source.handle.read(|w| {
        let task = w.tasks.get(w.task_of_address.get(address)?)?.clone();
        let spec = w.revisions.get(&task.task_definition_arn)?.spec.clone();
        Some((task, spec))
    });
    let Some((task, spec)) = task else {
        return respond(StatusCode::NOT_FOUND, &json!({ "message": "no task has this address" }));
    };
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_matches('/');
    let mut parts = path.splitn(3, '/');
    let (version, id, what) = (parts.next(), parts.next(), parts.next());
    let container = task.containers.iter().find(|c| Some(c.runtime_id.as_str()) == id);
    if let (Some("api"), Some(_), Some("task-protection/v1/state")) = (version, container, what) {
        return protection::answer(&source.handle, &task, &head.method, body).await;
    }
    let may_call = |id: Option<&str>| {
        let state = task.containers.iter().find(|c| Some(c.runtime_id.as_str()) == id)?;
        spec.container(&state.name).filter(|definition| crate::gate::is_gate(definition)).map(|_| state)
    };
    if let (Some("ecs"), Some(_), None, &Method::POST) = (version, may_call(id), what, &head.method) {
        return calls::answer(&source.handle, &task, &head, body).await;
    }
    if let (Some("v2"), Some("credentials"), Some(caller), &Method::GET) = (version, id, may_call(what), &head.method) {
        let role = spec.task_role_arn.as_deref().unwrap_or_default();
        let now = jiff::Timestamp::now();
        return respond(StatusCode::OK, &credentials::document(role, &caller.runtime_id, now));
    }
    if head.method != Method::GET {
        return respond(StatusCode::METHOD_NOT_ALLOWED, &json!({ "message": "only GET is answered here" }));
    }
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
