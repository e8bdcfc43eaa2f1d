//! The task's own scale-in protection: what a container sets and asks at `$ECS_AGENT_URI/task-protection/v1/state`.
//!
//! Answers have the form of the agent's (amazon-ecs-agent, `tmds/handlers/taskprotection`). The agent calls ECS with the
//! task's role; here nothing asks for a role.

use aws_model::{AwsError, Document};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use orchestrator::{CallCx, Handle};
use platform_core::ecs;
use platform_core::world::Task;
use serde::Deserialize;
use serde_json::{Value, json};

/// A request has two short members.
const MOST_BYTES: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Asked {
    protection_enabled: Option<bool>,
    expires_in_minutes: Option<i64>,
}

/// Returns the variable that tells a container where its agent is.
pub(in crate::native) fn variable(runtime_id: &str) -> (String, String) {
    ("ECS_AGENT_URI".to_owned(), format!("http://{}/api/{runtime_id}", super::ADDRESS.ip()))
}

/// Answers a call for a task.
pub(super) async fn answer<B>(handle: &Handle, task: &Task, method: &Method, body: B) -> Response<Full<Bytes>>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let region = task.arn.split(':').nth(3).unwrap_or_default().to_owned();
    let cx = CallCx { region, access_key: String::new() };
    let mut input = Document::new();
    input.insert("cluster".into(), task.cluster_arn.clone().into());
    input.insert("tasks".into(), json!([task.arn]));
    let answered = match *method {
        Method::GET => handle.answer(&cx, |world, cx| ecs::task_protection(world, cx, &input)),
        Method::PUT => match read(body).await {
            Ok((enabled, minutes)) => {
                input.insert("protectionEnabled".into(), enabled.into());
                input.extend(minutes.map(|minutes| ("expiresInMinutes".to_owned(), minutes.into())));
                handle.write(cx, |world, cx| ecs::update_task_protection(world, cx, input)).await
            }
            Err(words) => Err(AwsError::invalid_parameter(words)),
        },
        _ => {
            return super::respond(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({ "message": "only GET and PUT are answered" }),
            );
        }
    };
    match answered {
        Ok(reply) => super::respond(StatusCode::OK, &document(&reply)),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let words = json!({ "Arn": task.arn, "Code": error.code, "Message": error.message });
            super::respond(status, &json!({ "error": words }))
        }
    }
}

async fn read<B>(body: B) -> Result<(bool, Option<i64>), &'static str>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    const UNREADABLE: &str = "UpdateTaskProtection: failed to decode request";
    let bytes = Limited::new(Box::pin(body), MOST_BYTES).collect().await.map_err(|_| UNREADABLE)?.to_bytes();
    let asked: Asked = serde_json::from_slice(&bytes).map_err(|_| UNREADABLE)?;
    let enabled = asked.protection_enabled.ok_or("Invalid request: does not contain 'ProtectionEnabled' field")?;
    Ok((enabled, asked.expires_in_minutes))
}

/// Returns ECS's answer about one task as the agent writes it.
fn document(reply: &Value) -> Value {
    if let Some(failure) = reply["failures"].get(0) {
        return json!({ "failure": { "Arn": failure["arn"], "Detail": failure["detail"], "Reason": failure["reason"] } });
    }
    let protected = &reply["protectedTasks"][0];
    let until = protected["expirationDate"].as_f64().and_then(|s| jiff::Timestamp::from_second(s as i64).ok());
    json!({ "protection": {
        "ExpirationDate": until.map(|at| at.to_string()),
        "ProtectionEnabled": protected["protectionEnabled"],
        "TaskArn": protected["taskArn"],
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_agents() {
        let reply = json!({ "protectedTasks": [{ "taskArn": "t", "protectionEnabled": true, "expirationDate": 1_665_023_356.5 }],
            "failures": [] });
        assert_eq!(
            document(&reply),
            json!({ "protection": { "ExpirationDate": "2022-10-06T02:29:16Z", "ProtectionEnabled": true, "TaskArn": "t" } })
        );
        let reply = json!({ "protectedTasks": [], "failures": [{ "arn": "t", "reason": "TASK_NOT_VALID" }] });
        assert_eq!(document(&reply), json!({ "failure": { "Arn": "t", "Detail": null, "Reason": "TASK_NOT_VALID" } }));
    }

    #[tokio::test]
    async fn a_request_says_what_it_wants_and_nothing_else() {
        let check = async |body: &str| read(Full::<Bytes>::from(body.to_owned())).await.map_err(|e| e.len() > 10);
        assert_eq!(check(r#"{"ProtectionEnabled":true,"ExpiresInMinutes":60}"#).await, Ok((true, Some(60))));
        assert_eq!(check(r#"{"ProtectionEnabled":false}"#).await, Ok((false, None)));
        for bad in
            ["", "{}", r#"{"ProtectionEnabled":"yes"}"#, r#"{"ProtectionEnabled":true,"More":1}"#, &"x".repeat(5000)]
        {
            assert_eq!(check(bad).await, Err(true), "{bad}");
        }
    }
}
