//! The platform's own pages under `/_managr/`: for people, scripts and test suites.

use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::answer::{self, Body};
use crate::contents;
use crate::state::State;

/// Answers `/_managr/PAGE`.
pub(crate) async fn answer(state: &State, method: &Method, page: &str) -> Response<Body> {
    match (page, method) {
        ("health", &Method::GET | &Method::HEAD) => answer::own(StatusCode::OK, &health(state)),
        ("version", &Method::GET) => answer::own(StatusCode::OK, &json!({"version": env!("CARGO_PKG_VERSION")})),
        ("status", &Method::GET) => answer::own(StatusCode::OK, &status(state)),
        ("contents", &Method::GET) => answer::own(StatusCode::OK, &json!(contents::of_state(state))),
        ("reset", &Method::POST) => reset(state).await,
        ("contents" | "health" | "version" | "status", _) => wrong_method("GET"),
        ("reset", _) => wrong_method("POST"),
        _ => {
            let words = format!("there is no page /_managr/{page}; there are contents, health, reset, status, version");
            answer::own(StatusCode::NOT_FOUND, &json!({"message": words}))
        }
    }
}

fn wrong_method(right: &'static str) -> Response<Body> {
    let mut response =
        answer::own(StatusCode::METHOD_NOT_ALLOWED, &json!({"message": format!("use {right} for this page")}));
    response.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static(right));
    response
}

/// `status` is `ok` while the platform answers: those who wait for it must not wait for a disk. What is
/// wrong nevertheless is in `trouble`, a list of sentences.
fn health(state: &State) -> serde_json::Value {
    match state.orchestrator.disk_trouble() {
        Some(words) => json!({"status": "ok", "trouble": [words]}),
        None => json!({"status": "ok"}),
    }
}

fn status(state: &State) -> serde_json::Value {
    let (clusters, services, tasks, definitions) = state
        .orchestrator
        .read(|world| (world.clusters.len(), world.services.len(), world.tasks.len(), world.revisions.len()));
    let trouble: Vec<String> = state.orchestrator.disk_trouble().into_iter().collect();
    json!({
        "status": "ok",
        "notices": (state.notices)(),
        "trouble": trouble,
        "version": env!("CARGO_PKG_VERSION"),
        "account": state.account,
        "engine": state.engine,
        "pid": std::process::id(),
        "uptimeSeconds": state.started.elapsed().as_secs(),
        "clusters": clusters,
        "services": services,
        "tasks": tasks,
        "taskDefinitions": definitions,
        "secrets": state.secrets.count(),
        "parameters": state.parameters.count(),
        "logGroups": state.logs.count(),
        "sessions": state.sessions.as_ref().map_or(0, session::Sessions::open_count),
    })
}

/// Sessions go first, so that their users are told; then tasks and services: what they leave behind must not be written after the rest is gone.
async fn reset(state: &State) -> Response<Body> {
    if let Some(sessions) = &state.sessions {
        sessions.end_all("the platform was reset").await;
    }
    let outcome = async {
        state.orchestrator.reset().await.map_err(|error| error.message)?;
        state.registry.clear().await.map_err(|error| error.to_string())?;
        state.secrets.reset().await.map_err(|error| error.to_string())?;
        state.parameters.reset().await.map_err(|error| error.to_string())?;
        state.logs.reset().await.map_err(|error| error.to_string())?;
        Ok::<(), String>(())
    };
    match outcome.await {
        Ok(()) => answer::own(StatusCode::OK, &json!({"status": "reset"})),
        Err(message) => answer::own(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": message})),
    }
}
