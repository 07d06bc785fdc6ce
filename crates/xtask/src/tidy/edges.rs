//! Which crate may use which: the table of `docs/architecture.md`, held.

use std::collections::BTreeSet;

use crate::workspace::{Metadata, Package};

/// What one crate, or every crate of a folder, may use.
struct Edges {
    /// A package's name, or the start of it with `*`.
    name: &'static str,
    /// Crates of ours that it may use.
    own: &'static [&'static str],
    outside: Outside,
}

enum Outside {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Any but these.
    Not(&'static [&'static str]),
}

/// The table. Development dependencies are free: tests may set up what a crate may not use.
const TABLE: &[Edges] = &[
    // Values in, values out: no runtime, no database, no network.
    Edges {
        name: "yiku-core",
        own: &[],
        outside: Outside::Only(&[
            "ahash",
            "apache-avro",
            "base64",
            "cel",
            "chrono",
            "chrono-tz",
            "hashbrown",
            "hmac",
            "jsonschema",
            "regex",
            "rust_decimal",
            "rust_xlsxwriter",
            "serde",
            "serde-saphyr",
            "serde_json",
            "sha2",
            "sm3",
            "subtle",
            "thiserror",
        ]),
    },
    // A connector never learns what the hub does with a row.
    Edges {
        name: "yiku-connector",
        own: &["yiku-core"],
        outside: Outside::Not(&["sqlx", "axum", "reqwest", "rdkafka"]),
    },
    // The kinds know the contract and their own driver, never each other.
    Edges {
        name: "connector-kafka",
        own: &["yiku-core", "yiku-connector", "yiku-kafka"],
        outside: Outside::Not(&["axum", "sqlx", "reqwest"]),
    },
    Edges {
        name: "connector-*",
        own: &["yiku-core", "yiku-connector"],
        outside: Outside::Not(&["axum"]),
    },
    // Being a client of Kafka, and nothing of the hub.
    Edges {
        name: "yiku-kafka",
        own: &[],
        outside: Outside::Only(&["rdkafka", "serde", "thiserror", "tracing"]),
    },
    // The only crate that knows that the bus may be Kafka.
    Edges {
        name: "yiku-bus",
        own: &["yiku-core", "yiku-kafka"],
        outside: Outside::Not(&["axum", "reqwest"]),
    },
    // The only crate with SQL of the hub's own state.
    Edges {
        name: "yiku-store",
        own: &["yiku-core"],
        outside: Outside::Not(&["axum", "reqwest", "rdkafka"]),
    },
    // The only crate with status codes.
    Edges {
        name: "yiku-api",
        own: &["yiku-core", "yiku-connector", "yiku-store", "yiku-bus"],
        outside: Outside::Not(&["sqlx", "rdkafka"]),
    },
    // Wiring and loops: may use everything of ours that is shipped.
    Edges {
        name: "yiku",
        own: &[
            "yiku-core",
            "yiku-connector",
            "yiku-bus",
            "yiku-store",
            "yiku-api",
            "connector-files",
            "connector-sql",
            "connector-http",
            "connector-kafka",
        ],
        outside: Outside::Not(&["sqlx", "rdkafka"]),
    },
    // The targets go through the parsers' own doors.
    Edges {
        name: "yiku-fuzz",
        own: &["yiku-core", "yiku-connector", "yiku-api", "connector-files"],
        outside: Outside::Not(&["sqlx", "axum", "reqwest", "rdkafka"]),
    },
    // The demo and the benches stand outside of the hub; benches may look into its crates.
    Edges {
        name: "xtask",
        own: &[
            "yiku-core",
            "yiku-connector",
            "yiku-bus",
            "yiku-store",
            "connector-files",
            "yiku-tests",
        ],
        outside: Outside::Not(&["rdkafka"]),
    },
    Edges {
        name: "yiku-tests",
        own: &[
            "yiku-core",
            "yiku-connector",
            "yiku-bus",
            "yiku-store",
            "yiku-api",
            "yiku",
            "xtask",
        ],
        outside: Outside::Not(&[]),
    },
];

/// Packages that must not be built at all, and why.
const BANNED: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one crypto provider"),
    ("openssl-sys", "rustls is the one TLS stack"),
    ("native-tls", "rustls is the one TLS stack"),
];

/// The only features of ours: those that link a C library a fresh machine may lack.
const FEATURES: &[&str] = &["kafka-tls", "odbc"];

/// One line per problem.
pub fn problems(metadata: &Metadata) -> Vec<String> {
    let own: BTreeSet<&str> = metadata.own().map(|package| package.name.as_str()).collect();
    let mut problems: Vec<String> =
        metadata.own().flat_map(|package| package_problems(package, &own)).collect();
    for (banned, reason) in BANNED {
        if metadata.packages.iter().any(|package| package.name == *banned) {
            problems.push(format!(
                "Cargo.lock: `{banned}` is built (cargo tree -i {banned}): {reason}"
            ));
        }
    }
    problems
}

fn package_problems(package: &Package, own: &BTreeSet<&str>) -> Vec<String> {
    let place = format!("{}/Cargo.toml", package.name);
    let Some(edges) = TABLE.iter().find(|edges| matches(edges.name, &package.name)) else {
        return vec![format!("{place}: the table in crates/xtask/src/tidy/edges.rs lacks it")];
    };
    let mut problems = Vec::new();
    for feature in package.features.keys() {
        if !FEATURES.contains(&feature.as_str()) {
            problems.push(format!("{place}: feature `{feature}` is none of {FEATURES:?}"));
        }
    }
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let allowed = match (dependency.kind.as_deref(), own.contains(name), &edges.outside) {
            (Some("dev"), _, _) => true,
            (_, true, _) => edges.own.contains(&name),
            (_, false, Outside::Only(names)) => names.contains(&name),
            (_, false, Outside::Not(names)) => !names.contains(&name),
        };
        if !allowed {
            problems.push(format!("{place}: may not use `{name}` (docs/architecture.md, crates)"));
        }
    }
    problems
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}
