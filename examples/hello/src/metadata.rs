//! Asks the task metadata endpoint which task this is. Never fails a page: no answer is an answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the task's id, asked for once; `None` where there is no endpoint or it does not answer.
pub(crate) fn task_id() -> Option<&'static str> {
    static KNOWN: OnceLock<String> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Some(known);
    }
    let found = ask(&std::env::var("ECS_CONTAINER_METADATA_URI_V4").ok()?)?;
    Some(KNOWN.get_or_init(|| found))
}

fn ask(base: &str) -> Option<String> {
    let (host, path) = base.strip_prefix("http://")?.split_once('/')?;
    // The endpoint is always named by address, so nothing here needs a resolver.
    let address: SocketAddr = host.parse().or_else(|_| format!("{host}:80").parse()).ok()?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET /{path}/task HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.take(1 << 20).read_to_string(&mut answer).ok()?;
    id_in(&answer)
}

/// Returns the last part of the first `TaskARN` in an answer.
fn id_in(answer: &str) -> Option<String> {
    let (_, after) = answer.split_once("\"TaskARN\"")?;
    let arn = after.split('"').nth(1)?;
    arn.rsplit('/').next().filter(|id| !id.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::id_in;

    #[test]
    fn the_id_is_the_last_part_of_the_task_arn() {
        let answer =
            "HTTP/1.1 200 OK\r\n\r\n{\"Cluster\": \"c\", \"TaskARN\" : \"arn:aws:ecs:us-east-1:1:task/c/abc123\"}";
        assert_eq!(id_in(answer).as_deref(), Some("abc123"));
        assert_eq!(id_in("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
