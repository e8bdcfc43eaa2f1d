//! The platform's own pages under `/_managr/`: for people, scripts and test suites.

use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::answer::{self, Body};
use crate::clock;
use crate::contents;
use crate::state::{Notice, State};

/// Returns how many bytes of a request's body a page reads; none reads none.
pub(crate) fn reads(method: &Method, page: &str) -> Option<usize> {
    (page == "clock" && method == Method::POST).then_some(clock::LARGEST)
}

/// Answers `/_managr/PAGE`; `body` is what it [`reads`].
pub(crate) async fn answer(state: &State, method: &Method, page: &str, body: &[u8]) -> Response<Body> {
    match (page, method) {
        ("health", &Method::GET | &Method::HEAD) => answer::own(StatusCode::OK, &health(state)),
        ("version", &Method::GET) => answer::own(StatusCode::OK, &json!({"version": env!("CARGO_PKG_VERSION")})),
        ("status", &Method::GET) => answer::own(StatusCode::OK, &status(state)),
        ("contents", &Method::GET) => answer::own(StatusCode::OK, &json!(contents::of_state(state))),
        ("schedules", &Method::GET) => {
            let now = state.orchestrator.now();
            let told = state.orchestrator.read(|world| platform_core::events::told::all(world, &state.account, now));
            answer::own(StatusCode::OK, &told)
        }
        ("clock", &Method::GET) => answer::own(StatusCode::OK, &clock::show(&state.orchestrator)),
        ("clock", &Method::POST) => clock::advance(&state.orchestrator, &state.metrics, body).await,
        ("reset", &Method::POST) => reset(state).await,
        ("clock", _) => wrong_method("GET, POST"),
        ("contents" | "health" | "schedules" | "version" | "status", _) => wrong_method("GET"),
        ("reset", _) => wrong_method("POST"),
        _ => {
            let words = format!(
                "there is no page /_managr/{page}; there are clock, contents, health, reset, schedules, status, version"
            );
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

/// `status` is `ok` while the platform answers: a client that waits for it must not wait for a disk. The page
/// reports a full disk too, since it is open to every user; other notices need permission to see the status.
fn health(state: &State) -> serde_json::Value {
    match of_disk(state) {
        Some(notice) => json!({"status": "ok", "notices": [notice]}),
        None => json!({"status": "ok"}),
    }
}

/// What the operator has to know of the disk. Nothing here frees space: only the operator knows whose files they are.
fn of_disk(state: &State) -> Option<Notice> {
    state.orchestrator.disk_trouble().map(|text| Notice { text, remedy: Vec::new() })
}

fn status(state: &State) -> serde_json::Value {
    let (clusters, services, tasks, definitions) = state
        .orchestrator
        .read(|world| (world.clusters.len(), world.services.len(), world.tasks.len(), world.revisions.len()));
    let notices: Vec<Notice> = of_disk(state).into_iter().chain((state.notices)()).collect();
    json!({
        "status": "ok",
        "notices": notices,
        "version": env!("CARGO_PKG_VERSION"),
        "account": state.account,
        "engine": state.engine,
        "iamEnforcement": platform_core::iam::ENFORCEMENT,
        "pid": std::process::id(),
        "uptimeSeconds": state.started.elapsed().as_secs(),
        "clusters": clusters,
        "services": services,
        "tasks": tasks,
        "taskDefinitions": definitions,
        "secrets": state.secrets.count(),
        "parameters": state.parameters.count(),
        "logGroups": state.logs.count(),
        "metrics": state.metrics.count(),
        "sessions": state.sessions.as_ref().map_or(0, session::Sessions::open_count),
    })
}

/// Sessions go first, so that their users hear of it; then tasks and services: what they leave behind must not be
/// written after the rest is gone.
async fn reset(state: &State) -> Response<Body> {
    if let Some(sessions) = &state.sessions {
        sessions.end_all("the platform was reset").await;
    }
    let outcome = async {
        state.orchestrator.reset().await.map_err(|error| error.message)?;
        state.registry.clear().await.map_err(|error| error.to_string())?;
        state.secrets.reset().await.map_err(|error| error.to_string())?;
        state.kms.reset().await.map_err(|error| error.to_string())?;
        state.parameters.reset().await.map_err(|error| error.to_string())?;
        state.logs.reset().await.map_err(|error| error.to_string())?;
        state.metrics.reset().await.map_err(|error| error.to_string())?;
        Ok::<(), String>(())
    };
    match outcome.await {
        Ok(()) => answer::own(StatusCode::OK, &json!({"status": "reset"})),
        Err(message) => answer::own(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": message})),
    }
}
