//! `yiku`: the hub and its command line in one binary.

mod activity;
mod arguments;
mod bus;
mod catalog_folder;
mod clock;
mod command;
mod config;
mod connectors_folder;
mod console;
mod folder;
mod foreign;
mod http;
mod hub;
mod kinds;
mod memory;
#[cfg(test)]
mod model;
mod serve;
mod sheet;
mod socket;
mod status;
mod store;
mod together;
mod worker;

use std::{io::IsTerminal, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::{Arguments, Command},
    config::{Config, Log, LogFormat},
    console::Terminal,
    hub::Hub,
    socket::Typed,
};

fn main() -> ExitCode {
    memory::settle_allocator();
    let arguments = Arguments::parse();
    // The one crypto provider of the process; a second call could only be a second `main`.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    if let Command::Init { folder } = &arguments.command {
        return command::init::run(folder).map(|()| 0);
    }
    let config = Config::read(&arguments.config)?;
    if let Command::Serve(serve) = arguments.command {
        log(&config.log)?;
        return serve::serve(config, serve).await.map(|()| 0);
    }
    match &arguments.command {
        Command::Export { folder } => {
            return command::export::run(config, folder).await.map(|()| 0);
        }
        Command::Import { folder } => {
            return command::import::run(config, folder).await.map(|()| 0);
        }
        _ => {}
    }
    let folder = std::env::current_dir().context("the current folder is gone")?;
    let socket = folder::socket_path(&config.folders.data);
    match Hub::open(config).await? {
        Some(hub) => {
            let hub = Arc::new(hub);
            let code = command::run(&hub, arguments.command, &folder, &mut Terminal).await;
            hub.store.close().await;
            Ok(code)
        }
        None => {
            let words = std::env::args().skip(1).collect();
            socket::forward(&socket, &Typed { words, folder }).await
        }
    }
}

fn log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level)
        .with_context(|| format!("log.level = \"{}\" is no filter", log.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.init(),
    }
    Ok(())
}
