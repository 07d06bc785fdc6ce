//! Where the hub's processor time goes: by step of a row's way, and in SQLite's own threads.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::{ground::Ground, hub::Hub};

/// What the hub has computed so far, in seconds.
pub struct Effort {
    parts: BTreeMap<String, f64>,
    all: f64,
}

impl Effort {
    /// Asks the hub and the system.
    pub async fn so_far(hub: &Hub, ground: &Ground) -> Result<Self> {
        let url = format!("http://{}/metrics", ground.address());
        let metrics = reqwest::get(url).await?.error_for_status()?.text().await?;
        let mut parts = steps(&metrics)?;
        let threads = hub.computed_by_threads();
        parts.extend(threads.into_iter().filter(|(name, _)| name.starts_with("yiku-")));
        Ok(Self { parts, all: hub.computed_seconds() })
    }

    /// What was computed since `before`, per million of `rows`, in words.
    pub fn since(&self, before: &Self, rows: u64) -> String {
        let per_million = |seconds: f64| seconds * 1e6 / rows as f64;
        let took = |(name, seconds): (&String, &f64)| {
            (name.clone(), per_million(seconds - before.parts.get(name).unwrap_or(&0.0)))
        };
        let parts: Vec<(String, f64)> = self.parts.iter().map(took).collect();
        let all = per_million(self.all - before.all);
        let rest = all - parts.iter().map(|(_, seconds)| seconds).sum::<f64>();
        let told: Vec<String> = parts
            .into_iter()
            .chain([("rest".to_owned(), rest)])
            .filter(|(_, seconds)| *seconds >= 0.005)
            .map(|(name, seconds)| format!("{name} {seconds:.2}"))
            .collect();
        format!("processor seconds per million rows: {}; in all {all:.2}", told.join(", "))
    }
}

fn steps(metrics: &str) -> Result<BTreeMap<String, f64>> {
    let samples = metrics.lines().filter_map(|line| line.strip_prefix(STEP)?.split_once("\"} "));
    let steps = samples.map(|(step, micros)| Ok((step.to_owned(), micros.parse::<f64>()? / 1e6)));
    let steps = steps.collect::<Result<BTreeMap<_, _>>>()?;
    (!steps.is_empty()).then_some(steps).context("the hub's metrics lack its steps")
}

const STEP: &str = "yiku_step_processor_microseconds_total{step=\"";
