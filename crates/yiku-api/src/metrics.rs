//! `/metrics`: counters of this process and how everything stands, as Prometheus reads it. Labels
//! are names of the catalog, of connectors and of routes: few, bounded, and of nobody.

use std::{fmt::Write, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use yiku_connector::effort::{self, Step};

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::Onlooker,
    status::{self, Status},
};

/// Counts a call and its time by route, method and status.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("other", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => {
            known.to_owned()
        }
        _ => "other".to_owned(),
    };
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("yiku_http_requests", "path" => path.clone(), "method" => method.clone(),
        "status" => status)
    .increment(1);
    metrics::histogram!("yiku_http_seconds", "path" => path, "method" => method)
        .record(began.elapsed().as_secs_f64());
    response
}

/// Metrics as Prometheus reads them. A program on the hub's own machine needs no token.
#[utoipa::path(
    get,
    operation_id = "show_metrics",
    path = "/metrics",
    tag = "hub",
    security((), ("token" = [])),
    responses(
        (status = 200, description = "text format 0.0.4", body = String,
         content_type = "text/plain"),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
    )
)]
pub(crate) async fn show(State(api): State<Api>, _: Onlooker) -> Result<Response, ApiError> {
    let status = status::recent(&api).await?;
    let mut text = api.metrics.render();
    write_status(&status, &mut text).expect("a string takes all");
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn write_status(status: &Status, out: &mut String) -> std::fmt::Result {
    let mut family =
        |name: &str, kind: &str, help: &str, samples: Vec<(Vec<(&str, &str)>, u64)>| {
            writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
            for (labels, value) in samples {
                let labels: Vec<String> = labels
                    .iter()
                    .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                    .collect();
                match labels.is_empty() {
                    true => writeln!(out, "{name} {value}")?,
                    false => writeln!(out, "{name}{{{}}} {value}", labels.join(","))?,
                }
            }
            Ok::<_, std::fmt::Error>(())
        };
    let of_connector = |one: &'_ status::ConnectorStatus| {
        [("accepted", one.rows.accepted), ("rejected", one.rows.rejected)]
    };
    let rows = status.connectors.iter().flat_map(|one| {
        let entry = one.entry.as_deref().unwrap_or_default();
        of_connector(one).map(|(outcome, rows)| {
            (vec![("connector", one.name.as_str()), ("entry", entry), ("outcome", outcome)], rows)
        })
    });
    family("yiku_rows_total", "counter", "Rows published, in all.", rows.collect())?;
    let failing = status.connectors.iter().map(|one| {
        let failing = one.error.is_some() || one.state == "stopped";
        (vec![("connector", one.name.as_str())], u64::from(failing))
    });
    family("yiku_connector_failing", "gauge", "Whether its last run failed.", failing.collect())?;
    let found = status.violations.iter();
    let found = found.map(|one| (vec![("code", one.code.as_str())], one.count));
    family("yiku_violations_total", "counter", "Violations found, in all.", found.collect())?;
    let states = status.quarantine.iter();
    let states = states.map(|one| (vec![("state", one.state.as_str())], one.count)).collect();
    family("yiku_quarantine_rows", "gauge", "Rejected rows by state.", states)?;
    let waiting = status.waiting.iter();
    let waiting = waiting.map(|one| (vec![("entry", one.entry.as_str())], one.rows)).collect();
    family("yiku_waiting_rows", "gauge", "Rows published and not yet merged.", waiting)?;
    let rows = status.libraries.iter();
    let rows = rows.map(|one| (vec![("entity", one.entity.as_str())], one.rows)).collect();
    family("yiku_library_rows", "gauge", "Current rows of an entity.", rows)?;
    let backlog = status.libraries.iter().filter_map(|one| {
        one.backlog.map(|backlog| (vec![("entity", one.entity.as_str())], backlog))
    });
    let help = "Changes of an entity that its topic does not tell of yet.";
    family("yiku_backlog_changes", "gauge", help, backlog.collect())?;
    let delivered = status.subscriptions.iter().flat_map(|one| {
        let outcomes = [
            ("delivered", one.delivered),
            ("withheld", one.withheld),
            ("parked", one.parked),
            ("folded", one.folded),
            ("dropped", one.dropped),
        ];
        outcomes.map(|(outcome, changes)| {
            (vec![("subscription", one.name.as_str()), ("outcome", outcome)], changes)
        })
    });
    family("yiku_changes", "gauge", "Changes by what became of them.", delivered.collect())?;
    let spent = Step::ALL.map(|step| {
        let spent = effort::spent(step).as_micros().try_into().unwrap_or(u64::MAX);
        (vec![("step", step.name())], spent)
    });
    family(
        "yiku_step_processor_microseconds_total",
        "counter",
        "Processor time by step of a row's way, without databases' own threads.",
        spent.into(),
    )
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_as_prometheus_reads_it() {
        let status = Status {
            connectors: vec![status::ConnectorStatus {
                name: "push".into(),
                entry: Some("health/birth".into()),
                rows: status::RowTotals { pulled: 3, accepted: 2, rejected: 1 },
                ..Default::default()
            }],
            ..Status::default()
        };
        let mut text = String::new();
        write_status(&status, &mut text).unwrap();
        let line = r#"yiku_rows_total{connector="push",entry="health/birth",outcome="accepted"} 2"#;
        assert!(text.contains(line), "{text}");
    }
}
