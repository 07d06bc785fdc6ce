//! `cargo xtask test`: every test, on a machine that has nothing but Debian and Rust.
//!
//! Some tests start real servers as child processes on loopback. Their programs come from
//! Debian's packages; missing ones are installed when we are root or may use sudo without a
//! password, else the message says what to type. Real clients come from the package indexes of
//! Python and Node into the target folder, Apache Kafka from a Maven repository into the cache.

use std::{env, path::Path, process::Command};

use anyhow::{Result, bail};
use clap::Args;

use crate::{clients, kafka_jars, process, workspace};

/// What `cargo xtask test` takes.
#[derive(Args)]
pub struct TestArgs {
    /// Passed on to `cargo test`: a part of a test's name, or `-p <package>` and the like
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pass_on: Vec<String>,
}

/// A program that tests start, and the package that holds it.
struct Part {
    package: &'static str,
    is_there: fn() -> bool,
}

const PARTS: &[Part] = &[
    Part { package: "postgresql", is_there: has_postgresql },
    Part { package: "mariadb-server", is_there: has_mariadb },
    Part { package: "python3-venv", is_there: has_python },
    Part { package: "npm", is_there: has_npm },
    Part { package: "default-jre-headless", is_there: has_java },
    Part { package: "kcat", is_there: has_kcat },
    Part { package: "openssl", is_there: has_openssl },
    Part { package: "libssl-dev", is_there: has_openssl_headers },
    Part { package: "pkg-config", is_there: has_pkg_config },
];

/// Installs what is missing, then runs `cargo test`.
pub fn run(args: &TestArgs) -> Result<()> {
    install_servers()?;
    clients::install()?;
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--locked"]);
    let names_package = |arg: &String| arg == "-p" || arg.starts_with("--package");
    if !args.pass_on.iter().any(names_package) {
        cargo.arg("--workspace");
    }
    process::run(cargo.args(&args.pass_on))?;
    match args.pass_on.is_empty() {
        true => test_logins(),
        false => Ok(()),
    }
}

/// Installs the servers that are missing.
pub fn install_servers() -> Result<()> {
    install_missing()?;
    kafka_jars::fetch()
}

/// Logins to Kafka need OpenSSL, which only these tests and releases link.
fn test_logins() -> Result<()> {
    let mut cargo = workspace::cargo();
    let features = "yiku-bus/kafka-tls,connector-kafka/kafka-tls";
    cargo.args(["test", "--locked", "--workspace", "--features", features]);
    process::run(cargo.args(["--test", "bus", "--test", "broker", "login"]))
}

fn install_missing() -> Result<()> {
    let missing = |part: &&Part| !(part.is_there)();
    let packages: Vec<&str> = PARTS.iter().filter(missing).map(|part| part.package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let words = packages.join(" ");
    let by_hand = format!("install them by hand: sudo apt-get install {words}");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "the tests need the Debian packages {words}, and there is no apt-get here; {by_hand}"
        );
    }
    let Some(prefix) = as_root() else {
        bail!("the tests need the Debian packages {words}, and we may not install; {by_hand}");
    };
    eprintln!("installing what the tests need: {words}");
    if process::run(apt_get(prefix).arg("update")).is_err() {
        eprintln!("`apt-get update` failed; going on with the package lists that are here");
    }
    let install = ["install", "--yes", "--no-install-recommends"];
    process::run(apt_get(prefix).args(install).args(&packages))?;
    match PARTS.iter().find(missing) {
        None => Ok(()),
        Some(part) => bail!("`{}` was installed, but its program was not found", part.package),
    }
}

fn apt_get(prefix: &[&str]) -> Command {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// What to put before a command so that root runs it; `None` when we may not.
fn as_root() -> Option<&'static [&'static str]> {
    if process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        return Some(&[]);
    }
    let sudo = process::succeeds(Command::new("sudo").args(["-n", "true"]));
    sudo.then_some(&["sudo", "-n"])
}

/// Debian keeps PostgreSQL's programs of each major version apart, outside of PATH.
fn has_postgresql() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.into_iter().any(|version| version.path().join("bin/postgres").exists())
        || on_path("postgres")
}

fn has_mariadb() -> bool {
    Path::new("/usr/sbin/mariadbd").exists() || on_path("mariadbd")
}

/// Debian's Python comes without the part that makes environments.
fn has_python() -> bool {
    process::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

/// Debian's package of it brings Node, too.
fn has_npm() -> bool {
    on_path("npm") && on_path("node")
}

/// Apache Kafka runs on Java.
fn has_java() -> bool {
    on_path("java")
}

/// A client of Kafka that is not ours.
fn has_kcat() -> bool {
    on_path("kcat")
}

/// It makes the certificates of a broker.
fn has_openssl() -> bool {
    on_path("openssl")
}

/// Logins to Kafka are built with them.
fn has_openssl_headers() -> bool {
    Path::new("/usr/include/openssl/ssl.h").exists()
}

fn has_pkg_config() -> bool {
    on_path("pkg-config")
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).exists())
}
