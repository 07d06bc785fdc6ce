//! `yiku serve`: every worker, the local socket and the HTTP interface, until stopped.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    io::AsyncReadExt,
    net::UnixListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use yiku_connector::connector_file::Role;
use yiku_store::StoreError;

use crate::{
    arguments::Serve,
    clock, command,
    config::Config,
    connectors_folder::{self, Registered},
    folder,
    hub::Hub,
    socket, worker,
};

/// Runs until SIGTERM, SIGINT or, if asked, the end of standard input.
pub async fn serve(config: Config, arguments: Serve) -> anyhow::Result<()> {
    let socket_path = folder::socket_path(&config.folders.data);
    let data = config.folders.data.clone();
    let hub = Hub::open(config).await?.with_context(|| {
        format!("another process holds the data folder `{}`; stop it first", data.display())
    })?;
    let hub = Arc::new(hub);
    let listener = socket::listen(&socket_path)?;
    let (stop, stopping) = watch::channel(false);
    let http = crate::http::listen(&hub, stopping.clone()).await?;
    tracing::info!(address = %http.address, data = %data.display(), "the hub serves");
    let tasks = vec![
        tokio::spawn(answer_commands(hub.clone(), listener, stopping.clone())),
        tokio::spawn(worker::keep_carrying(hub.clone(), stopping.clone())),
        tokio::spawn(worker::keep_merging(hub.clone(), stopping.clone())),
        tokio::spawn(worker::keep_relaying(hub.clone(), stopping.clone())),
        tokio::spawn(worker::keep_retaining(hub.clone(), stopping.clone())),
        tokio::spawn(worker::keep_measuring(hub.clone(), stopping.clone())),
        tokio::spawn(worker::timekeep::keep_time(hub.clone(), stopping.clone())),
        tokio::spawn(supervise(hub.clone(), stopping)),
        http.task,
    ];
    wait_for_end(&hub, arguments.stop_with_stdin).await?;
    tracing::info!("the hub stops");
    let _ = stop.send(true);
    for task in tasks {
        let _ = tokio::time::timeout(STOP_TIMEOUT, task).await;
    }
    let _ = std::fs::remove_file(&socket_path);
    hub.store.close().await;
    match hub.activity.broken() {
        Some(reason) => anyhow::bail!(reason),
        None => Ok(()),
    }
}

async fn wait_for_end(hub: &Hub, stop_with_stdin: bool) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stdin_ends = async {
        if !stop_with_stdin {
            std::future::pending::<()>().await;
        }
        let mut input = tokio::io::stdin();
        let mut ignored = [0; 256];
        while matches!(input.read(&mut ignored).await, Ok(read) if read > 0) {}
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_ends => {}
        () = hub.activity.breaks() => {}
        () = hub.store.breaks() => {
            hub.activity.break_down(format!("{:#}", StoreError::Broken(None)));
        }
    }
    Ok(())
}

async fn answer_commands(
    hub: Arc<Hub>,
    listener: UnixListener,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.changed() => return,
        };
        let Ok((stream, _)) = stream else { continue };
        let hub = hub.clone();
        tokio::spawn(async move {
            let Ok((mut client, typed)) = socket::Client::accept(stream).await else { return };
            let code = command::run_typed(&hub, &typed, &mut client).await;
            let _ = client.exit(code).await;
        });
    }
}

/// Keeps one task per connector file, and looks for changed files every second.
async fn supervise(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    let mut running: BTreeMap<String, Running> = BTreeMap::new();
    let mut seen = None;
    loop {
        match hub.reload_if_changed().await {
            Ok(true) => tracing::info!("the catalog folder was read again"),
            Ok(false) => {}
            Err(error) => tracing::error!(error = format!("{error:#}"), "the catalog folder"),
        }
        let now = connectors_folder::fingerprint(&hub.config.folders.connectors());
        if seen.as_ref() != Some(&now) {
            match connectors_folder::register_all(&hub).await {
                Ok(registered) => {
                    restart_changed(&hub, &mut running, registered).await;
                    seen = Some(now);
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "connector files"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.changed() => break,
        }
    }
    for (_, task) in running {
        task.end().await;
    }
}

struct Running {
    text: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(STOP_TIMEOUT, self.task).await;
    }
}

async fn restart_changed(
    hub: &Arc<Hub>,
    running: &mut BTreeMap<String, Running>,
    registered: Registered,
) {
    for (path, problem) in &registered.refused {
        let file = PathBuf::from(path);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        tracing::error!(file = name, problem, "a connector file cannot be used");
    }
    let gone: Vec<_> =
        running.keys().filter(|name| !registered.files.contains_key(*name)).cloned().collect();
    for name in gone {
        if let Some(task) = running.remove(&name) {
            task.end().await;
        }
    }
    for (name, file) in registered.files {
        if running.get(&name).is_some_and(|task| task.text == file.text) {
            continue;
        }
        if let Some(task) = running.remove(&name) {
            task.end().await;
        }
        let (stop, stopping) = watch::channel(false);
        tracing::info!(connector = name, contact = file.contact, "a connector starts");
        let text = file.text.clone();
        let hub = hub.clone();
        let task = match file.role {
            Role::Source(_) => tokio::spawn(worker::keep_pulling(hub, file, stopping)),
            Role::Sink(_) => tokio::spawn(worker::keep_delivering(hub, file, stopping)),
        };
        running.insert(name, Running { text, stop, task });
    }
    tracing::debug!(at_ms = clock::now_ms(), connectors = running.len(), "connectors");
}

/// How often folders are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a worker may take to end its batch.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
