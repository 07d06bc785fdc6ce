//! Listening: the hub's interface on its address, with TLS when a certificate is configured.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{sync::watch, task::JoinHandle};
use yiku_api::{Api, Limits, router};

use crate::hub::Hub;

/// The interface at work.
pub struct Listening {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends when the hub stops.
    pub task: JoinHandle<()>,
}

/// Listens on the configured address until the hub stops. Calls that run then may end.
pub async fn listen(hub: &Arc<Hub>, stopping: watch::Receiver<bool>) -> anyhow::Result<Listening> {
    let config = &hub.config.http;
    let listener = TcpListener::bind(config.listen)
        .with_context(|| format!("cannot listen on http.listen = \"{}\"", config.listen))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let limits = Limits { body_bytes_max: config.body_bytes_max, body_idle: BODY_IDLE };
    let metrics = counters()?;
    let service = router(Api::new(hub.clone(), limits, metrics.clone()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    tokio::spawn(stop(handle.clone(), metrics, stopping));
    let task = match &config.tls {
        None => {
            let server = axum_server::from_tcp(listener)?.handle(handle);
            let server = server.first_request_timeout(FIRST_REQUEST);
            tokio::spawn(async move { note(server.serve(service).await) })
        }
        Some(tls) => {
            let pem = RustlsConfig::from_pem_file(&tls.certificate, &tls.key);
            let pem = pem.await.with_context(|| {
                format!(
                    "http.tls: `{}` and `{}` are no certificate and key that belong together",
                    tls.certificate.display(),
                    tls.key.display()
                )
            })?;
            let server = axum_server::from_tcp_rustls(listener, pem)?.handle(handle);
            let server = server.first_request_timeout(FIRST_REQUEST);
            tokio::spawn(async move { note(server.serve(service).await) })
        }
    };
    Ok(Listening { address, task })
}

fn note(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "the HTTP interface ended");
    }
}

/// Keeps the counters small, and ends the interface when the hub stops.
async fn stop(
    handle: Handle<SocketAddr>,
    counters: PrometheusHandle,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_EVERY) => counters.run_upkeep(),
            _ = stopping.changed() => break,
        }
    }
    handle.graceful_shutdown(Some(CALLS_END));
}

/// The counters of this process: from now on `metrics::counter!` counts.
fn counters() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
    Ok(builder.install_recorder()?)
}

/// Bounds of the histograms of calls.
const SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// How long a body may stand still.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// How long a connection may take to send the head of its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// How long calls may run on when the hub stops.
const CALLS_END: Duration = Duration::from_secs(10);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
