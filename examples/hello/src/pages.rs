//! Chooses the answer to a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use small_http::{Request, Response, Stopper};

use crate::metadata;
use crate::settings::Settings;

/// Longest pause that `/slow` takes, so that nobody parks a thread for a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

pub(crate) struct Pages {
    pub(crate) settings: Settings,
    pub(crate) stopper: Stopper,
    pub(crate) exit_code: Arc<AtomicU8>,
}

impl Pages {
    pub(crate) fn answer(&self, request: &Request) -> Response {
        match request.path() {
            "/" => {
                let task = metadata::task_id().unwrap_or("none (no task metadata endpoint)");
                Response::text(200, format!("{} from hello\ntask {task}\n", self.settings.greeting))
            }
            "/health" if self.settings.unhealthy => Response::text(503, "UNHEALTHY is set\n"),
            "/health" => Response::text(200, "ok\n"),
            "/slow" => match request.query("ms").unwrap_or("1000").parse().map(Duration::from_millis) {
                Ok(pause) if pause <= LONGEST_PAUSE => {
                    std::thread::sleep(pause);
                    Response::text(200, format!("waited {} ms\n", pause.as_millis()))
                }
                _ => Response::text(400, "ms is a number up to 600000\n"),
            },
            "/exit" => match request.query("code").unwrap_or("0").parse() {
                Ok(code) => {
                    self.exit_code.store(code, Ordering::SeqCst);
                    self.stopper.stop();
                    Response::text(200, format!("exiting with {code}\n"))
                }
                Err(_) => Response::text(400, "code is a number from 0 to 255\n"),
            },
            "/env-names" => {
                let mut names: Vec<_> =
                    std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned() + "\n").collect();
                names.sort();
                Response::text(200, names.concat())
            }
            _ => Response::text(404, "no such page\n"),
        }
    }
}
