//! Answers what a tracing library asks of an agent, and tells what it sent. No I/O.

use serde_json::json;
use small_http::{Request, Response};

use crate::traces::{self, Trace};

/// Lines to print and the answer to send.
pub(crate) struct Taken {
    pub(crate) lines: Vec<String>,
    pub(crate) response: Response,
}

const TRACES: [&str; 3] = ["/v0.3/traces", "/v0.4/traces", "/v0.5/traces"];

pub(crate) fn take(request: &Request) -> Taken {
    let path = request.path();
    match (request.method.as_str(), path) {
        ("GET", "/info") => {
            // Only what is really taken: a library sends what is listed.
            let info = json!({
                "version": env!("CARGO_PKG_VERSION"), "endpoints": TRACES, "client_drop_p0s": false,
                "config": { "statsd_port": 8125 },
            });
            Taken { lines: Vec::new(), response: Response::json(200, info.to_string()) }
        }
        ("PUT" | "POST", _) if TRACES.contains(&path) => take_traces(request, path),
        (method, _) => Taken {
            lines: vec![format!("apm refused method={method} path={path}")],
            response: Response::text(404, "not an endpoint of this agent\n"),
        },
    }
}

fn take_traces(request: &Request, path: &str) -> Taken {
    let read = if path == "/v0.5/traces" { traces::read_table } else { traces::read_maps };
    match read(&request.body) {
        Ok(traces) => {
            let rates = json!({ "rate_by_service": { "service:,env:": 1 } });
            Taken { lines: traces.iter().map(line).collect(), response: Response::json(200, rates.to_string()) }
        }
        Err(why) => Taken {
            lines: vec![format!("trace refused path={path} bytes={} why={why:?}", request.body.len())],
            response: Response::text(400, format!("{why}\n")),
        },
    }
}

/// One line for a trace: its root span and how many spans it has.
fn line(trace: &Trace) -> String {
    let Some(root) = trace.iter().find(|span| span.parent_id == 0).or(trace.first()) else {
        return "trace spans=0".to_owned();
    };
    let errors = trace.iter().filter(|span| span.error).count();
    format!(
        "trace id={:x} service={} name={} resource={:?} spans={} errors={errors} ms={:.3}",
        root.trace_id,
        root.service,
        root.name,
        root.resource,
        trace.len(),
        root.duration_ns as f64 / 1e6,
    )
}
