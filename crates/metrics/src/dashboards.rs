//! Dashboards: documents of widgets, the same in every region.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Batch, Store, StoreError};

use crate::Metrics;
use crate::error::MetricsError;

/// The table of dashboards in the store.
const TABLE: &str = "metrics.dashboards";
/// Characters of a body: widgets of 500 metrics have room.
const LONGEST: usize = 1 << 20;
/// Widgets of a dashboard (CloudWatch quotas).
const WIDGETS: usize = 500;
/// Kinds of widgets (API reference, "Dashboard Body Structure and Syntax").
const KINDS: [&str; 8] = ["metric", "text", "log", "alarm", "explorer", "custom", "trace", "alarm-recommendation"];

/// A dashboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dashboard {
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) modified: Millis,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// Dashboards by name.
pub(crate) type Dashboards = BTreeMap<String, Dashboard>;

pub(crate) fn load(store: &Store) -> Result<Dashboards, StoreError> {
    // A row that cannot be read is another version's; it must not keep the platform from starting.
    let rows = store.load(TABLE)?.into_iter();
    Ok(rows.filter_map(|(name, body)| Some((name, serde_json::from_slice(&body).ok()?))).collect())
}

/// What is wrong with a body: where, and in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: String,
    pub(crate) words: String,
}

/// Returns what is wrong with the body of a dashboard. Pure.
pub(crate) fn faults(body: &str) -> Vec<Fault> {
    let fault = |path: &str, words: &str| Fault { path: path.to_owned(), words: words.to_owned() };
    if body.len() > LONGEST {
        return vec![fault("/", "The dashboard body is too long")];
    }
    let Ok(parsed) = serde_json::from_str::<Value>(body) else {
        return vec![fault("/", "The field DashboardBody must be a valid JSON object")];
    };
    let Some(widgets) = parsed.get("widgets") else {
        return vec![fault("/", "Should have required property 'widgets'")];
    };
    let Some(widgets) = widgets.as_array() else { return vec![fault("/widgets", "Should be array")] };
    if widgets.len() > WIDGETS {
        return vec![fault("/widgets", "Should NOT have more than 500 items")];
    }
    let mut found = Vec::new();
    for (number, widget) in widgets.iter().enumerate() {
        let place = format!("/widgets/{number}");
        let mut add = |path: String, words: &str| found.push(Fault { path, words: words.to_owned() });
        let Some(widget) = widget.as_object() else {
            add(place, "Should be object");
            continue;
        };
        match widget.get("type").map(Value::as_str) {
            Some(Some(kind)) if KINDS.contains(&kind) => {}
            Some(_) => add(format!("{place}/type"), "Should be equal to one of the allowed values"),
            None => add(place.clone(), "Should have required property 'type'"),
        }
        if !widget.get("properties").is_some_and(Value::is_object) {
            add(place.clone(), "Should have required property 'properties'");
        }
        // The grid has 24 columns; a widget is 1 to 24 wide and 1 to 1000 high.
        for (name, least, most) in [("x", 0, 23), ("y", 0, 99_999), ("width", 1, 24), ("height", 1, 1000)] {
            let is_within = |value: &Value| value.as_i64().is_some_and(|value| (least..=most).contains(&value));
            if widget.get(name).is_some_and(|value| !is_within(value)) {
                add(format!("{place}/{name}"), &format!("Should be an integer between {least} and {most}"));
            }
        }
    }
    found
}

impl Metrics {
    /// Decides with `plan` what becomes of a dashboard, stores it, then shows it.
    pub(crate) async fn change_dashboard(
        &self,
        name: String,
        plan: impl FnOnce(Option<&Dashboard>) -> Result<Option<Dashboard>, MetricsError> + Send + 'static,
    ) -> Result<(), MetricsError> {
        let inner = self.inner.clone();
        let change = tokio::spawn(async move {
            let _turn = inner.changing.lock().await;
            let planned = plan(inner.dashboards.read().get(&name))?;
            let mut batch = Batch::new();
            match &planned {
                Some(planned) => batch.put(TABLE, &name, serde_json::to_vec(planned).expect("it is plain data")),
                None => batch.delete(TABLE, &name),
            }
            inner.store.submit(batch).await?;
            let mut dashboards = inner.dashboards.write();
            match planned {
                Some(planned) => drop(dashboards.insert(name, planned)),
                None => drop(dashboards.remove(&name)),
            }
            Ok(())
        });
        change.await.unwrap_or(Err(MetricsError::Interrupted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[(&str, &str)]) {
        let found = faults(body);
        let found: Vec<(&str, &str)> = found.iter().map(|fault| (fault.path.as_str(), fault.words.as_str())).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn a_body_is_widgets_of_known_kinds_within_the_grid() {
        check(
            r##"{"widgets": [{"type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"markdown": "#"}}]}"##,
            &[],
        );
        check(r#"{"widgets": []}"#, &[]);
        check("{", &[("/", "The field DashboardBody must be a valid JSON object")]);
        check("{}", &[("/", "Should have required property 'widgets'")]);
        check(r#"{"widgets": {}}"#, &[("/widgets", "Should be array")]);
        let wrong = r#"{"widgets": [{"type": "pie", "width": 25}, 7]}"#;
        let expected = [
            ("/widgets/0/type", "Should be equal to one of the allowed values"),
            ("/widgets/0", "Should have required property 'properties'"),
            ("/widgets/0/width", "Should be an integer between 1 and 24"),
            ("/widgets/1", "Should be object"),
        ];
        check(wrong, &expected);
    }
}
